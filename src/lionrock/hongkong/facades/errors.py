"""Every refusal of the wire-style facades, and the digits of its code on the wire.

`oauth` holds the digits; the letter before them is the wire's (D or M). The kind of each code is
said in docs/facades.md: those of the public facts, and our own where the facts have none.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal

_FACTS = "Interface facts of the wire styles, docs/facades.md"


class FacadeRefusal(Refusal):
    """Every expected outcome of a facade that is not success."""

    REQUEST = "hongkong.facade_request"
    SIGNATURE = "hongkong.facade_signature"
    TIMESTAMP = "hongkong.facade_timestamp"
    NONCE_USED = "hongkong.facade_nonce_used"
    CLIENT_CONTROLS = "hongkong.facade_client_controls"
    URL = "hongkong.facade_url"
    KEY = "hongkong.facade_key"
    DECRYPTION = "hongkong.facade_decryption"
    SCOPE = "hongkong.facade_scope"
    CODE = "hongkong.facade_code"
    TOKEN = "hongkong.facade_token"  # noqa: S105 - the name of a refusal
    IDENTITY_HASH = "hongkong.facade_identity_hash"
    UBI = "hongkong.facade_ubi"
    PAGE = "hongkong.facade_page"
    NOT_ASKED = "hongkong.facade_not_asked"
    BUSINESS_ID_USED = "hongkong.facade_business_id_used"
    TICKET = "hongkong.facade_ticket"
    PENDING = "hongkong.facade_pending"
    CANCELLED = "hongkong.facade_cancelled"
    REJECTED = "hongkong.facade_rejected"
    TIMED_OUT = "hongkong.facade_timed_out"
    SIGN_TOKEN = "hongkong.facade_sign_token"  # noqa: S105 - the name of a refusal
    NO_SEAL = "hongkong.facade_no_seal"
    SIGN_ALGORITHM = "hongkong.facade_sign_algorithm"
    GOVERNMENT = "hongkong.facade_government"
    DOCUMENT_TYPE = "hongkong.facade_document_type"
    DOCUMENT_ABSENT = "hongkong.facade_document_absent"
    DOCUMENT_MANDATE = "hongkong.facade_document_mandate"


FACADE_ERRORS: ErrorTable = {
    FacadeRefusal.REQUEST: ErrorRow(
        400,
        "The request cannot be read. The field and the sentence after it say what to send.",
        "", "20000"
    ),
    FacadeRefusal.SIGNATURE: ErrorRow(
        401, "The request is not signed as it must be with this client's secret.", _FACTS, "20006"
    ),
    FacadeRefusal.TIMESTAMP: ErrorRow(
        401,
        "The timestamp is more than five minutes away from now. Check the clock.", _FACTS, "20006"
    ),
    FacadeRefusal.NONCE_USED: ErrorRow(
        401, "This client has used this nonce before. Take a fresh one.", _FACTS, "20006"
    ),
    FacadeRefusal.CLIENT_CONTROLS: ErrorRow(
        403,
        "This client's policy demands more than this wire can show. Use the OAuth endpoints.",
        "", "20009"
    ),
    FacadeRefusal.URL: ErrorRow(
        400, "The address is not one that this client has registered, character by character.",
        "RFC 9700 s2.1", "20008",
    ),
    FacadeRefusal.KEY: ErrorRow(
        400, "This client has no content key in force. Ask getKey for one.", _FACTS, "30002"
    ),
    FacadeRefusal.DECRYPTION: ErrorRow(
        400,
        "The content does not open with this client's content key. Ask getKey for the current one.",
        _FACTS, "30004"
    ),
    FacadeRefusal.SCOPE: ErrorRow(
        403, "The scope is not known, not this client's, or not this token's.", "", "20012"
    ),
    FacadeRefusal.CODE: ErrorRow(
        400,
        "The code is not this client's, was used, or is older than 30 seconds. Sign in again.", "",
        "40004",
    ),
    FacadeRefusal.TOKEN: ErrorRow(
        401,
        "The access token is not in force for this client and this openID. Sign in again.",
        "", "20011"
    ),
    FacadeRefusal.IDENTITY_HASH: ErrorRow(
        400,
        "HKICHash is neither taken nor kept: an identity number can be found from it in seconds. "
        "Leave it out.", "", "20014",
    ),
    FacadeRefusal.UBI: ErrorRow(
        400,
        "The person may not act for a company with this UBI. Ask corpList for those they may.",
        _FACTS, "20013"
    ),
    FacadeRefusal.PAGE: ErrorRow(
        404,
        "There is no such page for this browser, or its time is over. Go back to the service.",
        "", "20015"
    ),
    FacadeRefusal.NOT_ASKED: ErrorRow(
        409, "The person cannot be asked now. Try again later.", "", "20016"
    ),
    FacadeRefusal.BUSINESS_ID_USED: ErrorRow(
        409, "This client has used this businessID before. Take a fresh one.", "", "20017"
    ),
    FacadeRefusal.TICKET: ErrorRow(
        404,
        "There is no such request of this client, or its result was fetched. Begin a new one.",
        "", "20018"
    ),
    FacadeRefusal.PENDING: ErrorRow(
        409, "The person has not decided yet. Ask again in a few seconds.", "", "40002"
    ),
    FacadeRefusal.CANCELLED: ErrorRow(
        400,
        "What the action stood on was withdrawn: the log-in's grant, the mandate, or the phone "
        "that said yes.", _FACTS, "40000",
    ),
    FacadeRefusal.REJECTED: ErrorRow(400, "The person said no.", _FACTS, "40001"),
    FacadeRefusal.TIMED_OUT: ErrorRow(
        400, "The person did not act in time. Begin a new request.", _FACTS, "40003"
    ),
    FacadeRefusal.SIGN_TOKEN: ErrorRow(
        400, "The signToken is not one in force for this digest and this company.", _FACTS,
        "77001",
    ),
    FacadeRefusal.NO_SEAL: ErrorRow(
        403, "The person has no mandate for the company's seal.", _FACTS, "77002"
    ),
    FacadeRefusal.SIGN_ALGORITHM: ErrorRow(
        400, "Nothing is signed here with this algorithm. Take SHA256withRSA.", _FACTS, "77003"
    ),
    FacadeRefusal.GOVERNMENT: ErrorRow(
        403, "A company's data is for services of the government, and this client is none.",
        _FACTS, "20019",
    ),
    FacadeRefusal.DOCUMENT_TYPE: ErrorRow(
        400, "No document of this type is issued here.", _FACTS, "80001"
    ),
    FacadeRefusal.DOCUMENT_ABSENT: ErrorRow(
        404, "The company has no document of this type: no registry has stated it yet.", _FACTS,
        "80002",
    ),
    FacadeRefusal.DOCUMENT_MANDATE: ErrorRow(
        403, "The person's mandate does not cover sharing the company's documents.", _FACTS,
        "80003",
    ),
}  # fmt: skip

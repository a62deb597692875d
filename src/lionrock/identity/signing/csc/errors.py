"""How each refusal of remote signing looks: CSC's error JSON, which is the OAuth shape.

`oauth` holds the error code of the CSC API; the text is for people.
"""

from __future__ import annotations

from lionrock.identity.signing.csc.domain import CscRefusal
from lionrock.kernel.errors import ErrorRow, ErrorTable

_HASH = "CSC API v2 signatures/signHash"
_AUTHORIZE = "CSC API v2 credentials/authorize"
_SOLE_CONTROL = "EN 419 241-1 SCAL2: the activation data is bound to the hashes"

CSC_ERRORS: ErrorTable = {
    CscRefusal.CREDENTIAL_UNKNOWN: ErrorRow(
        400, "The token's bearer has no such credential. List them with credentials/list.",
        "CSC API v2 credentials/info", "invalid_request",
    ),
    CscRefusal.HASHES: ErrorRow(
        400,
        "The hashes cannot be taken. The detail says why.",
        _AUTHORIZE, "invalid_request"
    ),
    CscRefusal.HASH_ALGORITHM: ErrorRow(
        400, "Hashes are SHA-256 (2.16.840.1.101.3.4.2.1).", _HASH, "invalid_request"
    ),
    CscRefusal.SIGN_ALGORITHM: ErrorRow(
        400, "Signatures are ECDSA with SHA-256 (1.2.840.10045.4.3.2).", _HASH, "invalid_request"
    ),
    CscRefusal.LABELS: ErrorRow(
        400,
        "A document's name cannot be shown on a phone as it is. Send a plainer label.", _AUTHORIZE,
        "invalid_request",
    ),
    CscRefusal.HANDLE_UNKNOWN: ErrorRow(
        400, "There is no such authorization of this client and person. Begin a new one.",
        "CSC API v2 credentials/authorizeCheck", "invalid_request",
    ),
    CscRefusal.DENIED: ErrorRow(
        403, "The person said no. Nothing was signed.", _AUTHORIZE, "access_denied"
    ),
    CscRefusal.EXPIRED: ErrorRow(
        400, "Nobody answered in time, or the answer was not fetched. Ask again.", _AUTHORIZE,
        "expired_token",
    ),
    CscRefusal.SAD_UNKNOWN: ErrorRow(
        400, "The activation data is not one of this client, person and credential. Ask anew.",
        _SOLE_CONTROL, "invalid_request",
    ),
    CscRefusal.SAD_EXPIRED: ErrorRow(
        400, "The activation data has expired. Ask for authorization again.", _SOLE_CONTROL,
        "expired_token",
    ),
    CscRefusal.HASH_NOT_AUTHORIZED: ErrorRow(
        400, "One of the hashes is not among those approved on the phone. Nothing was signed.",
        _SOLE_CONTROL, "invalid_request",
    ),
    CscRefusal.HASH_SIGNED: ErrorRow(
        400, "One of the hashes was signed already. An approval signs each of them once.",
        _SOLE_CONTROL, "invalid_request",
    ),
    CscRefusal.OTHER_PURPOSE: ErrorRow(
        400, "Documents were approved, not values, or the other way round.", _SOLE_CONTROL,
        "invalid_request",
    ),
    CscRefusal.MANDATE: ErrorRow(
        403,
        "No mandate in force lets this person seal for the company. Ask a director for one.",
        "", "access_denied"
    ),
    CscRefusal.NOT_ASKED: ErrorRow(
        403, "The phone could not be asked. The detail says why.", _AUTHORIZE, "access_denied"
    ),
    CscRefusal.DOCUMENT_REFUSED: ErrorRow(
        400, "A document cannot be signed as it is. The detail says why.",
        "CSC API v2 signatures/signDoc", "invalid_request",
    ),
    CscRefusal.FORMAT: ErrorRow(
        400, "Taken: signature_format P with conformance_level Ades-B-B, -B-T, -B-LT, -B-LTA; "
        "or X with Ades-B-B or -B-T.", "CSC API v2 signatures/signDoc", "invalid_request",
    ),
}  # fmt: skip

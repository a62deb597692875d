"""The one table of how each refusal of addressing looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

_R = AddressingRefusal
_DICT = "Pix DICT API, anti-scan"
ERRORS: ErrorTable = {
    _R.PROXY_MALFORMED: ErrorRow(400, "The proxy or its account is not as documented."),
    _R.PROXY_NOT_FOUND: ErrorRow(404, "Nobody is registered under this proxy."),
    _R.PAYER_MALFORMED: ErrorRow(
        400, "Name the payer by at most 64 printable ASCII characters, such as its account number."
    ),
    _R.LOOKUPS_EXHAUSTED: ErrorRow(
        429, "You asked too often. Wait: one question comes back each second, for each payer one "
        "in 30 seconds.", f"RFC 6585 s4; {_DICT}",
    ),
    _R.IDENTITY_NOT_LOOKED_UP: ErrorRow(
        403, "Identity card numbers are looked up for payments by institutions only, at "
        "/payments/v1/proxies/identity-lookups.",
    ),
    _R.INSTITUTION_MALFORMED: ErrorRow(
        400, "Name the institution that pays, in at most 64 characters."
    ),
    _R.PROXY_HELD: ErrorRow(
        409, "Another participant has this proxy. Claim it, or register it with replace true."
    ),
    _R.PROXY_OF_ANOTHER_OWNER: ErrorRow(
        409, "This proxy is registered for another owner. Claim its ownership."
    ),
    _R.PROXY_CLAIMED: ErrorRow(409, "A claim on this proxy is pending. Wait for its end."),
    _R.PROXY_NOT_PORTABLE: ErrorRow(
        409, "An FPS id stays with the participant it was given to. Ask for a new one."
    ),
    _R.PROXY_IDS_EXHAUSTED: ErrorRow(409, "Nearly all ids of that length are given. Ask for 9."),
    _R.BATCH_MALFORMED: ErrorRow(400, "Send 1 to 1,000 registrations in one batch."),
    _R.BATCH_REPEATS: ErrorRow(400, "A proxy stands twice in the batch. Send it once."),
    _R.CLAIM_NOT_FOUND: ErrorRow(404, "There is no claim of yours with this id."),
    _R.CLAIM_NEEDLESS: ErrorRow(
        409, "No other participant has this proxy in these currencies. Register it."
    ),
    _R.CLAIM_KIND_WRONG: ErrorRow(
        409, "Portability is for the same owner, ownership for another one. Claim the other way."
    ),
    _R.CLAIM_PENDING: ErrorRow(409, "Another claim on this proxy is pending. Wait for its end."),
    _R.CLAIM_SEVERAL_HOLDERS: ErrorRow(
        409, "Several participants have this proxy. Claim one currency at a time."
    ),
    _R.CLAIM_NOT_YOURS: ErrorRow(403, "That is for the other party of the claim to do."),
    _R.CLAIM_STATE_WRONG: ErrorRow(
        409, "The claim is past that, or its time is over. Read how it stands."
    ),
    _R.CLAIM_PROOF_MISSING: ErrorRow(
        400, "Say what the claim needs: possession verified again, or a documented reason."
    ),
    _R.NOT_AN_OPERATOR: ErrorRow(403, "Only the operator keeps the list of high-risk proxies."),
    _R.WARNING_MALFORMED: ErrorRow(400, "The source or the list of proxies is not as documented."),
    _R.COMPARISON_MALFORMED: ErrorRow(
        400, "Name a bucket from 0 to 255, or fingerprints as 64 hexadecimal digits."
    ),
    _R.PAYEE_MALFORMED: ErrorRow(
        400, "Give a name, and either a proxy or an account number with the bank's code."
    ),
}

"""How each refusal of payment links and fee intents looks on the wire."""

from __future__ import annotations

from lionrock.directory.api import SIGNED_CALL_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.payments.addressing.errors import ERRORS as ADDRESSING_ERRORS
from lionrock.payments.http.errors import ERRORS as PAYMENT_ERRORS
from lionrock.payments.links.domain.refusals import IntentRefusal, LinkRefusal

_L = LinkRefusal
LINK_ERRORS: ErrorTable = {
    _L.NOT_A_PAYEE: ErrorRow(
        403, "Your organisation may not make payment links. Ask the operator for the role payee."
    ),
    _L.MALFORMED: ErrorRow(400, "A field of the link is not as documented; the detail says which."),
    _L.REFERENCE_REUSED: ErrorRow(
        409, "Your reference stands for another link. Repeat that one, or take a new reference."
    ),
    _L.CALLBACK_FOREIGN: ErrorRow(
        400, "The callback address is not under your registered address.", "OWASP SSRF"
    ),
    _L.RETURN_FOREIGN: ErrorRow(
        400, "The return address is not under your registered address.", "CWE-601"
    ),
    _L.ADDRESS_REFUSED: ErrorRow(
        400, "The registered address is none that may be called.", "RFC 6890"
    ),
    _L.NOT_FOUND: ErrorRow(404, "There is no payment link of yours with this id."),
    _L.ADDRESS_UNKNOWN: ErrorRow(404, "There is no payment link at this address."),
    _L.EXPIRED: ErrorRow(410, "The payment link has expired. Ask the payee for a new one."),
    _L.USED: ErrorRow(409, "The payment link is paid."),
    _L.CANCELLED: ErrorRow(410, "The payee has cancelled the payment link."),
    _L.BEING_PAID: ErrorRow(409, "The payment link is being paid. Wait for the outcome."),
    _L.REQUESTS_EXHAUSTED: ErrorRow(
        429, "The payment link was fetched too often. Ask the payee for a new one.", "RFC 6585 s4"
    ),
}
_I = IntentRefusal
INTENT_ERRORS: ErrorTable = {
    _I.NOT_A_DEPARTMENT: ErrorRow(403, "Only a department may ask for fees."),
    _I.MALFORMED: ErrorRow(400, "A field is not as documented; the detail says which."),
    _I.REFERENCE_REUSED: ErrorRow(
        409, "Your reference stands for another fee. Repeat that one, or take a new reference."
    ),
    _I.NOT_FOUND: ErrorRow(404, "There is no fee of yours with this id."),
    _I.NOT_PAID: ErrorRow(409, "The fee is not paid, so that there is nothing to give back."),
    _I.NOT_OPEN: ErrorRow(409, "The fee is not open any more."),
    _I.REFUND_TOO_LARGE: ErrorRow(409, "The refunds together would be more than what was paid."),
    _I.REFUND_REUSED: ErrorRow(409, "Your reference stands for another refund."),
    _I.REFUND_NOT_FOUND: ErrorRow(404, "There is no refund of yours with this id."),
    _I.REFUND_DECIDED: ErrorRow(409, "The refund was decided before."),
    _I.OFFICER_NOT_APPOINTED: ErrorRow(
        403, "This is no officer of your department. Ask the operator to appoint the person.",
        "ISO/IEC 27002 5.3",
    ),
    _I.OFFICERS_TOO_FEW: ErrorRow(
        409, "The refund needs two officers, and your department has one. Have another appointed.",
        "ISO/IEC 27002 5.3",
    ),
    _I.APPROVAL_NOT_TAKEN: ErrorRow(
        409, "The officers could not be asked on their phones; the detail says why."
    ),
    _I.OPERATOR_ONLY: ErrorRow(403, "Only the city's operators appoint officers."),
    _I.OFFICER_OWN: ErrorRow(
        403, "Nobody has a hand in the own appointment.", "ISO/IEC 27002 5.3"
    ),
    _I.OFFICER_SAME_OPERATOR: ErrorRow(
        403, "Another operator must agree to what you asked for.", "ISO/IEC 27002 5.3"
    ),
    _I.OFFICER_TAKEN: ErrorRow(
        409, "The department has an officer of this name, or this person as an officer."
    ),
    _I.OFFICER_UNKNOWN: ErrorRow(404, "There is no such officer, person or department."),
    _I.OFFICER_STATE: ErrorRow(409, "The appointment was agreed to, or ended, before."),
    _I.REFUND_ACCOUNT_MISSING: ErrorRow(
        409, "Your department has no account for refunds in this currency. Ask the operator."
    ),
    _I.REPORT_DAY_MALFORMED: ErrorRow(400, "The day is written as 2026-02-20.", "ISO 8601"),
}
# Making a link and ordering a refund can also be refused by the register and the switch.
LINK_ROUTE_ERRORS: ErrorTable = {
    **SIGNED_CALL_ERRORS, **PAYMENT_ERRORS, **ADDRESSING_ERRORS, **LINK_ERRORS, **INTENT_ERRORS,
}

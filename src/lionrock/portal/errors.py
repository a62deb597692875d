"""What the portal itself refuses, and the rows of everything that its pages can be refused."""

from __future__ import annotations

from lionrock.exchange.api import EXCHANGE_ERRORS
from lionrock.identity.api import (
    COMPANY_ERRORS,
    FORM_ERRORS,
    GRANT_ERRORS,
    RELYING_PARTY_ERRORS,
    SERVICES_ERRORS,
)
from lionrock.identity.api import ERRORS as IDENTITY_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal
from lionrock.payments.api import INTENT_ERRORS, LINK_ERRORS, ONBOARDING_ERRORS
from lionrock.programmes.api import CASE_ERRORS, INTAKE_ERRORS, OFFICE_ERRORS, PROGRAMMES_ERRORS


class PortalRefusal(Refusal):
    """Expected outcomes that are not success."""

    FORM_FORGED = "portal.form_forged"
    SIGN_IN_LOST = "portal.sign_in_lost"
    SESSION_ENDED = "portal.session_ended"
    COMPANY_NEEDED = "portal.company_needed"
    PAGE_UNKNOWN = "portal.page_unknown"
    FIELD_MALFORMED = "portal.field_malformed"
    EVIDENCE_NOT_READY = "portal.evidence_not_ready"


_R = PortalRefusal
PORTAL_ERRORS: ErrorTable = {
    _R.FORM_FORGED: ErrorRow(
        403, "This form is not from your own page here. Open the page again and repeat.",
        "RFC 9700 s4.7",
    ),
    _R.SIGN_IN_LOST: ErrorRow(
        400, "This sign-in was not begun in this browser, or too long ago. Sign in again.",
        "RFC 6749 s10.12",
    ),
    _R.SESSION_ENDED: ErrorRow(401, "You are not signed in any more. Sign in again."),
    _R.COMPANY_NEEDED: ErrorRow(403, "This is done for a company. Choose one first."),
    _R.PAGE_UNKNOWN: ErrorRow(404, "There is no such page. Begin at the start page."),
    _R.FIELD_MALFORMED: ErrorRow(422, "A field is not as expected; the detail says which."),
    _R.EVIDENCE_NOT_READY: ErrorRow(
        409, "The receipts are not all in the log yet, usually for under a second. Try again."
    ),
}  # fmt: skip
ERRORS: ErrorTable = {
    **IDENTITY_ERRORS, **RELYING_PARTY_ERRORS, **EXCHANGE_ERRORS, **PROGRAMMES_ERRORS,
    **COMPANY_ERRORS, **GRANT_ERRORS, **INTAKE_ERRORS, **CASE_ERRORS, **OFFICE_ERRORS,
    **SERVICES_ERRORS, **LINK_ERRORS, **INTENT_ERRORS, **FORM_ERRORS, **ONBOARDING_ERRORS,
    **PORTAL_ERRORS,
}  # fmt: skip

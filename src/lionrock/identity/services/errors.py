"""Refusals of the service directory and of onboarding, and how each looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class ServicesRefusal(Refusal):
    """Why the directory or the onboarding says no."""

    SERVICES_QUERY = "identity.services_query"
    SERVICE_UNKNOWN = "identity.service_unknown"
    SERVICE_DRAFT = "identity.service_draft"
    ONBOARDING_DRAFT = "identity.onboarding_draft"
    ONBOARDING_UNKNOWN = "identity.onboarding_unknown"
    ONBOARDING_STATE = "identity.onboarding_state"
    ONBOARDING_STALE = "identity.onboarding_stale"
    ONBOARDING_OWN = "identity.onboarding_own"
    ONBOARDING_REVIEWED = "identity.onboarding_reviewed"
    ONBOARDING_TESTS = "identity.onboarding_tests"
    ONBOARDING_LIMIT = "identity.onboarding_limit"
    ONBOARDING_OFFICER = "identity.onboarding_officer"
    OPERATOR_NEEDED = "identity.operator_needed"


_R = ServicesRefusal
SERVICES_ERRORS: ErrorTable = {
    _R.SERVICES_QUERY: ErrorRow(
        400, "The search cannot be read. The field and the detail say what was expected."
    ),
    _R.SERVICE_UNKNOWN: ErrorRow(404, "No such service is listed. Search by its name instead."),
    _R.SERVICE_DRAFT: ErrorRow(422, "The listing is not acceptable. Mend the field that is named."),
    _R.ONBOARDING_DRAFT: ErrorRow(
        422, "The request is not acceptable yet. Mend the field that is named.", "RFC 7591 s2"
    ),
    _R.ONBOARDING_UNKNOWN: ErrorRow(404, "Your company has no such request. List those it has."),
    _R.ONBOARDING_STATE: ErrorRow(
        409, "The request is not at that step. Load it again; it says what comes next."
    ),
    _R.ONBOARDING_STALE: ErrorRow(
        409, "The request was changed since you saw it. Load it again, then decide."
    ),
    _R.ONBOARDING_OWN: ErrorRow(
        403, "Nobody reviews a request of a company they act for. Ask another operator."
    ),
    _R.ONBOARDING_REVIEWED: ErrorRow(
        409, "You reviewed this step already. The second pair of eyes must be somebody else's."
    ),
    _R.ONBOARDING_TESTS: ErrorRow(
        409, "The tests are not all seen yet. Run those that the detail names, then ask again."
    ),
    _R.ONBOARDING_LIMIT: ErrorRow(
        409, "Your company has as many open requests as it may have. Finish or withdraw one."
    ),
    _R.ONBOARDING_OFFICER: ErrorRow(
        403, "Bringing a service on is for the company's own responsible person or administrator."
    ),
    _R.OPERATOR_NEEDED: ErrorRow(403, "Only an operator reviews requests. Sign in as one."),
}  # fmt: skip

"""Everything for which a payment link or a fee intent is refused."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class LinkRefusal(Refusal):
    """Why a payment link was not made, shown, handed out or changed."""

    NOT_A_PAYEE = "payments.link_not_a_payee"
    MALFORMED = "payments.link_malformed"
    REFERENCE_REUSED = "payments.link_reference_reused"
    CALLBACK_FOREIGN = "payments.link_callback_foreign"
    RETURN_FOREIGN = "payments.link_return_foreign"
    ADDRESS_REFUSED = "payments.link_address_refused"
    NOT_FOUND = "payments.link_not_found"
    ADDRESS_UNKNOWN = "payments.link_address_unknown"
    EXPIRED = "payments.link_expired"
    USED = "payments.link_used"
    CANCELLED = "payments.link_cancelled"
    BEING_PAID = "payments.link_being_paid"
    REQUESTS_EXHAUSTED = "payments.link_requests_exhausted"


class IntentRefusal(Refusal):
    """Why a fee intent or a refund was not made or changed."""

    NOT_A_DEPARTMENT = "payments.intent_not_a_department"
    MALFORMED = "payments.intent_malformed"
    REFERENCE_REUSED = "payments.intent_reference_reused"
    NOT_FOUND = "payments.intent_not_found"
    NOT_PAID = "payments.intent_not_paid"
    NOT_OPEN = "payments.intent_not_open"
    REFUND_TOO_LARGE = "payments.refund_too_large"
    REFUND_REUSED = "payments.refund_reused"
    REFUND_NOT_FOUND = "payments.refund_not_found"
    REFUND_DECIDED = "payments.refund_decided"
    OFFICER_NOT_APPOINTED = "payments.refund_officer_not_appointed"
    OFFICERS_TOO_FEW = "payments.refund_officers_too_few"
    APPROVAL_NOT_TAKEN = "payments.refund_approval_not_taken"
    OPERATOR_ONLY = "payments.officer_operator_only"
    OFFICER_OWN = "payments.officer_own"
    OFFICER_SAME_OPERATOR = "payments.officer_same_operator"
    OFFICER_TAKEN = "payments.officer_taken"
    OFFICER_UNKNOWN = "payments.officer_unknown"
    OFFICER_STATE = "payments.officer_state"
    REFUND_ACCOUNT_MISSING = "payments.refund_account_missing"
    REPORT_DAY_MALFORMED = "payments.report_day_malformed"

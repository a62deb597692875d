"""What cases refuse; errors.py gives each its status and sentence."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class CaseRefusal(Refusal):
    """Every expected outcome of a case that is not success."""

    CASE_NOT_FOUND = "programmes.case_not_found"
    DOCUMENT_NOT_FOUND = "programmes.case_document_not_found"
    PROGRAMME_UNKNOWN = "programmes.case_programme_unknown"
    FACTS_MALFORMED = "programmes.case_facts_malformed"
    PROPOSAL_MALFORMED = "programmes.case_proposal_malformed"
    NOT_FOR_COMPANY = "programmes.case_not_for_company"
    MANDATE_MISSING = "programmes.case_mandate_missing"
    CASES_TOO_MANY = "programmes.cases_too_many"

    SIGNATURE_NOT_OPEN = "programmes.signature_not_open"
    SIGNATURE_PENDING = "programmes.signature_pending"
    SIGNATURE_OTHER_PARTY = "programmes.signature_other_party"
    APPROVAL_NOT_TAKEN = "programmes.approval_not_taken"

    STEP_NOT_OPEN = "programmes.step_not_open"
    SUBMITTED_ALREADY = "programmes.submitted_already"
    NOT_SIGNED = "programmes.application_not_signed"
    DECISION_CHANGED = "programmes.decision_changed"
    NOT_WITHDRAWABLE = "programmes.not_withdrawable"

    NOT_STAFF = "programmes.not_staff"
    SELF_REVIEW = "programmes.self_review"
    CONFLICT_DECLARED = "programmes.conflict_declared"
    ASSESSED_ALREADY = "programmes.assessed_already"
    ASSESSMENT_MALFORMED = "programmes.assessment_malformed"
    NOT_IN_ASSESSMENT = "programmes.not_in_assessment"
    NOT_FOR_DECISION = "programmes.not_for_decision"
    CHAIR_ASSESSED = "programmes.chair_assessed"
    DECISION_MALFORMED = "programmes.decision_malformed"
    AWARD_ABOVE_REQUEST = "programmes.award_above_request"
    AWARD_ABOVE_RULES = "programmes.award_above_rules"
    AWARDED_ALREADY = "programmes.awarded_already"
    BUDGET_MISSING = "programmes.budget_missing"
    BUDGET_MALFORMED = "programmes.budget_malformed"

    NOT_AGREED = "programmes.not_agreed"
    MILESTONE_UNKNOWN = "programmes.milestone_unknown"
    MILESTONE_CLAIMED = "programmes.milestone_claimed"
    PAYOUT_ABOVE_AWARD = "programmes.payout_above_award"
    PAYOUT_AMOUNT = "programmes.payout_amount"
    PAYOUT_NOT_FOUND = "programmes.payout_not_found"
    PAYOUT_RELEASED_ALREADY = "programmes.payout_released_already"
    PAYOUT_NOT_TAKEN = "programmes.payout_not_taken"
    CURSOR_UNKNOWN = "programmes.cursor_unknown"

"""How each refusal of cases looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.programmes.cases.domain.refusals import CaseRefusal

_R = CaseRefusal
_FOUR_EYES = "Lion Rock design: two assessors and a chair, none with an interest"
_LEDGER = "Lion Rock design: a budget is an account"

CASE_ERRORS: ErrorTable = {
    _R.CASE_NOT_FOUND: ErrorRow(404, "You have no case of that id."),
    _R.DOCUMENT_NOT_FOUND: ErrorRow(404, "The case has no such document yet."),
    _R.PROGRAMME_UNKNOWN: ErrorRow(
        422, "There is no such programme. The list is at /programmes/v1/schemes."
    ),
    _R.FACTS_MALFORMED: ErrorRow(
        422, "A stated fact cannot be read. The FACTS table is at /programmes/v1/facts."
    ),
    _R.PROPOSAL_MALFORMED: ErrorRow(422, "A field is not as expected; the detail says which."),
    _R.NOT_FOR_COMPANY: ErrorRow(
        403, "This is done for a company. Get a token that acts for one first.", "RFC 8693"
    ),
    _R.MANDATE_MISSING: ErrorRow(
        403, "Your mandate does not cover this. Ask the company for one that does."
    ),
    _R.CASES_TOO_MANY: ErrorRow(
        409, "The company has too many drafts. Submit or withdraw one first."
    ),
    _R.SIGNATURE_NOT_OPEN: ErrorRow(
        409, "This signature is not due now; the detail says whose is, or why none."
    ),
    _R.SIGNATURE_PENDING: ErrorRow(
        409, "A signature is being asked for on a phone already. Answer it there, or wait."
    ),
    _R.SIGNATURE_OTHER_PARTY: ErrorRow(403, "Somebody else must give this signature."),
    _R.APPROVAL_NOT_TAKEN: ErrorRow(
        409, "The question could not be put on the phone; the detail says why."
    ),
    _R.STEP_NOT_OPEN: ErrorRow(409, "This step is not open in the case's present state."),
    _R.SUBMITTED_ALREADY: ErrorRow(409, "The application was submitted before. Follow its case."),
    _R.NOT_SIGNED: ErrorRow(
        409, "The application is not signed by everybody yet; the detail says who is next."
    ),
    _R.DECISION_CHANGED: ErrorRow(
        409, "The rules now say something else than the signed application. Start a new one."
    ),
    _R.NOT_WITHDRAWABLE: ErrorRow(409, "A decided case cannot be withdrawn."),
    _R.NOT_STAFF: ErrorRow(403, "This is done by staff in a role that you do not hold here."),
    _R.SELF_REVIEW: ErrorRow(
        403, "Nobody judges or pays a case of their own or of their company.", _FOUR_EYES
    ),
    _R.CONFLICT_DECLARED: ErrorRow(
        403, "You declared a conflict of interest in this case. Somebody else takes it.", _FOUR_EYES
    ),
    _R.ASSESSED_ALREADY: ErrorRow(
        409, "You have assessed this case. The second assessment is another person's.", _FOUR_EYES
    ),
    _R.ASSESSMENT_MALFORMED: ErrorRow(422, "The assessment is not complete; the detail says why."),
    _R.NOT_IN_ASSESSMENT: ErrorRow(409, "The case is not in assessment."),
    _R.NOT_FOR_DECISION: ErrorRow(
        409, "The case is not before the committee: it needs two assessments, and no award yet."
    ),
    _R.CHAIR_ASSESSED: ErrorRow(
        403, "Who assessed a case does not decide it. Another chair takes it.", _FOUR_EYES
    ),
    _R.DECISION_MALFORMED: ErrorRow(422, "The decision is not complete; the detail says why."),
    _R.AWARD_ABOVE_REQUEST: ErrorRow(422, "The award is above what was asked for."),
    _R.AWARD_ABOVE_RULES: ErrorRow(422, "The award is above what the programme's rules give."),
    _R.AWARDED_ALREADY: ErrorRow(409, "The case has its award. There is one for a case."),
    _R.BUDGET_MISSING: ErrorRow(409, "The programme has no budget here. Open one first.", _LEDGER),
    _R.BUDGET_MALFORMED: ErrorRow(422, "A budget is funded with HKD under a reference of its own."),
    _R.NOT_AGREED: ErrorRow(
        409, "Payouts follow the agreement with both seals, until all are paid."
    ),
    _R.MILESTONE_UNKNOWN: ErrorRow(422, "The agreement has no such milestone."),
    _R.MILESTONE_CLAIMED: ErrorRow(409, "The milestone was claimed before. Each is paid once."),
    _R.PAYOUT_ABOVE_AWARD: ErrorRow(422, "The claim is above what the award leaves for it."),
    _R.PAYOUT_AMOUNT: ErrorRow(422, "A milestone is paid whole: claim exactly its amount."),
    _R.PAYOUT_NOT_FOUND: ErrorRow(404, "The case has no such payout."),
    _R.PAYOUT_RELEASED_ALREADY: ErrorRow(409, "The payout was released before."),
    _R.PAYOUT_NOT_TAKEN: ErrorRow(
        409, "The payment switch did not take the payout; the detail says why."
    ),
    _R.CURSOR_UNKNOWN: ErrorRow(400, "`after` is the id of an award, from the page before."),
}

"""What the office refuses, and how each refusal reads on the wire."""

from __future__ import annotations

from lionrock.evidence.api import EVIDENCE_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal
from lionrock.programmes.cases import CASE_ERRORS


class OfficeRefusal(Refusal):
    """Expected outcomes that are not success."""

    NOT_OPERATOR = "programmes.not_operator"
    EVIDENCE_NOT_READY = "programmes.evidence_not_ready"


OFFICE_ERRORS: ErrorTable = {
    **CASE_ERRORS,
    **EVIDENCE_ERRORS,
    OfficeRefusal.NOT_OPERATOR: ErrorRow(
        403, "Only an operator funds budgets. Sign in as a person who holds that staff role."
    ),
    OfficeRefusal.EVIDENCE_NOT_READY: ErrorRow(
        503, "Some receipts are not in the log yet. Try again in a second."
    ),
}

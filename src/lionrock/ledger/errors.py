"""The ledger's refusals over HTTP and how they look on the wire (RFC 9457).

Not for: results of transfers, which are values of their own (domain/results.py).
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class LedgerRefusal(Refusal):
    """Why an operator's question has no answer."""

    ID_MALFORMED = "ledger.id_malformed"
    ACCOUNT_NOT_FOUND = "ledger.account_not_found"
    TRANSFER_NOT_FOUND = "ledger.transfer_not_found"
    OPERATOR_ONLY = "ledger.operator_only"
    PAGE_MALFORMED = "ledger.page_malformed"


ERRORS: ErrorTable = {
    LedgerRefusal.ID_MALFORMED: ErrorRow(
        400, "A ledger id is 32 lower-case hexadecimal digits."
    ),
    LedgerRefusal.ACCOUNT_NOT_FOUND: ErrorRow(
        404, "There is no such account, or its opening has not been copied to the query tables yet."
    ),
    LedgerRefusal.TRANSFER_NOT_FOUND: ErrorRow(
        404, "There is no such transfer, or it has not been copied to the query tables yet."
    ),
    LedgerRefusal.OPERATOR_ONLY: ErrorRow(
        403, "Only operators read the ledger. Ask for the staff role operator."
    ),
    LedgerRefusal.PAGE_MALFORMED: ErrorRow(
        400, "Pages are asked for with before=<timestamp of the last transfer seen>."
    ),
}

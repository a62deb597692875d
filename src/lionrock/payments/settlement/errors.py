"""Everything that settlement refuses, as one closed enum, and how each looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class SettlementRefusal(Refusal):
    """Why settlement did not do it."""

    LIQUIDITY_MALFORMED = "payments.liquidity_malformed"
    LIQUIDITY_REUSED = "payments.liquidity_reused"
    LIQUIDITY_NOT_FOUND = "payments.liquidity_not_found"
    ACCOUNT_NOT_OPEN = "payments.account_not_open"
    CENTRAL_CLOSED = "payments.central_closed"
    CENTRAL_OPEN = "payments.central_open"
    REPO_OUTSTANDING = "payments.repo_outstanding"
    REPO_ABOVE_LIMIT = "payments.repo_above_limit"
    THRESHOLD_MALFORMED = "payments.threshold_malformed"
    CREDIT_MALFORMED = "payments.central_credit_malformed"
    CREDIT_REUSED = "payments.central_credit_reused"
    CREDIT_REFUSED = "payments.central_credit_refused"
    STATEMENT_NOT_FOUND = "payments.statement_not_found"
    STATEMENT_NOT_READY = "payments.statement_not_ready"
    FORMAT_UNKNOWN = "payments.statement_format_unknown"
    PAGE_MALFORMED = "payments.statement_page_malformed"
    NOTIFICATION_NOT_FOUND = "payments.notification_not_found"
    CUT_NOT_FOUND = "payments.cut_not_found"
    OPERATOR_ONLY = "payments.operator_only"


_R = SettlementRefusal
ERRORS: ErrorTable = {
    _R.LIQUIDITY_MALFORMED: ErrorRow(
        400, "The liquidity transfer names accounts or agents that are not yours.",
        "ISO 20022 pacs.009 Dbtr, Cdtr",
    ),
    _R.LIQUIDITY_REUSED: ErrorRow(
        409, "This TxId or UETR stands for another liquidity transfer. Take new ones.",
        "ISO 20022 TxId, UETR",
    ),
    _R.LIQUIDITY_NOT_FOUND: ErrorRow(404, "There is no liquidity transfer of yours of that TxId."),
    _R.ACCOUNT_NOT_OPEN: ErrorRow(409, "You have no open account at the switch in this currency."),
    _R.CENTRAL_CLOSED: ErrorRow(
        409, "The central institution is closed now. Ask for an after-hours repo, or wait."
    ),
    _R.CENTRAL_OPEN: ErrorRow(
        409, "A repo is lent after hours only. Transfer from your central account instead."
    ),
    _R.REPO_OUTSTANDING: ErrorRow(409, "A repo of yours in this currency is not repaid yet."),
    _R.REPO_ABOVE_LIMIT: ErrorRow(400, "The amount is above what is lent after hours."),
    _R.THRESHOLD_MALFORMED: ErrorRow(
        400, "Give two positive amounts, the one that ends the alert above the one that begins it."
    ),
    _R.CREDIT_MALFORMED: ErrorRow(
        400, "Give an id of ours, an enrolled participant and a positive amount."
    ),
    _R.CREDIT_REUSED: ErrorRow(409, "This id stands for another credit. Take a new one."),
    _R.CREDIT_REFUSED: ErrorRow(409, "The ledger did not take the credit."),
    _R.STATEMENT_NOT_FOUND: ErrorRow(404, "There is no statement of yours with this id."),
    _R.STATEMENT_NOT_READY: ErrorRow(409, "The statement is not issued yet. Ask again shortly."),
    _R.FORMAT_UNKNOWN: ErrorRow(400, "Statements come as camt.053, csv or json."),
    _R.PAGE_MALFORMED: ErrorRow(400, "Pages are numbered from 1; this statement has no such page."),
    _R.NOTIFICATION_NOT_FOUND: ErrorRow(
        404, "There is no settled payment of yours with this id.", "ISO 20022 camt.054"
    ),
    _R.CUT_NOT_FOUND: ErrorRow(404, "There is no end-of-day cut of that date."),
    _R.OPERATOR_ONLY: ErrorRow(403, "Only the operator of the switch may ask this."),
}

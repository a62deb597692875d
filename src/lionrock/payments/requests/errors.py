"""Everything that requests to pay refuse, as one closed enum, and how each looks on the wire.

A transfer that may not pay the request which it names is no refusal of a message: it is a rejected
payment, with a reason code of domain.REASONS.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class RequestRefusal(Refusal):
    """Why requests to pay did not do it."""

    REQUEST_REUSED = "payments.request_reused"
    REQUEST_UNKNOWN = "payments.request_unknown"
    EXPIRY_WRONG = "payments.request_expiry_wrong"
    DEBTOR_AGENT_WRONG = "payments.request_debtor_agent_wrong"
    DEBTOR_AGENT_OFFLINE = "payments.request_debtor_agent_off"
    AMOUNT_DIFFERS = "payments.request_amount_differs"
    ORIGINAL_DIFFERS = "payments.request_original_differs"
    REQUEST_OVER = "payments.request_over"
    STATUS_NOT_FOR_BANKS = "payments.request_status_wrong"


_R = RequestRefusal
ERRORS: ErrorTable = {
    _R.REQUEST_REUSED: ErrorRow(
        409, "This PmtInfId or UETR stands for another request. Take new ones.",
        "ISO 20022 PmtInfId, UETR",
    ),
    _R.REQUEST_UNKNOWN: ErrorRow(
        404, "There is no request to pay of yours with this identifier.", "ISO 20022 PmtInfId"
    ),
    _R.EXPIRY_WRONG: ErrorRow(
        400, "A request expires in the future, within 90 days, and after it is due.",
        "ISO 20022 XpryDt, ReqdExctnDt",
    ),
    _R.DEBTOR_AGENT_WRONG: ErrorRow(
        409, "DbtrAgt is no other participant, or not the registered one.", "ISO 20022 DbtrAgt"
    ),
    _R.DEBTOR_AGENT_OFFLINE: ErrorRow(
        409, "The debtor's bank takes no messages now.", "ISO 20022 DbtrAgt"
    ),
    _R.AMOUNT_DIFFERS: ErrorRow(
        409, "The request's amount may not be changed, or not its currency.",
        "ISO 20022 AmtModAllwd, AccptdAmt",
    ),
    _R.ORIGINAL_DIFFERS: ErrorRow(
        409, "The answer does not repeat what the request said.", "ISO 20022 OrgnlGrpInfAndSts"
    ),
    _R.REQUEST_OVER: ErrorRow(
        409, "The request waits for no answer any more.", "ISO 20022 pain.014"
    ),
    _R.STATUS_NOT_FOR_BANKS: ErrorRow(
        400, "That a request is paid is for the switch to say.", "ISO 20022 TxSts"
    ),
}

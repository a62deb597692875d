"""Everything that returns and recalls refuse, as one closed enum, and how each looks on the wire.

A recall that comes too late or twice is no refusal of a message: it is answered by a camt.029 with
a reason code of domain.REASONS.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class RecallRefusal(Refusal):
    """Why returns and recalls did not do it."""

    ORIGINAL_UNKNOWN = "payments.return_original_unknown"
    ORIGINAL_DIFFERS = "payments.return_original_differs"
    NOT_SETTLED = "payments.return_not_settled"
    RETURN_OF_RETURN = "payments.return_of_return"
    RETURN_LATE = "payments.return_late"
    RETURN_ABOVE_REST = "payments.return_above_rest"
    CURRENCY_DIFFERS = "payments.return_currency_differs"
    RETURN_ID_REUSED = "payments.return_id_reused"
    AGENT_OFFLINE = "payments.return_agent_offline"
    RECALL_ID_REUSED = "payments.recall_id_reused"
    RECALL_UNKNOWN = "payments.recall_unknown"
    RECALL_NOT_ASKED = "payments.recall_not_asked"


_R = RecallRefusal
ERRORS: ErrorTable = {
    _R.ORIGINAL_UNKNOWN: ErrorRow(
        404, "There is no payment of yours with this UETR.", "ISO 20022 OrgnlUETR"
    ),
    _R.ORIGINAL_DIFFERS: ErrorRow(
        409, "The message does not repeat what the original said.", "ISO 20022 OrgnlGrpInf"
    ),
    _R.NOT_SETTLED: ErrorRow(
        409, "Only a settled payment is returned.", "ISO 20022 pacs.004"
    ),
    _R.RETURN_OF_RETURN: ErrorRow(
        409, "A return is not returned; make a payment instead.", "ISO 20022 pacs.004"
    ),
    _R.RETURN_LATE: ErrorRow(
        409, "The time in which this payment could be returned is over.", "ISO 20022 pacs.004"
    ),
    _R.RETURN_ABOVE_REST: ErrorRow(
        409, "All returns together cannot be more than the payment.", "ISO 20022 RtrdIntrBkSttlmAmt"
    ),
    _R.CURRENCY_DIFFERS: ErrorRow(
        409, "A payment is returned in its own currency.", "ISO 20022 RtrdIntrBkSttlmAmt"
    ),
    _R.RETURN_ID_REUSED: ErrorRow(
        409, "This RtrId stands for another return. Take a new one.", "ISO 20022 RtrId"
    ),
    _R.AGENT_OFFLINE: ErrorRow(409, "The other bank takes no messages now."),
    _R.RECALL_ID_REUSED: ErrorRow(
        409, "This CxlId stands for another recall. Take a new one.", "ISO 20022 CxlId"
    ),
    _R.RECALL_UNKNOWN: ErrorRow(
        404, "There is no recall of this identifier that you were asked about.",
        "ISO 20022 CxlStsId",
    ),
    _R.RECALL_NOT_ASKED: ErrorRow(
        409, "This recall waits for no answer.", "ISO 20022 camt.029"
    ),
}

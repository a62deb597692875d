"""Everything that direct debits refuse, as one closed enum, and how each looks on the wire.

A collection that an authorisation does not allow is no refusal of a message: it is a rejected
payment, with a reason code of domain.REASONS.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class DebitRefusal(Refusal):
    """Why direct debits did not do it."""

    MANDATE_UNKNOWN = "payments.mandate_unknown"
    REQUEST_REUSED = "payments.mandate_request_reused"
    TERMS_MALFORMED = "payments.mandate_terms_malformed"
    DEBTOR_AGENT_WRONG = "payments.mandate_debtor_agent_wrong"
    DEBTOR_AGENT_OFFLINE = "payments.mandate_debtor_agent_off"
    NOT_FOR_SENDER = "payments.mandate_not_for_sender"
    STATE_DIFFERS = "payments.mandate_state_differs"
    NOT_ASKED = "payments.mandate_not_asked"
    MANDATE_ID_GIVEN = "payments.mandate_id_given"


_R = DebitRefusal
ERRORS: ErrorTable = {
    _R.MANDATE_UNKNOWN: ErrorRow(
        404, "There is no authorisation of yours with this MndtId.", "ISO 20022 MndtId"
    ),
    _R.REQUEST_REUSED: ErrorRow(
        409, "This MndtReqId stands for another request. Take a new one.", "ISO 20022 MndtReqId"
    ),
    _R.TERMS_MALFORMED: ErrorRow(
        400, "The terms contradict each other or the calendar.", "ISO 20022 Ocrncs, MaxAmt"
    ),
    _R.DEBTOR_AGENT_WRONG: ErrorRow(
        409, "DbtrAgt is no other participant that holds this currency.", "ISO 20022 DbtrAgt"
    ),
    _R.DEBTOR_AGENT_OFFLINE: ErrorRow(
        409, "The debtor's bank takes no messages now.", "ISO 20022 DbtrAgt"
    ),
    _R.NOT_FOR_SENDER: ErrorRow(
        403, "This is for the other bank of the authorisation to send.",
        "ISO 20022 pain.009 to pain.012",
    ),
    _R.STATE_DIFFERS: ErrorRow(
        409, "The authorisation is not in a state that allows this.",
        "ISO 20022 pain.009 to pain.012",
    ),
    _R.NOT_ASKED: ErrorRow(
        409, "The answer names no message of ours that waits for one.", "ISO 20022 OrgnlMsgInf"
    ),
    _R.MANDATE_ID_GIVEN: ErrorRow(
        400, "The switch gives the MndtId; send MndtReqId alone.", "ISO 20022 MndtId"
    ),
}

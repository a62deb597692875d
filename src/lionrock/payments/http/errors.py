"""The one table of how each refusal of payments looks on the wire."""

from __future__ import annotations

from lionrock.directory.api import SIGNED_CALL_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.payments.addressing.errors import ERRORS as ADDRESSING_ERRORS
from lionrock.payments.debits.errors import ERRORS as DEBIT_ERRORS
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.recalls.errors import ERRORS as RECALL_ERRORS
from lionrock.payments.requests.errors import ERRORS as REQUEST_ERRORS
from lionrock.payments.settlement.errors import ERRORS as SETTLEMENT_ERRORS

_R = PaymentRefusal
ERRORS: ErrorTable = {
    **SIGNED_CALL_ERRORS,
    **ADDRESSING_ERRORS,
    **SETTLEMENT_ERRORS,
    **DEBIT_ERRORS,
    **RECALL_ERRORS,
    **REQUEST_ERRORS,
    _R.MESSAGE_TOO_LARGE: ErrorRow(413, "The message is too large. Send one transaction each."),
    _R.MEDIA_TYPE_WRONG: ErrorRow(415, "Send the message as application/xml.", "RFC 7303 s4.1"),
    _R.ENCODING_WRONG: ErrorRow(400, "Send the message in UTF-8.", "XML 1.0 s4.3.3"),
    _R.DOCTYPE_FORBIDDEN: ErrorRow(
        400, "A document type is not taken. Send the message without one.", "XML 1.0 s2.8"
    ),
    _R.NOT_WELL_FORMED: ErrorRow(400, "The message is not well-formed XML.", "XML 1.0 s2.1"),
    _R.MARKUP_FORBIDDEN: ErrorRow(
        400, "Send the message without comments, processing instructions and entities.",
        "XML 1.0 s2.5, s2.6",
    ),
    _R.NOT_VALID: ErrorRow(
        400, "The message is not valid. Compare it with the schemas at /payments/v1/schemas.",
        "ISO 20022 message definition",
    ),
    _R.DEFINITION_DIFFERS: ErrorRow(
        400, "MsgDefIdr names another definition than the document's.", "ISO 20022 head.001"
    ),
    _R.REFERENCE_DIFFERS: ErrorRow(
        400, "BizMsgIdr and MsgId must be the same identifier.", "ISO 20022 head.001"
    ),
    _R.AGENT_DIFFERS: ErrorRow(
        400, "The agents in the document are not those of the header or of the sender.",
        "ISO 20022 InstgAgt, InstdAgt, DbtrAgt",
    ),
    _R.REASON_MISPLACED: ErrorRow(
        400, "Give a reason with RJCT, and with no other status.", "ISO 20022 pacs.002 StsRsnInf"
    ),
    _R.BUNDLE_MALFORMED: ErrorRow(
        400, "This is no bundle: frames of a length, a line feed, the message, a line feed.",
        "RFC 9110 s15.5.1",
    ),
    _R.BUNDLE_TOO_LARGE: ErrorRow(
        413, "The bundle is too large. Send fewer messages in each.", "RFC 9110 s15.5.14"
    ),
    _R.BUNDLE_TYPE_WRONG: ErrorRow(
        415, "Send a bundle as application/vnd.lionrock.message-bundle.", "RFC 9110 s15.5.16"
    ),
    _R.NOT_A_PARTICIPANT: ErrorRow(
        403, "Your organisation is no participant. Ask the operator to enrol it."
    ),
    _R.SENDER_DIFFERS: ErrorRow(
        403, "Fr names another participant than the one who signed.", "ISO 20022 head.001 Fr"
    ),
    _R.RECEIVER_DIFFERS: ErrorRow(
        400, "To names another receiver than this switch.", "ISO 20022 head.001 To"
    ),
    _R.MESSAGE_ID_REUSED: ErrorRow(
        409, "You used this MsgId for another message. Take a new one.", "ISO 20022 MsgId"
    ),
    _R.TRANSACTION_ID_REUSED: ErrorRow(
        409, "This TxId or UETR stands for another payment. Take new ones.",
        "ISO 20022 TxId, UETR",
    ),
    _R.TRANSACTION_UNKNOWN: ErrorRow(
        404, "There is no payment of yours with this UETR.", "ISO 20022 UETR"
    ),
    _R.ORIGINAL_DIFFERS: ErrorRow(
        409, "The report does not repeat what the original message said.",
        "ISO 20022 OrgnlGrpInf, OrgnlTxRef",
    ),
    _R.VERIFICATION_SKIPPED: ErrorRow(
        409, "An instant transfer to an account has its payee verified. Say PERFORM_PYE_VRF.",
        "ISO 20022 pacs.008 LclInstrm",
    ),
    _R.STATUS_NOT_ASKED: ErrorRow(
        409, "This payment was not sent to you yet; there is nothing to report."
    ),
    _R.ENQUIRY_EARLY: ErrorRow(
        429, "The payment is too young to ask about. Its outcome is pushed to you.", "RFC 6585 s4"
    ),
    _R.ENQUIRIES_SPENT: ErrorRow(
        429, "You asked about this payment as often as you may. Its outcome is pushed to you.",
        "RFC 6585 s4",
    ),
    _R.ENQUIRIES_EXHAUSTED: ErrorRow(
        429, "You asked too often in all. Wait as long as Retry-After says.", "RFC 6585 s4"
    ),
    _R.ORDER_MALFORMED: ErrorRow(400, "A field of the order is not as documented."),
    _R.ORDER_REUSED: ErrorRow(
        409, "This identifier stands for another order. Repeat that one, or take a new identifier."
    ),
    _R.AMOUNT_OUT_OF_RANGE: ErrorRow(400, "The amount is zero, or above a participant's limit."),
    _R.CREDITOR_NAME_DIFFERS: ErrorRow(
        409, "The account under this proxy is not in the name of whom is to be paid."
    ),
    _R.CREDITOR_AGENT_WRONG: ErrorRow(409, "The creditor's bank is not the one named."),
    _R.CREDITOR_AGENT_OFFLINE: ErrorRow(409, "The creditor's bank takes no payments now."),
    _R.CURRENCY_NOT_TAKEN: ErrorRow(409, "The account or its bank does not take this currency."),
    _R.PAYMENT_NOT_FOUND: ErrorRow(404, "There is no payment of yours with this id."),
    _R.SCHEMA_NOT_FOUND: ErrorRow(404, "There is no schema of that name."),
    _R.PARTICIPANT_MALFORMED: ErrorRow(400, "A field of the enrolment is not as documented."),
    _R.PARTICIPANT_TAKEN: ErrorRow(409, "The clearing code or organisation is enrolled otherwise."),
    _R.LEDGER_REFUSED: ErrorRow(409, "The ledger did not take it."),
}

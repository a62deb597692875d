"""Everything that payments refuses, as one closed enum.

A refusal of a message goes back as admi.002 with the member's value as reason; a payment that
cannot be made is rejected with a code of domain.reasons. Invariant: each value fits Max35Text.
"""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class PaymentRefusal(Refusal):
    """Why payments did not do it."""

    # What an incoming message may not be.
    MESSAGE_TOO_LARGE = "payments.message_too_large"
    MEDIA_TYPE_WRONG = "payments.media_type_wrong"
    ENCODING_WRONG = "payments.encoding_wrong"
    DOCTYPE_FORBIDDEN = "payments.doctype_forbidden"
    NOT_WELL_FORMED = "payments.not_well_formed"
    MARKUP_FORBIDDEN = "payments.markup_forbidden"
    NOT_VALID = "payments.not_valid"
    DEFINITION_DIFFERS = "payments.definition_differs"
    REFERENCE_DIFFERS = "payments.reference_differs"
    AGENT_DIFFERS = "payments.agent_differs"
    REASON_MISPLACED = "payments.reason_misplaced"
    BUNDLE_MALFORMED = "payments.bundle_malformed"
    BUNDLE_TOO_LARGE = "payments.bundle_too_large"
    BUNDLE_TYPE_WRONG = "payments.bundle_type_wrong"
    # What the sender of a message may not do.
    NOT_A_PARTICIPANT = "payments.not_a_participant"
    SENDER_DIFFERS = "payments.sender_differs"
    RECEIVER_DIFFERS = "payments.receiver_differs"
    MESSAGE_ID_REUSED = "payments.message_id_reused"
    TRANSACTION_ID_REUSED = "payments.transaction_id_reused"
    TRANSACTION_UNKNOWN = "payments.transaction_unknown"
    ORIGINAL_DIFFERS = "payments.original_differs"
    VERIFICATION_SKIPPED = "payments.verification_skipped"
    STATUS_NOT_ASKED = "payments.status_not_asked"
    ENQUIRY_EARLY = "payments.enquiry_early"
    ENQUIRIES_SPENT = "payments.enquiries_spent"
    ENQUIRIES_EXHAUSTED = "payments.enquiries_exhausted"
    # Orders and participants.
    ORDER_MALFORMED = "payments.order_malformed"
    ORDER_REUSED = "payments.order_reused"
    AMOUNT_OUT_OF_RANGE = "payments.amount_out_of_range"
    CREDITOR_NAME_DIFFERS = "payments.creditor_name_differs"
    CREDITOR_AGENT_WRONG = "payments.creditor_agent_wrong"
    CREDITOR_AGENT_OFFLINE = "payments.creditor_agent_offline"
    CURRENCY_NOT_TAKEN = "payments.currency_not_taken"
    PAYMENT_NOT_FOUND = "payments.payment_not_found"
    SCHEMA_NOT_FOUND = "payments.schema_not_found"
    PARTICIPANT_MALFORMED = "payments.participant_malformed"
    PARTICIPANT_TAKEN = "payments.participant_taken"
    LEDGER_REFUSED = "payments.ledger_refused"

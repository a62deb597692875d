"""The payments' door: the only module of this pillar that other pillars and the world import."""

from lionrock.payments.domain.iso20022 import (
    MESSAGE_BYTES_MAX,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Proxy,
    StatusReport,
    StatusRequest,
    definition_of,
    read_envelope,
    reference_of,
    split_envelope,
    write_envelope,
)
from lionrock.payments.domain.orders import CreditTransferOrder
from lionrock.payments.domain.payments import (
    LEDGER_OF_CURRENCY,
    SWITCH_MEMBER,
    Payment,
    settlement_date_of,
    transaction_id_of,
    uetr_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http import ERRORS, table
from lionrock.payments.jobs import handlers
from lionrock.payments.schemas import envelope_schema
from lionrock.payments.service import (
    ENDPOINT,
    MEDIA_TYPE,
    MESSAGES_PATH,
    REJECTED_TOPIC,
    SETTLED_TOPIC,
    Enrolment,
    Payments,
    ProxyRegistration,
)
from lionrock.payments.store.members import Participant

__all__ = [
    "ENDPOINT",
    "ERRORS",
    "LEDGER_OF_CURRENCY",
    "MEDIA_TYPE",
    "MESSAGES_PATH",
    "MESSAGE_BYTES_MAX",
    "REJECTED_TOPIC",
    "SETTLED_TOPIC",
    "SWITCH_MEMBER",
    "CreditTransfer",
    "CreditTransferOrder",
    "Document",
    "Enrolment",
    "Envelope",
    "Header",
    "MessageReject",
    "Participant",
    "PartyAccount",
    "Payment",
    "PaymentRefusal",
    "Payments",
    "Proxy",
    "ProxyRegistration",
    "StatusReport",
    "StatusRequest",
    "definition_of",
    "envelope_schema",
    "handlers",
    "read_envelope",
    "reference_of",
    "settlement_date_of",
    "split_envelope",
    "table",
    "transaction_id_of",
    "uetr_of",
    "write_envelope",
]

"""ISO 20022 messages of the switch: values, writer, reader.

Five definitions in one envelope: head.001.001.02 with pacs.008.001.08, pacs.002.001.10,
pacs.028.001.03 or admi.002.001.01. Not for: signatures (the HTTP message is signed as a whole).
"""

from lionrock.payments.domain.iso20022.messages import (
    ACCEPTED_STATUSES,
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
)
from lionrock.payments.domain.iso20022.read import (
    MESSAGE_BYTES_MAX,
    Parts,
    read_envelope,
    reference_of,
    split_envelope,
)
from lionrock.payments.domain.iso20022.write import write_envelope

__all__ = [
    "ACCEPTED_STATUSES",
    "MESSAGE_BYTES_MAX",
    "CreditTransfer",
    "Document",
    "Envelope",
    "Header",
    "MessageReject",
    "Parts",
    "PartyAccount",
    "Proxy",
    "StatusReport",
    "StatusRequest",
    "definition_of",
    "read_envelope",
    "reference_of",
    "split_envelope",
    "write_envelope",
]

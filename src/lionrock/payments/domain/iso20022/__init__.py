"""ISO 20022 messages of the switch: values, writer, reader.

One module per family of definitions, one table of them (definitions.py), in one envelope with
head.001.001.02. Not for: signatures (the HTTP message is signed as a whole).
"""

from lionrock.payments.domain.iso20022.debits import DirectDebit
from lionrock.payments.domain.iso20022.definitions import (
    DEFINITIONS,
    Document,
    Envelope,
    definition_of,
)
from lionrock.payments.domain.iso20022.liquidity import LiquidityTransfer, SystemEvent
from lionrock.payments.domain.iso20022.mandates import (
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
    MandateTerms,
)
from lionrock.payments.domain.iso20022.messages import Header, PartyAccount, Proxy
from lionrock.payments.domain.iso20022.read import (
    MESSAGE_BYTES_MAX,
    Parts,
    check_written,
    read_envelope,
    reference_of,
    split_envelope,
)
from lionrock.payments.domain.iso20022.recalls import CancellationAnswer, CancellationRequest
from lionrock.payments.domain.iso20022.rejects import MessageReject
from lionrock.payments.domain.iso20022.reports import (
    ACCEPTED_STATUSES,
    Status,
    StatusReport,
    StatusRequest,
)
from lionrock.payments.domain.iso20022.requests import PaymentRequest, RequestReport
from lionrock.payments.domain.iso20022.returns import PaymentReturn
from lionrock.payments.domain.iso20022.transfers import CreditTransfer
from lionrock.payments.domain.iso20022.write import write_document, write_envelope

__all__ = [
    "ACCEPTED_STATUSES",
    "DEFINITIONS",
    "MESSAGE_BYTES_MAX",
    "CancellationAnswer",
    "CancellationRequest",
    "CreditTransfer",
    "DirectDebit",
    "Document",
    "Envelope",
    "Header",
    "LiquidityTransfer",
    "MandateAcceptance",
    "MandateAmendment",
    "MandateCancellation",
    "MandateInitiation",
    "MandateTerms",
    "MessageReject",
    "Parts",
    "PartyAccount",
    "PaymentRequest",
    "PaymentReturn",
    "Proxy",
    "RequestReport",
    "Status",
    "StatusReport",
    "StatusRequest",
    "SystemEvent",
    "check_written",
    "definition_of",
    "read_envelope",
    "reference_of",
    "split_envelope",
    "write_document",
    "write_envelope",
]

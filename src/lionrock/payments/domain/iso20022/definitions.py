"""The one table of message definitions: how each is checked, read and written.

To add one: a module with its value, check, reader and writer; a row here and its type in
`Document`; its usage schema in payments/schemas and the two lines for it in envelope.xsd; a sample
in tests/unit/payments/samples.py, which is checked against the official schema. What the switch
does with it is a handler of the inbox (payments/service/inbox.py).
Invariant: one value type for each definition, so that a value says which message it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import (
    debits,
    liquidity,
    mandates,
    recalls,
    rejects,
    reports,
    requests,
    returns,
    transfers,
)
from lionrock.payments.domain.iso20022.debits import DirectDebit
from lionrock.payments.domain.iso20022.elements import Node
from lionrock.payments.domain.iso20022.liquidity import LiquidityTransfer, SystemEvent
from lionrock.payments.domain.iso20022.mandates import (
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
)
from lionrock.payments.domain.iso20022.messages import Header
from lionrock.payments.domain.iso20022.recalls import CancellationAnswer, CancellationRequest
from lionrock.payments.domain.iso20022.rejects import MessageReject
from lionrock.payments.domain.iso20022.reports import StatusReport, StatusRequest
from lionrock.payments.domain.iso20022.requests import PaymentRequest, RequestReport
from lionrock.payments.domain.iso20022.returns import PaymentReturn
from lionrock.payments.domain.iso20022.transfers import CreditTransfer

Document = (
    CreditTransfer | StatusReport | StatusRequest | MessageReject
    | LiquidityTransfer | SystemEvent
    | DirectDebit | PaymentReturn | PaymentRequest | RequestReport
    | MandateInitiation | MandateAmendment | MandateCancellation | MandateAcceptance
    | CancellationRequest | CancellationAnswer
)


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One message definition; its schema is the file of the same name in payments/schemas.

    `check` and `read` get the element below Document, after the schema was checked.
    """

    name: str
    kind: type
    check: Callable[[Header, Any], Refused | None]
    read: Callable[[Any], Document]
    write: Callable[[Header, Any], Node]


ROWS: tuple[Definition, ...] = (
    Definition(
        name=transfers.CREDIT_TRANSFER, kind=CreditTransfer, check=transfers.check_transfer,
        read=transfers.read_transfer, write=transfers.write_transfer,
    ),
    Definition(
        name=reports.STATUS_REPORT, kind=StatusReport, check=reports.check_report,
        read=reports.read_report, write=reports.write_report,
    ),
    Definition(
        name=reports.STATUS_REQUEST, kind=StatusRequest, check=reports.check_request,
        read=reports.read_request, write=reports.write_request,
    ),
    Definition(
        name=rejects.MESSAGE_REJECT, kind=MessageReject, check=rejects.check_reject,
        read=rejects.read_reject, write=rejects.write_reject,
    ),
    Definition(
        name=liquidity.LIQUIDITY_TRANSFER, kind=LiquidityTransfer,
        check=liquidity.check_liquidity, read=liquidity.read_liquidity,
        write=liquidity.write_liquidity,
    ),
    Definition(
        name=liquidity.SYSTEM_EVENT, kind=SystemEvent, check=liquidity.check_event,
        read=liquidity.read_event, write=liquidity.write_event,
    ),
    Definition(
        name=debits.DIRECT_DEBIT, kind=DirectDebit, check=debits.check_debit,
        read=debits.read_debit, write=debits.write_debit,
    ),
    Definition(
        name=returns.PAYMENT_RETURN, kind=PaymentReturn, check=returns.check_return,
        read=returns.read_return, write=returns.write_return,
    ),
    Definition(
        name=mandates.MANDATE_INITIATION, kind=MandateInitiation, check=mandates.check_mandate,
        read=mandates.read_initiation, write=mandates.write_initiation,
    ),
    Definition(
        name=mandates.MANDATE_AMENDMENT, kind=MandateAmendment, check=mandates.check_amendment,
        read=mandates.read_amendment, write=mandates.write_amendment,
    ),
    Definition(
        name=mandates.MANDATE_CANCELLATION, kind=MandateCancellation, check=mandates.check_mandate,
        read=mandates.read_cancellation, write=mandates.write_cancellation,
    ),
    Definition(
        name=mandates.MANDATE_ACCEPTANCE, kind=MandateAcceptance, check=mandates.check_acceptance,
        read=mandates.read_acceptance, write=mandates.write_acceptance,
    ),
    Definition(
        name=requests.PAYMENT_REQUEST, kind=PaymentRequest, check=requests.check_request,
        read=requests.read_request, write=requests.write_request,
    ),
    Definition(
        name=requests.REQUEST_REPORT, kind=RequestReport, check=requests.check_report,
        read=requests.read_report, write=requests.write_report,
    ),
    Definition(
        name=recalls.CANCELLATION_REQUEST, kind=CancellationRequest,
        check=recalls.check_cancellation, read=recalls.read_cancellation,
        write=recalls.write_cancellation,
    ),
    Definition(
        name=recalls.CANCELLATION_ANSWER, kind=CancellationAnswer, check=recalls.check_answer,
        read=recalls.read_answer, write=recalls.write_answer,
    ),
)  # fmt: skip
DEFINITIONS: dict[str, Definition] = {row.name: row for row in ROWS}
_BY_KIND: dict[type, Definition] = {row.kind: row for row in ROWS}


class Envelope(msgspec.Struct, frozen=True):
    """One HTTP body: header and document."""

    header: Header
    document: Document


def row_of(document: Document) -> Definition:
    """Return the definition of a value."""
    return _BY_KIND[type(document)]


def definition_of(document: Document) -> str:
    """Return the ISO 20022 message definition identifier, such as "pacs.008.001.08"."""
    return row_of(document).name

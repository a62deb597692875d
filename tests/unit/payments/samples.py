"""Valid messages to start from, and the official schemas to check against."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Document,
    Envelope,
    Header,
    LiquidityTransfer,
    MessageReject,
    PartyAccount,
    Proxy,
    StatusReport,
    StatusRequest,
    SystemEvent,
    definition_of,
    split_envelope,
)

from . import official
from .family_samples import FAMILY_DOCUMENTS

AT = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"
HEADER = Header(from_member="LRSWITCH", to_member="307", message_id="msg0001", created_at=AT)
TRANSFER = CreditTransfer(
    settlement_date=date(2026, 2, 20),
    end_to_end_id="PAYOUT-1",
    transaction_id="0192f0c4d5e6",
    uetr=UETR,
    amount=Money(1_234_50, "HKD"),
    debtor=PartyAccount(name="Programme Office 計劃辦事處", account="A1", member="LRSWITCH"),
    creditor=PartyAccount(name="Harbour Robotics Limited", account="012-3456", member="307"),
    proxy=Proxy(kind="mobile", value="+852-51230001"),
    remittance="Milestone 1 <first> & 'last'",
)
ACCEPTANCE = StatusReport(
    original_message_id="msg0001",
    original_definition="pacs.008.001.08",
    end_to_end_id="PAYOUT-1",
    transaction_id="0192f0c4d5e6",
    uetr=UETR,
    status="ACCC",
    amount=Money(1_234_50, "HKD"),
)
REJECTION = StatusReport(
    original_message_id="msg0001",
    original_definition="pacs.008.001.08",
    end_to_end_id="PAYOUT-1",
    transaction_id="0192f0c4d5e6",
    uetr=UETR,
    status="RJCT",
    amount=Money(1_234_50, "HKD"),
    reason_code="AC04",
    reason_text="closed on 2026-01-01",
)
QUESTION = StatusRequest(
    original_message_id="msg0001",
    original_definition="pacs.008.001.08",
    transaction_id="0192f0c4d5e6",
    uetr=UETR,
)
REJECT = MessageReject(
    related_reference="msg0001",
    reason="payments.not_valid",
    rejected_at=AT,
    description="Element 'TxId' is missing.",
    location="/Envelope/Document",
)
LIQUIDITY = LiquidityTransfer(
    settlement_date=date(2026, 2, 20),
    end_to_end_id="LIQ-1",
    transaction_id="0192f0c4d5e7",
    uetr=UETR,
    amount=Money(50_000_00, "CNY"),
    member="LRSWITCH",
    direction="out",
)
ALERT = SystemEvent(
    code="LIQL", parameters=("HKD", "900.00", "1000.00"),
    description="Your liquidity in HKD is low.", at=AT,
)
DOCUMENTS: tuple[Document, ...] = (
    TRANSFER, msgspec.structs.replace(TRANSFER, proxy=Proxy(kind="fps_id", value="1234567")),
    ACCEPTANCE, REJECTION, QUESTION, REJECT, LIQUIDITY, ALERT,
    *FAMILY_DOCUMENTS,
)


def enveloped(document: Document, header: Header = HEADER) -> Envelope:
    """Put a document under the sample header."""
    return Envelope(header, document)


class OfficialSchemas:
    """The schemas as ISO published them, asked through two validators."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared

    def problems(self, raw: bytes, definition: str) -> list[str]:
        """All errors of both parts of an envelope against the official schemas."""
        parts = split_envelope(raw)
        return [
            *official.problems(self._shared, "head.001.001.02", parts.header),
            *official.problems(self._shared, definition, parts.document),
        ]


def name_of(document: Document) -> str:
    """Test id of a document."""
    return definition_of(document)

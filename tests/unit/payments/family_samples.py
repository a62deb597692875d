"""Valid messages of direct debits, requests to pay, returns and recalls, to start from."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import (
    CancellationAnswer,
    CancellationRequest,
    DirectDebit,
    Document,
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
    MandateTerms,
    PartyAccount,
    PaymentRequest,
    PaymentReturn,
    Proxy,
    RequestReport,
)

UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"
CREDITOR = PartyAccount(name="Harbour Robotics Limited", account="307-000001", member="307")
DEBTOR = PartyAccount(name="Little Tea House 小茶館", account="512-000009", member="512")
MANDATE_ID = "0192f0c4d5e6a1b2c3d4e5f60718293a"
TERMS = MandateTerms(
    occurrence="RCUR", period="MNTH", collections_per_period=2, first_date=date(2026, 2, 1),
    max_amount=Money(500_00, "HKD"), final_date=date(2027, 1, 31),
    period_max_amount=Money(800_00, "HKD"),
)
INITIATION = MandateInitiation(
    request_id="REQ-1", mandate_id=MANDATE_ID, terms=TERMS, creditor=CREDITOR, debtor=DEBTOR,
    contract="CONTRACT-7",
)
BARE_INITIATION = MandateInitiation(
    request_id="REQ-2", creditor=CREDITOR, debtor=DEBTOR,
    terms=msgspec.structs.replace(
        TERMS, occurrence="OOFF", final_date=None, period_max_amount=None
    ),
)
AMENDMENT = MandateAmendment(mandate_id=MANDATE_ID, reason="AMEND", terms=TERMS)
SUSPENSION = MandateAmendment(mandate_id=MANDATE_ID, reason="SUSPEND")
CANCELLATION = MandateCancellation(
    mandate_id=MANDATE_ID, reason_code="MD16", reason_text="asked by the debtor"
)
ACCEPTANCE = MandateAcceptance(
    original_message_id="msg0001", original_definition="pain.009.001.05", mandate_id=MANDATE_ID,
    is_accepted=True,
)
REFUSAL = msgspec.structs.replace(
    ACCEPTANCE, is_accepted=False, reason_code="MS02", reason_text="no thanks"
)
DEBIT = DirectDebit(
    settlement_date=date(2026, 2, 20), end_to_end_id="RENT-2026-02", transaction_id="0192f0c4d5e6",
    uetr=UETR, amount=Money(450_00, "CNY"), sequence="FRST", collection_date=date(2026, 2, 20),
    mandate_id=MANDATE_ID, creditor=CREDITOR, debtor=DEBTOR, remittance="Rent for February",
)
REQUEST = PaymentRequest(
    request_id=MANDATE_ID, end_to_end_id="BILL-1", uetr=UETR,
    due_at=datetime(2026, 2, 21, tzinfo=UTC), expires_at=datetime(2026, 3, 1, tzinfo=UTC),
    may_change_amount=True, amount=Money(88_00, "HKD"), debtor=DEBTOR, creditor=CREDITOR,
    proxy=Proxy(kind="email", value="pay@little-tea.example"), remittance="Bill 1",
)
REQUEST_ACCEPTANCE = RequestReport(
    original_message_id="msg0001", original_definition="pain.013.001.07", request_id=MANDATE_ID,
    end_to_end_id="BILL-1", uetr=UETR, status="ACCP", accepted_amount=Money(80_00, "HKD"),
)
REQUEST_REFUSAL = msgspec.structs.replace(
    REQUEST_ACCEPTANCE, status="RJCT", accepted_amount=None, reason_code="AM09",
    reason_text="not this much",
)
RETURN = PaymentReturn(
    settlement_date=date(2026, 2, 21), return_id="RTR-1", original_message_id="msg0001",
    original_definition="pacs.008.001.08", end_to_end_id="TEA-1", transaction_id="0192f0c4d5e6",
    uetr=UETR, original_amount=Money(450_00, "HKD"), amount=Money(50_00, "HKD"),
    reason_code="CUST", reason_text="paid twice",
)
RECALL = CancellationRequest(
    recall_id="RCL-1", original_message_id="msg0001", original_definition="pacs.008.001.08",
    end_to_end_id="TEA-1", transaction_id="0192f0c4d5e6", uetr=UETR, amount=Money(450_00, "HKD"),
    reason_code="DUPL", reason_text="sent twice",
)
RECALL_REFUSAL = CancellationAnswer(
    recall_id="RCL-1", original_message_id="msg0001", original_definition="pacs.008.001.08",
    end_to_end_id="TEA-1", transaction_id="0192f0c4d5e6", uetr=UETR, status="RJCR",
    reason_code="CUST", reason_text="the creditor says no",
)
RECALL_ACCEPTANCE = msgspec.structs.replace(
    RECALL_REFUSAL, status="ACCR", reason_code="", reason_text=""
)
FAMILY_DOCUMENTS: tuple[Document, ...] = (
    INITIATION, BARE_INITIATION, AMENDMENT, SUSPENSION, CANCELLATION, ACCEPTANCE, REFUSAL, DEBIT,
    REQUEST, REQUEST_ACCEPTANCE, REQUEST_REFUSAL, RETURN, RECALL, RECALL_REFUSAL,
    RECALL_ACCEPTANCE,
)

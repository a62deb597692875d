"""Messages to begin an attack with, and what to read in the answers."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments import api
from lionrock.payments.api import (
    CreditTransfer,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Payment,
    StatusReport,
    envelope_schema,
    read_envelope,
)
from tests.unit.payments.city import FIRM_ACCOUNT, PaymentsCity

UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"


def header(city: PaymentsCity, sender: str = "512", **changes: Any) -> Header:
    """A header from a bank to the switch, with a new MsgId."""
    made = Header(
        from_member=sender, to_member=api.SWITCH_MEMBER,
        message_id=city.kernel.ids.new("tst")[4:], created_at=city.clock.now(),
    )
    return msgspec.structs.replace(made, **changes)


def transfer(city: PaymentsCity, **changes: Any) -> CreditTransfer:
    """A transfer from the tea house to the firm."""
    made = CreditTransfer(
        settlement_date=api.settlement_date_of(city.clock.now()), end_to_end_id="TEA-1",
        transaction_id="tx1", uetr=UETR, amount=Money(10_00, "HKD"),
        debtor=PartyAccount(name="Little Tea House", account="512-000009", member="512"),
        creditor=PartyAccount(name="Harbour Robotics", account=FIRM_ACCOUNT, member="307"),
    )
    return msgspec.structs.replace(made, **changes)


def reject_in(reply: Reply) -> MessageReject:
    """The admi.002 in a reply."""
    assert reply.headers["content-type"] == "application/xml", reply
    envelope = read_envelope(reply.body, envelope_schema())
    assert isinstance(envelope, Envelope), envelope
    assert isinstance(envelope.document, MessageReject)
    assert envelope.header.from_member == api.SWITCH_MEMBER
    return envelope.document


async def waiting_payment(city: PaymentsCity) -> tuple[Payment, StatusReport]:
    """A payment whose bank is silent, and the report that would settle it."""
    payment = await city.initiate(city.order(Money(9_10, "HKD")))
    await city.settle()
    payment = await city.load(payment.id)
    assert payment.state == "sent"
    return payment, StatusReport(
        original_message_id=payment.sent_message_id, original_definition="pacs.008.001.08",
        end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
        uetr=payment.uetr, status="ACCC", amount=payment.amount,
    )

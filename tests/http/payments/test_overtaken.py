"""What others commit between the look at a payment and the statement that ends it is not missed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from lionrock.directory.api import REPLAY_REALM, Status
from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.signatures import SignatureRefusal
from lionrock.ledger.api import TransferResult
from lionrock.payments.api import (
    SWITCH_MEMBER,
    Envelope,
    Header,
    StatusReport,
    uetr_of,
    write_envelope,
)
from lionrock.payments.domain.iso20022 import CancellationRequest
from lionrock.payments.domain.payments import Payment
from lionrock.payments.sealing import Vault
from lionrock.payments.service.booking import end_of
from lionrock.payments.service.brought import Brought
from lionrock.payments.service.intake import Delivery
from lionrock.payments.service.switch import Found, Switch
from lionrock.payments.store import messages
from lionrock.payments.store.messages import Message
from tests.http.payments.test_driven_here import banks_work, states
from tests.http.payments.test_ledger_first import send_bundle, transfer_message
from tests.http.payments.test_transfers import only_payment, pay
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity

HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("what", ["recall", "message", "none"])
async def test_what_happens_between_the_look_and_the_end_is_not_overlooked(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    look, looks = Switch.look, list[Sequence[Payment]]()

    async def look_and_be_overtaken(
        switch: Switch, db: Connection, final: Sequence[Payment]
    ) -> Found:
        found = await look(switch, db, final)
        if what != "none" and not looks:
            await city.kernel.database.run(partial(overtake, city, what, final[0]))
        looks.append(final)
        return found

    monkeypatch.setattr(Switch, "look", look_and_be_overtaken)
    await pay(city)
    await banks_work(city, until={"settled"}, is_clear=False)
    await city.settle()
    assert len(looks) == (1 if what == "none" else 2), "it was looked at once more"
    assert set(await states(city)) == {"settled"}, "the payment, and what came back of it"
    if what == "recall":
        recalls = await city.kernel.database.run(
            lambda db: db.fetch("SELECT state FROM payments.recalls"))
        assert [row["state"] for row in recalls] == ["returned"], "its bank was asked, and agreed"
    if what == "message":
        digests = await city.kernel.database.run(lambda db: db.fetchval(
            "SELECT jws FROM evidence.receipts WHERE kind = 'payments.payment_settled'"))
        told = msgspec.json.decode(base64.urlsafe_b64decode(digests.split(".")[1] + "=="))
        assert "pacs.002.001.10.2" in told["digests"], "both of the bank's answers"


async def overtake(city: PaymentsCity, what: str, payment: Payment, db: Connection) -> None:
    """What another front may commit meanwhile: a recall, or another answer of the bank."""
    if what == "message":
        now = city.kernel.business_clock.now()
        await messages.insert_message(db, Vault(city.kernel.key_store), Message(
            id=city.kernel.ids.new("msg"), payment_id=payment.id, subject_id=payment.id,
            direction="in", organisation_id=HARBOUR, definition="pacs.002.001.10",
            message_id="ANOTHER", digest=bytes(32), recorded_at=now,
        ), b"<another/>")  # fmt: skip
        return
    sender = await city.payments.participant(db, LANTAU)
    assert sender is not None
    taken = await city.payments.recalls.take_request(
        db, sender,
        Header(from_member="512", to_member=SWITCH_MEMBER, message_id="RCL-1",
               created_at=city.kernel.business_clock.now()),
        CancellationRequest(
            recall_id="RCL-1", original_message_id=payment.original_message_id,
            original_definition="pacs.008.001.08", end_to_end_id=payment.end_to_end_id,
            transaction_id=payment.transaction_id, uetr=payment.uetr, amount=payment.amount,
            reason_code="DUPL",
        ),
    )  # fmt: skip
    assert not isinstance(taken, Refused), taken


@pytest.mark.usefixtures("here")
async def test_two_messages_of_one_rejected_payment_in_a_bundle_hinder_nobody(
    city: PaymentsCity,
) -> None:
    await city.kernel.database.run(
        lambda db: city.directory.set_status(db, HARBOUR, Status.SUSPENDED, operator="iris")
    )
    first = transfer_message(city, "one", uetr_of("pay_one"), 7_00)
    again = Envelope(msgspec.structs.replace(first.header, message_id="two"), first.document)
    assert await send_bundle(city, LANTAU, [first, again]) == [202, 202]
    told = await city.kernel.database.run(lambda db: db.fetchval(
        "SELECT count(*) FROM payments.messages WHERE direction = 'out' AND is_outcome"))
    assert (await states(city), told) == (["rejected"], 1)


@pytest.mark.usefixtures("here")
async def test_an_answer_under_a_used_nonce_decides_nothing(city: PaymentsCity) -> None:
    reply = await pay(city, amount="9.10")  # taken, and never answered
    await banks_work(city, until={"sent"}, is_clear=False)
    payment = await only_payment(city)
    assert reply.status == 202
    used = replay.value_of(REPLAY_REALM, "harbour/once", city.kernel.wire_clock.now() + HOUR)
    await city.kernel.database.run(lambda db: replay.remember_all(db, [[used]]))
    sender = await city.kernel.database.run(lambda db: city.payments.participant(db, HARBOUR))
    assert sender is not None
    assert payment.sent_message_id
    envelope = Envelope(
        Header(from_member="307", to_member=SWITCH_MEMBER, message_id="ANSWER",
               created_at=city.kernel.business_clock.now()),
        StatusReport(
            original_message_id=payment.sent_message_id, original_definition="pacs.008.001.08",
            end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
            uetr=payment.uetr, status="ACCC", amount=payment.amount, reason_code="",
        ),
    )  # fmt: skip
    brought = Brought(sender, envelope, write_envelope(envelope))
    signer = HARBOUR, city.world.context.key_store.get_or_create(HARBOUR).kid
    told = await city.payments.intake.take(Delivery([brought], used, signer))
    assert isinstance(told, Refused)
    assert told.refusal is SignatureRefusal.REPLAYED
    [ended] = await city.ledger.create_transfers([
        end_of(msgspec.structs.replace(payment, outcome="reject"))
    ])
    assert ended.result is TransferResult.OK, "nobody had posted it"

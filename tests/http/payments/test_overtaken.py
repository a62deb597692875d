"""What others commit between the look at a payment and the statement that ends it is not missed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial

import msgspec
import pytest

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.api import SWITCH_MEMBER, Header
from lionrock.payments.domain.iso20022 import CancellationRequest
from lionrock.payments.domain.payments import Payment
from lionrock.payments.sealing import Vault
from lionrock.payments.service.switch import Found, Switch
from lionrock.payments.store import messages
from lionrock.payments.store.messages import Message
from tests.http.payments.test_driven_here import banks_work, states
from tests.http.payments.test_transfers import pay
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity


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
    # Taken alone, it is carried out by a worker.
    after = "settled" if what == "none" else "answered"
    await banks_work(city, until={after}, is_clear=False)
    await city.settle()
    assert len(looks) == 1
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

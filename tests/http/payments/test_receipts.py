"""What receipts hold of a payment: every message once it has ended."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from typing import Any

import pytest

from tests.http.payments.test_bank_simulation import pay, put, states
from tests.http.payments.test_transfers import pay as pay_at_counter
from tests.unit.payments.city import PaymentsCity

RECEIVED = "payments.message_received"
SETTLED, REJECTED = "payments.payment_settled", "payments.payment_rejected"


@pytest.mark.parametrize(("weather", "kinds", "state"), [
    ({}, [SETTLED], "settled"),
    ({"refusal_percent": 100}, [REJECTED], "rejected"),
    # Nobody answers until the time is over; what comes afterwards has a receipt of its own.
    ({"silence_percent": 100}, [REJECTED], "rejected"),
    ({"late_percent": 100, "late_ms": 40_000}, [REJECTED, RECEIVED], "rejected"),
    ({"duplicate_percent": 100}, [SETTLED, RECEIVED], "settled"),
])  # fmt: skip
async def test_every_message_of_an_ended_payment_is_in_a_receipt(
    city: PaymentsCity, weather: dict[str, Any], kinds: list[str], state: str
) -> None:
    await put(city, **weather)
    await pay(city, "A")
    await city.settle()
    await city.pass_seconds(60, step=5)
    assert {each for each, _ in (await states(city)).values()} == {state}
    receipts = await city.receipts()
    assert Counter(receipt["kind"] for receipt in receipts) == Counter(kinds)
    [payment_id] = {receipt["references"]["payment_id"] for receipt in receipts}
    held = {digest for receipt in receipts for digest in receipt["digests"].values()}
    messages = await city.messages(payment_id)
    assert len(messages) >= 3
    for definition, raw in messages:
        assert hashlib.sha256(raw).hexdigest() in held, definition


@pytest.mark.parametrize("is_here", [False, True], ids=["worker", "front"])
async def test_what_the_ledger_does_not_hold_has_its_order_in_the_receipt_of_its_end(
    city: PaymentsCity, is_here: bool
) -> None:
    front = asyncio.create_task(city.payments.here.run_for_ever()) if is_here else None
    await asyncio.sleep(0)
    assert (await pay_at_counter(city, amount="4900.00")).status == 202
    await city.settle()
    if front is not None:
        front.cancel()
    [rejected] = await city.receipts()
    assert rejected["kind"] == REJECTED
    messages = await city.messages(rejected["references"]["payment_id"])
    assert [kind for kind, _ in messages] == ["pacs.008.001.08", "pacs.002.001.10"]
    held = set(rejected["digests"].values())
    assert {hashlib.sha256(raw).hexdigest() for _, raw in messages} <= held


async def test_what_waits_for_its_round_has_a_receipt_as_soon_as_it_is_taken(
    city: PaymentsCity,
) -> None:
    await pay_at_counter(city, service_class="C2")
    await city.settle()
    [accepted] = await city.receipts()
    assert accepted["kind"] == "payments.payment_accepted"
    [(_, ordered)] = await city.messages(accepted["references"]["payment_id"])
    assert accepted["digests"]["pacs.008.001.08"] == hashlib.sha256(ordered).hexdigest()


async def test_the_receipt_of_the_end_says_what_was_asked_answered_and_told(
    city: PaymentsCity,
) -> None:
    await pay(city, "A")
    await city.settle()
    [settled] = await city.receipts()
    messages = await city.messages(settled["references"]["payment_id"])
    digests = [hashlib.sha256(raw).hexdigest() for _, raw in messages]
    ordered, asked, answered, *told = digests
    assert settled["digests"]["ordered.pacs.008.001.08"] == ordered
    assert settled["digests"]["pacs.008.001.08"] == asked
    assert settled["digests"]["pacs.002.001.10"] == answered
    by_receiver = {
        digest for name, digest in settled["digests"].items()
        if name.startswith("pacs.002.001.10.")
    }
    assert by_receiver == set(told) and len(told) == 2
    assert len(settled["digests"]["order"]) == 64

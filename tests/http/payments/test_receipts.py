"""What receipts hold of a payment: every message once it has ended."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pytest

from tests.http.payments.test_bank_simulation import pay, put, states
from tests.unit.payments.city import PaymentsCity

ACCEPTED, RECEIVED = "payments.payment_accepted", "payments.message_received"
SETTLED, REJECTED = "payments.payment_settled", "payments.payment_rejected"


@pytest.mark.parametrize(("weather", "kinds", "state"), [
    ({}, [ACCEPTED, SETTLED], "settled"),
    ({"refusal_percent": 100}, [ACCEPTED, REJECTED], "rejected"),
    # Nobody answers until the time is over; what comes afterwards has a receipt of its own.
    ({"silence_percent": 100}, [ACCEPTED, REJECTED], "rejected"),
    ({"late_percent": 100, "late_ms": 40_000}, [ACCEPTED, REJECTED, RECEIVED], "rejected"),
    ({"duplicate_percent": 100}, [ACCEPTED, SETTLED, RECEIVED], "settled"),
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


async def test_the_receipt_of_the_end_says_what_was_asked_answered_and_told(
    city: PaymentsCity,
) -> None:
    await pay(city, "A")
    await city.settle()
    accepted, settled = await city.receipts()
    messages = await city.messages(accepted["references"]["payment_id"])
    digests = [hashlib.sha256(raw).hexdigest() for _, raw in messages]
    ordered, asked, answered, *told = digests
    assert accepted["digests"]["pacs.008.001.08"] == ordered
    assert settled["digests"]["pacs.008.001.08"] == asked
    assert settled["digests"]["pacs.002.001.10"] == answered
    by_receiver = {
        digest for name, digest in settled["digests"].items()
        if name.startswith("pacs.002.001.10.")
    }
    assert by_receiver == set(told) and len(told) == 2
    assert accepted["digests"]["order"] == settled["digests"]["order"]

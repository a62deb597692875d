"""A bank that asks and asks: a storm of status enquiries is refused with a time, and runs dry."""

from __future__ import annotations

from typing import Any

from lionrock.kernel.network import Reply
from lionrock.payments.api import Payment, StatusRequest
from tests.attack.payments.hostile import reject_in
from tests.http.payments.test_transfers import only_payment, pay
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.debit_city import post


def question(payment: Payment, **changes: Any) -> StatusRequest:
    """The payer's bank's question about its payment."""
    asked: dict[str, Any] = {
        "original_message_id": payment.original_message_id,
        "original_definition": "pacs.008.001.08", "transaction_id": payment.transaction_id,
        "uetr": payment.uetr,
    }
    return StatusRequest(**(asked | changes))


def refusal(reply: Reply) -> tuple[int, str, int]:
    """Status, stable code, and the seconds after which to come again."""
    return reply.status, reject_in(reply).reason, int(reply.headers.get("retry-after", 0))


async def test_a_first_question_comes_when_the_payment_is_old_enough(city: PaymentsCity) -> None:
    await pay(city, amount="9.10")
    await city.settle()
    payment = await only_payment(city)
    early = await post(city, LANTAU, question(payment))
    assert refusal(early) == (429, "payments.enquiry_early", 6)
    city.pass_business_time(seconds=5)
    assert (await post(city, LANTAU, question(payment))).status == 202


async def test_a_payment_is_asked_about_three_times(city: PaymentsCity) -> None:
    await pay(city, amount="9.10")
    await city.settle()
    payment = await only_payment(city)
    city.pass_business_time(seconds=6)
    statuses = [(await post(city, LANTAU, question(payment))).status for _ in range(3)]
    assert statuses == [202] * 3
    spent = refusal(await post(city, LANTAU, question(payment)))
    assert spent == (429, "payments.enquiries_spent", 3600)
    # The other bank has questions of its own, and the outcome comes unasked.
    theirs = question(payment, original_message_id=payment.sent_message_id)
    assert (await post(city, HARBOUR, theirs)).status == 202
    await city.pass_seconds(22)
    assert (await city.load(payment.id)).state == "rejected"
    told = [raw for kind, raw in await city.messages(payment.id) if b"RJCT" in raw]
    assert len(told) == 2


async def test_a_storm_runs_dry_and_takes_nothing_from_others_or_from_look_ups(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.10")
    await city.settle()
    payment = await only_payment(city)
    city.pass_business_time(seconds=6)
    replies = [await post(city, LANTAU, question(payment)) for _ in range(202)]
    assert [reply.status for reply in replies[:3]] == [202] * 3
    assert {reject_in(reply).reason for reply in replies[3:200]} == {"payments.enquiries_spent"}
    assert refusal(replies[200])[:2] == (429, "payments.enquiries_exhausted")
    # One comes back each second, and other messages were never in the way.
    assert (await pay(city, end_to_end_id="TEA-2", amount="1.00")).status == 202
    city.clock.advance(seconds=1)
    assert refusal(await post(city, LANTAU, question(payment)))[1] == "payments.enquiries_spent"
    theirs = question(payment, original_message_id=payment.sent_message_id)
    assert (await post(city, HARBOUR, theirs)).status == 202


async def test_a_question_that_says_other_things_than_the_payment_is_refused(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.10")
    await city.settle()
    payment = await only_payment(city)
    city.pass_business_time(seconds=6)
    for changes in ({"original_message_id": "guessed"}, {"transaction_id": "guessed"}):
        reply = await post(city, LANTAU, question(payment, **changes))
        assert refusal(reply)[:2] == (409, "payments.original_differs")
    unknown = question(payment, uetr="6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c")
    assert refusal(await post(city, LANTAU, unknown))[:2] == (404, "payments.transaction_unknown")

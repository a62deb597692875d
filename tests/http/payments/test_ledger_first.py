"""Money is held before a payment is written, and an answer is carried out before it is recorded.

So a process can die in between, and two who decide can meet in the ledger: it says how it ended.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any, Literal

import asyncpg
import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.ledger.api import TransferDraft, TransferResult
from lionrock.payments.api import (
    BUNDLE_TYPE,
    BUNDLES_PATH,
    SWITCH_MEMBER,
    CreditTransfer,
    Envelope,
    Header,
    PartyAccount,
    StatusReport,
    read_answers,
    settlement_date_of,
    uetr_of,
    write_bundle,
    write_envelope,
)
from lionrock.payments.domain.payments import Outcome, Payment
from lionrock.payments.service import plain
from lionrock.payments.service.booking import HOLD_S, end_of, ended_as
from lionrock.payments.service.intake import Intake
from lionrock.payments.service.plain import PlainMessages
from lionrock.payments.store.objections import Objections, find_objections
from tests.http.payments.test_daily_limits import limit, sent
from tests.http.payments.test_driven_here import banks_work, states
from tests.http.payments.test_transfers import only_payment, pay, statement
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    PaymentsCity,
)
from tests.unit.payments.treasury import begin, call, end_day, reconciled

FUNDED_MINOR, PAID_MINOR = 3_000_00, 250_00
_YES_AND_NO: tuple[tuple[Literal["ACCC", "RJCT"], str], ...] = (("ACCC", ""), ("RJCT", "AC04"))


async def available(city: PaymentsCity) -> tuple[int, int]:
    """What the payer's and the payee's bank may spend, against what they had at first."""
    return (
        await city.available(await city.settlement_id(LANTAU)) - FUNDED_MINOR,
        await city.available(await city.settlement_id(HARBOUR)) - FUNDED_MINOR,
    )


async def carry_out(city: PaymentsCity, outcome: Outcome) -> Payment:
    """What a front does with a bank's answer before it dies: the ledger knows, the table not."""
    payment = await only_payment(city)
    assert payment.state == "sent"
    code = "AC04" if outcome == "reject" else ""
    decided = msgspec.structs.replace(
        payment, state="answered", outcome=outcome, reason_code=code, reason_text=code
    )
    [told] = await city.ledger.create_transfers([end_of(decided)])
    assert told.result is TransferResult.OK
    return payment


class Broken:
    """`PlainMessages.save` of a process that dies before it has written anything."""

    def __init__(self) -> None:
        self.count = 0

    async def save(self, *_args: object, **_more: object) -> None:
        """Break like a connection that is lost: whether it was committed is not known."""
        self.count += 1
        raise ConnectionResetError("the process is gone")


async def test_a_time_out_that_comes_after_the_payment_was_posted_settles_it(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.10")  # taken, and never answered
    await city.settle()
    await carry_out(city, "accept")
    await city.pass_seconds(city.kernel.settings.payment_answer_timeout_ms / 1000 + 3)
    payment = await only_payment(city)
    assert (payment.state, payment.outcome, payment.reason_code) == ("settled", "accept", "")
    assert await available(city) == (-9_10, 9_10)
    told = [raw for kind, raw in await city.messages(payment.id) if kind == "pacs.002.001.10"]
    assert len(told) == 2
    assert all(b"<TxSts>ACSC</TxSts>" in raw for raw in told), "nobody was told otherwise"
    assert (await statement(city, LANTAU, TEA_ACCOUNT))[1] == ["paid"]


async def test_what_the_ledger_has_posted_is_stated_though_its_record_is_still_to_come(
    city: PaymentsCity, business_clock: FrozenClock
) -> None:
    await begin(city)
    await pay(city, amount="9.10")  # taken, and never answered
    await city.settle()
    posted = await carry_out(city, "accept")
    await end_day(city, business_clock)
    assert (await only_payment(city)).state == "sent"
    made = await reconciled(city, date(2026, 2, 20))
    assert made.differences == ()
    status, listed = await call(city, "GET", "statements?currency=HKD")
    assert status == 200
    _, shown = await call(city, "GET", f"statements/{listed['statements'][0]['id']}?format=json")
    assert ("credit_transfer", posted.uetr) in [(e["kind"], e["uetr"]) for e in shown["entries"]]


async def test_an_acceptance_that_comes_after_the_money_was_given_back_is_rejected(
    city: PaymentsCity,
) -> None:
    await pay(city)
    await city.world.worker.run_due()
    await city.platform_worker.run_due()
    await carry_out(city, "reject")
    await city.settle()
    payment = await only_payment(city)
    assert (payment.state, payment.outcome) == ("rejected", "reject")
    assert payment.reason_code, "a rejection has a reason"
    assert await available(city) == (0, 0)
    told = [raw for _, raw in await city.messages(payment.id) if b"<TxSts>RJCT" in raw]
    assert len(told) == 2, "both banks"
    assert await statement(city, HARBOUR, FIRM_ACCOUNT) == ("1000.00", ["reversed"])


@pytest.mark.usefixtures("here")
async def test_a_message_whose_front_died_after_the_hold_is_paid_once_when_it_comes_again(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken()
    with monkeypatch.context() as dying:
        dying.setattr(PlainMessages, "save", broken.save)
        await pay(city)
        await city.world.worker.run_due()
    assert broken.count, "it came to the ledger"
    assert await states(city) == []
    assert await available(city) == (-PAID_MINOR, 0), "held, and nobody knows for what"
    await city.pass_seconds(5)
    await banks_work(city, until={"settled"})
    assert await available(city) == (-PAID_MINOR, PAID_MINOR)


@pytest.mark.usefixtures("here")
async def test_money_held_for_a_message_that_never_comes_again_is_free_after_a_day(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(PlainMessages, "save", Broken().save)
        await pay(city)
        await city.world.worker.run_due()
    assert await available(city) == (-PAID_MINOR, 0)
    city.pass_business_time(seconds=HOLD_S - 5)
    await tick(city)
    assert await available(city) == (-PAID_MINOR, 0)
    city.pass_business_time(seconds=10)
    await tick(city)
    assert await available(city) == (0, 0)


async def tick(city: PaymentsCity) -> None:
    """Have the ledger look at its clock: a transfer that it refuses."""
    refused = TransferDraft(
        id=city.kernel.ids.new_u128(), debit_account_id=1, credit_account_id=2, amount=1,
        ledger=344, code=1,
    )
    await city.ledger.create_transfers([refused])


@pytest.mark.usefixtures("here")
async def test_what_is_over_the_days_limit_is_held_and_given_back(city: PaymentsCity) -> None:
    await limit(city, HKD=PAID_MINOR + 1_00)
    await pay(city)
    await banks_work(city, until={"settled"})
    await pay(city, end_to_end_id="TEA-2", amount="1.01")
    await city.world.worker.run_due()
    assert sorted(await states(city)) == ["answered", "settled"]
    await city.settle()
    assert sorted(await states(city)) == ["rejected", "settled"]
    assert await available(city) == (-PAID_MINOR, PAID_MINOR)
    assert await sent(city) == {"HKD": PAID_MINOR}
    statuses = (await statement(city, LANTAU, TEA_ACCOUNT))[1]
    assert sorted(statuses) == ["paid", "returned"]


@pytest.mark.usefixtures("here")
async def test_what_is_rejected_after_all_when_it_is_taken_alone_is_given_back(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    await limit(city, HKD=PAID_MINOR + 1_00)

    async def collide(*_args: object, **_more: object) -> None:
        raise asyncpg.RaiseError("overtaken")

    with monkeypatch.context() as crowded:
        crowded.setattr(PlainMessages, "save", collide)
        await pay(city)
        await pay(city, end_to_end_id="TEA-2", amount="1.01")
        for _ in range(3):
            await city.world.worker.run_due()
        assert sorted(await states(city)) == ["accepted", "rejected"]
        assert await available(city) == (-PAID_MINOR, 0), "the one is held, the other is not"
    await city.settle()
    assert sorted(await states(city)) == ["rejected", "settled"]
    assert await available(city) == (-PAID_MINOR, PAID_MINOR)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("is_seen_before", [True, False], ids=["seen", "meanwhile"])
async def test_a_used_uetr_is_refused_and_nothing_stays_held(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch, is_seen_before: bool
) -> None:
    reply = await pay(city)
    await banks_work(city, until={"settled"})
    uetr = str(msgspec.json.decode(reply.body)["uetr"])
    if not is_seen_before:
        # The other one is committed after the look and before the insertion.
        async def none_there(db: Connection, role: str, **asked: Any) -> Objections:
            return await find_objections(db, role, **asked | {"uetrs": ()})

        monkeypatch.setattr(plain, "find_objections", none_there)
    exchange = await city.post_message(LANTAU, transfer_message(city, "another", uetr, 7_00))
    assert exchange.reply.status == 409
    assert b"transaction_id_reused" in exchange.reply.body
    assert await states(city) == ["settled"]
    assert await available(city) == (-PAID_MINOR, PAID_MINOR)


def transfer_message(city: PaymentsCity, name: str, uetr: str, amount_minor: int) -> Envelope:
    """A pacs.008 of the payer's bank, under one name for everything."""
    now = city.kernel.business_clock.now()
    transfer = CreditTransfer(
        settlement_date=settlement_date_of(now), end_to_end_id=name, transaction_id=name,
        uetr=uetr, amount=Money(amount_minor, "HKD"),
        debtor=PartyAccount(name="Little Tea", account=TEA_ACCOUNT, member="512"),
        creditor=PartyAccount(name="Harbour Robotics", account=FIRM_ACCOUNT, member="307"),
    )
    header = Header(
        from_member="512", to_member=SWITCH_MEMBER, message_id=name, created_at=now
    )
    return Envelope(header, transfer)


async def send_bundle(
    city: PaymentsCity, sender_id: str, envelopes: list[Envelope]
) -> list[int]:
    """Send messages as one bundle; the statuses of their answers."""
    body = write_bundle([write_envelope(each) for each in envelopes])
    exchange = await city.call(sender_id, BUNDLES_PATH, body, media_type=BUNDLE_TYPE)
    assert exchange.reply.status == 200, exchange.reply.body
    answers = read_answers(exchange.reply.body, len(envelopes))
    assert answers is not None, exchange.reply.body
    return [each.status for each in answers]


def forbid_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that fails for all is a fault."""

    async def alone(*_args: object, **_more: object) -> None:
        raise RuntimeError("the round failed, and each message was taken alone")

    monkeypatch.setattr(Intake, "_take_alone", alone)


@pytest.mark.usefixtures("here")
async def test_two_messages_of_one_name_in_one_round_hinder_nobody(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_alone(monkeypatch)
    first = transfer_message(city, "same", uetr_of("a"), 1_00)
    other = transfer_message(city, "same", uetr_of("b"), 2_00)
    third = transfer_message(city, "third", uetr_of("c"), 4_00)
    assert await send_bundle(city, LANTAU, [first, other, first, third]) == [202, 409, 202, 202]
    await banks_work(city, until={"settled"})
    assert await available(city) == (-5_00, 5_00)


@pytest.mark.usefixtures("here")
async def test_a_bank_that_says_yes_and_no_in_one_bundle_hinders_nobody(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(city, amount="9.10")  # taken, and never answered by itself
    await banks_work(city, until={"sent"}, is_clear=False)
    forbid_alone(monkeypatch)
    payment = await only_payment(city)
    answers = [
        Envelope(
            Header(
                from_member="307", to_member=SWITCH_MEMBER, message_id=f"answer-{status}",
                created_at=city.kernel.business_clock.now(),
            ),
            StatusReport(
                original_message_id=payment.sent_message_id,
                original_definition="pacs.008.001.08", end_to_end_id=payment.end_to_end_id,
                transaction_id=payment.transaction_id, uetr=payment.uetr, status=status,
                amount=payment.amount, reason_code=code,
            ),
        )
        for status, code in _YES_AND_NO
    ]
    assert await send_bundle(city, HARBOUR, answers) == [202, 202]
    await banks_work(city, until={"settled"}, is_clear=False)
    # Whoever said otherwise is told again, by a job.
    await city.settle()
    assert await available(city) == (-9_10, 9_10)
    rows = await city.kernel.database.read(
        lambda db: city.payments.message_rows(db, payment.id))
    assert sum(row.is_outcome for row in rows) == 2, "one for each bank"


@pytest.mark.usefixtures("here")
async def test_messages_are_listed_in_the_order_in_which_they_came_and_went(
    city: PaymentsCity,
) -> None:
    await pay(city)
    await banks_work(city, until={"settled"})
    payment = await only_payment(city)
    rows = await city.kernel.database.read(
        lambda db: city.payments.message_rows(db, payment.id))
    assert [(row.direction, row.definition[:8]) for row in rows] == [
        ("in", "pacs.008"), ("out", "pacs.008"), ("in", "pacs.002"), ("out", "pacs.002"),
        ("out", "pacs.002"),
    ]


@pytest.mark.usefixtures("here")
async def test_two_payments_of_one_moment_are_both_paid_though_each_waits_for_the_other(
    city: PaymentsCity,
) -> None:
    names = [f"TEA-{number}" for number in range(8)]
    await asyncio.gather(*(pay(city, end_to_end_id=name, amount="1.00") for name in names))
    await banks_work(city, until={"settled"})
    assert await states(city) == ["settled"] * len(names)
    assert await available(city) == (-8_00, 8_00)


def decided(outcome: str, code: str = "") -> Any:
    """A payment of which only its outcome matters."""
    class Shape(msgspec.Struct):
        id: str = "pay_1"
        outcome: str = ""
        reason_code: str = ""
        reason_text: str = ""

    return Shape(outcome=outcome, reason_code=code, reason_text=code)


@pytest.mark.parametrize(
    ("outcome", "code", "result", "after"),
    [
        ("accept", "", TransferResult.OK, ("accept", "")),
        ("accept", "", TransferResult.EXISTS, ("accept", "")),
        ("accept", "", TransferResult.PENDING_TRANSFER_ALREADY_VOIDED, ("reject", "ED05")),
        ("accept", "", TransferResult.PENDING_TRANSFER_EXPIRED, ("reject", "ED05")),
        ("reject", "AB05", TransferResult.PENDING_TRANSFER_ALREADY_POSTED, ("accept", "")),
        ("reject", "AB05", TransferResult.PENDING_TRANSFER_ALREADY_VOIDED, ("reject", "AB05")),
        ("reject", "AB05", TransferResult.PENDING_TRANSFER_EXPIRED, ("reject", "AB05")),
    ],
)
def test_the_ledger_says_how_it_ended(
    outcome: str, code: str, result: TransferResult, after: tuple[str, str]
) -> None:
    ended = ended_as(decided(outcome, code), result)
    assert (ended.outcome, ended.reason_code) == after


def test_anything_else_that_the_ledger_says_to_an_end_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError, match="pay_1"):
        ended_as(decided("accept"), TransferResult.PENDING_TRANSFER_NOT_FOUND)

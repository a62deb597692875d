"""Liquidity, repos, alerts and positions over the real switch with two banks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import TransferDraft
from lionrock.payments.api import (
    LEDGER_OF_CURRENCY,
)
from lionrock.payments.settlement.errors import ERRORS, SettlementRefusal
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.treasury import (
    CENTRAL_MINOR,
    FUNDED_MINOR,
    UETR,
    alert_codes,
    call,
    endow,
    move,
    send,
    settle_slowly,
    transfer_of,
)


@pytest.fixture
def business(business_clock: FrozenClock) -> FrozenClock:
    """The business clock, to move."""
    return business_clock


async def test_liquidity_comes_in_from_the_central_account_on_both_books_at_once(
    city: PaymentsCity
) -> None:
    await endow(city)
    reply = await send(city, move("in", 1_000_00))
    assert reply.status == 202
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 1_000_00
    shown = await transfer_of(city, "liq1")
    assert (shown["state"], shown["kind"], shown["simulated"]) == ("settled", "in", True)


async def test_liquidity_goes_out_and_comes_back_to_the_central_account(
    city: PaymentsCity
) -> None:
    await endow(city)
    await send(city, move("out", 2_000_00))
    await send(city, move("in", CENTRAL_MINOR + 2_000_00, number=2), "m2")
    shown = await transfer_of(city, "liq2")
    assert shown["state"] == "settled"
    settlement = await city.settlement_id(HARBOUR)
    assert await city.available(settlement) == FUNDED_MINOR + CENTRAL_MINOR


@pytest.mark.parametrize(("direction", "amount_minor"), [
    ("in", CENTRAL_MINOR + 1), ("out", FUNDED_MINOR + 1),
])
async def test_liquidity_that_is_not_there_is_rejected_on_both_books(
    city: PaymentsCity, direction: str, amount_minor: int
) -> None:
    await endow(city)
    await send(city, move(direction, amount_minor))
    shown = await transfer_of(city, "liq1")
    assert (shown["state"], shown["reason_code"]) == ("rejected", "AM04")
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR
    await send(city, move("in", CENTRAL_MINOR, number=2), "m2")
    assert (await transfer_of(city, "liq2"))["state"] == "settled", "nothing was taken before"


async def test_a_liquidity_transfer_after_hours_is_rejected(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await endow(city)
    business.advance(seconds=2 * 3600)
    await send(city, move("in", 1_00))
    shown = await transfer_of(city, "liq1")
    assert (shown["state"], shown["reason_code"]) == ("rejected", "TM01")


async def test_the_same_liquidity_transfer_under_another_message_moves_once(
    city: PaymentsCity
) -> None:
    await endow(city)
    for number in (1, 2, 3):
        assert (await send(city, move("in", 1_00), f"m{number}")).status == 202
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 1_00


@pytest.mark.parametrize("changes", [
    {"amount": Money(2_00, "HKD")}, {"direction": "out"}, {"uetr": UETR.format(9)},
    {"transaction_id": "liq9"},
])
async def test_a_used_identifier_with_other_content_is_refused(
    city: PaymentsCity, changes: dict[str, Any]
) -> None:
    await endow(city)
    await send(city, move("in", 1_00))
    changed = msgspec.structs.replace(move("in", 1_00), **changes)
    reply = await send(city, changed, "m2")
    assert reply.status == 409
    assert b"payments.liquidity_reused" in reply.body


async def test_a_participant_cannot_move_the_money_of_another(city: PaymentsCity) -> None:
    reply = await send(city, move("in", 1_00, member="512"))
    assert reply.status == 400
    assert b"payments.agent_differs" in reply.body


async def test_a_repo_is_lent_after_hours_and_repaid_at_the_next_opening(
    city: PaymentsCity, business: FrozenClock
) -> None:
    business.advance(seconds=3 * 3600)
    body = {"amount": "500.00", "currency": "HKD", "end_to_end_id": "REPO-1"}
    status, lent = await call(city, "POST", "repos", body)
    assert (status, lent["kind"], lent["simulated"]) == (202, "repo", True)
    await city.settle()
    settlement = await city.settlement_id(HARBOUR)
    assert await city.available(settlement) == FUNDED_MINOR + 500_00
    assert (await call(city, "POST", "repos", body))[1]["id"] == lent["id"], "asked again"
    again = {**body, "end_to_end_id": "REPO-2"}
    status, refused = await call(city, "POST", "repos", again)
    assert (status, refused["code"]) == (409, "payments.repo_outstanding")
    business.advance(seconds=(datetime(2026, 2, 23, 0, 31, tzinfo=UTC) - business.now())
                     .total_seconds())
    await settle_slowly(city)
    assert await city.available(settlement) == FUNDED_MINOR
    assert (await transfer_of(city, "REPO-1"))["state"] == "settled"


async def test_a_repo_that_cannot_be_repaid_is_repaid_once_the_money_is_there(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await endow(city)
    business.advance(seconds=3 * 3600)
    await call(city, "POST", "repos",
               {"amount": "500.00", "currency": "CNY", "end_to_end_id": "REPO-1"})
    await city.settle()
    settlement = await city.settlement_id(HARBOUR, "CNY")
    [draft] = [TransferDraft(
        id=77, debit_account_id=settlement, amount=500_00, ledger=LEDGER_OF_CURRENCY["CNY"],
        credit_account_id=await city.settlement_id(LANTAU, "CNY"), code=1,
    )]
    await city.ledger.create_transfers([draft])
    business.advance(seconds=(datetime(2026, 2, 23, 0, 31, tzinfo=UTC) - business.now())
                     .total_seconds())
    await settle_slowly(city)
    await endow(city, currency="CNY")
    await send(city, move("in", 600_00, amount=Money(600_00, "CNY")))
    assert await city.available(settlement) == 600_00
    await city.pass_seconds(1_201, step=400)
    assert await city.available(settlement) == 100_00


@pytest.mark.parametrize(("body", "hours", "code"), [
    ({"amount": "1.00"}, 0, "payments.central_open"),
    ({"amount": "0.00"}, 3, "payments.repo_above_limit"),
    ({"amount": "50000000.01"}, 3, "payments.repo_above_limit"),
    ({"amount": "1.00", "currency": "USD"}, 3, "payments.amount_out_of_range"),
    ({"amount": "1.00", "end_to_end_id": "no spaces"}, 3, "payments.liquidity_malformed"),
])
async def test_a_repo_that_is_not_lent_says_why(
    city: PaymentsCity, business: FrozenClock, body: dict[str, str], hours: int, code: str
) -> None:
    business.advance(seconds=hours * 3600)
    asked = {"currency": "HKD", "end_to_end_id": "REPO-1", **body}
    _status, refused = await call(city, "POST", "repos", asked)
    assert refused["code"] == code


async def test_the_same_name_with_another_repo_is_refused(
    city: PaymentsCity, business: FrozenClock
) -> None:
    business.advance(seconds=3 * 3600)
    asked = {"amount": "1.00", "currency": "HKD", "end_to_end_id": "REPO-1"}
    await call(city, "POST", "repos", asked)
    _status, refused = await call(city, "POST", "repos", {**asked, "amount": "2.00"})
    assert refused["code"] == "payments.liquidity_reused"


async def test_an_alert_is_raised_once_below_and_cleared_once_above_and_does_not_flap(
    city: PaymentsCity
) -> None:
    await endow(city)
    body = {"currency": "HKD", "low": "2500.00", "clear": "4000.00"}
    status, shown = await call(city, "PUT", "thresholds", body)
    assert (status, shown) == (200, body)
    await city.pass_seconds(3)
    assert await alert_codes(city) == []
    await send(city, move("out", 600_00))
    await city.pass_seconds(3)
    assert await alert_codes(city) == ["LIQL"]
    await send(city, move("in", 500_00, number=2), "m2")  # 2,900.00: between the two
    await send(city, move("out", 500_00, number=3), "m3")
    await city.pass_seconds(3)
    assert await alert_codes(city) == ["LIQL"]
    status, shown = await call(city, "GET", "positions")
    assert [each["is_alerted"] for each in shown["positions"]
            if each["currency"] == "HKD"] == [True]
    await send(city, move("in", 1_600_00, number=4), "m4")
    await city.pass_seconds(3)
    assert await alert_codes(city) == ["LIQL", "LIQN"]


@pytest.mark.parametrize(("low", "clear"), [
    ("1.00", "1.00"), ("2.00", "1.00"), ("0.00", "1.00"), ("1", "x"),
])
async def test_a_threshold_that_would_flap_is_refused(
    city: PaymentsCity, low: str, clear: str
) -> None:
    body = {"currency": "HKD", "low": low, "clear": clear}
    status, refused = await call(city, "PUT", "thresholds", body)
    assert (status, refused["code"]) == (400, "payments.threshold_malformed")


async def test_positions_tell_balance_reserved_and_available_money(city: PaymentsCity) -> None:
    status, shown = await call(city, "GET", "positions")
    assert status == 200
    [hkd] = [each for each in shown["positions"] if each["currency"] == "HKD"]
    assert (hkd["balance"], hkd["reserved"], hkd["available"]) == ("3000.00", "0.00", "3000.00")


def test_every_refusal_of_settlement_has_a_row() -> None:
    assert set(ERRORS) == set(SettlementRefusal)
    assert all(len(each.value) <= 35 for each in SettlementRefusal), "Max35Text of admi.002"


async def test_a_credit_at_the_central_institution_counts_once(city: PaymentsCity) -> None:
    central = city.payments.settlement.central
    credit_id = city.kernel.ids.new("crd")
    for _ in range(2):
        assert await central.credit(credit_id, HARBOUR, Money(5, "HKD")) == Money(5, "HKD")
    reused = await central.credit(credit_id, HARBOUR, Money(6, "HKD"))
    assert isinstance(reused, Refused)
    assert reused.refusal is SettlementRefusal.CREDIT_REUSED
    malformed = await central.credit("x", HARBOUR, Money(6, "HKD"))
    assert isinstance(malformed, Refused)
    assert malformed.refusal is SettlementRefusal.CREDIT_MALFORMED
    unknown = await central.credit(city.kernel.ids.new("crd"), "nobody", Money(6, "HKD"))
    assert isinstance(unknown, Refused)
    assert unknown.refusal is SettlementRefusal.ACCOUNT_NOT_OPEN
    await send(city, move("in", 6))
    assert (await transfer_of(city, "liq1"))["reason_code"] == "AM04", "five came, not ten"


async def test_without_an_open_account_in_the_currency_nothing_is_moved_lent_or_watched(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.settlement_accounts SET is_open = false WHERE currency = 'CNY'"
    ))
    reply = await send(city, move("in", 1_00, amount=Money(1_00, "CNY")))
    assert b"payments.account_not_open" in reply.body
    body = {"currency": "CNY", "low": "1.00", "clear": "2.00"}
    _status, refused = await call(city, "PUT", "thresholds", body)
    assert refused["code"] == "payments.account_not_open"
    business.advance(seconds=3 * 3600)
    asked = {"amount": "1.00", "currency": "CNY", "end_to_end_id": "REPO-1"}
    _status, refused = await call(city, "POST", "repos", asked)
    assert refused["code"] == "payments.account_not_open"

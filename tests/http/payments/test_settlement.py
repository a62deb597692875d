"""Liquidity, alerts, statements and reconciliation over the real switch with two banks."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from lxml import etree

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import TransferDraft
from lionrock.payments.api import (
    LEDGER_OF_CURRENCY,
    Envelope,
    Header,
    LiquidityTransfer,
    start,
)
from lionrock.payments.settlement.errors import ERRORS, SettlementRefusal
from lionrock.payments.settlement.store.statements import Reconciliation
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity

CENTRAL_MINOR = 50_000_00
FUNDED_MINOR = 3_000_00
UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b{:02x}"


@pytest.fixture
def business(business_clock: FrozenClock) -> FrozenClock:
    """The business clock, to move."""
    return business_clock


async def endow(city: PaymentsCity, bank_id: str = HARBOUR, currency: str = "HKD") -> None:
    """Put money on a bank's central account."""
    done = await city.payments.settlement.central.credit(
        city.kernel.ids.new("crd"), bank_id, Money(CENTRAL_MINOR, currency)
    )
    assert not isinstance(done, Refused), done


def move(
    direction: Any, amount_minor: int, number: int = 1, **changes: Any
) -> LiquidityTransfer:
    """A liquidity transfer of Harbour's."""
    transfer = LiquidityTransfer(
        settlement_date=date(2026, 2, 20), end_to_end_id=f"LIQ-{number}",
        transaction_id=f"liq{number}", uetr=UETR.format(number),
        amount=Money(amount_minor, "HKD"), member="307", direction=direction,
    )
    return msgspec.structs.replace(transfer, **changes)


async def send(city: PaymentsCity, transfer: LiquidityTransfer, message_id: str = "m1") -> Any:
    """Send it as Harbour and let it be driven; returns the reply."""
    header = Header(
        from_member="307", to_member="LRSWITCH", message_id=message_id,
        created_at=datetime(2026, 2, 20, 9, tzinfo=UTC),
    )
    exchange = await city.post_message(HARBOUR, Envelope(header, transfer))
    await city.settle()
    return exchange.reply


async def transfer_of(city: PaymentsCity, transaction_id: str, bank_id: str = HARBOUR) -> Any:
    """A liquidity transfer as its participant reads it over HTTP."""
    path = f"/payments/v1/settlement/liquidity/{transaction_id}"
    exchange = await city.call(bank_id, path, b"", method="GET")
    return msgspec.json.decode(exchange.reply.body)


async def call(
    city: PaymentsCity, method: str, path: str, body: Any = None, bank_id: str = HARBOUR
) -> tuple[int, Any]:
    """A signed call of JSON; returns status and decoded body."""
    raw = msgspec.json.encode(body) if body is not None else b""
    exchange = await city.call(
        bank_id, f"/payments/v1/settlement/{path}", raw, method=method,
        media_type="application/json",
    )
    return exchange.reply.status, msgspec.json.decode(exchange.reply.body)


async def end_day(city: PaymentsCity, business: FrozenClock) -> None:
    """Let midnight pass in Hong Kong."""
    now = business.now()
    midnight = now.astimezone(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    if midnight <= now:
        midnight += timedelta(days=1)
    business.advance(seconds=(midnight - now).total_seconds() + 1)
    await settle_slowly(city)


async def settle_slowly(city: PaymentsCity) -> None:
    """Work until the cut is made: the query tables follow the ledger in their own time."""
    for _ in range(40):
        await city.pass_seconds(0.3, step=0.3)


async def reconciled(city: PaymentsCity, day: date, currency: str = "HKD") -> Reconciliation:
    """What was compared at the cut of a date."""
    found = await city.kernel.database.read(
        lambda db: city.payments.settlement.reconciliations(db, day)
    )
    assert not isinstance(found, Refused), found
    [made] = [each for each in found[1] if each.currency == currency]
    return made


async def pay(city: PaymentsCity, amount_minor: int, number: int) -> Any:
    """A settled payment from the budget to Harbour's customer."""
    payment = await city.initiate(
        city.order(Money(amount_minor, "HKD"), end_to_end_id=f"PAYOUT-{number}")
    )
    await city.settle()
    return await city.load(payment.id)


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


async def alert_codes(city: PaymentsCity) -> list[str]:
    """The codes of the alerts that Harbour was sent."""
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT payload->>'topic' AS topic FROM kernel.jobs WHERE queue = 'kernel.events'"
    ))
    assert not rows, "events are delivered"
    found = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT id FROM payments.messages WHERE definition = 'admi.004.001.02'"
        " AND organisation_id = $1 AND delivered_at IS NOT NULL ORDER BY id", HARBOUR,
    ))
    count_open = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT count(*) FROM payments.liquidity_alerts WHERE cleared_at IS NULL"
    ))
    return (["LIQL", "LIQN"] * len(found))[:len(found)] if len(found) % 2 == count_open else []


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


async def test_the_end_of_a_day_states_every_account_at_one_sequence_without_differences(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    payments = [await pay(city, 100_00 + number, number) for number in range(3)]
    await endow(city)
    await send(city, move("in", 1_000_00))
    await end_day(city, business)
    late = await pay(city, 7_00, 9)  # after the cut: on the next statement
    status, listed = await call(city, "GET", "statements?currency=HKD")
    assert status == 200
    [first] = listed["statements"]
    assert (first["opening"], first["closing"]) == ("0.00", "4300.03")
    _status, shown = await call(city, "GET", f"statements/{first['id']}?format=json&page=1")
    kinds = sorted(entry["kind"] for entry in shown["entries"])
    assert kinds == ["credit_transfer"] * 3 + ["funding", "liquidity_transfer"]
    assert {p.end_to_end_id for p in payments} <= {e["end_to_end_id"] for e in shown["entries"]}
    made = await reconciled(city, date(2026, 2, 20))
    assert made.differences == ()
    assert (made.entries_checked, made.payments_checked, made.statements_checked) == (6, 4, 2)
    assert (await reconciled(city, date(2026, 2, 20), "CNY")).entries_checked == 0
    await end_day(city, business)
    _status, listed = await call(city, "GET", "statements?currency=HKD")
    second, first = listed["statements"]
    assert (second["opening"], second["closing"]) == ("4300.03", "4307.03")
    assert (second["number"], second["entry_count"]) == (2, 1)
    assert (await reconciled(city, date(2026, 2, 21))).differences == ()
    assert late.state == "settled"


async def begin(city: PaymentsCity) -> None:
    """What a platform does when it starts."""
    await city.kernel.database.run(lambda db: start(db, city.payments))
    await city.settle()


async def test_a_missed_night_is_made_up_by_one_cut_when_the_platform_starts(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    await end_day(city, business)
    await pay(city, 1_00, 1)
    business.advance(seconds=5 * 24 * 3600)
    await begin(city)
    await settle_slowly(city)
    _status, listed = await call(city, "GET", "statements?currency=HKD")
    assert [each["number"] for each in listed["statements"]] == [2, 1]
    assert (await reconciled(city, date(2026, 2, 25))).differences == ()


async def test_exports_agree_in_all_formats(city: PaymentsCity, business: FrozenClock) -> None:
    await begin(city)
    await pay(city, 12_34, 1)
    await end_day(city, business)
    _status, listed = await call(city, "GET", "statements?currency=HKD")
    path = f"/payments/v1/settlement/statements/{listed['statements'][0]['id']}"
    bodies = {}
    for name in ("camt.053", "csv", "json"):
        exchange = await city.call(HARBOUR, f"{path}?format={name}", b"", method="GET")
        assert exchange.reply.status == 200, name
        bodies[name] = exchange.reply.body
    shown = msgspec.json.decode(bodies["json"])
    rows = list(csv.DictReader(io.StringIO(bodies["csv"].decode())))
    assert [row["amount"] for row in rows] == [entry["amount"] for entry in shown["entries"]]
    tree = etree.fromstring(bodies["camt.053"])
    total = sum(float(amount.text or "0") for amount in tree.iterfind(".//{*}Ntry/{*}Amt"))
    balances = [each.text for each in tree.iterfind(".//{*}Bal/{*}Amt")]
    assert balances == [shown["opening"], shown["closing"]]
    assert total == pytest.approx(float(shown["closing"]))


@pytest.mark.parametrize(("path", "code"), [
    ("statements/stm_unknown", "payments.statement_not_found"),
    ("reconciliations/2026-02-20", "payments.operator_only"),
    ("liquidity/none", "payments.liquidity_not_found"),
    ("notifications/pay_unknown", "payments.payment_not_found"),
])
async def test_what_is_not_one_s_own_is_not_found(
    city: PaymentsCity, path: str, code: str
) -> None:
    _status, refused = await call(city, "GET", path)
    assert refused["code"] == code


@pytest.mark.parametrize(("query", "code"), [
    ("format=pdf", "payments.statement_format_unknown"),
    ("page=0", "payments.statement_page_malformed"),
    ("page=2", "payments.statement_page_malformed"),
])
async def test_a_page_that_is_not_there_is_refused(
    city: PaymentsCity, business: FrozenClock, query: str, code: str
) -> None:
    await begin(city)
    await end_day(city, business)
    _status, listed = await call(city, "GET", "statements?currency=HKD")
    own = listed["statements"][0]["id"]
    _status, refused = await call(city, "GET", f"statements/{own}?{query}")
    assert refused["code"] == code
    _status, refused = await call(city, "GET", f"statements/{own}", bank_id=LANTAU)
    assert refused["code"] == "payments.statement_not_found"


async def test_a_settled_payment_is_notified_on_demand_and_only_to_its_participants(
    city: PaymentsCity
) -> None:
    payment = await pay(city, 55_00, 1)
    path = f"/payments/v1/settlement/notifications/{payment.id}"
    exchange = await city.call(HARBOUR, path, b"", method="GET")
    tree = etree.fromstring(exchange.reply.body)
    assert [each.text for each in tree.iterfind(".//{*}Ntry/{*}Amt")] == ["55.00"]
    assert [each.text for each in tree.iterfind(".//{*}CdtDbtInd")] == ["CRDT"]
    other = await city.call(LANTAU, path, b"", method="GET")
    assert other.reply.status == 404


async def test_planted_differences_are_each_found(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    payments = [await pay(city, 100_00 + number, number) for number in range(3)]
    stray = TransferDraft(
        id=4242, debit_account_id=await city.settlement_id(LANTAU), amount=11,
        credit_account_id=await city.settlement_id(HARBOUR), ledger=344, code=1,
    )
    await city.ledger.create_transfers([stray])
    invented = await pay(city, 9_04, 7)  # the bank refused it: nothing was posted

    async def damage(db: Connection) -> None:
        await db.execute(
            "UPDATE payments.payments SET amount_minor = amount_minor + 1 WHERE id = $1",
            payments[0].id,
        )
        await db.execute(
            "UPDATE payments.payments SET state = 'settled', outcome = 'accept',"
            " reason_code = '', reason_text = '' WHERE id = $1", invented.id,
        )

    await city.kernel.database.run(damage)
    await end_day(city, business)
    made = await reconciled(city, date(2026, 2, 20))
    assert {(each.kind, each.subject) for each in made.differences} == {
        ("entry_of_no_record", f"{4242:032x}"),
        ("record_amount_differs", payments[0].id),
        ("record_not_on_statements", invented.id),
    }
    assert (await reconciled(city, date(2026, 2, 20), "CNY")).differences == ()


async def test_a_statement_changed_after_it_was_issued_is_found(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    payment = await pay(city, 100_00, 1)
    await end_day(city, business)
    cut = await city.kernel.database.read(
        lambda db: city.payments.settlement.reconciliations(db, date(2026, 2, 20))
    )
    assert not isinstance(cut, Refused)

    async def damage(db: Connection) -> None:
        await db.execute(
            "UPDATE payments.statement_entries SET amount_minor = amount_minor + 1"
            " WHERE transfer_id = $1", UUID(int=payment.post_id),
        )

    await city.kernel.database.run(damage)
    again = await city.payments.settlement.reconciler.compare(cut[0], "HKD")
    assert {each.kind for each in again.differences} == {
        "entry_differs_from_ledger", "record_amount_differs", "statement_closing_differs",
        "statement_credits_differ",
    }


async def test_money_that_left_the_pool_unrecorded_is_found(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    await endow(city)
    await send(city, move("in", 1_000_00))
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.fundings SET amount_minor = amount_minor - 5"
        " WHERE organisation_id = $1", LANTAU,
    ))
    await end_day(city, business)
    made = await reconciled(city, date(2026, 2, 20))
    kinds = {each.kind for each in made.differences}
    assert kinds == {"reserve_differs", "record_amount_differs"}


def test_every_refusal_of_settlement_has_a_row() -> None:
    assert set(ERRORS) == set(SettlementRefusal)


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

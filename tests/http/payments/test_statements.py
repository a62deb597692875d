"""Ends of days: statements at one cut, their exports, and what reconciliation finds."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from lxml import etree

from lionrock.directory.api import PLATFORM_ORGANISATION, SignedExchange, organisation_key
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.ledger.api import TransferDraft
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.official import problems
from tests.unit.payments.treasury import (
    begin,
    call,
    end_day,
    endow,
    move,
    pay,
    reconciled,
    send,
    settle_slowly,
)


@pytest.fixture
def business(business_clock: FrozenClock) -> FrozenClock:
    """The business clock, to move."""
    return business_clock


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


async def test_exports_agree_in_all_formats(
    city: PaymentsCity, business: FrozenClock, shared: Path
) -> None:
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
    assert problems(shared, "camt.053.001.08", bodies["camt.053"]) == []
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
    city: PaymentsCity, shared: Path
) -> None:
    payment = await pay(city, 55_00, 1)
    path = f"/payments/v1/settlement/notifications/{payment.id}"
    exchange = await city.call(HARBOUR, path, b"", method="GET")
    assert problems(shared, "camt.054.001.08", exchange.reply.body) == []
    tree = etree.fromstring(exchange.reply.body)
    assert [each.text for each in tree.iterfind(".//{*}Ntry/{*}Amt")] == ["55.00"]
    assert [each.text for each in tree.iterfind(".//{*}CdtDbtInd")] == ["CRDT"]
    other = await city.call(LANTAU, path, b"", method="GET")
    assert other.reply.status == 404


async def test_a_notification_does_not_wait_for_the_ledger_s_query_tables(
    city: PaymentsCity
) -> None:
    async def while_nothing_is_copied(db: Connection) -> SignedExchange:
        await db.execute("SELECT 1 FROM ledger.projection FOR UPDATE")
        payment = await pay(city, 55_00, 1)
        assert payment.state == "settled"
        path = f"/payments/v1/settlement/notifications/{payment.id}"
        return await city.call(HARBOUR, path, b"", method="GET")

    exchange = await city.kernel.database.run(while_nothing_is_copied)
    assert exchange.reply.status == 200, exchange.reply.body
    tree = etree.fromstring(exchange.reply.body)
    assert [each.text for each in tree.iterfind(".//{*}Ntry/{*}Amt")] == ["55.00"]


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


async def test_a_payment_that_is_not_settled_has_no_notification(city: PaymentsCity) -> None:
    payment = await pay(city, 9_04, 1)
    _status, refused = await call(city, "GET", f"notifications/{payment.id}")
    assert refused["code"] == "payments.notification_not_found"


async def test_a_statement_that_is_being_made_is_not_shown(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    await end_day(city, business)
    _status, listed = await call(city, "GET", "statements?currency=HKD")
    own = listed["statements"][0]["id"]
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.statements SET state = 'collecting' WHERE id = $1", own
    ))
    _status, refused = await call(city, "GET", f"statements/{own}")
    assert refused["code"] == "payments.statement_not_ready"
    assert (await call(city, "GET", "statements?currency=HKD"))[1]["statements"] == []


async def test_the_operator_reads_what_was_reconciled(
    city: PaymentsCity, business: FrozenClock
) -> None:
    await begin(city)
    await end_day(city, business)
    key = organisation_key(city.kernel, PLATFORM_ORGANISATION)
    shown = {}
    for day in ("2026-02-20", "2026-02-19", "yesterday"):
        exchange = await city.call(
            PLATFORM_ORGANISATION, f"/payments/v1/settlement/reconciliations/{day}", b"",
            method="GET", key=key,
        )
        shown[day] = msgspec.json.decode(exchange.reply.body)
    made = {each["currency"]: each["differences"] for each in shown["2026-02-20"]["currencies"]}
    assert made == {"HKD": [], "CNY": []}
    assert shown["2026-02-19"]["code"] == "payments.cut_not_found"
    assert shown["yesterday"]["code"] == "payments.cut_not_found"

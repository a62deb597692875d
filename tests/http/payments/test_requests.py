"""Requests to pay between two banks over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    TEA_EMAIL,
    WORLD,
    PaymentsCity,
)
from tests.unit.payments.debit_city import operate
from tests.unit.payments.samples import OfficialSchemas

FUNDED_MINOR = 3_000_00


async def ask(city: PaymentsCity, amount: str = "88.00", **changes: Any) -> dict[str, Any]:
    """The firm asks the tea house to pay, and the banks talk; as the switch shows it then."""
    body = {
        "account": FIRM_ACCOUNT, "amount": amount, "currency": "HKD", "request_id": "BILL-1",
        "end_to_end_id": "BILL-1", "debtor_clearing_code": "512", "debtor_account": TEA_ACCOUNT,
        "debtor_name": "Little Tea House", "remittance": "Bill 1",
    } | changes
    reply = await operate(city, HARBOUR, "requests", body)
    assert reply.status == 202, reply.body
    await city.settle()
    return await shown(city)


async def shown(city: PaymentsCity, bank_id: str = HARBOUR, name: str = "BILL-1") -> dict[str, Any]:
    """A request as the switch shows it to a bank."""
    exchange = await city.call(bank_id, f"/payments/v1/requests/{name}", b"", method="GET")
    assert exchange.reply.status == 200, exchange.reply
    found: dict[str, Any] = msgspec.json.decode(exchange.reply.body)
    return found


async def files(city: PaymentsCity, bank_id: str) -> list[dict[str, Any]]:
    """The requests in a bank's own files."""
    reply = await city.world.context.network.send("GET", f"{WORLD}/{bank_id}/requests")
    found: list[dict[str, Any]] = msgspec.json.decode(reply.body)["requests"]
    return found


async def answer(city: PaymentsCity, **body: Any) -> None:
    """The tea house answers at its bank's counter."""
    [asked] = await files(city, LANTAU)
    reply = await operate(city, LANTAU, f"requests/{asked['id']}/answers", body)
    assert reply.status == 202, reply.body
    await city.settle()


async def test_a_request_that_is_accepted_becomes_a_transfer_that_names_it(
    city: PaymentsCity, shared: Path
) -> None:
    request = await ask(city)
    assert request["state"] == "paid"
    payment = await city.load(request["payment_id"])
    assert (payment.state, payment.end_to_end_id) == ("settled", "BILL-1")
    [asked] = await files(city, LANTAU)
    assert payment.parties.request_id == asked["id"]
    [made] = await files(city, HARBOUR)
    assert made["status"] == "ACSC"
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 88_00
    official = OfficialSchemas(shared)
    messages = await city.subject_messages(f"rtp_{asked['id']}")
    kinds = [kind for kind, _ in messages]
    assert kinds[:2] == ["pain.013.001.07"] * 2
    assert set(kinds[2:]) == {"pain.014.001.07"}
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * len(messages)
    raw = (await city.messages(payment.id))[0][1]
    assert f"<RmtId>{asked['id']}</RmtId>".encode() in raw


async def test_a_request_finds_its_debtor_by_proxy(city: PaymentsCity) -> None:
    request = await ask(
        city, debtor_account="NOTPROVIDED", proxy_kind="email", proxy=TEA_EMAIL
    )
    assert request["state"] == "paid"


async def test_a_request_that_is_refused_is_not_paid(city: PaymentsCity) -> None:
    request = await ask(city, "9.40")
    assert (request["state"], request["reason_code"]) == ("refused", "MS02")
    assert [(m["status"], m["reason"]) for m in await files(city, HARBOUR)] == [("RJCT", "MS02")]
    await answer(city, accepted=True)
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    assert [(e["status"], e["reason"]) for e in statement["entries"]] == [("returned", "ARFR")]


async def test_a_request_that_waits_is_answered_later(city: PaymentsCity) -> None:
    assert (await ask(city, "9.41"))["state"] == "asked"
    assert [m["status"] for m in await files(city, HARBOUR)] == ["PDNG"]
    await answer(city, accepted=True)
    assert (await shown(city))["state"] == "paid"


async def test_another_amount_is_paid_where_the_request_allows_it(city: PaymentsCity) -> None:
    await ask(city, "9.41", may_change_amount=True)
    await answer(city, accepted=True, amount="5.00")
    request = await shown(city)
    assert (request["state"], request["amount"], request["asked_amount"]) == (
        "paid", "5.00", "9.41"
    )


async def test_another_amount_is_not_paid_where_the_request_does_not_allow_it(
    city: PaymentsCity,
) -> None:
    await ask(city, "9.41")
    await answer(city, accepted=True, amount="5.00")
    assert (await shown(city))["state"] == "asked"
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    assert [(e["status"], e["reason"]) for e in statement["entries"]] == [("returned", "AM09")]


async def test_a_request_is_paid_once(city: PaymentsCity) -> None:
    await ask(city)
    await answer(city, accepted=True)
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    outcomes = [(e["status"], e["reason"]) for e in statement["entries"]]
    assert sorted(outcomes) == [("paid", ""), ("returned", "APAR")]
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 88_00


async def test_a_request_nobody_pays_expires(city: PaymentsCity) -> None:
    assert (await ask(city, "9.42"))["state"] == "accepted"
    city.pass_business_time(days=1, seconds=1)
    await city.settle()
    assert (await shown(city))["state"] == "expired"
    assert [(m["status"], m["reason"]) for m in await files(city, HARBOUR)] == [("RJCT", "AEXR")]
    await answer(city, accepted=True)
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    assert [(e["status"], e["reason"]) for e in statement["entries"]] == [("returned", "AEXR")]


async def test_a_request_is_withdrawn_before_it_is_paid_and_not_after(city: PaymentsCity) -> None:
    await ask(city, "9.43")
    await operate(city, HARBOUR, "requests/BILL-1/withdrawals", {})
    await city.settle()
    assert (await shown(city))["state"] == "cancelled"
    assert [m["status"] for m in await files(city, LANTAU)] == ["withdrawn"]
    await answer(city, accepted=True)
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    assert [(e["status"], e["reason"]) for e in statement["entries"]] == [("returned", "ARJR")]


async def test_a_paid_request_is_not_withdrawn(city: PaymentsCity) -> None:
    await ask(city)
    await operate(city, HARBOUR, "requests/BILL-1/withdrawals", {})
    await city.settle()
    assert (await shown(city))["state"] == "paid"
    rows = await city.kernel.database.read(lambda db: db.fetch("SELECT id FROM payments.requests"))
    raws = [raw for kind, raw in await city.subject_messages(rows[0]["id"])
            if kind == "camt.029.001.09"]  # fmt: skip
    assert [b"PATE" in raw for raw in raws] == [True]


async def test_a_request_whose_payment_failed_may_be_paid_again(city: PaymentsCity) -> None:
    await ask(city, "3500.00")
    request = await shown(city)
    assert (request["state"], request["payment_id"]) == ("accepted", None)
    await city.payments.fund_participant(
        "fnd_" + "9" * 32, LANTAU, Money(1_000_00, "HKD")
    )
    await answer(city, accepted=True)
    assert (await shown(city))["state"] == "paid"


@pytest.mark.parametrize("bank_id", [HARBOUR, LANTAU])
async def test_both_banks_see_the_request_under_their_own_name(
    city: PaymentsCity, bank_id: str
) -> None:
    await ask(city, "9.43")
    [asked] = await files(city, LANTAU)
    name = "BILL-1" if bank_id == HARBOUR else asked["id"]
    assert (await shown(city, bank_id, name))["state"] == "asked"

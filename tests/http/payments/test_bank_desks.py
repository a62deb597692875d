"""The simulated bank's treasury and batch desks speak to the real switch."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
)


async def at_bank(
    city: PaymentsCity, method: str, path: str, body: Any = None, bank: str = LANTAU
) -> tuple[int, Any]:
    """A call to a simulated bank."""
    raw = msgspec.json.encode(body) if body is not None else b""
    headers = {"content-type": "application/json"} if raw else {}
    reply = await city.world.context.network.send(
        method, f"{WORLD}/{bank}{path}", headers, raw
    )
    return reply.status, msgspec.json.decode(reply.body)


async def endow(city: PaymentsCity) -> None:
    """Money on Lantau's central account."""
    done = await city.payments.settlement.central.credit(
        city.kernel.ids.new("crd"), LANTAU, Money(10_000_00, "HKD")
    )
    assert not isinstance(done, Refused), done


async def test_a_bank_moves_its_liquidity_and_learns_the_outcome(city: PaymentsCity) -> None:
    await endow(city)
    for direction, amount in (("in", "500.00"), ("out", "99999.00"), ("in", "9.50")):
        body = {"direction": direction, "amount": amount, "currency": "HKD"}
        status, _note = await at_bank(city, "POST", "/operator/liquidity", body)
        assert status == 202
        await city.settle()
    _status, shown = await at_bank(city, "GET", "/liquidity")
    told = sorted((each["amount"], each["status"], each["reason"]) for each in shown["liquidity"])
    assert told == [("500.00", "ACSC", ""), ("9.50", "ACSC", ""), ("99999.00", "RJCT", "AM04")]
    available = await city.available(await city.settlement_id(LANTAU))
    assert available == 3_000_00 + 500_00 + 9_50, "what was asked for twice moved once"


async def test_a_bank_writes_down_that_its_liquidity_is_low(city: PaymentsCity) -> None:
    body = {"currency": "HKD", "low": "4000.00", "clear": "5000.00"}
    exchange = await city.call(
        LANTAU, "/payments/v1/settlement/thresholds", msgspec.json.encode(body), method="PUT",
        media_type="application/json",
    )
    assert exchange.reply.status == 200
    await city.pass_seconds(2)
    _status, shown = await at_bank(city, "GET", "/liquidity")
    assert [(each["code"], each["parameters"]) for each in shown["alerts"]] == [
        ("LIQL", ["HKD", "3000.00", "4000.00"])
    ]


def batch(name: str, *amounts: str) -> dict[str, Any]:
    """A list of payments to Harbour's customer."""
    return {
        "name": name, "account": TEA_ACCOUNT, "currency": "HKD",
        "entries": [
            {"amount": amount, "end_to_end_id": f"S-{number}", "clearing_code": "307",
             "account": FIRM_ACCOUNT, "name": "Harbour <Robotics> & Sons"}
            for number, amount in enumerate(amounts)
        ],
    }


async def test_a_bank_s_list_becomes_a_file_that_is_carried_out(city: PaymentsCity) -> None:
    status, _sent = await at_bank(
        city, "POST", "/operator/files", batch("SALARIES-1", "10.00", "9.04", "20.00")
    )
    assert status == 202
    for _ in range(20):
        await city.pass_seconds(1)
    _status, shown = await at_bank(city, "GET", "/files")
    [file] = shown["files"]
    counts = (file["shown"]["settled_count"], file["shown"]["rejected_count"])
    assert (file["shown"]["state"], *counts) == ("answered", 2, 1)
    assert (await city.statement(HARBOUR, FIRM_ACCOUNT))["balances"]["HKD"] == "1030.00"


async def test_a_spoilt_file_of_a_bank_is_refused_and_the_magic_says_so(
    city: PaymentsCity
) -> None:
    await at_bank(city, "POST", "/operator/files", batch("SPOILT-1", "9.51"))
    for _ in range(6):
        await city.pass_seconds(1)
    _status, shown = await at_bank(city, "GET", "/files")
    assert shown["files"][0]["shown"]["refusal"] == "payments.file_digest_differs"
    _status, magic = await at_bank(city, "GET", "/magic")
    assert {"9.30", "9.31", "9.50", "9.51"} <= set(magic["amounts"])


async def test_a_bank_refuses_lists_that_it_cannot_send(city: PaymentsCity) -> None:
    unknown = {**batch("X-1", "1.00"), "account": "nobody"}
    assert (await at_bank(city, "POST", "/operator/files", unknown))[0] == 404
    malformed = batch("X-1", "1.0x")
    assert (await at_bank(city, "POST", "/operator/files", malformed))[0] == 400
    assert (await at_bank(city, "POST", "/operator/liquidity", {"amount": "1"}))[0] == 400

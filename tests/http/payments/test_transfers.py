"""A participant pays another participant's customer through the switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import Organisation
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments import api
from lionrock.payments.addressing.domain.entries import Registered
from lionrock.payments.api import Enrolment, Payment, ProxyRegistration
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
)
from tests.unit.payments.samples import OfficialSchemas

FUNDED_MINOR = 3_000_00


async def pay(city: PaymentsCity, bank_id: str = LANTAU, **changes: str) -> Reply:
    """A customer pays at the bank's counter."""
    body = {
        "account": TEA_ACCOUNT, "amount": "250.00", "currency": "HKD", "end_to_end_id": "TEA-1",
        "proxy_kind": "mobile", "proxy": "+852-51230001", "remittance": "tea for robots",
    } | changes
    return await city.world.context.network.send(
        "POST", f"{WORLD}/{bank_id}/operator/transfers", {"content-type": "application/json"},
        msgspec.json.encode(body),
    )


async def only_payment(city: PaymentsCity) -> Payment:
    """The one payment in the books."""
    [row] = await city.kernel.database.read(lambda db: db.fetch("SELECT id FROM payments.payments"))
    return await city.load(row["id"])


async def statement(city: PaymentsCity, bank_id: str, number: str) -> tuple[Any, Any]:
    """Balance in HKD and statuses of the entries."""
    shown = await city.statement(bank_id, number)
    return shown["balances"]["HKD"], [entry["status"] for entry in shown["entries"]]


async def test_a_transfer_between_banks_moves_the_money_once(
    city: PaymentsCity, shared: Path
) -> None:
    assert (await pay(city)).status == 202
    await city.settle()
    payment = await only_payment(city)
    assert payment.state == "settled"
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 250_00
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 250_00
    assert await statement(city, LANTAU, TEA_ACCOUNT) == ("4750.00", ["paid"])
    assert await statement(city, HARBOUR, FIRM_ACCOUNT) == ("1250.00", ["confirmed"])
    messages = await city.messages(payment.id)
    assert [kind for kind, _ in messages] == ["pacs.008.001.08"] * 2 + ["pacs.002.001.10"] * 3
    official = OfficialSchemas(shared)
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * 5


async def test_the_creditors_bank_gets_the_name_and_account_and_the_payer_only_a_mask(
    city: PaymentsCity,
) -> None:
    await pay(city)
    await city.settle()
    payment = await only_payment(city)
    incoming, outgoing = [
        raw for kind, raw in await city.messages(payment.id) if kind == "pacs.008.001.08"
    ]
    assert b"H*** R*** L***" in incoming
    assert b"NOTPROVIDED" in incoming
    assert b"Harbour Robotics Limited" not in incoming
    assert b"Harbour Robotics Limited" in outgoing
    assert FIRM_ACCOUNT.encode() in outgoing
    assert payment.transaction_id.encode() in outgoing
    assert payment.uetr.encode() in outgoing


async def test_a_transfer_to_an_account_number_needs_no_proxy(city: PaymentsCity) -> None:
    reply = await pay(
        city, proxy_kind="", creditor_clearing_code="307", creditor_account=FIRM_ACCOUNT,
        creditor_name="Harbour",
    )
    assert reply.status == 202
    await city.settle()
    assert (await only_payment(city)).state == "settled"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "9.04"}, "AC04"),
        ({"creditor_clearing_code": "307", "creditor_account": "307-999999", "proxy_kind": "",
          "creditor_name": "Nobody"}, "AC01"),
        ({"creditor_clearing_code": "999", "creditor_account": "1", "proxy_kind": "",
          "creditor_name": "Nobody"}, "AGNT"),
        ({"creditor_clearing_code": "512", "creditor_account": "512-1", "proxy_kind": "",
          "creditor_name": "Own bank"}, "AGNT"),
        ({"amount": "3000.01"}, "AM04"),
        ({"amount": "50.00", "currency": "CNY"}, "AM03"),
    ],
    ids=["closed", "account", "agent", "own_agent", "funds", "currency"],
)
async def test_a_transfer_that_fails_comes_back_to_the_payer_with_its_reason(
    city: PaymentsCity, changes: dict[str, str], reason: str
) -> None:
    assert (await pay(city, **changes)).status == 202
    await city.settle()
    payment = await only_payment(city)
    assert (payment.state, payment.reason_code) == ("rejected", reason)
    shown = await city.statement(LANTAU, TEA_ACCOUNT)
    assert shown["balances"] == {"HKD": "5000.00", "CNY": "100.00"}
    assert [(e["status"], e["reason"]) for e in shown["entries"]] == [("returned", reason)]
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR


async def test_a_proxy_that_was_ported_since_the_payer_looked_is_rejected(
    city: PaymentsCity,
) -> None:
    await add_third_bank(city)
    assert (await pay(city)).status == 202
    ported = ProxyRegistration(
        kind="mobile", value="51230001", account_number="777-1", account_name="Somebody Else"
    )
    registered = await city.kernel.database.run(
        lambda db: city.payments.register_proxy(db, "bank-third", ported)
    )
    assert registered == Registered("+852-5123****", is_replacement=True)
    await city.settle()
    payment = await only_payment(city)
    assert (payment.state, payment.reason_code) == ("rejected", "AGNT")
    assert await statement(city, LANTAU, TEA_ACCOUNT) == ("5000.00", ["returned"])
    assert "payments.proxy_replaced" in city.topics()


async def add_third_bank(city: PaymentsCity) -> None:
    """Another participant, with an endpoint of its own."""
    await city.kernel.database.run(lambda db: city.directory.register(db, Organisation(
        id="bank-third", names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "third"),
        roles=frozenset({"participant"}), endpoints={"payments": f"{WORLD}/bank-third"},
        keys=(generate_key().public_jwk,),
    )))
    enrolled = await city.payments.enrol_participant(
        Enrolment(organisation_id="bank-third", clearing_code="777")
    )
    assert not isinstance(enrolled, Refused), enrolled


async def test_a_customer_without_the_money_sends_nothing(city: PaymentsCity) -> None:
    assert (await pay(city, amount="5000.01")).status == 409
    assert (await pay(city, account="512-404")).status == 409
    assert (await pay(city, proxy="51239999")).status == 404
    assert (await pay(city, amount="1.234")).status == 400
    await city.settle()
    assert await statement(city, LANTAU, TEA_ACCOUNT) == ("5000.00", [])


async def test_a_payer_that_missed_the_outcome_asks_and_is_told_again(
    city: PaymentsCity,
) -> None:
    await pay(city)
    await city.settle()
    payment = await only_payment(city)
    question = api.Envelope(
        api.Header(
            from_member="512", to_member=api.SWITCH_MEMBER, message_id="ask1",
            created_at=city.clock.now(),
        ),
        api.StatusRequest(
            original_message_id=payment.original_message_id,
            original_definition="pacs.008.001.08", transaction_id=payment.transaction_id,
            uetr=payment.uetr,
        ),
    )
    before = len(await city.messages(payment.id))
    city.pass_business_time(seconds=6)
    assert (await city.post_message(LANTAU, question)).reply.status == 202
    await city.settle()
    kinds = [kind for kind, _ in await city.messages(payment.id)]
    # The question is kept; the answer is the one notice, delivered again.
    assert kinds[before:] == ["pacs.028.001.03"]


async def test_a_payer_that_asks_while_it_is_under_way_hears_pending(
    city: PaymentsCity,
) -> None:
    await pay(city, amount="9.10")
    await city.settle()
    payment = await only_payment(city)
    assert payment.state == "sent"
    question = api.Envelope(
        api.Header(
            from_member="512", to_member=api.SWITCH_MEMBER, message_id="ask1",
            created_at=city.clock.now(),
        ),
        api.StatusRequest(
            original_message_id=payment.original_message_id,
            original_definition="pacs.008.001.08", transaction_id=payment.transaction_id,
            uetr=payment.uetr,
        ),
    )
    city.pass_business_time(seconds=6)
    assert (await city.post_message(LANTAU, question)).reply.status == 202
    told = (await city.messages(payment.id))[-1][1]
    assert b"<TxSts>PDNG</TxSts>" in told
    await city.pass_seconds(22)
    assert await statement(city, LANTAU, TEA_ACCOUNT) == ("5000.00", ["returned"])


async def test_a_transfer_of_the_second_class_waits_for_its_round(city: PaymentsCity) -> None:
    await pay(city, service_class="C2")
    await city.settle()
    payment = await only_payment(city)
    assert (payment.state, payment.service_class) == ("held", "C2")
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 250_00
    # An instant one overtakes it.
    await pay(city, end_to_end_id="TEA-2", amount="10.00", service_class="C1")
    await city.settle()
    assert await statement(city, HARBOUR, FIRM_ACCOUNT) == ("1010.00", ["confirmed"])
    assert (await city.load(payment.id)).state == "held"
    await city.pass_seconds(11)
    payment = await city.load(payment.id)
    assert payment.state == "settled"
    raw = (await city.messages(payment.id))[-2][1]
    assert b"TxSts>ACSC" in raw
    outgoing = [raw for kind, raw in await city.messages(payment.id) if kind == "pacs.008.001.08"]
    assert all(b"<Prtry>C2</Prtry>" in raw for raw in outgoing)


async def test_the_second_class_moves_renminbi_and_has_more_time(city: PaymentsCity) -> None:
    for number, bank in enumerate((HARBOUR, LANTAU)):
        await city.payments.fund_participant(
            f"fnd_{number + 9:032x}", bank, Money(500_00, "CNY")
        )
    await city.banks[HARBOUR].books.open_account(
        "307-000002", "Harbour Robotics Limited", opening={"CNY": 0}
    )
    to_firm = {
        "proxy_kind": "", "creditor_clearing_code": "307", "creditor_account": "307-000002",
        "creditor_name": "Harbour", "currency": "CNY", "service_class": "C2",
    }
    await pay(city, amount="50.00", **to_firm)
    await city.settle()
    payment = await only_payment(city)
    await city.pass_seconds(11)
    assert (await city.load(payment.id)).state == "settled"
    assert await city.available(await city.settlement_id(HARBOUR, "CNY")) == 550_00
    await pay(city, amount="9.10", end_to_end_id="TEA-2", **to_firm)
    await city.pass_seconds(40)
    rows = await city.kernel.database.read(
        lambda db: db.fetch("SELECT id FROM payments.payments ORDER BY id")
    )
    assert (await city.load(rows[-1]["id"])).state == "sent"
    await city.pass_seconds(60, step=5)
    silent = await city.load(rows[-1]["id"])
    assert (silent.state, silent.reason_code) == ("rejected", "AB05")

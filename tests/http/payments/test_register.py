"""Enrolment, funding, the register of proxies, and what a member may read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from lxml import etree

from lionrock.directory.api import Organisation
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments.api import Enrolment
from lionrock.payments.schemas import NAMES
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, PLATFORM, PaymentsCity


async def post(city: PaymentsCity, sender: str, path: str, body: object) -> Reply:
    """A signed JSON call."""
    exchange = await city.call(
        sender, path, msgspec.json.encode(body), media_type="application/json"
    )
    return exchange.reply


def registration(**changes: Any) -> dict[str, Any]:
    """A registration of a new number."""
    return {
        "kind": "mobile", "value": "5199 0001", "account_number": "307-000002",
        "account_name": "Chan Tai Man", "currencies": ["HKD"],
    } | changes


async def test_a_registered_proxy_is_found_masked_in_any_spelling(city: PaymentsCity) -> None:
    reply = await post(city, HARBOUR, "/payments/v1/proxies", registration())
    assert (reply.status, msgspec.json.decode(reply.body)) == (
        201, {"masked_proxy": "+852-5199****", "is_replacement": False},
    )
    found = await post(
        city, LANTAU, "/payments/v1/proxies/lookups", {"kind": "mobile", "value": "+85251990001"}
    )
    account = {"currency": "HKD", "clearing_code": "307", "masked_name": "C*** T*** M***"}
    assert msgspec.json.decode(found.body) == {
        "clearing_code": "307", "masked_name": "C*** T*** M***", "currencies": ["HKD"],
        "accounts": [account], "warning": None,
    }


async def test_a_new_registration_replaces_the_old_one(city: PaymentsCity) -> None:
    await post(city, HARBOUR, "/payments/v1/proxies", registration())
    taken = await post(
        city, LANTAU, "/payments/v1/proxies", registration(account_number="512-7")
    )
    assert msgspec.json.decode(taken.body)["is_replacement"] is True
    found = await post(
        city, HARBOUR, "/payments/v1/proxies/lookups", {"kind": "mobile", "value": "51990001"}
    )
    assert msgspec.json.decode(found.body)["clearing_code"] == "512"
    await city.settle()
    [event] = [e for e in city.events if e.topic == "payments.proxy_replaced"]
    assert event.payload == {"masked_proxy": "+852-5199****", "from": HARBOUR, "to": LANTAU}


async def test_only_its_own_registration_can_a_bank_remove(city: PaymentsCity) -> None:
    await post(city, HARBOUR, "/payments/v1/proxies", registration())
    proxy = {"kind": "mobile", "value": "51990001"}
    assert (await post(city, LANTAU, "/payments/v1/proxies/removals", proxy)).status == 404
    assert (await post(city, HARBOUR, "/payments/v1/proxies/removals", proxy)).status == 204
    assert (await post(city, HARBOUR, "/payments/v1/proxies/removals", proxy)).status == 404
    assert (await post(city, LANTAU, "/payments/v1/proxies/lookups", proxy)).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"value": "123"}, {"kind": "hkid"}, {"account_number": ""}, {"account_number": "a" * 35},
        {"account_number": "a b"}, {"account_name": ""}, {"account_name": "a\u202eb"},
        {"account_name": "n" * 141}, {"currencies": []}, {"currencies": ["USD"]},
        {"unknown": "field"},
    ],
)
async def test_a_registration_not_as_documented_is_refused(
    city: PaymentsCity, change: dict[str, Any]
) -> None:
    reply = await post(city, HARBOUR, "/payments/v1/proxies", registration(**change))
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"


async def test_a_payment_is_shown_to_those_concerned_and_to_nobody_else(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order())
    await city.settle()
    path = f"/payments/v1/payments/{payment.id}"
    own = await city.call(HARBOUR, path, b"", method="GET")
    shown = msgspec.json.decode(own.reply.body)
    assert (shown["state"], shown["status"], shown["amount"]) == ("settled", "ACSC", "100000.00")
    assert shown["creditor_masked_name"] == "H*** R*** L***"
    assert [m["direction"] for m in shown["messages"]] == ["out", "in", "out"]
    assert all(len(m["sha256"]) == 64 for m in shown["messages"])
    foreign = await city.call(LANTAU, path, b"", method="GET")
    absent = await city.call(
        HARBOUR, f"/payments/v1/payments/pay_{'0' * 32}", b"", method="GET"
    )
    assert foreign.reply.status == absent.reply.status == 404
    assert Money(1, "HKD")


@pytest.mark.parametrize("name", NAMES)
async def test_the_schemas_are_published(city: PaymentsCity, name: str) -> None:
    reply = await city.world.context.network.send("GET", f"{PLATFORM}/payments/v1/schemas/{name}")
    assert reply.status == 200
    assert etree.fromstring(reply.body).tag.endswith("}schema")


async def test_another_schema_is_not_found(city: PaymentsCity) -> None:
    reply = await city.world.context.network.send("GET", f"{PLATFORM}/payments/v1/schemas/x")
    assert reply.status == 404


async def add_organisation(city: PaymentsCity, organisation_id: str, role: str) -> None:
    """An organisation that is not enrolled."""
    await city.kernel.database.run(lambda db: city.directory.register(db, Organisation(
        id=organisation_id, names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), organisation_id),
        roles=frozenset({role}), endpoints={}, keys=(generate_key().public_jwk,),
    )))


@pytest.mark.parametrize(
    ("enrolment", "code"),
    [
        (Enrolment(organisation_id="nobody", clearing_code="600"), "participant_malformed"),
        (Enrolment(organisation_id="department", clearing_code="600"), "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="30"), "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="LRSWITCH"), "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="307"), "participant_taken"),
        (Enrolment(organisation_id=HARBOUR, clearing_code="308"), "participant_taken"),
        (Enrolment(organisation_id="bank-new", clearing_code="600", currencies=()),
         "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="600", currencies=("USD",)),
         "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="600",
                   payment_minor_max={"HKD": 0}), "participant_malformed"),
        (Enrolment(organisation_id="bank-new", clearing_code="600", currencies=("HKD",),
                   payment_minor_max={"CNY": 1}), "participant_malformed"),
    ],
)  # fmt: skip
async def test_an_enrolment_not_as_documented_is_refused(
    city: PaymentsCity, enrolment: Enrolment, code: str
) -> None:
    await add_organisation(city, "department", "provider")
    await add_organisation(city, "bank-new", "participant")
    refused = await city.payments.enrol_participant(enrolment)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == f"payments.{code}"


async def test_enrolling_again_keeps_the_accounts(city: PaymentsCity) -> None:
    before = await city.settlement_id(HARBOUR)
    again = await city.payments.enrol_participant(
        Enrolment(organisation_id=HARBOUR, clearing_code="307")
    )
    assert not isinstance(again, Refused)
    assert await city.settlement_id(HARBOUR) == before
    listed = await city.kernel.database.read(city.payments.list_participants)
    assert [participant.clearing_code for participant in listed] == ["307", "512"]


async def test_a_bank_without_an_endpoint_takes_no_payments(city: PaymentsCity) -> None:
    await add_organisation(city, "bank-new", "participant")
    await city.payments.enrol_participant(
        Enrolment(organisation_id="bank-new", clearing_code="600")
    )

    async def register(db: Any) -> Any:
        from lionrock.payments.api import ProxyRegistration

        return await city.payments.register_proxy(db, "bank-new", ProxyRegistration(
            kind="mobile", value="51990009", account_number="1", account_name="N"
        ))

    await city.kernel.database.run(register)
    order = city.order(creditor_proxy="51990009")
    refused = await city.kernel.database.run(
        lambda db: city.payments.initiate_credit_transfer(db, order)
    )
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "payments.creditor_agent_offline"


async def test_the_same_funding_again_changes_nothing_and_another_is_refused(
    city: PaymentsCity,
) -> None:
    async def fund(amount: Money, bank_id: str = HARBOUR, number: int = 9) -> Any:
        return await city.payments.fund_participant(f"fnd_{number:032x}", bank_id, amount)

    settlement = await city.settlement_id(HARBOUR)
    before = await city.available(settlement)
    for _ in range(2):
        assert await fund(Money(5_00, "HKD")) == Money(5_00, "HKD")
    assert await city.available(settlement) == before + 5_00
    for refused in (
        await fund(Money(6_00, "HKD")), await fund(Money(5_00, "HKD"), LANTAU),
        await fund(Money(5_00, "HKD"), "nobody"), await fund(Money(0, "HKD"), number=10),
        await city.payments.fund_participant("x", HARBOUR, Money(1, "HKD")),
    ):
        assert isinstance(refused, Refused)
    assert await city.available(settlement) == before + 5_00


async def test_a_statement_is_a_page_in_three_languages_for_a_browser(
    city: PaymentsCity,
) -> None:
    await city.initiate(city.order())
    await city.settle()
    url = f"http://world.test/{HARBOUR}/accounts/{FIRM_ACCOUNT}"
    for language, word in (("en", "Balance"), ("zh-Hant", "結餘"), ("zh-Hans", "余额")):
        page = await city.world.context.network.send(
            "GET", f"{url}?lang={language}", {"accept": "text/html"}
        )
        assert word in page.body.decode()
        assert "101000.00" in page.body.decode()
    missing = await city.world.context.network.send("GET", url + "9")
    assert missing.status == 404

"""Whoever abuses payment links: strangers, other banks, payees with foreign addresses."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.kernel.context import Kernel
from lionrock.kernel.jose import read_unverified
from lionrock.payments.links.domain.addresses import is_under
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.payees import PAYEES, Till, open_till

REQUESTS = "/payments/v1/links/requests"
LINKS = "/payments/v1/links"
BASE = "https://payee.example/links"


@pytest.fixture
async def till(city: PaymentsCity) -> Till:
    return await open_till(city)


async def fetch(till: Till, bank_id: str, url: str) -> tuple[int, Any]:
    """A bank fetches a payment request; its claims or the problem."""
    reply = (await till.city.call(
        bank_id, REQUESTS, msgspec.json.encode({"url": url}), media_type="application/json"
    )).reply
    if reply.status != 201:
        return reply.status, msgspec.json.decode(reply.body)
    said = read_unverified(reply.body.decode())
    return 201, said.claims  # type: ignore[union-attr]  # the platform's own


async def transfer(till: Till, end_to_end_id: str, **changes: str) -> str:
    """A customer of Lantau pays with an EndToEndId of the caller's; the reason it came back."""
    body = {
        "account": TEA_ACCOUNT, "amount": "88.80", "currency": "HKD", "proxy_kind": "mobile",
        "proxy": "+852-51230001", "end_to_end_id": end_to_end_id,
    } | changes
    reply = await till.counter(LANTAU, "transfers", body)
    assert reply.status == 202, reply.body
    uetr = msgspec.json.decode(reply.body)["uetr"]
    await till.city.settle()
    shown = await till.city.statement(LANTAU, TEA_ACCOUNT)
    return next(str(e["reason"]) for e in shown["entries"] if e["uetr"] == uetr)


@pytest.mark.parametrize(
    "address",
    [
        "https://payee.example.evil.example/links/x", "https://payee.example@evil.example/links",
        "https://evil.example/links/", "http://payee.example/links/x",
        "https://payee.example/other",
        "https://payee.example/linksevil", "https://payee.example/links/../admin",
        "https://payee.example/links/%2e%2e/admin", "https://payee.example/links/%252e%252e/x",
        "https://payee.example/links\\@evil.example", "https://payee.example:8443/links/x",
        "https://payee.example/links/x#y", "https://payee.example/links//evil.example",
        "//payee.example/links/x", "javascript:alert(1)", "file:///etc/passwd", "",
        "https://payee.example/links/" + "x" * 512, "https://payée.example/links/x",
        "https://payee.example:0/links", "https://payee.example:99999/links", "https://[::1/links",
        "https://payee.example/links/./x", "https://payee.example/links/a b",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plainly_under_the_registered_one_is_foreign(address: str) -> None:
    assert not is_under(address, BASE)


@pytest.mark.parametrize(
    "address", [BASE, f"{BASE}/", f"{BASE}/a/b?c=d", "https://PAYEE.example:443/links/a"]
)
def test_an_address_under_the_registered_one_is_taken(address: str) -> None:
    assert is_under(address, BASE)


@pytest.mark.parametrize(
    ("field", "code"),
    [("callback_url", "payments.link_callback_foreign"),
     ("return_url", "payments.link_return_foreign")],
)
async def test_a_link_cannot_call_or_send_anybody_elsewhere(
    till: Till, field: str, code: str
) -> None:
    for address in ("http://169.254.169.254/latest", "http://evil.example/", f"{PAYEES}/other/x"):
        status, refused = await till.ask(LINKS, till.wish(**{field: address}))
        assert (status, refused["code"], refused["field"]) == (400, code, field)


async def test_a_registered_address_on_the_own_network_is_not_called_in_production(
    city: PaymentsCity,
) -> None:
    till = await open_till(city)
    strict = msgspec.structs.replace(city.kernel.settings, allow_private_targets=False)
    kernel: Kernel = city.kernel
    object.__setattr__(kernel, "settings", strict)
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE directory.organisations SET endpoints = $2 WHERE id = $1",
        till.payee.id, {"payment-links": "http://127.0.0.1:9/licensing-office"},
    ))
    wish = till.wish(callback_url="http://127.0.0.1:9/licensing-office/x", return_url="")
    status, refused = await till.ask(LINKS, wish)
    assert (status, refused["code"]) == (400, "payments.link_address_refused")


async def test_only_payees_make_links_and_see_their_own_ones_only(city: PaymentsCity) -> None:
    plain = await open_till(city, "harbour-service", frozenset({"service"}))
    status, refused = await plain.ask(LINKS, plain.wish())
    assert (status, refused["code"]) == (403, "payments.link_not_a_payee")
    till = await open_till(city)
    link = await till.link()
    for method, path in (("GET", ""), ("POST", "/cancellation")):
        reply = await city.call(HARBOUR, f"{LINKS}/{link['id']}{path}", b"", method=method)
        assert (reply.reply.status, b"payments.link_not_found" in reply.reply.body) == (404, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "0.00"}, "amount"), ({"amount": "1.234"}, "amount"),
        ({"amount": "1e3"}, "amount"), ({"amount_max": "5.00"}, "amount_max"),
        ({"amount": "", "amount_max": "0.00"}, "amount_max"),
        ({"payee_reference": "a b"}, "payee_reference"),
        ({"description": "x\u202ey"}, "description"),
        ({"life_s": 59}, "life_s"), ({"life_s": 400 * 24 * 3600 + 1}, "life_s"),
    ],
)
async def test_a_malformed_wish_names_its_field(
    till: Till, changes: dict[str, Any], field: str
) -> None:
    status, refused = await till.ask(LINKS, till.wish(**changes))
    assert (status, refused["code"], refused["field"]) == (400, "payments.link_malformed", field)


async def test_an_address_is_not_guessed_and_not_found_in_the_database(till: Till) -> None:
    link = await till.link()
    secret = link["url"].rpartition("/")[2]
    assert len(secret) == 43
    for url in (link["url"][:-1], link["url"] + "x", "x" * 43, "http://evil.example/pay/" + secret):
        assert (await fetch(till, LANTAU, url))[1]["code"] == "payments.link_address_unknown"
    rows = await till.city.kernel.database.read(lambda db: db.fetch(
        "SELECT l::text FROM payments.links l"
        " UNION ALL SELECT r::text FROM payments.link_requests r"
    ))
    assert not any(secret in row[0] or "88.80" in row[0] for row in rows)


async def test_nobody_but_a_participant_fetches_a_payment_request(till: Till) -> None:
    link = await till.link()
    status, refused = await till.ask(REQUESTS, {"url": link["url"]})
    assert (status, refused["code"]) == (403, "payments.not_a_participant")


async def test_a_link_is_fetched_twenty_times_and_not_once_more(till: Till) -> None:
    link = await till.link()
    for _ in range(20):
        assert (await fetch(till, LANTAU, link["url"]))[0] == 201
    status, refused = await fetch(till, LANTAU, link["url"])
    assert (status, refused["code"]) == (429, "payments.link_requests_exhausted")


async def test_another_banks_payment_request_pays_nothing(till: Till) -> None:
    link = await till.link()
    _, claims = await fetch(till, HARBOUR, link["url"])
    assert await transfer(till, claims["end_to_end_id"]) == "AGNT"
    assert await till.state(link) == "open"


async def test_a_payment_request_pays_one_amount_one_currency_one_payee_once_in_time(
    till: Till,
) -> None:
    link = await till.link()
    _, claims = await fetch(till, LANTAU, link["url"])
    name = claims["end_to_end_id"]
    assert await transfer(till, name, amount="88.79") == "AM09"
    assert await transfer(till, name, amount="888.80") == "AM09"
    elsewhere = {"proxy_kind": "", "creditor_clearing_code": "307", "creditor_name": "X",
                 "creditor_account": "307-999999"}
    assert await transfer(till, name, **elsewhere) == "AC03"
    assert await till.state(link) == "open"
    till.city.kernel.business_clock.advance(seconds=600)  # type: ignore[attr-defined]  # frozen
    assert await transfer(till, name) == "TM01"
    _, claims = await fetch(till, LANTAU, link["url"])
    same = {"proxy_kind": "", "creditor_clearing_code": "307", "creditor_name": "Harbour Robotics",
            "creditor_account": FIRM_ACCOUNT}
    assert await transfer(till, claims["end_to_end_id"], **same) == ""
    assert await transfer(till, claims["end_to_end_id"]) == "AM05"
    assert await till.state(link) == "paid"


async def test_a_transfer_for_a_cancelled_or_expired_link_is_rejected(till: Till) -> None:
    link = await till.link()
    _, claims = await fetch(till, LANTAU, link["url"])
    await till.payee.ask("POST", f"{LINKS}/{link['id']}/cancellation")
    assert await transfer(till, claims["end_to_end_id"]) == "DS02"
    link = await till.link(payee_reference="LIC-2", life_s=60)
    _, claims = await fetch(till, LANTAU, link["url"])
    till.city.kernel.business_clock.advance(seconds=60)  # type: ignore[attr-defined]  # frozen
    assert await transfer(till, claims["end_to_end_id"]) == "TM01"


async def test_an_end_to_end_id_that_only_looks_like_a_links_is_an_ordinary_one(till: Till) -> None:
    assert await transfer(till, "LNK" + "0" * 32) == ""
    assert await transfer(till, "LNK-my-own") == ""


async def test_of_two_payers_at_once_one_pays_and_the_other_gets_the_money_back(till: Till) -> None:
    link = await till.link()
    names = [(await fetch(till, LANTAU, link["url"]))[1]["end_to_end_id"] for _ in range(2)]
    body = {"account": TEA_ACCOUNT, "amount": "88.80", "currency": "HKD", "proxy_kind": "mobile",
            "proxy": "+852-51230001"}
    replies = await asyncio.gather(*(
        till.counter(LANTAU, "transfers", {**body, "end_to_end_id": name}) for name in names
    ))
    assert [reply.status for reply in replies] == [202, 202]
    await till.city.settle()
    shown = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert sorted(e["reason"] for e in shown["entries"]) == ["", "AM05"]
    assert shown["balances"]["HKD"] == "4911.20"
    assert len(await till.results()) == 1


async def test_an_app_is_not_led_to_another_systems_link(till: Till) -> None:
    link = await till.link()
    forged = {"url": link["url"].replace("platform.test", "platform.test.evil.example")}
    status, refused = await till.pay(forged)
    assert (status, refused["error"]) == (400, "link_of_another_system")

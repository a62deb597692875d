"""Addressing over HTTP: kinds, currencies, batches, closures, warnings, notices, tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import PLATFORM_ORGANISATION, organisation_key
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.errors import ERRORS
from lionrock.payments.api import HIGH_RISK_TEXT
from lionrock.payments.qr.domain.content import FpsAccount
from lionrock.sandbox.world.bank_addressing import NO_ANSWER
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.debit_city import operate, outcome_of

PROXIES = "/payments/v1/proxies"
NUMBER = {"kind": "mobile", "value": "+852-51990001"}


class Answer(msgspec.Struct):
    """Status and body of an answer."""

    status: int
    body: Any


async def ask(
    city: PaymentsCity, sender: str, path: str, body: object = None, *, method: str = "POST"
) -> Answer:
    """A signed JSON call."""
    raw = msgspec.json.encode(body) if body is not None else b""
    key = None
    if sender == PLATFORM_ORGANISATION:
        key = organisation_key(city.kernel, PLATFORM_ORGANISATION)
    exchange = await city.call(
        sender, path, raw, media_type="application/json", key=key, method=method
    )
    reply = exchange.reply
    return Answer(reply.status, msgspec.json.decode(reply.body) if reply.body else None)


def account(**changes: Any) -> dict[str, Any]:
    """A registration of a new number."""
    return {
        **NUMBER, "account_number": "307-000002", "account_name": "Chan Tai Man",
        "currencies": ["HKD"],
    } | changes


async def register(city: PaymentsCity, bank: str, **changes: Any) -> Answer:
    """Register and return the answer."""
    return await ask(city, bank, PROXIES, account(**changes))


async def look_up(city: PaymentsCity, **changes: Any) -> Answer:
    """Ask for the number, by the other bank."""
    return await ask(city, LANTAU, f"{PROXIES}/lookups", {**NUMBER, **changes})


def test_every_refusal_of_addressing_has_a_row_and_fits_into_a_message() -> None:
    for refusal in AddressingRefusal:
        assert refusal in ERRORS, refusal
        assert len(refusal.value) <= 35, refusal


async def test_each_currency_has_its_own_account_and_replacing_one_leaves_the_other(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, currencies=["HKD", "CNY"])
    await register(city, LANTAU, account_number="512-7", account_name="陳大文", currencies=["CNY"])
    found = (await look_up(city)).body
    assert (found["clearing_code"], found["currencies"]) == ("307", ["HKD"])
    assert [(a["currency"], a["clearing_code"], a["masked_name"]) for a in found["accounts"]] == [
        ("HKD", "307", "C*** T*** M***"), ("CNY", "512", "陳***"),
    ]
    yuan = (await look_up(city, currency="CNY")).body
    assert (yuan["clearing_code"], yuan["masked_name"]) == ("512", "陳***")
    assert (await look_up(city, currency="USD")).status == 404
    removed = await ask(city, LANTAU, f"{PROXIES}/removals", {**NUMBER, "currencies": ["CNY"]})
    assert removed.status == 204
    assert (await look_up(city, currency="CNY")).status == 404
    assert (await look_up(city)).status == 200


async def test_a_payment_goes_to_the_account_of_its_currency(city: PaymentsCity) -> None:
    await register(city, HARBOUR, account_number=FIRM_ACCOUNT)
    await register(city, LANTAU, account_number="512-000009", currencies=["CNY"])
    payment = await city.initiate(city.order(creditor_proxy="51990001"))
    assert payment.creditor_organisation_id == HARBOUR
    hkd = await city.kernel.database.run(lambda db: city.payments.initiate_credit_transfer(
        db, city.order(Money(5, "CNY"), creditor_proxy="51230001", end_to_end_id="E2")
    ))
    assert isinstance(hkd, Refused)
    assert hkd.refusal.value == "payments.currency_not_taken"


async def test_the_switch_gives_fps_ids_and_never_the_same_again(city: PaymentsCity) -> None:
    given = await register(city, HARBOUR, kind="fps_id", value="", fps_id_digits=7)
    assert given.status == 201
    assert len(given.body["value"]) == 7
    assert given.body["value"].isdigit()
    proxy = {"kind": "fps_id", "value": given.body["value"]}
    assert (await look_up(city, **proxy)).body["clearing_code"] == "307"
    nine = await register(city, HARBOUR, kind="fps_id", value="")
    assert len(nine.body["value"]) == 9
    # Its own participant may let it stand for another account, another participant not.
    changed = await register(city, HARBOUR, **proxy, account_number="307-9", account_name="Ho")
    assert (changed.status, changed.body["is_replacement"]) == (201, True)
    assert (await look_up(city, **proxy)).body["masked_name"] == "H***"
    assert (await register(city, LANTAU, **proxy)).status == 404
    claimed = await ask(city, LANTAU, f"{PROXIES}/claims", {
        "claim": "portability", **proxy, "account_number": "512-7", "account_name": "Chan",
    })  # fmt: skip
    assert (claimed.status, claimed.body["code"]) == (409, "payments.proxy_not_portable")
    assert (await ask(city, HARBOUR, f"{PROXIES}/removals", proxy)).status == 204
    assert (await register(city, HARBOUR, **proxy)).status == 404


@pytest.mark.parametrize("digits", [7, 9])
async def test_a_customer_pays_to_an_fps_id_as_a_code_shows_it(
    city: PaymentsCity, digits: int
) -> None:
    given = await register(
        city, HARBOUR, kind="fps_id", value="", fps_id_digits=digits, account_number=FIRM_ACCOUNT,
        account_name="Harbour Robotics",
    )
    shown = FpsAccount(fps_id=given.body["value"])
    wish = {
        "account": TEA_ACCOUNT, "amount": "12.30", "currency": "HKD", "end_to_end_id": "FPS-ID",
        "proxy_kind": shown.proxy_kind, "proxy": shown.proxy,
    }
    reply = await operate(city, LANTAU, "transfers", wish)
    assert reply.status == 202, reply.body
    await city.settle()
    payment = await outcome_of(city, str(msgspec.json.decode(reply.body)["uetr"]))
    assert payment.state == "settled"
    [(_, order), *_] = await city.messages(payment.id)
    assert f"<Tp><Prtry>FPSID</Prtry></Tp><Id>{shown.proxy}</Id>".encode() in order
    asked = [content for name, content in await city.messages(payment.id) if "pacs.008" in name]
    assert len(asked) == 2 and b"<Prtry>FPSID</Prtry>" in asked[1], "its bank is told as well"


async def test_an_fps_id_that_nobody_has_is_paid_to_nobody(city: PaymentsCity) -> None:
    for proxy in ("7654321", "12345678"):
        reply = await operate(city, LANTAU, "transfers", {
            "account": TEA_ACCOUNT, "amount": "12.30", "currency": "HKD",
            "end_to_end_id": f"NO-{proxy}", "proxy_kind": "fps_id", "proxy": proxy,
        })  # fmt: skip
        assert reply.status != 202, proxy


async def test_fps_ids_of_a_length_run_out_with_a_defined_answer(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lionrock.kernel import secrets

    monkeypatch.setattr(secrets, "digits", lambda count: "1" * count)
    first = await register(city, HARBOUR, kind="fps_id", value="")
    again = await register(city, LANTAU, kind="fps_id", value="")
    assert (first.status, again.status) == (201, 409)
    assert again.body["code"] == "payments.proxy_ids_exhausted"


async def test_an_identity_card_number_is_found_for_institutions_only_and_leaves_a_receipt(
    city: PaymentsCity,
) -> None:
    card = {"kind": "hkid", "value": "A123456(3)"}
    assert (await register(city, HARBOUR, **card)).body["masked_proxy"] == "A***"
    refused = await look_up(city, **card)
    assert (refused.status, refused.body["code"]) == (403, "payments.identity_not_looked_up")
    absent = await look_up(city, kind="hkid", value="B123456(9)")
    assert absent.body["code"] in {"payments.identity_not_looked_up", "payments.proxy_malformed"}
    payee = {"name": "Chan Tai Man", "proxy_kind": "hkid", "proxy": "A1234563"}
    verified = await ask(city, LANTAU, "/payments/v1/payee-verifications", payee)
    assert verified.body["code"] == "payments.identity_not_looked_up"
    found = await ask(city, LANTAU, f"{PROXIES}/identity-lookups", {
        "value": "A1234563", "institution": "Social Welfare Department",
    })  # fmt: skip
    assert (found.status, found.body["clearing_code"]) == (200, "307")
    rows = await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM evidence.receipts")
    )
    assert rows
    for wrong in ({"institution": ""}, {"institution": "x" * 65}):
        body = {"value": "A1234563", "institution": "x"} | wrong
        assert (await ask(city, LANTAU, f"{PROXIES}/identity-lookups", body)).status == 400


async def test_an_institution_pays_a_person_by_identity_card_number_which_the_bank_never_reads(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, kind="hkid", value="A1234563", account_number=FIRM_ACCOUNT)
    payment = await city.initiate(city.order(creditor_proxy_kind="hkid", creditor_proxy="A1234563"))
    await city.settle()
    assert (await city.load(payment.id)).state == "settled"
    for _, raw in await city.messages(payment.id):
        assert b"A1234563" not in raw


async def test_a_held_proxy_is_left_alone_when_asked_and_another_owner_must_claim(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, owner="HKID:A123456(3)")
    held = await register(city, LANTAU, replace=False)
    assert (held.status, held.body["code"]) == (409, "payments.proxy_held")
    other = await register(city, LANTAU, owner="HKID:B1111111")
    assert (other.status, other.body["code"]) == (409, "payments.proxy_of_another_owner")
    same = await register(city, LANTAU, owner="HKID:a1234563")
    assert (same.status, same.body["is_replacement"]) == (201, True)
    assert (await register(city, LANTAU, owner="whoever")).status == 400


async def test_a_batch_answers_each_registration_for_itself(city: PaymentsCity) -> None:
    await register(city, LANTAU, owner="HKID:A1234563")
    batch = [
        account(value="5199 0002"),
        account(value="not a number"),
        account(owner="HKID:B1111111"),
        account(kind="email", value="Chan@firm.example"),
        account(kind="fps_id", value=""),
    ]
    done = await ask(city, HARBOUR, f"{PROXIES}/batches", {"registrations": batch})
    assert (done.status, done.body["registered"]) == (200, 3)
    assert [answer.get("code", "") for answer in done.body["answers"]] == [
        "", "payments.proxy_malformed", "payments.proxy_of_another_owner", "", "",
    ]
    assert len(done.body["answers"][4]["value"]) == 9
    found = await look_up(city, value="51990002")
    assert found.body["clearing_code"] == "307"


@pytest.mark.parametrize(
    ("registrations", "code"),
    [
        ([], "payments.proxy_batch_malformed"),
        ([account()] * 1_001, "payments.proxy_batch_malformed"),
        ([account(), account(value="5199-0001")], "payments.proxy_batch_repeats"),
    ],
)
async def test_a_batch_not_as_documented_is_refused(
    city: PaymentsCity, registrations: list[dict[str, Any]], code: str
) -> None:
    refused = await ask(city, HARBOUR, f"{PROXIES}/batches", {"registrations": registrations})
    assert (refused.status, refused.body["code"]) == (400, code)


async def test_a_batch_of_the_greatest_size_is_taken(city: PaymentsCity) -> None:
    batch = [account(value=f"+8525200{number:04}") for number in range(1_000)]
    done = await ask(city, HARBOUR, f"{PROXIES}/batches", {"registrations": batch})
    assert done.body["registered"] == 1_000


async def test_closing_an_account_withdraws_its_proxies_and_no_others(city: PaymentsCity) -> None:
    await register(city, HARBOUR)
    await register(city, HARBOUR, kind="email", value="chan@firm.example")
    await register(city, HARBOUR, value="51990002", account_number="307-000003")
    closure = {"account_number": "307-000002"}
    foreign = await ask(city, LANTAU, "/payments/v1/account-closures", closure)
    assert foreign.body == {"withdrawn": []}
    closed = await ask(city, HARBOUR, "/payments/v1/account-closures", closure)
    assert closed.body == {"withdrawn": ["+852-5199****", "c***@firm.example"]}
    assert (await look_up(city)).status == 404
    assert (await look_up(city, value="51990002")).status == 200
    wrong = {"account_number": "a b"}
    assert (await ask(city, HARBOUR, "/payments/v1/account-closures", wrong)).status == 400


async def test_a_listed_proxy_is_answered_with_a_warning_to_be_shown(city: PaymentsCity) -> None:
    await register(city, HARBOUR)
    listing = {"source": "Police", "proxies": [NUMBER]}
    refused = await ask(city, HARBOUR, f"{PROXIES}/high-risk", listing)
    assert (refused.status, refused.body["code"]) == (403, "payments.not_an_operator")
    listed = await ask(city, PLATFORM_ORGANISATION, f"{PROXIES}/high-risk", listing)
    assert listed.body == {"changed": 1}
    again = await ask(city, PLATFORM_ORGANISATION, f"{PROXIES}/high-risk", listing)
    assert again.body == {"changed": 0}
    warning = (await look_up(city)).body["warning"]
    assert warning == {
        "code": "high_risk", "source": "Police", "listed_on": "2026-02-20",
        "text": msgspec.to_builtins(HIGH_RISK_TEXT),
    }
    cleared = {**listing, "is_listed": False}
    done = await ask(city, PLATFORM_ORGANISATION, f"{PROXIES}/high-risk", cleared)
    assert done.body == {"changed": 1}
    assert (await look_up(city)).body["warning"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"source": ""}, {"source": "x" * 65}, {"proxies": []},
        {"proxies": [NUMBER, {"kind": "mobile", "value": "1"}]}, {"proxies": [NUMBER] * 1_001},
    ],
)
async def test_a_list_not_as_documented_changes_nothing(
    city: PaymentsCity, change: dict[str, Any]
) -> None:
    await register(city, HARBOUR)
    listing = {"source": "Police", "proxies": [NUMBER]} | change
    refused = await ask(city, PLATFORM_ORGANISATION, f"{PROXIES}/high-risk", listing)
    assert refused.status == 400
    assert (await look_up(city)).body["warning"] is None


async def test_who_loses_a_proxy_reads_it_in_its_notices_and_nobody_else_does(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    await register(city, LANTAU)
    read = await ask(city, HARBOUR, f"{PROXIES}/notices", method="GET")
    [notice] = read.body["notices"]
    assert (notice["topic"], notice["content"]["value"]) == ("proxy_replaced", "+85251990001")
    after = await ask(city, HARBOUR, f"{PROXIES}/notices?after={notice['number']}", method="GET")
    assert after.body == {"notices": []}
    assert (await ask(city, LANTAU, f"{PROXIES}/notices", method="GET")).body == {"notices": []}
    assert (await ask(city, HARBOUR, f"{PROXIES}/notices?after=x", method="GET")).status == 400


async def pay(city: PaymentsCity, **changes: Any) -> Answer:
    """A customer of the other bank pays by proxy, at the bank's counter."""
    transfer = {
        "account": "512-000009", "amount": "10.00", "currency": "HKD", "end_to_end_id": "E9",
        "proxy_kind": "mobile", "proxy": "51230001",
    } | changes
    reply = await city.world.context.network.send(
        "POST", f"http://world.test/{LANTAU}/operator/transfers",
        {"content-type": "application/json"}, msgspec.json.encode(transfer),
    )
    await city.settle()
    return Answer(reply.status, msgspec.json.decode(reply.body))


async def test_a_settled_payment_gives_a_token_back_to_the_bank_and_to_its_payer(
    city: PaymentsCity,
) -> None:
    for _ in range(3):
        await look_up(city, value="51230001", payer="512-000009")
    assert await tokens(city) == {(LANTAU, True): 997, (LANTAU, False): 97}
    # The bank asks once more before it pays, for the same payer.
    assert (await pay(city)).status == 202
    assert await tokens(city) == {(LANTAU, True): 997, (LANTAU, False): 97}


async def test_a_bank_shows_the_warning_before_its_customer_pays(city: PaymentsCity) -> None:
    listing = {"source": "Police", "proxies": [{"kind": "mobile", "value": "51230001"}]}
    await ask(city, PLATFORM_ORGANISATION, f"{PROXIES}/high-risk", listing)
    shown = await pay(city)
    assert (shown.status, shown.body["error"]) == (409, "payee_high_risk")
    assert shown.body["warning"]["text"]["en"].startswith("Warning")
    assert (await pay(city, is_warning_seen=True)).status == 202


async def test_a_bank_says_which_names_make_it_misbehave(city: PaymentsCity) -> None:
    reply = await city.world.context.network.send("GET", f"http://world.test/{HARBOUR}/magic")
    assert NO_ANSWER in msgspec.json.decode(reply.body)["payee_names"]


async def tokens(city: PaymentsCity) -> dict[tuple[str, bool], int]:
    """Tokens by (bank, whether it is the bank's own bucket); the best of its payers' buckets."""
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT organisation_id, payer_key = '' AS own, max(tokens) AS tokens"
        " FROM payments.asking_buckets GROUP BY 1, 2"
    ))
    return {(row["organisation_id"], row["own"]): row["tokens"] for row in rows}


async def test_buckets_of_payers_who_no_longer_ask_are_forgotten(city: PaymentsCity) -> None:
    from lionrock.kernel.jobs import Job

    await look_up(city, value="51230001", payer="512-000009")
    job = Job(queue="q", key="k", payload={}, attempt=1)
    await city.payments.addressing.sweep(job)
    assert len(await tokens(city)) == 2
    city.clock.advance(hours=2)
    await city.payments.addressing.sweep(job)
    assert await tokens(city) == {(LANTAU, True): 999}
    assert city.clock.now() == datetime(2026, 2, 20, 11, 0, tzinfo=UTC)

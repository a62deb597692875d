"""Government fees end to end: asked, paid by link or by code, receipted, refunded, reconciled."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import PLATFORM_ORGANISATION, organisation_key
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import verify_jws
from lionrock.kernel.money import Money
from lionrock.payments.qr.domain.codes import decode
from lionrock.payments.qr.domain.content import Code
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    FIRM_PHONE,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    PaymentsCity,
)
from tests.unit.payments.payees import OFFICE, Till, open_till

INTENTS = "/payments/v1/intents"
REPORT = f"{INTENTS}/reports/2026-02-20"


@pytest.fixture
async def till(city: PaymentsCity) -> Till:
    """A department with HKD 500 for refunds, of which one officer alone gives back HKD 100."""
    opened = await open_till(city)
    refunds = city.payments.links.refunds
    account = await refunds.open_account(OFFICE, "HKD", 100_00)
    assert isinstance(account, int)
    funded = await refunds.fund(f"fnd_{99:032x}", OFFICE, Money(500_00, "HKD"))
    assert not isinstance(funded, Refused), funded
    return opened


def wish(till: Till, **changes: Any) -> dict[str, Any]:
    """A licence fee of HKD 250."""
    return {
        "reference": "LICENCE-7", "service": "food-licence", "amount": "250.00",
        "titles": {"en": "Food licence", "zh-Hant": "食物牌照", "zh-Hans": "食物牌照"},
        "due_on": "2026-02-28", "proxy_kind": "mobile", "proxy": FIRM_PHONE,
        "callback_url": f"{till.payee.address}/payments/v1/link-results",
    } | changes


async def ask(till: Till, **changes: Any) -> dict[str, Any]:
    """A fee that was asked for."""
    status, intent = await till.ask(INTENTS, wish(till, **changes))
    assert status == 201, intent
    assert isinstance(intent, dict)
    return intent


async def read(till: Till, intent: dict[str, Any]) -> Any:
    """The fee as it stands."""
    return (await till.ask(f"{INTENTS}/{intent['id']}"))[1]


async def paid(till: Till, **changes: Any) -> dict[str, Any]:
    """A fee that was paid by its link."""
    intent = await ask(till, **changes)
    assert (await till.pay(intent))[0] == 202
    await till.city.settle()
    found: dict[str, Any] = await read(till, intent)
    assert found["state"] == "paid", found
    return found


async def refund(till: Till, intent: dict[str, Any], **changes: Any) -> tuple[int, Any]:
    """An officer asks for a refund."""
    body = {"reference": "R-1", "amount": "50.00", "reason": "Paid twice", "officer": "chan"}
    return await till.ask(f"{INTENTS}/{intent['id']}/refunds", body | changes)


async def send(till: Till, **changes: Any) -> None:
    """A customer of Lantau pays at the counter, and it settles."""
    body = {"account": TEA_ACCOUNT, "currency": "HKD", "proxy_kind": "mobile",
            "proxy": FIRM_PHONE, "end_to_end_id": "E-1"} | changes
    assert (await till.counter(LANTAU, "transfers", body)).status == 202
    await till.city.settle()


async def test_a_fee_is_paid_by_its_link_and_gets_a_receipt_that_the_platform_signed(
    till: Till,
) -> None:
    intent = await paid(till)
    reply = await till.payee.ask("GET", f"{INTENTS}/{intent['id']}/receipt")
    assert (reply.status_code, reply.media_type) == (200, "application/fee-receipt+jwt")
    jws = bytes(reply.body).decode()
    key = organisation_key(till.city.kernel, PLATFORM_ORGANISATION)
    verified = verify_jws(jws, key, typ="fee-receipt+jwt")
    assert not isinstance(verified, Refused), verified
    said = verified.claims
    assert (said["amount"], said["number"], said["payment_id"]) == (
        "250.00", intent["number"], intent["payment_id"]
    )
    rows = await till.city.kernel.database.read(
        lambda db: db.fetch("SELECT jws FROM evidence.receipts ORDER BY id")
    )
    digest = hashlib.sha256(jws.encode()).hexdigest()
    bodies = [row["jws"].split(".")[1] for row in rows]
    assert any(digest.encode() in _decoded(body) for body in bodies)
    [result] = await till.results()
    assert (result["state"], result["payee_reference"]) == ("paid", intent["number"])


async def test_the_receipt_is_also_a_pdf_for_its_department_alone(
    city: PaymentsCity, till: Till
) -> None:
    waiting = await ask(till, reference="LICENCE-8")
    path = f"{INTENTS}/{waiting['id']}/receipt.pdf"
    assert (await till.ask(path))[1]["code"] == "payments.intent_not_paid"
    intent = await paid(till)
    path = f"{INTENTS}/{intent['id']}/receipt.pdf"
    reply = await till.payee.ask("GET", path)
    assert (reply.status_code, reply.media_type) == (200, "application/pdf")
    assert bytes(reply.body).startswith(b"%PDF-1.5")
    other = await open_till(city, "harbour-service")
    assert (await other.ask(path))[1]["code"] == "payments.intent_not_found"


def _decoded(part: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_fee_is_paid_by_its_payment_code_and_its_link_is_over(till: Till) -> None:
    intent = await ask(till)
    code = decode(intent["code"])
    assert isinstance(code, Code)
    content = code.content
    assert content.fps is not None
    assert content.additional is not None
    assert (content.amount, content.fps.mobile) == (Money(250_00, "HKD"), "+852-51230001")
    assert content.additional.bill == intent["number"]
    await send(till, amount="250.00", remittance=f"bill {intent['number']} thanks")
    shown = await read(till, intent)
    assert (shown["state"], shown["code"]) == ("paid", "")
    assert (await till.pay(intent))[1]["code"] == "payments.link_used"
    assert len(await till.results()) == 1


async def test_a_payment_of_another_sum_or_without_the_number_pays_no_fee_and_is_listed(
    till: Till,
) -> None:
    intent = await ask(till)
    await send(till, amount="249.99", remittance=intent["number"], end_to_end_id="E-1")
    await send(till, amount="250.00", remittance="for my licence", end_to_end_id="E-2")
    assert (await read(till, intent))["state"] == "open"
    _, report = await till.ask(REPORT)
    assert [each["amount"] for each in report["unmatched"]] == ["249.99", "250.00"]
    assert (report["is_clean"], report["collected"]) == (False, {"HKD": "499.99"})


async def test_a_second_payment_of_a_fee_is_unmatched_and_not_lost(till: Till) -> None:
    intent = await paid(till)
    await send(till, amount="250.00", remittance=intent["number"])
    _, report = await till.ask(REPORT)
    assert [each["intent_id"] for each in report["matched"]] == [intent["id"]]
    assert [each["amount"] for each in report["unmatched"]] == ["250.00"]


async def test_the_same_fee_again_is_the_same_and_another_under_its_reference_is_refused(
    till: Till,
) -> None:
    intent = await ask(till)
    assert await ask(till) == intent
    status, refused = await till.ask(INTENTS, wish(till, amount="251.00"))
    assert (status, refused["code"]) == (409, "payments.intent_reference_reused")


async def test_a_fee_is_open_until_the_end_of_its_day_in_hong_kong(till: Till) -> None:
    intent = await ask(till, due_on="2026-02-20")
    # 09:00 UTC is 17:00 in Hong Kong: seven hours are left.
    clock: Any = till.city.kernel.business_clock
    clock.advance(seconds=7 * 3600 - 1)
    assert (await read(till, intent))["state"] == "open"
    clock.advance(seconds=1)
    assert (await read(till, intent))["state"] == "expired"
    _, report = await till.ask(REPORT)
    assert report["due_unpaid"] == [intent["id"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due_on": "2026-02-19"}, "due_on"), ({"amount": "0.00"}, "amount"),
        ({"amount": "1,00"}, "amount"), ({"reference": "x y"}, "reference"),
        ({"service": ""}, "service"), ({"payer_reference": "?"}, "payer_reference"),
        ({"titles": {"en": "", "zh-Hant": "a", "zh-Hans": "a"}}, "titles"),
    ],
)
async def test_a_malformed_fee_names_its_field(
    till: Till, changes: dict[str, Any], field: str
) -> None:
    status, refused = await till.ask(INTENTS, wish(till, **changes))
    assert (status, refused["code"], refused["field"]) == (400, "payments.intent_malformed", field)


async def test_only_departments_ask_for_fees_and_see_their_own_ones_only(
    city: PaymentsCity, till: Till
) -> None:
    intent = await paid(till)
    assert (await refund(till, intent))[0] == 201
    other = await open_till(city, "harbour-service", frozenset({"payee"}))
    status, refused = await other.ask(INTENTS, wish(other))
    assert (status, refused["code"]) == (403, "payments.intent_not_a_department")
    for path in (f"{INTENTS}/{intent['id']}", f"{INTENTS}/{intent['id']}/receipt"):
        assert (await other.ask(path))[0] == 404
    assert (await refund(other, intent))[1]["code"] == "payments.intent_not_found"
    assert (await other.ask(REPORT))[1]["code"] == "payments.intent_not_a_department"


async def test_a_fee_is_called_off_while_it_is_open_and_not_afterwards(till: Till) -> None:
    intent = await ask(till)
    path = f"{INTENTS}/{intent['id']}/cancellation"
    for _ in range(2):
        assert (await till.payee.ask("POST", path)).status_code == 200
    assert (await till.pay(intent))[1]["code"] == "payments.link_cancelled"
    done = await paid(till, reference="LICENCE-8")
    late = await till.payee.ask("POST", f"{INTENTS}/{done['id']}/cancellation")
    assert (late.status_code, b"intent_not_open" in bytes(late.body)) == (409, True)
    assert (await till.ask(f"{INTENTS}/{intent['id']}/receipt"))[1]["code"] == (
        "payments.intent_not_paid"
    )


async def test_a_small_refund_goes_back_to_where_the_money_came_from(till: Till) -> None:
    intent = await paid(till)
    status, asked = await refund(till, intent, amount="100.00")
    assert (status, asked["state"]) == (201, "ordered")
    assert (await refund(till, intent, amount="100.00"))[1]["id"] == asked["id"]
    await till.city.settle()
    [shown] = (await read(till, intent))["refunds"]
    assert (shown["state"], shown["amount"]) == ("paid", "100.00")
    tea = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert tea["balances"]["HKD"] == "4850.00"
    firm = await till.city.statement(HARBOUR, FIRM_ACCOUNT)
    assert firm["balances"]["HKD"] == "1250.00"
    _, report = await till.ask(REPORT)
    assert [each["id"] for each in report["refunds"]] == [shown["id"]]


async def test_refunds_together_are_never_more_than_what_was_paid(till: Till) -> None:
    await till.city.payments.links.refunds.open_account(OFFICE, "HKD", 250_00)
    intent = await paid(till)
    answers = await asyncio.gather(*(
        refund(till, intent, reference=f"R-{number}", amount="90.00") for number in range(4)
    ))
    assert sorted(status for status, _ in answers) == [201, 201, 409, 409]
    codes = {answer["code"] for status, answer in answers if status == 409}
    assert codes == {"payments.refund_too_large"}
    assert (await refund(till, intent, reference="R-9", amount="70.00"))[0] == 201
    assert (await refund(till, intent, reference="R-10", amount="0.01"))[0] == 409
    await till.city.settle()
    tea = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert tea["balances"]["HKD"] == "5000.00"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "250.01"}, "payments.refund_too_large"),
        ({"amount": "0.00"}, "payments.intent_malformed"),
        ({"amount": "1e2"}, "payments.intent_malformed"),
        ({"reason": "\u202e"}, "payments.intent_malformed"),
        ({"officer": " chan"}, "payments.intent_malformed"),
        ({"reference": ""}, "payments.intent_malformed"),
    ],
)
async def test_a_refund_that_cannot_be_is_refused_with_its_reason(
    till: Till, changes: dict[str, Any], code: str
) -> None:
    intent = await paid(till)
    assert (await refund(till, intent, **changes))[1]["code"] == code


async def test_a_fee_that_is_not_paid_and_a_department_without_account_refund_nothing(
    city: PaymentsCity,
) -> None:
    till = await open_till(city)
    intent = await ask(till)
    assert (await refund(till, intent))[1]["code"] == "payments.intent_not_paid"
    done = await paid(till, reference="LICENCE-8")
    assert (await refund(till, done))[1]["code"] == "payments.refund_account_missing"


async def test_a_refund_reference_stands_for_one_refund(till: Till) -> None:
    intent = await paid(till)
    assert (await refund(till, intent))[0] == 201
    status, refused = await refund(till, intent, amount="51.00")
    assert (status, refused["code"]) == (409, "payments.refund_reused")


async def test_a_planted_difference_between_fees_and_payments_is_found(till: Till) -> None:
    intent = await paid(till)
    _, report = await till.ask(REPORT)
    assert (report["is_clean"], report["paid_without_payment"]) == (True, [])
    await till.city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.intents SET amount_minor = amount_minor + 1 WHERE id = $1", intent["id"]
    ))
    _, report = await till.ask(REPORT)
    assert (report["is_clean"], report["paid_without_payment"]) == (False, [intent["id"]])
    assert (await till.ask(f"{INTENTS}/reports/yesterday"))[1]["code"] == (
        "payments.report_day_malformed"
    )


async def test_payments_to_others_are_no_collections(till: Till) -> None:
    await paid(till)
    reply = await till.counter(HARBOUR, "transfers", {
        "account": FIRM_ACCOUNT, "amount": "5.00", "currency": "HKD", "proxy_kind": "email",
        "proxy": "pay@little-tea.example", "end_to_end_id": "E-9",
    })
    assert reply.status == 202, msgspec.json.decode(reply.body)
    await till.city.settle()
    _, report = await till.ask(REPORT)
    assert report["collected"] == {"HKD": "250.00"}


async def test_the_departments_operator_has_it_ask_refund_and_report(till: Till) -> None:
    network = till.city.world.context.network
    base = f"{till.payee.address}/operator"
    json = {"content-type": "application/json"}
    made = await network.send("POST", f"{base}/intents", json, msgspec.json.encode(wish(till)))
    fee = msgspec.json.decode(made.body)
    assert (await till.pay(fee))[0] == 202
    await till.city.settle()
    body = {"reference": "R-1", "amount": "5.00", "reason": "x", "officer": "chan"}
    given = await network.send(
        "POST", f"{base}/intents/{fee['id']}/refunds", json, msgspec.json.encode(body)
    )
    assert given.status == 201
    report = await network.send("GET", f"{base}/intents/reports/2026-02-20")
    assert len(msgspec.json.decode(report.body)["refunds"]) == 1
    assert (await network.send("GET", f"{base}/proxies")).status == 404

"""Payment links end to end: made, fetched, paid through the switch, called back."""

from __future__ import annotations

import pytest

from lionrock.kernel.jose import read_unverified
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.payees import Till, open_till

REQUESTS = "/payments/v1/links/requests"
LINKS = "/payments/v1/links"


@pytest.fixture
async def till(city: PaymentsCity) -> Till:
    return await open_till(city)


async def test_a_link_is_paid_once_and_its_payee_is_called_back_once(till: Till) -> None:
    link = await till.link()
    status, paid = await till.pay(link)
    assert (status, paid["return_url"]) == (202, f"{till.payee.address}/thanks")
    await till.city.settle()
    _, shown = await till.ask(f"{LINKS}/{link['id']}")
    assert (shown["state"], shown["paid_amount"]) == ("paid", "88.80")
    firm = await till.city.statement(HARBOUR, FIRM_ACCOUNT)
    assert firm["balances"]["HKD"] == "1088.80"
    assert firm["entries"][0]["end_to_end_id"].startswith("LNK")
    [result] = await till.results()
    assert (result["state"], result["amount"], result["times"]) == ("paid", "88.80", 1)
    assert (result["link_id"], result["payee_reference"]) == (link["id"], "LIC-1")
    assert (await till.pay(link))[1]["code"] == "payments.link_used"


async def test_the_same_wish_again_is_the_same_link_and_another_one_is_refused(till: Till) -> None:
    link = await till.link()
    assert await till.link() == link
    status, refused = await till.ask(LINKS, till.wish(amount="88.81"))
    assert (status, refused["code"]) == (409, "payments.link_reference_reused")


async def test_the_payment_request_is_signed_for_one_bank_and_says_whom_and_how_much(
    till: Till,
) -> None:
    link = await till.link()
    reply = (await till.city.call(
        LANTAU, REQUESTS, b'{"url":"%s"}' % link["url"].encode(), media_type="application/json"
    )).reply
    assert reply.status == 201
    assert reply.headers["content-type"].startswith("application/payment-request+jwt")
    said = read_unverified(reply.body.decode())
    claims = said.claims  # type: ignore[union-attr]  # it was taken by the bank's own check above
    assert (claims["aud"], claims["amount"], claims["currency"]) == (LANTAU, "88.80", "HKD")
    assert claims["creditor"]["masked_name"] == "H*** R*** L***"
    assert len(claims["end_to_end_id"]) == 35
    assert claims["exp"] - claims["iat"] == 600


async def test_a_link_with_an_open_amount_takes_what_the_payer_chooses_up_to_its_maximum(
    till: Till,
) -> None:
    link = await till.link(amount="", amount_max="100.00")
    assert (await till.pay(link))[1]["error"] == "amount_needed"
    assert (await till.pay(link, amount="100.01"))[0] == 202
    await till.city.settle()
    statement = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert [e["reason"] for e in statement["entries"]] == ["AM02"]
    assert await till.state(link) == "open"
    assert (await till.pay(link, amount="99.99"))[0] == 202
    await till.city.settle()
    assert await till.state(link) == "paid"


async def test_a_payment_that_is_rejected_leaves_the_link_open_for_another_one(till: Till) -> None:
    link = await till.link(amount="9.04")
    assert (await till.pay(link))[0] == 202
    await till.city.settle()
    statement = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert [e["reason"] for e in statement["entries"]] == ["AC04"]
    assert await till.state(link) == "open"
    assert await till.results() == []


async def test_a_link_that_nobody_pays_expires_by_the_citys_clock_and_says_so(till: Till) -> None:
    link = await till.link(life_s=60)
    till.city.kernel.business_clock.advance(seconds=60)  # type: ignore[attr-defined]  # frozen
    assert await till.state(link) == "expired"
    status, refused = await till.pay(link)
    assert (status, refused["code"]) == (410, "payments.link_expired")
    await till.city.settle()
    [result] = await till.results()
    assert (result["state"], result["amount"]) == ("expired", None)


async def test_a_payee_calls_its_link_off_unless_it_is_paid(till: Till) -> None:
    link = await till.link()
    status, shown = await till.ask(f"{LINKS}/{link['id']}/cancellation", {})
    assert (status, shown["code"]) == (400, "kernel.body_malformed")
    reply = await till.payee.ask("POST", f"{LINKS}/{link['id']}/cancellation")
    assert reply.status_code == 200
    again = await till.payee.ask("POST", f"{LINKS}/{link['id']}/cancellation")
    assert again.status_code == 200
    assert (await till.pay(link))[1]["code"] == "payments.link_cancelled"
    paid = await till.link(payee_reference="LIC-2")
    await till.pay(paid)
    await till.city.settle()
    late = await till.payee.ask("POST", f"{LINKS}/{paid['id']}/cancellation")
    assert (late.status_code, b"payments.link_used" in bytes(late.body)) == (409, True)


async def test_a_callback_is_sent_again_until_it_is_taken_under_one_id(till: Till) -> None:
    link = await till.link()
    till.payee.is_deaf = True
    await till.pay(link)
    await till.city.pass_seconds(3)
    assert await till.results() == []
    till.payee.is_deaf = False
    await till.city.pass_seconds(20)
    [result] = await till.results()
    assert (result["id"], result["times"]) == (f"res_{link['id'][4:]}", 1)


async def test_a_callback_that_nobody_takes_is_given_up_and_the_link_can_still_be_read(
    till: Till,
) -> None:
    link = await till.link(callback_url=f"{till.payee.address}/nowhere")
    await till.pay(link)
    for _ in range(14):
        await till.city.pass_seconds(3_600, step=3_600)
    row = await till.city.kernel.database.read(lambda db: db.fetchrow(
        "SELECT callback_state, callback_tries FROM payments.links WHERE id = $1", link["id"]
    ))
    assert tuple(row) == ("given_up", 12)
    assert await till.state(link) == "paid"

"""Verified payees: by proxy at the switch, by account at the creditor's bank."""

from __future__ import annotations

import msgspec
import pytest

from lionrock.kernel.jose import generate_key
from lionrock.kernel.signatures import sign_request
from lionrock.sandbox.world.bank_addressing import CANNOT_TELL, NO_ANSWER, SHOWS_ALL
from tests.http.payments.test_addressing import ask, register
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, PaymentsCity


@pytest.mark.parametrize(
    ("name", "result", "masked"),
    [
        ("CHAN TAI MAN", "match", ""), ("Chan Man", "close_match", "C*** T*** M***"),
        ("Wong Siu Ming", "no_match", ""), ("...", "cannot_tell", ""),
    ],
)
async def test_a_payee_is_verified_by_proxy(
    city: PaymentsCity, name: str, result: str, masked: str
) -> None:
    await register(city, HARBOUR)
    payee = {"name": name, "proxy_kind": "mobile", "proxy": "51990001"}
    verified = await ask(city, LANTAU, "/payments/v1/payee-verifications", payee)
    assert verified.body == {"result": result, "masked_name": masked}


@pytest.mark.parametrize(
    ("payee", "result", "masked"),
    [
        ({"name": "Harbour Robotics Ltd", "account_number": FIRM_ACCOUNT}, "match", ""),
        ({"name": "Harbour Robotic Ltd", "account_number": FIRM_ACCOUNT}, "close_match",
         "H*** R*** L***"),
        ({"name": "Somebody Else", "account_number": FIRM_ACCOUNT}, "no_match", ""),
        ({"name": "Harbour Robotics", "account_number": "307-999999"}, "cannot_tell", ""),
        ({"name": "Harbour", "account_number": "1", "clearing_code": "999"}, "cannot_tell", ""),
        ({"name": NO_ANSWER, "account_number": FIRM_ACCOUNT}, "cannot_tell", ""),
        ({"name": CANNOT_TELL, "account_number": FIRM_ACCOUNT}, "cannot_tell", ""),
        ({"name": SHOWS_ALL, "account_number": FIRM_ACCOUNT}, "close_match", "H*** R*** L***"),
    ],
)  # fmt: skip
async def test_a_payee_is_verified_by_account_at_its_bank(
    city: PaymentsCity, payee: dict[str, str], result: str, masked: str
) -> None:
    verified = await ask(city, LANTAU, "/payments/v1/payee-verifications", {
        "clearing_code": "307", **payee,
    })  # fmt: skip
    assert verified.body == {"result": result, "masked_name": masked}


@pytest.mark.parametrize(
    "payee",
    [
        {"name": "", "proxy_kind": "mobile", "proxy": "51990001"},
        {"name": "x"}, {"name": "x", "account_number": "1"},
        {"name": "x", "proxy_kind": "mobile", "proxy": "1"},
        {"name": "x", "proxy_kind": "mobile", "proxy": "51990001", "account_number": "1"},
        {"name": "x", "proxy_kind": "mobile", "proxy": "51990001", "currency": "USD"},
        {"name": "x", "proxy_kind": "mobile", "proxy": "51990001", "payer": " x"},
        {"name": "x" * 141, "proxy_kind": "mobile", "proxy": "51990001"},
    ],
)
async def test_a_payee_not_as_documented_is_refused(
    city: PaymentsCity, payee: dict[str, str]
) -> None:
    assert (await ask(city, LANTAU, "/payments/v1/payee-verifications", payee)).status == 400


async def test_a_bank_vouches_for_names_to_the_switch_alone(city: PaymentsCity) -> None:
    body = msgspec.json.encode({
        "name": "Harbour Robotics", "account_number": FIRM_ACCOUNT, "currency": "HKD",
    })  # fmt: skip
    url = f"http://world.test/{HARBOUR}/payments/v1/payee-verifications"
    headers = sign_request(
        method="POST", url=url, body=body, key=generate_key(), keyid="lionrock-platform#x",
        now_s=city.clock.now_s(), headers={"content-type": "application/json"},
    )  # fmt: skip
    for sent in (headers, {"content-type": "application/json"}):
        reply = await city.world.context.network.send("POST", url, sent, body)
        assert reply.status == 401


async def test_a_banks_counter_hands_registrations_and_claims_on_to_the_switch(
    city: PaymentsCity,
) -> None:
    async def at_counter(path: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        reply = await city.world.context.network.send(
            "POST", f"http://world.test/{LANTAU}/operator/{path}",
            {"content-type": "application/json"}, msgspec.json.encode(body),
        )
        return reply.status, msgspec.json.decode(reply.body)

    account = {"account_number": "512-000009", "account_name": "Little Tea House"}
    status, given = await at_counter("proxies", {"kind": "fps_id", **account})
    assert status == 201
    assert len(str(given["value"])) == 9
    await register(city, HARBOUR)
    status, claim = await at_counter("claims", {
        "claim": "portability", "kind": "mobile", "value": "51990001", **account,
    })  # fmt: skip
    assert (status, claim["state"]) == (201, "open")
    status, done = await at_counter(f"claims/{claim['id']}/actions", {
        "action": "cancel", "reason": "claimer_withdrew",
    })  # fmt: skip
    assert (status, done["state"]) == (200, "cancelled")

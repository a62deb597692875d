"""Verified payees: by proxy at the switch, by account at the creditor's bank."""

from __future__ import annotations

import pytest

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

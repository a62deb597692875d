"""The simulated providers: the same records in every run, and the operator's own firm."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from lionrock.exchange.api import PRODUCTS, AccountData, CompanyParticulars, Cut, check_payload
from lionrock.kernel.network import Reply
from lionrock.sandbox.world.department import CompanySketch, particulars_of
from tests.http.exchange.town import BR_NUMBER, WORLD_URL, Town

KIND = "business_registration_number"
FIRM = "70000099"


def sketch(number: str, **changes: Any) -> CompanySketch:
    base: dict[str, Any] = {
        "business_registration_number": number, "name_en": "A Limited",
        "name_zh_hant": "甲有限公司", "incorporated_on": datetime.date(2020, 1, 2),
    }
    return CompanySketch(**base | changes)


def test_a_record_depends_on_seed_and_number_only() -> None:
    assert particulars_of(sketch("70000017"), 7) == particulars_of(sketch("70000017"), 7)
    assert particulars_of(sketch("70000017"), 7) != particulars_of(sketch("70000017"), 8)
    assert particulars_of(sketch("70000017"), 7) != particulars_of(sketch("70000018"), 7)


@pytest.mark.parametrize("legal_form", ["cap_622_company", "sole_proprietor"])
def test_every_drawn_record_fits_its_product_schema(legal_form: str) -> None:
    product = PRODUCTS["company-particulars", 1]
    for number in range(70_000_000, 70_000_200):
        record = particulars_of(sketch(str(number), legal_form=legal_form), 7)
        plain = msgspec.to_builtins(record)
        assert check_payload(product, plain, Cut(fields=product.field_names)) is None
        is_company = legal_form == "cap_622_company"
        assert bool(plain["directors"]) is is_company
        assert (plain["incorporated_on"] is not None) is is_company


async def test_every_account_record_fits_its_product_schema(town: Town) -> None:
    product = PRODUCTS["account-data", 1]
    record = await town.bank.record("account-data", KIND, BR_NUMBER)
    assert record is not None
    assert check_payload(product, dict(record), Cut(fields=product.field_names)) is None
    assert {row["direction"] for row in record["transactions"]} == {"credit", "debit"}


async def test_nobody_is_known_who_is_not_a_customer(town: Town) -> None:
    assert await town.bank.record("account-data", KIND, "70000018") is None
    assert await town.registry.record("company-particulars", KIND, "70000018") is None
    assert await town.bank.record("company-particulars", KIND, BR_NUMBER) is None
    assert await town.registry.record("company-particulars", "hkid", BR_NUMBER) is None


async def put(town: Town, path: str, body: object) -> Reply:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await town.kernel.network.send(
        "PUT", WORLD_URL + path, {"content-type": "application/json"}, raw
    )


async def test_the_operator_puts_the_user_s_firm_and_the_rest_is_drawn(town: Town) -> None:
    given = {
        "names": {"en": "My Firm Limited", "zh_hant": None}, "incorporated_on": "2018-05-06",
        "staff": {"full_time": 12, "part_time": 0, "as_of": "2026-01-31"},
    }
    stored = await put(town, f"/companies-registry/operator/companies/{FIRM}", given)
    assert stored.status == 200
    record = await town.registry.record("company-particulars", KIND, FIRM)
    assert record is not None
    for name, value in given.items():
        assert record[name] == value
    product = PRODUCTS["company-particulars", 1]
    assert check_payload(product, dict(record), Cut(fields=product.field_names)) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", {"status": "fine"}, {"unknown": 1}, {"staff": {"full_time": -1}}],
)
async def test_a_firm_of_another_shape_is_refused_with_a_sentence(
    town: Town, body: object
) -> None:
    refused = await put(town, f"/companies-registry/operator/companies/{FIRM}", body)
    assert refused.status == 400
    assert msgspec.json.decode(refused.body)["error"]
    assert await town.registry.record("company-particulars", KIND, FIRM) is None


async def test_the_operator_makes_a_customer_with_drawn_or_given_accounts(town: Town) -> None:
    path = f"/bank-harbour/operator/account-data/{FIRM}"
    assert (await put(town, path, b"")).status == 200
    drawn = await town.bank.record("account-data", KIND, FIRM)
    assert drawn is not None
    assert drawn["transactions"]
    given = AccountData(availability=[], status=[], balances=[], transactions=[])
    assert (await put(town, path, given)).status == 200
    assert await town.bank.record("account-data", KIND, FIRM) == msgspec.to_builtins(given)
    assert (await put(town, path, {"accounts": []})).status == 400


def test_a_drawn_company_has_every_member() -> None:
    record = particulars_of(sketch("70000017"), 7)
    names = {f.name for f in msgspec.structs.fields(CompanyParticulars)}
    assert msgspec.to_builtins(record).keys() == names

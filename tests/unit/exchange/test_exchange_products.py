"""Payloads: cut by the provider, checked on both sides."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.exchange.domain.products import (
    ACCOUNT_DATA,
    COMPANY_PARTICULARS,
    Cut,
    check_fields,
    check_payload,
    cut_payload,
    data_classes,
    json_schema,
)
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused


def transaction(day: str, **changes: Any) -> dict[str, Any]:
    return {
        "account_reference": "acc-0001", "transaction_reference": "txn-" + day,
        "booked_on": day, "direction": "credit", "amount": "1250.00", "currency": "HKD",
        "description": "Invoice 42",
    } | changes


RECORD: dict[str, Any] = {
    "availability": [
        {"account_reference": "acc-0001", "account_type": "current", "currency": "HKD",
         "masked_number": "****001", "opened_on": "2021-03-04"},
    ],
    "status": [{"account_reference": "acc-0001", "status": "active"}],
    "balances": [
        {"account_reference": "acc-0001", "currency": "HKD", "ledger_balance": "-12.00",
         "available_balance": "0.00", "as_of": "2026-02-20T09:00:00Z"},
    ],
    "transactions": [transaction(day) for day in ("2025-07-31", "2025-08-01", "2026-01-31",
                                                  "2026-02-01")],
}
PERIOD = {"data_from": datetime.date(2025, 8, 1), "data_until": datetime.date(2026, 2, 1)}


def refusal_of(payload: object, cut: Cut) -> object:
    refused = check_payload(ACCOUNT_DATA, payload, cut)
    return refused.refusal if isinstance(refused, Refused) else None


def test_a_cut_keeps_the_consented_fields_and_days_only() -> None:
    cut = Cut(fields=frozenset({"status", "transactions"}), **PERIOD)
    kept = cut_payload(ACCOUNT_DATA, RECORD, cut)
    assert kept.keys() == {"status", "transactions"}
    days = [row["booked_on"] for row in kept["transactions"]]
    assert days == ["2025-08-01", "2026-01-31"]
    assert check_payload(ACCOUNT_DATA, kept, cut) is None


def test_a_field_too_many_is_refused_and_named() -> None:
    cut = Cut(fields=frozenset({"status"}))
    refused = check_payload(
        ACCOUNT_DATA, {"status": RECORD["status"], "balances": RECORD["balances"]}, cut
    )
    assert refused is not None
    assert refused.refusal is ExchangeRefusal.DELIVERY_EXTRA_FIELD
    assert refused.field == "balances"


def test_a_field_missing_is_refused_and_named() -> None:
    refused = check_payload(ACCOUNT_DATA, {}, Cut(fields=frozenset({"status"})))
    assert refused is not None
    assert (refused.refusal, refused.field) == (ExchangeRefusal.DELIVERY_FIELD_MISSING, "status")


@pytest.mark.parametrize("day", ["2025-07-31", "2026-02-01"])
def test_a_row_outside_the_days_is_refused(day: str) -> None:
    cut = Cut(fields=frozenset({"transactions"}), **PERIOD)
    assert refusal_of({"transactions": [transaction(day)]}, cut) is (
        ExchangeRefusal.DELIVERY_OUTSIDE_PERIOD
    )


@pytest.mark.parametrize(
    "row",
    [
        transaction("2025-09-01", amount=1250.0), transaction("2025-09-01", amount="1250.0"),
        transaction("2025-09-01", amount="1,250.00"), transaction("2025-09-01", amount="-1.00"),
        transaction("2025-09-01", currency="USD"), transaction("2025-09-01", counterparty="X"),
        transaction("not a day"), {"account_reference": "acc-0001"}, "text", None,
    ],
)
def test_a_row_of_another_shape_is_refused(row: object) -> None:
    cut = Cut(fields=frozenset({"transactions"}), **PERIOD)
    assert refusal_of({"transactions": [row]}, cut) is ExchangeRefusal.DELIVERY_MALFORMED


@pytest.mark.parametrize("payload", [None, [], "status", 1])
def test_data_that_are_no_object_are_refused(payload: object) -> None:
    cut = Cut(fields=frozenset({"status"}))
    assert refusal_of(payload, cut) is ExchangeRefusal.DELIVERY_MALFORMED


def test_too_many_rows_are_refused_and_the_limit_itself_is_not() -> None:
    cut = Cut(fields=frozenset({"transactions"}))
    rows = [transaction("2025-09-01")] * 2_000
    assert refusal_of({"transactions": rows}, cut) is None
    rows = [*rows, transaction("2025-09-01")]
    assert refusal_of({"transactions": rows}, cut) is ExchangeRefusal.DELIVERY_MALFORMED


@given(st.sets(st.sampled_from(sorted(ACCOUNT_DATA.field_names)), min_size=1),
       st.dates(datetime.date(2025, 7, 1), datetime.date(2026, 3, 1)),
       st.dates(datetime.date(2025, 7, 1), datetime.date(2026, 3, 1)))
def test_whatever_is_cut_passes_the_check(
    fields: set[str], one: datetime.date, other: datetime.date
) -> None:
    start, end = min(one, other), max(one, other)
    cut = Cut(fields=frozenset(fields), data_from=start, data_until=end)
    assert check_payload(ACCOUNT_DATA, cut_payload(ACCOUNT_DATA, RECORD, cut), cut) is None


def test_fields_are_checked_one_by_one() -> None:
    assert check_fields(COMPANY_PARTICULARS, ["names"]) is None
    for names, refusal in (
        ([], ExchangeRefusal.FIELDS_EMPTY),
        (["names", "names"], ExchangeRefusal.FIELDS_REPEATED),
        (["names", "balances"], ExchangeRefusal.FIELD_UNKNOWN),
    ):
        refused = check_fields(COMPANY_PARTICULARS, names)
        assert refused is not None
        assert refused.refusal is refusal


def test_classes_of_data_follow_the_fields() -> None:
    assert data_classes(COMPANY_PARTICULARS, ["names", "directors"]) == (
        "identifying", "public_register",
    )


def test_the_published_schema_is_strict() -> None:
    schema = json_schema(ACCOUNT_DATA)
    assert all(
        part.get("additionalProperties") is False
        for part in schema["$defs"].values() if part.get("type") == "object"
    )

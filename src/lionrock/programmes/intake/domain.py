"""From what a registry and a bank state to the facts that the rules ask for. Pure.

Only what a source states becomes a fact; what it leaves open stays unknown. Every fact names the
provider and the signed delivery that it was read from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

REGISTRY_PRODUCT = "company-particulars"
BANK_PRODUCT = "account-data"
# What the programme office needs to judge eligibility, and not one field more.
REGISTRY_FIELDS = (
    "business_registration_number", "names", "incorporated_under", "incorporated_on", "status",
    "business_registration_valid_until", "staff", "public_funding_status",
)  # fmt: skip
BANK_FIELDS = ("availability", "status", "balances")

_LEGAL_FORMS = {
    "Cap. 622": "company_cap_622",
    "Cap. 32": "company_cap_622",
    "outside Hong Kong": "non_hong_kong_company",
    "not incorporated": "sole_proprietorship",
}
_PUBLIC_STATUS = {
    "none": "private",
    "government": "government",
    "subvented": "government_subvented_organisation",
}


class SourcedFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact with where it is from; `value` as /programmes/v1/facts describes it."""

    name: str
    value: int | bool | str
    provider: str
    delivery_sha256: str


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the company that a bank vouches for."""

    provider: str
    masked_number: str
    currency: str
    status: Literal["active", "dormant", "closed"] | None
    available_balance: str | None
    delivery_sha256: str


def facts_of_particulars(
    data: Mapping[str, Any], provider: str, delivery_sha256: str, on: date
) -> list[SourcedFact]:
    """Return the facts that a registry's particulars state, as at a date."""
    found: list[SourcedFact] = []
    for name, read in _READERS.items():
        value = read(data, on)
        if value is not None:
            found.append(SourcedFact(
                name=name, value=value, provider=provider, delivery_sha256=delivery_sha256
            ))
    return found


def accounts_of(
    data: Mapping[str, Any], provider: str, delivery_sha256: str
) -> list[BankAccount]:
    """Return the accounts that a bank vouches for, with status and balance where consented."""
    statuses = {each["account_reference"]: each["status"] for each in data.get("status", ())}
    balances = {
        each["account_reference"]: each["available_balance"] for each in data.get("balances", ())
    }
    return [
        BankAccount(
            provider=provider, masked_number=each["masked_number"], currency=each["currency"],
            status=statuses.get(each["account_reference"]),
            available_balance=balances.get(each["account_reference"]),
            delivery_sha256=delivery_sha256,
        )
        for each in data.get("availability", ())
    ]  # fmt: skip


def _legal_form(data: Mapping[str, Any], _on: date) -> str | None:
    return _LEGAL_FORMS.get(data.get("incorporated_under", ""))


def _has_business_registration(data: Mapping[str, Any], on: date) -> bool | None:
    until = data.get("business_registration_valid_until")
    return None if until is None else on <= date.fromisoformat(until)


def _public_status(data: Mapping[str, Any], _on: date) -> str | None:
    return _PUBLIC_STATUS.get(data.get("public_funding_status", ""))


def _incorporated_on(data: Mapping[str, Any], _on: date) -> str | None:
    day = data.get("incorporated_on")
    return day if isinstance(day, str) else None


def _employees(data: Mapping[str, Any], _on: date) -> int | None:
    staff = data.get("staff")
    return staff["full_time"] if isinstance(staff, dict) else None


Reader = Callable[[Mapping[str, Any], date], int | bool | str | None]
_READERS: Mapping[str, Reader] = {
    "legal_form": _legal_form,
    "has_business_registration": _has_business_registration,
    "public_status": _public_status,
    "incorporated_on": _incorporated_on,
    "employees_full_time": _employees,
}

"""Product `company-particulars` version 1: what a companies registry states about a company.

Modelled on the particulars of the Companies Register (Companies Ordinance, Cap. 622) and of the
business registration (Cap. 310); "registry-style", no official interface is claimed. Every member
may be absent, since a consent names its fields one by one; no member outside this list is accepted.

Not for: account data (accounts.py); which members a consent opens (products.py).
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

NAME_LENGTH_MAX = 200
PEOPLE_MAX = 100

BusinessRegistrationNumber = Annotated[str, Meta(pattern=r"^[0-9]{8}$")]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Amount = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,15})\.[0-9]{2}$")]
Currency = Literal["HKD", "CNY"]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]


class CompanyNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The registered names; a company may have registered only one of them."""

    en: Name | None
    zh_hant: Name | None


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The registered office."""

    lines: Annotated[list[Name], Meta(min_length=1, max_length=5)]
    district: Name
    region: Literal["Hong Kong", "Kowloon", "New Territories"]


class NatureOfBusiness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The business as declared for registration."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{3}$")]
    en: Name
    zh_hant: Name


class Director(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One director, natural or corporate."""

    name: Name
    kind: Literal["natural", "corporate"]
    appointed_on: datetime.date


class Shareholding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One member's shares of one class."""

    name: Name
    kind: Literal["natural", "corporate"]
    share_class: Name
    shares: Annotated[int, Meta(ge=1, le=10**15)]


class ShareCapital(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Issued share capital."""

    amount: Amount
    currency: Currency


class Staff(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Staff employed in Hong Kong as last declared."""

    full_time: Count
    part_time: Count
    as_of: datetime.date


class CompanyParticulars(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The payload; only consented members are present."""

    business_registration_number: BusinessRegistrationNumber | UnsetType = UNSET
    names: CompanyNames | UnsetType = UNSET
    company_type: (
        Literal["private", "public", "guarantee", "registered_non_hong_kong",
                "sole_proprietorship", "partnership"]
        | UnsetType
    ) = UNSET
    incorporated_under: (
        Literal["Cap. 622", "Cap. 32", "outside Hong Kong", "not incorporated"] | UnsetType
    ) = UNSET
    incorporated_on: datetime.date | UnsetType | None = UNSET
    status: Literal["live", "dissolved", "struck_off", "in_liquidation"] | UnsetType = UNSET
    business_registration_valid_until: datetime.date | UnsetType = UNSET
    registered_office: Address | UnsetType = UNSET
    nature_of_business: NatureOfBusiness | UnsetType = UNSET
    directors: Annotated[list[Director], Meta(max_length=PEOPLE_MAX)] | UnsetType = UNSET
    shareholders: Annotated[list[Shareholding], Meta(max_length=PEOPLE_MAX)] | UnsetType = UNSET
    share_capital: ShareCapital | UnsetType | None = UNSET
    staff: Staff | UnsetType = UNSET
    public_funding_status: Literal["none", "government", "subvented"] | UnsetType = UNSET

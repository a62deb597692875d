"""The shape of schemes.json, and of our reading beside it (readings.json, facts.json, ...)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lionrock.hongkong.packaged import Location, SheetHeader
from lionrock.kernel.i18n import Text
from lionrock.programmes.api import (
    Basis,
    FactKind,
    FurtherFact,
    Mark,
    ParameterDefinition,
    Quantity,
)


class SeedDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exact day from another source."""

    date: str
    source: str
    mark: Mark


class SeedRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of rules[]."""

    id: str
    parameter: str
    value: Any
    valid_from: str | None
    valid_to: str | None
    basis: Basis
    mark: Mark
    unit: str = ""
    valid_from_day: SeedDay | None = None
    valid_to_day: SeedDay | None = None
    seen_on: str | None = None
    last_seen_on: str | None = None
    location: Location | None = None
    source: str = ""
    note: str = ""


class SeedScheme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the 61 schemes."""

    id: str
    name: str
    abbreviation: str | None
    kind: str
    owner: str | None
    owner_basis: str
    status: str
    eligibility: str | None
    dates: dict[str, str]
    location: Location
    quantities: list[Quantity]
    rules: list[SeedRule]
    not_stated: list[str]
    beyond_fact_sheet: list[FurtherFact]
    note: str = ""


class SeedSchemes(SheetHeader, frozen=True, kw_only=True):
    """schemes.json."""

    schemes: list[SeedScheme]


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a scheme takes applications. `closes` is exclusive; `marked_day_of`, `years_of` and
    `last_day_of` name the rule that gives an exact day, a duration, or the last day to apply.
    """

    opens: str
    closes: str = ""
    marked_day_of: str = ""
    years_of: str = ""
    last_day_of: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Our reading of one scheme. An `audience_is_open` list ends with "etc." in the source."""

    id: str
    name: Text
    name_basis: Literal["official", "ours"]
    summary: Text
    audience: list[str] = []
    audience_is_open: bool = False
    window: Window | None = None
    is_planned: bool = False
    never_direct_rule: str = ""


class Readings(msgspec.Struct, frozen=True):
    """readings.json."""

    readings: list[Reading]


class CodeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code of a fact."""

    code: str
    label: Text
    aliases: list[str] = []


class FactRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the FACTS table."""

    name: str
    kind: FactKind
    unit: str
    question: Text
    codes: list[CodeRow] = []
    favourable: int | bool | str | None = None
    years_since: str = ""


class FactTable(msgspec.Struct, frozen=True):
    """facts.json."""

    facts: list[FactRow]


class Phrase(msgspec.Struct, frozen=True):
    """A word of the seed's not_stated lists, for people."""

    phrase: str
    label: Text


class ParameterTable(msgspec.Struct, frozen=True):
    """parameters.json."""

    parameters: list[ParameterDefinition]
    not_stated: list[Phrase]

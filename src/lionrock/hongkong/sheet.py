"""The fact sheet as data for pages: figures, systems, organisations, each with its place and date.

A figure is never shown without its bound and its date: `Figure.shown` writes both ("over 5,700
datasets", "undated"). Subjects, roles and descriptions are in English, as the data records them.
"""

from __future__ import annotations

import functools
from typing import Literal, TypeVar

import msgspec

from lionrock.hongkong.packaged import Location, PackagedDataError, SheetHeader, read_json
from lionrock.kernel.i18n import Text, show_number
from lionrock.programmes.api import parse_date_point, texts

T = TypeVar("T")
UNDATED = Text("undated", "沒有註明日期", "没有注明日期")
AS_OF = Text("as of {date}", "截至{date}", "截至{date}")
PLACE = Text(
    "{title}, revised {revision}, section \"{section}\", bullet {bullet}",
    "{title}，{revision}修訂，「{section}」部分第{bullet}點",
    "{title}，{revision}修订，“{section}”部分第{bullet}点",
)
PARAGRAPH = Text(
    "{title}, revised {revision}, section \"{section}\", paragraph {bullet}",
    "{title}，{revision}修訂，「{section}」部分第{bullet}段",
    "{title}，{revision}修订，“{section}”部分第{bullet}段",
)


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the 104 figures. `as_of` None means undated, not today; `bound` None means exact."""

    id: str
    subject: str
    value: int
    unit: str
    as_of: str | None
    as_of_basis: Literal["stated", "not_stated"]
    bound: str | None
    kind: Literal["statistic", "rule", "ranking", "plan"]
    location: Location

    def shown(self) -> Text:
        """Return the value with its unit and bound, e.g. "over 5,700 datasets"."""
        number = texts.in_all(lambda language: show_number(self.value, language))
        words = _wording()
        written = texts.fill(words.units[self.unit], {"value": number})
        if self.bound is None:
            return written
        return texts.fill(words.bounds[self.bound], {"figure": written})

    def dated(self) -> Text:
        """Return the date as precisely as it is stated, or "undated"."""
        if self.as_of is None:
            return UNDATED
        period = _wording().periods.get(self.as_of)
        if period is not None:
            return period
        point = texts.text_of_point(parse_date_point(self.as_of))
        return texts.fill(AS_OF, {"date": point})


class System(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the 40 systems; pillar and possible software are this project's judgement."""

    id: str
    name: str
    pillar: Literal["identity", "exchange", "payments", "programmes", "city"] | None
    what_it_does: str
    figures_stated: list[str]
    location: Location
    possible_software: str


class Organisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the 74 organisations, with every bullet that names it."""

    name: str
    abbreviation: str | None
    abbreviation_in_fact_sheet: bool | None
    type: str
    jurisdiction: str
    role: str
    first_location: Location
    locations: list[Location]


class _Figures(SheetHeader, frozen=True, kw_only=True):
    figures: list[Figure]


class _Systems(SheetHeader, frozen=True, kw_only=True):
    systems: list[System]


class _Organisations(SheetHeader, frozen=True, kw_only=True):
    organisations: list[Organisation]


class _Unit(msgspec.Struct, frozen=True):
    unit: str
    text: Text


class _Bound(msgspec.Struct, frozen=True):
    bound: str
    text: Text


class _Period(msgspec.Struct, frozen=True):
    period: str
    text: Text


class _WordingFile(msgspec.Struct, frozen=True):
    units: list[_Unit]
    bounds: list[_Bound]
    periods: list[_Period]


class _Wording(msgspec.Struct, frozen=True):
    units: dict[str, Text]
    bounds: dict[str, Text]
    periods: dict[str, Text]


@functools.cache
def figures() -> tuple[Figure, ...]:
    """Return all figures; PackagedDataError when one cannot be written out."""
    found = read_json("figures.json", _Figures)
    words = _wording()
    for figure in found.figures:
        if figure.unit not in words.units or (figure.bound and figure.bound not in words.bounds):
            raise PackagedDataError(f"units.json: no words for {figure.id}")
        figure.dated()
    return _counted(tuple(found.figures), found.count, "figures.json")


@functools.cache
def figures_by_id() -> dict[str, Figure]:
    """Return the figures by their stable id (f001 ...)."""
    return {figure.id: figure for figure in figures()}


@functools.cache
def systems() -> tuple[System, ...]:
    """Return all systems."""
    found = read_json("systems.json", _Systems)
    return _counted(tuple(found.systems), found.count, "systems.json")


@functools.cache
def organisations() -> tuple[Organisation, ...]:
    """Return all organisations."""
    found = read_json("organisations.json", _Organisations)
    return _counted(tuple(found.organisations), found.count, "organisations.json")


def place_of(location: Location) -> Text:
    """Return where a fact stands: document, revision date, section, bullet."""
    header = read_header()
    revision = texts.text_of_point(parse_date_point(header.revision_date))
    template = PARAGRAPH if location.section == "Overview" else PLACE
    return texts.fill(
        template,
        {
            "title": texts.plain(header.source_title), "revision": revision,
            "section": texts.plain(location.section),
            "bullet": texts.plain(str(location.bullet)),
        },
    )


@functools.cache
def read_header() -> SheetHeader:
    """Return the fact sheet's title and revision date."""
    return read_json("figures.json", SheetHeader)


def _counted(rows: tuple[T, ...], count: int, name: str) -> tuple[T, ...]:
    if len(rows) != count:
        raise PackagedDataError(f"{name}: {len(rows)} rows, {count} announced")
    return rows


@functools.cache
def _wording() -> _Wording:
    found = read_json("units.json", _WordingFile)
    return _Wording(
        {row.unit: row.text for row in found.units},
        {row.bound: row.text for row in found.bounds},
        {row.period: row.text for row in found.periods},
    )

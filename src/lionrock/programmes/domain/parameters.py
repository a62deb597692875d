"""Dated parameters: one number, share, table or list that a source states for a scheme.

A parameter's rules form a series in time. On a date the series gives the rules that may be in force
(`candidates`): one when the dates tell, several when they do not, None among them when it may be
that no rule is in force. Source: the seed's README (valid_*, seen_on, last_seen_on; "prefer
fact_sheet, show both").

Invariant: `candidates` is never empty, and holds one element exactly when the dates decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.programmes.domain.dates import (
    MarkedDay,
    Standing,
    Validity,
    may_have_ended,
    standing,
)

ParameterKind = Literal[
    "money", "money_by_key", "share", "share_by_key", "ratio", "count", "count_by_key", "codes",
    "codes_by_key", "flag", "other",
]
Basis = Literal["fact_sheet", "derived_from_fact_sheet", "beyond_fact_sheet"]
Mark = Literal["verified", "secondary", "unverified"]
_PREFERENCE: Mapping[str, int] = {
    "fact_sheet": 0, "derived_from_fact_sheet": 1, "beyond_fact_sheet": 2,
}


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a statement stands: a place in the fact sheet, or a public address."""

    document: str = ""
    revision_date: str = ""
    section: str = ""
    bullet: int = 0
    address: str = ""


class ParameterDefinition(msgspec.Struct, frozen=True):
    """One row of the parameter table: its kind and its name for people."""

    name: str
    kind: ParameterKind
    label: Text


class ParameterRule(msgspec.Struct, frozen=True, kw_only=True):
    """One dated value of one parameter; `stated` is the value as the data records it."""

    id: str
    parameter: str
    kind: ParameterKind
    stated: Any
    value: Any
    unit: str
    validity: Validity
    basis: Basis
    mark: Mark
    source: Source
    note: str = ""


class Selection(msgspec.Struct, frozen=True):
    """What may be in force on a date: `candidates`, and certain rules that were not preferred."""

    candidates: tuple[ParameterRule | None, ...]
    also: tuple[ParameterRule, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether the dates decide."""
        return len(self.candidates) == 1


def kind_of_stated(kind: ParameterKind, stated: Any) -> ParameterKind:
    """Return the kind of one stated value: a table where a source gives one value per case."""
    tables: Mapping[str, ParameterKind] = {
        "money": "money_by_key", "share": "share_by_key", "count": "count_by_key",
        "codes": "codes_by_key",
    }
    return tables.get(kind, kind) if isinstance(stated, dict) else kind


def typed_value(kind: ParameterKind, stated: Any) -> Any:
    """Return a stated value in the type of its kind; ValueError when it does not fit.

    Money becomes cents; a ratio becomes the Government's share of the whole.
    """
    if kind == "money":
        return _cents(stated)
    if kind == "money_by_key":
        return {key: _cents(value) for key, value in stated.items()}
    if kind == "share":
        return _fraction(stated)
    if kind == "share_by_key":
        return {key: _fraction(value) for key, value in stated.items()}
    if kind == "ratio":
        return _government_share(stated)
    if kind == "count":
        return _whole(stated)
    if kind == "count_by_key":
        return {key: _whole(value) for key, value in stated.items()}
    if kind == "codes":
        return frozenset(_word(word) for word in stated)
    if kind == "codes_by_key":
        return {key: frozenset(_word(word) for word in words) for key, words in stated.items()}
    if kind == "flag" and not isinstance(stated, bool):
        raise ValueError(f"{stated!r} is not true or false")
    return stated


def select(
    series: Sequence[ParameterRule], on: date, *, use_marked_days: bool
) -> Selection:
    """Return which of a parameter's rules may be in force on a date."""
    standings = [standing(rule.validity, on, use_marked_days=use_marked_days) for rule in series]
    certain = [r for r, s in zip(series, standings, strict=True) if s is Standing.IN_FORCE]
    possible = [r for r, s in zip(series, standings, strict=True) if s is Standing.POSSIBLE]
    possible = [r for r in possible if not _is_superseded(r, certain)]
    ending = [
        r for r in possible if may_have_ended(r.validity, on, use_marked_days=use_marked_days)
    ]
    successors = _sighted_successors(series, ending, on)
    if certain:
        preferred = sorted(certain, key=lambda rule: _PREFERENCE[rule.basis])
        return Selection((preferred[0], *possible), tuple(preferred[1:]))
    everything = (*possible, *successors)
    if not everything:
        return Selection((None,))
    if _hand_over(ending, everything):
        return Selection(everything)
    return Selection((*everything, None))


def uncertain_days(rules: Sequence[ParameterRule | None]) -> tuple[MarkedDay, ...]:
    """Return the marked days that would settle which of these rules is in force."""
    days = [
        day
        for rule in rules
        if rule is not None
        for day in (rule.validity.valid_from_day, rule.validity.valid_to_day)
        if day is not None
    ]
    return tuple(dict.fromkeys(days))


def _is_superseded(rule: ParameterRule, certain: Sequence[ParameterRule]) -> bool:
    """A rule last seen before a successor was first seen has ended once the successor holds."""
    last_seen_on = rule.validity.last_seen_on
    if last_seen_on is None:
        return False
    return any(_first_day(other) > last_seen_on for other in certain)


def _first_day(rule: ParameterRule) -> date:
    validity = rule.validity
    if validity.valid_from is not None:
        return validity.valid_from.first
    return validity.seen_on or date.min


def _sighted_successors(
    series: Sequence[ParameterRule], ending: Sequence[ParameterRule], on: date
) -> tuple[ParameterRule, ...]:
    """Between the last sighting of one rule and the first of its successor, both are possible."""
    last_sightings = [r.validity.last_seen_on for r in ending if r.validity.last_seen_on]
    if not last_sightings:
        return ()
    return tuple(
        rule
        for rule in series
        if rule.validity.valid_from is None
        and rule.validity.seen_on is not None
        and on < rule.validity.seen_on
        and rule.validity.seen_on > max(last_sightings)
    )


def _hand_over(ending: Sequence[ParameterRule], everything: Sequence[ParameterRule]) -> bool:
    """Whether one of these is in force for certain: a rule ends where its successor begins."""
    beginning = [rule for rule in everything if rule not in ending]
    for rule in ending:
        if rule.validity.last_seen_on is not None and beginning:
            return True
        ends = rule.validity.valid_to
        if ends is not None and any(b.validity.valid_from == ends for b in beginning):
            return True
    return False


def _cents(stated: Any) -> int:
    return _whole(stated) * 100


def _whole(stated: Any) -> int:
    if not isinstance(stated, int) or isinstance(stated, bool) or stated < 0:
        raise ValueError(f"{stated!r} is not a whole number")
    return stated


def _fraction(stated: Any) -> Fraction:
    numerator, denominator = stated
    return Fraction(_whole(numerator), _whole(denominator))


def _word(stated: Any) -> str:
    if not isinstance(stated, str):
        raise ValueError(f"{stated!r} is not a code")  # noqa: TRY004 - one error type for data
    return stated


def _government_share(stated: Mapping[str, Any]) -> Fraction:
    """{"government": 1, "applicant": 2} is one third; the named sides are what is summed."""
    sides = {k: v for k, v in stated.items() if isinstance(v, int) and not isinstance(v, bool)}
    sides = {k: v for k, v in sides.items() if k not in ("stage", "persons_max")}
    government = sides.pop("government")
    if len(sides) != 1:
        raise ValueError(f"{stated!r} does not name two sides")
    return Fraction(government, government + sum(sides.values()))

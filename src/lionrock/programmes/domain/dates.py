"""Dates of rules: half-open intervals whose ends may be known to the day, month or year only.

Source of the field meanings: the seed's README (valid_from, valid_to, *_day, seen_on,
last_seen_on).

Invariants: inside a month (or year) that is all a source gives, nothing is certain, also not on
its first or last day; a marked day from another source is used only when the caller asks for it,
so that both readings can be shown side by side.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from enum import Enum
from typing import Literal

import msgspec

Precision = Literal["day", "month", "year"]
_POINT = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class DatePoint(msgspec.Struct, frozen=True):
    """A date as precisely as its source gives it: some day from `first` to `last`, inclusive."""

    text: str
    first: date
    last: date
    precision: Precision

    def plus_years(self, years: int) -> DatePoint:
        """Return the same day, month or year `years` later (29 February becomes 1 March)."""
        year = self.first.year + years
        if self.precision == "year":
            return parse_date_point(f"{year:04d}")
        if self.precision == "month":
            return parse_date_point(f"{year:04d}-{self.first.month:02d}")
        return point_of_day(_same_day(self.first, year))


class MarkedDay(msgspec.Struct, frozen=True):
    """The exact day of a change, from another source than the rule's own."""

    day: date
    source: str
    mark: str

    def plus_years(self, years: int) -> MarkedDay:
        """Return the same day `years` later."""
        return MarkedDay(_same_day(self.day, self.day.year + years), self.source, self.mark)


class Validity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a rule is in force: [valid_from, valid_to), and sightings where an end is unknown.

    valid_from None: the start is not documented; in force from `seen_on`, or always without one.
    valid_to None: in force at the revision date, unless `last_seen_on` is given.
    """

    valid_from: DatePoint | None = None
    valid_to: DatePoint | None = None
    valid_from_day: MarkedDay | None = None
    valid_to_day: MarkedDay | None = None
    seen_on: date | None = None
    last_seen_on: date | None = None


class Standing(Enum):
    """What is known about one rule on one date."""

    IN_FORCE = "in_force"
    POSSIBLE = "possible"
    NOT_IN_FORCE = "not_in_force"


class Passed(Enum):
    """Whether a boundary lies at or before a date."""

    YES = 1
    NO = 2
    UNKNOWN = 3


def parse_date_point(text: str) -> DatePoint:
    """Read 2025-11-18, 2025-11 or 2025; ValueError names what was expected."""
    match = _POINT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date such as 2025-11-18, 2025-11 or 2025")
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    if month is None:
        return DatePoint(text, date(year, 1, 1), date(year, 12, 31), "year")
    if day is None:
        length = calendar.monthrange(year, month)[1]
        return DatePoint(text, date(year, month, 1), date(year, month, length), "month")
    return point_of_day(date(year, month, day))


def point_of_day(day: date) -> DatePoint:
    """Return an exactly known day as a point."""
    return DatePoint(day.isoformat(), day, day, "day")


def day_after(day: date) -> date:
    """Return the next day: the exclusive end of a period whose last day is given."""
    return day + timedelta(days=1)


def standing(validity: Validity, on: date, *, use_marked_days: bool) -> Standing:
    """Return whether a rule alone is in force on a date, as far as its own dates tell."""
    begun = _begun(validity, on, use_marked_days)
    ended = _ended(validity, on, use_marked_days)
    if begun is Passed.NO or ended is Passed.YES:
        return Standing.NOT_IN_FORCE
    if begun is Passed.YES and ended is Passed.NO:
        return Standing.IN_FORCE
    return Standing.POSSIBLE


def may_have_ended(validity: Validity, on: date, *, use_marked_days: bool) -> bool:
    """Return whether it is the end (not the beginning) of a rule that is uncertain on a date."""
    return (
        _begun(validity, on, use_marked_days) is Passed.YES
        and _ended(validity, on, use_marked_days) is Passed.UNKNOWN
    )


def _begun(validity: Validity, on: date, use_marked_days: bool) -> Passed:
    if validity.valid_from is None and validity.valid_from_day is None:
        if validity.seen_on is not None and on < validity.seen_on:
            return Passed.NO
        return Passed.YES
    return boundary_passed(validity.valid_from, validity.valid_from_day, on, use_marked_days)


def _ended(validity: Validity, on: date, use_marked_days: bool) -> Passed:
    if validity.valid_to is None and validity.valid_to_day is None:
        if validity.last_seen_on is not None and on > validity.last_seen_on:
            return Passed.UNKNOWN
        return Passed.NO
    return boundary_passed(validity.valid_to, validity.valid_to_day, on, use_marked_days)


def boundary_passed(
    point: DatePoint | None, marked: MarkedDay | None, on: date, use_marked_days: bool
) -> Passed:
    """Return whether a boundary lies at or before `on`; unknown inside its month or year."""
    if use_marked_days and marked is not None:
        return Passed.YES if on >= marked.day else Passed.NO
    if point is None:
        return Passed.UNKNOWN
    if on < point.first:
        return Passed.NO
    if point.precision == "day" or on > point.last:
        return Passed.YES
    return Passed.UNKNOWN


def _same_day(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February in a common year: the period ends with that February
        return date(year, 3, 1)

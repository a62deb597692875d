"""General holidays of Hong Kong, for business days. Years that are not packaged are refused.

Source: Holidays Ordinance (Cap. 149): every Sunday, and the days listed in holidays.json with their
origin. Saturdays are business days here unless listed; banks' own days are another list.
"""

from __future__ import annotations

import functools
from datetime import date

import msgspec

from lionrock.hongkong.packaged import PackagedDataError, read_json
from lionrock.kernel.i18n import Text

SUNDAY = 6
EVERY_SUNDAY = Text("Every Sunday", "每個星期日", "每个星期日")


class YearUnknown(LookupError):
    """The holidays of that year are not packaged; guessing them would be worse."""


class Holiday(msgspec.Struct, frozen=True):
    """One general holiday."""

    day: date
    name: Text


class _HolidayFile(msgspec.Struct, frozen=True):
    origin: str
    mark: str
    years_covered: list[int]
    holidays: list[Holiday]


def general_holidays(year: int) -> tuple[Holiday, ...]:
    """Return the listed general holidays of a year, in order; YearUnknown when not packaged."""
    found = _file()
    if year not in found.years_covered:
        raise YearUnknown(f"the general holidays of {year} are not packaged")
    return tuple(holiday for holiday in found.holidays if holiday.day.year == year)


def holiday_on(day: date) -> Text | None:
    """Return the holiday's name on a day, or None; YearUnknown when the year is not packaged."""
    listed = {holiday.day: holiday.name for holiday in general_holidays(day.year)}
    return listed.get(day) or (EVERY_SUNDAY if day.weekday() == SUNDAY else None)


@functools.cache
def _file() -> _HolidayFile:
    found = read_json("holidays.json", _HolidayFile)
    days = [holiday.day for holiday in found.holidays]
    if days != sorted(set(days)) or {day.year for day in days} != set(found.years_covered):
        raise PackagedDataError("holidays.json: days in order, once each, in the years covered")
    return found

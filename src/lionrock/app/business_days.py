"""The days on which the simulated central institution works: the profile's holidays, bound here.

Source: the general holidays that lionrock.hongkong packages with their origin. In years that are
not packaged, Monday to Friday: a city whose clock was moved that far must still settle.
"""

from __future__ import annotations

from datetime import date

from lionrock.hongkong.holidays import YearUnknown, holiday_on

SATURDAY = 5


def is_settlement_day(day: date) -> bool:
    """Say whether it is Monday to Friday and no general holiday."""
    if day.weekday() >= SATURDAY:
        return False
    try:
        return holiday_on(day) is None
    except YearUnknown:
        return True

"""Dates of rules: half-open, month precision, marked days, sightings and gaps."""

from __future__ import annotations

from datetime import date

import pytest

from lionrock.programmes.domain.dates import (
    MarkedDay,
    Passed,
    Standing,
    Validity,
    boundary_passed,
    day_after,
    parse_date_point,
    point_of_day,
    standing,
)

MARKED = MarkedDay(date(2025, 11, 18), "https://example.org/news", "secondary")


def at(validity: Validity, day: str, *, marked: bool = False) -> Standing:
    return standing(validity, date.fromisoformat(day), use_marked_days=marked)


@pytest.mark.parametrize(
    "text", ["2025-13", "2025-1", "25-11", "", "2025-02-30", "end-2023", "２０２５", "2025\n"]
)
def test_what_is_not_a_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_date_point(text)


def test_day_interval_is_half_open() -> None:
    validity = Validity(
        valid_from=parse_date_point("2023-04-01"), valid_to=parse_date_point("2026-04-01")
    )
    assert at(validity, "2023-03-31") is Standing.NOT_IN_FORCE
    assert at(validity, "2023-04-01") is Standing.IN_FORCE
    assert at(validity, "2026-03-31") is Standing.IN_FORCE
    assert at(validity, "2026-04-01") is Standing.NOT_IN_FORCE


def test_nothing_is_certain_on_any_day_of_a_month_that_is_all_that_is_known() -> None:
    validity = Validity(valid_from=parse_date_point("2025-11"))
    assert at(validity, "2025-10-31") is Standing.NOT_IN_FORCE
    assert {at(validity, f"2025-11-{day:02d}") for day in range(1, 31)} == {Standing.POSSIBLE}
    assert at(validity, "2025-12-01") is Standing.IN_FORCE


def test_year_precision_covers_the_whole_year() -> None:
    validity = Validity(valid_from=parse_date_point("2024"))
    assert at(validity, "2023-12-31") is Standing.NOT_IN_FORCE
    assert at(validity, "2024-12-31") is Standing.POSSIBLE
    assert at(validity, "2025-01-01") is Standing.IN_FORCE


def test_marked_day_is_used_only_when_asked_for() -> None:
    validity = Validity(valid_from=parse_date_point("2025-11"), valid_from_day=MARKED)
    assert at(validity, "2025-11-17") is Standing.POSSIBLE
    assert at(validity, "2025-11-17", marked=True) is Standing.NOT_IN_FORCE
    assert at(validity, "2025-11-18", marked=True) is Standing.IN_FORCE


def test_marked_end_is_exclusive() -> None:
    validity = Validity(valid_to=parse_date_point("2025-11"), valid_to_day=MARKED)
    assert at(validity, "2025-11-17", marked=True) is Standing.IN_FORCE
    assert at(validity, "2025-11-18", marked=True) is Standing.NOT_IN_FORCE


def test_undocumented_start_is_always_in_force_unless_first_seen() -> None:
    assert at(Validity(), "1997-07-01") is Standing.IN_FORCE
    seen = Validity(seen_on=date(2026, 1, 10))
    assert at(seen, "2026-01-09") is Standing.NOT_IN_FORCE
    assert at(seen, "2026-01-10") is Standing.IN_FORCE


def test_open_end_is_in_force_until_last_seen_and_possible_after() -> None:
    validity = Validity(
        valid_from=parse_date_point("2018-08"), last_seen_on=date(2023, 10, 30)
    )
    assert at(validity, "2023-10-30") is Standing.IN_FORCE
    assert at(validity, "2023-10-31") is Standing.POSSIBLE


def test_a_boundary_without_a_date_is_unknown() -> None:
    assert boundary_passed(None, None, date(2026, 1, 1), False) is Passed.UNKNOWN


def test_years_are_added_at_the_precision_known() -> None:
    assert parse_date_point("2025-11").plus_years(2).text == "2027-11"
    assert parse_date_point("2024").plus_years(3).text == "2027"
    assert parse_date_point("2024-02-29").plus_years(1).first == date(2025, 3, 1)
    assert MARKED.plus_years(2).day == date(2027, 11, 18)


def test_day_after_ends_an_inclusive_period() -> None:
    assert day_after(date(2026, 4, 30)) == date(2026, 5, 1)
    assert point_of_day(date(2026, 4, 30)).text == "2026-04-30"

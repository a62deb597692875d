"""Series of dated rules: which may be in force, and how stated values become typed ones."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from lionrock.programmes.domain.dates import MarkedDay, Validity, parse_date_point
from lionrock.programmes.domain.parameters import (
    ParameterKind,
    ParameterRule,
    Source,
    kind_of_stated,
    select,
    typed_value,
    uncertain_days,
)


def rule(name: str, basis: Any = "fact_sheet", **dates: Any) -> ParameterRule:
    for end in ("valid_from", "valid_to"):
        if end in dates:
            dates[end] = parse_date_point(dates[end])
    return ParameterRule(
        id=name, parameter="p", kind="count", stated=1, value=1, unit="", basis=basis,
        mark="verified", source=Source(address="https://example.org"), validity=Validity(**dates),
    )


def names(series: list[ParameterRule], on: str, *, marked: bool = False) -> list[str | None]:
    chosen = select(series, date.fromisoformat(on), use_marked_days=marked)
    return [candidate.id if candidate else None for candidate in chosen.candidates]


def test_hand_over_inside_a_month_leaves_exactly_the_two_rules() -> None:
    series = [rule("old", valid_from="2024-09", valid_to="2025-11"),
              rule("new", valid_from="2025-11")]
    assert names(series, "2025-10-31") == ["old"]
    assert names(series, "2025-11-01") == ["old", "new"]
    assert names(series, "2025-12-01") == ["new"]


def test_beginning_without_a_predecessor_may_be_no_rule_at_all() -> None:
    series = [rule("only", valid_from="2025-11")]
    assert names(series, "2025-10-31") == [None]
    assert names(series, "2025-11-15") == ["only", None]


def test_end_without_a_successor_may_be_no_rule_at_all() -> None:
    series = [rule("only", valid_from="2020-01-01", valid_to="2025-11")]
    assert names(series, "2025-11-15") == ["only", None]
    assert names(series, "2025-12-01") == [None]


def test_gap_between_two_sightings_leaves_both_rules() -> None:
    series = [rule("new", seen_on=date(2026, 1, 10)),
              rule("old", valid_from="2018-08", last_seen_on=date(2023, 10, 30))]
    assert names(series, "2020-06-01") == ["old"]
    assert names(series, "2023-10-30") == ["old"]
    assert sorted(map(str, names(series, "2023-10-31"))) == ["new", "old"]
    assert sorted(map(str, names(series, "2026-01-09"))) == ["new", "old"]
    assert names(series, "2026-01-10") == ["new"]


def test_dated_successor_ends_a_rule_that_was_last_seen_before_it() -> None:
    series = [rule("new", valid_from="2025-01-01"),
              rule("old", valid_from="2018-08-01", last_seen_on=date(2023, 10, 30))]
    assert names(series, "2024-06-01") == ["old", None]
    assert names(series, "2025-01-01") == ["new"]


def test_undocumented_rule_does_not_supersede_one_that_was_last_seen() -> None:
    series = [rule("always"), rule("old", last_seen_on=date(2023, 10, 30))]
    assert names(series, "2024-01-01") == ["always", "old"]


def test_last_sighting_without_a_successor_leaves_the_rule_or_none() -> None:
    series = [rule("old", valid_from="2018-08-01", last_seen_on=date(2023, 10, 30))]
    assert names(series, "2024-01-01") == ["old", None]


def test_marked_day_settles_a_hand_over() -> None:
    day = MarkedDay(date(2025, 11, 18), "https://example.org/news", "secondary")
    series = [rule("old", valid_from="2024-09", valid_to="2025-11", valid_to_day=day),
              rule("new", valid_from="2025-11", valid_from_day=day)]
    assert names(series, "2025-11-17", marked=True) == ["old"]
    assert names(series, "2025-11-18", marked=True) == ["new"]
    assert uncertain_days(series) == (day,)
    assert uncertain_days([None]) == ()


def test_fact_sheet_is_preferred_and_the_other_shown() -> None:
    series = [rule("page", "beyond_fact_sheet"), rule("sum", "derived_from_fact_sheet"),
              rule("sheet")]
    chosen = select(series, date(2026, 1, 1), use_marked_days=False)
    assert [r.id for r in chosen.candidates if r] == ["sheet"]
    assert [r.id for r in chosen.also] == ["sum", "page"]


@pytest.mark.parametrize(
    ("kind", "stated", "value"),
    [
        ("money", 150_000_000, 15_000_000_000),
        ("money_by_key", {"a": 1}, {"a": 100}),
        ("share", [1, 3], Fraction(1, 3)),
        ("share", [70, 100], Fraction(7, 10)),
        ("share_by_key", {"a": [1, 2]}, {"a": Fraction(1, 2)}),
        ("ratio", {"government": 1, "applicant": 2}, Fraction(1, 3)),
        ("ratio", {"government": 2, "applicant": 1, "stage": 1, "bound": "up to"}, Fraction(2, 3)),
        ("ratio", {"government": 1, "private_investment": 1, "applies_to": "half"}, Fraction(1, 2)),
        ("count", 3, 3),
        ("count_by_key", {"plus": 7}, {"plus": 7}),
        ("codes", ["a", "b"], frozenset({"a", "b"})),
        ("codes_by_key", {"none_of": ["a"]}, {"none_of": frozenset({"a"})}),
        ("flag", False, False),
        ("other", "2026-04-30", "2026-04-30"),
    ],
)
def test_stated_value_gets_the_type_of_its_kind(
    kind: ParameterKind, stated: Any, value: Any
) -> None:
    assert typed_value(kind, stated) == value


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("money", 1.5), ("money", -1), ("money", True), ("share", [1]), ("count", "3"),
        ("codes", [1]), ("flag", 1), ("ratio", {"government": 1}),
        ("ratio", {"government": 1, "a": 1, "b": 1}),
    ],
)
def test_stated_value_that_does_not_fit_is_refused(kind: ParameterKind, stated: Any) -> None:
    with pytest.raises(ValueError):
        typed_value(kind, stated)


def test_one_value_per_case_makes_a_table() -> None:
    assert kind_of_stated("money", {"a": 1}) == "money_by_key"
    assert kind_of_stated("money", 1) == "money"
    assert kind_of_stated("ratio", {"government": 1, "applicant": 1}) == "ratio"

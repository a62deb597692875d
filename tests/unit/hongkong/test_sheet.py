"""Figures, systems and organisations: every one with place, bound and date."""

from __future__ import annotations

from datetime import date

import pytest

from lionrock.hongkong import sheet
from lionrock.hongkong.holidays import YearUnknown, general_holidays, holiday_on
from lionrock.hongkong.packaged import PackagedDataError
from lionrock.kernel.i18n import LANGUAGES

FIGURES = sheet.figures_by_id()


def test_counts_are_the_fact_sheets() -> None:
    assert (len(sheet.figures()), len(sheet.systems()), len(sheet.organisations())) == (104, 40, 74)
    assert sum(1 for figure in sheet.figures() if figure.as_of is None) == 38


@pytest.mark.parametrize("figure", sheet.figures(), ids=lambda figure: figure.id)
def test_figure_is_never_shown_without_its_bound_and_date(figure: sheet.Figure) -> None:
    for language in LANGUAGES:
        shown, dated = figure.shown().in_language(language), figure.dated().in_language(language)
        assert f"{figure.value:,}" in shown
        assert "{" not in shown + dated
        assert dated
    if figure.bound:
        assert figure.shown().en.startswith(figure.bound)
    if figure.as_of is None:
        assert figure.dated() == sheet.UNDATED


def test_bound_and_month_are_written_as_stated() -> None:
    assert FIGURES["f037"].shown().en == "more than 120 lines"
    assert FIGURES["f037"].dated().en == "as of January 2026"
    assert FIGURES["f037"].shown().zh_hant == "超過120條生產線"
    assert FIGURES["f043"].dated().zh_hans == "2026-27年度"


def test_rows_that_are_not_as_many_as_announced_are_refused() -> None:
    with pytest.raises(PackagedDataError, match="2 announced"):
        sheet._counted(sheet.figures()[:1], 2, "figures.json")


def test_place_says_document_revision_section_and_bullet() -> None:
    place = sheet.place_of(FIGURES["f034"].location)
    assert place.en == (
        "Innovation & Technology (Hong Kong fact sheet), revised 20 February 2026, section "
        '"Promoting New Industrialisation", bullet 3'
    )
    overview = sheet.organisations()[0].first_location
    assert "paragraph 2" in sheet.place_of(overview).en


@pytest.mark.parametrize("year", [2025, 2026])
def test_general_holidays_are_seventeen_and_never_a_sunday(year: int) -> None:
    holidays = general_holidays(year)
    assert len(holidays) == 17
    assert all(holiday.day.weekday() != 6 for holiday in holidays)
    assert all(holiday.name.zh_hant for holiday in holidays)


@pytest.mark.parametrize(
    ("day", "name"),
    [("2026-02-17", "Lunar New Year's Day"), ("2026-04-07", "The day following Easter Monday"),
     ("2025-10-29", "Chung Yeung Festival"), ("2026-02-22", "Every Sunday")],
)
def test_holiday_is_named(day: str, name: str) -> None:
    found = holiday_on(date.fromisoformat(day))
    assert found is not None
    assert found.en == name


def test_working_day_is_no_holiday_and_unknown_year_is_refused() -> None:
    assert holiday_on(date(2026, 2, 20)) is None
    with pytest.raises(YearUnknown):
        holiday_on(date(2027, 2, 6))

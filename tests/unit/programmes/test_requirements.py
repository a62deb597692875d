"""Every requirement of the executable schemes: met by the fitting firm, refused by one change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec
import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import (
    Answer,
    Boundary,
    Decision,
    Limit,
    Requirement,
    Scheme,
    Validity,
    decide,
)
from tests.unit.programmes.test_golden import FITTING

ON = date(2026, 5, 4)
REFUSALS: tuple[tuple[str, Mapping[str, object], Answer], ...] = (
    ("nias.legal_form", {"legal_form": "partnership"}, Answer.NO),
    ("nias.not_subvented", {"public_status": "government_subvented_organisation"}, Answer.NO),
    ("nias.not_subvented", {"public_status": "subsidiary_of_subvented_organisation"}, Answer.NO),
    ("nias.sector", {"sectors": ["retail"]}, Answer.NO),
    ("nias.sector", {"sectors": []}, Answer.NO),
    ("nias.threshold", {"project_cost_hkd": "149999999.99"}, Answer.NO),
    ("nias.contribution", {"project_cost_hkd": 149_999_000}, Answer.NO),
    ("nias.projects", {"nias_projects_supported": 2}, Answer.NO),
    ("nias.duration", {"project_duration_months": 37}, Answer.CANNOT_TELL),
    ("nias.total_ceiling", {"nias_funding_received_hkd": 200_000_000}, Answer.NO),
    ("nifs.applicant", {"applicant_types": ["enterprise"]}, Answer.NO),
    ("nifs.legal_form", {"legal_form": "sole_proprietorship"}, Answer.NO),
    ("nifs.project", {"is_smart_production_line_in_hong_kong": False}, Answer.NO),
    ("nifs.concurrent_projects", {"nifs_projects_running": 3}, Answer.NO),
    ("nifs.duration", {"project_duration_months": 25}, Answer.CANNOT_TELL),
    ("nifs.share", {"project_cost_hkd": 0}, Answer.NO),
    ("nifs.total_ceiling", {"nifs_funding_running_hkd": 45_000_000}, Answer.NO),
    ("mfgplus.applicant", {"applicant_types": ["local_manufacturer"]}, Answer.NO),
    ("mfgplus.project", {"is_production_line_upgrade": False}, Answer.NO),
    ("mfgplus.ceiling", {"mfgplus_funding_received_hkd": 250_000}, Answer.NO),
    ("mfgplus.ceiling", {"mfgplus_funding_received_hkd": 900_000}, Answer.NO),
    ("nittp.registration", {"has_business_registration": False}, Answer.NO),
    ("nittp.not_subvented", {"public_status": "government"}, Answer.NO),
    ("nittp.not_subvented", {"public_status": "government_subvented"}, Answer.NO),
    ("nittp.training", {"is_advanced_technology_training": False}, Answer.NO),
    ("nittp.trainees", {"trainee_is_permanent_resident_employee": False}, Answer.NO),
    ("nittp.courses", {"trainee_courses_this_year": 1}, Answer.NO),
    ("nittp.year_ceiling", {"nittp_funding_received_this_year_hkd": 250_000}, Answer.NO),
    ("rth.work", {"conducts_research_and_development": False}, Answer.NO),
    ("rth.places", {"research_talents_engaged": 4}, Answer.NO),
    ("rth.places", {"research_talents_engaged": 40, "is_nias_company": True}, Answer.NO),
    ("tsssu.team", {"applicant_types": ["technology_start_up"]}, Answer.NO),
    ("tsssu.age_original", {"tsssu_component": "original", "company_age_years": 3}, Answer.NO),
    ("tsssu.age_plus", {"company_age_years": 8}, Answer.NO),
    ("tsssu.years_funded", {"tsssu_years_funded": 3}, Answer.NO),
    ("tsssu.private_investment", {"private_investment_hkd": "999999.99"}, Answer.NO),
)
NEVER_FAIL_ALONE = {
    "rth.allowance", "rth.nias_extra", "tsssu.start_up_ceiling", "tsssu.university_ceiling",
    "nifs.project_ceiling", "nias.share", "mfgplus.share", "nittp.share", "tsssu.requested",
}




@pytest.mark.parametrize(
    ("clause_id", "change", "outcome"), REFUSALS, ids=lambda value: str(value)[:60]
)
def test_requirement_refuses_and_names_what_would_change_it(
    clause_id: str, change: Mapping[str, object], outcome: Answer
) -> None:
    scheme = scheme_book().schemes[clause_id.partition(".")[0]]
    read = scheme_book().vocabulary.read_all({**FITTING[scheme.id], **change})
    assert isinstance(read, dict), read
    decision = decide(scheme, read, ON)
    result = next(r for r in decision.clauses if r.clause.head.id == clause_id)
    assert result.outcome is outcome
    assert decision.answer is outcome
    assert decision.amount_minor is None


@pytest.mark.parametrize("scheme_id", FITTING)
def test_fitting_firm_meets_every_requirement(scheme_id: str) -> None:
    scheme = scheme_book().schemes[scheme_id]
    read = scheme_book().vocabulary.read_all(FITTING[scheme_id])
    assert isinstance(read, dict), read
    decision = decide(scheme, read, ON)
    assert decision.answer is Answer.YES
    assert {r.outcome for r in decision.clauses if r.decides} == {Answer.YES}


def test_every_deciding_clause_of_an_executable_scheme_has_a_refusal_here() -> None:
    refused = {clause_id for clause_id, _, _ in REFUSALS} | NEVER_FAIL_ALONE
    for scheme in scheme_book().schemes.values():
        for clause in scheme.clauses if scheme.is_executable else ():
            if isinstance(clause, Requirement | Limit):
                assert clause.head.id in refused
            else:
                assert not isinstance(clause, Boundary) or clause.side in ("opens", "closes")


@pytest.mark.parametrize(
    ("scheme_id", "on", "answer"),
    [
        ("nias", "2024-08-31", Answer.NO), ("nias", "2024-09-15", Answer.CANNOT_TELL),
        ("mfgplus", "2025-10-31", Answer.NO), ("mfgplus", "2025-11-17", Answer.CANNOT_TELL),
        ("mfgplus", "2025-12-01", Answer.YES), ("mfgplus", "2027-10-31", Answer.YES),
        ("mfgplus", "2027-11-18", Answer.CANNOT_TELL), ("mfgplus", "2027-12-01", Answer.NO),
        ("nifs", "2023-12-31", Answer.CANNOT_TELL), ("nifs", "2024-02-01", Answer.YES),
        ("nittp", "2018-07-31", Answer.CANNOT_TELL), ("nittp", "2018-09-01", Answer.YES),
        ("nittp", "2023-10-30", Answer.YES), ("nittp", "2023-10-31", Answer.CANNOT_TELL),
        ("nittp", "2026-01-09", Answer.CANNOT_TELL), ("nittp", "2026-01-10", Answer.YES),
        ("rth", "2021-03-01", Answer.CANNOT_TELL), ("rth", "2021-03-02", Answer.YES),
        ("tsssu", "2023-03-31", Answer.CANNOT_TELL), ("tsssu", "2023-04-01", Answer.YES),
        ("tsssu", "2026-03-31", Answer.YES), ("tsssu", "2027-03-31", Answer.YES),
        ("tsssu", "2027-04-01", Answer.CANNOT_TELL),
    ],
)
def test_answer_changes_on_the_day_that_the_sources_give(
    scheme_id: str, on: str, answer: Answer
) -> None:
    scheme = scheme_book().schemes[scheme_id]
    read = scheme_book().vocabulary.read_all(FITTING[scheme_id])
    assert isinstance(read, dict), read
    assert decide(scheme, read, date.fromisoformat(on)).answer is answer


@pytest.mark.parametrize(
    ("on", "marked"),
    [("2025-11-17", Answer.NO), ("2025-11-18", Answer.YES), ("2027-11-17", Answer.YES),
     ("2027-11-18", Answer.NO)],
)
def test_manufacturing_plus_opens_and_ends_on_the_marked_day_in_the_second_reading(
    on: str, marked: Answer
) -> None:
    scheme = scheme_book().schemes["mfgplus"]
    read = scheme_book().vocabulary.read_all(FITTING["mfgplus"])
    assert isinstance(read, dict), read
    decision = decide(scheme, read, date.fromisoformat(on))
    assert decision.answer is Answer.CANNOT_TELL
    assert decision.with_marked_days is not None
    assert decision.with_marked_days.reading.answer is marked


def test_open_date_does_not_matter_where_both_rules_agree() -> None:
    scheme = scheme_book().schemes["nias"]
    read = scheme_book().vocabulary.read_all(FITTING["nias"])
    assert isinstance(read, dict), read
    decision = decide(scheme, read, date(2025, 11, 10))
    assert (decision.answer, decision.amount_minor) == (Answer.YES, 20_000_000_000)


def with_fees(scheme: Scheme, fees_hkd: int, on: date) -> Decision:
    change = {"training_fees_hkd": fees_hkd, "nittp_funding_received_this_year_hkd": 0}
    read = scheme_book().vocabulary.read_all({**FITTING["nittp"], **change})
    assert isinstance(read, dict), read
    return decide(scheme, read, on)


def test_open_ceiling_matters_where_the_two_values_differ() -> None:
    decision = with_fees(scheme_book().schemes["nittp"], 900_000, date(2024, 12, 1))
    assert decision.answer is Answer.CANNOT_TELL, "250,000 or 500,000: that matters"
    assert decision.amount_minor is None


def test_open_ratio_does_not_matter_where_a_certain_ceiling_is_lower() -> None:
    nittp = scheme_book().schemes["nittp"]
    name = "cap_per_applicant_per_year_hkd"
    ceiling = msgspec.structs.replace(nittp.series[name][0], value=10_000_00, validity=Validity())
    lower = msgspec.structs.replace(nittp, series={**nittp.series, name: (ceiling,)})
    decision = with_fees(lower, 100_000, date(2024, 12, 1))
    assert (decision.answer, decision.amount_minor) == (Answer.YES, 10_000_00)

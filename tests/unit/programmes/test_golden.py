"""The golden cases of the six executable schemes, number by number.

Each case is asked twice: with only the inputs of the table (a conditional amount names what is
still open, a refusal is final), and with a whole firm that otherwise meets every requirement (the
same amount, and a plain yes). Amounts are Hong Kong dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec
import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import Answer, Decision, decide

YES, NO, CANNOT_TELL = Answer.YES, Answer.NO, Answer.CANNOT_TELL
FITTING: Mapping[str, Mapping[str, object]] = {
    "nias": {
        "legal_form": "company_cap_622", "public_status": "private",
        "sectors": ["advanced_manufacturing_and_new_energy"], "project_duration_months": 36,
        "nias_projects_supported": 0, "nias_funding_received_hkd": 0,
        "project_cost_hkd": 600_000_000,
    },
    "nifs": {
        "applicant_types": ["local_manufacturer"], "legal_form": "company_cap_622",
        "is_smart_production_line_in_hong_kong": True, "project_duration_months": 24,
        "nifs_projects_running": 0, "nifs_funding_running_hkd": 0, "project_cost_hkd": 30_000_000,
    },
    "mfgplus": {
        "applicant_types": ["enterprise_operating_production_line_in_hong_kong"],
        "is_production_line_upgrade": True, "mfgplus_funding_received_hkd": 0,
        "project_cost_hkd": 600_000,
    },
    "nittp": {
        "has_business_registration": True, "public_status": "private",
        "is_advanced_technology_training": True, "trainee_is_permanent_resident_employee": True,
        "trainee_courses_this_year": 0, "nittp_funding_received_this_year_hkd": 0,
        "training_fees_hkd": 100_000,
    },
    "rth": {
        "conducts_research_and_development": True, "talent_degree": "bachelor",
        "research_talents_engaged": 0, "is_nias_company": False,
    },
    "tsssu": {
        "applicant_types": ["university_start_up_team"], "tsssu_component": "plus",
        "company_age_years": 1, "tsssu_years_funded": 0, "funding_requested_hkd": 1_000_000,
        "private_investment_hkd": 1_000_000,
    },
}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table; `amount` is a decimal string, `bites` the clause that sets it."""

    number: int
    scheme: str
    on: str
    given: Mapping[str, object]
    answer: Answer
    amount: str | None = None
    decisive: str = ""


CASES = (
    Case(number=1, scheme="nias", on="2025-12-01", given={"project_cost_hkd": 149_999_999},
         answer=NO, decisive="nias.threshold"),
    Case(number=2, scheme="nias", on="2025-12-01", given={"project_cost_hkd": 150_000_000},
         answer=YES, amount="50000000.00", decisive="nias.share"),
    Case(number=3, scheme="nias", on="2025-12-01", given={"project_cost_hkd": 600_000_000},
         answer=YES, amount="200000000.00", decisive="nias.share"),
    Case(number=4, scheme="nias", on="2025-12-01", given={"project_cost_hkd": 700_000_000},
         answer=YES, amount="200000000.00", decisive="nias.total_ceiling"),
    Case(number=5, scheme="nias", on="2025-10-31", given={"project_cost_hkd": 200_000_000},
         answer=NO, decisive="nias.threshold"),
    Case(number=6, scheme="nias", on="2025-12-01", given={"project_cost_hkd": 200_000_000},
         answer=YES, amount="66666666.66", decisive="nias.share"),
    Case(number=7, scheme="nias", on="2025-11-10", given={"project_cost_hkd": 200_000_000},
         answer=CANNOT_TELL, decisive="nias.threshold"),
    Case(number=8, scheme="nias", on="2026-01-15",
         given={"project_cost_hkd": 300_000_000, "nias_projects_supported": 1,
                "nias_funding_received_hkd": 150_000_000},
         answer=YES, amount="50000000.00", decisive="nias.total_ceiling"),
    Case(number=9, scheme="nias", on="2026-01-15", given={"nias_projects_supported": 2},
         answer=NO, decisive="nias.projects"),
    Case(number=10, scheme="nifs", on="2026-01-15", given={"project_cost_hkd": 60_000_000},
         answer=YES, amount="15000000.00", decisive="nifs.project_ceiling"),
    Case(number=11, scheme="nifs", on="2026-01-15", given={"project_cost_hkd": 30_000_000},
         answer=YES, amount="10000000.00", decisive="nifs.share"),
    Case(number=12, scheme="nifs", on="2026-01-15", given={"nifs_projects_running": 3},
         answer=NO, decisive="nifs.concurrent_projects"),
    Case(number=13, scheme="mfgplus", on="2026-01-15", given={"project_cost_hkd": 600_000},
         answer=YES, amount="200000.00", decisive="mfgplus.share"),
    Case(number=14, scheme="mfgplus", on="2026-01-15", given={"project_cost_hkd": 900_000},
         answer=YES, amount="250000.00", decisive="mfgplus.ceiling"),
    Case(number=15, scheme="mfgplus", on="2025-06-01", given={}, answer=NO,
         decisive="mfgplus.opens"),
    Case(number=16, scheme="nittp", on="2026-02-01", given={"training_fees_hkd": 100_000},
         answer=YES, amount="50000.00", decisive="nittp.share"),
    Case(number=17, scheme="nittp", on="2020-06-01", given={"training_fees_hkd": 100_000},
         answer=YES, amount="66666.66", decisive="nittp.share"),
    Case(number=18, scheme="nittp", on="2026-02-01",
         given={"training_fees_hkd": 100_000, "nittp_funding_received_this_year_hkd": 240_000},
         answer=YES, amount="10000.00", decisive="nittp.year_ceiling"),
    Case(number=19, scheme="nittp", on="2024-12-01", given={"training_fees_hkd": 100_000},
         answer=CANNOT_TELL, decisive="nittp.share"),
    Case(number=20, scheme="rth", on="2026-02-01",
         given={"research_talents_engaged": 4, "is_nias_company": False},
         answer=NO, decisive="rth.places"),
    Case(number=21, scheme="rth", on="2026-02-01",
         given={"research_talents_engaged": 5, "is_nias_company": True, "talent_degree": "master"},
         answer=YES, amount="11500.00", decisive="rth.nias_extra"),
    Case(number=22, scheme="rth", on="2022-06-01", given={"talent_degree": "doctorate"},
         answer=YES, amount="32000.00", decisive="rth.allowance"),
    Case(number=33, scheme="tsssu", on="2026-05-01",
         given={"tsssu_component": "plus", "company_age_years": 8},
         answer=NO, decisive="tsssu.age_plus"),
)


def ask(case: Case, facts: Mapping[str, object]) -> Decision:
    """Decide a case with facts written as TOML would give them."""
    book = scheme_book()
    read = book.vocabulary.read_all(facts)
    assert isinstance(read, dict), read
    return decide(book.schemes[case.scheme], read, date.fromisoformat(case.on))


def outcome_of(decision: Decision, clause_id: str) -> Answer:
    """Return one clause's outcome."""
    return next(r.outcome for r in decision.clauses if r.clause.head.id == clause_id)


def amount_of(decision: Decision) -> str | None:
    """Return the amount as the wire writes it."""
    if decision.amount_minor is None:
        return None
    return f"{decision.amount_minor // 100}.{decision.amount_minor % 100:02d}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"golden-{case.number}")
def test_golden_case_holds_for_a_firm_that_otherwise_fits(case: Case) -> None:
    decision = ask(case, {**FITTING[case.scheme], **case.given})
    assert (decision.answer, amount_of(decision)) == (case.answer, case.amount)
    if case.amount is not None:
        assert decision.assumed == ()
        bites = [r.clause.head.id for r in decision.clauses if r.bites]
        assert case.decisive in bites
    else:
        assert outcome_of(decision, case.decisive) is case.answer


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"golden-{case.number}")
def test_golden_case_with_its_inputs_alone_gives_the_same_amount(case: Case) -> None:
    decision = ask(case, case.given)
    assert amount_of(decision) == case.amount
    expected = CANNOT_TELL if case.answer is YES else case.answer
    assert decision.answer is expected, "what was not stated is never assumed into a yes"
    if case.amount is not None:
        assert case.decisive in [r.clause.head.id for r in decision.clauses if r.bites]


def test_month_alone_cannot_tell_and_the_marked_day_is_shown_beside_it() -> None:
    case = CASES[6]
    decision = ask(case, {**FITTING["nias"], **case.given})
    assert decision.answer is CANNOT_TELL
    assert decision.amount_minor is None
    marked = decision.with_marked_days
    assert marked is not None
    assert marked.reading.answer is NO
    assert [(day.day, day.mark) for day in marked.days] == [(date(2025, 11, 18), "secondary")]


def test_doctorate_before_april_2023_has_no_living_allowance() -> None:
    before = ask(CASES[21], {**FITTING["rth"], "talent_degree": "doctorate"})
    assert outcome_of(before, "rth.living_allowance") is NO
    after = ask(
        Case(number=0, scheme="rth", on="2026-02-01", given={}, answer=YES),
        {**FITTING["rth"], "talent_degree": "doctorate"},
    )
    living = next(r for r in after.clauses if r.clause.head.id == "rth.living_allowance")
    assert (amount_of(after), living.amount_minor) == ("35000.00", 1_000_000)


def test_doctorate_in_april_2023_cannot_be_told() -> None:
    case = Case(number=0, scheme="rth", on="2023-04-15", given={}, answer=CANNOT_TELL)
    decision = ask(case, {**FITTING["rth"], "talent_degree": "doctorate"})
    assert (decision.answer, decision.amount_minor) == (CANNOT_TELL, None)
    assert outcome_of(decision, "rth.living_allowance") is CANNOT_TELL


def test_seven_years_old_start_up_fits_the_plus_component() -> None:
    case = Case(number=0, scheme="tsssu", on="2026-05-01", given={}, answer=YES)
    decision = ask(case, {**FITTING["tsssu"], "company_age_years": 7})
    assert (decision.answer, amount_of(decision)) == (YES, "1000000.00")


def test_start_up_ceiling_bites_at_one_and_a_half_million() -> None:
    case = Case(number=0, scheme="tsssu", on="2026-05-01", given={}, answer=YES)
    facts = {**FITTING["tsssu"], "funding_requested_hkd": 2_000_000,
             "private_investment_hkd": 2_000_000}
    assert amount_of(ask(case, facts)) == "1500000.00"

"""Facts are read strictly: each kind accepted, each mistake named."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.domain.facts import (
    COUNT_MAX,
    FACTS_MAX,
    FactProblem,
    Facts,
    is_fact_name,
    whole_years,
)

VOCABULARY = scheme_book().vocabulary


@pytest.mark.parametrize(
    ("name", "stated", "value"),
    [
        ("project_cost_hkd", 150_000_000, 15_000_000_000),
        ("project_cost_hkd", "150000000.50", 15_000_000_050),
        ("project_cost_hkd", 0, 0),
        ("employees_full_time", 49, 49),
        ("employees_full_time", COUNT_MAX, COUNT_MAX),
        ("is_nias_company", True, True),
        ("legal_form", "company_cap_622", "company_cap_622"),
        ("public_status", "government_subvented", "government_subvented_organisation"),
        ("sectors", ["retail", "tourism"], frozenset({"retail", "tourism"})),
        ("sectors", [], frozenset()),
        ("incorporated_on", date(2020, 2, 29), date(2020, 2, 29)),
        ("incorporated_on", "2020-02-29", date(2020, 2, 29)),
    ],
)
def test_value_of_each_kind_is_read(name: str, stated: object, value: object) -> None:
    assert VOCABULARY.read(name, stated) == value


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("project_cost_hkd", 1.5), ("project_cost_hkd", -1), ("project_cost_hkd", "1,000"),
        ("project_cost_hkd", "1.005"), ("project_cost_hkd", 10**30), ("project_cost_hkd", True),
        ("project_cost_hkd", ["1"]), ("project_cost_hkd", "1\n"), ("project_cost_hkd", "１"),
        ("employees_full_time", "4\n"), ("incorporated_on", "2021-02-01\n"),
        ("project_cost_hkd", None), ("project_cost_hkd", ""),
        ("employees_full_time", COUNT_MAX + 1), ("employees_full_time", "4.0"),
        ("employees_full_time", False), ("employees_full_time", " 4"),
        ("is_nias_company", "true"), ("is_nias_company", 1),
        ("legal_form", "llc"), ("legal_form", ["company_cap_622"]), ("legal_form", 622),
        ("sectors", "retail"), ("sectors", ["retail", "retail"]), ("sectors", ["shops"]),
        ("sectors", ["retail"] * 100), ("sectors", [1]),
        ("incorporated_on", "2021-02-29"), ("incorporated_on", "2021-2-1"),
        ("incorporated_on", datetime(2021, 2, 1)), ("incorporated_on", 2021),
    ],
)
def test_value_that_does_not_fit_is_refused(name: str, stated: object) -> None:
    problem = VOCABULARY.read(name, stated, 7)
    assert isinstance(problem, FactProblem)
    sentence = problem.sentence()
    assert sentence.startswith(f"line 7, field {name}: expected ")


def test_unknown_name_gives_the_nearest_valid_one() -> None:
    problem = VOCABULARY.read("project_cost", 1)
    assert isinstance(problem, FactProblem)
    assert problem.nearest == "project_cost_hkd"
    far = VOCABULARY.read("zzzzzz", 1)
    assert isinstance(far, FactProblem)
    assert far.nearest == ""
    assert far.line == 0


def test_unknown_code_gives_the_nearest_valid_one() -> None:
    problem = VOCABULARY.read("sectors", ["retail", "turism"])
    assert isinstance(problem, FactProblem)
    assert problem.nearest == "tourism"


def test_command_line_words_are_read_like_toml() -> None:
    facts = VOCABULARY.read_assignments(
        ["project_cost_hkd=150000000", "is_nias_company=false", "sectors=retail, tourism",
         "legal_form = company_cap_622", "incorporated_on=2020-01-31", "applicant_types="]
    )
    assert facts == {
        "project_cost_hkd": 15_000_000_000, "is_nias_company": False,
        "sectors": frozenset({"retail", "tourism"}), "legal_form": "company_cap_622",
        "incorporated_on": date(2020, 1, 31), "applicant_types": frozenset(),
    }


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["project_cost_hkd"], "name=value"),
        (["project_cost_hkd=1", "project_cost_hkd=2"], "each fact once"),
        (["cost=1"], "the name of a fact"),
        (["is_nias_company=yes"], "true or false"),
        (["sectors=retail,,tourism"], "a list of"),
        (["employees_full_time=1e3"], "whole number"),
    ],
)
def test_wrong_assignment_is_refused(assignments: list[str], expected: str) -> None:
    problem = VOCABULARY.read_assignments(assignments)
    assert isinstance(problem, FactProblem)
    assert expected in problem.expected


def test_facts_are_read_up_to_the_maximum_and_not_beyond() -> None:
    many: dict[str, Any] = {f"fact_{n}": 1 for n in range(FACTS_MAX + 1)}
    problem = VOCABULARY.read_all(many)
    assert isinstance(problem, FactProblem)
    assert problem.expected == f"at most {FACTS_MAX} facts"
    one_fewer = VOCABULARY.read_all(dict(list(many.items())[:FACTS_MAX]))
    assert isinstance(one_fewer, FactProblem)
    assert one_fewer.field == "fact_0", "at the maximum each fact is read"


def test_age_follows_from_the_date_of_registration_unless_stated() -> None:
    on = date(2026, 5, 1)
    assert VOCABULARY.complete({"incorporated_on": date(2018, 5, 1)}, on)["company_age_years"] == 8
    stated: Facts = {"incorporated_on": date(2018, 5, 1), "company_age_years": 3}
    assert VOCABULARY.complete(stated, on)["company_age_years"] == 3
    assert "company_age_years" not in VOCABULARY.complete({"incorporated_on": date(2027, 1, 1)}, on)


@pytest.mark.parametrize(
    ("since", "on", "years"),
    [("2018-05-01", "2026-04-30", 7), ("2018-05-01", "2026-05-01", 8),
     ("2020-02-29", "2021-02-28", 0), ("2020-02-29", "2021-03-01", 1),
     ("2026-01-01", "2026-01-01", 0)],
)
def test_only_completed_years_count(since: str, on: str, years: int) -> None:
    assert whole_years(date.fromisoformat(since), date.fromisoformat(on)) == years


def test_fact_names_are_plain_words() -> None:
    assert is_fact_name("project_cost_hkd")
    assert not is_fact_name("Project")
    assert not is_fact_name("rule.x")


def test_facts_table_has_a_question_in_three_languages_for_every_fact() -> None:
    for fact in VOCABULARY.definitions.values():
        texts = {fact.question.en, fact.question.zh_hant, fact.question.zh_hans}
        assert all(texts), fact.name
        assert fact.question.en != fact.question.zh_hant
        assert all(code.label.zh_hans for code in fact.codes)

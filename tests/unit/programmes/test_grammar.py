"""The rule grammar: what it admits, and that every other form is refused with its place."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.domain.expressions import Unknown, evaluate, references
from lionrock.programmes.domain.facts import Facts
from lionrock.programmes.domain.grammar import (
    EXPRESSION_LENGTH_MAX,
    RuleSyntaxError,
    Scope,
    compile_expression,
)
from lionrock.programmes.domain.parameters import ParameterKind

KINDS: dict[str, ParameterKind] = {
    "cap": "money", "share": "share", "ratio": "ratio", "places": "count",
    "by_degree": "money_by_key", "listed": "codes", "lists": "codes_by_key", "open": "flag",
    "words": "other",
}
SCOPE = Scope(scheme_book().vocabulary, KINDS)
CENTS = 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("project_cost_hkd >= rule.cap", True),
        ("project_cost_hkd * rule.share <= rule.cap", True),
        ("not is_nias_company", False),
        ("is_nias_company and employees_full_time < 50", True),
        ("employees_full_time == 49 or employees_full_time != 49", True),
        ("legal_form in rule.listed", True),
        ("legal_form not in rule.listed", False),
        ("'retail' in sectors", True),
        ("legal_form == 'company_cap_622'", True),
        ("legal_form in rule.lists.none_of", False),
        ("any_of(sectors, rule.listed)", False),
        ("employees_full_time + 1 <= rule.places - 0", True),
        ("rule.open", True),
        ("True or rule.open", True),
    ],
)
def test_statement_is_evaluated(text: str, value: bool) -> None:
    node = compile_expression(text, SCOPE, expected="flag")
    assert evaluate(node, FACTS, RULES) is value


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("project_cost_hkd * rule.share", 33_333_33),
        ("project_cost_hkd * rule.ratio", 33_333_33),
        ("min(project_cost_hkd, rule.cap, rule.by_degree[talent_degree])", 23_000_00),
        ("rule.by_degree.bachelor", 20_000_00),
        ("rule.cap - project_cost_hkd", -(50_000 * CENTS)),
        ("rule.cap + project_cost_hkd", 150_000 * CENTS),
    ],
)
def test_amount_is_evaluated_and_shares_round_down_to_the_cent(text: str, cents: int) -> None:
    node = compile_expression(text, SCOPE, expected="money")
    assert evaluate(node, FACTS, RULES) == cents


def _world() -> tuple[Facts, dict[str, object]]:
    facts: Facts = {
        "project_cost_hkd": 100_000 * CENTS, "is_nias_company": True, "employees_full_time": 49,
        "legal_form": "company_cap_622", "sectors": frozenset({"retail"}),
        "talent_degree": "master", "incorporated_on": date(2020, 1, 1),
    }
    rules: dict[str, object] = {
        "cap": 50_000 * CENTS, "share": Fraction(1, 3), "ratio": Fraction(1, 3), "places": 50,
        "by_degree": {"bachelor": 20_000_00, "master": 23_000_00},
        "listed": frozenset({"company_cap_622"}), "lists": {"none_of": frozenset({"other"})},
        "open": True,
    }
    return facts, rules


FACTS, RULES = _world()


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "open('/etc/passwd')", "(lambda: 1)()", "[x for x in sectors]",
        "sectors[0]", "rule", "rule.cap.real", "rule.nothing >= rule.cap", "no_such_fact",
        "1 < employees_full_time < 3", "employees_full_time is 3", "-employees_full_time",
        "employees_full_time * 2", "project_cost_hkd * 2", "project_cost_hkd / rule.share",
        "project_cost_hkd + 1", "project_cost_hkd > employees_full_time", "sectors < sectors",
        "legal_form < 'other'", "legal_form == 'llc'", "'shops' in sectors", "sectors in sectors",
        "legal_form in legal_form", "any_of(sectors)", "any_of(sectors, legal_form)",
        "min(project_cost_hkd)", "min(project_cost_hkd, employees_full_time)",
        "min(is_nias_company, is_nias_company)", "max(project_cost_hkd, rule.cap)",
        "min(project_cost_hkd, rule.cap, key=rule)", "employees_full_time and is_nias_company",
        "not employees_full_time", "rule.by_degree", "rule.by_degree[employees_full_time]",
        "rule.words", "rule.lists", "1.5 < 2", "None", "b'x' == b'x'", "f'{sectors}'", "a := 1",
        "employees_full_time ** 2", "~is_nias_company", "sectors.append", "rule[talent_degree]",
        "is_nias_company if is_nias_company else is_nias_company", "1 +", "", "\x00",
        "project_cost_hkd <= rule.cap; 1", "rule.cap[talent_degree] > rule.cap",
    ],
)
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(RuleSyntaxError):
        compile_expression(text, SCOPE, expected="flag")


def test_expression_is_read_up_to_its_maximum_length() -> None:
    head = "is_nias_company"
    assert compile_expression(head + " " * (EXPRESSION_LENGTH_MAX - len(head)), SCOPE,
                              expected="flag")
    with pytest.raises(RuleSyntaxError, match="at most"):
        compile_expression(head + " " * (EXPRESSION_LENGTH_MAX - len(head) + 1), SCOPE,
                           expected="flag")


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(RuleSyntaxError):
        compile_expression("(" * 290 + "1" + ")" * 290, SCOPE, expected="flag")


def test_expression_of_another_type_is_refused() -> None:
    with pytest.raises(RuleSyntaxError, match="a flag is needed here"):
        compile_expression("rule.cap", SCOPE, expected="flag")


@pytest.mark.parametrize(
    ("text", "facts", "parameters"),
    [
        ("project_cost_hkd >= rule.cap", {"project_cost_hkd"}, {"cap"}),
        ("legal_form in rule.listed", {"legal_form"}, {"listed"}),
        ("any_of(sectors, rule.listed)", {"sectors"}, {"listed"}),
        ("not is_nias_company", {"is_nias_company"}, set()),
        ("is_nias_company or rule.open", {"is_nias_company"}, {"open"}),
        ("min(project_cost_hkd, rule.by_degree[talent_degree]) > rule.cap",
         {"project_cost_hkd", "talent_degree"}, {"by_degree", "cap"}),
    ],
)
def test_unknown_carries_every_reason(
    text: str, facts: set[str], parameters: set[str]
) -> None:
    node = compile_expression(text, SCOPE, expected="flag")
    assert references(node) == (frozenset(facts), frozenset(parameters))
    known_rules = {"by_degree": RULES["by_degree"]} if "by_degree" in parameters else {}
    found = evaluate(node, {}, known_rules)
    assert found == Unknown(frozenset(facts), frozenset(parameters - known_rules.keys()))


@pytest.mark.parametrize(
    ("text", "facts", "value"),
    [
        ("is_nias_company or employees_full_time < 5", {"is_nias_company": True}, True),
        ("employees_full_time < 5 or is_nias_company", {"is_nias_company": True}, True),
        ("is_nias_company and employees_full_time < 5", {"is_nias_company": False}, False),
        ("employees_full_time < 5 and is_nias_company", {"is_nias_company": False}, False),
    ],
)
def test_one_side_may_decide_alone(text: str, facts: dict[str, bool], value: bool) -> None:
    node = compile_expression(text, SCOPE, expected="flag")
    assert evaluate(node, facts, {}) is value


def test_table_without_an_entry_for_the_case_is_unknown() -> None:
    node = compile_expression("rule.by_degree[talent_degree]", SCOPE, expected="money")
    found = evaluate(node, {"talent_degree": "doctorate"}, RULES)
    assert found == Unknown(parameters=frozenset({"by_degree"}))

"""Rule files: every mistake stops the load and names the file and the clause."""

from __future__ import annotations

import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import RuleFileError, Source, compile_rule_file

NIAS = scheme_book().schemes["nias"]
SHEET = Source(document="sheet", revision_date="2026-02-20")
TEXTS = '\nen = "a"\nzh-Hant = "b"\nzh-Hans = "c"\n'
GOOD = (
    'scheme = "nias"\n[amount]\nunit = "HKD"\n[[clause]]\nid = "threshold"\nkind = "requirement"\n'
    'test = "project_cost_hkd >= rule.min_project_cost_hkd"' + TEXTS
)


def compile_text(text: str) -> int:
    compiled = compile_rule_file(
        text.encode(), file_name="rules/nias.toml", vocabulary=scheme_book().vocabulary,
        series=NIAS.series, sheet=SHEET,
    )
    return len(compiled.clauses)


def test_good_file_compiles() -> None:
    assert compile_text(GOOD) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("HKD\"", "USD\"", 1), "unit"),
        (GOOD.replace("kind =", "kindd ="), "kindd"),
        (GOOD.replace('"requirement"', '"hope"'), "hope"),
        (GOOD.replace("zh-Hans", "zh-hans"), "zh"),
        (GOOD.replace('id = "threshold"', 'id = "The threshold"'), "The threshold"),
        (GOOD + GOOD[GOOD.index("[[clause]]"):], "used twice"),
        (GOOD.replace("rule.min_project_cost_hkd", "rule.min_cost"), "clause threshold"),
        (GOOD.replace("test =", "at_most ="), "has `test`"),
        (GOOD + 'at_most = "rule.cap_per_applicant_hkd"\n', "no other expression"),
        (GOOD.replace('"a"', '"{budget_hkd}"'), "does not use"),
        (GOOD.replace('"b"', '"{budget_hkd}"'), "does not use"),
        (GOOD + 'uses = ["nothing"]\n', "no parameter 'nothing'"),
        (GOOD.replace("project_cost_hkd >= rule.min_project_cost_hkd", "is_nias_company"),
         "needs its own section or address"),
        ("scheme = ", "rules/nias.toml"),
    ],
)
def test_mistake_is_named(text: str, says: str) -> None:
    with pytest.raises(RuleFileError, match=r"rules/nias\.toml") as refused:
        compile_text(text)
    assert says in str(refused.value)


def test_clause_without_a_parameter_takes_its_own_source() -> None:
    text = GOOD.replace("project_cost_hkd >= rule.min_project_cost_hkd", "is_nias_company")
    assert compile_text(text + 'section = "Overview"\nbullet = 1\n') == 1
    address = 'address = "https://example.org"\nbasis = "beyond_fact_sheet"\n'
    assert compile_text(text + address) == 1

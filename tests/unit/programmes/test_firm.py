"""A firm file is read, or refused with line, field, expectation and the nearest valid name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import Answer, decide
from lionrock.programmes.domain.facts import FactProblem
from lionrock.programmes.domain.firm import FIRM_BYTES_MAX, Firm, parse_firm

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
VOCABULARY = scheme_book().vocabulary
ON = date(2026, 2, 20)


def read_example(name: str) -> Firm:
    firm = parse_firm((EXAMPLES / name).read_text(encoding="utf-8"), VOCABULARY)
    assert isinstance(firm, Firm), firm.sentence()
    return firm


def refuse(text: str) -> FactProblem:
    problem = parse_firm(text, VOCABULARY)
    assert isinstance(problem, FactProblem)
    return problem


def test_example_firm_gets_ten_million_from_nifs() -> None:
    firm = read_example("firm.toml")
    decision = decide(scheme_book().schemes["nifs"], firm.facts, ON)
    assert (decision.answer, decision.amount_minor) == (Answer.YES, 1_000_000_000)
    assert firm.name == "Harbour Robotics Limited"


def test_example_too_small_fits_no_executable_scheme_and_each_refusal_has_a_clause() -> None:
    facts = read_example("firm-too-small.toml").facts
    for scheme in scheme_book().schemes.values():
        if scheme.is_executable:
            decision = decide(scheme, facts, ON)
            refused = [r for r in decision.clauses if r.decides and r.outcome is Answer.NO]
            assert decision.answer is Answer.NO, scheme.id
            assert refused, scheme.id


def test_example_too_small_fits_nothing_at_all() -> None:
    facts = read_example("firm-too-small.toml").facts
    answers = {decide(s, facts, ON).answer for s in scheme_book().schemes.values()}
    assert Answer.YES not in answers


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[company]\nname = "A"\n[facts]\nproject_cost = 1\n',
         "line 4, field project_cost: expected the name of a fact in the FACTS table; found an "
         "unknown name. Did you mean project_cost_hkd?"),
        ('[company]\nname = "A"\n\n[facts]\nlegal_form = "company_cap622"\n',
         "line 5, field legal_form: expected one of company_cap_622, "),
        ('[company]\nname = "A"\nnmae_zh_hant = "B"\n',
         "line 3, field company.nmae_zh_hant: expected one of name, "),
        ('[company]\nname = 5\n', "line 2, field company.name: expected a text"),
        ('[company]\nname_zh_hant = "B"\n',
         "line 1, field company.name: expected the company's name; found nothing."),
        ('[compny]\nname = "A"\n', "line 1, field compny: expected one of the tables"),
        ('facts = 3\n[company]\nname = "A"\n', "line 1, field facts: expected one of the tables"),
        ('[company]\nname = "A"\nname = "B"\n', "line 3, field file: expected TOML"),
        ('[company\nname = "A"\n', "line 1, field file: expected TOML"),
        ('', "field company.name: expected the company's name"),
    ],
)
def test_wrong_file_names_line_field_and_expectation(text: str, sentence: str) -> None:
    assert refuse(text).sentence().startswith(sentence)


def test_file_is_read_up_to_its_maximum_size() -> None:
    head = '[company]\nname = "A"\n#'
    assert isinstance(parse_firm(head + "x" * (FIRM_BYTES_MAX - len(head)), VOCABULARY), Firm)
    assert "at most" in refuse(head + "x" * (FIRM_BYTES_MAX - len(head) + 1)).expected


def test_deeply_nested_file_is_refused_not_a_crash() -> None:
    assert refuse("a = " + "[" * 5000).field == "file"


def test_huge_number_is_refused_not_a_crash() -> None:
    assert refuse('[company]\nname = "A"\n[facts]\nproject_cost_hkd = ' + "9" * 5000 + "\n").field

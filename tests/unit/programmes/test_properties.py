"""Laws of decisions, over random firms and dates (seeds are Hypothesis's, printed on failure)."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lionrock.hongkong import scheme_book
from lionrock.programmes.api import (
    Answer,
    FactDefinition,
    Facts,
    Limit,
    Navigator,
    decide,
)
from lionrock.programmes.domain.dates import Standing, Validity, parse_date_point, standing

BOOK = scheme_book()
EXECUTABLE = tuple(s.id for s in BOOK.schemes.values() if s.is_executable)
DATES = st.dates(date(2017, 1, 1), date(2029, 12, 31))
INTERESTING_AMOUNTS = (
    0, 1, 100_000_00, 250_000_00, 900_000_00, 30_000_000_00, 149_999_999_99, 150_000_000_00,
    299_999_999_99, 300_000_000_00, 600_000_000_00, 700_000_000_00,
)


def values_of(fact: FactDefinition) -> st.SearchStrategy[Any]:
    words = [code.code for code in fact.codes]
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "money": st.sampled_from(INTERESTING_AMOUNTS) | st.integers(0, 10**12),
        "count": st.integers(0, 50),
        "flag": st.booleans(),
        "code": st.sampled_from(words) if words else st.nothing(),
        "codes": st.frozensets(st.sampled_from(words)) if words else st.nothing(),
        "date": DATES,
    }
    return strategies[fact.kind]


FIRMS = st.fixed_dictionaries(
    {fact.name: values_of(fact) for fact in BOOK.vocabulary.definitions.values()}
)


@settings(max_examples=300, deadline=None)
@given(FIRMS, st.data(), st.sampled_from(EXECUTABLE), DATES)
def test_stating_more_never_reverses_an_answer(
    firm: Facts, data: st.DataObject, scheme_id: str, on: date
) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(firm))))
    fewer = decide(BOOK.schemes[scheme_id], {name: firm[name] for name in names}, on)
    more = decide(BOOK.schemes[scheme_id], firm, on)
    # a registration date alone settles the age, so the pair is kept together
    if "incorporated_on" in names and "company_age_years" not in names:
        return
    if fewer.answer is not Answer.CANNOT_TELL:
        assert fewer.answer is more.answer
        assert fewer.amount_minor == more.amount_minor
    elif fewer.amount_minor is not None and more.answer is Answer.YES:
        assert more.amount_minor is not None
        assert more.amount_minor <= fewer.amount_minor, "a conditional amount is an upper bound"


@settings(max_examples=300, deadline=None)
@given(FIRMS, st.sampled_from(EXECUTABLE), DATES)
def test_amount_is_one_of_the_limits_and_below_none(
    firm: Facts, scheme_id: str, on: date
) -> None:
    decision = decide(BOOK.schemes[scheme_id], firm, on)
    if decision.answer is not Answer.YES:
        assert decision.amount_minor is None or decision.assumed is not None
        return
    assert decision.amount_minor is not None
    assert decision.amount_minor > 0
    limits = [r for r in decision.clauses if isinstance(r.clause, Limit) and r.applies]
    assert all(min(r.amounts_minor) >= decision.amount_minor for r in limits)
    assert any(r.bites for r in limits)
    assert decision.assumed == ()


@settings(max_examples=150, deadline=None)
@given(FIRMS, DATES)
def test_every_scheme_answers_and_only_executable_ones_say_yes(firm: Facts, on: date) -> None:
    decisions = Navigator(BOOK).navigate(firm, on)
    assert {d.scheme.id for d in decisions} == set(BOOK.schemes)
    for decision in decisions:
        deciding = [r.outcome for r in decision.clauses if r.decides]
        if decision.answer is Answer.YES:
            assert decision.scheme.is_executable
            assert set(deciding) == {Answer.YES}
        else:
            assert decision.answer in deciding, "the answer has a clause that gives it"


@settings(max_examples=100, deadline=None)
@given(FIRMS, DATES)
def test_same_question_gives_the_same_answer(firm: Facts, on: date) -> None:
    scheme = BOOK.schemes["nias"]
    assert decide(scheme, firm, on) == decide(scheme, dict(reversed(list(firm.items()))), on)


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 40), DATES)
def test_a_rule_is_never_in_force_outside_its_interval(
    start: date, months: int, on: date
) -> None:
    text = f"{start.year:04d}-{start.month:02d}"
    end_month = start.month - 1 + months + 1
    end = f"{start.year + end_month // 12:04d}-{end_month % 12 + 1:02d}"
    validity = Validity(valid_from=parse_date_point(text), valid_to=parse_date_point(end))
    found = standing(validity, on, use_marked_days=False)
    month = f"{on.year:04d}-{on.month:02d}"
    if month < text or month > end:
        assert found is Standing.NOT_IN_FORCE
    elif month in (text, end):
        assert found is Standing.POSSIBLE
    else:
        assert found is Standing.IN_FORCE

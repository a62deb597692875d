"""Kleene's logic over all combinations."""

from __future__ import annotations

import itertools

import pytest

from lionrock.programmes.domain.truth import Answer, all_of, same_or_cannot_tell

YES, NO, OPEN = Answer.YES, Answer.NO, Answer.CANNOT_TELL


@pytest.mark.parametrize("answers", list(itertools.product(Answer, repeat=3)))
def test_conjunction_is_kleene(answers: tuple[Answer, ...]) -> None:
    expected = NO if NO in answers else OPEN if OPEN in answers else YES
    assert all_of(answers) is expected
    assert {all_of(order) for order in itertools.permutations(answers)} == {expected}


@pytest.mark.parametrize("answers", list(itertools.product(Answer, repeat=3)))
def test_settling_an_open_answer_never_reverses_a_decided_conjunction(
    answers: tuple[Answer, ...],
) -> None:
    before = all_of(answers)
    for place, settled in itertools.product(range(3), (YES, NO)):
        if answers[place] is OPEN and before is not OPEN:
            after = all_of([*answers[:place], settled, *answers[place + 1:]])
            assert after is before


def test_empty_conjunction_holds_and_no_world_tells_nothing() -> None:
    assert all_of([]) is YES
    assert same_or_cannot_tell([]) is OPEN


def test_worlds_that_differ_cannot_tell() -> None:
    assert same_or_cannot_tell([YES, YES]) is YES
    assert same_or_cannot_tell([YES, NO]) is OPEN

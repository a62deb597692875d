"""Three-valued logic: yes, no, cannot tell.

Kleene's strong logic: "cannot tell" is not a third opinion but the absence of one, so it yields to
whatever decides (a single `no` among requirements is a `no`, whatever else is unknown).
Invariant: the connectives are commutative, associative and monotone (learning a fact never turns
a `yes` or a `no` into anything else); tests/unit/programmes/test_truth.py checks all tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Answer(StrEnum):
    """What is known about a statement; the value is the wire word."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"


def all_of(answers: Iterable[Answer]) -> Answer:
    """Kleene conjunction; an empty conjunction is `yes`."""
    result = Answer.YES
    for answer in answers:
        if answer is Answer.NO:
            return Answer.NO
        if answer is Answer.CANNOT_TELL:
            result = Answer.CANNOT_TELL
    return result


def same_or_cannot_tell(answers: Iterable[Answer]) -> Answer:
    """What every possible world agrees on; `cannot_tell` when they differ or there is none."""
    distinct = set(answers)
    return distinct.pop() if len(distinct) == 1 else Answer.CANNOT_TELL

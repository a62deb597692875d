"""One firm against every scheme, ranked: what fits first, then what is open, then what does not.

The navigator informs; the vetting committees decide. Ranking never hides a scheme: all are listed.
Invariant: the order depends on the decisions only, ties are broken by the book's own order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from lionrock.programmes.domain.clauses import SchemeBook, Unstated
from lionrock.programmes.domain.decide import Decision, decide
from lionrock.programmes.domain.facts import Facts
from lionrock.programmes.domain.truth import Answer

_ORDER: Final[Mapping[Answer, int]] = {Answer.YES: 0, Answer.CANNOT_TELL: 1, Answer.NO: 2}


class Navigator:
    """Decides all schemes of one book."""

    def __init__(self, book: SchemeBook) -> None:
        self.book = book

    def navigate(self, facts: Facts, on: date) -> tuple[Decision, ...]:
        """Return the decisions of all schemes, best first."""
        decisions = [decide(scheme, facts, on) for scheme in self.book.schemes.values()]
        return tuple(sorted(decisions, key=_rank))


def open_points(decision: Decision) -> int:
    """Return how many deciding clauses are not settled."""
    return sum(
        1 for r in decision.clauses if r.decides and r.outcome is Answer.CANNOT_TELL
    )


def _rank(decision: Decision) -> tuple[int, bool, int, int]:
    """Answer; then schemes whose rules are known; then fewest open points; then the amount."""
    has_no_rules = any(isinstance(r.clause, Unstated) for r in decision.clauses)
    return (
        _ORDER[decision.answer], has_no_rules, open_points(decision),
        -(decision.amount_minor or 0),
    )

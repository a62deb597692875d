"""Use cases of programmes outside cases: list schemes, decide, navigate, publish the rule book.

Decisions are pure and need no database; only the rule book itself is kept, so that a decision can
be computed again by anyone who holds its digest. Cases (applications) are in programmes.cases.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date

from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import HONG_KONG
from lionrock.programmes import store
from lionrock.programmes.domain.clauses import Scheme, SchemeBook
from lionrock.programmes.domain.decide import Decision, decide
from lionrock.programmes.domain.facts import FactProblem, Facts, parse_day
from lionrock.programmes.domain.navigator import Navigator
from lionrock.programmes.errors import ProgrammesRefusal

YEAR_MIN, YEAR_MAX = 1990, 2100


class Programmes:
    """The schemes of one place, bound to its rule book."""

    def __init__(self, kernel: Kernel, book: SchemeBook) -> None:
        self._kernel = kernel
        self.book = book
        self.navigator = Navigator(book)

    def scheme(self, scheme_id: str) -> Scheme | Refused:
        """Return a scheme; the refusal names the nearest id."""
        found = self.book.schemes.get(scheme_id)
        if found is not None:
            return found
        close = difflib.get_close_matches(scheme_id[:80], self.book.schemes, n=1)
        detail = f"Did you mean {close[0]}?" if close else ""
        return Refused(ProgrammesRefusal.SCHEME_UNKNOWN, detail, field="scheme_id")

    def read_facts(self, values: Mapping[str, object]) -> Facts | Refused:
        """Read stated facts strictly; the refusal names the field and what was expected."""
        facts = self.book.vocabulary.read_all(values)
        if isinstance(facts, FactProblem):
            return Refused(ProgrammesRefusal.FACT_INVALID, facts.sentence(), field=facts.field)
        return facts

    def read_date(self, text: str | None) -> date | Refused:
        """Read a date; None is today in Hong Kong by the business clock."""
        if text is None:
            return self._kernel.business_clock.now().astimezone(HONG_KONG).date()
        day = parse_day(text)
        if day is None or not YEAR_MIN <= day.year <= YEAR_MAX:
            return Refused(ProgrammesRefusal.DATE_INVALID, field="on")
        return day

    def decide(self, scheme: Scheme, facts: Facts, on: date) -> Decision:
        """Return the decision of one scheme."""
        return decide(scheme, facts, on)

    def navigate(self, facts: Facts, on: date) -> tuple[Decision, ...]:
        """Return the decisions of all schemes, best first."""
        return self.navigator.navigate(facts, on)

    async def publish_rule_book(self, db: Connection) -> bool:
        """Keep the bound rule book under its digest; False when it was kept already."""
        return await store.insert_book(
            db,
            store.StoredBook(
                digest=self.book.digest, title=self.book.title,
                revision_date=self.book.revision_date, content=self.book.content,
                published_at=self._kernel.wire_clock.now(),
            ),
        )

    async def rule_book(self, db: Connection, digest: str) -> store.StoredBook | Refused:
        """Return a published rule book by its digest."""
        found = await store.book_by_digest(db, digest)
        return found or Refused(ProgrammesRefusal.RULE_BOOK_UNKNOWN, field="digest")

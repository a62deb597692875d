"""What the programme's rules say to an applicant's facts, in the form that a case keeps for ever.

Bridges the rule book (programmes.domain) and cases: texts in all three languages, so that the
document, the portal and an auditor can each read the frozen judgement in their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text, show_date, show_money, show_number
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.values import (
    CURRENCY,
    JudgedClause,
    JudgedFact,
    Judgement,
)
from lionrock.programmes.domain import texts
from lionrock.programmes.domain.clauses import SchemeBook
from lionrock.programmes.domain.decide import ClauseResult, decide
from lionrock.programmes.domain.facts import FactDefinition, FactProblem, FactValue
from lionrock.programmes.domain.parameters import Source
from lionrock.programmes.domain.present import decision_document, sentence_of, would_change

_YES = Text("yes", "是", "是")
_NO = Text("no", "否", "否")


class RuleJudge:
    """Judges by one rule book."""

    def __init__(self, book: SchemeBook) -> None:
        self._book = book

    def knows(self, programme_id: str) -> bool:
        """Say whether the book has rules of a programme."""
        return programme_id in self._book.schemes

    def judge(
        self, programme_id: str, values: Mapping[str, Any], on: date, language: str
    ) -> Judgement | Refused:
        """Return the judgement of a programme; PROGRAMME_UNKNOWN, FACTS_MALFORMED.

        `values` are facts as JSON states them (see the FACTS table).
        """
        scheme = self._book.schemes.get(programme_id)
        if scheme is None:
            return Refused(CaseRefusal.PROGRAMME_UNKNOWN, field="programme_id")
        facts = self._book.vocabulary.read_all(values)
        if isinstance(facts, FactProblem):
            return Refused(CaseRefusal.FACTS_MALFORMED, facts.sentence(), field=facts.field)
        decision = decide(scheme, facts, on)
        return Judgement(
            programme_id=programme_id,
            programme_names=scheme.record.name,
            on=on,
            answer=decision.answer.value,
            amount_minor=decision.amount_minor,
            amount_unit=scheme.amount.unit if scheme.amount else CURRENCY,
            clauses=tuple(self._clause(result) for result in decision.clauses if result.applies),
            facts=tuple(self._fact(name, facts[name]) for name in sorted(facts)),
            rules_digest=self._book.digest,
            document=decision_document(self._book, decision, language),
        )

    def _clause(self, result: ClauseResult) -> JudgedClause:
        rules = [
            rule
            for selection in result.selections.values()
            for rule in selection.candidates
            if rule is not None
        ]
        source = rules[0].source if rules else result.clause.head.source
        return JudgedClause(
            id=result.clause.head.id, decides=result.decides, outcome=result.outcome.value,
            sentence=sentence_of(result), source=_source_line(source),
            would_change=would_change(self._book, result),
        )  # fmt: skip

    def _fact(self, name: str, value: FactValue) -> JudgedFact:
        definition = self._book.vocabulary.definitions[name]
        return JudgedFact(name=name, label=definition.question, shown=_shown(definition, value))


def _shown(definition: FactDefinition, value: FactValue) -> Text:
    """Return a fact's value as people write it."""
    if isinstance(value, bool):
        return _YES if value else _NO
    if isinstance(value, int):
        if definition.kind == "money":
            return texts.in_all(lambda language: show_money(value, CURRENCY, language))
        return texts.in_all(lambda language: show_number(value, language))
    if isinstance(value, date):
        return texts.in_all(lambda language: show_date(value, language))
    labels = {code.code: code.label for code in definition.codes}
    if isinstance(value, str):
        return labels.get(value, texts.plain(value))
    # A set has no order of its own; the vocabulary's order keeps equal facts in equal bytes.
    return texts.joined([label for code, label in labels.items() if code in value], texts.LIST)


def _source_line(source: Source) -> str:
    if source.address:
        return source.address
    return f"{source.section}, bullet {source.bullet}"

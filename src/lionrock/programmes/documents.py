"""The wire shapes of programmes: schemes, facts, decisions. One place for the API reference.

The documents themselves are made by domain/present.py; these types describe and check them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lionrock.kernel.i18n import Text

AnswerWord = Literal["yes", "no", "cannot_tell"]


class SourceReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place in the fact sheet, or a public address."""

    document: str = ""
    revision_date: str = ""
    section: str = ""
    bullet: int = 0
    address: str = ""


class DayReply(msgspec.Struct, frozen=True, kw_only=True):
    """An exact day from another source."""

    date: str
    source: str
    mark: str


class DatesReply(msgspec.Struct, frozen=True, kw_only=True):
    """As precisely as known: day, month or year; valid_to is exclusive."""

    valid_from: str | None = None
    valid_to: str | None = None
    valid_from_day: DayReply | None = None
    valid_to_day: DayReply | None = None
    seen_on: str | None = None
    last_seen_on: str | None = None


class RuleReply(msgspec.Struct, frozen=True, kw_only=True):
    """One dated rule as the data states it."""

    id: str
    parameter: str
    value: Any
    unit: str
    basis: str
    mark: str
    source: SourceReply
    dates: DatesReply
    note: str


class ClauseReply(msgspec.Struct, frozen=True, kw_only=True):
    """One clause of a decision; amounts are decimal strings in dollars."""

    id: str
    kind: str
    decides: bool
    applies: bool
    outcome: AnswerWord
    sentence: str
    source: SourceReply
    basis: str
    mark: str
    dates: DatesReply
    rules: list[RuleReply]
    note: str
    remarks: list[str]
    amount: str | None
    bites: bool
    missing_facts: list[str]
    would_change: str | None


class ClauseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A clause whose outcome differs in the second reading."""

    id: str
    outcome: AnswerWord


class MarkedReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer if exact days from other sources are used."""

    answer: AnswerWord
    amount: str | None
    days: list[DayReply]
    clauses: list[ClauseOutcome]


class DecisionReply(msgspec.Struct, frozen=True, kw_only=True):
    """One scheme's answer on one date."""

    scheme: str
    name: str
    on: str
    answer: AnswerWord
    amount: str | None
    amount_unit: str | None
    amount_bound: str | None
    amount_is_conditional: bool
    amount_assumes: list[str]
    clauses: list[ClauseReply]
    with_marked_days: MarkedReply | None
    rules_known_on: str
    rules_digest: str
    notices: list[str]


class ShortDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the navigator; `reason` is the clause that decides or leaves it open."""

    scheme: str
    name: str
    abbreviation: str
    summary: str
    answer: AnswerWord
    amount: str | None
    amount_unit: str | None
    amount_bound: str | None
    amount_assumes: list[str]
    open_points: int
    is_executable: bool
    source: SourceReply
    reason: ClauseReply | None


class NavigationReply(msgspec.Struct, frozen=True, kw_only=True):
    """All schemes, best first."""

    on: str
    counts: dict[AnswerWord, int]
    rules_known_on: str
    rules_digest: str
    decisions: list[ShortDecision]


class SchemeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One scheme in the list."""

    id: str
    name: str
    name_basis: str
    abbreviation: str
    summary: str
    kind: str
    status: str
    is_executable: bool
    source: SourceReply


class SchemesReply(msgspec.Struct, frozen=True, kw_only=True):
    """All schemes and the rule book they are from."""

    title: str
    revision_date: str
    rules_digest: str
    schemes: list[SchemeSummary]


class QuantityReply(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the fact sheet with its bound and date; a null date is undated, not today."""

    what: str
    value: Any
    unit: str
    as_of: str | None
    bound: str | None
    figure: str | None


class FurtherFactReply(msgspec.Struct, frozen=True, kw_only=True):
    """A fact from beyond the fact sheet."""

    fact: str
    source: str
    mark: str


class SchemeReply(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the data says about one scheme."""

    id: str
    name: Text
    name_basis: str
    summary: Text
    abbreviation: str
    kind: str
    status: str
    owner: str
    owner_basis: str
    eligibility: str
    dates: dict[str, str]
    source: SourceReply
    quantities: list[QuantityReply]
    rules: list[RuleReply]
    not_stated: list[str]
    further_facts: list[FurtherFactReply]
    note: str
    is_executable: bool
    asks_for: list[str]
    rules_digest: str


class CodeReply(msgspec.Struct, frozen=True, kw_only=True):
    """One code of a fact."""

    code: str
    label: str


class FactReply(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the FACTS table."""

    name: str
    kind: str
    unit: str
    question: str
    expected: str
    codes: list[CodeReply]


class FactsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The FACTS table."""

    facts: list[FactReply]

"""Clauses: what a scheme asks, limits or leaves open, each one dated sentence with its source.

A scheme is a list of clauses. Requirements and the window decide yes or no; limits decide the
amount (the smallest applies); additions and stated rules inform and decide nothing; `Unstated` says
honestly that the sources do not give the rule. Compiled from rule files by rulefile.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.programmes.domain.dates import DatePoint, MarkedDay
from lionrock.programmes.domain.expressions import Node, references
from lionrock.programmes.domain.facts import Vocabulary
from lionrock.programmes.domain.parameters import (
    Basis,
    Mark,
    ParameterDefinition,
    ParameterRule,
    Source,
)

Absent = Literal["cannot_tell", "not_applied"]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every clause carries. Source, basis and mark are those of its text; a clause that reads
    dated parameters shows theirs beside it.
    """

    id: str
    sentence: Text
    source: Source
    basis: Basis
    mark: Mark
    note: str = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that must hold.

    `when` limits it to some applicants. `absent` says what it means when its parameter has no rule
    on the date. `is_usual` marks a rule that the source states with "normally": failing it is a
    matter for the committee, so it gives `cannot_tell`.
    """

    head: Head
    test: Node
    parameters: tuple[str, ...]
    when: Node | None = None
    absent: Absent = "cannot_tell"
    is_usual: bool = False


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that the support cannot exceed, in cents."""

    head: Head
    at_most: Node
    parameters: tuple[str, ...]
    when: Node | None = None


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """A further amount beside the main one; shown, never summed into it."""

    head: Head
    adds: Node
    unit: str
    parameters: tuple[str, ...]
    when: Node | None = None


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """The scheme opens (or closes) here; a month or year may be all that is known."""

    head: Head
    side: Literal["opens", "closes"]
    point: DatePoint
    day: MarkedDay | None = None


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """Not open yet when the source was written; later dates cannot be told."""

    head: Head
    known_on: date


class NeverDirect(msgspec.Struct, frozen=True, kw_only=True):
    """The scheme takes no applications from applicants themselves."""

    head: Head
    parameters: tuple[str, ...] = ()


class Unstated(msgspec.Struct, frozen=True, kw_only=True):
    """The sources do not state the rule that would decide."""

    head: Head
    missing: tuple[str, ...] = ()


class StatedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that a source states but that no executable rule uses: shown with its value."""

    head: Head
    parameter: str


Clause = (
    Requirement | Limit | Addition | Boundary | Planned | NeverDirect | Unstated | StatedRule
)
CLAUSE_KINDS: Mapping[type, str] = {
    Requirement: "requirement", Limit: "limit", Addition: "addition", Boundary: "window",
    Planned: "window", NeverDirect: "requirement", Unstated: "unstated", StatedRule: "stated",
}
INFORMING = (Addition, StatedRule)


def facts_asked(scheme: Scheme) -> frozenset[str]:
    """Return the facts that the scheme's deciding clauses and limits read."""
    nodes: list[Node | None] = []
    for clause in scheme.clauses:
        if isinstance(clause, Requirement):
            nodes += [clause.test, clause.when]
        elif isinstance(clause, Limit):
            nodes += [clause.at_most, clause.when]
    return frozenset[str]().union(*(references(node)[0] for node in nodes if node is not None))


def parameters_of(clause: Clause) -> tuple[str, ...]:
    """Return the dated parameters that a clause reads."""
    if isinstance(clause, StatedRule):
        return (clause.parameter,)
    if isinstance(clause, Requirement | Limit | Addition | NeverDirect):
        return clause.parameters
    return ()


class AmountTerms(msgspec.Struct, frozen=True):
    """What the amount is counted in, and the sources' qualifier ("up to")."""

    unit: Literal["HKD", "HKD per month"]
    bound: Literal["", "up to"]


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A number that the fact sheet gives for a scheme; `figure` is its id among the figures."""

    what: str
    value: Any
    unit: str
    as_of: str | None
    bound: str | None
    figure: str | None


class FurtherFact(msgspec.Struct, frozen=True):
    """A fact from beyond the fact sheet, never mixed with its own."""

    fact: str
    source: str
    mark: Mark


class SchemeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the data says about a scheme, for pages; no rule reads it."""

    name: Text
    name_basis: Literal["official", "ours"]
    summary: Text
    abbreviation: str
    kind: str
    status: str
    owner: str
    owner_basis: str
    eligibility: str
    dates: Mapping[str, str]
    source: Source
    quantities: tuple[Quantity, ...]
    not_stated: tuple[str, ...]
    further_facts: tuple[FurtherFact, ...]
    note: str = ""


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """One programme: its record, its dated parameters, its clauses.

    `is_executable` means that its clauses can end in `yes`; otherwise the best answer is that the
    sources do not say.
    """

    id: str
    record: SchemeRecord
    series: Mapping[str, tuple[ParameterRule, ...]]
    clauses: tuple[Clause, ...]
    amount: AmountTerms | None
    is_executable: bool
    vocabulary: Vocabulary


class SchemeBook(msgspec.Struct, frozen=True, kw_only=True):
    """All schemes of a place at one revision. `content` is the data it was built from, byte for
    byte, and `digest` its SHA-256 in hexadecimal.
    """

    title: str
    revision_date: date
    digest: str
    content: bytes
    schemes: Mapping[str, Scheme]
    vocabulary: Vocabulary
    parameters: Mapping[str, ParameterDefinition]

    def scheme_named(self, word: str) -> Scheme | None:
        """Return a scheme by its id or, as people write it, by its abbreviation."""
        found = self.schemes.get(word)
        if found is not None:
            return found
        wanted = word.casefold()
        for scheme in self.schemes.values():
            if wanted and wanted in (scheme.id, scheme.record.abbreviation.casefold()):
                return scheme
        return None

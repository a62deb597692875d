"""Rule files: the declarative text of an executable scheme, compiled into clauses.

One TOML file per scheme: `scheme`, `[amount]`, and `[[clause]]` rows with an expression
(grammar.py) and a sentence in three languages. Values never stand in a rule file: they are dated
parameters of the scheme's data, so that a new number is new data with its own source and date.

Every mistake is a RuleFileError with the file, the clause and what is wrong; nothing is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.programmes.domain.clauses import (
    Absent,
    Addition,
    AmountTerms,
    Clause,
    Head,
    Limit,
    Requirement,
)
from lionrock.programmes.domain.expressions import Kind, Node, references
from lionrock.programmes.domain.facts import Vocabulary
from lionrock.programmes.domain.grammar import RuleSyntaxError, Scope, compile_expression
from lionrock.programmes.domain.parameters import Basis, Mark, ParameterRule, Source

_PLACE = re.compile(r"\{(\w+)(?:\.\w+)?\}")
_CLAUSE_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


class RuleFileError(ValueError):
    """A rule file that cannot be compiled; the message names file and clause."""


class _AmountRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    unit: Literal["HKD", "HKD per month"]
    bound: Literal["", "up to"] = ""


class _ClauseRow(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    rename={"zh_hant": "zh-Hant", "zh_hans": "zh-Hans"},
):
    id: str
    kind: Literal["requirement", "limit", "addition"]
    en: str
    zh_hant: str
    zh_hans: str
    test: str = ""
    at_most: str = ""
    adds: str = ""
    unit: str = ""
    when: str = ""
    uses: list[str] = []
    absent: Absent = "cannot_tell"
    is_usual: bool = False
    section: str = ""
    bullet: int = 0
    address: str = ""
    basis: Basis = "fact_sheet"
    mark: Mark = "verified"
    note: str = ""


class _RuleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scheme: str
    amount: _AmountRow
    clause: list[_ClauseRow]


class CompiledRules(msgspec.Struct, frozen=True):
    """What a rule file becomes."""

    scheme_id: str
    amount: AmountTerms
    clauses: tuple[Clause, ...]


def compile_rule_file(
    text: bytes,
    *,
    file_name: str,
    vocabulary: Vocabulary,
    series: Mapping[str, tuple[ParameterRule, ...]],
    sheet: Source,
) -> CompiledRules:
    """Compile one rule file against its scheme's parameters; `sheet` names the fact sheet."""
    try:
        parsed = msgspec.toml.decode(text, type=_RuleFile)
    except msgspec.DecodeError as error:  # a ValidationError is one too
        raise RuleFileError(f"{file_name}: {error}") from None
    scope = Scope(vocabulary, {name: rules[0].kind for name, rules in series.items()})
    clauses: list[Clause] = []
    seen: set[str] = set()
    for row in parsed.clause:
        if row.id in seen or not _CLAUSE_NAME.fullmatch(row.id):
            raise RuleFileError(f"{file_name}: clause id {row.id!r} is used twice or not a word")
        seen.add(row.id)
        try:
            clauses.append(_compile(row, parsed.scheme, scope, series, sheet))
        except RuleSyntaxError as error:
            raise RuleFileError(f"{file_name}, clause {row.id}: {error}") from None
    amount = AmountTerms(parsed.amount.unit, parsed.amount.bound)
    return CompiledRules(parsed.scheme, amount, tuple(clauses))


def _compile(
    row: _ClauseRow,
    scheme_id: str,
    scope: Scope,
    series: Mapping[str, tuple[ParameterRule, ...]],
    sheet: Source,
) -> Clause:
    expected: Mapping[str, tuple[str, Kind]] = {
        "requirement": ("test", "flag"), "limit": ("at_most", "money"),
        "addition": ("adds", "money"),
    }
    key, kind = expected[row.kind]
    for other in ("test", "at_most", "adds"):
        if bool(getattr(row, other)) != (other == key):
            raise RuleSyntaxError(f"a {row.kind} has `{key}` and no other expression")
    main = compile_expression(getattr(row, key), scope, expected=kind)
    when = compile_expression(row.when, scope, expected="flag") if row.when else None
    parameters = _parameters(row, main, when, series)
    head = _head(row, scheme_id, parameters, series, sheet)
    if row.kind == "requirement":
        return Requirement(
            head=head, test=main, when=when, parameters=parameters, absent=row.absent,
            is_usual=row.is_usual,
        )
    if row.kind == "limit":
        return Limit(head=head, at_most=main, when=when, parameters=parameters)
    return Addition(head=head, adds=main, when=when, unit=row.unit, parameters=parameters)


def _parameters(
    row: _ClauseRow,
    main: Node,
    when: Node | None,
    series: Mapping[str, tuple[ParameterRule, ...]],
) -> tuple[str, ...]:
    names = references(main)[1] | (references(when)[1] if when is not None else frozenset())
    for name in row.uses:
        if name not in series:
            raise RuleSyntaxError(f"the scheme has no parameter {name!r}")
    for text in (row.en, row.zh_hant, row.zh_hans):
        for name in _PLACE.findall(text):
            if name not in names and name not in row.uses:
                raise RuleSyntaxError(f"the sentence shows {name!r}, which the rule does not use")
    return tuple(dict.fromkeys((*row.uses, *sorted(names))))


def _head(
    row: _ClauseRow,
    scheme_id: str,
    parameters: tuple[str, ...],
    series: Mapping[str, tuple[ParameterRule, ...]],
    sheet: Source,
) -> Head:
    """The clause's own source, or that of the first rule of its first parameter."""
    source, basis, mark = Source(address=row.address), row.basis, row.mark
    if row.section:
        source = msgspec.structs.replace(sheet, section=row.section, bullet=row.bullet)
    elif not row.address:
        if not parameters:
            raise RuleSyntaxError("a clause without a parameter needs its own section or address")
        rule = series[parameters[0]][0]
        source, basis, mark = rule.source, rule.basis, rule.mark
    return Head(
        id=f"{scheme_id}.{row.id}", sentence=Text(row.en, row.zh_hant, row.zh_hans),
        source=source, basis=basis, mark=mark, note=row.note,
    )

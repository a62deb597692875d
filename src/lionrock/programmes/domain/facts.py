"""Facts about an applicant: a documented vocabulary, read strictly.

A fact that is not stated is unknown, never assumed. A wrong statement is refused with its line, its
field, what was expected and the nearest valid name. Money is stated in whole or decimal dollars
("150000000" or "1234.50") and kept in cents; floats are refused.

Invariants: every fact name has one definition with a sentence in three languages; a parsed value
has the type of its kind (money, count: int; flag: bool; code: str; codes: frozenset; date: date).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.kernel.money import AMOUNT_MINOR_MAX, Money

FactKind = Literal["money", "count", "flag", "code", "codes", "date"]
FactValue = int | bool | str | frozenset[str] | date
Facts = Mapping[str, FactValue]

COUNT_MAX = 1_000_000_000
FACTS_MAX = 64
TEXT_LENGTH_MAX = 400
_COUNT = re.compile(r"0|[1-9][0-9]{0,11}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPECTED = {
    "money": 'an amount in Hong Kong dollars such as 1500000 or "1500000.50"',
    "count": "a whole number, zero or more",
    "flag": "true or false",
    "date": "a date such as 2024-03-31",
}


class Code(msgspec.Struct, frozen=True):
    """One word of a closed list, with its meaning; `aliases` are the seed's other spellings."""

    code: str
    label: Text
    aliases: tuple[str, ...] = ()


class FactDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the FACTS table.

    `question` asks a person for it. `unit` is HKD, persons, months, years or empty. `favourable` is
    the value under which a conditional amount is worked out ("up to ..., if nothing was received
    before"); it never makes an answer `yes`.
    """

    name: str
    kind: FactKind
    unit: str
    question: Text
    codes: tuple[Code, ...] = ()
    favourable: FactValue | None = None
    years_since: str = ""

    def expected(self) -> str:
        """Return what a value must look like, in one phrase."""
        if self.kind == "code":
            return "one of " + ", ".join(code.code for code in self.codes)
        if self.kind == "codes":
            return "a list of " + ", ".join(code.code for code in self.codes)
        return _EXPECTED[self.kind]

    def canonical(self, word: str) -> str | None:
        """Return the code for a word or one of its aliases; None when it is not in the list."""
        for code in self.codes:
            if word == code.code or word in code.aliases:
                return code.code
        return None


class FactProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a statement cannot be read. `line` is 0 when it did not come from a file."""

    field: str
    expected: str
    found: str
    nearest: str = ""
    line: int = 0

    def sentence(self) -> str:
        """Return one plain sentence naming line, field, expectation and the nearest valid name."""
        where = f"line {self.line}, " if self.line else ""
        nearest = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{where}field {self.field}: expected {self.expected}; found {self.found}.{nearest}"


class Vocabulary(msgspec.Struct, frozen=True):
    """All fact definitions, by name."""

    definitions: Mapping[str, FactDefinition]

    def unknown_name(self, name: str, line: int = 0) -> FactProblem:
        """Return the problem of a fact name that is not in the table."""
        close = difflib.get_close_matches(name, self.definitions, n=1, cutoff=0.5)
        return FactProblem(
            field=name[:TEXT_LENGTH_MAX],
            expected="the name of a fact in the FACTS table",
            found="an unknown name",
            nearest=close[0] if close else "",
            line=line,
        )

    def read(self, name: str, value: object, line: int = 0) -> FactValue | FactProblem:
        """Read one typed value (from TOML or JSON) of a named fact."""
        definition = self.definitions.get(name)
        if definition is None:
            return self.unknown_name(name, line)
        parsed = _parse(definition, value)
        if parsed is None:
            return _problem(definition, value, line)
        return parsed

    def read_all(self, values: Mapping[str, object]) -> dict[str, FactValue] | FactProblem:
        """Read a whole mapping, strictly; the first problem ends it."""
        if len(values) > FACTS_MAX:
            return FactProblem(
                field="facts", expected=f"at most {FACTS_MAX} facts", found=f"{len(values)}"
            )
        facts: dict[str, FactValue] = {}
        for name, value in values.items():
            parsed = self.read(name, value)
            if isinstance(parsed, FactProblem):
                return parsed
            facts[name] = parsed
        return facts

    def read_assignments(self, assignments: Sequence[str]) -> dict[str, FactValue] | FactProblem:
        """Read `name=value` words as a command line gives them; a name given twice is refused."""
        facts: dict[str, FactValue] = {}
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            name, text = name.strip(), text.strip()
            if not equals:
                return FactProblem(
                    field=name[:TEXT_LENGTH_MAX], expected="name=value", found="no equals sign"
                )
            if name in facts:
                return FactProblem(
                    field=name, expected="each fact once", found="the same name twice"
                )
            definition = self.definitions.get(name)
            if definition is None:
                return self.unknown_name(name)
            parsed = _parse(definition, _from_words(definition, text))
            if parsed is None:
                return _problem(definition, text, 0)
            facts[name] = parsed
        return facts

    def complete(self, facts: Facts, on: date) -> dict[str, FactValue]:
        """Add the facts that follow from others on a date (years since a stated date)."""
        completed = dict(facts)
        for definition in self.definitions.values():
            if not definition.years_since or definition.name in completed:
                continue
            since = completed.get(definition.years_since)
            if isinstance(since, date) and since <= on:
                completed[definition.name] = whole_years(since, on)
        return completed


def whole_years(since: date, on: date) -> int:
    """Return the completed years from one date to a later one."""
    assert since <= on, "years are counted forwards"
    not_yet = (on.month, on.day) < (since.month, since.day)
    return on.year - since.year - int(not_yet)


def is_fact_name(name: str) -> bool:
    """Return whether a word can name a fact."""
    return _NAME.fullmatch(name) is not None


def _from_words(definition: FactDefinition, text: str) -> object:
    """A command line knows only words: turn them into what TOML would have given."""
    if definition.kind == "flag":
        return {"true": True, "false": False}.get(text, text)
    if definition.kind == "codes":
        return [word.strip() for word in text.split(",")] if text else []
    return text


def _parse(definition: FactDefinition, value: object) -> FactValue | None:
    """Return the value in its kind's type, or None when it does not fit."""
    if definition.kind == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool | float):
        return None
    if definition.kind == "money":
        return _parse_money(value)
    if definition.kind == "count":
        return _parse_count(value)
    if definition.kind == "date":
        return parse_day(value)
    if definition.kind == "code":
        return definition.canonical(value) if isinstance(value, str) else None
    return _parse_codes(definition, value)


def _digits(value: object) -> str | None:
    """Numbers come as integers or as text; an integer beyond any amount is not even printed."""
    if isinstance(value, int):
        return str(value) if 0 <= value <= AMOUNT_MINOR_MAX else None
    return value if isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX else None


def _parse_money(value: object) -> int | None:
    text = _digits(value)
    if text is None:
        return None
    try:
        amount_minor = Money.parse(text, "HKD").amount_minor
    except ValueError:
        return None
    assert 0 <= amount_minor <= AMOUNT_MINOR_MAX
    return amount_minor


def _parse_count(value: object) -> int | None:
    text = _digits(value)
    if text is None or not _COUNT.fullmatch(text):
        return None
    return int(text) if int(text) <= COUNT_MAX else None


def parse_day(value: object) -> date | None:
    """Return a date written as 2026-02-20 (or a TOML local date); None for anything else."""
    if type(value) is date:  # a TOML local date; a datetime says more than was asked
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _parse_codes(definition: FactDefinition, value: object) -> frozenset[str] | None:
    if not isinstance(value, list | tuple) or len(value) > len(definition.codes):
        return None
    found = [definition.canonical(word) if isinstance(word, str) else None for word in value]
    if None in found or len(set(found)) != len(found):
        return None
    return frozenset(word for word in found if word is not None)


def _problem(definition: FactDefinition, value: object, line: int) -> FactProblem:
    words = [value] if isinstance(value, str) else value
    nearest = ""
    if definition.codes and isinstance(words, list | tuple):
        known = [code.code for code in definition.codes]
        unknown = [w for w in words if isinstance(w, str) and definition.canonical(w) is None]
        close = difflib.get_close_matches(unknown[0], known, n=1) if unknown else []
        nearest = close[0] if close else ""
    return FactProblem(
        field=definition.name,
        expected=definition.expected(),
        found=repr(value)[:TEXT_LENGTH_MAX],
        nearest=nearest,
        line=line,
    )

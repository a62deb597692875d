"""A firm from a TOML file: who it is, what it plans, and its facts, read strictly.

    [company]  name (required), name_zh_hant, name_zh_hans, business_registration_number
    [project]  title
    [facts]    any name of the FACTS table

A wrong file gives one `FactProblem` that names line, field, what was expected and the nearest valid
name. Not for: personal data; a firm file describes a company.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lionrock.programmes.domain.facts import (
    TEXT_LENGTH_MAX,
    FactProblem,
    Facts,
    FactValue,
    Vocabulary,
)

FIRM_BYTES_MAX = 64 * 1024
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "company": ("name", "name_zh_hant", "name_zh_hans", "business_registration_number"),
    "project": ("title",),
}
_TABLE_NAMES = ("company", "project", "facts")
_LINE_OF_ERROR = re.compile(r"\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"^\s*\[\s*([A-Za-z0-9_-]+)\s*\]")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*(?:\.|=)")


class Firm(msgspec.Struct, frozen=True, kw_only=True):
    """A company and its plan; texts that were not given are empty."""

    name: str
    name_zh_hant: str
    name_zh_hans: str
    business_registration_number: str
    project_title: str
    facts: Facts


def parse_firm(text: str, vocabulary: Vocabulary) -> Firm | FactProblem:
    """Read a firm file; the first problem ends it."""
    if len(text.encode()) > FIRM_BYTES_MAX:
        return FactProblem(
            field="file", expected=f"at most {FIRM_BYTES_MAX} bytes", found="a larger file"
        )
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        place = _LINE_OF_ERROR.search(str(error))
        return FactProblem(
            field="file", expected="TOML", found=str(error)[:TEXT_LENGTH_MAX],
            line=int(place.group(1)) if place else 0,
        )
    lines = _lines(text)
    for name, table in document.items():
        problem = _check_table(name, table, lines)
        if problem is not None:
            return problem
    company = document.get("company", {})
    if not company.get("name"):
        return FactProblem(
            field="company.name", expected="the company's name", found="nothing",
            line=lines.get(("", "company"), 0),
        )
    facts = _read_facts(document.get("facts", {}), vocabulary, lines)
    if isinstance(facts, FactProblem):
        return facts
    return Firm(
        name=company["name"], name_zh_hant=company.get("name_zh_hant", ""),
        name_zh_hans=company.get("name_zh_hans", ""),
        business_registration_number=company.get("business_registration_number", ""),
        project_title=document.get("project", {}).get("title", ""), facts=facts,
    )


def _check_table(
    name: str, table: Any, lines: Mapping[tuple[str, str], int]
) -> FactProblem | None:
    if name not in _TABLE_NAMES or not isinstance(table, dict):
        return _unknown(name, "one of the tables [company], [project], [facts]", _TABLE_NAMES,
                        lines.get(("", name), 0))
    for key, value in table.items() if name in _TABLES else ():
        line = lines.get((name, key), 0)
        if key not in _TABLES[name]:
            return _unknown(f"{name}.{key}", "one of " + ", ".join(_TABLES[name]),
                            _TABLES[name], line)
        if not isinstance(value, str) or not 0 < len(value) <= TEXT_LENGTH_MAX:
            return FactProblem(
                field=f"{name}.{key}", expected=f"a text of at most {TEXT_LENGTH_MAX} characters",
                found=repr(value)[:TEXT_LENGTH_MAX], line=line,
            )
    return None


def _unknown(field: str, expected: str, known: tuple[str, ...], line: int) -> FactProblem:
    close = difflib.get_close_matches(field.rpartition(".")[2], known, n=1)
    return FactProblem(
        field=field[:TEXT_LENGTH_MAX], expected=expected, found="an unknown name",
        nearest=close[0] if close else "", line=line,
    )


def _read_facts(
    table: Mapping[str, Any], vocabulary: Vocabulary, lines: Mapping[tuple[str, str], int]
) -> dict[str, FactValue] | FactProblem:
    facts: dict[str, FactValue] = {}
    for name, value in table.items():
        parsed = vocabulary.read(name, value, lines.get(("facts", name), 0))
        if isinstance(parsed, FactProblem):
            return parsed
        facts[name] = parsed
    return facts


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Where each table and key stands; the TOML reader of the library does not tell."""
    found: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = header.group(1)
            found.setdefault(("", table), number)
        elif key:
            found.setdefault((table, key.group(1)), number)
    return found

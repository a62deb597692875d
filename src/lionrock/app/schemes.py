"""The scheme book from the command line: words in, documents out, every mistake named.

`FactRefused` carries one plain sentence. Not for: HTTP (programmes.http).
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from lionrock.hongkong import decide_json, navigate_json, scheme_book
from lionrock.hongkong.book import vocabulary
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.i18n import HONG_KONG
from lionrock.programmes.api import FactProblem, Firm, parse_firm
from lionrock.sandbox.personas import packaged_firm_text


class FactRefused(ValueError):
    """A fact, a file or a scheme name that cannot be used; the text says what was expected."""


def decide_from_words(
    scheme_id: str, words: Sequence[str], on: date | None, lang: str
) -> dict[str, Any]:
    """Decide a scheme from `name=value` words; FactRefused names what cannot be read."""
    facts = vocabulary().read_assignments(words)
    if isinstance(facts, FactProblem):
        raise FactRefused(facts.sentence())
    answer = decide_json(scheme_id, facts, on or today(), lang)
    if answer is None:
        near = difflib.get_close_matches(scheme_id, scheme_book().schemes, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FactRefused(f"there is no scheme {scheme_id!r}{hint}")
    return answer


def navigate_from_file(file: Path, on: date | None, lang: str) -> dict[str, Any]:
    """Decide every scheme for the firm of a TOML file."""
    return navigate_json(read_firm(file).facts, on or today(), lang)


def read_firm(file: Path) -> Firm:
    """Read a firm file; FactRefused names file, line, field and what was expected."""
    if not file.is_file():
        raise FactRefused(f"there is no firm file {file}; see examples/firm.toml")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FactRefused(f"{file} cannot be read: {error}") from error
    firm = parse_firm(text, vocabulary())
    if isinstance(firm, FactProblem):
        raise FactRefused(f"{file}: {firm.sentence()}")
    return firm


def packaged_firm() -> Firm:
    """The company that the journey takes when the user gives none."""
    firm = parse_firm(packaged_firm_text(), vocabulary())
    assert isinstance(firm, Firm), "the packaged firm file is tested"
    return firm


def today() -> date:
    """Today in Hong Kong."""
    return SystemWireClock().now().astimezone(HONG_KONG).date()


def stated_facts(file: Path | None) -> dict[str, Any]:
    """The facts of a firm file (None: the packaged one) as the HTTP API takes them."""
    text = file.read_text(encoding="utf-8") if file else packaged_firm_text()
    facts: dict[str, Any] = tomllib.loads(text)["facts"]
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in facts.items()
    }

"""Values of rules as people read them, in three languages. No sentence of any scheme stands here.

Money and dates are written by kernel.i18n (babel, Hong Kong locales). A bound or a month is never
printed as an exact figure or day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from babel.dates import format_date

from lionrock.kernel.i18n import LANGUAGES, Text, show_date, show_money, show_number
from lionrock.programmes.domain.dates import DatePoint
from lionrock.programmes.domain.parameters import ParameterKind, ParameterRule, Selection

_PLACE = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
_LOCALES: Final = {"en": "en_HK", "zh-Hant": "zh_Hant_HK", "zh-Hans": "zh_Hans_HK"}
_MONTH_PATTERNS: Final = {"en": "MMMM y", "zh-Hant": "y年M月", "zh-Hans": "y年M月"}
_YEAR_PATTERNS: Final = {"en": "y", "zh-Hant": "y年", "zh-Hans": "y年"}
OR: Final = Text(" or ", "或", "或")
LIST: Final = Text(", ", "、", "、")
NO_RULE: Final = Text("(no rule known)", "（未知規則）", "（未知规则）")


def in_all(write: Callable[[str], str]) -> Text:
    """Return a text by writing it once per language."""
    en, zh_hant, zh_hans = (write(language) for language in LANGUAGES)
    return Text(en, zh_hant, zh_hans)


def plain(words: str) -> Text:
    """Return words that are the same in every language (names, codes, quotations)."""
    return Text(words, words, words)


def joined(texts: Sequence[Text], separator: Text) -> Text:
    """Return several texts as one."""
    return in_all(
        lambda language: separator.in_language(language).join(
            text.in_language(language) for text in texts
        )
    )


def fill(template: Text, values: Mapping[str, Text]) -> Text:
    """Fill the places {name} that `values` names; other places are left as they are."""

    def write(language: str) -> str:
        def place(match: re.Match[str]) -> str:
            found = values.get(match.group(0)[1:-1])
            return match.group(0) if found is None else found.in_language(language)

        return _PLACE.sub(place, template.in_language(language))

    return in_all(write)


def places(template: Text) -> tuple[tuple[str, str], ...]:
    """Return the (name, key) of each place of a sentence; the key is empty for a plain name."""
    return tuple((name, key) for name, key in _PLACE.findall(template.en))


def text_of_point(point: DatePoint) -> Text:
    """Return a date as precisely as it is known."""
    if point.precision == "day":
        return in_all(lambda language: show_date(point.first, language))
    patterns = _MONTH_PATTERNS if point.precision == "month" else _YEAR_PATTERNS

    def write(language: str) -> str:
        return str(format_date(point.first, patterns[language], locale=_LOCALES[language]))

    return in_all(write)


def text_of_selection(selection: Selection, key: str = "") -> Text:
    """Return the value in force, or every value that may be in force, joined by "or"."""
    rules = [rule for rule in selection.candidates if rule is not None]
    if not rules:
        return NO_RULE
    return joined([text_of_rule(rule, key) for rule in rules], OR)


def text_of_rule(rule: ParameterRule, key: str = "") -> Text:
    """Return a rule's value; `key` picks one entry of a table."""
    if key and isinstance(rule.value, Mapping):
        single = _SINGLE.get(rule.kind, rule.kind)
        return _text(single, rule.value[key], rule.stated[key])
    return _text(rule.kind, rule.value, rule.stated)


_SINGLE: Mapping[ParameterKind, ParameterKind] = {
    "money_by_key": "money", "count_by_key": "count", "share_by_key": "share",
    "codes_by_key": "codes",
}


def _text(kind: ParameterKind, value: Any, stated: Any) -> Text:
    if kind == "money":
        return in_all(lambda language: _money(value, language))
    if kind == "count":
        return in_all(lambda language: show_number(value, language))
    if kind == "share":
        return plain(f"{stated[0]}/{stated[1]}")
    if kind == "ratio":
        return plain(_ratio(stated))
    if kind in _SINGLE:
        entries = [_text(_SINGLE[kind], value[key], stated[key]) for key in stated]
        return joined(entries, plain(" / "))
    if kind == "codes":
        return plain(", ".join(stated))
    if kind == "flag":
        return Text("yes", "是", "是") if value else Text("no", "否", "否")
    return plain(stated if isinstance(stated, str) else json.dumps(stated, ensure_ascii=False))


def _money(amount_minor: int, language: str) -> str:
    """Whole dollars without cents: rule values are whole dollars and read better so."""
    shown = show_money(amount_minor, "HKD", language)
    return shown.removesuffix(".00")


def _ratio(stated: Mapping[str, Any]) -> str:
    sides = [
        str(value) for key, value in stated.items()
        if isinstance(value, int) and key not in ("stage", "persons_max")
    ]
    return ":".join(sides)

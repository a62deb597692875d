"""The exact words of an approval: our own templates over structured fields, in three languages.

A requester never writes the sentence; what it may say freely is only ever quoted, and shown as
quoted. Every value is one line without control or direction characters, so that no field can
reorder or break out of the sentence around it. `words_hash` binds language, template, fields and
words with a salt, so that neither a receipt nor a log lets anybody guess words by trying.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Literal

import msgspec

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text

FieldKind = Literal["plain", "quoted"]
PLAIN_LENGTH_MAX = 800
QUOTED_LENGTH_MAX = 140
_QUOTES = {"en": ("“", "”"), "zh-Hant": ("「", "」"), "zh-Hans": ("“", "”")}
# Anything that looks like a quotation mark becomes an apostrophe inside a quotation, so that the
# quotation always ends where we end it.
_QUOTE_MARKS = str.maketrans(dict.fromkeys("\"“”„‟«»‹›「」『』〝〞〟＂", "'"))


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence form. `fields` names every value it takes and whether it is quoted free text."""

    name: str
    words: Text
    fields: Mapping[str, FieldKind]


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """Words as shown, with everything that their hash covers."""

    language: str
    template: str
    fields: dict[str, str]
    words: str
    salt: str

    @property
    def words_hash(self) -> str:
        """SHA-256 (hex) over the canonical JSON of all members."""
        return hashlib.sha256(canonical_json(msgspec.to_builtins(self))).hexdigest()


def render(
    template: Template, fields: Mapping[str, str], language: str, salt: str
) -> Rendered | Refused:
    """Fill a template in one language.

    Outcomes: APPROVAL_LANGUAGE, APPROVAL_FIELDS (one missing or unknown), APPROVAL_FIELD_UNSAFE.
    """
    if language not in LANGUAGES:
        return Refused(IdentityRefusal.APPROVAL_LANGUAGE, field="language")
    unlike = sorted(set(fields) ^ set(template.fields))
    if unlike:
        detail = f"{template.name} takes or lacks {unlike[0]!r}."
        return Refused(IdentityRefusal.APPROVAL_FIELDS, detail, field=unlike[0])
    shown: dict[str, str] = {}
    for name, kind in template.fields.items():
        limit = PLAIN_LENGTH_MAX if kind == "plain" else QUOTED_LENGTH_MAX
        if not is_safe_line(fields[name], limit):
            return Refused(
                IdentityRefusal.APPROVAL_FIELD_UNSAFE, f"One line of 1 to {limit} characters.", name
            )
        shown[name] = fields[name] if kind == "plain" else quote(fields[name], language)
    words = template.words.in_language(language).format_map(shown)
    return Rendered(
        language=language, template=template.name, fields=dict(fields), words=words, salt=salt
    )


def quote(text: str, language: str) -> str:
    """Put free text into the language's quotation marks; marks inside become apostrophes."""
    opening, closing = _QUOTES.get(language, _QUOTES["en"])
    return f"{opening}{text.translate(_QUOTE_MARKS)}{closing}"


def is_safe_line(text: str, length_max: int) -> bool:
    """Say whether a value is 1..length_max visible characters on one line.

    Refused categories: control, format (direction overrides, zero width), surrogate, private use,
    unassigned, line and paragraph separators.
    """
    if not text.strip() or len(text) > length_max:
        return False
    return all(unicodedata.category(c) not in _UNSAFE for c in text)


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def canonical_json(value: object) -> bytes:
    """JSON with sorted names, no white space, UTF-8 (RFC 8785 for strings, arrays and objects)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")

"""Members of JSON objects that are given twice, found without reading every body a second time.

Of a name given twice one reader takes the first value and another the last: a gateway may have
judged the one and we would do the other. So such a body is refused (RFC 7493 s2.3; RFC 8259 s4
calls what happens otherwise unpredictable).

Most bodies hold no name twice, which is seen by splitting them at their quotation marks. Of another
the names are counted in the text and in what it comes to: a name given twice is there once.
Not for: bodies that are not JSON; whoever asks has read them already.

Invariant: for well-formed JSON, at any depth, `repeated_member` finds what a strict parser finds.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

# In a text without escaped quotation marks: outside of strings there is no backslash.
_ESCAPED_NAME = re.compile(rb'"[^"\\]*\\[^"]*"[ \t\r\n]*:')


def repeated_member(raw: bytes) -> str | None:
    """Return a member name that one object of a well-formed JSON text gives twice; else None.

    Raises RecursionError where the text nests too deeply.
    """
    bare = raw
    if b"\\" in raw:
        # Escapes come in order, so what is left of a pair is no escape: \\ goes before \".
        bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Outside of strings there is no quotation mark: every second part is a string's content.
    parts = bare.split(b'"')
    strings = parts[1::2]
    is_plain = b"\\" not in bare or not _ESCAPED_NAME.search(bare)
    if is_plain and len(set(strings)) == len(strings):
        return None
    # Up to the next string there is a colon only where this one is a name.
    names = [text for text, after in zip(strings, parts[2::2], strict=True) if b":" in after]
    if is_plain and len(set(names)) == len(names):
        return None
    return None if _members(msgspec.json.decode(raw)) == len(names) else _search(raw)


def _members(value: Any) -> int:
    """Count the members of all objects in a value."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            count += len(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return count


class _GivenTwice(ValueError):
    """A name came a second time."""


def _search(raw: bytes) -> str | None:
    """Read a text with care, and slowly."""
    try:
        json.loads(raw, object_pairs_hook=_check_pairs)
    except _GivenTwice as found:
        return str(found)
    return None


def _check_pairs(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _GivenTwice(name)
        seen.add(name)

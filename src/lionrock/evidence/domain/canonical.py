"""Canonical JSON: one value has one encoding, so that bytes can be compared and signed.

Source: RFC 8785 for the values we use: objects, arrays, strings, whole numbers, booleans. Numbers
with a fraction are refused, and member names are ASCII, so that sorting by code unit and by code
point agree.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
INTEGER_MAX = 2**53 - 1  # RFC 8785 s3.2.2.3: beyond it readers disagree


def encode(value: Any) -> bytes:
    """Return the canonical encoding of a struct or plain objects; ValueError when it has none."""
    plain = msgspec.to_builtins(value)
    _check_plain(plain)
    return _ENCODER.encode(plain).encode("utf-8")


def decode(data: bytes, struct_type: type[T]) -> T | None:
    """Read a struct; None unless `data` is exactly its canonical encoding.

    A repeated member name, a space, another order or another spelling of a number all differ from
    the encoding of what was read, hence None.
    """
    try:
        value = msgspec.json.decode(data, type=struct_type)
        return value if encode(value) == data else None
    except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        return None


def _check_plain(value: Any) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise ValueError("a canonical member name is ASCII")
            _check_plain(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _check_plain(member)
    elif isinstance(value, bool | str):
        return
    elif not isinstance(value, int) or abs(value) > INTEGER_MAX:
        raise ValueError("a canonical value is text, a whole number, true or false")

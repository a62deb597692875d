"""Reading the packaged data files: strict shapes, every mistake names its file.

The four files schemes, systems, organisations and figures are facts of the fact sheet as data (with
origin and revision date inside); readings, facts, parameters and rules/ are this project's work.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TypeVar

import msgspec

T = TypeVar("T")
_FOLDER = files("lionrock.hongkong") / "data"


class PackagedDataError(ValueError):
    """A packaged data file does not have its documented shape: a bug of the package, not of use."""


def read_bytes(name: str) -> bytes:
    """Return one data file, e.g. "schemes.json" or "rules/nias.toml"."""
    found = _FOLDER
    for part in name.split("/"):
        found = found / part
    return found.read_bytes()


def read_json(name: str, shape: type[T]) -> T:
    """Return one JSON file in its shape; PackagedDataError names the file and the place."""
    try:
        return msgspec.json.decode(read_bytes(name), type=shape)
    except msgspec.DecodeError as error:
        raise PackagedDataError(f"{name}: {error}") from None


def rule_file_names() -> tuple[str, ...]:
    """Return the rule files of the executable schemes, in order."""
    names = sorted(entry.name for entry in (_FOLDER / "rules").iterdir())
    return tuple(f"rules/{name}" for name in names if name.endswith(".toml"))


def bound_together(names: tuple[str, ...]) -> bytes:
    """Return files as one: for each a line "name length", then its bytes. What a digest names."""
    parts: list[bytes] = []
    for name in names:
        content = read_bytes(name)
        parts += [f"{name} {len(content)}\n".encode(), content]
    return b"".join(parts)


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in the fact sheet: the heading, and the bullet under it counted from 1."""

    section: str
    bullet: int


class SheetHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What every file made from the fact sheet says of its origin."""

    source_file: str
    source_title: str
    revision_date: str
    count: int


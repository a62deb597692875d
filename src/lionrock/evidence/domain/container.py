"""The bundle's container: a ZIP file with exactly one encoding for its parts.

What for: a file that every archive program opens, but in which no byte is free: parts in the order
of their names, stored (never compressed, so nothing can unpack to more than was sent), one fixed
date, no extra fields, comments, gaps or flags. Not for: meaning of the parts (bundle.py).

Source: PKWARE APPNOTE 6.3 s4.3 (local header, central directory, end record).
Invariants: `encode(decode(x)) == x` for every accepted x; whatever differs is refused with the name
of the part it belongs to.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping

import msgspec

CONTAINER_BYTES_MAX = 64 * 1024 * 1024
PART_BYTES_MAX = 32 * 1024 * 1024
PARTS_MAX = 4096
NAME_LENGTH_MAX = 120

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_AFTER_PARTS = (b"PK\x01\x02", b"PK\x05\x06")
_VERSION = 20
_DOS_TIME = 0
_DOS_DATE = (0 << 9) | (1 << 5) | 1  # 1 January 1980, the earliest a ZIP can say


class Damage(msgspec.Struct, frozen=True):
    """Why a container is not canonical; `part` is the part concerned, or "container"."""

    part: str
    sentence: str


def is_part_name(name: str) -> bool:
    """Say whether a name is a plain relative path in lower case; "..", "/x" and "a//b" are not."""
    return len(name) <= NAME_LENGTH_MAX and _NAME.fullmatch(name) is not None


def encode(parts: Mapping[str, bytes]) -> bytes:
    """Return the container of the parts; ValueError when a name or size is outside the limits."""
    if len(parts) > PARTS_MAX:
        raise ValueError(f"a bundle has at most {PARTS_MAX} parts")
    body, directory = bytearray(), bytearray()
    for name in sorted(parts):
        content = parts[name]
        if not is_part_name(name) or len(content) > PART_BYTES_MAX:
            raise ValueError(f"{name[:NAME_LENGTH_MAX]!r} cannot be a part of a bundle")
        directory += _central_header(name, content, len(body))
        body += _local_header(name, content) + content
        if len(body) > CONTAINER_BYTES_MAX:
            raise ValueError(f"a bundle has at most {CONTAINER_BYTES_MAX} bytes")
    encoded = bytes(body + directory + _end_record(len(parts), len(directory), len(body)))
    if len(encoded) > CONTAINER_BYTES_MAX:
        raise ValueError(f"a bundle has at most {CONTAINER_BYTES_MAX} bytes")
    return encoded


def decode(encoded: bytes) -> dict[str, bytes] | Damage:
    """Read a container; `Damage` unless every byte is where the canonical encoding has it."""
    if len(encoded) > CONTAINER_BYTES_MAX:
        return Damage("container", f"It is larger than {CONTAINER_BYTES_MAX} bytes.")
    parts: dict[str, bytes] = {}
    offset, last = 0, "the beginning"
    while encoded[offset : offset + 4] not in _AFTER_PARTS:
        part = _read_part(encoded, offset, last)
        if isinstance(part, Damage):
            return part
        name, content, offset = part
        if name in parts:
            return Damage(name, "This name is there twice.")
        if parts and name < last:
            return Damage(name, "The parts are not in the order of their names.")
        if len(parts) == PARTS_MAX:
            return Damage(name, f"There are more than {PARTS_MAX} parts.")
        parts[name], last = content, name
    return _check_rest(encoded, offset, parts) or parts


def _read_part(encoded: bytes, offset: int, last: str) -> tuple[str, bytes, int] | Damage:
    """Read the part at `offset`: its name, its content and the offset behind it."""
    if offset + _LOCAL.size > len(encoded):
        return Damage("container", f"It is cut short after {last}.")
    fields = _LOCAL.unpack_from(encoded, offset)
    size, name_length = fields[8], fields[9]
    start = offset + _LOCAL.size
    raw_name = encoded[start : start + min(name_length, NAME_LENGTH_MAX + 1)]
    name = raw_name.decode("ascii", "replace")
    if not is_part_name(name):
        return Damage("container", f"The part after {last} has a name that is not allowed.")
    start += name_length
    content = encoded[start : start + min(size, PART_BYTES_MAX)]
    if size > PART_BYTES_MAX:
        return Damage(name, f"It claims more than {PART_BYTES_MAX} bytes.")
    if len(content) != size:
        return Damage(name, "It is cut short.")
    if encoded[offset:start] != _local_header(name, content):
        return Damage(name, "Its header or checksum is not that of this content.")
    return name, content, start + size


def _check_rest(encoded: bytes, offset: int, parts: Mapping[str, bytes]) -> Damage | None:
    """Check the central directory and the end record against the parts that were read."""
    position, directory_start = 0, offset
    for name, content in parts.items():
        header = _central_header(name, content, position)
        if encoded[offset : offset + len(header)] != header:
            return Damage(name, "Its entry in the table of contents does not fit it.")
        offset += len(header)
        position += _LOCAL.size + len(name) + len(content)
    end = _end_record(len(parts), offset - directory_start, directory_start)
    if encoded[offset:] != end:
        return Damage("container", "The record at its end does not fit, or something follows it.")
    assert encode(parts) == encoded, "what was read is its own canonical encoding"
    return None


def _local_header(name: str, content: bytes) -> bytes:
    size = len(content)
    return _LOCAL.pack(
        b"PK\x03\x04", _VERSION, 0, 0, _DOS_TIME, _DOS_DATE, zlib.crc32(content), size, size,
        len(name), 0,
    ) + name.encode("ascii")  # fmt: skip


def _central_header(name: str, content: bytes, offset: int) -> bytes:
    size = len(content)
    return _CENTRAL.pack(
        b"PK\x01\x02", _VERSION, _VERSION, 0, 0, _DOS_TIME, _DOS_DATE, zlib.crc32(content), size,
        size, len(name), 0, 0, 0, 0, 0, offset,
    ) + name.encode("ascii")  # fmt: skip


def _end_record(count: int, directory_size: int, directory_start: int) -> bytes:
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, directory_size, directory_start, 0)

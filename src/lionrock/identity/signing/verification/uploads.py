"""Reading one uploaded file and one field out of a form (multipart/form-data, RFC 7578).

Only what the page of this room sends: at most PARTS_MAX parts, no nesting, no transfer encodings.
Pure: header and bytes in, values out.
"""

from __future__ import annotations

import re

import msgspec

PARTS_MAX = 4
PART_HEAD_BYTES_MAX = 1024
FIELD_BYTES_MAX = 64
_BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?')
_NAME = re.compile(rb'(?i)content-disposition:\s*form-data;.*?\bname="([a-z_]{1,20})"')


class Upload(msgspec.Struct, frozen=True):
    """The file's bytes and the company's number; empty when they were not sent."""

    document: bytes = b""
    company: str = ""


def read_upload(content_type: str, body: bytes) -> Upload | None:
    """Return what the form holds; None when it is not such a form."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    if match is None:
        return None
    boundary = b"\r\n--" + match.group(1).encode()
    # The first boundary has no line break of its own before it.
    pieces = (b"\r\n" + body).split(boundary, PARTS_MAX + 1)
    if len(pieces) < 2 or len(pieces) > PARTS_MAX + 1 or pieces[-1].rstrip(b"\r\n") != b"--":
        return None
    held: dict[bytes, bytes] = {}
    for piece in pieces[1:-1]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if not separator or named is None or len(head) > PART_HEAD_BYTES_MAX:
            return None
        if named.group(1) in held:
            return None
        held[named.group(1)] = content
    company = held.get(b"company", b"")
    if not company.isascii() or len(company) > FIELD_BYTES_MAX:
        return None
    return Upload(held.get(b"document", b""), company.decode().strip())

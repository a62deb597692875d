"""Reading what came in: size first, then media type, then shape. Everything is bounded.

Source: RFC 9110 s15.5.14 and s15.5.16; RFC 6749 s3.1 and RFC 7493 s2.3 (a parameter or a JSON
member sent twice is refused).
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request

from lionrock.kernel.errors import KernelRefusal, Refused
from lionrock.kernel.http.members import repeated_member
from lionrock.kernel.http.served import ServedRequest
from lionrock.kernel.http.table import Route

QUERY_BYTES_MAX = 16 * 1024
# Whoever sends a byte now and then must not hold a place for ever (OWASP, slow HTTP).
BODY_S_MAX = 20.0
FIELDS_MAX = 64
# How much of a name that the sender chose an answer repeats.
FIELD_LENGTH_MAX = 60


async def read_body(request: Request, bytes_max: int) -> bytes | Refused:
    """Read the whole body, at most `bytes_max` bytes; a lying Content-Length gains nothing.

    BODY_TOO_LARGE; BODY_SLOW when it is not there after BODY_S_MAX, or its sender has gone.
    """
    headers = request.headers
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or int(declared) > bytes_max:
        return Refused(KernelRefusal.BODY_TOO_LARGE, f"At most {bytes_max} bytes are taken.")
    if int(declared) == 0 and "transfer-encoding" not in headers:
        return b""  # Nothing is said to come, and nothing is waited for (RFC 9112 s6.3).
    try:
        async with asyncio.timeout(BODY_S_MAX):
            if isinstance(request, ServedRequest) and request.is_short:
                return await request.whole()  # As long as was told, which was looked at above.
            return await _read_chunks(request, bytes_max)
    except (TimeoutError, ClientDisconnect):
        return Refused(KernelRefusal.BODY_SLOW)


async def _read_chunks(request: Request, bytes_max: int) -> bytes | Refused:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            return Refused(KernelRefusal.BODY_TOO_LARGE, f"At most {bytes_max} bytes are taken.")
        chunks.append(chunk)
    return b"".join(chunks)


def parse_body(route: Route, request: Request, raw: bytes) -> Any | Refused:
    """Turn the bytes into the row's body type; a Refused names the field and what was expected."""
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if route.body_media_types and media_type not in route.body_media_types:
        expected = " or ".join(route.body_media_types)
        return Refused(KernelRefusal.MEDIA_TYPE_UNSUPPORTED, f"Expected {expected}.")
    if route.body is None:
        if raw and route.body_kind != "raw":
            return Refused(KernelRefusal.BODY_MALFORMED, "This endpoint takes no body.")
        return raw if route.body_kind == "raw" else None
    if route.body_kind == "form":
        if media_type != "application/x-www-form-urlencoded":
            return Refused(
                KernelRefusal.MEDIA_TYPE_UNSUPPORTED,
                "Expected application/x-www-form-urlencoded.",
            )
        fields = parse_fields(raw)
        if isinstance(fields, Refused):
            return fields
        return _convert(fields, route.body)
    if media_type != "application/json":
        return Refused(KernelRefusal.MEDIA_TYPE_UNSUPPORTED, "Expected application/json.")
    return _parse_json(raw, route.body)


def _parse_json(raw: bytes, body_type: type) -> Any | Refused:
    try:
        body: Any = msgspec.json.decode(raw, type=body_type)
        twice = repeated_member(raw)
    except msgspec.ValidationError as error:
        return _malformed(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refused(KernelRefusal.BODY_MALFORMED, f"Not JSON: {error}")
    except RecursionError:
        return Refused(KernelRefusal.BODY_MALFORMED, "Nested too deeply.")
    if twice is not None:
        return Refused(KernelRefusal.BODY_MEMBER_TWICE, field=twice[:FIELD_LENGTH_MAX])
    return body


def parse_fields(raw: bytes) -> dict[str, str] | Refused:
    """Parse a form or query string; duplicates, bad UTF-8 and too many fields are refused."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        return Refused(
            KernelRefusal.BODY_MALFORMED, f"Not a form of at most {FIELDS_MAX} UTF-8 fields."
        )
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            return Refused(
                KernelRefusal.BODY_MALFORMED, f"{name!r} is given more than once.", field=name
            )
        fields[name] = value
    return fields


def parse_query(route: Route, request: Request) -> dict[str, str] | Refused:
    """Parse the query string against the row's list of parameters."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return {}
    if len(raw) > QUERY_BYTES_MAX:
        return Refused(KernelRefusal.QUERY_MALFORMED, "The query string is too long.")
    fields = parse_fields(raw)
    if isinstance(fields, Refused):
        return Refused(KernelRefusal.QUERY_MALFORMED, fields.detail, field=fields.field)
    if route.query is not None:
        for name in fields:
            if name not in route.query and name != "lang":
                known = ", ".join(route.query) or "none"
                return Refused(
                    KernelRefusal.QUERY_MALFORMED,
                    f"Unknown parameter {name[:60]!r}; taken: {known}.",
                    field=name[:60],
                )
    return fields


def _convert(fields: dict[str, str], body_type: type) -> Any | Refused:
    try:
        return msgspec.convert(fields, type=body_type, strict=False)
    except msgspec.ValidationError as error:
        return _malformed(str(error))


def _malformed(message: str) -> Refused:
    """msgspec says: "Expected `int`, got `str` - at `$.field`"; the path becomes the field."""
    text, _, path = message.partition(" - at `$")
    return Refused(KernelRefusal.BODY_MALFORMED, f"{text}.", field=path.strip("`.") )

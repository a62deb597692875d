"""The signature base: the text that a signature of an HTTP message is computed over.

Not for: which components must be covered, keys, time (kernel.signatures).
Source: RFC 9421 s2.1 (fields), s2.2 (derived components), s2.4 (`;req`), s2.5 (the base).
Invariants: ASCII only; no value holds a line break; the parameters keep their exact spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.signature_refusals import SignatureRefusal
from lionrock.kernel.structured_fields import (
    Component,
    FieldMalformed,
    parse_inner_lists,
    serialized,
)

_PRINTED = re.compile(r"[\x20-\x7e\t]*")
Headers = Mapping[str, str] | Iterable[tuple[str, str]]
TARGETS_MAX = 256


class CombinedFields(dict[str, str]):
    """Fields of a message as `combined_fields` makes them; they are not combined again."""


class Message(msgspec.Struct, frozen=True):
    """What a signature is computed over: derived components and combined fields."""

    derived: Mapping[str, str]
    fields: Mapping[str, str]
    request: Message | None = None


def target_uri(origin: str, raw_path: bytes | str, query: bytes | str = b"") -> str:
    """Return @target-uri for a server known by the address `origin`, path and query as received.

    The origin comes from our own configuration and not from the Host header, so that a request
    signed for another server is not accepted here (RFC 9421 s2.2.2).
    """
    path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    return f"{origin.rstrip('/')}{path}{'?' + text if text else ''}"


def signature_base(
    derived: Mapping[str, str], headers: Headers, signature_input: str
) -> bytes | Refused:
    """Return the base of one Signature-Input member's text, e.g. `("@method");created=1`."""
    try:
        inner = parse_inner_lists(f"sig={signature_input}")["sig"]
    except FieldMalformed as error:
        return Refused(SignatureRefusal.MALFORMED, str(error))
    message = Message(dict(derived), combined_fields(headers))
    return build_base(message, inner.components, inner.text)


def build_base(message: Message, components: tuple[Component, ...], text: str) -> bytes | Refused:
    """Build the signature base: one line a component, then the parameters' exact text."""
    lines = []
    for component, identifier in zip(components, serialized(components), strict=True):
        source = message.request if component.is_of_request else message
        value = _value(source, component.name)
        if isinstance(value, Refused):
            return value
        lines.append(f"{identifier}: {value}")
    lines.append(f'"@signature-params": {text}')
    return "\n".join(lines).encode("ascii")


def _value(source: Message | None, name: str) -> str | Refused:
    if source is None:
        return Refused(SignatureRefusal.COMPONENT_UNKNOWN, f'"{name}";req of a request')
    if name.startswith("@"):
        if name not in source.derived:
            return Refused(SignatureRefusal.COMPONENT_UNKNOWN, name)
        return source.derived[name]
    if name != name.lower():
        return Refused(SignatureRefusal.COMPONENT_UNKNOWN, "field names are lower case")
    if name not in source.fields:
        return Refused(SignatureRefusal.FIELD_ABSENT, name)
    value = source.fields[name]
    # A line break in a value could end one line of the base and begin another.
    if not (value.isascii() and value.isprintable()) and _PRINTED.fullmatch(value) is None:
        return Refused(SignatureRefusal.FIELD_MALFORMED, name)
    return value


@lru_cache(maxsize=TARGETS_MAX)
def derived_of_request(method: str, url: str) -> Mapping[str, str]:
    """Return the derived components of a request; ValueError when `url` is not absolute."""
    canonical = canonical_uri(url)
    parts = urlsplit(canonical)
    return {
        "@method": method,
        "@target-uri": canonical,
        "@authority": parts.netloc,
        "@scheme": parts.scheme,
        "@path": parts.path,
        "@query": f"?{parts.query}",
    }


def canonical_uri(url: str) -> str:
    """Lower-case scheme and host, no default port, at least "/": RFC 9421 s2.2.2, s2.2.3."""
    if not url.isascii() or not url.isprintable() or " " in url or "#" in url:
        raise ValueError("a target is an absolute ASCII address without fragment")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError("a target is an absolute http or https address")
    split_at = min((rest.find(c) for c in "/?" if c in rest), default=len(rest))
    authority, target = rest[:split_at].lower(), rest[split_at:]
    authority = authority.removesuffix(":80" if scheme.lower() == "http" else ":443")
    return f"{scheme.lower()}://{authority}{target if target.startswith('/') else '/' + target}"


def combined_fields(headers: Headers) -> CombinedFields:
    """Combine field lines: names lower case, values trimmed, repeats joined (RFC 9421 s2.1)."""
    if isinstance(headers, CombinedFields):
        return headers
    items = headers.items() if isinstance(headers, Mapping) else headers
    fields = CombinedFields()
    for name, value in items:
        lower, trimmed = name.lower(), value.strip(" \t")
        fields[lower] = f"{fields[lower]}, {trimmed}" if lower in fields else trimmed
    return fields

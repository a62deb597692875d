"""Writing messages: values in, UTF-8 XML out, always valid against our usage schemas.

Not for: deciding what to say. Source: ISO 20022 XML design rules (one namespace per definition);
XML 1.0 s2.2 (characters), s2.4 (what must be escaped), s2.11 (carriage returns).
Invariant: every text and attribute value goes through `_escaped`, so that none can become markup.
The text is put together here, not by the XML library: that costs a twentieth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.definitions import Envelope, row_of
from lionrock.payments.domain.iso20022.elements import Node, instant_text, institution
from lionrock.payments.domain.iso20022.messages import (
    ENVELOPE_NAMESPACE,
    HEADER_DEFINITION,
    Header,
    namespace_of,
)

_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEEDS_ESCAPE = re.compile(r'[&<>"\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def write_envelope(envelope: Envelope) -> bytes:
    """Return the message as the bytes of one HTTP body.

    ValueError for text that XML cannot hold (control characters); the schemas refuse the rest.
    """
    definition = row_of(envelope.document)
    parts = [_DECLARATION, f'<Envelope xmlns="{ENVELOPE_NAMESPACE}">']
    header_namespace = namespace_of(HEADER_DEFINITION)
    parts.append(f'<AppHdr xmlns="{header_namespace}">')
    _fill(parts, header_namespace, _header(envelope.header, definition.name))
    parts.append(f'</AppHdr><Document xmlns="{namespace_of(definition.name)}">')
    written = definition.write(envelope.header, envelope.document)
    _fill(parts, namespace_of(definition.name), [written])
    parts.append("</Document></Envelope>")
    return "".join(parts).encode()


def write_document(definition: str, content: Node) -> bytes:
    """Return a document that goes without an envelope (statements, files' answers), as UTF-8."""
    namespace = namespace_of(definition)
    parts = [_DECLARATION, f'<Document xmlns="{namespace}">']
    _fill(parts, namespace, [content])
    parts.append("</Document>")
    return "".join(parts).encode()


def _fill(parts: list[str], namespace: str, nodes: Iterable[Node], around: str = "") -> None:
    """Append elements of `namespace`; `around` is the default namespace if it is another one."""
    declared = f' xmlns="{namespace}"' if around else ""
    for name, content in nodes:
        # What is not of the message's own definition names its namespace: "{namespace}name".
        other, is_other, bare = name[1:].partition("}") if name[0] == "{" else ("", "", name)
        opening = f'{bare} xmlns="{other}"' if is_other else f"{bare}{declared}"
        if isinstance(content, str):
            parts.append(f"<{opening}>{_escaped(content)}</{bare}>")
        elif isinstance(content, Money):
            currency = _escaped(content.currency)
            parts.append(f'<{opening} Ccy="{currency}">{content.wire()}</{bare}>')
        else:
            parts.append(f"<{opening}>")
            _fill(parts, namespace, content, other)
            parts.append(f"</{bare}>")


def _escaped(text: str) -> str:
    wrong = _NO_CHARACTER.search(text)
    if wrong is not None:
        raise ValueError(f"XML cannot hold the character U+{ord(wrong.group()):04X}")
    if _NEEDS_ESCAPE.search(text) is None:
        return text
    return _NEEDS_ESCAPE.sub(lambda found: _ESCAPES[found.group()], text)


def _header(header: Header, definition: str) -> list[Node]:
    return [
        ("Fr", [("FIId", institution(header.from_member))]),
        ("To", [("FIId", institution(header.to_member))]),
        ("BizMsgIdr", header.message_id),
        ("MsgDefIdr", definition),
        ("CreDt", instant_text(header.created_at)),
    ]

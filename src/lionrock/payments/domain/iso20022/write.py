"""Writing messages: values in, UTF-8 XML out, always valid against our usage schemas.

Not for: deciding what to say. Source: ISO 20022 XML design rules (one namespace per definition).
Invariant: text goes through the XML library, so that no value can become markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lxml import etree

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.definitions import Envelope, row_of
from lionrock.payments.domain.iso20022.elements import Node, instant_text, institution
from lionrock.payments.domain.iso20022.messages import (
    ENVELOPE_NAMESPACE,
    HEADER_DEFINITION,
    Header,
    namespace_of,
)


def write_envelope(envelope: Envelope) -> bytes:
    """Return the message as the bytes of one HTTP body.

    ValueError for text that XML cannot hold (control characters); the schemas refuse the rest.
    """
    definition = row_of(envelope.document)
    root = etree.Element(
        etree.QName(ENVELOPE_NAMESPACE, "Envelope"), nsmap=_default_namespace(ENVELOPE_NAMESPACE)
    )
    header_namespace = namespace_of(HEADER_DEFINITION)
    header = _root(root, header_namespace, "AppHdr")
    _fill(header, header_namespace, _header(envelope.header, definition.name))
    namespace = namespace_of(definition.name)
    document = _root(root, namespace, "Document")
    _fill(document, namespace, [definition.write(envelope.header, envelope.document)])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def write_document(definition: str, content: Node) -> bytes:
    """Return a document that goes without an envelope (statements, files' answers), as UTF-8."""
    namespace = namespace_of(definition)
    root = etree.Element(etree.QName(namespace, "Document"), nsmap=_default_namespace(namespace))
    _fill(root, namespace, [content])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _root(parent: Any, namespace: str, name: str) -> Any:
    return etree.SubElement(
        parent, etree.QName(namespace, name), nsmap=_default_namespace(namespace)
    )


def _default_namespace(namespace: str) -> Any:
    return {None: namespace}


def _fill(parent: Any, namespace: str, nodes: Iterable[Node]) -> None:
    for name, content in nodes:
        # What is not of the message's own definition names its namespace: "{namespace}name".
        qualified = name if name.startswith("{") else etree.QName(namespace, name)
        element = etree.SubElement(parent, qualified)
        if isinstance(content, Money):
            element.set("Ccy", content.currency)
            element.text = content.wire()
        elif isinstance(content, str):
            element.text = content
        else:
            _fill(element, namespace, content)


def _header(header: Header, definition: str) -> list[Node]:
    return [
        ("Fr", [("FIId", institution(header.from_member))]),
        ("To", [("FIId", institution(header.to_member))]),
        ("BizMsgIdr", header.message_id),
        ("MsgDefIdr", definition),
        ("CreDt", instant_text(header.created_at)),
    ]

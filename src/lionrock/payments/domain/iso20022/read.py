"""Reading messages that others wrote: size, encoding, markup, schema, then rules between fields.

The parser is given no way out (no DTD, no entities, no network, no huge trees) and what could make
two readers see two messages is refused before it is parsed or directly after: another encoding than
UTF-8, a document type, comments and processing instructions (which split text).
Not for: who may send what (service). Source: XML 1.0 s2.8, s4.3.3; OWASP XXE prevention; the
usage schemas of payments/schemas.
Invariant: a message that is returned is valid, and its header and document agree.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, cast

import msgspec
from lxml import etree

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022.definitions import DEFINITIONS, Envelope
from lionrock.payments.domain.iso20022.elements import Fields, instant_of, text_of
from lionrock.payments.domain.iso20022.messages import HEADER_DEFINITION, Header, namespace_of
from lionrock.payments.domain.refusals import PaymentRefusal

MESSAGE_BYTES_MAX = 32 * 1024
DESCRIPTION_LENGTH_MAX = 350
REFERENCE_UNKNOWN = "NOTPROVIDED"
_DECLARATION = re.compile(r"^\ufeff?<\?xml[^>]*?\?>")
_ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']*)["']""")
_QUALIFIED = re.compile(r"\{[^}]*\}")
_REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/\-]{0,34}$")
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


class Parts(msgspec.Struct, frozen=True):
    """A message's header and document, each as an XML document of its own."""

    header: bytes
    document: bytes


def read_envelope(raw: bytes, schema: etree.XMLSchema) -> Envelope | Refused:
    """Read one HTTP body; a Refused says what is wrong (`detail`) and where (`field`)."""
    root = _parse(raw)
    if isinstance(root, Refused):
        return root
    if not schema.validate(root):
        return _invalid(root, schema)
    about, document_element = Fields(root[0]), root[1]
    header = _header(about)
    definition = text_of(about, "MsgDefIdr")
    if document_element.tag != f"{{{namespace_of(definition)}}}Document":
        return Refused(
            PaymentRefusal.DEFINITION_DIFFERS,
            f"MsgDefIdr says {definition}, the document is of another namespace.",
            "/Envelope/AppHdr/MsgDefIdr",
        )
    row, body = DEFINITIONS[definition], Fields(document_element[0])
    return row.check(header, body) or Envelope(header, row.read(body))


def check_written(raw: bytes, schema: etree.XMLSchema) -> Refused | None:
    """Check a message of our own before it is sent: well-formed, without markup, valid."""
    root = _parse(raw)
    if isinstance(root, Refused):
        return root
    return None if schema.validate(root) else _invalid(root, schema)


def reference_of(raw: bytes) -> str:
    """Return the BizMsgIdr of a message that was refused, for RltdRef; "NOTPROVIDED" if unclear."""
    root = _parse(raw)
    if isinstance(root, Refused):
        return REFERENCE_UNKNOWN
    found = root.find(f"{{{namespace_of(HEADER_DEFINITION)}}}AppHdr/{{*}}BizMsgIdr")
    text = (found.text or "") if found is not None else ""
    return text if _REFERENCE.match(text) else REFERENCE_UNKNOWN


def split_envelope(raw: bytes) -> Parts:
    """Split a stored message, for checks against the official schemas; ValueError if unreadable."""
    root = _parse(raw)
    if isinstance(root, Refused) or len(root) != 2:
        raise ValueError("not an envelope of two parts")
    header, document = (
        etree.tostring(part, xml_declaration=True, encoding="UTF-8", with_tail=False)
        for part in root
    )
    return Parts(header, document)


def _parse(raw: bytes) -> Any | Refused:
    refused = _check_size(raw) or _check_encoding(raw) or _check_no_doctype(raw)
    if refused is not None:
        return refused
    try:
        root = etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError as error:
        return Refused(
            PaymentRefusal.NOT_WELL_FORMED, _clean(str(error.msg)), f"line {error.lineno}"
        )
    return _check_no_markup(root) or root


@cache
def _parser() -> etree.XMLParser:
    """One parser for a process: making it costs as much as reading a message."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, attribute_defaults=False, huge_tree=False, recover=False,
    )


def _check_size(raw: bytes) -> Refused | None:
    if len(raw) > MESSAGE_BYTES_MAX:
        return Refused(
            PaymentRefusal.MESSAGE_TOO_LARGE, f"At most {MESSAGE_BYTES_MAX} bytes are taken."
        )
    return None


def _check_encoding(raw: bytes) -> Refused | None:
    """UTF-8 only: in another encoding the checks below would read other characters (s4.3.3)."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refused(PaymentRefusal.ENCODING_WRONG, f"Not UTF-8 at byte {error.start}.")
    declaration = _DECLARATION.match(text)
    declared = _ENCODING.search(declaration.group(0)) if declaration else None
    if declared is not None and declared.group(1).lower() != "utf-8":
        return Refused(
            PaymentRefusal.ENCODING_WRONG, f"The declaration says {declared.group(1)[:40]!r}."
        )
    return None


def _check_no_doctype(raw: bytes) -> Refused | None:
    """No document type, so no entities: neither external ones (XXE) nor bombs (XML 1.0 s2.8)."""
    position = raw.find(b"<!DOCTYPE")
    if position >= 0:
        return Refused(
            PaymentRefusal.DOCTYPE_FORBIDDEN, "Send the message without a document type.",
            f"byte {position}",
        )
    return None


def _check_no_markup(root: Any) -> Refused | None:
    """No comments or instructions: `<Id>1<!-- -->2</Id>` is 12 to one reader and 1 to another."""
    tree = root.getroottree()
    assert tree.docinfo.internalDTD is None, "a document type was let through"
    beside = (*root.itersiblings(preceding=True), *root.itersiblings())
    for node in (*beside, *root.iter(etree.Comment, etree.PI, etree.Entity)):
        if not isinstance(node.tag, str):
            return Refused(
                PaymentRefusal.MARKUP_FORBIDDEN,
                "Send the message without comments, instructions and entities.",
                f"line {node.sourceline}",
            )
    return None


def _invalid(root: Any, schema: etree.XMLSchema) -> Refused:
    error = cast(Any, schema.error_log)[0]
    return Refused(
        PaymentRefusal.NOT_VALID, _clean(_QUALIFIED.sub("", error.message)),
        _location(root, error.path, error.line),
    )


def _location(root: Any, path: str | None, line: int) -> str:
    """Write the place as element names: libxml2's own path knows numbers only."""
    found = root.getroottree().xpath(path) if path else []
    if not (isinstance(found, list) and found and hasattr(found[0], "iterancestors")):
        return f"line {line}"
    lineage = [found[0], *found[0].iterancestors()]
    return _clean("/" + "/".join(etree.QName(e).localname for e in reversed(lineage)))


def _clean(text: str) -> str:
    return _NOT_SHOWN.sub(" ", text).strip()[:DESCRIPTION_LENGTH_MAX] or "unknown"


def _header(about: Fields) -> Header:
    return Header(
        from_member=text_of(about, "Fr/FIId/FinInstnId/ClrSysMmbId/MmbId"),
        to_member=text_of(about, "To/FIId/FinInstnId/ClrSysMmbId/MmbId"),
        message_id=text_of(about, "BizMsgIdr"),
        created_at=instant_of(text_of(about, "CreDt")),
    )

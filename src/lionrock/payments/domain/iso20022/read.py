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
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
from lxml import etree

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.messages import (
    HEADER_DEFINITION,
    CreditTransfer,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Proxy,
    ProxyKind,
    Status,
    StatusReport,
    StatusRequest,
    namespace_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal

MESSAGE_BYTES_MAX = 32 * 1024
DESCRIPTION_LENGTH_MAX = 350
REFERENCE_UNKNOWN = "NOTPROVIDED"
_DECLARATION = re.compile(r"^\ufeff?<\?xml[^>]*?\?>")
_ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']*)["']""")
_QUALIFIED = re.compile(r"\{[^}]*\}")
_REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/\-]{0,34}$")
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_XML_SPACE = " \t\r\n"
_PROXY_KINDS: dict[str, ProxyKind] = {"TELE": "mobile", "EMAL": "email"}


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
    header_element, document_element = root[0], root[1]
    header = _header(header_element)
    definition = _text(header_element, "MsgDefIdr")
    if document_element.tag != f"{{{namespace_of(definition)}}}Document":
        return Refused(
            PaymentRefusal.DEFINITION_DIFFERS,
            f"MsgDefIdr says {definition}, the document is of another namespace.",
            "/Envelope/AppHdr/MsgDefIdr",
        )
    body = document_element[0]
    return _check_agreement(header, body) or Envelope(header, _READERS[definition](body))


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
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, attribute_defaults=False, huge_tree=False, recover=False,
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        return Refused(
            PaymentRefusal.NOT_WELL_FORMED, _clean(str(error.msg)), f"line {error.lineno}"
        )
    return _check_no_markup(root) or root


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
    for node in (*beside, *root.iter()):
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


def _check_agreement(header: Header, body: Any) -> Refused | None:
    """Header and document name the same message, sender and receiver."""
    message_id = _optional(body, "GrpHdr/MsgId")
    if message_id and message_id != header.message_id:
        return Refused(
            PaymentRefusal.REFERENCE_DIFFERS, "BizMsgIdr and MsgId are the same identifier.",
            "/Envelope/AppHdr/BizMsgIdr",
        )
    for name, member in (("InstgAgt", header.from_member), ("InstdAgt", header.to_member)):
        path = f"{name}/FinInstnId/ClrSysMmbId/MmbId"
        agent = _optional(body, f"GrpHdr/{path}") or _optional(body, f"CdtTrfTxInf/{path}")
        if agent and agent != member:
            return Refused(
                PaymentRefusal.AGENT_DIFFERS, f"{name} is {agent}, the header says {member}.", name
            )
    is_rejected = _optional(body, "TxInfAndSts/TxSts") == "RJCT"
    if is_rejected != bool(_optional(body, "TxInfAndSts/StsRsnInf/Rsn/Cd")):
        return Refused(
            PaymentRefusal.REASON_MISPLACED, "A reason goes with RJCT and with nothing else.",
            "TxInfAndSts/StsRsnInf",
        )
    return None


def _header(element: Any) -> Header:
    return Header(
        from_member=_text(element, "Fr/FIId/FinInstnId/ClrSysMmbId/MmbId"),
        to_member=_text(element, "To/FIId/FinInstnId/ClrSysMmbId/MmbId"),
        message_id=_text(element, "BizMsgIdr"),
        created_at=_instant(_text(element, "CreDt")),
    )


def _credit_transfer(body: Any) -> CreditTransfer:
    transaction = _find(body, "CdtTrfTxInf")
    return CreditTransfer(
        settlement_date=date.fromisoformat(_text(body, "GrpHdr/IntrBkSttlmDt")),
        end_to_end_id=_text(transaction, "PmtId/EndToEndId"),
        transaction_id=_text(transaction, "PmtId/TxId"),
        uetr=_text(transaction, "PmtId/UETR"),
        amount=_amount(transaction, "IntrBkSttlmAmt"),
        debtor=_party(transaction, "Dbtr"),
        creditor=_party(transaction, "Cdtr"),
        proxy=_proxy(transaction),
        remittance=_optional(transaction, "RmtInf/Ustrd"),
    )


def _status_report(body: Any) -> StatusReport:
    transaction = _find(body, "TxInfAndSts")
    return StatusReport(
        original_message_id=_text(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=_text(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        end_to_end_id=_text(transaction, "OrgnlEndToEndId"),
        transaction_id=_text(transaction, "OrgnlTxId"),
        uetr=_text(transaction, "OrgnlUETR"),
        status=cast(Status, _text(transaction, "TxSts")),
        amount=_amount(transaction, "OrgnlTxRef/IntrBkSttlmAmt"),
        reason_code=_optional(transaction, "StsRsnInf/Rsn/Cd"),
        reason_text=_optional(transaction, "StsRsnInf/AddtlInf"),
    )


def _status_request(body: Any) -> StatusRequest:
    transaction = _find(body, "TxInf")
    return StatusRequest(
        original_message_id=_text(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=_text(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        transaction_id=_text(transaction, "OrgnlTxId"),
        uetr=_text(transaction, "OrgnlUETR"),
    )


def _message_reject(body: Any) -> MessageReject:
    return MessageReject(
        related_reference=_text(body, "RltdRef/Ref"),
        reason=_text(body, "Rsn/RjctgPtyRsn"),
        rejected_at=_instant(_text(body, "Rsn/RjctnDtTm")),
        description=_text(body, "Rsn/RsnDesc"),
        location=_optional(body, "Rsn/ErrLctn"),
    )


_READERS: dict[str, Any] = {
    "pacs.008.001.08": _credit_transfer,
    "pacs.002.001.10": _status_report,
    "pacs.028.001.03": _status_request,
    "admi.002.001.01": _message_reject,
}


def _party(transaction: Any, name: str) -> PartyAccount:
    return PartyAccount(
        name=_text(transaction, f"{name}/Nm"),
        account=_text(transaction, f"{name}Acct/Id/Othr/Id"),
        member=_text(transaction, f"{name}Agt/FinInstnId/ClrSysMmbId/MmbId"),
    )


def _proxy(transaction: Any) -> Proxy | None:
    value = _optional(transaction, "CdtrAcct/Prxy/Id")
    if not value:
        return None
    return Proxy(kind=_PROXY_KINDS[_text(transaction, "CdtrAcct/Prxy/Tp/Cd")], value=value)


def _amount(element: Any, path: str) -> Money:
    found = _find(element, path)
    return Money.parse(found.text.strip(_XML_SPACE), found.get("Ccy"))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _find(element: Any, path: str) -> Any:
    """Find by local names in the element's own namespace: prefixes differ between banks."""
    namespace = etree.QName(element).namespace
    found = element.find("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))
    assert found is not None, f"the schema demands {path}"
    return found


def _text(element: Any, path: str) -> str:
    return (_find(element, path).text or "").strip(_XML_SPACE)


def _optional(element: Any, path: str) -> str:
    namespace = etree.QName(element).namespace
    found = element.find("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))
    return (found.text or "").strip(_XML_SPACE) if found is not None else ""

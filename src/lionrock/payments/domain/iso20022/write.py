"""Writing messages: values in, UTF-8 XML out, always valid against our usage schemas.

Not for: deciding what to say. Source: ISO 20022 XML design rules (one namespace per definition).
Invariant: text goes through the XML library, so that no value can become markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lxml import etree

from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.messages import (
    CLEARING_SYSTEM,
    ENVELOPE_NAMESPACE,
    HEADER_DEFINITION,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Proxy,
    StatusReport,
    StatusRequest,
    definition_of,
    namespace_of,
)

_Node: TypeAlias = tuple[str, "str | Money | list[_Node]"]
_PROXY_CODES = {"mobile": "TELE", "email": "EMAL"}


def write_envelope(envelope: Envelope) -> bytes:
    """Return the message as the bytes of one HTTP body.

    ValueError for text that XML cannot hold (control characters); the schemas refuse the rest.
    """
    definition = definition_of(envelope.document)
    root = etree.Element(
        etree.QName(ENVELOPE_NAMESPACE, "Envelope"), nsmap=_default_namespace(ENVELOPE_NAMESPACE)
    )
    header_namespace = namespace_of(HEADER_DEFINITION)
    header = _root(root, header_namespace, "AppHdr")
    _fill(header, header_namespace, _header(envelope.header, definition))
    namespace = namespace_of(definition)
    document = _root(root, namespace, "Document")
    _fill(document, namespace, [_document(envelope.header, envelope.document)])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _root(parent: Any, namespace: str, name: str) -> Any:
    return etree.SubElement(
        parent, etree.QName(namespace, name), nsmap=_default_namespace(namespace)
    )


def _default_namespace(namespace: str) -> Any:
    return {None: namespace}


def _fill(parent: Any, namespace: str, nodes: Iterable[_Node]) -> None:
    for name, content in nodes:
        element = etree.SubElement(parent, etree.QName(namespace, name))
        if isinstance(content, Money):
            element.set("Ccy", content.currency)
            element.text = content.wire()
        elif isinstance(content, str):
            element.text = content
        else:
            _fill(element, namespace, content)


def _header(header: Header, definition: str) -> list[_Node]:
    return [
        ("Fr", [("FIId", _institution(header.from_member))]),
        ("To", [("FIId", _institution(header.to_member))]),
        ("BizMsgIdr", header.message_id),
        ("MsgDefIdr", definition),
        ("CreDt", _instant(header.created_at)),
    ]


def _document(header: Header, document: Document) -> _Node:
    writer: Callable[[Header, Any], _Node] = _WRITERS[type(document)]
    return writer(header, document)


def _credit_transfer(header: Header, transfer: CreditTransfer) -> _Node:
    assert transfer.amount.amount_minor > 0, "a credit transfer moves money"
    transaction: list[_Node] = [
        ("PmtId", [
            ("EndToEndId", transfer.end_to_end_id),
            ("TxId", transfer.transaction_id),
            ("UETR", transfer.uetr),
        ]),
        ("IntrBkSttlmAmt", transfer.amount),
        ("ChrgBr", "SLEV"),
        ("InstgAgt", _institution(header.from_member)),
        ("InstdAgt", _institution(header.to_member)),
        ("Dbtr", [("Nm", transfer.debtor.name)]),
        ("DbtrAcct", _account(transfer.debtor)),
        ("DbtrAgt", _institution(transfer.debtor.member)),
        ("CdtrAgt", _institution(transfer.creditor.member)),
        ("Cdtr", [("Nm", transfer.creditor.name)]),
        ("CdtrAcct", [*_account(transfer.creditor), *_proxy(transfer.proxy)]),
    ]
    if transfer.remittance:
        transaction.append(("RmtInf", [("Ustrd", transfer.remittance)]))
    group: list[_Node] = [
        ("MsgId", header.message_id),
        ("CreDtTm", _instant(header.created_at)),
        ("NbOfTxs", "1"),
        ("IntrBkSttlmDt", transfer.settlement_date.isoformat()),
        ("SttlmInf", [("SttlmMtd", "CLRG"), ("ClrSys", [("Prtry", CLEARING_SYSTEM)])]),
    ]
    return "FIToFICstmrCdtTrf", [("GrpHdr", group), ("CdtTrfTxInf", transaction)]


def _status_report(header: Header, report: StatusReport) -> _Node:
    assert bool(report.reason_code) == (report.status == "RJCT"), "RJCT, and only it, has a reason"
    reason: list[_Node] = []
    if report.reason_code:
        text: list[_Node] = [("AddtlInf", report.reason_text)] if report.reason_text else []
        reason = [("StsRsnInf", [("Rsn", [("Cd", report.reason_code)]), *text])]
    transaction: list[_Node] = [
        _original(report.original_message_id, report.original_definition),
        ("OrgnlEndToEndId", report.end_to_end_id),
        ("OrgnlTxId", report.transaction_id),
        ("OrgnlUETR", report.uetr),
        ("TxSts", report.status),
        *reason,
        ("OrgnlTxRef", [("IntrBkSttlmAmt", report.amount)]),
    ]
    return "FIToFIPmtStsRpt", [("GrpHdr", _status_header(header)), ("TxInfAndSts", transaction)]


def _status_request(header: Header, request: StatusRequest) -> _Node:
    transaction: list[_Node] = [
        _original(request.original_message_id, request.original_definition),
        ("OrgnlTxId", request.transaction_id),
        ("OrgnlUETR", request.uetr),
    ]
    return "FIToFIPmtStsReq", [("GrpHdr", _status_header(header)), ("TxInf", transaction)]


def _message_reject(_header: Header, reject: MessageReject) -> _Node:
    location: list[_Node] = [("ErrLctn", reject.location)] if reject.location else []
    return "admi.002.001.01", [
        ("RltdRef", [("Ref", reject.related_reference)]),
        ("Rsn", [
            ("RjctgPtyRsn", reject.reason),
            ("RjctnDtTm", _instant(reject.rejected_at)),
            *location,
            ("RsnDesc", reject.description),
        ]),
    ]


_WRITERS: dict[type, Callable[[Header, Any], _Node]] = {
    CreditTransfer: _credit_transfer,
    StatusReport: _status_report,
    StatusRequest: _status_request,
    MessageReject: _message_reject,
}


def _status_header(header: Header) -> list[_Node]:
    return [
        ("MsgId", header.message_id),
        ("CreDtTm", _instant(header.created_at)),
        ("InstgAgt", _institution(header.from_member)),
        ("InstdAgt", _institution(header.to_member)),
    ]


def _original(message_id: str, definition: str) -> _Node:
    return "OrgnlGrpInf", [("OrgnlMsgId", message_id), ("OrgnlMsgNmId", definition)]


def _institution(member: str) -> list[_Node]:
    return [("FinInstnId", [("ClrSysMmbId", [("MmbId", member)])])]


def _account(party: PartyAccount) -> list[_Node]:
    return [("Id", [("Othr", [("Id", party.account)])])]


def _proxy(proxy: Proxy | None) -> list[_Node]:
    if proxy is None:
        return []
    return [("Prxy", [("Tp", [("Cd", _PROXY_CODES[proxy.kind])]), ("Id", proxy.value)])]


def _instant(instant: datetime) -> str:
    assert instant.tzinfo is not None, "instants are timezone-aware"
    in_utc = instant.astimezone(UTC).replace(tzinfo=None)
    return in_utc.isoformat(timespec="milliseconds") + "Z"

"""What became of a payment: pacs.002.001.10 says it, pacs.028.001.03 asks for it.

Source: ISO 20022 pacs.002.001.10, pacs.028.001.03 in our narrower usage; ExternalStatusReason1Code.
Invariant: a reason goes with RJCT and with nothing else.
"""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    amount_of,
    check_agents,
    check_message_id,
    find,
    group_header,
    optional_text,
    original_group,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header
from lionrock.payments.domain.refusals import PaymentRefusal

STATUS_REPORT = "pacs.002.001.10"
STATUS_REQUEST = "pacs.028.001.03"

Status = Literal["ACCC", "ACSC", "ACSP", "PDNG", "RJCT"]
ACCEPTED_STATUSES: frozenset[Status] = frozenset({"ACCC", "ACSC"})


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.002: what became of one payment; `reason_code` if and only if it is RJCT."""

    original_message_id: str
    original_definition: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    status: Status
    amount: Money
    reason_code: str = ""
    reason_text: str = ""


class StatusRequest(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.028: what became of this payment?"""

    original_message_id: str
    original_definition: str
    transaction_id: str
    uetr: str


def check_report(header: Header, body: Fields) -> Refused | None:
    """Header and report agree, and there is a reason where there must be one."""
    refused = check_request(header, body)
    if refused is not None:
        return refused
    is_rejected = text_of(body, "TxInfAndSts/TxSts") == "RJCT"
    if is_rejected != bool(optional_text(body, "TxInfAndSts/StsRsnInf/Rsn/Cd")):
        return Refused(
            PaymentRefusal.REASON_MISPLACED, "A reason goes with RJCT and with nothing else.",
            "TxInfAndSts/StsRsnInf",
        )
    return None


def check_request(header: Header, body: Fields) -> Refused | None:
    """Header and document agree."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    return refused or check_agents(header, find(body, "GrpHdr"))


def read_report(body: Fields) -> StatusReport:
    """Read a valid FIToFIPmtStsRpt."""
    transaction = find(body, "TxInfAndSts")
    return StatusReport(
        original_message_id=text_of(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=text_of(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        end_to_end_id=text_of(transaction, "OrgnlEndToEndId"),
        transaction_id=text_of(transaction, "OrgnlTxId"),
        uetr=text_of(transaction, "OrgnlUETR"),
        status=cast(Status, text_of(transaction, "TxSts")),
        amount=amount_of(transaction, "OrgnlTxRef/IntrBkSttlmAmt"),
        reason_code=optional_text(transaction, "StsRsnInf/Rsn/Cd"),
        reason_text=optional_text(transaction, "StsRsnInf/AddtlInf"),
    )


def read_request(body: Fields) -> StatusRequest:
    """Read a valid FIToFIPmtStsReq."""
    transaction = find(body, "TxInf")
    return StatusRequest(
        original_message_id=text_of(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=text_of(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        transaction_id=text_of(transaction, "OrgnlTxId"),
        uetr=text_of(transaction, "OrgnlUETR"),
    )


def write_report(header: Header, report: StatusReport) -> Node:
    """Write a FIToFIPmtStsRpt."""
    assert bool(report.reason_code) == (report.status == "RJCT"), "RJCT, and only it, has a reason"
    transaction: list[Node] = [
        original_group(report.original_message_id, report.original_definition),
        ("OrgnlEndToEndId", report.end_to_end_id),
        ("OrgnlTxId", report.transaction_id),
        ("OrgnlUETR", report.uetr),
        ("TxSts", report.status),
        *status_reason(report.reason_code, report.reason_text),
        ("OrgnlTxRef", [("IntrBkSttlmAmt", report.amount)]),
    ]
    return "FIToFIPmtStsRpt", [("GrpHdr", group_header(header)), ("TxInfAndSts", transaction)]


def write_request(header: Header, request: StatusRequest) -> Node:
    """Write a FIToFIPmtStsReq."""
    transaction: list[Node] = [
        original_group(request.original_message_id, request.original_definition),
        ("OrgnlTxId", request.transaction_id),
        ("OrgnlUETR", request.uetr),
    ]
    return "FIToFIPmtStsReq", [("GrpHdr", group_header(header)), ("TxInf", transaction)]


def status_reason(code: str, text: str) -> list[Node]:
    """Write why something was rejected; nothing without a code."""
    if not code:
        return []
    also: list[Node] = [("AddtlInf", text)] if text else []
    return [("StsRsnInf", [("Rsn", [("Cd", code)]), *also])]

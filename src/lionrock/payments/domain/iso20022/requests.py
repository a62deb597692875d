"""Requests to pay: pain.013.001.07 asks a debtor for a payment, pain.014.001.07 answers.

Not for: the payment itself, a credit transfer that names the request (transfers).
Source: ISO 20022 pain.013.001.07, pain.014.001.07 in our narrower usage; ExternalStatusReason1Code.
Invariants: an expiry is an instant; a reason goes with RJCT and with nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    account,
    amount_of,
    check_message_id,
    find,
    instant_of,
    instant_text,
    institution,
    optional_text,
    party_of,
    proxy_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header, PartyAccount, Proxy
from lionrock.payments.domain.iso20022.reports import status_reason
from lionrock.payments.domain.refusals import PaymentRefusal

PAYMENT_REQUEST = "pain.013.001.07"
REQUEST_REPORT = "pain.014.001.07"

# ACCP: the debtor will pay; ACSC: paid; PDNG: the debtor has been asked; RJCT: it will not be.
RequestStatus = Literal["ACCP", "ACSC", "PDNG", "RJCT"]


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """pain.013: the creditor asks the debtor to pay; the amount may change if it says so.

    `request_id` is the creditor's bank's own towards the switch, the switch's towards the debtor's
    bank.
    """

    request_id: str
    end_to_end_id: str
    uetr: str
    due_at: datetime
    expires_at: datetime
    may_change_amount: bool
    amount: Money
    debtor: PartyAccount
    creditor: PartyAccount
    proxy: Proxy | None = None
    remittance: str = ""


class RequestReport(msgspec.Struct, frozen=True, kw_only=True):
    """pain.014: what became of a request; `accepted_amount` if and only if it is ACCP."""

    original_message_id: str
    original_definition: str
    request_id: str
    end_to_end_id: str
    uetr: str
    status: RequestStatus
    accepted_amount: Money | None = None
    reason_code: str = ""
    reason_text: str = ""


def check_request(header: Header, body: Fields) -> Refused | None:
    """The header names this message."""
    return check_message_id(header, body, "GrpHdr/MsgId")


def check_report(header: Header, body: Fields) -> Refused | None:
    """A reason is there for RJCT, an amount for ACCP."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    if refused is not None:
        return refused
    transaction = find(body, "OrgnlPmtInfAndSts/TxInfAndSts")
    status = text_of(transaction, "TxSts")
    has_reason = bool(optional_text(transaction, "StsRsnInf/Rsn/Cd"))
    has_amount = bool(optional_text(transaction, "PmtCondSts/AccptdAmt"))
    if has_reason != (status == "RJCT") or has_amount != (status == "ACCP"):
        return Refused(
            PaymentRefusal.REASON_MISPLACED,
            "A reason goes with RJCT and the accepted amount with ACCP, and with nothing else.",
            "TxInfAndSts",
        )
    return None


def read_request(body: Fields) -> PaymentRequest:
    """Read a valid CdtrPmtActvtnReq."""
    payment = find(body, "PmtInf")
    transaction = find(payment, "CdtTrfTx")
    return PaymentRequest(
        request_id=text_of(payment, "PmtInfId"),
        end_to_end_id=text_of(transaction, "PmtId/EndToEndId"),
        uetr=text_of(transaction, "PmtId/UETR"),
        due_at=instant_of(text_of(payment, "ReqdExctnDt/DtTm")),
        expires_at=instant_of(text_of(payment, "XpryDt/DtTm")),
        may_change_amount=text_of(payment, "PmtCond/AmtModAllwd") in {"true", "1"},
        amount=amount_of(transaction, "Amt/InstdAmt"),
        debtor=party_of(payment, "Dbtr"),
        creditor=party_of(transaction, "Cdtr"),
        proxy=proxy_of(find(payment, "DbtrAcct")),
        remittance=optional_text(transaction, "RmtInf/Ustrd"),
    )


def read_report(body: Fields) -> RequestReport:
    """Read a valid CdtrPmtActvtnReqStsRpt."""
    payment = find(body, "OrgnlPmtInfAndSts")
    transaction = find(payment, "TxInfAndSts")
    has_amount = bool(optional_text(transaction, "PmtCondSts/AccptdAmt"))
    return RequestReport(
        original_message_id=text_of(body, "OrgnlGrpInfAndSts/OrgnlMsgId"),
        original_definition=text_of(body, "OrgnlGrpInfAndSts/OrgnlMsgNmId"),
        request_id=text_of(payment, "OrgnlPmtInfId"),
        end_to_end_id=text_of(transaction, "OrgnlEndToEndId"),
        uetr=text_of(transaction, "OrgnlUETR"),
        status=cast(RequestStatus, text_of(transaction, "TxSts")),
        accepted_amount=amount_of(transaction, "PmtCondSts/AccptdAmt") if has_amount else None,
        reason_code=optional_text(transaction, "StsRsnInf/Rsn/Cd"),
        reason_text=optional_text(transaction, "StsRsnInf/AddtlInf"),
    )


def write_request(header: Header, request: PaymentRequest) -> Node:
    """Write a CdtrPmtActvtnReq."""
    assert request.amount.amount_minor > 0, "nobody asks for nothing"
    remittance: list[Node] = [("RmtInf", [("Ustrd", request.remittance)])]
    transaction: list[Node] = [
        ("PmtId", [("EndToEndId", request.end_to_end_id), ("UETR", request.uetr)]),
        ("Amt", [("InstdAmt", request.amount)]),
        ("ChrgBr", "SLEV"),
        ("CdtrAgt", institution(request.creditor.member)),
        ("Cdtr", [("Nm", request.creditor.name)]),
        ("CdtrAcct", account(request.creditor.account)),
        *(remittance if request.remittance else []),
    ]
    return "CdtrPmtActvtnReq", [
        ("GrpHdr", [
            ("MsgId", header.message_id),
            ("CreDtTm", instant_text(header.created_at)),
            ("NbOfTxs", "1"),
            ("InitgPty", [("Nm", request.creditor.name)]),
        ]),
        ("PmtInf", [
            ("PmtInfId", request.request_id),
            ("PmtMtd", "TRF"),
            ("ReqdExctnDt", [("DtTm", instant_text(request.due_at))]),
            ("XpryDt", [("DtTm", instant_text(request.expires_at))]),
            ("PmtCond", [
                ("AmtModAllwd", "true" if request.may_change_amount else "false"),
                ("EarlyPmtAllwd", "true"),
                ("GrntedPmtReqd", "false"),
            ]),
            ("Dbtr", [("Nm", request.debtor.name)]),
            ("DbtrAcct", account(request.debtor.account, request.proxy)),
            ("DbtrAgt", institution(request.debtor.member)),
            ("CdtTrfTx", transaction),
        ]),
    ]


def write_report(header: Header, report: RequestReport) -> Node:
    """Write a CdtrPmtActvtnReqStsRpt."""
    assert bool(report.reason_code) == (report.status == "RJCT"), "RJCT, and only it, has a reason"
    assert (report.accepted_amount is not None) == (report.status == "ACCP"), "ACCP has an amount"
    condition: list[Node] = []
    if report.accepted_amount is not None:
        condition = [("PmtCondSts", [
            ("AccptdAmt", report.accepted_amount), ("GrntedPmt", "false"), ("EarlyPmt", "false"),
        ])]
    return "CdtrPmtActvtnReqStsRpt", [
        ("GrpHdr", [
            ("MsgId", header.message_id),
            ("CreDtTm", instant_text(header.created_at)),
            ("InitgPty", [("Nm", header.from_member)]),
        ]),
        ("OrgnlGrpInfAndSts", [
            ("OrgnlMsgId", report.original_message_id),
            ("OrgnlMsgNmId", report.original_definition),
        ]),
        ("OrgnlPmtInfAndSts", [
            ("OrgnlPmtInfId", report.request_id),
            ("TxInfAndSts", [
                ("OrgnlEndToEndId", report.end_to_end_id),
                ("OrgnlUETR", report.uetr),
                ("TxSts", report.status),
                *status_reason(report.reason_code, report.reason_text),
                *condition,
            ]),
        ]),
    ]

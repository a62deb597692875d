"""Recalls: camt.056.001.08 asks for a payment back, camt.029.001.09 answers.

The same pair withdraws a request to pay (OrgnlMsgNmId says what is meant).
Not for: giving back (returns). Source: ISO 20022 camt.056.001.08, camt.029.001.09 in our narrower
usage; ExternalCancellationReason1Code, ExternalPaymentCancellationRejection1Code.
Invariants: assigner and assignee are the header's members; a reason goes with a no and with nothing
else, and the status of the case says the same as that of the transaction.
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
    check_message_id,
    find,
    instant_text,
    institution,
    member_of,
    optional_text,
    original_group,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header
from lionrock.payments.domain.refusals import PaymentRefusal

CANCELLATION_REQUEST = "camt.056.001.08"
CANCELLATION_ANSWER = "camt.029.001.09"

# ACCR: it is given back, PDCR: it is being looked into, RJCR: it is not given back.
CancellationStatus = Literal["ACCR", "PDCR", "RJCR"]
_CASE_STATUS: dict[CancellationStatus, str] = {"ACCR": "CNCL", "PDCR": "PDCR", "RJCR": "RJCR"}


class CancellationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """camt.056: give this payment back. `recall_id` is the asker's name for the recall."""

    recall_id: str
    original_message_id: str
    original_definition: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    reason_code: str
    reason_text: str = ""


class CancellationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """camt.029: whether a payment will be given back; `reason_code` if and only if it is RJCR."""

    recall_id: str
    original_message_id: str
    original_definition: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    status: CancellationStatus
    reason_code: str = ""
    reason_text: str = ""


def check_cancellation(header: Header, body: Fields) -> Refused | None:
    """The assignment is the header's message, from its sender to its receiver."""
    refused = check_message_id(header, body, "Assgnmt/Id")
    if refused is not None:
        return refused
    for name, member in (("Assgnr", header.from_member), ("Assgne", header.to_member)):
        agent = member_of(body, f"Assgnmt/{name}/Agt")
        if agent != member:
            return Refused(
                PaymentRefusal.AGENT_DIFFERS, f"{name} is {agent}, the header says {member}.", name
            )
    return None


def check_answer(header: Header, body: Fields) -> Refused | None:
    """The statuses agree, and there is a reason where there must be one."""
    refused = check_cancellation(header, body)
    if refused is not None:
        return refused
    transaction = find(body, "CxlDtls/TxInfAndSts")
    status = cast(CancellationStatus, text_of(transaction, "TxCxlSts"))
    if text_of(body, "Sts/Conf") != _CASE_STATUS[status]:
        return Refused(
            PaymentRefusal.REASON_MISPLACED, f"With TxCxlSts {status}, Sts is "
            f"{_CASE_STATUS[status]}.", "Sts/Conf",
        )
    if bool(optional_text(transaction, "CxlStsRsnInf/Rsn/Cd")) != (status == "RJCR"):
        return Refused(
            PaymentRefusal.REASON_MISPLACED, "A reason goes with RJCR and with nothing else.",
            "TxInfAndSts/CxlStsRsnInf",
        )
    return None


def read_cancellation(body: Fields) -> CancellationRequest:
    """Read a valid FIToFIPmtCxlReq."""
    transaction = find(body, "Undrlyg/TxInf")
    return CancellationRequest(
        recall_id=text_of(transaction, "CxlId"),
        original_message_id=text_of(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=text_of(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        end_to_end_id=text_of(transaction, "OrgnlEndToEndId"),
        transaction_id=text_of(transaction, "OrgnlTxId"),
        uetr=text_of(transaction, "OrgnlUETR"),
        amount=amount_of(transaction, "OrgnlIntrBkSttlmAmt"),
        reason_code=text_of(transaction, "CxlRsnInf/Rsn/Cd"),
        reason_text=optional_text(transaction, "CxlRsnInf/AddtlInf"),
    )


def read_answer(body: Fields) -> CancellationAnswer:
    """Read a valid RsltnOfInvstgtn."""
    transaction = find(body, "CxlDtls/TxInfAndSts")
    return CancellationAnswer(
        recall_id=text_of(transaction, "CxlStsId"),
        original_message_id=text_of(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=text_of(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        end_to_end_id=text_of(transaction, "OrgnlEndToEndId"),
        transaction_id=text_of(transaction, "OrgnlTxId"),
        uetr=text_of(transaction, "OrgnlUETR"),
        status=cast(CancellationStatus, text_of(transaction, "TxCxlSts")),
        reason_code=optional_text(transaction, "CxlStsRsnInf/Rsn/Cd"),
        reason_text=optional_text(transaction, "CxlStsRsnInf/AddtlInf"),
    )


def write_cancellation(header: Header, request: CancellationRequest) -> Node:
    """Write a FIToFIPmtCxlReq."""
    text: list[Node] = [("AddtlInf", request.reason_text)] if request.reason_text else []
    transaction: list[Node] = [
        ("CxlId", request.recall_id),
        original_group(request.original_message_id, request.original_definition),
        ("OrgnlEndToEndId", request.end_to_end_id),
        ("OrgnlTxId", request.transaction_id),
        ("OrgnlUETR", request.uetr),
        ("OrgnlIntrBkSttlmAmt", request.amount),
        ("CxlRsnInf", [("Rsn", [("Cd", request.reason_code)]), *text]),
    ]
    return "FIToFIPmtCxlReq", [
        ("Assgnmt", _assignment(header)), ("Undrlyg", [("TxInf", transaction)]),
    ]


def write_answer(header: Header, answer: CancellationAnswer) -> Node:
    """Write a RsltnOfInvstgtn."""
    assert bool(answer.reason_code) == (answer.status == "RJCR"), "RJCR, and only it, has a reason"
    reason: list[Node] = []
    if answer.reason_code:
        text: list[Node] = [("AddtlInf", answer.reason_text)] if answer.reason_text else []
        reason = [("CxlStsRsnInf", [("Rsn", [("Cd", answer.reason_code)]), *text])]
    transaction: list[Node] = [
        ("CxlStsId", answer.recall_id),
        original_group(answer.original_message_id, answer.original_definition),
        ("OrgnlEndToEndId", answer.end_to_end_id),
        ("OrgnlTxId", answer.transaction_id),
        ("OrgnlUETR", answer.uetr),
        ("TxCxlSts", answer.status),
        *reason,
    ]
    return "RsltnOfInvstgtn", [
        ("Assgnmt", _assignment(header)),
        ("Sts", [("Conf", _CASE_STATUS[answer.status])]),
        ("CxlDtls", [("TxInfAndSts", transaction)]),
    ]


def _assignment(header: Header) -> list[Node]:
    return [
        ("Id", header.message_id),
        ("Assgnr", [("Agt", institution(header.from_member))]),
        ("Assgne", [("Agt", institution(header.to_member))]),
        ("CreDtTm", instant_text(header.created_at)),
    ]

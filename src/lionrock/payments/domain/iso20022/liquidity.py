"""A participant's own money at the switch: pacs.009.001.08 moves it, admi.004.001.02 warns of it.

The two accounts that a pacs.009 names are the participant's own: CENTRAL, at the central
institution, and SWITCH, the settlement account here; so the direction is said once and cannot
contradict itself. Not for: customers' payments (transfers).
Source: ISO 20022 pacs.009.001.08, admi.004.001.02 in our narrower usage.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    account,
    agents,
    amount_of,
    check_agents,
    check_message_id,
    find,
    instant_of,
    instant_text,
    institution,
    member_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header
from lionrock.payments.domain.iso20022.transfers import settlement_header
from lionrock.payments.domain.refusals import PaymentRefusal

LIQUIDITY_TRANSFER = "pacs.009.001.08"
SYSTEM_EVENT = "admi.004.001.02"
CENTRAL_ACCOUNT, SWITCH_ACCOUNT = "CENTRAL", "SWITCH"


class LiquidityTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.009: move a participant's own money `in` to the switch or `out` of it."""

    settlement_date: date
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    member: str
    direction: Literal["in", "out"]


class SystemEvent(msgspec.Struct, frozen=True, kw_only=True):
    """admi.004: something about the system that a participant should know; `code` has four."""

    code: str
    parameters: tuple[str, ...]
    description: str
    at: datetime


def check_liquidity(header: Header, body: Fields) -> Refused | None:
    """Header and transaction agree; both accounts are the sender's own, and they are two."""
    transaction = find(body, "CdtTrfTxInf")
    refused = check_message_id(header, body, "GrpHdr/MsgId") or check_agents(header, transaction)
    if refused is not None:
        return refused
    for name in ("Dbtr", "Cdtr"):
        member = member_of(transaction, name)
        if member != header.from_member:
            return Refused(
                PaymentRefusal.AGENT_DIFFERS, "A participant moves its own money only.", name
            )
    if _account_of(transaction, "DbtrAcct") == _account_of(transaction, "CdtrAcct"):
        return Refused(
            PaymentRefusal.AGENT_DIFFERS, "Debtor's and creditor's account are the same one.",
            "CdtrAcct",
        )
    return None


def read_liquidity(body: Fields) -> LiquidityTransfer:
    """Read a valid FICdtTrf."""
    transaction = find(body, "CdtTrfTxInf")
    is_inward = _account_of(transaction, "DbtrAcct") == CENTRAL_ACCOUNT
    return LiquidityTransfer(
        settlement_date=date.fromisoformat(text_of(body, "GrpHdr/IntrBkSttlmDt")),
        end_to_end_id=text_of(transaction, "PmtId/EndToEndId"),
        transaction_id=text_of(transaction, "PmtId/TxId"),
        uetr=text_of(transaction, "PmtId/UETR"),
        amount=amount_of(transaction, "IntrBkSttlmAmt"),
        member=member_of(transaction, "Dbtr"),
        direction="in" if is_inward else "out",
    )


def write_liquidity(header: Header, transfer: LiquidityTransfer) -> Node:
    """Write a FICdtTrf."""
    debtor, creditor = CENTRAL_ACCOUNT, SWITCH_ACCOUNT
    if transfer.direction == "out":
        debtor, creditor = creditor, debtor
    transaction: list[Node] = [
        ("PmtId", [
            ("EndToEndId", transfer.end_to_end_id),
            ("TxId", transfer.transaction_id),
            ("UETR", transfer.uetr),
        ]),
        ("IntrBkSttlmAmt", transfer.amount),
        *agents(header),
        ("Dbtr", institution(transfer.member)),
        ("DbtrAcct", account(debtor)),
        ("Cdtr", institution(transfer.member)),
        ("CdtrAcct", account(creditor)),
    ]
    group = settlement_header(header, transfer.settlement_date)
    return "FICdtTrf", [("GrpHdr", group), ("CdtTrfTxInf", transaction)]


def check_event(_header: Header, _body: Fields) -> Refused | None:
    """An event repeats nothing of the header."""
    return None


def read_event(body: Fields) -> SystemEvent:
    """Read a valid SysEvtNtfctn."""
    event = find(body, "EvtInf")
    return SystemEvent(
        code=text_of(event, "EvtCd"),
        parameters=tuple((each.text or "") for each in body.get("EvtInf").iterfind("{*}EvtParam")),
        description=text_of(event, "EvtDesc"),
        at=instant_of(text_of(event, "EvtTm")),
    )


def write_event(_header: Header, event: SystemEvent) -> Node:
    """Write a SysEvtNtfctn."""
    parameters: list[Node] = [("EvtParam", parameter) for parameter in event.parameters]
    content: list[Node] = [
        ("EvtCd", event.code),
        *parameters,
        ("EvtDesc", event.description),
        ("EvtTm", instant_text(event.at)),
    ]
    return "SysEvtNtfctn", [("EvtInf", content)]


def _account_of(transaction: Fields, name: str) -> str:
    return text_of(transaction, f"{name}/Id/Othr/Id")

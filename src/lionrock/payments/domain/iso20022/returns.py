"""Returns of settled payments: pacs.004.001.10, one transaction a message.

Not for: how much may be returned and until when (recalls). Source: ISO 20022 pacs.004.001.10 in our
narrower usage; ExternalReturnReason1Code. A return has no UETR of its own in this version: what is
said about it names the original's UETR and, as the transaction, the RtrId.
"""

from __future__ import annotations

from datetime import date

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    agents,
    amount_of,
    check_agents,
    check_message_id,
    find,
    optional_text,
    original_group,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header
from lionrock.payments.domain.iso20022.transfers import settlement_header

PAYMENT_RETURN = "pacs.004.001.10"


class PaymentReturn(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.004: `amount` of the original payment goes back; `uetr` and ids are the original's."""

    settlement_date: date
    return_id: str
    original_message_id: str
    original_definition: str
    end_to_end_id: str
    transaction_id: str
    uetr: str
    original_amount: Money
    amount: Money
    reason_code: str
    reason_text: str = ""


def check_return(header: Header, body: Fields) -> Refused | None:
    """Header and transaction agree."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    return refused or check_agents(header, find(body, "TxInf"))


def read_return(body: Fields) -> PaymentReturn:
    """Read a valid PmtRtr."""
    transaction = find(body, "TxInf")
    return PaymentReturn(
        settlement_date=date.fromisoformat(text_of(body, "GrpHdr/IntrBkSttlmDt")),
        return_id=text_of(transaction, "RtrId"),
        original_message_id=text_of(transaction, "OrgnlGrpInf/OrgnlMsgId"),
        original_definition=text_of(transaction, "OrgnlGrpInf/OrgnlMsgNmId"),
        end_to_end_id=text_of(transaction, "OrgnlEndToEndId"),
        transaction_id=text_of(transaction, "OrgnlTxId"),
        uetr=text_of(transaction, "OrgnlUETR"),
        original_amount=amount_of(transaction, "OrgnlIntrBkSttlmAmt"),
        amount=amount_of(transaction, "RtrdIntrBkSttlmAmt"),
        reason_code=text_of(transaction, "RtrRsnInf/Rsn/Cd"),
        reason_text=optional_text(transaction, "RtrRsnInf/AddtlInf"),
    )


def write_return(header: Header, returned: PaymentReturn) -> Node:
    """Write a PmtRtr."""
    assert returned.amount.amount_minor > 0, "a return moves money"
    text: list[Node] = [("AddtlInf", returned.reason_text)] if returned.reason_text else []
    transaction: list[Node] = [
        ("RtrId", returned.return_id),
        original_group(returned.original_message_id, returned.original_definition),
        ("OrgnlEndToEndId", returned.end_to_end_id),
        ("OrgnlTxId", returned.transaction_id),
        ("OrgnlUETR", returned.uetr),
        ("OrgnlIntrBkSttlmAmt", returned.original_amount),
        ("RtrdIntrBkSttlmAmt", returned.amount),
        *agents(header),
        ("RtrRsnInf", [("Rsn", [("Cd", returned.reason_code)]), *text]),
    ]
    group = settlement_header(header, returned.settlement_date)
    return "PmtRtr", [("GrpHdr", group), ("TxInf", transaction)]

"""Direct debits between participants: pacs.003.001.08, one transaction a message.

Not for: whether the authorisation allows it (debits). Source: ISO 20022 pacs.003.001.08 in our
narrower usage.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, cast

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
    institution,
    optional_text,
    party_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header, PartyAccount
from lionrock.payments.domain.iso20022.transfers import settlement_header

DIRECT_DEBIT = "pacs.003.001.08"

Sequence = Literal["FRST", "RCUR", "FNAL", "OOFF"]


class DirectDebit(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.003: collect this amount from the debtor for the creditor, under an authorisation."""

    settlement_date: date
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    sequence: Sequence
    collection_date: date
    mandate_id: str
    creditor: PartyAccount
    debtor: PartyAccount
    remittance: str = ""


def check_debit(header: Header, body: Fields) -> Refused | None:
    """Header and transaction agree."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    return refused or check_agents(header, find(body, "DrctDbtTxInf"))


def read_debit(body: Fields) -> DirectDebit:
    """Read a valid FIToFICstmrDrctDbt."""
    transaction = find(body, "DrctDbtTxInf")
    return DirectDebit(
        settlement_date=date.fromisoformat(text_of(body, "GrpHdr/IntrBkSttlmDt")),
        end_to_end_id=text_of(transaction, "PmtId/EndToEndId"),
        transaction_id=text_of(transaction, "PmtId/TxId"),
        uetr=text_of(transaction, "PmtId/UETR"),
        amount=amount_of(transaction, "IntrBkSttlmAmt"),
        sequence=cast(Sequence, text_of(transaction, "PmtTpInf/SeqTp")),
        collection_date=date.fromisoformat(text_of(transaction, "ReqdColltnDt")),
        mandate_id=text_of(transaction, "DrctDbtTx/MndtRltdInf/MndtId"),
        creditor=party_of(transaction, "Cdtr"),
        debtor=party_of(transaction, "Dbtr"),
        remittance=optional_text(transaction, "RmtInf/Ustrd"),
    )


def write_debit(header: Header, debit: DirectDebit) -> Node:
    """Write a FIToFICstmrDrctDbt."""
    assert debit.amount.amount_minor > 0, "a direct debit moves money"
    transaction: list[Node] = [
        ("PmtId", [
            ("EndToEndId", debit.end_to_end_id),
            ("TxId", debit.transaction_id),
            ("UETR", debit.uetr),
        ]),
        ("PmtTpInf", [("SeqTp", debit.sequence)]),
        ("IntrBkSttlmAmt", debit.amount),
        ("ChrgBr", "SLEV"),
        ("ReqdColltnDt", debit.collection_date.isoformat()),
        ("DrctDbtTx", [("MndtRltdInf", [("MndtId", debit.mandate_id)])]),
        ("Cdtr", [("Nm", debit.creditor.name)]),
        ("CdtrAcct", account(debit.creditor.account)),
        ("CdtrAgt", institution(debit.creditor.member)),
        *agents(header),
        ("Dbtr", [("Nm", debit.debtor.name)]),
        ("DbtrAcct", account(debit.debtor.account)),
        ("DbtrAgt", institution(debit.debtor.member)),
    ]
    if debit.remittance:
        transaction.append(("RmtInf", [("Ustrd", debit.remittance)]))
    group = settlement_header(header, debit.settlement_date)
    return "FIToFICstmrDrctDbt", [("GrpHdr", group), ("DrctDbtTxInf", transaction)]

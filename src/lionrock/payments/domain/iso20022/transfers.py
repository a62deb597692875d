"""Credit transfers between participants: pacs.008.001.08, one transaction a message.

LclInstrm says the class, or whether the payee is to be verified; then SvcLvl says the class. That
FPS messages carry the verification there, by these words, is published (Oracle Banking Payments,
Hong Kong FPS guide, "Payee Account Verification Check"); where HKICL has the class is not.
Not for: what becomes of them (reports). Source: ISO 20022 pacs.008.001.08 in our narrower usage.
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
    instant_text,
    institution,
    optional_text,
    party_of,
    proxy_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import (
    CLEARING_SYSTEM,
    Header,
    PartyAccount,
    Proxy,
)
from lionrock.payments.domain.refusals import PaymentRefusal

CREDIT_TRANSFER = "pacs.008.001.08"

# C1 is instant; C2 is near real time: it waits for the next round and gets more time.
ServiceClass = Literal["C1", "C2"]
# Whether the creditor's name is to be compared with the account's before it is credited.
PayeeVerification = Literal["PERFORM", "SKIP"]
_VERIFICATIONS: dict[str, PayeeVerification] = {
    "PERFORM_PYE_VRF": "PERFORM", "SKIP_PYE_VRF": "SKIP",
}
_VERIFICATION_WORDS = {said: word for word, said in _VERIFICATIONS.items()}


class CreditTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.008: pay this amount from the debtor to the creditor.

    `request_id` is the switch's identifier of the request to pay that this transfer pays.
    `payee_verification` unset: nothing is said, and the digest is that of before it was known.
    """

    settlement_date: date
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    debtor: PartyAccount
    creditor: PartyAccount
    proxy: Proxy | None = None
    remittance: str = ""
    service_class: ServiceClass = "C1"
    request_id: str = ""
    payee_verification: PayeeVerification | msgspec.UnsetType = msgspec.UNSET


def check_transfer(header: Header, body: Fields) -> Refused | None:
    """Header and transaction agree, and the class is said once."""
    refused = check_message_id(header, body, "GrpHdr/MsgId")
    refused = refused or check_agents(header, find(body, "CdtTrfTxInf"))
    return refused or _check_class(find(body, "CdtTrfTxInf"))


def _check_class(transaction: Fields) -> Refused | None:
    """The class stands in SvcLvl only beside a word about verification, which takes its place."""
    if not optional_text(transaction, "PmtTpInf/SvcLvl/Prtry"):
        return None
    if optional_text(transaction, "PmtTpInf/LclInstrm/Prtry") in _VERIFICATIONS:
        return None
    return Refused(
        PaymentRefusal.NOT_VALID, "The class is said twice, in LclInstrm and in SvcLvl.",
        "/Envelope/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/PmtTpInf/SvcLvl",
    )


def read_transfer(body: Fields) -> CreditTransfer:
    """Read a valid FIToFICstmrCdtTrf."""
    transaction = find(body, "CdtTrfTxInf")
    stated = optional_text(transaction, "PmtTpInf/LclInstrm/Prtry")
    verification = _VERIFICATIONS.get(stated, msgspec.UNSET)
    if verification is not msgspec.UNSET:
        stated = optional_text(transaction, "PmtTpInf/SvcLvl/Prtry")
    return CreditTransfer(
        settlement_date=date.fromisoformat(text_of(body, "GrpHdr/IntrBkSttlmDt")),
        end_to_end_id=text_of(transaction, "PmtId/EndToEndId"),
        transaction_id=text_of(transaction, "PmtId/TxId"),
        uetr=text_of(transaction, "PmtId/UETR"),
        amount=amount_of(transaction, "IntrBkSttlmAmt"),
        debtor=party_of(transaction, "Dbtr"),
        creditor=party_of(transaction, "Cdtr"),
        proxy=proxy_of(find(transaction, "CdtrAcct")),
        remittance=optional_text(transaction, "RmtInf/Ustrd"),
        service_class=cast(ServiceClass, stated or "C1"),
        request_id=optional_text(transaction, "RltdRmtInf/RmtId"),
        payee_verification=verification,
    )


def write_transfer(header: Header, transfer: CreditTransfer) -> Node:
    """Write a FIToFICstmrCdtTrf."""
    assert transfer.amount.amount_minor > 0, "a credit transfer moves money"
    transaction: list[Node] = [
        ("PmtId", [
            ("EndToEndId", transfer.end_to_end_id),
            ("TxId", transfer.transaction_id),
            ("UETR", transfer.uetr),
        ]),
        ("PmtTpInf", _payment_type(transfer)),
        ("IntrBkSttlmAmt", transfer.amount),
        ("ChrgBr", "SLEV"),
        *agents(header),
        ("Dbtr", [("Nm", transfer.debtor.name)]),
        ("DbtrAcct", account(transfer.debtor.account)),
        ("DbtrAgt", institution(transfer.debtor.member)),
        ("CdtrAgt", institution(transfer.creditor.member)),
        ("Cdtr", [("Nm", transfer.creditor.name)]),
        ("CdtrAcct", account(transfer.creditor.account, transfer.proxy)),
    ]
    if transfer.request_id:
        transaction.append(("RltdRmtInf", [("RmtId", transfer.request_id)]))
    if transfer.remittance:
        transaction.append(("RmtInf", [("Ustrd", transfer.remittance)]))
    group = settlement_header(header, transfer.settlement_date)
    return "FIToFICstmrCdtTrf", [("GrpHdr", group), ("CdtTrfTxInf", transaction)]


def _payment_type(transfer: CreditTransfer) -> list[Node]:
    verification = transfer.payee_verification
    if verification is msgspec.UNSET:
        return [("LclInstrm", [("Prtry", transfer.service_class)])]
    return [
        ("SvcLvl", [("Prtry", transfer.service_class)]),
        ("LclInstrm", [("Prtry", _VERIFICATION_WORDS[verification])]),
    ]


def settlement_header(header: Header, settlement_date: date) -> list[Node]:
    """Write the group header of a message that moves money: one transaction, settled by us."""
    return [
        ("MsgId", header.message_id),
        ("CreDtTm", instant_text(header.created_at)),
        ("NbOfTxs", "1"),
        ("IntrBkSttlmDt", settlement_date.isoformat()),
        ("SttlmInf", [("SttlmMtd", "CLRG"), ("ClrSys", [("Prtry", CLEARING_SYSTEM)])]),
    ]

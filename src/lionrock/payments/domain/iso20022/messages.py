"""The messages as values: what they say, without XML.

Source: ISO 20022 pacs.008.001.08, pacs.002.001.10, pacs.028.001.03, admi.002.001.01 and
head.001.001.02, each in our narrower usage (payments/schemas). Invariants: instants are aware;
amounts are positive; the header's members are the document's instructing and instructed agents.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from lionrock.kernel.money import Money

ENVELOPE_NAMESPACE = "urn:lionrock:payments:envelope:1"
ISO_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
HEADER_DEFINITION = "head.001.001.02"
CLEARING_SYSTEM = "LIONROCK"
# Where a message is addressed by proxy, the account identification that the schema demands.
ACCOUNT_NOT_PROVIDED = "NOTPROVIDED"

Status = Literal["ACCC", "ACSC", "ACSP", "PDNG", "RJCT"]
ACCEPTED_STATUSES: frozenset[Status] = frozenset({"ACCC", "ACSC"})
ProxyKind = Literal["mobile", "email"]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Business application header; members are clearing codes, `message_id` at most 35 long."""

    from_member: str
    to_member: str
    message_id: str
    created_at: datetime


class PartyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A debtor or creditor: name, account number, and the clearing code of the bank."""

    name: str
    account: str
    member: str


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """An address that stands for an account, in normal form."""

    kind: ProxyKind
    value: str


class CreditTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """pacs.008: pay this amount from the debtor to the creditor."""

    settlement_date: date
    end_to_end_id: str
    transaction_id: str
    uetr: str
    amount: Money
    debtor: PartyAccount
    creditor: PartyAccount
    proxy: Proxy | None = None
    remittance: str = ""


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


class MessageReject(msgspec.Struct, frozen=True, kw_only=True):
    """admi.002: your message was refused unread; `reason` is a stable code of ours."""

    related_reference: str
    reason: str
    rejected_at: datetime
    description: str
    location: str = ""


Document = CreditTransfer | StatusReport | StatusRequest | MessageReject

_DEFINITIONS: dict[type, str] = {
    CreditTransfer: "pacs.008.001.08",
    StatusReport: "pacs.002.001.10",
    StatusRequest: "pacs.028.001.03",
    MessageReject: "admi.002.001.01",
}


class Envelope(msgspec.Struct, frozen=True):
    """One HTTP body: header and document."""

    header: Header
    document: Document


def definition_of(document: Document) -> str:
    """Return the ISO 20022 message definition identifier, such as "pacs.008.001.08"."""
    return _DEFINITIONS[type(document)]


def namespace_of(definition: str) -> str:
    """Return the XML namespace of a message definition."""
    return ISO_NAMESPACE + definition

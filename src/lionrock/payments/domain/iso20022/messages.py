"""What messages of every family share: the header, parties, proxies, and the names of XML.

Each family of definitions is a module beside this one (transfers, reports, rejects, ...), and
`definitions` is the one table of them. Source: ISO 20022 head.001.001.02 in our narrower usage
(payments/schemas). Invariants: instants are aware; amounts are positive; the header's members are
the document's instructing and instructed agents.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

ENVELOPE_NAMESPACE = "urn:lionrock:payments:envelope:1"
ISO_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
HEADER_DEFINITION = "head.001.001.02"
CLEARING_SYSTEM = "LIONROCK"
# Where a message is addressed by proxy, the account identification that the schema demands.
ACCOUNT_NOT_PROVIDED = "NOTPROVIDED"

ProxyKind = Literal["mobile", "email", "fps_id"]


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


def namespace_of(definition: str) -> str:
    """Return the XML namespace of a message definition."""
    return ISO_NAMESPACE + definition

"""What every part of the payments service shares: the kernel, the lower floors, the vault.

`Receipts` is what payments needs of evidence: one cheap write in the caller's transaction.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

from lxml import etree

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.ledger.api import Ledger
from lionrock.payments.domain.payments import Subject
from lionrock.payments.sealing import Vault


class Receipts(Protocol):
    """Records that something happened (evidence.api.Evidence)."""

    async def record(
        self,
        db: Connection,
        kind: str,
        issuer: str,
        references: dict[str, str],
        digests: dict[str, str],
        about: str = "",
    ) -> str:
        """Record a receipt in the caller's transaction; returns its id."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Core:
    """Shared parts, built once per process."""

    kernel: Kernel
    vault: Vault
    schema: etree.XMLSchema
    directory: Directory
    ledger: Ledger
    receipts: Receipts

    async def record(
        self, db: Connection, kind: str, subject: Subject, digests: dict[str, str]
    ) -> None:
        """Leave a receipt about a payment or another subject, under the ids that it is known by."""
        await self.receipts.record(db, kind, PLATFORM_ORGANISATION, subject.references, digests)

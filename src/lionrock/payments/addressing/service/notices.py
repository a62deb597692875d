"""What participants are told: a feed for each, beside the events that other pillars hear.

Not for: deciding anything. Notices hold the proxy in full for those who registered or claim it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lionrock.directory.api import PLATFORM_ORGANISATION
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.payments.addressing.domain.claims import Claim
from lionrock.payments.addressing.domain.kinds import Address
from lionrock.payments.addressing.store import notices
from lionrock.payments.addressing.store.notices import Notice, NoticeContent
from lionrock.payments.sealing import Vault

CLAIM_TOPIC = "payments.proxy_claim_changed"


class Receipts(Protocol):
    """Records that something happened (evidence.api.Evidence)."""

    async def record(
        self, db: Connection, kind: str, issuer: str, references: dict[str, str],
        digests: dict[str, str], about: str = "",
    ) -> str:
        """Record a receipt in the caller's transaction; returns its id."""
        ...


class Notices:
    """Writes and reads the feeds."""

    def __init__(self, kernel: Kernel, vault: Vault, receipts: Receipts) -> None:
        self._kernel = kernel
        self._vault = vault
        self._receipts = receipts

    async def replaced(
        self, db: Connection, loser_id: str, address: Address, currencies: Sequence[str]
    ) -> None:
        """Tell a participant that another one has a proxy now that was its customer's."""
        content = NoticeContent(
            kind=address.kind, value=address.value, currencies=tuple(currencies)
        )
        await notices.add_notice(
            db, self._vault, loser_id, topic="proxy_replaced", reference="", content=content,
            recorded_at=self._kernel.business_clock.now(),
        )

    async def claim_changed(self, db: Connection, claim: Claim, *told: str) -> None:
        """Tell parties of a claim what it has come to, and leave an event and a receipt."""
        content = NoticeContent(
            kind=claim.proxy_kind, value=claim.target.proxy, currencies=claim.currencies,
            state=claim.state, reason=claim.reason,
        )
        for organisation_id in sorted(told):
            await notices.add_notice(
                db, self._vault, organisation_id, topic=f"claim_{claim.state}",
                reference=claim.id, content=content,
                recorded_at=self._kernel.business_clock.now(),
            )
        await outbox.emit(db, self._kernel.ids, CLAIM_TOPIC, {
            "claim_id": claim.id, "kind": claim.kind, "state": claim.state,
            "reason": claim.reason, "donor": claim.donor_id, "claimer": claim.claimer_id,
        })
        await self._receipts.record(
            db, f"payments.proxy_claim_{claim.state}", PLATFORM_ORGANISATION,
            {"claim_id": claim.id, "donor": claim.donor_id, "claimer": claim.claimer_id}, {},
        )

    async def list(self, db: Connection, organisation_id: str, after: int) -> list[Notice]:
        """Return a participant's own notices after a number, at most 100."""
        return await notices.list_notices(db, self._vault, organisation_id, after)

"""How a consent ends or rests: revoked, paused, resumed, expired; and when that is in force.

Every function works in the caller's transaction with the consent's row locked. Order of a
revocation (or pause) and a fetch: whichever holds the row first. A lease granted before is
remembered, so the acknowledgement waits for it; an outcome saved after finds the consent closed
and is thrown away (fetches.py).

Source: the lease protocol (domain/leases.py); CDR arrangements (revocation from both members'
sides), ReBIT (PAUSED), restated.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.leases import LEASE_MS_MAX, wait_for_leases_ms
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.records import Consent
from lionrock.exchange.service.chain import Chain
from lionrock.exchange.service.standing import Standing
from lionrock.identity.api import Identity
from lionrock.kernel import jobs, outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

EXPIRE_QUEUE = "exchange.expire"
ACKNOWLEDGE_QUEUE = "exchange.acknowledge"
REVOCATION_ACKNOWLEDGED_TOPIC = "exchange.revocation_acknowledged"
PAUSE_ACKNOWLEDGED_TOPIC = "exchange.pause_acknowledged"


class Lifecycle:
    """What happens to a consent after its owner's decision."""

    def __init__(
        self, kernel: Kernel, identity: Identity, chain: Chain, standing: Standing
    ) -> None:
        self._kernel = kernel
        self._identity = identity
        self._chain = chain
        self._standing = standing

    async def revoke(self, db: Connection, consent_id: str, by: str) -> Consent | Refused:
        """Revoke: no new lease and no new outcome from this transaction on.

        Acknowledged later (`acknowledge`), when all leases have run out. Revoking a revoked consent
        returns it. `by` says which side did it: "owner", "provider", "consumer" or "platform".
        """
        consent = await store.lock_consent(db, consent_id)
        if consent is None:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        if consent.status == "revoked":
            return consent
        refused = rules.check_transition(consent.status, "revoked")
        if refused is not None:
            return refused
        if consent.status == "pending":
            await self._identity.approvals.withdraw(db, consent.approval_id)
        amendment = await store.pending_amendment(db, consent.id)
        if amendment is not None:
            # Nobody is asked any more for what cannot come into force.
            await self._identity.approvals.withdraw_unless_held(db, amendment.approval_id)
        return await self._close(db, consent, "revoked", by)

    async def withdraw(
        self, db: Connection, consent_id: str, member_id: str
    ) -> Consent | Refused:
        """Revoke from a member's side; CONSENT_UNKNOWN for whoever is no party."""
        consent = await store.lock_consent(db, consent_id)
        if consent is None or member_id not in (consent.provider, consent.consumer):
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        side = "provider" if member_id == consent.provider else "consumer"
        return await self.revoke(db, consent_id, side)

    async def pause(self, db: Connection, consent_id: str) -> Consent | Refused:
        """Pause: the owner stops all fetches for now; acknowledged like a revocation.

        Pausing a paused consent returns it; TRANSITION_ILLEGAL from any other state but active.
        """
        consent = await store.lock_consent(db, consent_id)
        if consent is None:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        if consent.status == "paused":
            return consent
        refused = self._check(consent, "paused") or rules.check_revisions(consent.revision)
        return refused or await self._close(db, consent, "paused", "owner")

    async def resume(self, db: Connection, consent_id: str) -> Consent | Refused:
        """Let a paused consent open data again; the words that were agreed to are unchanged.

        Resuming an active consent returns it. MANDATE_ENDED when too few of the officers who agreed
        may still act for the company; TRANSITION_ILLEGAL when it ended meanwhile.
        """
        consent = await store.lock_consent(db, consent_id)
        if consent is None:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        # Pending and active share their next state; only a paused one can be resumed.
        now = self._kernel.business_clock.now()
        status = rules.status_at(consent.status, consent.terms, now)
        if status == "active":
            return consent
        if status != "paused":
            detail = f"a {status} consent cannot be resumed"
            return Refused(ExchangeRefusal.TRANSITION_ILLEGAL, detail)
        if await self._standing.mandates_in_force(db, consent) is None:
            return Refused(ExchangeRefusal.MANDATE_ENDED)
        return await self._chain.advance(db, consent, "active", deed="resumed")

    async def acknowledge(self, db: Connection, consent_id: str) -> int | Refused:
        """Acknowledge a revocation or pause if every lease has run out; else how long to wait, ms.

        0 means acknowledged, now or before. TRANSITION_ILLEGAL when it is neither.
        """
        consent = await store.lock_consent(db, consent_id)
        if consent is None:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        if consent.status not in ("revoked", "paused"):
            return Refused(ExchangeRefusal.TRANSITION_ILLEGAL, f"it is {consent.status}")
        if consent.acknowledged_at is not None:
            return 0
        leases = await store.list_leases(db, consent_id)
        wait_ms = wait_for_leases_ms(leases, self._kernel.wire_clock.now())
        if wait_ms > 0:
            return wait_ms
        is_revoked = consent.status == "revoked"
        topic = REVOCATION_ACKNOWLEDGED_TOPIC if is_revoked else PAUSE_ACKNOWLEDGED_TOPIC
        now = self._kernel.business_clock.now()
        await store.update_consent(db, msgspec.structs.replace(consent, acknowledged_at=now))
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        await self._chain.record(db, topic, consent, revision)
        await outbox.emit(
            db, self._kernel.ids, topic,
            {"consent_id": consent.id, "reference": consent.reference},
        )
        return 0

    async def expire(self, db: Connection, consent_id: str) -> Consent | None:
        """Note that a consent's time is over; None when it is not (yet)."""
        consent = await store.lock_consent(db, consent_id)
        if consent is None or consent.status not in ("active", "paused"):
            return None
        if self._kernel.business_clock.now() < consent.terms.expires_at:
            return None
        return await self._chain.advance(db, consent, "expired", ended_by="time")

    def _check(self, consent: Consent, after: rules.Status) -> Refused | None:
        """A consent whose time is over is closed already, whatever its timer has done."""
        now = self._kernel.business_clock.now()
        before = rules.status_at(consent.status, consent.terms, now)
        return rules.check_transition(before, after)

    async def _close(
        self, db: Connection, consent: Consent, status: rules.Status, by: str
    ) -> Consent:
        closed = await self._chain.advance(db, consent, status, ended_by=by)
        due_at = self._kernel.wire_clock.now() + timedelta(milliseconds=LEASE_MS_MAX)
        await jobs.schedule(db, queue=ACKNOWLEDGE_QUEUE, key=consent.id, due_at=due_at)
        return closed

"""Whether a consent opens data at this very instant, and what the hub tells members about it.

Everything is asked anew each time: the consent's state and end, both members' status and, for a
company, the mandates of those officers who said yes. Not for: changing a consent.

Invariants: the row is share-locked while a lease is granted, so that a revocation either sees the
lease or is seen by it; an officer who was asked but did not agree carries nothing.
"""

from __future__ import annotations

from lionrock.directory.api import Directory
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.leases import LEASE_MS_MAX, Lease, lease_length_ms, remembered_until
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.records import Consent
from lionrock.exchange.service.owners import Owners
from lionrock.identity.api import Identity
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

MANDATE_SCOPE = "exchange"


class Standing:
    """The hub's word on consents."""

    def __init__(
        self, kernel: Kernel, directory: Directory, identity: Identity, owners: Owners
    ) -> None:
        self._kernel = kernel
        self._directory = directory
        self._identity = identity
        self._owners = owners

    async def lease(
        self, db: Connection, consent_id: str, member_id: str
    ) -> StatusAnswer | Refused:
        """Answer a member's question whether a consent is active; the provider's is a lease.

        CONSENT_UNKNOWN for whoever is no party.
        """
        consent = await self.party_consent(db, consent_id, member_id)
        if isinstance(consent, Refused):
            return consent
        now = self._kernel.business_clock.now()
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        status = rules.status_at(consent.status, consent.terms, now)
        reason = await self.obstacle(db, consent) if status == "active" else ""
        lease_ms = 0
        if status == "active" and not reason and member_id == consent.provider:
            lease_ms = lease_length_ms(consent.terms.expires_at, now)
            until = remembered_until(self._kernel.wire_clock.now(), lease_ms)
            await store.save_lease(db, consent.id, Lease(holder=member_id, until=until))
        assert 0 <= lease_ms <= LEASE_MS_MAX, "a lease is bounded"
        return StatusAnswer(
            consent_id=consent.id, revision=revision.revision, artefact_sha256=revision.sha256,
            status=status, lease_ms=lease_ms, business_now=now, reason=reason,
        )  # fmt: skip

    async def tell_owner(
        self, db: Connection, consent_id: str, member_id: str
    ) -> OwnerAnswer | Refused:
        """Tell a party of an active consent who the owner is to it; the provider also by number."""
        consent = await self.party_consent(db, consent_id, member_id)
        if isinstance(consent, Refused):
            return consent
        now = self._kernel.business_clock.now()
        if rules.status_at(consent.status, consent.terms, now) != "active":
            return Refused(ExchangeRefusal.CONSENT_NOT_ACTIVE)
        return await self._owners.tell(
            db, consent, member_id, is_provider=member_id == consent.provider
        )

    async def party_consent(
        self, db: Connection, consent_id: str, member_id: str
    ) -> Consent | Refused:
        """Return a consent to one of its two members, held against change; CONSENT_UNKNOWN."""
        consent = await store.share_consent(db, consent_id)
        if consent is None or member_id not in (consent.provider, consent.consumer):
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        return consent

    async def obstacle(self, db: Connection, consent: Consent) -> str:
        """Say why an active consent cannot be used now: "", mandate_ended, member_suspended."""
        for member_id in (consent.provider, consent.consumer):
            member = await self._directory.get(db, member_id)
            if member is None or not member.is_active:
                return "member_suspended"
        return "" if await self.mandates_in_force(db, consent) is not None else "mandate_ended"

    async def mandates_in_force(self, db: Connection, consent: Consent) -> tuple[str, ...] | None:
        """The mandates behind a company's consent, None when too few of them are in force now.

        One that needs more signatures than were asked for does not count either.
        """
        if consent.owner.kind == "person":
            return ()
        found = []
        for person_id in consent.approved_by:
            mandate = await self._identity.mandate(
                db, person_id, consent.owner.id, MANDATE_SCOPE
            )
            if isinstance(mandate, Refused) or mandate.signatures_needed > consent.quorum:
                continue
            found.append(mandate.id)
        return tuple(sorted(found)) if len(found) >= consent.quorum else None

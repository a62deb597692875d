"""The exchange's use cases behind one class, as the other pillars and http.py see it."""

from __future__ import annotations

import asyncio

from lionrock.directory.api import PROGRAMME_OFFICE, Directory
from lionrock.evidence.api import Evidence, Receipt
from lionrock.exchange import store
from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.leases import LEASE_MS_MAX
from lionrock.exchange.domain.products import find_product
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.records import Consent, Fetch, Offer, Owner, Revision
from lionrock.exchange.requests import CompanyConsentRequest, ConsentRequest, Delivery
from lionrock.exchange.service.amendments import Amendments
from lionrock.exchange.service.chain import Chain
from lionrock.exchange.service.consents import Consents
from lionrock.exchange.service.fetches import Fetches
from lionrock.exchange.service.lifecycle import Lifecycle
from lionrock.exchange.service.officers import Officers
from lionrock.exchange.service.owners import Owners
from lionrock.exchange.service.standing import MANDATE_SCOPE, Standing
from lionrock.identity.api import Identity
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

ACKNOWLEDGE_TRIES_MAX = 3


class Exchange:
    """The hub, and the consumer gateway of the members that the platform hosts."""

    def __init__(
        self,
        kernel: Kernel,
        directory: Directory,
        evidence: Evidence,
        identity: Identity,
        hosted: frozenset[str] = frozenset({PROGRAMME_OFFICE}),
    ) -> None:
        self.kernel = kernel
        self.identity = identity
        self._directory = directory
        self._evidence = evidence
        self._owners = Owners(identity)
        chain = Chain(kernel, evidence, self._owners)
        self.standing = Standing(kernel, directory, identity, self._owners)
        self.lifecycle = Lifecycle(kernel, identity, chain, self.standing)
        self.consents = Consents(
            kernel, directory, identity, self._owners, chain, self.standing
        )
        self.officers = Officers(identity)
        self.amendments = Amendments(
            kernel, directory, identity, self._owners, chain, self.standing
        )
        self.fetches = Fetches(kernel, directory, evidence, self.standing, hosted)

    async def request_consent(self, db: Connection, asked: ConsentRequest) -> Consent | Refused:
        """Ask an owner for a consent; pending until its approval is decided (see Consents)."""
        return await self.consents.request(db, asked)

    async def ask_company(
        self, db: Connection, asked: CompanyConsentRequest
    ) -> Consent | Refused:
        """Ask those officers of a company whose mandates cover its data; n of m must agree.

        OWNER_UNKNOWN, OFFICERS_TOO_FEW, and whatever `request_consent` refuses.
        """
        whom = await self.officers.of_company(db, asked.business_registration_number)
        if isinstance(whom, Refused):
            return whom
        owner = Owner(kind="company", id=whom.company_id)
        return await self.request_consent(db, asked.of(owner, whom.person_ids, whom.quorum))

    async def consent(self, db: Connection, consent_id: str) -> Consent | None:
        """Return a consent, whoever owns it: for the pillars above, which know what they may."""
        return await store.load_consent(db, consent_id)

    async def held_consent(self, db: Connection, consent_id: str) -> Consent | None:
        """Return a consent that nobody can change until the caller's transaction ends."""
        return await store.share_consent(db, consent_id)

    async def owners_consent(
        self, db: Connection, owner: Owner, consent_id: str
    ) -> Consent | Refused:
        """Return an owner's consent; CONSENT_UNKNOWN also for another owner's."""
        found = await store.owners_consent(db, owner, consent_id)
        return found or Refused(ExchangeRefusal.CONSENT_UNKNOWN)

    async def check_mandate(
        self, db: Connection, person_id: str, company_id: str
    ) -> Refused | None:
        """Refuse whoever acts for a company, but not in matters of its data; MANDATE_MISSING.

        For every door to a company's consents and to what they bring.
        """
        mandate = await self.identity.mandate(db, person_id, company_id, MANDATE_SCOPE)
        return Refused(ExchangeRefusal.MANDATE_MISSING) if isinstance(mandate, Refused) else None

    async def owners_consents(self, db: Connection, owner: Owner) -> list[Consent]:
        """Return an owner's consents, newest first."""
        return await store.owners_consents(db, owner)

    async def revisions(self, db: Connection, consent_id: str) -> list[Revision]:
        """Return the chain of signed revisions, first one first."""
        return await store.list_revisions(db, consent_id)

    async def latest_revision(self, db: Connection, consent: Consent) -> Revision:
        """Return the signed revision that a consent's present state is."""
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        return revision

    async def uses(self, db: Connection, consent_id: str) -> list[Fetch]:
        """Return what hosted consumers fetched under a consent, newest first."""
        return await store.fetches_of_consent(db, consent_id)

    async def fetch(self, consent_id: str, reference: str = "first") -> Delivery | Refused:
        """Fetch what a consent opens, in three beats; the same reference gives the same delivery.

        Opens its own transactions: call it outside of any.
        """
        return await self.fetches.fetch(consent_id, reference)

    async def revoke(self, db: Connection, consent_id: str, by: str = "owner") -> Consent | Refused:
        """Revoke in the caller's transaction; a job acknowledges once all leases have run out."""
        return await self.lifecycle.revoke(db, consent_id, by)

    async def withdraw(
        self, db: Connection, consent_id: str, member_id: str
    ) -> Consent | Refused:
        """Revoke from the provider's or the consumer's side; CONSENT_UNKNOWN to others."""
        return await self.lifecycle.withdraw(db, consent_id, member_id)

    async def pause(self, db: Connection, consent_id: str) -> Consent | Refused:
        """Stop all fetches under a consent for now (see Lifecycle.pause)."""
        return await self.lifecycle.pause(db, consent_id)

    async def resume(self, db: Connection, consent_id: str) -> Consent | Refused:
        """Let a paused consent open data again (see Lifecycle.resume)."""
        return await self.lifecycle.resume(db, consent_id)

    async def party_consent(
        self, db: Connection, consent_id: str, member_id: str
    ) -> Consent | Refused:
        """Return a consent to one of its two members; CONSENT_UNKNOWN to others."""
        return await self.standing.party_consent(db, consent_id, member_id)

    async def receipts(self, db: Connection, consent_id: str) -> list[Receipt]:
        """Return every receipt about a consent, of all issuers, oldest first."""
        return await self._evidence.receipts_about(db, {"consent_id": consent_id})

    async def wait_for_acknowledgement(self, consent_id: str) -> bool:
        """After a committed revocation or pause, wait (about LEASE_MS_MAX) for the acknowledgement.

        Call it outside of any transaction. False leaves it to the job.
        """
        for _ in range(ACKNOWLEDGE_TRIES_MAX):
            wait_ms = await self.kernel.database.run(
                lambda db: self.lifecycle.acknowledge(db, consent_id)
            )
            if isinstance(wait_ms, Refused):
                return False
            if wait_ms == 0:
                return True
            await asyncio.sleep(min(wait_ms, LEASE_MS_MAX) / 1000)
        return False

    async def lease(
        self, db: Connection, consent_id: str, member_id: str
    ) -> StatusAnswer | Refused:
        """Answer a member's question about a consent (see Standing.lease)."""
        return await self.standing.lease(db, consent_id, member_id)

    async def tell_owner(
        self, db: Connection, consent_id: str, member_id: str
    ) -> OwnerAnswer | Refused:
        """Tell a party of an active consent who the owner is to it."""
        return await self.standing.tell_owner(db, consent_id, member_id)

    async def register_offer(
        self, db: Connection, provider: str, product: str, version: int = 1
    ) -> Offer | Refused:
        """Note in the catalogue that a member offers a product; again is harmless."""
        if await self._directory.get(db, provider) is None:
            return Refused(ExchangeRefusal.MEMBER_UNKNOWN, provider[:60], field="provider")
        found = find_product(product, version)
        if isinstance(found, Refused):
            return found
        offer = Offer(provider=provider, product=product, product_version=version)
        await store.save_offer(db, offer, self.kernel.business_clock.now())
        return offer

    async def offers(self, db: Connection) -> list[Offer]:
        """Return who offers what."""
        return await store.list_offers(db)

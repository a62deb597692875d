"""Consents from request to end: ask, activate, lease, revoke, acknowledge, expire.

Every function works in the caller's transaction with the consent's row locked; one place
(`_advance`) moves a consent along the table of transitions, signs the revision, and leaves receipt
and event in the same transaction.

Order of a revocation and a fetch: whichever holds the row first. A lease granted before is
remembered, so the acknowledgement waits for it; an outcome saved after finds the consent revoked
and is thrown away (fetches.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory, organisation_key
from lionrock.evidence.api import Evidence
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.leases import (
    LEASE_MS_MAX,
    Lease,
    lease_length_ms,
    remembered_until,
    wait_for_leases_ms,
)
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.domain.words import show_terms
from lionrock.exchange.gateway.artefacts import sign_artefact
from lionrock.exchange.records import Consent, Offer, Owner, Revision
from lionrock.exchange.requests import ConsentRequest
from lionrock.exchange.service.owners import Owners
from lionrock.identity.api import ApprovalRequest, Identity
from lionrock.kernel import jobs, outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Language

TEMPLATE = "exchange.consent"
APPROVAL_KIND = "exchange.consent"
ARTEFACT_MEDIA_TYPE = "application/consent+jwt"
MANDATE_SCOPE = "exchange"
EXPIRE_QUEUE = "exchange.expire"
ACKNOWLEDGE_QUEUE = "exchange.acknowledge"
ACKNOWLEDGED_TOPIC = "exchange.revocation_acknowledged"


class Consents:
    """The consent artefact's life at the hub."""

    def __init__(
        self,
        kernel: Kernel,
        directory: Directory,
        evidence: Evidence,
        identity: Identity,
        owners: Owners,
    ) -> None:
        self._kernel = kernel
        self._directory = directory
        self._evidence = evidence
        self._identity = identity
        self._owners = owners

    async def request(self, db: Connection, asked: ConsentRequest) -> Consent | Refused:
        """Ask for a consent: check the terms, show them to the persons, keep it as pending.

        Refused: any rule of `decide_terms`, unknown or suspended members, a product not offered, an
        owner not known, or an approval that identity refuses (mandate, too many pending).
        """
        before = await store.consent_of_reference(db, asked.consumer, asked.reference)
        if before is not None:
            return self._same_or_refused(before, asked)
        terms = rules.decide_terms(asked.wish(), self._kernel.business_clock.now())
        if isinstance(terms, Refused):
            return terms
        names = await self._check_members(db, asked)
        if isinstance(names, Refused):
            return names
        owner_name = await self._owners.name(db, asked.owner, asked.language)
        if isinstance(owner_name, Refused):
            return owner_name
        consent_id = self._kernel.ids.new("cns")
        shown_terms = show_terms(
            terms, provider_name=names[0], consumer_name=names[1], language=asked.language
        )
        approval = await self._identity.request_approval(
            db,
            ApprovalRequest(
                kind=APPROVAL_KIND, person_ids=asked.person_ids,
                company_id=asked.owner.id if asked.owner.kind == "company" else None,
                scope=MANDATE_SCOPE if asked.owner.kind == "company" else None,
                template=TEMPLATE, fields=shown_terms | {"owner": owner_name},
                language=asked.language, requester_org=asked.consumer, reference=consent_id,
                quorum=asked.quorum, number_match=asked.number_match,
                expires_in_s=asked.approval_expires_in_s,
            ),
        )  # fmt: skip
        if isinstance(approval, Refused):
            return Refused(ExchangeRefusal.APPROVAL_REFUSED, approval.refusal.value)
        # From here the request must be saved.
        consent = Consent(
            id=consent_id, owner=asked.owner, granted_by=asked.person_ids, quorum=asked.quorum,
            provider=asked.provider, consumer=asked.consumer, terms=terms,
            shown=rules.Shown(
                approval_id=approval.id, language=cast(Language, approval.shown.language),
                words_sha256=approval.words_hash, mandate=None,
            ),
            approval_id=approval.id, words=approval.words, reference=asked.reference,
            status="pending", revision=1, requested_at=terms.starts_at, changed_at=terms.starts_at,
        )  # fmt: skip
        if not await store.insert_consent(db, consent):
            return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "it is being asked for just now")
        await self._sign(db, consent, predecessor=None)
        return consent

    async def decide(self, db: Connection, approval_id: str) -> Consent | None:
        """Carry an approval's decision over to its consent; again is harmless.

        The decision is read from identity, not from the event, so that a false event changes
        nothing. None when the approval is no consent's.
        """
        consent_id = await store.consent_of_approval(db, approval_id)
        if consent_id is None:
            return None
        consent = await store.lock_consent(db, consent_id)
        assert consent is not None, "consents are never deleted"
        approval = await self._identity.approval(db, approval_id)
        assert not isinstance(approval, Refused), "identity keeps its approvals"
        if consent.status != "pending" or approval.state == "pending":
            return consent
        if approval.state == "expired":
            return await self._advance(db, consent, "expired", ended_by="time")
        if approval.state == "rejected":
            return await self._advance(db, consent, "rejected", ended_by="owner")
        if self._kernel.business_clock.now() >= consent.terms.expires_at:
            return await self._advance(db, consent, "expired", ended_by="time")
        mandates = await self._mandates_in_force(db, consent)
        if mandates is None:
            return await self._advance(db, consent, "rejected", ended_by="mandate_ended")
        await jobs.schedule(
            db, queue=EXPIRE_QUEUE, key=consent.id, business_due_at=consent.terms.expires_at
        )
        commitment = rules.commit_mandate(consent.id, "\x1f".join(mandates)) if mandates else None
        shown = msgspec.structs.replace(consent.shown, mandate=commitment)
        return await self._advance(db, msgspec.structs.replace(consent, shown=shown), "active")

    async def lease(
        self, db: Connection, consent_id: str, member_id: str
    ) -> StatusAnswer | Refused:
        """Answer a member's question whether a consent is active; the provider's is a lease.

        CONSENT_UNKNOWN for whoever is no party. The row is share-locked: a revocation either sees
        this lease or is seen by it.
        """
        consent = await store.share_consent(db, consent_id)
        if consent is None or member_id not in (consent.provider, consent.consumer):
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
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

    async def obstacle(self, db: Connection, consent: Consent) -> str:
        """Say why an active consent cannot be used now: "", mandate_ended, member_suspended."""
        for member_id in (consent.provider, consent.consumer):
            member = await self._directory.get(db, member_id)
            if member is None or not member.is_active:
                return "member_suspended"
        return "" if await self._mandates_in_force(db, consent) is not None else "mandate_ended"

    async def tell_owner(
        self, db: Connection, consent_id: str, member_id: str
    ) -> OwnerAnswer | Refused:
        """Tell a party of an active consent who the owner is to it; the provider also by number."""
        consent = await store.share_consent(db, consent_id)
        if consent is None or member_id not in (consent.provider, consent.consumer):
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        now = self._kernel.business_clock.now()
        if rules.status_at(consent.status, consent.terms, now) != "active":
            return Refused(ExchangeRefusal.CONSENT_NOT_ACTIVE)
        return await self._owners.tell(
            db, consent, member_id, is_provider=member_id == consent.provider
        )

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
        revoked = await self._advance(db, consent, "revoked", ended_by=by)
        due_at = self._kernel.wire_clock.now() + timedelta(milliseconds=LEASE_MS_MAX)
        await jobs.schedule(db, queue=ACKNOWLEDGE_QUEUE, key=consent.id, due_at=due_at)
        return revoked

    async def acknowledge(self, db: Connection, consent_id: str) -> int | Refused:
        """Acknowledge a revocation if every lease has run out; else return how long to wait, in ms.

        0 means acknowledged, now or before. TRANSITION_ILLEGAL when it is not revoked.
        """
        consent = await store.lock_consent(db, consent_id)
        if consent is None:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        if consent.status != "revoked":
            return Refused(ExchangeRefusal.TRANSITION_ILLEGAL, f"it is {consent.status}")
        if consent.acknowledged_at is not None:
            return 0
        leases = await store.list_leases(db, consent_id)
        wait_ms = wait_for_leases_ms(leases, self._kernel.wire_clock.now())
        if wait_ms > 0:
            return wait_ms
        now = self._kernel.business_clock.now()
        await store.update_consent(db, msgspec.structs.replace(consent, acknowledged_at=now))
        revision = await store.load_revision(db, consent.id, consent.revision)
        assert revision is not None, "every state of a consent has its revision"
        await self._record(db, ACKNOWLEDGED_TOPIC, consent, revision)
        await outbox.emit(
            db, self._kernel.ids, ACKNOWLEDGED_TOPIC,
            {"consent_id": consent.id, "reference": consent.reference},
        )
        return 0

    async def expire(self, db: Connection, consent_id: str) -> Consent | None:
        """Note that an active consent's time is over; None when it is not (yet)."""
        consent = await store.lock_consent(db, consent_id)
        if consent is None or consent.status != "active":
            return None
        if self._kernel.business_clock.now() < consent.terms.expires_at:
            return None
        return await self._advance(db, consent, "expired", ended_by="time")

    async def _check_members(
        self, db: Connection, asked: ConsentRequest
    ) -> tuple[str, str] | Refused:
        """Both members are active and the provider offers the product; returns their names."""
        if asked.provider == asked.consumer:
            return Refused(ExchangeRefusal.PARTIES_SAME)
        names = []
        for field, member_id in (("provider", asked.provider), ("consumer", asked.consumer)):
            member = await self._directory.get(db, member_id)
            if member is None or not member.is_active:
                return Refused(ExchangeRefusal.MEMBER_UNKNOWN, member_id[:60], field=field)
            names.append(member.name(asked.language))
        offer = Offer(
            provider=asked.provider, product=asked.product, product_version=asked.product_version
        )
        if not await store.has_offer(db, offer):
            return Refused(ExchangeRefusal.PRODUCT_NOT_OFFERED, asked.product, field="product")
        return names[0], names[1]

    def _same_or_refused(self, before: Consent, asked: ConsentRequest) -> Consent | Refused:
        """A reference used again names the same deed or is refused."""
        terms = before.terms
        is_same = (
            before.owner == asked.owner
            and before.provider == asked.provider
            and (terms.product, terms.product_version) == (asked.product, asked.product_version)
            and set(terms.fields) == set(asked.fields)
            and terms.purpose == asked.purpose
        )
        if is_same:
            return before
        return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "with other terms", field="reference")

    async def _mandates_in_force(self, db: Connection, consent: Consent) -> tuple[str, ...] | None:
        """The mandates behind a company's consent, None when too few of them are in force now."""
        if consent.owner.kind == "person":
            return ()
        found = []
        for person_id in consent.granted_by:
            mandate = await self._identity.mandate(
                db, person_id, consent.owner.id, MANDATE_SCOPE
            )
            if not isinstance(mandate, Refused):
                found.append(mandate.id)
        return tuple(sorted(found)) if len(found) >= consent.quorum else None

    async def _advance(
        self, db: Connection, consent: Consent, status: rules.Status, ended_by: str | None = None
    ) -> Consent:
        """Move a locked consent along the table: sign the revision, save, record, announce."""
        refused = rules.check_transition(consent.status, status)
        assert refused is None, "callers check the transition before"
        assert consent.revision >= 1, "a consent is born with its first revision"
        before = await store.load_revision(db, consent.id, consent.revision)
        assert before is not None, "every state of a consent has its revision"
        moved = msgspec.structs.replace(
            consent, status=status, revision=consent.revision + 1, ended_by=ended_by,
            changed_at=self._kernel.business_clock.now(),
        )  # fmt: skip
        await store.update_consent(db, moved)
        await self._sign(db, moved, predecessor=before.sha256)
        await outbox.emit(
            db, self._kernel.ids, f"exchange.consent_{status}",
            {
                "consent_id": moved.id, "reference": moved.reference,
                "consumer": moved.consumer, "provider": moved.provider,
            },
        )  # fmt: skip
        return moved

    async def _sign(self, db: Connection, consent: Consent, predecessor: str | None) -> None:
        """Sign and append the revision that the consent's present state is."""
        owner: Owner = consent.owner
        to_provider, to_consumer = (
            rules.commit_owner(consent.id, member, self._owners.pseudonym(owner, member))
            for member in (consent.provider, consent.consumer)
        )
        artefact = rules.Artefact(
            iss=PLATFORM_ORGANISATION, iat=self._kernel.wire_clock.now_s(), jti=consent.id,
            revision=consent.revision, predecessor=predecessor, status=consent.status,
            at=consent.changed_at,
            parties=rules.Parties(provider=consent.provider, consumer=consent.consumer),
            owner=rules.OwnerCommitment(
                kind=owner.kind, to_provider=to_provider, to_consumer=to_consumer
            ),
            terms=consent.terms, shown=consent.shown,
        )  # fmt: skip
        signed = sign_artefact(organisation_key(self._kernel, PLATFORM_ORGANISATION), artefact)
        revision = Revision(
            consent_id=consent.id, revision=consent.revision, status=consent.status,
            at=consent.changed_at, artefact=signed, sha256=rules.sha256_hex(signed),
            predecessor=predecessor,
        )  # fmt: skip
        await store.insert_revision(db, revision)
        # Kept for evidence bundles, found there by the digest that the receipt states.
        await self._evidence.keep(db, signed.encode("ascii"), ARTEFACT_MEDIA_TYPE)
        await self._record(db, f"exchange.consent_{consent.status}", consent, revision)

    async def _record(
        self, db: Connection, kind: str, consent: Consent, revision: Revision
    ) -> None:
        digests = {"consent": revision.sha256, "words": consent.shown.words_sha256}
        if revision.predecessor is not None:
            digests["predecessor"] = revision.predecessor
        await self._evidence.record(
            db,
            kind=kind,
            issuer=PLATFORM_ORGANISATION,
            references={
                "consent_id": consent.id, "approval_id": consent.approval_id,
                "provider": consent.provider, "consumer": consent.consumer,
            },
            digests=digests,
        )  # fmt: skip

"""The chain of a consent's revisions: the one place that moves a consent and signs what it is then.

Every step along the table of transitions, and every amendment, is one signed revision that names
the one before by SHA-256; its receipt and event are written in the same transaction. Not for:
deciding whether the step may be taken (consents.py, lifecycle.py, amendments.py).

Source: GovStack Consent (Revision.predecessorHash), RFC 7515.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, organisation_key
from lionrock.evidence.api import Evidence
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.gateway.artefacts import sign_artefact
from lionrock.exchange.records import Consent, Owner, Revision
from lionrock.exchange.service.owners import Owners
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection

ARTEFACT_MEDIA_TYPE = "application/consent+jwt"
# What a revision came of; a consent may become active for the first time or again.
Deed = Literal[
    "pending", "active", "paused", "resumed", "amended", "revoked", "expired", "rejected"
]


class Chain:
    """Signs revisions; the consent's row is locked by the caller."""

    def __init__(self, kernel: Kernel, evidence: Evidence, owners: Owners) -> None:
        self._kernel = kernel
        self._evidence = evidence
        self._owners = owners

    async def begin(self, db: Connection, consent: Consent) -> None:
        """Sign the first revision of a consent that was just inserted."""
        assert consent.revision == 1, "a chain begins with its first revision"
        await self._sign(db, consent, predecessor=None, deed="pending")

    async def advance(
        self, db: Connection, consent: Consent, status: rules.Status,
        ended_by: str | None = None, deed: Deed | None = None,
    ) -> Consent:  # fmt: skip
        """Move a locked consent along the table: sign the revision, save, record, announce."""
        assert rules.check_transition(consent.status, status) is None, "callers check it before"
        return await self._append(db, consent, status, ended_by, deed or status)

    async def amend(self, db: Connection, consent: Consent) -> Consent:
        """Sign the next revision of a locked consent whose terms changed and whose state did not.

        What was acknowledged of a pause stays acknowledged: no lease was granted since.
        """
        assert consent.status in rules.AMENDABLE, "callers check it before"
        return await self._append(db, consent, consent.status, None, "amended")

    async def record(
        self, db: Connection, kind: str, consent: Consent, revision: Revision
    ) -> None:
        """Leave the platform's receipt of something that happened to a revision."""
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

    async def _append(
        self, db: Connection, consent: Consent, status: rules.Status, ended_by: str | None,
        deed: Deed,
    ) -> Consent:  # fmt: skip
        assert consent.revision >= 1, "a consent is born with its first revision"
        before = await store.load_revision(db, consent.id, consent.revision)
        assert before is not None, "every state of a consent has its revision"
        moved = msgspec.structs.replace(
            consent, status=status, revision=consent.revision + 1, ended_by=ended_by,
            changed_at=self._kernel.business_clock.now(),
            acknowledged_at=consent.acknowledged_at if deed == "amended" else None,
        )  # fmt: skip
        await store.update_consent(db, moved)
        await self._sign(db, moved, predecessor=before.sha256, deed=deed)
        await outbox.emit(
            db, self._kernel.ids, f"exchange.consent_{deed}",
            {
                "consent_id": moved.id, "reference": moved.reference,
                "consumer": moved.consumer, "provider": moved.provider,
            },
        )  # fmt: skip
        return moved

    async def _sign(
        self, db: Connection, consent: Consent, *, predecessor: str | None, deed: Deed
    ) -> None:
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
        await self.record(db, f"exchange.consent_{deed}", consent, revision)

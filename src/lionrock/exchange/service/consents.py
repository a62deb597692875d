"""Consents from request to the owner's decision: check the terms, ask on the phone, carry it over.

Every function works in the caller's transaction. Not for: what happens to a consent afterwards
(lifecycle.py), whether it opens data now (standing.py).
"""

from __future__ import annotations

from typing import cast

import msgspec

from lionrock.directory.api import Directory
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.domain.words import show_terms
from lionrock.exchange.records import Consent, Offer
from lionrock.exchange.requests import ConsentRequest
from lionrock.exchange.service.chain import Chain
from lionrock.exchange.service.lifecycle import EXPIRE_QUEUE
from lionrock.exchange.service.owners import Owners
from lionrock.exchange.service.standing import MANDATE_SCOPE, Standing
from lionrock.identity.api import ApprovalRequest, Identity
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Language

TEMPLATE = "exchange.consent"
APPROVAL_KIND = "exchange.consent"


class Consents:
    """Asking owners for consents."""

    def __init__(
        self,
        kernel: Kernel,
        directory: Directory,
        identity: Identity,
        owners: Owners,
        chain: Chain,
        standing: Standing,
    ) -> None:
        self._kernel = kernel
        self._directory = directory
        self._identity = identity
        self._owners = owners
        self._chain = chain
        self._standing = standing

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
                words_sha256=approval.words_hash, mandate=None, quorum=asked.quorum,
                officers=len(asked.person_ids),
            ),
            approval_id=approval.id, words=approval.words, reference=asked.reference,
            status="pending", revision=1, requested_at=terms.starts_at, changed_at=terms.starts_at,
        )  # fmt: skip
        if not await store.insert_consent(db, consent):
            return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "it is being asked for just now")
        await self._chain.begin(db, consent)
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
            return await self._chain.advance(db, consent, "expired", ended_by="time")
        if approval.state == "rejected":
            return await self._chain.advance(db, consent, "rejected", ended_by="owner")
        if self._kernel.business_clock.now() >= consent.terms.expires_at:
            return await self._chain.advance(db, consent, "expired", ended_by="time")
        answers = await self._identity.approval_answers(db, approval_id)
        agreed = tuple(each.person_id for each in answers if each.decision == "approved")
        consent = msgspec.structs.replace(consent, approved_by=agreed)
        mandates = await self._standing.mandates_in_force(db, consent)
        if mandates is None:
            return await self._chain.advance(db, consent, "rejected", ended_by="mandate_ended")
        await jobs.schedule(
            db, queue=EXPIRE_QUEUE, key=consent.id, business_due_at=consent.terms.expires_at
        )
        commitment = rules.commit_mandate(consent.id, "\x1f".join(mandates)) if mandates else None
        shown = msgspec.structs.replace(consent.shown, mandate=commitment)
        agreed_to = msgspec.structs.replace(consent, shown=shown)
        return await self._chain.advance(db, agreed_to, "active")

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
            and (terms.purpose, terms.legal_basis) == (asked.purpose, asked.legal_basis)
            and terms.frequency == asked.frequency
            and terms.retention_days == asked.retention_days
            and (terms.data_from, terms.data_until) == (asked.data_from, asked.data_until)
            and terms.jurisdiction == asked.jurisdiction
        )
        if is_same:
            return before
        return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "with other terms", field="reference")

"""Amendments: a consumer asks for other terms; agreed to, they are the consent's next revision.

Until the owner says yes, and after a no, what was agreed before stays exactly as it is. Parties,
owner, product, purpose, legal basis and jurisdiction cannot be amended: that is another consent.

Every function works in the caller's transaction with the consent's row locked, so that amendments
and the end of a consent happen one after the other. Source: GovStack Consent (Revision), Brazil's
extension of a consent, restated.
"""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from lionrock.directory.api import Directory
from lionrock.exchange import store
from lionrock.exchange.domain import consent as rules
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.domain.words import show_terms
from lionrock.exchange.records import Amendment, AmendmentState, Consent
from lionrock.exchange.requests import APPROVAL_S, AmendmentRequest
from lionrock.exchange.service.chain import Chain
from lionrock.exchange.service.lifecycle import EXPIRE_QUEUE
from lionrock.exchange.service.officers import Asked, Officers
from lionrock.exchange.service.owners import Owners
from lionrock.exchange.service.standing import MANDATE_SCOPE, Standing
from lionrock.identity.api import Approval, ApprovalRequest, Identity
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Language

TEMPLATE = "exchange.consent_amendment"
APPROVAL_KIND = "exchange.amendment"


class Amendments:
    """Asking for other terms and carrying the answer over."""

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
        self._officers = Officers(identity)
        self._chain = chain
        self._standing = standing

    async def request(self, db: Connection, asked: AmendmentRequest) -> Amendment | Refused:
        """Ask the owner for other terms of an active or paused consent; pending until answered.

        CONSENT_UNKNOWN (also to the provider: a consumer asks), TRANSITION_ILLEGAL,
        AMENDMENT_PENDING, AMENDMENT_EMPTY, REVISIONS_TOO_MANY, REQUEST_ID_REUSED,
        OFFICERS_TOO_FEW, and what `amend_terms` refuses.
        """
        consent = await store.lock_consent(db, asked.consent_id)
        if consent is None or asked.consumer != consent.consumer:
            return Refused(ExchangeRefusal.CONSENT_UNKNOWN)
        now = self._kernel.business_clock.now()
        before = await store.amendment_of_reference(db, consent.id, asked.reference)
        if before is not None:
            return _same_or_refused(before, asked)
        terms = rules.amend_terms(consent.terms, asked.change(), consent.owner.kind, now)
        if isinstance(terms, Refused):
            return terms
        refused = await self._check_amendable(db, consent, now)
        if refused is not None:
            return refused
        whom = await self._officers.of_owner(db, consent.owner)
        if isinstance(whom, Refused):
            return whom
        amendment_id = self._kernel.ids.new("amd")
        approval = await self._ask(db, consent, terms, whom, asked.language, amendment_id)
        if isinstance(approval, Refused):
            return approval
        # From here the amendment must be saved.
        amendment = Amendment(
            id=amendment_id, consent_id=consent.id, reference=asked.reference, terms=terms,
            shown=rules.Shown(
                approval_id=approval.id, language=cast(Language, approval.shown.language),
                words_sha256=approval.words_hash, mandate=None, quorum=whom.quorum,
                officers=len(whom.person_ids),
            ),
            approval_id=approval.id, words=approval.words, person_ids=whom.person_ids,
            quorum=whom.quorum, state="pending", requested_at=now,
        )  # fmt: skip
        await store.insert_amendment(db, amendment)
        return amendment

    async def decide(self, db: Connection, approval_id: str) -> Amendment | None:
        """Carry an approval's decision over to its amendment; again is harmless.

        None when the approval is no amendment's. The decision is read from identity.
        """
        found = await store.amendment_of_approval(db, approval_id)
        if found is None:
            return None
        consent = await store.lock_consent(db, found.consent_id)
        assert consent is not None, "consents are never deleted"
        # Read again under the consent's lock: two events may tell of one decision.
        amendment = await store.amendment_of_approval(db, approval_id)
        assert amendment is not None, "amendments are never deleted"
        approval = await self._identity.approval(db, approval_id)
        assert not isinstance(approval, Refused), "identity keeps its approvals"
        if amendment.state != "pending" or approval.state == "pending":
            return amendment
        state = await self._carry_over(db, consent, amendment, approval)
        ended = msgspec.structs.replace(
            amendment, state=state, ended_at=self._kernel.business_clock.now()
        )
        await store.end_amendment(db, ended)
        return ended

    async def _carry_over(
        self, db: Connection, consent: Consent, amendment: Amendment, approval: Approval
    ) -> AmendmentState:
        """Apply an approved amendment; return how it ended."""
        now = self._kernel.business_clock.now()
        if rules.status_at(consent.status, consent.terms, now) not in rules.AMENDABLE:
            return "overtaken"
        if approval.state != "approved":
            return "rejected" if approval.state == "rejected" else "expired"
        if now >= amendment.terms.expires_at:
            return "expired"
        answers = await self._identity.approval_answers(db, approval.id)
        amended = msgspec.structs.replace(
            consent, terms=amendment.terms, words=amendment.words, approval_id=approval.id,
            granted_by=amendment.person_ids, quorum=amendment.quorum,
            approved_by=tuple(each.person_id for each in answers if each.decision == "approved"),
        )  # fmt: skip
        mandates = await self._standing.mandates_in_force(db, amended)
        if mandates is None:
            return "rejected"
        commitment = rules.commit_mandate(consent.id, "\x1f".join(mandates)) if mandates else None
        shown = msgspec.structs.replace(amendment.shown, mandate=commitment)
        await self._chain.amend(db, msgspec.structs.replace(amended, shown=shown))
        await jobs.schedule(
            db, queue=EXPIRE_QUEUE, key=consent.id, business_due_at=amendment.terms.expires_at
        )
        return "applied"

    async def _check_amendable(
        self, db: Connection, consent: Consent, now: datetime.datetime
    ) -> Refused | None:
        status = rules.status_at(consent.status, consent.terms, now)
        if status not in rules.AMENDABLE:
            detail = f"a {status} consent cannot be amended"
            return Refused(ExchangeRefusal.TRANSITION_ILLEGAL, detail)
        if await store.pending_amendment(db, consent.id) is not None:
            return Refused(ExchangeRefusal.AMENDMENT_PENDING)
        return rules.check_revisions(consent.revision)

    async def _ask(
        self, db: Connection, consent: Consent, terms: rules.Terms, whom: Asked, language: str,
        amendment_id: str,
    ) -> Approval | Refused:  # fmt: skip
        names = []
        for member_id in (consent.provider, consent.consumer):
            member = await self._directory.get(db, member_id)
            if member is None or not member.is_active:
                return Refused(ExchangeRefusal.MEMBER_UNKNOWN, member_id)
            names.append(member.name(language))
        owner_name = await self._owners.name(db, consent.owner, language)
        if isinstance(owner_name, Refused):
            return owner_name
        shown = show_terms(
            terms, provider_name=names[0], consumer_name=names[1], language=language
        )
        is_company = consent.owner.kind == "company"
        approval = await self._identity.request_approval(db, ApprovalRequest(
            kind=APPROVAL_KIND, person_ids=whom.person_ids,
            company_id=consent.owner.id if is_company else None,
            scope=MANDATE_SCOPE if is_company else None, template=TEMPLATE,
            fields=shown | {"owner": owner_name}, language=language,
            requester_org=consent.consumer, reference=amendment_id, quorum=whom.quorum,
            expires_in_s=APPROVAL_S,
        ))  # fmt: skip
        if isinstance(approval, Refused):
            return Refused(ExchangeRefusal.APPROVAL_REFUSED, approval.refusal.value)
        return approval


def _same_or_refused(before: Amendment, asked: AmendmentRequest) -> Amendment | Refused:
    """A reference used again names the same change or is refused."""
    # As of then: an end counted from now would be another one each time.
    valid_for = datetime.timedelta(seconds=asked.valid_for_s or 0)
    is_same = (
        set(before.terms.fields) == set(asked.fields)
        and before.terms.frequency == asked.frequency
        and before.terms.retention_days == asked.retention_days
        and (before.terms.data_from, before.terms.data_until)
        == (asked.data_from, asked.data_until)
        and (not valid_for or before.terms.expires_at == before.requested_at + valid_for)
    )
    if is_same:
        return before
    return Refused(ExchangeRefusal.REQUEST_ID_REUSED, "with other terms", field="reference")

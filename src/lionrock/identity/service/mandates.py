"""Granting, revoking and asking for mandates, of persons and of agent firms.

Each grant and revocation leaves a receipt. A person's authority through agent firms is worked out
from the links at each question, so that a revocation anywhere in a chain bites at the next use.
Not for: who must approve a change (service/deeds.py), who is asked (service/officers.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from lionrock.identity.domain.approvals import Approval, ApprovalRequest
from lionrock.identity.domain.chains import (
    FirmMandate,
    FirmMandateDraft,
    chains,
    check_firm_delegation,
    check_firm_draft,
    through,
    would_close_a_circle,
)
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.mandates import (
    DELEGATE_SCOPE,
    LINK_SEPARATOR,
    Mandate,
    MandateDraft,
    check_delegation,
    check_draft,
    choose,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of,
)
from lionrock.identity.store import firms as firms_store
from lionrock.identity.store import mandates as store
from lionrock.identity.store import parties as parties_store
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

# Told of a revocation in the same transaction.
RevocationListener = Callable[[Connection, Mandate | FirmMandate], Awaitable[None]]


class Mandates:
    """Who may act for whom. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, evidence: ReceiptRecorder) -> None:
        self._kernel = kernel
        self._evidence = evidence
        self._on_revoked: RevocationListener | None = None

    def listen(self, listener: RevocationListener) -> None:
        """Tell a part of this pillar of revocations, in their transaction."""
        assert self._on_revoked is None, "approvals alone listen"
        self._on_revoked = listener

    async def admits(self, db: Connection, client: Client, person_id: str) -> bool:
        """Say whether a person may sign in to a client: to one under test, its officers only."""
        company_id = client.policy.test_company_id
        if company_id is None:
            return True
        found = await self.find(db, person_id, company_id, None)
        return not isinstance(found, Refused)

    async def grant(
        self, db: Connection, draft: MandateDraft, granted_by: str
    ) -> Mandate | Refused:
        """Grant a mandate on the operator's word (`granted_by` names who entered it)."""
        problem = check_draft(draft) or await self._check_live(db, draft.company_id)
        if problem is not None:
            return problem
        if await parties_store.person(db, draft.person_id) is None:
            return Refused(IdentityRefusal.PERSON_UNKNOWN, field="person_id")
        mandate = Mandate(
            id=self._kernel.ids.new("man"), person_id=draft.person_id,
            company_id=draft.company_id, role=draft.role, scopes=draft.scopes,
            valid_from=draft.valid_from, valid_to=draft.valid_to, amount_max=draft.amount_max,
            signatures_needed=draft.signatures_needed,
            granted_at=self._kernel.business_clock.now(), granted_by=granted_by,
        )  # fmt: skip
        await store.insert_mandate(db, mandate)
        await self._record(db, "identity.mandate_granted", mandate)
        return mandate

    async def grant_firm(
        self, db: Connection, draft: FirmMandateDraft, granted_by: str
    ) -> FirmMandate | Refused:
        """Let a firm act for another one; FIRM_CIRCLE when that one already acts for the firm."""
        # Held to the end: of two grants at once, the second one sees the first.
        await firms_store.lock_graph(db)
        problem = await self.check_firm(db, draft)
        if problem is not None:
            return problem
        now = self._kernel.business_clock.now()
        mandate = FirmMandate(
            id=self._kernel.ids.new("man"), holder_company_id=draft.holder_company_id,
            company_id=draft.company_id, role=draft.role, scopes=draft.scopes,
            valid_from=draft.valid_from, valid_to=draft.valid_to, amount_max=draft.amount_max,
            signatures_needed=draft.signatures_needed, granted_at=now, granted_by=granted_by,
        )  # fmt: skip
        await firms_store.insert_firm_mandate(db, mandate)
        await self._record(db, "identity.mandate_granted", mandate)
        return mandate

    async def check_firm(self, db: Connection, draft: FirmMandateDraft) -> Refused | None:
        """Say whether a firm could act for another one now: the draft, both firms, no circle."""
        problem = (
            check_firm_draft(draft)
            or await self._check_live(db, draft.company_id)
            or await self._check_live(db, draft.holder_company_id, "holder_company_id")
        )
        if problem is not None:
            return problem
        now = self._kernel.business_clock.now()
        if would_close_a_circle(draft, await firms_store.acts_for(db, draft.company_id, now)):
            return Refused(CompanyRefusal.FIRM_CIRCLE, field="holder_company_id")
        return None

    async def delegate(
        self, db: Connection, grantor_person_id: str, draft: MandateDraft
    ) -> Mandate | Refused:
        """Grant a mandate on the strength of the grantor's own, never a wider one."""
        now = self._kernel.business_clock.now()
        own = await self.find_direct(db, grantor_person_id, draft.company_id, DELEGATE_SCOPE, now)
        if isinstance(own, Refused):
            return own
        problem = check_delegation(own, draft, now)
        return problem or await self.grant(db, draft, own.id)

    async def delegate_to_firm(
        self, db: Connection, grantor_person_id: str, draft: FirmMandateDraft
    ) -> FirmMandate | Refused:
        """Engage an agent firm on the strength of the grantor's own mandate."""
        now = self._kernel.business_clock.now()
        own = await self.find_direct(db, grantor_person_id, draft.company_id, DELEGATE_SCOPE, now)
        if isinstance(own, Refused):
            return own
        problem = check_firm_delegation(own, draft, now)
        return problem or await self.grant_firm(db, draft, own.id)

    async def revoke(
        self, db: Connection, mandate_id: str, company_id: str, revoked_by: str
    ) -> Mandate | FirmMandate | Refused:
        """Revoke a company's mandate: the next use of it anywhere is refused."""
        now = self._kernel.business_clock.now()
        mandate: Mandate | FirmMandate | None = await store.revoke_mandate(
            db, mandate_id, company_id, now, revoked_by
        )
        if mandate is None:
            mandate = await firms_store.revoke_firm_mandate(
                db, mandate_id, company_id, now, revoked_by
            )
        if mandate is None:
            return Refused(IdentityRefusal.MANDATE_UNKNOWN)
        await self._record(db, "identity.mandate_revoked", mandate)
        await outbox.emit(
            db, self._kernel.ids, "identity.mandate_revoked",
            {"mandate_id": mandate.id, "company_id": mandate.company_id},
        )  # fmt: skip
        if self._on_revoked is not None:
            await self._on_revoked(db, mandate)
        return mandate

    async def find(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str | None,
        at: datetime | None = None,
        amount: Money | None = None,
    ) -> Mandate | Refused:
        """Return the mandate that entitled a person at a business instant (default: now).

        Through agent firms too. Refused: MANDATE_MISSING, MANDATE_SCOPE, MANDATE_AMOUNT; for the
        present also COMPANY_INACTIVE. Says nothing of whether one signature is enough: see
        signatures_needed.
        """
        is_now = at is None
        if at is None:
            at = self._kernel.business_clock.now()
            problem = await self._check_status(db, company_id)
            if problem is not None:
                return problem
        held = await store.mandates_between(db, person_id, company_id)
        best = choose(held, scope=scope, at=at, amount=amount)
        if not isinstance(best, Refused) and not best.is_joint:
            return best
        links = await firms_store.links_to(db, company_id)
        if not links:
            return best
        own = await store.mandates_of_person(db, person_id)
        chained = [m for m in chains(own, links, at) if m.company_id == company_id]
        if is_now:
            chained = await self._with_live_firms(db, chained)
        return choose((*held, *chained), scope=scope, at=at, amount=amount)

    async def find_direct(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str | None,
        at: datetime | None = None,
    ) -> Mandate | Refused:
        """Return a person's mandate for a company of their own: agent firms do not count."""
        held = await store.mandates_between(db, person_id, company_id)
        return choose(held, scope=scope, at=at or self._kernel.business_clock.now())

    async def by_id(self, db: Connection, mandate_id: str) -> Mandate | Refused:
        """Return one mandate of a person (or a whole chain), in force or not."""
        first, *rest = mandate_id.split(LINK_SEPARATOR)
        own = await store.mandate(db, first)
        if own is None:
            return Refused(IdentityRefusal.MANDATE_UNKNOWN)
        if not rest:
            return own
        firms = [await firms_store.firm_mandate(db, link) for link in rest]
        known = [firm for firm in firms if firm is not None]
        derived = through(own, known) if len(known) == len(rest) else None
        return derived or Refused(IdentityRefusal.MANDATE_UNKNOWN)

    async def usable(
        self, db: Connection, mandate_id: str, company_id: str
    ) -> Mandate | Refused:
        """Return a mandate that may be used now; MANDATE_MISSING, COMPANY_INACTIVE.

        The client and every firm on the way must be live, and every link in force.
        """
        mandate = await self.by_id(db, mandate_id)
        if isinstance(mandate, Refused) or mandate.company_id != company_id:
            return Refused(IdentityRefusal.MANDATE_MISSING)
        for involved in (company_id, *mandate.via):
            problem = await self._check_status(db, involved)
            if problem is not None:
                return problem
        if not mandate.is_in_force(self._kernel.business_clock.now()):
            return Refused(IdentityRefusal.MANDATE_MISSING)
        return mandate

    async def check_officers(self, db: Connection, asked: ApprovalRequest) -> Refused | None:
        """Check that each person asked may give a company's yes alone with the others asked."""
        if asked.company_id is None:
            return None
        for person_id in asked.person_ids:
            mandate = await self.find(
                db, person_id, asked.company_id, asked.scope, amount=asked.amount
            )
            if isinstance(mandate, Refused):
                return mandate
            if mandate.signatures_needed > asked.quorum:
                return Refused(
                    IdentityRefusal.APPROVAL_QUORUM,
                    f"A mandate needs {mandate.signatures_needed} signatures.", field="quorum",
                )  # fmt: skip
        return None

    async def check_officer(
        self, db: Connection, approval: Approval, person_id: str
    ) -> Refused | None:
        """Check a mandate again at use: it may have been revoked since the approval was asked."""
        if approval.company_id is None:
            return None
        found = await self.find(
            db, person_id, approval.company_id, approval.scope, amount=approval.amount
        )
        if isinstance(found, Refused):
            return found
        if found.signatures_needed > approval.quorum:
            detail = f"The mandate needs {found.signatures_needed} signatures now."
            return Refused(IdentityRefusal.APPROVAL_QUORUM, detail)
        return None

    async def of_person(self, db: Connection, person_id: str) -> list[Mandate]:
        """Return the mandates that a person holds now, those through agent firms last."""
        now = self._kernel.business_clock.now()
        held = await store.mandates_of_person(db, person_id)
        own = [mandate for mandate in held if mandate.is_in_force(now)]
        links = await firms_store.links_from(db, sorted({m.company_id for m in own}))
        if not links:
            return own
        return [*own, *await self._with_live_firms(db, chains(own, links, now))]

    async def of_company(
        self,
        db: Connection,
        company_id: str,
        scope: str | None = None,
        amount: Money | None = None,
    ) -> list[Mandate]:
        """Return the mandates held for a company now (that cover a scope, and an amount)."""
        now = self._kernel.business_clock.now()
        held = await store.mandates_of_company(db, company_id)
        return [m for m in held if m.covers(scope=scope, at=now, amount=amount)]

    async def agents_of_company(self, db: Connection, company_id: str) -> list[FirmMandate]:
        """Return the mandates that firms hold for a company now."""
        now = self._kernel.business_clock.now()
        held = await firms_store.firm_mandates_of_company(db, company_id)
        return [mandate for mandate in held if mandate.is_in_force(now)]

    async def through_agents(
        self, db: Connection, company_id: str, scope: str | None, amount: Money | None
    ) -> list[Mandate]:
        """Return what officers of agent firms may do for a company now."""
        now = self._kernel.business_clock.now()
        links = [m for m in await firms_store.links_to(db, company_id) if m.is_in_force(now)]
        own: list[Mandate] = []
        for firm_id in sorted({link.holder_company_id for link in links}):
            own.extend(await store.mandates_of_company(db, firm_id))
        able = [
            mandate for mandate in chains(own, links, now)
            if mandate.company_id == company_id
            and mandate.covers(scope=scope, at=now, amount=amount)
        ]  # fmt: skip
        return await self._with_live_firms(db, able)

    async def _with_live_firms(
        self, db: Connection, mandates: Iterable[Mandate]
    ) -> list[Mandate]:
        """Leave out what runs through a firm that is suspended or has ceased."""
        is_live: dict[str, bool] = {}
        kept: list[Mandate] = []
        for mandate in mandates:
            for firm_id in mandate.via:
                if firm_id not in is_live:
                    is_live[firm_id] = await self._check_status(db, firm_id) is None
            if all(is_live[firm_id] for firm_id in mandate.via):
                kept.append(mandate)
        return kept

    async def _check_status(self, db: Connection, company_id: str) -> Refused | None:
        company = await parties_store.company(db, company_id)
        if company is not None and company.status != "live":
            return Refused(IdentityRefusal.COMPANY_INACTIVE)
        return None

    async def _check_live(
        self, db: Connection, company_id: str, field: str = "company_id"
    ) -> Refused | None:
        company = await parties_store.company(db, company_id)
        if company is None:
            return Refused(IdentityRefusal.COMPANY_UNKNOWN, field=field)
        if company.status != "live":
            return Refused(IdentityRefusal.COMPANY_INACTIVE, field=field)
        return None

    async def _record(
        self, db: Connection, kind: str, mandate: Mandate | FirmMandate
    ) -> None:
        await self._evidence.record(
            db,
            kind=kind,
            issuer=PLATFORM_ORGANISATION,
            references={"mandate_id": mandate.id, "company_id": mandate.company_id},
            digests={"mandate": digest_of(mandate)},
            about="mandate",
        )

"""Granting, revoking and asking for mandates. Each grant and revocation leaves a receipt."""

from __future__ import annotations

from datetime import datetime

from lionrock.identity.domain.mandates import (
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
from lionrock.identity.store import mandates as store
from lionrock.identity.store import parties as parties_store
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money


class Mandates:
    """Who may act for whom. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, evidence: ReceiptRecorder) -> None:
        self._kernel = kernel
        self._evidence = evidence

    async def grant(
        self, db: Connection, draft: MandateDraft, granted_by: str
    ) -> Mandate | Refused:
        """Grant a mandate on the operator's word (`granted_by` names who entered it)."""
        problem = check_draft(draft)
        if problem is not None:
            return problem
        company = await parties_store.company(db, draft.company_id)
        if company is None:
            return Refused(IdentityRefusal.COMPANY_UNKNOWN, field="company_id")
        if company.status != "live":
            return Refused(IdentityRefusal.COMPANY_INACTIVE, field="company_id")
        if await parties_store.person(db, draft.person_id) is None:
            return Refused(IdentityRefusal.PERSON_UNKNOWN, field="person_id")
        now = self._kernel.business_clock.now()
        mandate = Mandate(
            id=self._kernel.ids.new("man"), person_id=draft.person_id,
            company_id=draft.company_id, role=draft.role, scopes=draft.scopes,
            valid_from=draft.valid_from, valid_to=draft.valid_to, amount_max=draft.amount_max,
            signatures_needed=draft.signatures_needed, granted_at=now, granted_by=granted_by,
        )  # fmt: skip
        await store.insert_mandate(db, mandate)
        await self._record(db, "identity.mandate_granted", mandate)
        return mandate

    async def delegate(
        self, db: Connection, grantor_person_id: str, draft: MandateDraft
    ) -> Mandate | Refused:
        """Grant a mandate on the strength of the grantor's own, never a wider one."""
        now = self._kernel.business_clock.now()
        own = await self.find(db, grantor_person_id, draft.company_id, "mandates.delegate", now)
        if isinstance(own, Refused):
            return own
        problem = check_delegation(own, draft, now)
        return problem or await self.grant(db, draft, own.id)

    async def revoke(
        self, db: Connection, mandate_id: str, company_id: str, revoked_by: str
    ) -> Mandate | Refused:
        """Revoke a company's mandate: the next use of it anywhere is refused."""
        now = self._kernel.business_clock.now()
        mandate = await store.revoke_mandate(db, mandate_id, company_id, now, revoked_by)
        if mandate is None:
            return Refused(IdentityRefusal.MANDATE_UNKNOWN)
        await self._record(db, "identity.mandate_revoked", mandate)
        await outbox.emit(
            db, self._kernel.ids, "identity.mandate_revoked",
            {"mandate_id": mandate.id, "company_id": mandate.company_id},
        )  # fmt: skip
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

        Refused: MANDATE_MISSING, MANDATE_SCOPE, MANDATE_AMOUNT; for the present also
        COMPANY_INACTIVE. Says nothing of whether one signature is enough: see signatures_needed.
        """
        if at is None:
            at = self._kernel.business_clock.now()
            company = await parties_store.company(db, company_id)
            if company is not None and company.status != "live":
                return Refused(IdentityRefusal.COMPANY_INACTIVE)
        held = await store.mandates_between(db, person_id, company_id)
        return choose(held, scope=scope, at=at, amount=amount)

    async def by_id(self, db: Connection, mandate_id: str) -> Mandate | Refused:
        """Return one mandate, in force or not."""
        found = await store.mandate(db, mandate_id)
        return found or Refused(IdentityRefusal.MANDATE_UNKNOWN)

    async def of_person(self, db: Connection, person_id: str) -> list[Mandate]:
        """Return the mandates that a person holds now."""
        now = self._kernel.business_clock.now()
        return [m for m in await store.mandates_of_person(db, person_id) if m.is_in_force(now)]

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

    async def _record(self, db: Connection, kind: str, mandate: Mandate) -> None:
        await self._evidence.record(
            db,
            kind=kind,
            issuer=PLATFORM_ORGANISATION,
            references={"mandate_id": mandate.id, "company_id": mandate.company_id},
            digests={"mandate": digest_of(mandate)},
            about="mandate",
        )

"""Taking a registry's word on a company: at once, once, and never an older one over a newer one.

Nobody acts for a company that is suspended or has ceased, from the transaction on in which this is
stated: every use reads the status anew. Each statement leaves a receipt.
"""

from __future__ import annotations

from datetime import datetime

from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.parties import CompanyStatus, normal_business_number
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.registry import CompanyStatement, check_statement, is_same
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of,
)
from lionrock.identity.store import parties as parties_store
from lionrock.identity.store import registry as store
from lionrock.kernel import outbox
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

STATUS_TOPIC = "identity.company_status"


class Registry:
    """Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, mandates: Mandates, evidence: ReceiptRecorder) -> None:
        self._kernel = kernel
        self._mandates = mandates
        self._evidence = evidence

    async def state(
        self,
        db: Connection,
        *,
        organisation_id: str,
        business_number: str,
        status: CompanyStatus,
        as_of: datetime,
        source: str,
        reference: str,
    ) -> CompanyStatement | Refused:
        """Take a registry's statement; the same one again returns the first.

        Refused: BUSINESS_NUMBER, COMPANY_UNKNOWN, STATUS_MALFORMED, STATUS_TIME, STATUS_REFERENCE
        (the reference was used for another statement).
        """
        number = normal_business_number(business_number)
        if isinstance(number, Refused):
            return number
        now = self._kernel.business_clock.now()
        problem = check_statement(reference, source, as_of, now)
        if problem is not None:
            return problem
        company = await parties_store.company_by_business_number(db, number)
        if company is None:
            return Refused(IdentityRefusal.COMPANY_UNKNOWN)
        await store.lock_company(db, company.id)
        newest = await store.newest_as_of(db, company.id)
        statement = CompanyStatement(
            id=self._kernel.ids.new("cst"), company_id=company.id, status=status, as_of=as_of,
            source=source, organisation_id=organisation_id, reference=reference,
            is_applied=newest is None or as_of >= newest, recorded_at=now,
        )  # fmt: skip
        if not await store.insert_statement(db, statement):
            before = await store.statement(db, organisation_id, reference)
            assert before is not None, "the reference is taken"
            return before if is_same(before, statement) else Refused(
                CompanyRefusal.STATUS_REFERENCE, field="reference"
            )
        if statement.is_applied:
            is_changed = await parties_store.set_company_status(db, company.id, status)
            assert is_changed, "the company's row is held"
            await outbox.emit(
                db, self._kernel.ids, STATUS_TOPIC, {"company_id": company.id, "status": status}
            )
        await self._evidence.record(
            db, kind=STATUS_TOPIC, issuer=PLATFORM_ORGANISATION,
            references={
                "statement_id": statement.id, "company_id": company.id,
                "registry": organisation_id,
            },
            digests={"statement": digest_of(statement)}, about=status,
        )  # fmt: skip
        return statement

    async def statements(self, db: Connection, company_id: str) -> list[CompanyStatement]:
        """Return what registries stated of a company, newest first."""
        return await store.statements(db, company_id)

    async def was_entitled(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        at: datetime,
        amount: Money | None = None,
    ) -> bool:
        """Say whether a person was entitled to a deed for a company at a business instant.

        By the mandates (through agent firms too) as they were then, and by the status of every
        company on the way as far as it was stated to us by then.
        """
        mandate = await self._mandates.find(db, person_id, company_id, scope, at, amount)
        if isinstance(mandate, Refused):
            return False
        for involved in (company_id, *mandate.via):
            if await store.applied_at(db, involved, at) not in (None, "live"):
                return False
        return True

"""Asking a company: which of its officers are asked for a deed, and how many must agree.

An officer who may act alone is asked alone. A purely joint one brings the others: all whose
mandates (also through agent firms) cover the deed. Each answer is checked again when it is given
and when the quorum is counted (service/approvals.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.identity.domain.approvals import Approval, ApprovalRequest
from lionrock.identity.domain.deeds import CompanyApprovalRequest, whom_to_ask
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.store import parties as parties_store
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money


class Officers:
    """Every function works in the caller's transaction."""

    def __init__(self, mandates: Mandates, approvals: Approvals) -> None:
        self._mandates = mandates
        self._approvals = approvals

    async def asked(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        amount: Money | None = None,
    ) -> tuple[tuple[str, ...], int] | Refused:
        """Return whom to ask (the person first) and the quorum for a deed of a scope and amount.

        MANDATE_MISSING, MANDATE_SCOPE, MANDATE_AMOUNT, COMPANY_INACTIVE, OFFICERS_TOO_FEW.
        """
        own = await self._mandates.find(db, person_id, company_id, scope, amount=amount)
        if isinstance(own, Refused):
            return own
        if not own.is_joint:
            return (person_id,), 1
        able = await self._mandates.of_company(db, company_id, scope, amount)
        able += await self._mandates.through_agents(db, company_id, scope, amount)
        return whom_to_ask(own, await self.active(db, able))

    async def request(
        self, db: Connection, asked: CompanyApprovalRequest
    ) -> Approval | Refused:
        """Ask a company's officers; refusals of `asked` and of asking for an approval."""
        whom = await self.asked(db, asked.person_id, asked.company_id, asked.scope, asked.amount)
        if isinstance(whom, Refused):
            return whom
        person_ids, quorum = whom
        return await self._approvals.request(
            db,
            ApprovalRequest(
                kind=asked.kind, person_ids=person_ids, template=asked.template,
                fields=asked.fields, language=asked.language, requester_org=asked.requester_org,
                reference=asked.reference, company_id=asked.company_id, scope=asked.scope,
                amount=asked.amount, quorum=quorum, number_match=asked.number_match,
                expires_in_s=asked.expires_in_s,
            ),
        )  # fmt: skip

    async def active(self, db: Connection, mandates: Sequence[Mandate]) -> list[Mandate]:
        """Leave out the mandates of suspended persons: they answer nothing."""
        is_active: dict[str, bool] = {}
        for mandate in mandates:
            if mandate.person_id not in is_active:
                person = await parties_store.person(db, mandate.person_id)
                is_active[mandate.person_id] = person is not None and person.status == "active"
        return [mandate for mandate in mandates if is_active[mandate.person_id]]

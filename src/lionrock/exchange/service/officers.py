"""Which officers of a company a member's request goes to, and how many of them must agree.

Those who may act alone are asked together and one yes is enough; a company of joint officers only
is asked as its mandates say: n of m. Identity checks each mandate again at the answer, the hub at
every use. Not for: companies that ask for themselves (they name the officer who acts).
"""

from __future__ import annotations

import msgspec

from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.records import Owner
from lionrock.exchange.service.standing import MANDATE_SCOPE
from lionrock.identity.api import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

OFFICERS_ASKED_MAX = 8


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask for a company, and the quorum."""

    company_id: str
    person_ids: tuple[str, ...]
    quorum: int


class Officers:
    """Every function works in the caller's transaction."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def of_owner(self, db: Connection, owner: Owner) -> Asked | Refused:
        """Return whom to ask for an owner that is known: the person, or a company's officers."""
        if owner.kind == "person":
            return Asked(company_id="", person_ids=(owner.id,), quorum=1)
        return await self._able(db, owner.id)

    async def of_company(self, db: Connection, number: str) -> Asked | Refused:
        """Return whom to ask for the company of that business number.

        OWNER_UNKNOWN; OFFICERS_TOO_FEW when nobody, or fewer than must agree, could answer.
        """
        company = await self._identity.company_by_business_number(db, number)
        if isinstance(company, Refused):
            return Refused(ExchangeRefusal.OWNER_UNKNOWN, field="business_registration_number")
        return await self._able(db, company.id)

    async def _able(self, db: Connection, company_id: str) -> Asked | Refused:
        mandates = await self._identity.officers(db, company_id, MANDATE_SCOPE)
        able = await self._identity.officers_asked.active(db, mandates)
        alone = sorted({each.person_id for each in able if not each.is_joint})
        if alone:
            return Asked(
                company_id=company_id, person_ids=tuple(alone[:OFFICERS_ASKED_MAX]), quorum=1
            )
        for person_id in sorted({each.person_id for each in able}):
            whom = await self._identity.officers_to_ask(
                db, person_id, company_id, MANDATE_SCOPE
            )
            if not isinstance(whom, Refused):
                return Asked(company_id=company_id, person_ids=whom[0], quorum=whom[1])
        return Refused(ExchangeRefusal.OFFICERS_TOO_FEW)

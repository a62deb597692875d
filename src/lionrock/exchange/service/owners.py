"""Owners towards members: pairwise pseudonyms, names for the person's own phone, numbers.

A member knows an owner by a pseudonym that no other member shares: identity's pairwise subject with
the member as the sector. The provider is told, once per consent and only while it is active, the
number under which it keeps the owner anyway; the consumer never is.
"""

from __future__ import annotations

from lionrock.exchange.domain.fetching import OwnerAnswer
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.records import Consent, Owner
from lionrock.identity.api import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

BUSINESS_REGISTRATION_NUMBER = "business_registration_number"


class Owners:
    """Who an owner is, and to whom."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def pseudonym(self, owner: Owner, member_id: str) -> str:
        """Return the owner's name towards one member, 43 characters of base64url."""
        if owner.kind == "company":
            return self._identity.company_subject(member_id, owner.id)
        return self._identity.person_subject(member_id, owner.id)

    async def name(self, db: Connection, owner: Owner, language: str) -> str | Refused:
        """Return the owner's name as its own officers read it; OWNER_UNKNOWN."""
        found = (
            await self._identity.company(db, owner.id)
            if owner.kind == "company"
            else await self._identity.person(db, owner.id)
        )
        if isinstance(found, Refused):
            return Refused(ExchangeRefusal.OWNER_UNKNOWN, field="owner")
        return found.names.in_language(language)

    async def tell(
        self, db: Connection, consent: Consent, member_id: str, *, is_provider: bool
    ) -> OwnerAnswer | Refused:
        """Return the owner's pseudonym for a member; for the provider also the number."""
        pseudonym = self.pseudonym(consent.owner, member_id)
        identifier_kind = identifier = ""
        if is_provider and consent.owner.kind == "company":
            company = await self._identity.company(db, consent.owner.id)
            if isinstance(company, Refused):
                return Refused(ExchangeRefusal.OWNER_UNKNOWN)
            identifier_kind = BUSINESS_REGISTRATION_NUMBER
            identifier = company.business_number
        return OwnerAnswer(
            consent_id=consent.id, kind=consent.owner.kind, pseudonym=pseudonym,
            identifier_kind=identifier_kind, identifier=identifier,
        )  # fmt: skip

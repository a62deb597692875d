"""Asking a company for its consents to the programme office, and collecting what they open."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.directory.api import PROGRAMME_OFFICE
from lionrock.exchange.api import Consent, ConsentRequest, Delivery, Exchange, Frequency, Owner
from lionrock.identity.api import Principal
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import HONG_KONG
from lionrock.kernel.network import Unreachable
from lionrock.programmes.intake import domain
from lionrock.programmes.intake.domain import BankAccount, SourcedFact
from lionrock.programmes.intake.errors import IntakeRefusal

PURPOSE = "funding-assessment"
VALID_FOR = timedelta(days=30)
RETENTION_DAYS = 30
FETCHES_PER_DAY_MAX = 10


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What the active consents brought."""

    facts: list[SourcedFact]
    accounts: list[BankAccount]
    deliveries: list[Delivery]


class Intake:
    """The programme office as a consumer of the exchange."""

    def __init__(self, kernel: Kernel, exchange: Exchange) -> None:
        self.kernel = kernel
        self._exchange = exchange

    async def request(
        self, db: Connection, principal: Principal, bank: str, language: str
    ) -> list[Consent] | Refused:
        """Ask for the registry's particulars and a bank's account data; one consent each.

        The person who acts for the company is asked on the phone. Asking again on one day returns
        the same consents. Refused: BANK_UNKNOWN and what the exchange refuses.
        """
        assert principal.company_id is not None, "the row checks that a company acts"
        wanted: list[tuple[str, str, tuple[str, ...]]] = []
        for offer in await self._exchange.offers(db):
            if offer.product == domain.REGISTRY_PRODUCT:
                wanted.append((offer.provider, offer.product, domain.REGISTRY_FIELDS))
            elif offer.product == domain.BANK_PRODUCT and offer.provider == bank:
                wanted.append((offer.provider, offer.product, domain.BANK_FIELDS))
        if not any(product == domain.BANK_PRODUCT for _, product, _ in wanted):
            return Refused(IntakeRefusal.BANK_UNKNOWN, field="bank")
        today = self.kernel.business_clock.now().astimezone(HONG_KONG).date()
        before = await self.consents(db, principal)
        consents = []
        for provider, product, fields in wanted:
            # One that has ended stays ended: asking again is a new consent.
            ended = sum(
                each.provider == provider and each.status not in ("pending", "active")
                for each in before
            )
            consent = await self._exchange.request_consent(db, ConsentRequest(
                owner=Owner(kind="company", id=principal.company_id),
                person_ids=(principal.actor_person_id,), consumer=PROGRAMME_OFFICE,
                provider=provider, product=product, fields=fields, purpose=PURPOSE,
                valid_for_s=int(VALID_FOR.total_seconds()),
                frequency=Frequency(count_max=FETCHES_PER_DAY_MAX, per="day"),
                retention_days=RETENTION_DAYS, language=language,
                reference=f"intake/{principal.company_id}/{provider}/{today.isoformat()}/{ended}",
            ))  # fmt: skip
            if isinstance(consent, Refused):
                return consent
            consents.append(consent)
        return consents

    async def check_mandate(self, db: Connection, principal: Principal) -> Refused | None:
        """Refuse an officer whose mandate is not for the company's data; MANDATE_MISSING."""
        assert principal.company_id is not None, "the row checks that a company acts"
        return await self._exchange.check_mandate(
            db, principal.actor_person_id, principal.company_id
        )

    async def consents(self, db: Connection, principal: Principal) -> list[Consent]:
        """Return the company's consents to the programme office, newest first."""
        assert principal.company_id is not None, "the row checks that a company acts"
        owner = Owner(kind="company", id=principal.company_id)
        found = await self._exchange.owners_consents(db, owner)
        return [each for each in found if each.consumer == PROGRAMME_OFFICE]

    async def collect(self, principal: Principal, reference: str) -> Collected | Refused:
        """Fetch what every active consent opens and read facts from it; the same reference again
        gives the same deliveries. Opens its own transactions.

        Refused: MANDATE_MISSING, NOTHING_ACTIVE, PROVIDER_SILENT and what the exchange refuses.
        """
        refused = await self.kernel.database.run(lambda db: self.check_mandate(db, principal))
        if refused is not None:
            return refused
        consents = await self.kernel.database.run(lambda db: self.consents(db, principal))
        active = [each for each in consents if each.status == "active"]
        if not active:
            return Refused(IntakeRefusal.NOTHING_ACTIVE)
        on = self.kernel.business_clock.now().astimezone(HONG_KONG).date()
        facts: list[SourcedFact] = []
        accounts: list[BankAccount] = []
        deliveries: list[Delivery] = []
        for consent in active:
            try:
                delivery = await self._exchange.fetch(consent.id, reference)
            except Unreachable:
                return Refused(IntakeRefusal.PROVIDER_SILENT, consent.provider)
            if isinstance(delivery, Refused):
                return delivery
            deliveries.append(delivery)
            origin = (delivery.data, delivery.provider, delivery.delivery_sha256)
            if delivery.product == domain.REGISTRY_PRODUCT:
                facts += domain.facts_of_particulars(*origin, on)
            else:
                accounts += domain.accounts_of(*origin)
        return Collected(facts=facts, accounts=accounts, deliveries=deliveries)

"""What callers in the house hand to the exchange and get back: asking and delivering."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from lionrock.exchange.domain.consent import HOME_JURISDICTION, Change, Frequency, Wish
from lionrock.exchange.records import Owner

APPROVAL_S = 600


class ConsentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer asks an owner, through named persons, to let a provider give data.

    `person_ids` are asked on their phones, `quorum` of them must agree; for a company each needs
    its mandate. `reference` is the consumer's own name for this request: the same one again returns
    the same consent.
    """

    owner: Owner
    person_ids: tuple[str, ...]
    consumer: str
    provider: str
    product: str
    fields: tuple[str, ...]
    purpose: str
    valid_for_s: int
    frequency: Frequency
    retention_days: int
    language: str
    reference: str
    product_version: int = 1
    legal_basis: str = "consent"
    jurisdiction: str = HOME_JURISDICTION
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None
    quorum: int = 1
    number_match: bool = False
    approval_expires_in_s: int = APPROVAL_S

    def wish(self) -> Wish:
        """Return the terms asked for."""
        return Wish(
            product=self.product,
            product_version=self.product_version,
            fields=self.fields,
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            valid_for_s=self.valid_for_s,
            frequency_count_max=self.frequency.count_max,
            frequency_per=self.frequency.per,
            retention_days=self.retention_days,
            language=self.language,
            owner_kind=self.owner.kind,
            data_from=self.data_from,
            data_until=self.data_until,
            jurisdiction=self.jurisdiction,
        )


class CompanyConsentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A member of its own asks a company, known by its number, whichever officers it has."""

    consumer: str
    business_registration_number: str
    provider: str
    product: str
    product_version: int
    fields: tuple[str, ...]
    purpose: str
    legal_basis: str
    jurisdiction: str
    valid_for_s: int
    frequency: Frequency
    retention_days: int
    language: str
    reference: str
    data_from: datetime.date | None
    data_until: datetime.date | None

    def of(self, owner: Owner, person_ids: tuple[str, ...], quorum: int) -> ConsentRequest:
        """Return the request to these officers."""
        told = {
            name: getattr(self, name) for name in self.__struct_fields__
            if name != "business_registration_number"
        }
        return ConsentRequest(owner=owner, person_ids=person_ids, quorum=quorum, **told)


class AmendmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer asks for other terms of a consent, stated whole; no `valid_for_s` keeps its end.

    `reference` is the consumer's own name for it: the same one again returns the same amendment.
    """

    consent_id: str
    consumer: str
    fields: tuple[str, ...]
    frequency: Frequency
    retention_days: int
    valid_for_s: int | None
    language: str
    reference: str
    data_from: datetime.date | None
    data_until: datetime.date | None

    def change(self) -> Change:
        """Return the terms asked for."""
        return Change(
            fields=self.fields, frequency=self.frequency, retention_days=self.retention_days,
            valid_for_s=self.valid_for_s, language=self.language, data_from=self.data_from,
            data_until=self.data_until,
        )


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch brought: exactly the consented data, and the provider's signature over them."""

    fetch_id: str
    consent_id: str
    provider: str
    product: str
    product_version: int
    data: dict[str, Any]
    signed: str
    delivery_sha256: str
    receipt_id: str

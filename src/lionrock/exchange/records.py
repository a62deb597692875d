"""The hub's own records: a consent, its revisions, who offers what, and a hosted consumer's fetch.

Not for: what goes over the wire (domain/consent.py, domain/fetching.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from lionrock.exchange.domain.consent import Shown, Status, Terms
from lionrock.exchange.domain.products import OwnerKind

FetchState = Literal["intended", "delivered", "refused", "erased"]


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data: a company or person of identity."""

    kind: OwnerKind
    id: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A provider offers a product."""

    provider: str
    product: str
    product_version: int


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A consent as the hub keeps it; instants are business time."""

    id: str
    owner: Owner
    granted_by: tuple[str, ...]
    quorum: int
    provider: str
    consumer: str
    terms: Terms
    shown: Shown
    approval_id: str
    words: str
    reference: str
    status: Status
    revision: int
    requested_at: datetime
    changed_at: datetime
    ended_by: str | None = None
    acknowledged_at: datetime | None = None
    # Those of `granted_by` who said yes: only their mandates carry a company's consent.
    approved_by: tuple[str, ...] = ()


AmendmentState = Literal["pending", "applied", "rejected", "expired", "overtaken"]


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Other terms that a consumer asked for; overtaken when the consent ended before the yes."""

    id: str
    consent_id: str
    reference: str
    terms: Terms
    shown: Shown
    approval_id: str
    words: str
    person_ids: tuple[str, ...]
    quorum: int
    state: AmendmentState
    requested_at: datetime
    ended_at: datetime | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One signed revision; `predecessor` is the SHA-256 of the one before."""

    consent_id: str
    revision: int
    status: Status
    at: datetime
    artefact: str
    sha256: str
    predecessor: str | None


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """One fetch of a hosted consumer, from intent to outcome."""

    id: str
    consent_id: str
    consumer: str
    reference: str
    request: str
    session_kid: str
    session_key: str | None
    state: FetchState
    intended_at: datetime
    refusal: str | None = None
    refusal_detail: str | None = None
    delivery: str | None = None
    request_sha256: str | None = None
    delivery_sha256: str | None = None
    receipt_id: str | None = None
    ended_at: datetime | None = None

"""What the exchange answers over HTTP: the catalogue, a consent as its parties see it, receipts.

Not for: what members' gateways say to each other (domain/fetching.py).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.evidence.api import Receipt
from lionrock.exchange.domain.products import Product, json_schema
from lionrock.exchange.domain.schemas import schema_sha256
from lionrock.exchange.records import Consent, Fetch, Offer, Revision
from lionrock.kernel.i18n import Text


class FieldReply(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a product."""

    name: str
    data_class: str
    words: Text


class ProductReply(msgspec.Struct, frozen=True, kw_only=True):
    """One product and who provides it; `json_schema` is the payload's, pinned by its digest."""

    product: str
    version: int
    words: Text
    fields: list[FieldReply]
    purposes: list[str]
    owner_kinds: list[str]
    providers: list[str]
    schema_sha256: str
    json_schema: dict[str, Any]


class CodeReply(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose or legal basis with its term of the Data Privacy Vocabulary."""

    code: str
    dpv: str
    words: Text


class CatalogueReply(msgspec.Struct, frozen=True, kw_only=True):
    """Products, purposes and legal bases."""

    products: list[ProductReply]
    purposes: list[CodeReply]
    legal_bases: list[CodeReply]


class UseReply(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a consent by a consumer that the platform hosts."""

    fetch_id: str
    state: str
    at: str
    refusal: str | None = None


class RevisionReply(msgspec.Struct, frozen=True, kw_only=True):
    """One signed revision; `predecessor` is the SHA-256 of the one before."""

    revision: int
    status: str
    at: str
    sha256: str
    predecessor: str | None


class ConsentReply(msgspec.Struct, frozen=True, kw_only=True):
    """A consent as its owner sees it; dates are UTC."""

    id: str
    status: str
    provider: str
    consumer: str
    product: str
    product_version: int
    fields: list[str]
    purpose: str
    legal_basis: str
    starts_at: str
    expires_at: str
    frequency: str
    retention_days: int
    deletion: str
    jurisdiction: str
    quorum: int
    officers: int
    language: str
    words: str
    words_sha256: str
    approval_id: str
    ended_by: str | None = None
    acknowledged_at: str | None = None
    revisions: list[RevisionReply] = []
    uses: list[UseReply] = []


class ConsentsReply(msgspec.Struct, frozen=True):
    """An owner's consents, newest first."""

    consents: list[ConsentReply]


class ClosedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation or pause; `acknowledged`: no provider answers under this consent any more."""

    id: str
    status: str
    acknowledged: bool


class AskedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that was asked for: `quorum` of `officers` asked must agree to these words."""

    id: str
    status: str
    quorum: int
    officers: int
    words_sha256: str


class ReceiptReply(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt; the signed form with its proof is at /evidence/v1/receipts/{id}."""

    id: str
    kind: str
    issuer: str
    at: str
    digests: dict[str, str]
    fetch_id: str | None = None


class ReceiptsReply(msgspec.Struct, frozen=True):
    """Every receipt about a consent, of all issuers, oldest first."""

    receipts: list[ReceiptReply]


def product_reply(product: Product, offers: list[Offer]) -> ProductReply:
    """Return a product with those who provide it."""
    return ProductReply(
        product=product.id, version=product.version, words=product.words,
        fields=[
            FieldReply(name=field.name, data_class=field.data_class, words=field.words)
            for field in product.fields
        ],
        purposes=sorted(product.purposes), owner_kinds=sorted(product.owner_kinds),
        providers=[
            offer.provider for offer in offers
            if (offer.product, offer.product_version) == (product.id, product.version)
        ],
        schema_sha256=schema_sha256(json_schema(product)), json_schema=json_schema(product),
    )  # fmt: skip


def consent_reply(
    consent: Consent, revisions: list[Revision] | None = None, uses: list[Fetch] | None = None
) -> ConsentReply:
    """Return a consent as its owner sees it, with its chain and uses where they were loaded."""
    terms = consent.terms
    return ConsentReply(
        id=consent.id, status=consent.status, provider=consent.provider,
        consumer=consent.consumer, product=terms.product, product_version=terms.product_version,
        fields=list(terms.fields), purpose=terms.purpose, legal_basis=terms.legal_basis,
        starts_at=terms.starts_at.isoformat(), expires_at=terms.expires_at.isoformat(),
        frequency=f"{terms.frequency.count_max}/{terms.frequency.per}",
        retention_days=terms.retention_days, deletion=terms.deletion,
        jurisdiction=terms.jurisdiction, quorum=consent.quorum,
        officers=len(consent.granted_by), language=consent.shown.language,
        words=consent.words, words_sha256=consent.shown.words_sha256,
        approval_id=consent.approval_id, ended_by=consent.ended_by,
        acknowledged_at=consent.acknowledged_at.isoformat() if consent.acknowledged_at else None,
        revisions=[
            RevisionReply(
                revision=each.revision, status=each.status, at=each.at.isoformat(),
                sha256=each.sha256, predecessor=each.predecessor,
            )
            for each in revisions or ()
        ],
        uses=[
            UseReply(
                fetch_id=use.id, state=use.state, at=use.intended_at.isoformat(),
                refusal=use.refusal,
            )
            for use in uses or ()
        ],
    )  # fmt: skip


def receipt_reply(receipt: Receipt) -> ReceiptReply:
    """Return a receipt as its owner reads it."""
    return ReceiptReply(
        id=receipt.id, kind=receipt.kind, issuer=receipt.issuer, at=receipt.at,
        digests=receipt.digests, fetch_id=receipt.references.get("fetch_id"),
    )

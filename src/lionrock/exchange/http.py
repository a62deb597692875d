"""The exchange over HTTP: the catalogue for all, consents for their owners, status for members.

An owner is the company that the access token acts for, or else the person; a foreign owner's
consent is not found. Members' questions are signed (RFC 9421) and so are the answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from lionrock.directory.api import (
    SIGNED_CALL_ERRORS,
    SignedCall,
    check_signed_call,
    sign_reply,
)
from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.products import PRODUCTS, Product, json_schema
from lionrock.exchange.domain.purposes import LEGAL_BASES, PURPOSES
from lionrock.exchange.errors import EXCHANGE_ERRORS
from lionrock.exchange.records import Consent, Fetch, Offer, Owner, Revision
from lionrock.exchange.service import Exchange
from lionrock.identity.api import PrincipalCall
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Call, Route, RouteTable, reply
from lionrock.kernel.i18n import Text

T = TypeVar("T")
SCOPE = "exchange"
ERRORS: ErrorTable = {**EXCHANGE_ERRORS, **SIGNED_CALL_ERRORS}


class FieldReply(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a product."""

    name: str
    data_class: str
    words: Text


class ProductReply(msgspec.Struct, frozen=True, kw_only=True):
    """One product and who provides it; `json_schema` is the payload's."""

    product: str
    version: int
    words: Text
    fields: list[FieldReply]
    purposes: list[str]
    owner_kinds: list[str]
    providers: list[str]
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


class RevokedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation; `acknowledged` means that no provider answers under this consent any more."""

    id: str
    status: str
    acknowledged: bool


class OwnersCall(PrincipalCall):
    """A call by an owner; `consent` is loaded for routes about one."""

    consent: Consent


class MembersCall(SignedCall[Exchange, None]):
    """A signed call by a member."""


async def check_access_token(call: OwnersCall) -> Response | None:
    """Check token, DPoP proof, scope and mandate (RFC 9449 s7); sets `call.principal`."""
    room: Exchange = call.room
    return await room.identity.check_access_token(call)


async def check_mandate(call: OwnersCall) -> Refused | None:
    """Check that whoever acts for a company may do so in matters of its data, now."""
    principal = call.principal
    company_id = principal.company_id
    if company_id is None:
        return None

    async def find(db: Connection) -> Refused | None:
        room: Exchange = call.room
        return await room.check_mandate(db, principal.actor_person_id, company_id)

    return await _reading(call, find)


async def load_owners_consent(call: OwnersCall) -> Refused | None:
    """Load the consent of the path, if it is the caller's own."""
    consent_id, owner = call.path_params["consent_id"], owner_of(call)

    async def load(db: Connection) -> Consent | Refused:
        room: Exchange = call.room
        return await room.owners_consent(db, owner, consent_id)

    found = await _reading(call, load)
    if isinstance(found, Refused):
        return found
    call.consent = found
    return None


async def reply_catalogue(call: Call[Exchange, None]) -> Response:
    """Answer with all products, their schemas, providers, purposes and legal bases."""
    offers = await call.room.offers(call.db)
    return reply(
        CatalogueReply(
            products=[_product(product, offers) for product in PRODUCTS.values()],
            purposes=[CodeReply(code=p.code, dpv=p.dpv, words=p.words) for p in PURPOSES.values()],
            legal_bases=[
                CodeReply(code=b.code, dpv=b.dpv, words=b.words) for b in LEGAL_BASES.values()
            ],
        )
    )


async def reply_owners_consents(call: OwnersCall) -> Response:
    """Answer with the caller's consents."""
    room: Exchange = call.room
    found = await room.owners_consents(call.db, owner_of(call))
    return reply(ConsentsReply([_consent(consent) for consent in found]))


async def reply_owners_consent(call: OwnersCall) -> Response:
    """Answer with one consent, its chain of revisions and its uses."""
    room: Exchange = call.room
    revisions = await room.revisions(call.db, call.consent.id)
    uses = await room.uses(call.db, call.consent.id)
    return reply(_consent(call.consent, revisions, uses))


async def reply_artefact(call: OwnersCall) -> Response:
    """Answer with the latest signed revision, as its members hold it."""
    room: Exchange = call.room
    revisions = await room.revisions(call.db, call.consent.id)
    assert revisions, "every state of a consent has its revision"
    return Response(revisions[-1].artefact, media_type="application/consent+jwt")


async def save_revocation(call: OwnersCall) -> Refused | None:
    """Revoke: from this commit on there is no new lease and no new outcome."""
    room: Exchange = call.room
    consent_id = call.consent.id
    revoked = await call.kernel.database.run(lambda db: room.revoke(db, consent_id, "owner"))
    if isinstance(revoked, Refused):
        return revoked
    call.consent = revoked
    return None


async def reply_revocation(call: OwnersCall) -> Response:
    """Answer when all leases have run out (at most 500 ms), or say that it is still under way."""
    room: Exchange = call.room
    is_acknowledged = await room.wait_for_acknowledgement(call.consent.id)
    return reply(
        RevokedReply(
            id=call.consent.id, status=call.consent.status, acknowledged=is_acknowledged
        ),
        status=200 if is_acknowledged else 202,
    )


async def reply_status(call: MembersCall) -> Response | Refused:
    """Answer a party with the state of a consent; for the provider it is a lease."""
    answer = await call.room.lease(call.db, call.path_params["consent_id"], call.caller.id)
    return answer if isinstance(answer, Refused) else sign_reply(call, reply(answer))


async def reply_owner(call: MembersCall) -> Response | Refused:
    """Answer a party of an active consent with who the owner is to it."""
    answer = await call.room.tell_owner(call.db, call.path_params["consent_id"], call.caller.id)
    return answer if isinstance(answer, Refused) else sign_reply(call, reply(answer))


def owner_of(call: PrincipalCall) -> Owner:
    """The company that the token acts for, or else the person."""
    principal = call.principal
    if principal.company_id is not None:
        return Owner(kind="company", id=principal.company_id)
    return Owner(kind="person", id=principal.actor_person_id)


async def _reading(call: OwnersCall, use_case: Callable[[Connection], Awaitable[T]]) -> T:
    if call.route.mode == "transaction":
        return await use_case(call.db)
    return await call.kernel.database.read(use_case)


def _product(product: Product, offers: list[Offer]) -> ProductReply:
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
        json_schema=json_schema(product),
    )  # fmt: skip


def _consent(
    consent: Consent, revisions: list[Revision] | None = None, uses: list[Fetch] | None = None
) -> ConsentReply:
    terms = consent.terms
    return ConsentReply(
        id=consent.id, status=consent.status, provider=consent.provider,
        consumer=consent.consumer, product=terms.product, product_version=terms.product_version,
        fields=list(terms.fields), purpose=terms.purpose, legal_basis=terms.legal_basis,
        starts_at=terms.starts_at.isoformat(), expires_at=terms.expires_at.isoformat(),
        frequency=f"{terms.frequency.count_max}/{terms.frequency.per}",
        retention_days=terms.retention_days, language=consent.shown.language,
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


def table(room: Exchange) -> RouteTable:
    """The rows of the exchange."""
    base = "/exchange/v1"
    one = f"{base}/consents/{{consent_id}}"
    owners: Mapping[str, Any] = {"errors": ERRORS, "scope": SCOPE, "call": OwnersCall}
    members: Mapping[str, Any] = {"errors": ERRORS, "scope": "member", "call": MembersCall}
    return RouteTable(pillar="exchange", room=room, routes=(
        Route(
            method="GET", path=f"{base}/products", name="list_products",
            summary="List data products with schema, providers and purposes.",
            steps=(reply_catalogue,), replies={200: CatalogueReply}, errors=ERRORS,
            clause="W3C DPV",
        ),
        Route(
            method="GET", path=f"{base}/consents", name="list_consents",
            summary="List the data consents of the caller (company acted for, or person).",
            steps=(check_access_token, check_mandate, reply_owners_consents),
            replies={200: ConsentsReply}, clause="RFC 9449 s7", **owners,
        ),
        Route(
            method="GET", path=one, name="get_consent",
            summary="Read one consent with its revisions and uses.",
            steps=(
                check_access_token, check_mandate, load_owners_consent, reply_owners_consent,
            ),
            replies={200: ConsentReply}, clause="RFC 9449 s7", **owners,
        ),
        Route(
            method="GET", path=f"{one}/artefact", name="get_consent_artefact",
            summary="Download the consent artefact signed by the platform.",
            steps=(check_access_token, check_mandate, load_owners_consent, reply_artefact),
            replies={200: None}, reply_media_type="application/consent+jwt", clause="RFC 7515",
            **owners,
        ),
        Route(
            method="POST", path=f"{one}/revoke", name="revoke_consent",
            summary="Revoke a consent; answers when no provider answers under it any more.",
            steps=(
                check_access_token, check_mandate, load_owners_consent, save_revocation,
                reply_revocation,
            ),
            mode="beats", body_kind="raw", body_bytes_max=0,
            replies={200: RevokedReply, 202: RevokedReply}, clause="RFC 9449 s7", **owners,
        ),
        Route(
            method="GET", path=f"{one}/status", name="get_consent_status",
            summary="For parties of a consent: is it active? For its provider, a lease.",
            steps=(check_signed_call, reply_status), replies={200: StatusAnswer},
            clause="RFC 9421 s2.4", **members,
        ),
        Route(
            method="GET", path=f"{one}/owner", name="get_consent_owner",
            summary="For parties of an active consent: who the owner is to them.",
            steps=(check_signed_call, reply_owner), replies={200: OwnerAnswer},
            clause="RFC 9421 s2.4", **members,
        ),
    ))  # fmt: skip

"""The exchange's public catalogue and its owners' own consents: read, pause, resume, revoke.

An owner is the company that the access token acts for, or else the person; a foreign owner's
consent is not found. Source: RFC 9449 s7.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.responses import Response

from lionrock.exchange.domain.products import PRODUCTS
from lionrock.exchange.domain.purposes import LEGAL_BASES, PURPOSES
from lionrock.exchange.errors import EXCHANGE_ERRORS
from lionrock.exchange.http.replies import (
    CatalogueReply,
    ClosedReply,
    CodeReply,
    ConsentReply,
    ConsentsReply,
    ReceiptsReply,
    consent_reply,
    product_reply,
    receipt_reply,
)
from lionrock.exchange.records import Consent, Owner
from lionrock.exchange.service import Exchange
from lionrock.identity.api import PrincipalCall
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, Step, reply

T = TypeVar("T")
SCOPE = "exchange"
BASE = "/exchange/v1"
ONE = f"{BASE}/consents/{{consent_id}}"


class OwnersCall(PrincipalCall):
    """A call by an owner; `consent` is loaded for routes about one."""

    consent: Consent


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
            products=[product_reply(product, offers) for product in PRODUCTS.values()],
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
    return reply(ConsentsReply([consent_reply(consent) for consent in found]))


async def reply_owners_consent(call: OwnersCall) -> Response:
    """Answer with one consent, its chain of revisions and its uses."""
    room: Exchange = call.room
    revisions = await room.revisions(call.db, call.consent.id)
    uses = await room.uses(call.db, call.consent.id)
    return reply(consent_reply(call.consent, revisions, uses))


async def reply_artefact(call: OwnersCall) -> Response:
    """Answer with the latest signed revision, as its members hold it."""
    room: Exchange = call.room
    revision = await room.latest_revision(call.db, call.consent)
    return Response(revision.artefact, media_type="application/consent+jwt")


async def reply_receipts(call: OwnersCall) -> Response:
    """Answer with every receipt about one consent: each change, each access, each deletion."""
    room: Exchange = call.room
    found = await room.receipts(call.db, call.consent.id)
    return reply(ReceiptsReply([receipt_reply(receipt) for receipt in found]))


async def save_revocation(call: OwnersCall) -> Refused | None:
    """Revoke: from this commit on there is no new lease and no new outcome."""
    room: Exchange = call.room
    return await _change(call, lambda db: room.revoke(db, call.consent.id, "owner"))


async def save_pause(call: OwnersCall) -> Refused | None:
    """Pause: from this commit on there is no new lease and no new outcome until resumed."""
    room: Exchange = call.room
    return await _change(call, lambda db: room.pause(db, call.consent.id))


async def save_resumption(call: OwnersCall) -> Refused | None:
    """Resume: the same words open the same data again."""
    room: Exchange = call.room
    return await _change(call, lambda db: room.resume(db, call.consent.id))


async def reply_changed(call: OwnersCall) -> Response:
    """Answer with the consent as it is now."""
    return reply(consent_reply(call.consent))


async def reply_closed(call: OwnersCall) -> Response:
    """Answer when all leases have run out (at most 500 ms), or say that it is still under way."""
    room: Exchange = call.room
    is_acknowledged = await room.wait_for_acknowledgement(call.consent.id)
    return reply(
        ClosedReply(
            id=call.consent.id, status=call.consent.status, acknowledged=is_acknowledged
        ),
        status=200 if is_acknowledged else 202,
    )


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


async def _change(
    call: OwnersCall, use_case: Callable[[Connection], Awaitable[Consent | Refused]]
) -> Refused | None:
    changed = await call.kernel.database.run(use_case)
    if isinstance(changed, Refused):
        return changed
    call.consent = changed
    return None


_OWNED: tuple[Step, ...] = (check_access_token, check_mandate, load_owners_consent)
_COMMON: Mapping[str, Any] = {
    "errors": EXCHANGE_ERRORS, "scope": SCOPE, "call": OwnersCall, "clause": "RFC 9449 s7",
}
_BEATS: Mapping[str, Any] = {"mode": "beats", "body_kind": "raw", "body_bytes_max": 0}
_CLOSED: Mapping[str, Any] = {**_BEATS, "replies": {200: ClosedReply, 202: ClosedReply}}


def routes() -> tuple[Route, ...]:
    """The rows of the catalogue and of owners."""
    return (
        Route(
            method="GET", path=f"{BASE}/products", name="list_products",
            summary="List data products with schema, providers and purposes.",
            steps=(reply_catalogue,), replies={200: CatalogueReply}, errors=EXCHANGE_ERRORS,
            clause="W3C DPV",
        ),
        Route(
            method="GET", path=f"{BASE}/consents", name="list_consents",
            summary="List the data consents of the caller (company acted for, or person).",
            steps=(check_access_token, check_mandate, reply_owners_consents),
            replies={200: ConsentsReply}, **_COMMON,
        ),
        Route(
            method="GET", path=ONE, name="get_consent",
            summary="Read one consent with its revisions and uses.",
            steps=(*_OWNED, reply_owners_consent), replies={200: ConsentReply}, **_COMMON,
        ),
        Route(
            method="GET", path=f"{ONE}/artefact", name="get_consent_artefact",
            summary="Download the consent artefact signed by the platform.",
            steps=(*_OWNED, reply_artefact), replies={200: None},
            reply_media_type="application/consent+jwt", **{**_COMMON, "clause": "RFC 7515"},
        ),
        Route(
            method="GET", path=f"{ONE}/receipts", name="list_consent_receipts",
            summary="List every receipt about a consent: changes, accesses, deletions.",
            steps=(*_OWNED, reply_receipts), replies={200: ReceiptsReply},
            **{**_COMMON, "clause": "ISO/IEC TS 27560"},
        ),
        Route(
            method="POST", path=f"{ONE}/revoke", name="revoke_consent",
            summary="Revoke a consent; answers when no provider answers under it any more.",
            steps=(*_OWNED, save_revocation, reply_closed), **_CLOSED, **_COMMON,
        ),
        Route(
            method="POST", path=f"{ONE}/pause", name="pause_consent",
            summary="Pause a consent; answers when no provider answers under it any more.",
            steps=(*_OWNED, save_pause, reply_closed), **_CLOSED, **_COMMON,
        ),
        Route(
            method="POST", path=f"{ONE}/resume", name="resume_consent",
            summary="Let a paused consent open data again.",
            steps=(*_OWNED, save_resumption, reply_changed), **_BEATS,
            replies={200: ConsentReply}, **_COMMON,
        ),
    )  # fmt: skip

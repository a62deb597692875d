"""Intake over HTTP, for a person who acts for a company."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.exchange.api import Consent
from lionrock.identity.api import Identity, PrincipalCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, RouteTable, reply
from lionrock.programmes.intake.domain import BankAccount, SourcedFact
from lionrock.programmes.intake.errors import INTAKE_ERRORS
from lionrock.programmes.intake.service import Intake

REFERENCE_LENGTH_MAX = 64
SCOPE = "programmes"


class ConsentsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`bank`: the organisation id of the bank whose account data may be used."""

    bank: str


class CollectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reference`: the caller's name for this collection; again gives the same deliveries."""

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=REFERENCE_LENGTH_MAX)]


class IntakeConsent(msgspec.Struct, frozen=True, kw_only=True):
    """One consent to the programme office."""

    consent_id: str
    provider: str
    product: str
    fields: list[str]
    status: str
    approval_id: str
    words: str


class IntakeConsents(msgspec.Struct, frozen=True):
    """The company's consents to the programme office."""

    consents: list[IntakeConsent]


class IntakeDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery: who gave what, and its digest as in the receipts of both sides."""

    consent_id: str
    provider: str
    product: str
    fields: list[str]
    delivery_sha256: str
    receipt_id: str


class CollectedReply(msgspec.Struct, frozen=True, kw_only=True):
    """Facts and accounts with their sources."""

    facts: list[SourcedFact]
    accounts: list[BankAccount]
    deliveries: list[IntakeDelivery]


class ConsentsCall(PrincipalCall):
    """Asks for consents."""

    room: Intake
    body: ConsentsBody


class CollectCall(PrincipalCall):
    """Collects what consents open."""

    room: Intake
    body: CollectBody


async def save_requests(call: ConsentsCall) -> Response | Refused:
    """Ask for one consent per provider; the person is asked on the phone."""
    consents = await call.room.request(call.db, call.principal, call.body.bank, call.lang)
    if isinstance(consents, Refused):
        return consents
    return reply(IntakeConsents([_shown(each) for each in consents]), 201)


async def check_mandate(call: ConsentsCall) -> Refused | None:
    """Check that whoever acts for the company may do so in matters of its data, now."""
    return await call.room.check_mandate(call.db, call.principal)


async def reply_consents(call: ConsentsCall) -> Response:
    """Answer with the company's consents to the programme office."""
    found = await call.room.consents(call.db, call.principal)
    return reply(IntakeConsents([_shown(each) for each in found]))


async def reply_deliveries(call: CollectCall) -> Response | Refused:
    """Fetch what the active consents open, and answer with facts and their sources."""
    collected = await call.room.collect(call.principal, call.body.reference)
    if isinstance(collected, Refused):
        return collected
    return reply(CollectedReply(
        facts=collected.facts, accounts=collected.accounts,
        deliveries=[
            IntakeDelivery(
                consent_id=each.consent_id, provider=each.provider, product=each.product,
                fields=sorted(each.data), delivery_sha256=each.delivery_sha256,
                receipt_id=each.receipt_id,
            )
            for each in collected.deliveries
        ],
    ))  # fmt: skip


def intake_table(room: Intake, identity: Identity) -> RouteTable:
    """The rows of intake; `identity` checks the access token."""
    checks = (identity.check_access_token, identity.check_company)
    base = "/programmes/v1/intake"
    common: dict[str, Any] = {"errors": INTAKE_ERRORS, "scope": SCOPE}
    return RouteTable(pillar="programmes", room=room, routes=(
        Route(
            method="POST", path=f"{base}/consents", name="request_intake_consents",
            summary="Ask the company to let the programme office read its particulars and accounts",
            steps=(*checks, save_requests), call=ConsentsCall, body=ConsentsBody,
            replies={201: IntakeConsents}, **common,
        ),
        Route(
            method="GET", path=f"{base}/consents", name="list_intake_consents",
            summary="The company's consents to the programme office",
            steps=(*checks, check_mandate, reply_consents), call=ConsentsCall,
            replies={200: IntakeConsents}, **common,
        ),
        Route(
            method="POST", path=f"{base}/collections", name="collect_intake",
            summary="Fetch what the consents open and read facts from it",
            steps=(*checks, reply_deliveries), call=CollectCall, body=CollectBody,
            replies={200: CollectedReply}, mode="beats", **common,
        ),
    ))  # fmt: skip


def _shown(consent: Consent) -> IntakeConsent:
    return IntakeConsent(
        consent_id=consent.id, provider=consent.provider, product=consent.terms.product,
        fields=list(consent.terms.fields), status=str(consent.status),
        approval_id=consent.approval_id, words=consent.words,
    )  # fmt: skip

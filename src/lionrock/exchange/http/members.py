"""Members about consents: ask for one, read it, ask whether it is active, withdraw from it.

Every call is signed by a key of the directory, and so is every answer, bound to its call. Whoever
is no party of a consent is told that there is none. Source: RFC 9421 s2.4, s3.2.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from lionrock.directory.api import (
    SIGNED_CALL_ERRORS,
    SignedCall,
    check_signed_call,
    sign_reply,
)
from lionrock.exchange.domain.consent import HOME_JURISDICTION, FieldName, Frequency
from lionrock.exchange.domain.fetching import FIELDS_MAX, OwnerAnswer, StatusAnswer
from lionrock.exchange.errors import EXCHANGE_ERRORS
from lionrock.exchange.http.owners import BASE, ONE
from lionrock.exchange.http.replies import AskedReply, ClosedReply
from lionrock.exchange.records import Consent
from lionrock.exchange.requests import AmendmentRequest, CompanyConsentRequest
from lionrock.exchange.service import Exchange
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Route, reply

ERRORS: ErrorTable = {**EXCHANGE_ERRORS, **SIGNED_CALL_ERRORS}
ARTEFACT_MEDIA_TYPE = "application/consent+jwt"
BusinessNumber = Annotated[str, Meta(pattern=r"^[0-9]{8}$")]
Reference = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]


class ConsentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a consumer asks of a company; `reference` is its own name for this request.

    `valid_for_s` counts from now; the days of the data are half-open [data_from, data_until).
    """

    business_registration_number: BusinessNumber
    provider: str
    product: str
    product_version: int = 1
    fields: Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=FIELDS_MAX)]
    purpose: str
    legal_basis: str = "consent"
    jurisdiction: str = HOME_JURISDICTION
    valid_for_s: int
    frequency: Frequency
    retention_days: int
    language: str = "en"
    reference: Reference
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None


class AmendmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Other terms, stated whole; without `valid_for_s` (from now) the consent's end stays."""

    fields: Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=FIELDS_MAX)]
    frequency: Frequency
    retention_days: int
    valid_for_s: int | None = None
    language: str = "en"
    reference: Reference
    data_from: datetime.date | None = None
    data_until: datetime.date | None = None


class MembersCall(SignedCall[Exchange, Any]):
    """A signed call by a member; `consent` is the one that it asked for or withdrew from."""

    consent: Consent


async def save_request(call: MembersCall) -> Refused | None:
    """Ask the company's officers on their phones; the same reference returns the same consent."""
    body: ConsentBody = call.body
    asked = CompanyConsentRequest(
        consumer=call.caller.id,
        **{name: getattr(body, name) for name in ConsentBody.__struct_fields__},
    )
    made = await call.room.ask_company(call.db, asked)
    if isinstance(made, Refused):
        return made
    call.consent = made
    return None


async def reply_asked(call: MembersCall) -> Response:
    """Answer with the consent's id and state: an officer's phone decides, not this call."""
    answer = AskedReply(
        id=call.consent.id, status=call.consent.status, quorum=call.consent.quorum,
        officers=len(call.consent.granted_by), words_sha256=call.consent.shown.words_sha256,
    )
    return sign_reply(call, reply(answer, status=202))


async def reply_amendment(call: MembersCall) -> Response | Refused:
    """Ask the owner for other terms; until the yes, what was agreed before stays."""
    body: AmendmentBody = call.body
    made = await call.room.amendments.request(call.db, AmendmentRequest(
        consent_id=call.path_params["consent_id"], consumer=call.caller.id,
        **{name: getattr(body, name) for name in AmendmentBody.__struct_fields__},
    ))  # fmt: skip
    if isinstance(made, Refused):
        return made
    answer = AskedReply(
        id=made.id, status=made.state, quorum=made.quorum, officers=len(made.person_ids),
        words_sha256=made.shown.words_sha256,
    )
    return sign_reply(call, reply(answer, status=202))


async def reply_status(call: MembersCall) -> Response | Refused:
    """Answer a party with the state of a consent; for the provider it is a lease."""
    answer = await call.room.lease(call.db, call.path_params["consent_id"], call.caller.id)
    return answer if isinstance(answer, Refused) else sign_reply(call, reply(answer))


async def reply_owner(call: MembersCall) -> Response | Refused:
    """Answer a party of an active consent with who the owner is to it."""
    answer = await call.room.tell_owner(call.db, call.path_params["consent_id"], call.caller.id)
    return answer if isinstance(answer, Refused) else sign_reply(call, reply(answer))


async def reply_revision(call: MembersCall) -> Response | Refused:
    """Answer a party with the latest signed revision."""
    consent_id = call.path_params["consent_id"]
    consent = await call.room.party_consent(call.db, consent_id, call.caller.id)
    if isinstance(consent, Refused):
        return consent
    revision = await call.room.latest_revision(call.db, consent)
    return sign_reply(call, Response(revision.artefact, media_type=ARTEFACT_MEDIA_TYPE))


async def save_withdrawal(call: MembersCall) -> Refused | None:
    """Revoke from the caller's side: from this commit on there is no new lease, no new outcome."""
    consent_id, member_id = call.path_params["consent_id"], call.caller.id
    withdrawn = await call.kernel.database.run(
        lambda db: call.room.withdraw(db, consent_id, member_id)
    )
    if isinstance(withdrawn, Refused):
        return withdrawn
    call.consent = withdrawn
    return None


async def reply_withdrawn(call: MembersCall) -> Response:
    """Answer when all leases have run out (at most 500 ms), or say that it is still under way."""
    is_acknowledged = await call.room.wait_for_acknowledgement(call.consent.id)
    answer = ClosedReply(
        id=call.consent.id, status=call.consent.status, acknowledged=is_acknowledged
    )
    return sign_reply(call, reply(answer, status=200 if is_acknowledged else 202))


_COMMON: Mapping[str, Any] = {"errors": ERRORS, "scope": "member", "call": MembersCall}


def routes() -> tuple[Route, ...]:
    """The rows of members."""
    return (
        Route(
            method="POST", path=f"{BASE}/consents", name="request_consent",
            summary="For consumers: ask a company's officers for a consent, on their phones.",
            steps=(check_signed_call, save_request, reply_asked), body=ConsentBody,
            replies={202: AskedReply}, clause="RFC 9421 s3.2", **_COMMON,
        ),
        Route(
            method="GET", path=f"{ONE}/status", name="get_consent_status",
            summary="For parties of a consent: is it active? For its provider, a lease.",
            steps=(check_signed_call, reply_status), replies={200: StatusAnswer},
            clause="RFC 9421 s2.4", **_COMMON,
        ),
        Route(
            method="GET", path=f"{ONE}/owner", name="get_consent_owner",
            summary="For parties of an active consent: who the owner is to them.",
            steps=(check_signed_call, reply_owner), replies={200: OwnerAnswer},
            clause="RFC 9421 s2.4", **_COMMON,
        ),
        Route(
            method="GET", path=f"{ONE}/revision", name="get_consent_revision",
            summary="For parties of a consent: its latest signed revision.",
            steps=(check_signed_call, reply_revision), replies={200: None},
            reply_media_type=ARTEFACT_MEDIA_TYPE, clause="RFC 7515", **_COMMON,
        ),
        Route(
            method="POST", path=f"{ONE}/amendments", name="request_consent_amendment",
            summary="For the consumer of a consent: ask its owner for other terms.",
            steps=(check_signed_call, reply_amendment), body=AmendmentBody,
            replies={202: AskedReply}, clause="RFC 9421 s3.2", **_COMMON,
        ),
        Route(
            method="POST", path=f"{ONE}/withdrawal", name="withdraw_from_consent",
            summary="For parties of a consent: revoke it from one's own side.",
            steps=(check_signed_call, save_withdrawal, reply_withdrawn), mode="beats",
            body_kind="raw", body_bytes_max=0, replies={200: ClosedReply, 202: ClosedReply},
            clause="RFC 9421 s3.2", **_COMMON,
        ),
    )

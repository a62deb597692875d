"""A company's mandates over HTTP: who acts for it, and the deeds that change it.

Every row takes a token that acts for the company, of an officer of its own: an agent acts for the
client and neither sees nor changes its mandates. A change is asked for here (202) and takes effect
when the officers approve it on their phones. Whether somebody holds an identity is not told here:
a grant to an unknown person is asked like any other, and takes no effect.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.approvals import Approval
from lionrock.identity.domain.chains import FirmMandate, FirmMandateDraft
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.deeds import (
    NOBODY,
    AssignServiceRole,
    Deed,
    DeedRequest,
    GrantToFirm,
    GrantToPerson,
    Revoke,
    WithdrawServiceRole,
)
from lionrock.identity.domain.mandates import SCOPES_MAX, Mandate, MandateDraft, MandateRole
from lionrock.identity.domain.parties import read_identifier
from lionrock.identity.errors.companies import ROUTE_ERRORS
from lionrock.identity.service.identity import PrincipalCall
from lionrock.identity.service.receipts import PLATFORM_ORGANISATION
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money

SCOPE = "mandates"
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class AmountBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount as a decimal string and a currency."""

    amount: Annotated[str, msgspec.Meta(max_length=24)]
    currency: Annotated[str, msgspec.Meta(max_length=3)]


class GrantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mandate as asked for: for a `person` (phone, e-mail, handle) or a `firm` (its number)."""

    role: MandateRole
    scopes: Annotated[list[_Short], msgspec.Meta(min_length=1, max_length=SCOPES_MAX)]
    person: Annotated[str, msgspec.Meta(max_length=254)] | None = None
    firm: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    valid_from: _Instant | None = None
    valid_to: _Instant | None = None
    amount_max: AmountBody | None = None
    signatures_needed: int = 1


class RevocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`is_resignation`: the caller lays down a mandate of their own."""

    is_resignation: bool = False


class ServiceRoleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that a service declared, for the holder of one of the company's mandates."""

    mandate_id: _Short
    client_id: _Short
    role: _Short


class HolderReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who holds a mandate: a person by name, or a firm by name and number."""

    kind: str
    names: Text
    business_number: str | None = None


class ServiceRoleReply(msgspec.Struct, frozen=True):
    """A role at a service."""

    id: str
    client_id: str
    role: str


class MandateReply(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate in force (or to come), with its holder and roles at services."""

    id: str
    holder: HolderReply
    role: str
    scopes: list[str]
    valid_from: datetime
    valid_to: datetime | None
    amount_max: AmountBody | None
    signatures_needed: int
    service_roles: list[ServiceRoleReply]


class MandatesReply(msgspec.Struct, frozen=True):
    """Who acts for the company."""

    mandates: list[MandateReply]


class DeedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A deed: pending, effective or refused. `outcome`: what it made, or why it took no effect."""

    request_id: str
    kind: str
    state: str
    approval_id: str | None
    outcome: str | None
    created_at: datetime


class AskedDeedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A deed that was asked for. `number`: show it to the one officer who is asked."""

    request_id: str
    approval_id: str
    state: str
    asked: int
    quorum: int
    number: str | None
    expires_at: datetime


class DeedsReply(msgspec.Struct, frozen=True):
    """A company's deeds, newest first."""

    requests: list[DeedReply]


class CompanyCall(PrincipalCall):
    """A call by an officer of the company itself."""

    company_id: str


async def check_access_token(call: CompanyCall) -> Response | None:
    """Check token, DPoP proof, scope and mandate (RFC 9449 s7)."""
    answer: Response | None = await call.room.check_access_token(call)
    return answer


async def check_officer(call: CompanyCall) -> Refused | None:
    """Demand a token for the company, of somebody who holds a mandate of the company itself."""
    principal = call.principal
    if principal.company_id is None or principal.mandate is None:
        return Refused(CompanyRefusal.COMPANY_TOKEN)
    if principal.mandate.via:
        return Refused(CompanyRefusal.OWN_MANDATE)
    call.company_id = principal.company_id
    return None


async def reply_mandates(call: CompanyCall) -> Response:
    """Answer with everybody who acts for the company, persons and firms."""
    room = call.room
    held: list[Mandate | FirmMandate] = [
        *await room.mandates.of_company(call.db, call.company_id),
        *await room.mandates.agents_of_company(call.db, call.company_id),
    ]
    roles = await room.deeds.service_roles(call.db, call.company_id)
    shown = []
    for mandate in held:
        own = [ServiceRoleReply(r.id, r.client_id, r.role) for r in roles
               if r.mandate_id == mandate.id]  # fmt: skip
        shown.append(_shown(mandate, await _holder(call, mandate), own))
    return reply(MandatesReply(shown))


async def save_grant(call: CompanyCall) -> Response | Refused:
    """Ask the officers to approve a mandate."""
    body: GrantBody = call.body
    terms = _terms(call, body)
    if isinstance(terms, Refused):
        return terms
    if (body.person is None) == (body.firm is None):
        return Refused(CompanyRefusal.DEED_MALFORMED, "Name a person or a firm.", field="person")
    if body.firm is not None:
        firm = await call.room.company_by_business_number(call.db, body.firm)
        if isinstance(firm, Refused):
            return firm
        draft = FirmMandateDraft(holder_company_id=firm.id, **terms)
        return await _ask(call, GrantToFirm(draft), firm.names.in_language(call.lang))
    found = read_identifier(body.person or "")
    if found is None:
        return Refused(CompanyRefusal.DEED_MALFORMED, "Phone, e-mail or handle.", field="person")
    person = await call.room.parties.find_person(call.db, body.person or "")
    draft_for = MandateDraft(person_id=person.id if person else NOBODY, **terms)
    return await _ask(call, GrantToPerson(draft_for), found[1])


async def save_revocation(call: CompanyCall) -> Response | Refused:
    """Ask the officers to approve the end of a mandate."""
    body: RevocationBody = call.body
    return await _ask(call, Revoke(call.path_params["mandate_id"], body.is_resignation))


async def save_service_role(call: CompanyCall) -> Response | Refused:
    """Ask the officers to approve a role at a service."""
    body: ServiceRoleBody = call.body
    return await _ask(call, AssignServiceRole(body.mandate_id, body.client_id, body.role))


async def save_withdrawal(call: CompanyCall) -> Response | Refused:
    """Ask the officers to approve the end of a role at a service."""
    return await _ask(call, WithdrawServiceRole(call.path_params["service_role_id"]))


async def reply_deed(call: CompanyCall) -> Response | Refused:
    """Answer with a deed of the company; another company's is not found."""
    found = await call.room.deeds.deed(call.db, call.company_id, call.path_params["request_id"])
    return found if isinstance(found, Refused) else reply(_deed(found))


async def reply_deeds(call: CompanyCall) -> Response:
    """Answer with the company's deeds."""
    found = await call.room.deeds.deeds(call.db, call.company_id)
    return reply(DeedsReply([_deed(request) for request in found]))


async def _ask(call: CompanyCall, deed: Deed, holder: str = "") -> Response | Refused:
    client = await call.room.clients.find(call.db, call.principal.client_id)
    asked = await call.room.deeds.request(
        call.db, person_id=call.principal.actor_person_id, company_id=call.company_id,
        deed=deed, holder=holder, language=call.lang,
        requester_org=(client.organisation_id if client else "") or PLATFORM_ORGANISATION,
    )  # fmt: skip
    if isinstance(asked, Refused):
        return asked
    request, approval = asked
    return reply(_asked(request, approval), status=202)


def _terms(call: CompanyCall, body: GrantBody) -> dict[str, Any] | Refused:
    amount_max = None
    if body.amount_max is not None:
        try:
            amount_max = Money.parse(body.amount_max.amount, body.amount_max.currency)
        except ValueError as error:
            return Refused(CompanyRefusal.DEED_MALFORMED, str(error), field="amount_max")
    return {
        "company_id": call.company_id, "role": body.role, "scopes": frozenset(body.scopes),
        "valid_from": body.valid_from or call.kernel.business_clock.now(),
        "valid_to": body.valid_to, "amount_max": amount_max,
        "signatures_needed": body.signatures_needed,
    }  # fmt: skip


async def _holder(call: CompanyCall, mandate: Mandate | FirmMandate) -> HolderReply:
    if isinstance(mandate, FirmMandate):
        firm = await call.room.company(call.db, mandate.holder_company_id)
        assert not isinstance(firm, Refused), "a mandate's holder exists"
        return HolderReply(kind="firm", names=firm.names, business_number=firm.business_number)
    person = await call.room.person(call.db, mandate.person_id)
    assert not isinstance(person, Refused), "a mandate's holder exists"
    return HolderReply(kind="person", names=person.names)


def _shown(
    mandate: Mandate | FirmMandate, holder: HolderReply, roles: list[ServiceRoleReply]
) -> MandateReply:
    limit = mandate.amount_max
    return MandateReply(
        id=mandate.id, holder=holder, role=mandate.role, scopes=sorted(mandate.scopes),
        valid_from=mandate.valid_from, valid_to=mandate.valid_to,
        amount_max=AmountBody(limit.wire(), limit.currency) if limit else None,
        signatures_needed=mandate.signatures_needed, service_roles=roles,
    )  # fmt: skip


def _deed(request: DeedRequest) -> DeedReply:
    return DeedReply(
        request_id=request.id, kind=request.kind, state=request.state,
        approval_id=request.approval_id, outcome=request.outcome, created_at=request.created_at,
    )  # fmt: skip


def _asked(request: DeedRequest, approval: Approval) -> AskedDeedReply:
    return AskedDeedReply(
        request_id=request.id, approval_id=approval.id, state=request.state,
        asked=len(approval.person_ids), quorum=approval.quorum, number=approval.number,
        expires_at=approval.expires_at,
    )  # fmt: skip


_OFFICER = (check_access_token, check_officer)
_ROW: dict[str, Any] = {"call": CompanyCall, "errors": ROUTE_ERRORS, "scope": SCOPE}
_BASE = "/identity/v1/company"
ROUTES = (
    Route(
        method="GET", path=f"{_BASE}/mandates", name="list_company_mandates",
        summary="Who acts for the company", steps=(*_OFFICER, reply_mandates),
        replies={200: MandatesReply}, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/mandates", name="request_mandate",
        summary="Ask the officers to approve a mandate", steps=(*_OFFICER, save_grant),
        body=GrantBody, replies={202: AskedDeedReply}, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/mandates/{{mandate_id}}/revocation",
        name="request_mandate_revocation",
        summary="Ask the officers to approve the end of a mandate",
        steps=(*_OFFICER, save_revocation), body=RevocationBody,
        replies={202: AskedDeedReply}, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/service-roles", name="request_service_role",
        summary="Ask the officers to approve a role at a service",
        steps=(*_OFFICER, save_service_role), body=ServiceRoleBody,
        replies={202: AskedDeedReply}, **_ROW,
    ),
    Route(
        method="POST", path=f"{_BASE}/service-roles/{{service_role_id}}/withdrawal",
        name="request_service_role_withdrawal",
        summary="Ask the officers to approve the end of a role at a service",
        steps=(*_OFFICER, save_withdrawal), body_kind="raw", body_bytes_max=0,
        replies={202: AskedDeedReply}, **_ROW,
    ),
    Route(
        method="GET", path=f"{_BASE}/mandate-requests", name="list_mandate_requests",
        summary="The company's changes of mandates, newest first",
        steps=(*_OFFICER, reply_deeds), replies={200: DeedsReply}, **_ROW,
    ),
    Route(
        method="GET", path=f"{_BASE}/mandate-requests/{{request_id}}", name="get_mandate_request",
        summary="How a change of the company's mandates stands", steps=(*_OFFICER, reply_deed),
        replies={200: DeedReply}, **_ROW,
    ),
)  # fmt: skip

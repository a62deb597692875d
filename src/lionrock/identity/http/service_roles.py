"""A service declares the names of its roles; companies' officers then give them to their people.

The token is the client's own (client credentials); a service sees and adds its own names only, and
takes none away: officers may hold one. Who holds which role is told in the mandate's claims, to
that service alone. The officers' side: http/mandates.py. Source: RFC 6749 s4.4.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.deeds import SERVICE_ROLES_MAX
from lionrock.identity.domain.grants import ClientPrincipal
from lionrock.identity.domain.scopes import SERVICE_ROLES
from lionrock.identity.errors.companies import ROUTE_ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Call, Route, reply

PATH = "/identity/v1/service-roles"
_ERRORS: ErrorTable = {**ROUTE_ERRORS, **GRANT_ERRORS}
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=48)]


class RolesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names to add, such as approver; one that is there already stays."""

    service_roles: Annotated[
        list[_Name], msgspec.Meta(min_length=1, max_length=SERVICE_ROLES_MAX)
    ]


class RolesReply(msgspec.Struct, frozen=True):
    """Every name that the service declared."""

    service_roles: list[str]


class RolesCall(Call[Identity, Any]):
    """A service's call about its own roles."""

    client_principal: ClientPrincipal


async def check_client_token(call: RolesCall) -> Response | None:
    """Check the client's own token, its proof and its scope (RFC 9449 s7)."""
    return await call.room.check_client_token(call)


async def save_roles(call: RolesCall) -> Response | Refused:
    """Add names; all or none."""
    body: RolesBody = call.body
    problem = await call.room.declare_service_roles(
        call.db, call.client_principal.client_id, body.service_roles
    )
    return problem if problem is not None else await reply_roles(call)


async def reply_roles(call: RolesCall) -> Response:
    """Answer with the service's own names."""
    declared = await call.room.deeds.declared_roles(call.db, call.client_principal.client_id)
    return reply(RolesReply(sorted(declared)))


_ROW: dict[str, Any] = {
    "call": RolesCall, "errors": _ERRORS, "scope": SERVICE_ROLES, "replies": {200: RolesReply},
}  # fmt: skip
ROUTES = (
    Route(
        method="GET", path=PATH, name="list_service_roles",
        summary="The roles that the service declared", steps=(check_client_token, reply_roles),
        **_ROW,
    ),
    Route(
        method="POST", path=PATH, name="declare_service_roles",
        summary="Declare roles that companies give to their people",
        steps=(check_client_token, save_roles), body=RolesBody, **_ROW,
    ),
)  # fmt: skip

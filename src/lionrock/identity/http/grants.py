"""The grant management endpoint: a client looks at a grant of its own, or gives it back.

The token is the client's own (client credentials) with the scope of the deed; another client's
grant is not found. Source: Grant Management for OAuth 2.0 s6.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.domain.grants import ClientPrincipal
from lionrock.identity.domain.management import QUERY_SCOPE, REVOKE_SCOPE
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.http.discovery import GRANTS_PATH
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Call, Route, reply

_ERRORS: ErrorTable = {**ERRORS, **GRANT_ERRORS}


class GrantCall(Call[Identity, Any]):
    """A client's call about one of its grants."""

    client_principal: ClientPrincipal


async def check_client_token(call: GrantCall) -> Response | None:
    """Check the client's own token, its proof and its scope (RFC 9449 s7)."""
    return await call.room.check_client_token(call)


async def reply_grant(call: GrantCall) -> Response | Refused:
    """Say what the grant lets the client do (s6.3)."""
    found = await call.room.grants.query(
        call.db, call.client_principal.client_id, call.path_params["grant_id"]
    )
    if isinstance(found, Refused):
        return found
    return reply(found, headers={"cache-control": "no-store"})


async def save_revocation(call: GrantCall) -> Response | Refused:
    """Revoke the grant with every token and consent that stands on it (s6.4)."""
    problem = await call.room.grants.revoke_own(
        call.db, call.client_principal.client_id, call.path_params["grant_id"]
    )
    return problem if problem is not None else Response(status_code=204)


ROUTES = (
    Route(
        method="GET", path=f"{GRANTS_PATH}/{{grant_id}}", name="query_grant",
        summary="What a grant lets the client do", steps=(check_client_token, reply_grant),
        call=GrantCall, replies={200: None}, errors=_ERRORS, scope=QUERY_SCOPE,
        clause="Grant Management s6.3",
    ),
    Route(
        method="DELETE", path=f"{GRANTS_PATH}/{{grant_id}}", name="revoke_grant",
        summary="Give a grant back", steps=(check_client_token, save_revocation),
        call=GrantCall, replies={204: None}, errors=_ERRORS, scope=REVOKE_SCOPE,
        clause="Grant Management s6.4",
    ),
)  # fmt: skip

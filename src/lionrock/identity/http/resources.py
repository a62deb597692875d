"""What a service reads with a token: userinfo, and the companies that the person acts for."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lionrock.identity.domain.scopes import COMPANY, OPENID
from lionrock.identity.errors import ERRORS
from lionrock.identity.http.discovery import USERINFO_PATH
from lionrock.identity.service.identity import PrincipalCall
from lionrock.identity.service.userinfo import show_mandate
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.i18n import Text


async def check_access_token(call: PrincipalCall) -> Response | None:
    """Check token, DPoP proof, scope and mandate (RFC 9449 s7)."""
    answer: Response | None = await call.room.check_access_token(call)
    return answer


async def reply_userinfo(call: PrincipalCall) -> Response:
    """Answer with the claims that the scopes allow, as a JWT if registered so (OIDC s5.3.2)."""
    claims = await call.room.tokens.userinfo.claims(call.db, call.principal)
    if not call.principal.client_policy.userinfo_signed_response_alg:
        return reply(claims)
    client = await call.room.clients.find(call.db, call.principal.client_id)
    assert client is not None, "a live token's client is on record"
    return Response(call.room.answers.userinfo(client, claims), media_type="application/jwt")


async def reply_mandates(call: PrincipalCall) -> Response:
    """Answer with the companies that the person behind the token may act for now."""
    shown: list[dict[str, Any]] = []
    for mandate in await call.room.mandates.of_person(call.db, call.principal.actor_person_id):
        company = await call.room.company(call.db, mandate.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        names: Text = company.names
        shown.append({
            "company": {
                "id": company.id, "business_number": company.business_number, "names": names,
                "status": company.status,
            },
            "mandate": show_mandate(mandate),
        })  # fmt: skip
    return reply({"mandates": shown})


ROUTES = (
    Route(
        method="GET", path=USERINFO_PATH, name="userinfo", summary="Who signed in",
        steps=(check_access_token, reply_userinfo), call=PrincipalCall, replies={200: None},
        errors=ERRORS, scope=OPENID, clause="OIDC Core s5.3",
    ),
    Route(
        method="POST", path=USERINFO_PATH, name="userinfo_by_post", summary="Who signed in",
        steps=(check_access_token, reply_userinfo), call=PrincipalCall, body_kind="raw",
        body_bytes_max=0, replies={200: None}, errors=ERRORS, scope=OPENID,
        clause="OIDC Core s5.3.1",
    ),
    Route(
        method="GET", path="/identity/v1/mandates", name="list_own_mandates",
        summary="The companies that the person may act for",
        steps=(check_access_token, reply_mandates), call=PrincipalCall, replies={200: None},
        errors=ERRORS, scope=COMPANY,
    ),
)  # fmt: skip

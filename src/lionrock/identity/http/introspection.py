"""The introspection endpoint: what is this token, as JSON or as a signed answer.

Source: RFC 7662 s2, RFC 9701 s4 (the answer as a JWT, when Accept names its type).
"""

from __future__ import annotations

from starlette.responses import Response

from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.http.clients import (
    ClientCall,
    ClientForm,
    check_client,
    check_policy,
    learn_keys,
)
from lionrock.identity.http.discovery import INTROSPECTION_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.inspection import INTROSPECTION_TYPE
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Route, reply

MEDIA_TYPE = f"application/{INTROSPECTION_TYPE}"
TOKEN_FORM_ERRORS: ErrorTable = {**ERRORS, **GRANT_ERRORS}
NO_STORE = {"cache-control": "no-store"}


class TokenParameterForm(ClientForm, frozen=True, kw_only=True):
    """The form of introspection and revocation; the hint changes nothing (RFC 7009 s2.1)."""

    token: str | None = None
    token_type_hint: str | None = None


class TokenParameterCall(ClientCall):
    """A request about one token."""

    body: TokenParameterForm


async def check_token_parameter(call: TokenParameterCall) -> Refused | None:
    """Demand the token to speak about (RFC 7662 s2.1, RFC 7009 s2.1)."""
    return None if call.body.token else kept(Refused(GrantRefusal.TOKEN_PARAMETER, field="token"))


async def reply_introspection(call: TokenParameterCall) -> Response:
    """Say what the token is to this caller."""
    claims = await call.room.inspection.introspect(call.db, call.client, call.body.token or "")
    if not _wants_jwt(call.request.headers.get("accept", "")):
        return reply(claims, headers=NO_STORE)
    signed = call.room.inspection.signed(call.client, claims, call.room.tokens.signing_key())
    return Response(signed, media_type=MEDIA_TYPE, headers=NO_STORE)


def _wants_jwt(accept: str) -> bool:
    named = (part.split(";", 1)[0].strip().lower() for part in accept[:500].split(","))
    return MEDIA_TYPE in named


ROUTES = (
    Route(
        method="POST", path=INTROSPECTION_PATH, name="introspect_token",
        summary="What a token stands for",
        steps=(check_client, check_policy, check_token_parameter, reply_introspection),
        call=TokenParameterCall, body=TokenParameterForm, body_kind="form",
        replies={200: None}, errors=TOKEN_FORM_ERRORS, family="oauth", mend=learn_keys,
        clause="RFC 7662 s2", query=(),
    ),
)  # fmt: skip

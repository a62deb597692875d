"""The revocation endpoint: a client gives back a token of its own (RFC 7009).

The answer is the same for an unknown token, another client's and one that was just revoked.
"""

from __future__ import annotations

from starlette.responses import Response

from lionrock.identity.http.clients import check_client, check_policy, learn_keys
from lionrock.identity.http.discovery import REVOCATION_PATH
from lionrock.identity.http.introspection import (
    NO_STORE,
    TOKEN_FORM_ERRORS,
    TokenParameterCall,
    TokenParameterForm,
    check_token_parameter,
)
from lionrock.kernel.http import Route


async def save_revocation(call: TokenParameterCall) -> Response:
    """Revoke the token if it is the client's (RFC 7009 s2.2: 200 either way)."""
    await call.room.inspection.revoke(call.db, call.client, call.body.token or "")
    return Response(status_code=200, headers=NO_STORE)


ROUTES = (
    Route(
        method="POST", path=REVOCATION_PATH, name="revoke_token", summary="Give a token back",
        steps=(check_client, check_policy, check_token_parameter, save_revocation),
        call=TokenParameterCall, body=TokenParameterForm, body_kind="form",
        replies={200: None}, errors=TOKEN_FORM_ERRORS, family="oauth", mend=learn_keys,
        clause="RFC 7009 s2", query=(),
    ),
)  # fmt: skip

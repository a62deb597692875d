"""The token endpoint: authorization_code (RFC 6749 s4.1.3) and token exchange (RFC 8693)."""

from __future__ import annotations

from starlette.responses import Response

from lionrock.identity.domain.grants import TOKEN_EXCHANGE
from lionrock.identity.domain.parties import Client
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.http.discovery import TOKEN_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.resource import request_url
from lionrock.identity.service.tokens import TokenForm, TokenReply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply

# RFC 6749 s5.1: a token answer is stored by nobody on the way.
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class TokenCall(Call[Identity, TokenForm]):
    """A token request on its way: its client and the thumbprint of its proof's key."""

    client: Client
    jkt: str


async def check_client(call: TokenCall) -> Refused | None:
    """Authenticate the client by private_key_jwt; the assertion is used up (RFC 7523 s3)."""
    client = await call.room.clients.authenticate(
        call.db, assertion=call.body.client_assertion,
        assertion_type=call.body.client_assertion_type, client_id=call.body.client_id,
    )  # fmt: skip
    if isinstance(client, Refused):
        return client
    call.client = client
    return None


async def check_dpop(call: TokenCall) -> Refused | None:
    """Demand a DPoP proof: every token is bound to a key (RFC 9449 s5, FAPI 2.0 s5.3.2.1)."""
    proof = await call.room.clients.check_dpop(
        call.db, call.request.headers.getlist("dpop"), method="POST",
        url=request_url(call, call.room.issuer),
    )  # fmt: skip
    if isinstance(proof, Refused):
        return kept(proof)
    call.jkt = proof.jkt
    return None


async def check_grant_type(call: TokenCall) -> Refused | None:
    """Take the two grant types that there are."""
    if call.body.grant_type not in ("authorization_code", TOKEN_EXCHANGE):
        return kept(Refused(IdentityRefusal.GRANT_TYPE, field="grant_type"))
    return None


async def save_token(call: TokenCall) -> Response | Refused:
    """Check the grant itself, use it up, issue the token."""
    tokens = call.room.tokens
    grant = tokens.exchange if call.body.grant_type == TOKEN_EXCHANGE else tokens.redeem_code
    answer = await grant(call.db, call.client, call.body, call.jkt)
    return kept(answer) if isinstance(answer, Refused) else reply(answer, headers=NO_STORE)


ROUTES = (
    Route(
        method="POST", path=TOKEN_PATH, name="token", summary="Get an access token",
        steps=(check_client, check_dpop, check_grant_type, save_token), call=TokenCall,
        body=TokenForm, body_kind="form", replies={200: TokenReply}, errors=ERRORS,
        family="oauth", clause="RFC 6749 s3.2", query=(),
    ),
)  # fmt: skip

"""The token endpoint: one door for every grant type, the same checks before each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.responses import Response

from lionrock.identity.domain.clients import (
    AUTHORIZATION_CODE,
    CIBA,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    Client,
)
from lionrock.identity.domain.policy import Presented
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.ciba import CIBA_ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.http.clients import (
    ClientCall,
    check_client,
    check_policy,
    learn_keys,
    use_proof,
)
from lionrock.identity.http.discovery import TOKEN_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.identity import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import ErrorTable, Refused
from lionrock.kernel.http import Route, reply

# RFC 6749 s5.1: a token answer is stored by nobody on the way.
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class TokenCall(ClientCall):
    """A token request on its way: its client and the thumbprint of its proof's key."""

    body: TokenForm
    jkt: str

    def presented(self) -> Presented:
        """Every control, and the grant type."""
        return msgspec.structs.replace(super().presented(), grant_type=self.body.grant_type)


async def check_dpop(call: TokenCall) -> Refused | None:
    """Demand a DPoP proof: every token is bound to a key (RFC 9449 s5, FAPI 2.0 s5.3.2.1)."""
    proof = await use_proof(call)
    if isinstance(proof, Refused):
        return proof
    call.jkt = proof.jkt
    return None


async def check_grant_type(call: TokenCall) -> Refused | None:
    """Take the grant types that there are; the policy says which of them the client may use."""
    if call.body.grant_type not in GRANTS:
        return kept(Refused(IdentityRefusal.GRANT_TYPE, field="grant_type"))
    return None


async def save_token(call: TokenCall) -> Response | Refused:
    """Check the grant itself, use it up, issue the token."""
    grant = GRANTS[call.body.grant_type or ""](call.room)
    answer = await grant(call.db, call.client, call.body, call.jkt)
    return kept(answer) if isinstance(answer, Refused) else reply(answer, headers=NO_STORE)


TOKEN_ERRORS: ErrorTable = {**ERRORS, **CIBA_ERRORS, **GRANT_ERRORS}
GrantUseCase = Callable[[Connection, Client, TokenForm, str], Awaitable[TokenReply | Refused]]
# Every grant type that the token endpoint takes, and the use case that redeems it.
GRANTS: Mapping[str, Callable[[Identity], GrantUseCase]] = {
    AUTHORIZATION_CODE: lambda room: room.tokens.redeem_code,
    CLIENT_CREDENTIALS: lambda room: room.tokens.client_credentials,
    REFRESH_TOKEN: lambda room: room.refresh.redeem,
    TOKEN_EXCHANGE: lambda room: room.tokens.exchange,
    CIBA: lambda room: room.ciba.redeem,
}

ROUTES = (
    Route(
        method="POST", path=TOKEN_PATH, name="token", summary="Get an access token",
        steps=(check_client, check_grant_type, check_policy, check_dpop, save_token),
        call=TokenCall,
        body=TokenForm, body_kind="form", replies={200: TokenReply}, errors=TOKEN_ERRORS,
        family="oauth", mend=learn_keys, clause="RFC 6749 s3.2", query=(),
    ),
)  # fmt: skip

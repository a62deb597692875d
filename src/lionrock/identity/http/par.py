"""The pushed authorization request endpoint (RFC 9126): the only way to begin."""

from __future__ import annotations

from starlette.responses import Response

from lionrock.identity.domain.requests import AuthorizationRequest, PushedForm, check_pushed
from lionrock.identity.errors import ERRORS
from lionrock.identity.http.clients import ClientCall, check_client, endpoint_url
from lionrock.identity.http.discovery import PAR_PATH
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.authorization import PushedReply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply


class PushCall(ClientCall):
    """A push on its way: its client, the key of its proof, the checked request."""

    body: PushedForm
    proof_jkt: str | None
    pushed: AuthorizationRequest


async def check_dpop(call: PushCall) -> Refused | None:
    """Check a DPoP proof when one is sent: it binds the code to its key (RFC 9449 s10.1)."""
    call.proof_jkt = None
    proofs = call.request.headers.getlist("dpop")
    if not proofs:
        return None
    proof = await call.room.clients.check_dpop(
        call.db, proofs, method="POST", url=endpoint_url(call)
    )
    if isinstance(proof, Refused):
        return kept(proof)
    call.proof_jkt = proof.jkt
    return None


async def check_request(call: PushCall) -> Refused | None:
    """Check every parameter of the authorization request (RFC 9126 s2.1, FAPI 2.0 s5.3.2.2)."""
    pushed = check_pushed(call.body, call.client, proof_jkt=call.proof_jkt)
    if isinstance(pushed, Refused):
        return kept(pushed)
    call.pushed = pushed
    return None


async def save_request(call: PushCall) -> Response:
    """Keep the request and answer with its one-time address."""
    return reply(await call.room.authorization.push(call.db, call.pushed), status=201)


ROUTES = (
    Route(
        method="POST", path=PAR_PATH, name="push_authorization_request",
        summary="Push an authorization request",
        steps=(check_client, check_dpop, check_request, save_request), call=PushCall,
        body=PushedForm, body_kind="form", replies={201: PushedReply}, errors=ERRORS,
        family="oauth", clause="RFC 9126 s2", query=(),
    ),
)  # fmt: skip

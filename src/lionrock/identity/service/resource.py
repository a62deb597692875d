"""The check that guards every resource of every pillar: token, proof, scope, mandate.

Used as a Step by other pillars' route tables, whose error tables do not know our refusals; so the
answer is dressed here: problem+json with the WWW-Authenticate challenge of RFC 9449 s7.1.
In a row of mode "transaction" it works in that transaction, otherwise in one of its own. When the
row's own steps then refuse, the remembered jti is rolled back with everything else: the proof can
be shown once more, to a request that changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from starlette.responses import Response

from lionrock.identity.domain.clients import ClientPolicy
from lionrock.identity.domain.dpop import Proof
from lionrock.identity.domain.grants import ClientPrincipal, Principal
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.service.clients import Clients
from lionrock.identity.service.nonces import HEADER
from lionrock.identity.service.tokens import Tokens
from lionrock.kernel import late
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call
from lionrock.kernel.http.replies import problem_reply
from lionrock.kernel.signatures import target_uri

P = TypeVar("P", bound=Principal | ClientPrincipal)
Authenticate = Callable[[Connection, str, str], Awaitable[P | Refused]]
AUTHORIZATION_LENGTH_MAX = 512
PUBLIC_SCOPES = frozenset({"public", "openid", ""})
ALGORITHMS = "ES256 Ed25519"
_OF_TOKEN = frozenset(
    {"invalid_dpop_proof", "use_dpop_nonce", "invalid_token", "invalid_grant", ""}
)


async def check_resource_call(
    call: Call[Any, Any], clients: Clients, tokens: Tokens, issuer: str
) -> Principal | Refused:
    """Return who calls, after every check of RFC 9449 s7; Refused names the first that failed."""

    return await _check_within(call, clients, tokens.authenticate, issuer)


async def check_bearer_call(
    call: Call[Any, Any], clients: Clients, tokens: Tokens, issuer: str
) -> Principal | ClientPrincipal | Refused:
    """The same for a resource that takes a client's own token too."""
    return await _check_within(call, clients, tokens.bearer, issuer)


async def _check_within(
    call: Call[Any, Any], clients: Clients, authenticate: Authenticate[P], issuer: str
) -> P | Refused:
    async def use_case(db: Connection) -> P | Refused:
        return await _check(call, db, clients, authenticate, issuer)

    if call.route.mode == "transaction":
        with late.dressing(call.db, partial(resource_refusal, call)):
            return await use_case(call.db)
    return await call.kernel.database.run(use_case)


async def _check(
    call: Call[Any, Any], db: Connection, clients: Clients, authenticate: Authenticate[P],
    issuer: str,
) -> P | Refused:
    access_token = read_access_token(call.request.headers.getlist("authorization"))
    if isinstance(access_token, Refused):
        return access_token
    proof = clients.read_dpop(
        call.request.headers.getlist("dpop"), method=call.request.method,
        url=request_url(call, issuer), access_token=access_token,
    )  # fmt: skip
    if isinstance(proof, Refused):
        return proof
    principal = await authenticate(db, access_token, proof.jkt)
    if isinstance(principal, Refused):
        return principal
    problem = check_nonce(call, clients, proof, principal.client_policy)
    if problem is None:
        problem = await clients.use_dpop(db, proof)
    if problem is not None:
        return problem
    scope = call.route.scope
    if scope not in PUBLIC_SCOPES and scope not in principal.scopes:
        return Refused(IdentityRefusal.SCOPE_MISSING, f"{scope} is needed.")
    return principal


def check_nonce(
    call: Call[Any, Any], clients: Clients, proof: Proof, policy: ClientPolicy
) -> Refused | None:
    """Check the proof's nonce where one is wanted, and tell the next one (RFC 9449 s9)."""
    is_required = policy.require_dpop_nonce
    following = clients.nonces.next_for(proof.nonce, is_required=is_required)
    if following is not None:
        call.reply_headers[HEADER] = following
    return clients.nonces.check(proof, is_required=is_required)


def read_access_token(headers: list[str]) -> str | Refused:
    """Read the one Authorization header; the scheme's case does not matter (RFC 9110 s11.1)."""
    if not headers:
        return Refused(IdentityRefusal.TOKEN_MISSING)
    if len(headers) > 1 or len(headers[0]) > AUTHORIZATION_LENGTH_MAX:
        return Refused(IdentityRefusal.TOKEN_SCHEME, "Send one Authorization header.")
    scheme, _, access_token = headers[0].partition(" ")
    if scheme.lower() != "dpop":
        return Refused(IdentityRefusal.TOKEN_SCHEME)
    if not access_token or access_token != access_token.strip() or " " in access_token:
        return Refused(IdentityRefusal.TOKEN_INVALID)
    return access_token


def request_url(call: Call[Any, Any], issuer: str) -> str:
    """Return the request's address as the server knows itself, without the query."""
    raw_path = call.request.scope.get("raw_path") or call.request.scope["path"].encode()
    return target_uri(issuer, bytes(raw_path).split(b"?", 1)[0])


def resource_refusal(call: Call[Any, Any], refused: Refused) -> Response:
    """Dress a refusal as problem+json with the challenge of RFC 9449 s7.1 and RFC 6750 s3."""
    row = GRANT_ERRORS.get(refused.refusal) or ERRORS[refused.refusal]
    is_of_token = row.oauth in _OF_TOKEN
    status = 401 if is_of_token and row.status in (400, 401) else row.status
    response = problem_reply(row, refused, "check_access_token", call.request_id)
    response.status_code = status
    if status in (401, 403):
        error = "invalid_token" if row.oauth == "invalid_grant" else row.oauth
        shown = f'error="{error}", ' if error else ""
        scope = f'scope="{call.route.scope}", ' if error == "insufficient_scope" else ""
        response.headers["www-authenticate"] = f'DPoP {shown}{scope}algs="{ALGORITHMS}"'
    return response


def no_mandate(call: Call[Any, Any]) -> Response:
    """The answer to a person's token where a company's is needed."""
    return resource_refusal(call, Refused(IdentityRefusal.MANDATE_MISSING))

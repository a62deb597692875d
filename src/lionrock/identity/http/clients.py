"""What every back-channel endpoint of the server begins with: who is the client, may it do this."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.identity.domain.assertions import claimed_client, claimed_key
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.dpop import Proof, claims_nonce
from lionrock.identity.domain.policy import PolicyRefusal, Presented, check_controls
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.http.keeping import kept
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.nonces import HEADER
from lionrock.identity.service.resource import request_url
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call


class ClientForm(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of private_key_jwt that every such form has (RFC 7523 s2.2)."""

    client_assertion: str | None = None
    client_assertion_type: str | None = None
    client_id: str | None = None


class ClientCall(Call[Identity, Any]):
    """A request of an authenticated client; `body` is a form that holds the ClientForm fields."""

    client: Client

    def presented(self) -> Presented:
        """What the request came with; an endpoint adds its own to what every one has."""
        proofs = self.request.headers.getlist("dpop")
        has_nonce = bool(proofs) and claims_nonce(proofs[0])
        return Presented(has_proof=bool(proofs), has_proof_nonce=has_nonce)


async def check_client(call: ClientCall) -> Refused | None:
    """Authenticate the client by private_key_jwt; the assertion is used up (RFC 7523 s3)."""
    client = await call.room.clients.authenticate(
        call.db, assertion=call.body.client_assertion,
        assertion_type=call.body.client_assertion_type, client_id=call.body.client_id,
    )  # fmt: skip
    if isinstance(client, Refused):
        return client
    call.client = client
    return None


async def learn_keys(call: ClientCall, refused: Refused) -> bool:
    """After an assertion by an unknown key: fetch the keys of a client that keeps its own."""
    assertion = call.body.client_assertion
    if refused.refusal is not IdentityRefusal.CLIENT_ASSERTION_SIGNATURE or not assertion:
        return False
    claimed = claimed_client(assertion)
    if isinstance(claimed, Refused):
        return False
    return await call.room.key_sets.learn(claimed, claimed_key(assertion))


async def check_policy(call: ClientCall) -> Refused | None:
    """Check every control that the client's policy demands, before anything is done for it."""
    problem = check_controls(call.client.policy, call.presented())
    if problem is None:
        return None
    if problem.refusal is PolicyRefusal.DPOP_NONCE_REQUIRED:
        call.reply_headers[HEADER] = call.room.clients.nonces.current()
    return kept(problem)


async def use_proof(call: ClientCall) -> Proof | Refused:
    """Check and use up the request's DPoP proof; tells the next nonce where there are any."""
    policy, nonces = call.client.policy, call.room.clients.nonces
    proof = await call.room.clients.check_dpop(
        call.db, call.request.headers.getlist("dpop"), method=call.request.method,
        url=endpoint_url(call), policy=policy,
    )  # fmt: skip
    seen = None if isinstance(proof, Refused) else proof.nonce
    following = nonces.next_for(seen, is_required=policy.require_dpop_nonce)
    if following is not None:
        call.reply_headers[HEADER] = following
    return kept(proof) if isinstance(proof, Refused) else proof


class BindingCall(ClientCall):
    """A request that may bind what comes of it to a key, by a proof sent with it."""

    proof_jkt: str | None


async def check_dpop(call: BindingCall) -> Refused | None:
    """Check a DPoP proof when one is sent: what comes is bound to its key (RFC 9449 s10.1)."""
    call.proof_jkt = None
    if "dpop" not in call.request.headers:
        return None
    proof = await use_proof(call)
    if isinstance(proof, Refused):
        return proof
    call.proof_jkt = proof.jkt
    return None


def endpoint_url(call: ClientCall) -> str:
    """The address that a DPoP proof of this request must name (RFC 9449 s4.3)."""
    return request_url(call, call.room.issuer)

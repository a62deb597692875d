"""Clients: registration by the operator, and their authentication at PAR and token endpoint.

Source: RFC 7523 s3, FAPI 2.0 Security Profile s5.3.2.1, RFC 9449 s4.3 and s11.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from lionrock.identity.domain.assertions import (
    ASSERTION_TYPE,
    CLOCK_BEHIND_S_MAX,
    check_assertion,
    claimed_client,
)
from lionrock.identity.domain.clients import AUTHORIZATION_CODE, Client, ClientPolicy
from lionrock.identity.domain.dpop import PROOF_AGE_S_MAX, PROOF_AHEAD_S_MAX, Proof, check_proof
from lionrock.identity.domain.policy import check_policy
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.requests import REDIRECT_URI_LENGTH_MAX
from lionrock.identity.domain.scopes import SCOPES
from lionrock.identity.domain.words import is_safe_line
from lionrock.identity.service.nonces import Nonces
from lionrock.identity.store import clients as store
from lionrock.kernel import late
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, key_from_jwk, trusted_key

KEYS_MAX = 5
# A front reads a client anew twice a second: what an operator changes bites within one.
CLIENT_STALE_MS = 500
REDIRECT_URIS_MAX = 10
NAME_LENGTH_MAX = 80
_CLIENT_ID = re.compile(r"[a-z][a-z0-9-]{2,63}")


class KnownClient(msgspec.Struct):
    """A client and its parsed keys as this process read them; `is_used` since then."""

    client: Client
    keys: list[Key]
    read_ms: float
    is_used: bool = False


class Clients:
    """Registered services. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, issuer: str) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self.nonces = Nonces(kernel)
        self._seen: dict[str, KnownClient] = {}

    async def register(self, db: Connection, client: Client) -> Client | Refused:
        """Register a client; CLIENT_DRAFT names the field that is not acceptable."""
        problem = check_client(client)
        if problem is None:
            problem = await store.insert_client(db, client, self._kernel.business_clock.now())
        return client if problem is None else problem

    async def replace(self, db: Connection, client: Client) -> Client | Refused:
        """Replace a client's registration (keys, addresses, scopes, activity)."""
        problem = check_client(client)
        if problem is not None:
            return problem
        is_replaced = await store.replace_client(db, client)
        self._seen.pop(client.id, None)
        return client if is_replaced else Refused(IdentityRefusal.CLIENT_UNKNOWN)

    async def find(self, db: Connection, client_id: str) -> Client | None:
        """Return an active client, as it was at most CLIENT_STALE_MS ago."""
        known = await self._known(db, client_id)
        return known.client if known is not None else None

    def forget(self, client_id: str) -> None:
        """Read a client anew at its next use: it has changed."""
        self._seen.pop(client_id, None)

    async def _known(self, db: Connection, client_id: str) -> KnownClient | None:
        now_ms = monotonic_ms()
        known = self._seen.get(client_id)
        if known is not None and now_ms - known.read_ms < CLIENT_STALE_MS:
            known.is_used = True
            return known
        # With it all others that were asked for since they were read: one question for many.
        asked = {c for c, each in self._seen.items() if each.is_used} | {client_id}
        found = {client.id: client for client in await store.clients(db, asked)}
        for known_id, before in list(self._seen.items()):
            if known_id in asked or now_ms - before.read_ms >= CLIENT_STALE_MS:
                del self._seen[known_id]
            if known_id in found and found[known_id] == before.client:
                self._seen[known_id] = KnownClient(before.client, before.keys, now_ms)
        for client in found.values():
            if client.id not in self._seen:
                self._seen[client.id] = KnownClient(client, signing_keys(client), now_ms)
        return self._seen.get(client_id)

    async def authenticate(
        self,
        db: Connection,
        *,
        assertion: str | None,
        assertion_type: str | None,
        client_id: str | None,
    ) -> Client | Refused:
        """Authenticate a client by its assertion, and remember the assertion's jti.

        Every later refusal of the same request must keep the transaction, or the jti is forgotten.
        """
        if not assertion or not assertion_type:
            return Refused(IdentityRefusal.CLIENT_ASSERTION_MISSING)
        if assertion_type != ASSERTION_TYPE:
            return Refused(IdentityRefusal.CLIENT_ASSERTION_MISSING, f"Expected {ASSERTION_TYPE}")
        claimed = claimed_client(assertion)
        if isinstance(claimed, Refused):
            return claimed
        if client_id is not None and client_id != claimed:
            return Refused(IdentityRefusal.CLIENT_MISMATCH, field="client_id")
        known = await self._known(db, claimed)
        if known is None:
            return Refused(IdentityRefusal.CLIENT_UNKNOWN)
        client = known.client
        checked = check_assertion(
            assertion, known.keys, client_id=client.id, issuer=self._issuer,
            now_s=self._kernel.wire_clock.now_s(),
        )  # fmt: skip
        if isinstance(checked, Refused):
            return checked
        forget_at = datetime.fromtimestamp(checked.expires_at_s + CLOCK_BEHIND_S_MAX + 1, UTC)
        realm = f"identity.assertion/{client.id}"
        replayed = Refused(IdentityRefusal.CLIENT_ASSERTION_REPLAYED)
        return await late.once(db, realm, checked.jti, forget_at, replayed) or client

    def read_dpop(
        self, proofs: Sequence[str], *, method: str, url: str, access_token: str | None = None
    ) -> Proof | Refused:
        """Check the DPoP headers of a request; nothing is remembered yet."""
        if not proofs:
            return Refused(IdentityRefusal.DPOP_MISSING)
        if len(proofs) > 1:
            return Refused(IdentityRefusal.DPOP_SEVERAL)
        return check_proof(
            proofs[0], method=method, url=url, now_s=self._kernel.wire_clock.now_s(),
            access_token=access_token,
        )  # fmt: skip

    async def use_dpop(self, db: Connection, proof: Proof) -> Refused | None:
        """Remember a proof's jti for its key (RFC 9449 s11.1); DPOP_REPLAYED when it was seen.

        Only for callers that are known by then: anybody can make keys and proofs, and what they
        make must not fill our memory.
        """
        forget_at_s = proof.iat_s + PROOF_AGE_S_MAX + PROOF_AHEAD_S_MAX
        forget_at = datetime.fromtimestamp(forget_at_s, UTC)
        replayed = Refused(IdentityRefusal.DPOP_REPLAYED)
        realm = f"identity.dpop/{proof.jkt}"
        return await late.once(db, realm, proof.jti, forget_at, replayed)

    async def check_dpop(
        self,
        db: Connection,
        proofs: Sequence[str],
        *,
        method: str,
        url: str,
        policy: ClientPolicy | None = None,
    ) -> Proof | Refused:
        """Check and use up the proof of an authenticated client's request, its nonce too."""
        proof = self.read_dpop(proofs, method=method, url=url)
        if isinstance(proof, Refused):
            return proof
        is_required = policy is not None and policy.require_dpop_nonce
        problem = self.nonces.check(proof, is_required=is_required)
        return problem or await self.use_dpop(db, proof) or proof


def signing_keys(client: Client) -> list[Key]:
    """Return a client's keys that sign; they were checked when registered (or fetched)."""
    return [trusted_key(jwk) for jwk in client.keys if jwk.get("use", "sig") == "sig"]


def check_client(client: Client) -> Refused | None:
    """Check a registration: id, names (they appear on phones), keys, addresses, scopes, sector."""
    refusal = IdentityRefusal.CLIENT_DRAFT
    if not _CLIENT_ID.fullmatch(client.id):
        return Refused(refusal, "Lower-case letters, digits and hyphens.", field="id")
    for name in (client.names.en, client.names.zh_hant, client.names.zh_hans):
        if not is_safe_line(name, NAME_LENGTH_MAX):
            return Refused(refusal, f"1 to {NAME_LENGTH_MAX} characters.", field="names")
    if not 1 <= len(client.keys) <= KEYS_MAX:
        return Refused(refusal, f"1 to {KEYS_MAX} public keys.", field="keys")
    for jwk in client.keys:
        key = key_from_jwk(jwk)
        if isinstance(key, Refused):
            return Refused(refusal, key.detail, field="keys")
    unkept = check_policy(client.policy, keys=client.keys)
    if unkept is not None:
        return Refused(refusal, unkept[1], field=f"policy.{unkept[0]}")
    if not client.scopes or not client.scopes <= SCOPES.keys():
        return Refused(refusal, f"Known: {', '.join(SCOPES)}.", field="scopes")
    if not client.sector or "\n" in client.sector:
        return Refused(refusal, "A host name such as portal.example.", field="sector")
    least = 1 if AUTHORIZATION_CODE in client.policy.grant_types else 0
    if not least <= len(client.redirect_uris) <= REDIRECT_URIS_MAX:
        expected = f"{least} to {REDIRECT_URIS_MAX} addresses."
        return Refused(refusal, expected, field="redirect_uris")
    for uri in client.redirect_uris:
        if not _is_redirect_uri(uri):
            return Refused(refusal, "An absolute http(s) address, no fragment.", "redirect_uris")
    return None


def _is_redirect_uri(uri: str) -> bool:
    """Absolute, http or https, printable ASCII, no fragment, no credentials (RFC 6749 s3.1.2)."""
    if len(uri) > REDIRECT_URI_LENGTH_MAX or not uri.isascii() or not uri.isprintable():
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if parts.scheme not in ("https", "http") or not parts.hostname or " " in uri:
        return False
    return "#" not in uri and "@" not in parts.netloc

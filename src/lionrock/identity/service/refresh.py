"""The refresh grant: a new access token, narrower or equal, and the successor of the refresh token.

Checked in this order: shape and mac (invented tokens are unknown), the client, the grant, reuse,
time, the key where the client's policy binds it, scopes and details. A reuse costs the grant.
Source: RFC 6749 s6, RFC 9700 s4.14.2, RFC 9449 s5, RFC 9396 s6.1.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import narrowed_to
from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.identity.domain.grants import Grant, TokenBasis
from lionrock.identity.domain.refresh import (
    RefreshFamily,
    RefreshParts,
    next_generation,
    read_refresh_token,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.scopes import read_scope
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.identity.service.grants import Grants, handle_hash
from lionrock.identity.service.tokens import Tokens
from lionrock.identity.store import grants as store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Refresh:
    """The use case of grant_type=refresh_token, in the caller's transaction."""

    def __init__(self, kernel: Kernel, grants: Grants, tokens: Tokens) -> None:
        self._kernel = kernel
        self._grants = grants
        self._tokens = tokens

    async def redeem(
        self, db: Connection, client: Client, form: TokenForm, jkt: str
    ) -> TokenReply | Refused:
        """Rotate a refresh token of the client and issue on its grant."""
        if not form.refresh_token:
            return Refused(GrantRefusal.REFRESH_MISSING, field="refresh_token")
        shown = self.authentic(form.refresh_token)
        if shown is None:
            return Refused(GrantRefusal.REFRESH_UNKNOWN)
        held = await self._hold(db, client, shown)
        if isinstance(held, Refused):
            return held
        family, grant = held
        generation = next_generation(family, shown.generation, self._kernel.wire_clock.now())
        if isinstance(generation, Refused):
            if generation.refusal is GrantRefusal.REFRESH_REUSED:
                await self._grants.revoke(db, grant.id, "refresh_reuse")
            return generation
        if client.policy.refresh_is_key_bound and family.jkt != jkt:
            return Refused(IdentityRefusal.DPOP_KEY_MISMATCH, "The policy binds the first key.")
        basis = _narrow(client, grant, form)
        if isinstance(basis, Refused):
            return basis
        # From here the token must be issued.
        now = self._kernel.wire_clock.now()
        idle = now + timedelta(seconds=self._kernel.settings.refresh_idle_s)
        await store.rotate_family(db, family.handle_hash, generation, idle)
        token = self._grants.refresh_token(shown.handle, generation)
        return await self._tokens.issue(
            db, client, msgspec.structs.replace(basis, refresh_token=token), jkt
        )

    def authentic(self, text: str) -> RefreshParts | None:
        """Return the parts of a refresh token that we made; None for anything else."""
        shown = read_refresh_token(text)
        if shown is None:
            return None
        expected = self._grants.refresh_token(shown.handle, shown.generation)
        return shown if secrets.equal(expected, text) else None

    async def _hold(
        self, db: Connection, client: Client, shown: RefreshParts
    ) -> tuple[RefreshFamily, Grant] | Refused:
        """Hold the grant first, then read the family: whoever changes either holds the grant."""
        seen = await store.family(db, handle_hash(shown.handle), client.id)
        if seen is None:
            return Refused(GrantRefusal.REFRESH_UNKNOWN)
        grant = await store.hold_live_grant(db, seen.grant_id, client.id)
        family = await store.family(db, seen.handle_hash, client.id)
        if grant is None or family is None:
            return Refused(GrantRefusal.GRANT_REVOKED)
        return family, grant


def _narrow(client: Client, grant: Grant, form: TokenForm) -> TokenBasis | Refused:
    """Return the basis of the new token: the grant, or less; never more (RFC 6749 s6)."""
    allowed = frozenset(grant.scopes) & client.scopes
    scopes = read_scope(form.scope or " ".join(n for n in grant.scopes if n in allowed), allowed)
    if isinstance(scopes, Refused):
        return scopes
    details = narrowed_to(
        form.authorization_details, client.policy.authorization_details_types, grant.details
    )
    if isinstance(details, Refused):
        return details
    return TokenBasis(
        grant_id=grant.id, person_id=grant.person_id, scopes=scopes, details=details,
        claims=grant.claims, signed_in_at=grant.signed_in_at, company_id=grant.company_id,
    )  # fmt: skip

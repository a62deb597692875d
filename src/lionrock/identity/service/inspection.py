"""What the server says of a token, and ending one: introspection and revocation.

A client is told of its own tokens. A resource server (policy `may_introspect`) is told of access
tokens that hold one of its own scopes, and of those scopes only; subjects are pairwise for whoever
asks. Anybody else hears "not active", as for a token that never was. Revoking another client's
token does nothing and says nothing.
Source: RFC 7662, RFC 9701, RFC 7009, RFC 9396 s9.2, RFC 9449 s6.2, RFC 9470 s6.2.
"""

from __future__ import annotations

from typing import Any

from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import AccessToken, is_live, secret_hash
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.refresh import RefreshParts, next_generation
from lionrock.identity.domain.scopes import OPENID
from lionrock.identity.service.assurance import grant_authentication
from lionrock.identity.service.grants import Grants, handle_hash
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.refresh import Refresh
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import grants as grant_store
from lionrock.identity.store import tokens as store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, sign_jws

INTROSPECTION_TYPE = "token-introspection+jwt"
TOKEN_LENGTH_MAX = 512
_INACTIVE: dict[str, Any] = {"active": False}


class Inspection:
    """Both endpoints' use cases, each in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        *,
        mandates: Mandates,
        grants: Grants,
        refresh: Refresh,
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._mandates = mandates
        self._grants = grants
        self._refresh = refresh

    async def introspect(self, db: Connection, caller: Client, token: str) -> dict[str, Any]:
        """Return the claims of RFC 7662 s2.2; {"active": false} for what is not the caller's."""
        if len(token) > TOKEN_LENGTH_MAX:
            return _INACTIVE
        shown = self._refresh.authentic(token)
        if shown is not None:
            return await self._of_refresh_token(db, caller, shown)
        found = await store.access_token(db, secret_hash(token))
        if found is None or not is_live(found, self._kernel.wire_clock.now()):
            return _INACTIVE
        return await self._of_access_token(db, caller, found)

    def signed(self, caller: Client, claims: dict[str, Any], key: Key) -> str:
        """Return the same as a JWT for the caller alone (RFC 9701 s5)."""
        return sign_jws(
            key,
            {
                "iss": self._issuer, "aud": caller.id, "iat": self._kernel.wire_clock.now_s(),
                "token_introspection": claims,
            },
            typ=INTROSPECTION_TYPE,
        )  # fmt: skip

    async def revoke(self, db: Connection, caller: Client, token: str) -> None:
        """End a token of the caller (RFC 7009 s2.1); whatever else is shown is let be.

        A refresh token takes its grant along, with all that was issued on it. A person's access
        token takes along the company tokens that it was exchanged for.
        """
        if len(token) > TOKEN_LENGTH_MAX:
            return
        shown = self._refresh.authentic(token)
        if shown is None:
            now = self._kernel.wire_clock.now()
            await store.revoke_token(db, secret_hash(token), caller.id, now)
            return
        family = await grant_store.family(db, handle_hash(shown.handle), caller.id)
        if family is not None:
            await self._grants.revoke(db, family.grant_id, "client")

    async def _of_access_token(
        self, db: Connection, caller: Client, token: AccessToken
    ) -> dict[str, Any]:
        is_own = token.client_id == caller.id
        scopes = token.scopes if is_own else _served(caller, token.scopes)
        if not is_own and not (caller.policy.may_introspect and scopes):
            return _INACTIVE
        types = caller.policy.authorization_details_types
        details = [d for d in token.details if is_own or d["type"] in types]
        claims: dict[str, Any] = {
            "active": True, "iss": self._issuer, "client_id": token.client_id,
            "token_type": "DPoP", "scope": " ".join(scopes), "cnf": {"jkt": token.jkt},
            "iat": int(token.issued_at.timestamp()), "exp": int(token.expires_at.timestamp()),
        }  # fmt: skip
        if details:
            claims["authorization_details"] = details
        if token.person_id is None:
            return claims
        how = await grant_authentication(db, token.grant_id, token.issued_at)
        claims |= {"acr": how.acr, "auth_time": int(how.authenticated_at.timestamp())}
        person = self._vault.subject(caller.sector, "person", token.person_id)
        if token.company_id is None or token.mandate_id is None:
            return claims | {"sub": person}
        mandate = await self._mandates.usable(db, token.mandate_id, token.company_id)
        if isinstance(mandate, Refused):
            return _INACTIVE
        return claims | {
            "sub": self._vault.subject(caller.sector, "company", token.company_id),
            "act": self._actor(caller, person, mandate),
        }

    def _actor(self, caller: Client, person: str, mandate: Mandate) -> dict[str, Any]:
        """The person who acts, and inside it the agent firms, outwards (RFC 8693 s4.1)."""
        shown: dict[str, Any] = {}
        firms = (self._vault.subject(caller.sector, "company", firm) for firm in mandate.via)
        for subject in reversed((person, *firms)):
            shown = {"sub": subject, "act": shown} if shown else {"sub": subject}
        return shown

    async def _of_refresh_token(
        self, db: Connection, caller: Client, shown: RefreshParts
    ) -> dict[str, Any]:
        family = await grant_store.family(db, handle_hash(shown.handle), caller.id)
        if family is None:
            return _INACTIVE
        generation = next_generation(family, shown.generation, self._kernel.wire_clock.now())
        grant = await grant_store.hold_live_grant(db, family.grant_id, caller.id)
        if isinstance(generation, Refused) or grant is None:
            return _INACTIVE
        ends_at = min(family.idle_expires_at, family.expires_at)
        return {
            "active": True, "iss": self._issuer, "client_id": caller.id,
            "scope": " ".join(grant.scopes), "exp": int(ends_at.timestamp()),
            "iat": int(family.started_at.timestamp()),
            "sub": self._vault.subject(caller.sector, "person", grant.person_id),
        }  # fmt: skip


def _served(caller: Client, scopes: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of a token that a resource server serves: its own; openid is everybody's."""
    return tuple(name for name in scopes if name in caller.scopes and name != OPENID)

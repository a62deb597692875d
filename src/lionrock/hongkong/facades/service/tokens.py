"""Tokens of the facades: identity's own, bound to a thumbprint that no key has.

So nobody can show one at a resource with a proof; here it counts together with the client's
signature. Whatever ends a token in identity (revocation, a mandate, a person, a client) ends it
here at its next use.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from lionrock.hongkong.facades import store
from lionrock.hongkong.facades.domain import ACTION_LIFE_S, Wire, bound_thumbprint, core_scopes
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.hongkong.facades.service.gate import Known
from lionrock.identity.api import (
    ACCESS_TOKEN_LIFE_S,
    ACCESS_TOKEN_TYPE,
    Client,
    Company,
    Identity,
    Principal,
    TokenBasis,
    TokenForm,
    TokenReply,
    secret_hash,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

USER_TYPE = "personal"
# What a token's last call asks of a person may take an action's whole life.
KEPT_S = ACCESS_TOKEN_LIFE_S + ACTION_LIFE_S
_ROLES = {
    "responsible_person": "RP", "administrator": "ADM", "representative": "AR", "user": "USR",
}  # fmt: skip


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """Who an access token stands for, and what its wire lets it do."""

    principal: Principal
    scopes: tuple[str, ...]
    access_token: str


class FacadeTokens:
    """Codes to tokens, and tokens at use, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, identity: Identity) -> None:
        self._kernel = kernel
        self._identity = identity

    async def redeem(
        self, db: Connection, known: Known, wire: Wire, code: str
    ) -> dict[str, Any] | Refused:
        """Exchange a code for a token; CODE. One shown twice costs the tokens that it brought."""
        found = await store.lock_code(db, secret_hash(code), known.client.id, wire.name)
        now = self._kernel.wire_clock.now()
        if found is None:
            return Refused(FacadeRefusal.CODE, field="code")
        if found.used_at is not None:
            await self._identity.grants.revoke(db, found.grant_id, "code_reuse")
            return Refused(FacadeRefusal.CODE, field="code")
        if now >= found.expires_at:
            return Refused(FacadeRefusal.CODE, field="code")
        await store.use_code(db, found.code_hash, now)
        basis = TokenBasis(
            grant_id=found.grant_id, person_id=found.person_id,
            scopes=core_scopes((wire.name, found.scopes)), signed_in_at=found.issued_at,
            company_id=found.company_id, kept_s=KEPT_S,
        )  # fmt: skip
        jkt = bound_thumbprint(wire.name, known.client.id)
        issued = await self._identity.tokens.issue(db, known.client, basis, jkt)
        if isinstance(issued, Refused):
            return Refused(FacadeRefusal.UBI, issued.refusal.value)
        return await self._answer(
            db, known.client, wire, issued, found.scopes, found.person_id, found.company_id
        )

    async def bearer(
        self, db: Connection, known: Known, wire: Wire, access_token: str, open_id: str,
        scope: str,
    ) -> Bearer | Refused:  # fmt: skip
        """Check a token with its openID and scope, anew at each use; TOKEN, SCOPE."""
        now = self._kernel.wire_clock.now()
        scopes = await store.token_scopes(
            db, secret_hash(access_token), known.client.id, wire.name, now
        )
        jkt = bound_thumbprint(wire.name, known.client.id)
        principal = await self._identity.tokens.authenticate(db, access_token, jkt)
        if scopes is None or isinstance(principal, Refused):
            return Refused(FacadeRefusal.TOKEN, field="accessToken")
        if principal.client_id != known.client.id or open_id != principal.subject:
            return Refused(FacadeRefusal.TOKEN, field="openID")
        if scope and scope not in scopes:
            return Refused(FacadeRefusal.SCOPE, f"The token lacks {scope}.", "accessToken")
        return Bearer(principal=principal, scopes=scopes, access_token=access_token)

    async def exchange(
        self, db: Connection, known: Known, wire: Wire, bearer: Bearer, ubi: str
    ) -> dict[str, Any] | Refused:
        """Turn a company's token into one of another company of the same person; UBI."""
        company = await self._identity.company_by_business_number(db, ubi)
        if isinstance(company, Refused):
            return Refused(FacadeRefusal.UBI, field="ubi")
        form = TokenForm(
            subject_token=bearer.access_token, subject_token_type=ACCESS_TOKEN_TYPE,
            company=company.id,
        )  # fmt: skip
        jkt = bound_thumbprint(wire.name, known.client.id)
        issued = await self._identity.tokens.exchange(db, known.client, form, jkt)
        if isinstance(issued, Refused):
            return Refused(FacadeRefusal.UBI, field="ubi")
        person_id = bearer.principal.actor_person_id
        return await self._answer(
            db, known.client, wire, issued, bearer.scopes, person_id, company.id
        )

    async def shown_company(
        self, db: Connection, principal: Principal, company: Company
    ) -> dict[str, Any]:
        """Return an entry of the company list."""
        mandate = await self._identity.mandate(
            db, principal.actor_person_id, company.id, None
        )
        role = "" if isinstance(mandate, Refused) else _ROLES.get(mandate.role, "USR")
        may_seal = not isinstance(mandate, Refused) and "documents.seal" in mandate.scopes
        return {
            "ubi": company.business_number, "enName": company.names.en,
            "chName": company.names.zh_hant, "userRole": role,
            "userPrivilege": {"companyChop": may_seal},
        }  # fmt: skip

    async def _answer(
        self, db: Connection, client: Client, wire: Wire, issued: TokenReply,
        scopes: tuple[str, ...], person_id: str, company_id: str | None,
    ) -> dict[str, Any]:  # fmt: skip
        now = self._kernel.wire_clock.now()
        await store.insert_token(
            db, secret_hash(issued.access_token), client.id, wire.name, scopes,
            now + timedelta(seconds=issued.expires_in),
        )  # fmt: skip
        now_ms = int(now.timestamp() * 1000)
        answer: dict[str, Any] = {
            "tokenType": "Bearer", "issueAt": now_ms, "expiresIn": issued.expires_in,
            "userType": USER_TYPE, "lastModifiedDate": now_ms,
        }  # fmt: skip
        if company_id is None:
            return answer | {
                "accessToken": issued.access_token, "scope": " ".join(scopes),
                "openID": self._identity.person_subject(client.sector, person_id),
            }  # fmt: skip
        company = await self._identity.company(db, company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        return answer | {
            "cAccessToken": issued.access_token, "cScope": " ".join(scopes),
            "cOpenID": self._identity.company_subject(client.sector, company_id),
            "ubi": company.business_number,
        }  # fmt: skip

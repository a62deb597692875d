"""What a service is told about who signed in: by scope, by name (claims parameter), as a company.

Source: OIDC Core s5.3, s5.4, s5.5; RFC 8693 s4.1 (`act`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lionrock.identity.domain.claims import CLAIM_SCOPES, ClaimsRequest
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.mandates import LINK_SEPARATOR, Mandate
from lionrock.identity.domain.verified import NAME as VERIFIED
from lionrock.identity.domain.verified import VerifiedWish, fulfilled
from lionrock.identity.forms.service import Forms
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import deeds as deeds_store
from lionrock.identity.store import grants as grants_store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Userinfo:
    """The claims about persons and companies, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, parties: Parties, forms: Forms) -> None:
        self._kernel = kernel
        self._parties = parties
        self._forms = forms

    async def claims(self, db: Connection, principal: Principal) -> dict[str, Any]:
        """Return the claims that the token's scopes and its named claims allow (s5.3.2)."""
        by_scope = {name for name, scope in CLAIM_SCOPES.items() if scope in principal.scopes}
        about = await self.named(
            db, principal.actor_person_id, by_scope | set(principal.claims)
        )
        if VERIFIED in principal.claims:
            grant = await grants_store.grant(db, principal.grant_id, principal.client_id)
            asked = grant.claims.verified_userinfo if grant and grant.claims else ()
            about |= await self.verified(db, principal.actor_person_id, asked)
        claims: dict[str, Any] = {"sub": principal.subject}
        if principal.company_id is None:
            return claims | about
        acting = await self.acting_claims(db, principal)
        return claims | acting | {"act": acting["act"] | about}

    async def named(
        self, db: Connection, person_id: str, names: Iterable[str]
    ) -> dict[str, Any]:
        """Return a person's own claims of those names; names that say nothing are left out."""
        wanted = [name for name in CLAIM_SCOPES if name in set(names)]
        if not wanted:
            return {}
        person = await self._parties.person(db, person_id)
        assert not isinstance(person, Refused), "a grant's person exists"
        known = {
            "name": person.names.en, "name#zh-Hant": person.names.zh_hant,
            "name#zh-Hans": person.names.zh_hans, "email": person.email, "email_verified": True,
            "phone_number": person.phone, "phone_number_verified": True,
        }  # fmt: skip
        return {name: known[name] for name in wanted}

    async def asked(
        self, db: Connection, person_id: str, claims: ClaimsRequest
    ) -> dict[str, Any]:
        """Return what a client asked to have in the id_token."""
        named = await self.named(db, person_id, claims.id_token)
        return named | await self.verified(db, person_id, claims.verified_id_token)

    async def verified(
        self, db: Connection, person_id: str, wishes: Sequence[VerifiedWish]
    ) -> dict[str, Any]:
        """Return the member verified_claims, with what registries matched; else nothing."""
        if not wishes:
            return {}
        known = await self._forms.values(db, person_id)
        found = fulfilled(wishes, known, self._kernel.business_clock.now())
        return {VERIFIED: found} if found else {}

    async def acting_claims(self, db: Connection, principal: Principal) -> dict[str, Any]:
        """Return what a token that acts for a company says of it: act, company, mandate.

        `mandate.service_roles` are the roles that the company gave at this client's service.
        """
        assert principal.company_id is not None, "it acts for a company"
        assert principal.mandate is not None, "a company's token stands on a mandate"
        company = await self._parties.company(db, principal.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        # The company gives roles to its own mandates: of a chain, to the link that is the firm's.
        link = principal.mandate.id.rpartition(LINK_SEPARATOR)[2]
        roles = await deeds_store.service_roles(db, [link], principal.client_id)
        return {
            "act": show_actor(principal),
            "company": {
                "id": company.id, "business_number": company.business_number,
                "names": msgspec.to_builtins(company.names),
            },
            "mandate": show_mandate(principal.mandate) | {"service_roles": list(roles)},
        }  # fmt: skip


def show_actor(principal: Principal) -> dict[str, Any]:
    """Return the claim `act`: the person, and inside it the agent firms, outwards (RFC 8693 s4.1).

    All subjects are pairwise for the client's sector.
    """
    return nested_actors(principal.actor_subject or "", principal.agent_subjects)


def nested_actors(person: str, firms: Sequence[str]) -> dict[str, Any]:
    """Return the claim `act` of a person who acts through firms, the person's own firm first."""
    shown: dict[str, Any] = {}
    for subject in reversed((person, *firms)):
        shown = {"sub": subject, "act": shown} if shown else {"sub": subject}
    return shown


def acting_subjects(vault: Vault, client: Client, mandate: Mandate) -> dict[str, Any]:
    """Return `sub` and `act` of what acts by a mandate, in the client's sector."""
    sector = client.sector
    firms = [vault.subject(sector, "company", firm_id) for firm_id in mandate.via]
    return {
        "sub": vault.subject(sector, "company", mandate.company_id),
        "act": nested_actors(vault.subject(sector, "person", mandate.person_id), firms),
    }


def show_mandate(mandate: Mandate) -> dict[str, Any]:
    """Return what a service is told about a mandate."""
    limit = mandate.amount_max
    return {
        "id": mandate.id,
        "role": mandate.role,
        "scopes": sorted(mandate.scopes),
        "signatures_needed": mandate.signatures_needed,
        "amount_max": {"amount": limit.wire(), "currency": limit.currency} if limit else None,
        "valid_to": mandate.valid_to.isoformat() if mandate.valid_to else None,
        "agents": len(mandate.via),
    }

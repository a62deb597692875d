"""What a company-style wire tells of a company: its data, and documents that stand for it.

Data is what identity holds of the company and what registries stated of it, with the time of the
newest word of each. A document is a signed statement of it, in the form of a JWT of a type of its
own under the authorization server's key (at its jwks_uri): simulated, not a credential of a wallet.
Source: facts of the wire styles on company data; RFC 8725 s3.11 (explicit types).
"""

from __future__ import annotations

from typing import Any

from lionrock.hongkong.facades.domain import DOCUMENT_TYPES
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.identity.api import Company, Identity, Mandate
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import sign_jws

# The mandate's scope that covers giving away a company's documents.
SHARING_SCOPE = "exchange"
TYPE = "lionrock-company-document+jwt"


class Companies:
    """Reads, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, identity: Identity) -> None:
        self._kernel = kernel
        self._identity = identity

    async def profile(self, db: Connection, company_id: str) -> dict[str, Any]:
        """Return a company's data; `lastMatched`: when each source last stated something."""
        company = await self._company(db, company_id)
        matched: dict[str, str] = {}
        for statement in await self._identity.registry.statements(db, company_id):
            stated = statement.as_of.isoformat()
            matched[statement.source] = max(stated, matched.get(statement.source, ""))
        return {
            "ubi": company.business_number, "enName": company.names.en,
            "chName": company.names.zh_hant, "status": company.status, "lastMatched": matched,
        }  # fmt: skip

    async def check_types(
        self, db: Connection, company_id: str, types: tuple[str, ...]
    ) -> Refused | None:
        """Check that documents can be had: DOCUMENT_TYPE, DOCUMENT_ABSENT."""
        if not types or len(set(types)) != len(types) or not set(types) <= set(DOCUMENT_TYPES):
            detail = f"Each once, of: {', '.join(DOCUMENT_TYPES)}."
            return Refused(FacadeRefusal.DOCUMENT_TYPE, detail, "docTypes")
        stated = await self._identity.registry.statements(db, company_id)
        if "businessRegistration" in types and not stated:
            return Refused(FacadeRefusal.DOCUMENT_ABSENT, "businessRegistration", "docTypes")
        return None

    async def documents(
        self, db: Connection, company_id: str, mandate: Mandate, types: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        """Return documents of a company as of now, each signed."""
        profile = await self.profile(db, company_id)
        held = {
            "role": mandate.role, "scopes": sorted(mandate.scopes),
            "signatures_needed": mandate.signatures_needed,
            "valid_from": mandate.valid_from.isoformat(),
            "valid_to": mandate.valid_to.isoformat() if mandate.valid_to else None,
        }  # fmt: skip
        claims = {
            "businessRegistration": profile, "mandate": {"ubi": profile["ubi"], "mandate": held}
        }
        return [{"docType": name, "document": self._signed(name, claims[name])} for name in types]

    def _signed(self, name: str, claims: dict[str, Any]) -> str:
        now_s = int(self._kernel.wire_clock.now().timestamp())
        whole = {"iss": self._identity.issuer, "iat": now_s, "docType": name, **claims}
        return sign_jws(self._identity.tokens.signing_key(), whole, typ=TYPE)

    async def _company(self, db: Connection, company_id: str) -> Company:
        company = await self._identity.company(db, company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        return company

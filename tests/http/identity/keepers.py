"""Clients that keep grants: they refresh, ask for details, manage, introspect."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from lionrock.identity.api import Client, ClientPolicy
from lionrock.kernel.errors import Refused
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient

POLICY = ClientPolicy(
    grant_types=frozenset({
        "authorization_code", "refresh_token", "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }),
    authorization_details_types=frozenset({
        "data_consent", "payment_initiation", "form_filling",
    }),
)  # fmt: skip
OWN_SCOPES = frozenset({"resource", "grant_management_query", "grant_management_revoke"})


class Keeper(TestClient):
    """A client with refresh tokens, details, and scopes of its own."""

    more_scopes: frozenset[str] = OWN_SCOPES
    organisation_id = "client-org"

    def registration(self) -> Client:
        """Its registration."""
        plain = super().registration()
        return msgspec.structs.replace(
            plain, scopes=plain.scopes | self.more_scopes, organisation_id=self.organisation_id
        )

    async def own_token(self, **form: str) -> dict[str, Any]:
        """A token of its own, by client credentials."""
        answer = await self.post("/identity/token", {"grant_type": "client_credentials"} | form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def introspect(self, token: str, **form: str) -> dict[str, Any]:
        """What the server says of a token."""
        answer = await self.post("/identity/introspect", {"token": token} | form, proof=None)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def revoke(self, token: str, **form: str) -> httpx.Response:
        """Give a token back."""
        return await self.post("/identity/revoke", {"token": token} | form, proof=None)


async def new_keeper(
    city: City, client_id: str = "keeper", policy: ClientPolicy = POLICY, **changes: Any
) -> Keeper:
    """Register a fresh keeper; `changes` are attributes of it."""
    client = Keeper(city, client_id)
    client.policy = policy
    for name, value in changes.items():
        setattr(client, name, value)
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client


async def signed_in(client: TestClient, persona: str = "ada", **changes: Any) -> dict[str, Any]:
    """Sign a persona in; returns the token endpoint's answer."""
    answer = await client.redeem(await client.code(persona, **changes))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refresh(client: TestClient, token: str, **changes: Any) -> httpx.Response:
    """Send a refresh token."""
    extra = {n: changes.pop(n) for n in ("proof", "assertion") if n in changes}
    form = {"grant_type": "refresh_token", "refresh_token": token} | changes
    return await client.post("/identity/token", form, **extra)

"""Members speaking to the platform over signed HTTP, each with its own registered key."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx
import msgspec

from lionrock.kernel.jose import Key
from lionrock.kernel.signatures import sign_request
from tests.http.exchange.town import OFFICE, PLATFORM_URL, Town


@dataclasses.dataclass
class Voice:
    """One member's calls."""

    town: Town
    member_id: str
    key: Key

    @classmethod
    def of(cls, town: Town, member_id: str) -> Voice:
        """The voice of a member of the town."""
        store = town.kernel.key_store
        if member_id == OFFICE:
            return cls(town, member_id, store.get_or_create(f"org/{OFFICE}"))
        return cls(town, member_id, town.world_key(member_id))

    async def get(self, path: str) -> httpx.Response:
        """A signed GET of a route of the exchange."""
        return await self._send("GET", path, None)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """A signed POST."""
        return await self._send("POST", path, body)

    async def _send(
        self, method: str, path: str, plain: dict[str, Any] | None
    ) -> httpx.Response:
        url = f"{PLATFORM_URL}/exchange/v1{path}"
        body = b"" if plain is None else msgspec.json.encode(plain)
        given = {} if plain is None else {"content-type": "application/json"}
        headers = sign_request(
            method=method, url=url, headers=given, body=body, key=self.key,
            keyid=f"{self.member_id}#{self.key.kid}",
            now_s=self.town.kernel.wire_clock.now_s(),
        )  # fmt: skip
        transport = httpx.ASGITransport(self.town.application)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, url, content=body, headers=headers)

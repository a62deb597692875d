"""What a simulated party is, and the one application that serves them all.

A party answers under <world url>/<party id>/...; it has its own key in the world's key store
("<party id>") and its own rows in the world's store. Durable background work is a job in the
world's own database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from lionrock.kernel.clock import BusinessClock, WireClock
from lionrock.kernel.db import Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import JobHandler, Worker
from lionrock.kernel.jose import Key
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from lionrock.sandbox.world.store import WorldStore


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorldContext:
    """What each party is built with. `platform_url` is all it knows of the platform."""

    platform_url: str
    world_url: str
    wire_clock: WireClock
    business_clock: BusinessClock
    ids: Ids
    key_store: KeyStore
    network: Network
    database: Database
    store: WorldStore

    def address(self, party_id: str) -> str:
        """The base address of a party, without a trailing slash."""
        return f"{self.world_url}/{party_id}"


class Party(Protocol):
    """One simulated outside party."""

    @property
    def id(self) -> str:
        """Its organisation id in the directory, or its name in the world."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        ...

    def jobs(self) -> Mapping[str, JobHandler]:
        """Handlers of its durable background work by queue (queue names begin with its id)."""
        ...


class World:
    """All parties of a sandbox: an ASGI application and a worker."""

    def __init__(self, context: WorldContext, parties: Iterable[Party]) -> None:
        self.context = context
        self.parties = {party.id: party for party in parties}
        handlers: dict[str, JobHandler] = {}
        for party in self.parties.values():
            handlers |= party.jobs()
        self.worker = Worker(
            context.database, context.wire_clock, context.business_clock, handlers
        )
        self.application = Starlette(
            routes=[
                Route("/", self._index),
                Route("/health", self._health),
                *(Mount(f"/{p.id}", routes=list(p.routes())) for p in self.parties.values()),
            ]
        )

    async def _index(self, _request: Request) -> Response:
        """Who is here, with address and public key: what an operator needs to enrol them."""
        return JSONResponse({
            "simulated": True,
            "parties": [
                {
                    "id": party.id,
                    "address": self.context.address(party.id),
                    "key": self._key_of(party).public_jwk,
                }
                for party in self.parties.values()
            ],
        })

    def _key_of(self, party: Party) -> Key:
        own: Key | None = getattr(party, "key", None)
        return own or self.context.key_store.get_or_create(party.id)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"ok": True})

"""What a simulated party is, and the one application that serves them all.

A party answers under <world url>/<party id>/...; it has its own key in the world's key store
("<party id>") and its own rows in the world's store. Durable background work is a job in the
world's own database.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from lionrock.kernel import replay, ring
from lionrock.kernel.clock import BusinessClock, WireClock
from lionrock.kernel.db import DATABASE_FAILURES, Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import Handler, Worker
from lionrock.kernel.jose import Key
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from lionrock.sandbox.world.store import WorldStore

_log = structlog.get_logger("lionrock.world")


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

    def jobs(self) -> Mapping[str, Handler]:
        """Handlers of its durable background work by queue (queue names begin with its id)."""
        ...


class Doorkeeper:
    """Keeps foreign web pages out: the parties have no sessions, and phones have no lock screen.

    Answers under the world's own name only (a name rebound to this machine is a page's own), and
    takes nothing that changes something from another site's page (Fetch Metadata).
    """

    def __init__(self, application: ASGIApp, world_url: str) -> None:
        self._application = application
        own = urlsplit(world_url).netloc
        self._hosts = frozenset({own, own.replace("127.0.0.1", "localhost")})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = self._refuse(Request(scope))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._application(scope, receive, send)

    def _refuse(self, request: Request) -> Response | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return JSONResponse({"code": "world.host_unknown"}, 421)
        site = request.headers.get("sec-fetch-site", "none")
        if request.method not in ("GET", "HEAD") and site not in ("same-origin", "none"):
            return JSONResponse({"code": "world.foreign_form"}, 403)
        return None


class World:
    """All parties of a sandbox: an ASGI application and a worker."""

    def __init__(self, context: WorldContext, parties: Iterable[Party]) -> None:
        self.context = context
        self.parties = {party.id: party for party in parties}
        handlers: dict[str, Handler] = {}
        for party in self.parties.values():
            handlers |= party.jobs()
        self.worker = Worker(
            context.database, context.wire_clock, context.business_clock, handlers
        )
        self.application = Doorkeeper(
            Starlette(
                routes=[
                    Route("/", self._index),
                    Route("/health", self._health),
                    *(Mount(f"/{p.id}", routes=list(p.routes())) for p in self.parties.values()),
                ]
            ),
            context.world_url,
        )

    def loops(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What the parties do all the time, beside their jobs."""
        found: list[Callable[[], Awaitable[None]]] = [self._forget_for_ever]
        for party in self.parties.values():
            found.extend(getattr(party, "loops", tuple)())
        return found

    async def _forget_for_ever(self) -> None:
        """Empty the parties' memory of single-use values as they expire: it never grows."""
        while True:
            try:
                now = self.context.wire_clock.now()
                await ring.sweep(self.context.database, replay.REPLAYS, now)
            except DATABASE_FAILURES as error:
                # It comes back; what expired meanwhile is forgotten then.
                _log.warning("world_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(ring.SWEEP_EVERY_MS / 1_000)

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

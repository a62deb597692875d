"""The whole city in one process: platform, world and ledger, settled, with frozen clocks."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.app.platform import Platform
from lionrock.app.schemes import packaged_firm
from lionrock.app.world import build_world
from lionrock.identity.api import RelyingParty
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import Ids
from lionrock.kernel.jobs import Worker
from lionrock.kernel.keys import KeyStore
from lionrock.ledger.api import LedgerClient, in_process
from lionrock.sandbox.journey.actors import Browser, Phones, SignedIn, sign_in
from lionrock.sandbox.journey.runner import Checks
from lionrock.sandbox.personas import load_cast
from lionrock.sandbox.settle import settle
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore
from tests.databases import Databases
from tests.put_away import Places

PLATFORM, WORLD = "http://platform.test", "http://world.test"
SERVICE_SCOPE = "openid profile contact company programmes exchange evidence"
STAFF_SCOPE = "openid profile staff"


@dataclasses.dataclass(kw_only=True)
class WholeCity:
    """What the tests of the whole touch."""

    platform: Platform
    world: World
    application: Any
    worker: Worker
    phones: Phones

    async def settle_down(self) -> None:
        """Run the platform's and the world's due jobs until none is due on either side."""
        for _ in range(20):
            count = await self._run_due()
            if count == 0:
                return
        raise AssertionError("the city does not come to rest")

    async def _run_due(self) -> int:
        # The log's job comes again for ever, so "none is due" is asked of single rounds.
        return await self.worker.run_due() + await self.world.worker.run_due()

    async def sign_in(self, persona: str, *, client_id: str = "harbour-service") -> SignedIn:
        """Sign a persona in at a client, through the real pages and the phone."""
        party = RelyingParty(
            client_id, PLATFORM, self.world.context.key_store.get_or_create(client_id),
            f"{WORLD}/{client_id}/callback", self.platform.kernel.network,
            self.platform.kernel.wire_clock,
        )  # fmt: skip
        scope = STAFF_SCOPE if client_id == "staff-desk" else SERVICE_SCOPE
        browser = Browser(httpx.ASGITransport(self.application))
        try:
            tokens = await sign_in(party, browser, self.phones, persona, scope=scope, lang="en",
                                   checks=Checks())
        finally:
            await browser.close()
        return SignedIn(party, tokens, PLATFORM, "en")

    async def act_for(self, person: SignedIn) -> SignedIn:
        """The person's token for the first company that they may act for."""
        mandates = (await person.call("GET", "/identity/v1/mandates"))["mandates"]
        tokens = await person.party.exchange_for_company(
            person.tokens, mandates[0]["company"]["id"]
        )
        assert not isinstance(tokens, Refused), tokens
        return SignedIn(person.party, tokens, PLATFORM, "en")


@pytest.fixture
async def world_database_url(databases: Databases) -> AsyncIterator[str]:
    """Address of the world's own database, beside the platform's."""
    async with databases.fresh() as url:
        yield url


@pytest.fixture
async def world_database(world_database_url: str) -> AsyncIterator[Database]:
    """The world's own database."""
    opened = await Database.open(world_database_url, pool_size_max=4)
    yield opened
    await opened.close()


@pytest.fixture
async def city(
    kernel: Kernel, database_url: str, world_database: Database, world_database_url: str,
    databases: Databases, tmp_path: Path,
) -> AsyncIterator[WholeCity]:
    """A settled city: everything that `lionrock up` starts, in this process."""
    settings = msgspec.structs.replace(kernel.settings, hosts=("platform.test",))
    own = dataclasses.replace(kernel, settings=settings)
    context = WorldContext(
        platform_url=PLATFORM, world_url=WORLD, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=Ids(kernel.wire_clock, seed=7),
        key_store=KeyStore(tmp_path / "world-keys", "the world's passphrase", scrypt_cost=2**4),
        network=kernel.network, database=world_database, store=WorldStore(world_database),
    )  # fmt: skip
    places = Places(
        databases=databases, kernel=own, urls=(database_url, world_database_url),
        folders=(tmp_path / "keys", tmp_path / "world-keys"), ids=(own.ids, context.ids),
    )  # fmt: skip
    if await places.take_out("whole city") is None:
        async with in_process(kernel.database, kernel.business_clock) as ledger:
            city = compose(own, context, ledger)
            await settle(city.platform, load_cast(), packaged_firm())
            await city.settle_down()
        await places.keep("whole city")
    # Built anew in the test that founded it too: the first test has what every other one has.
    async with in_process(kernel.database, kernel.business_clock) as ledger:
        city = compose(own, context, ledger)
        yield city


def compose(kernel: Kernel, context: WorldContext, ledger: LedgerClient) -> WholeCity:
    """Build every service upon the databases, as processes that start do."""
    world = build_world(context, load_cast(), kernel.settings.seed)
    platform = Platform(kernel, ledger)
    application = platform.application()
    kernel.network.applications[PLATFORM] = application
    kernel.network.applications[WORLD] = world.application
    handlers = {
        queue: handler for queue, handler in platform.handlers().items()
        if queue != "evidence.integrate"
    }  # fmt: skip
    worker = Worker(kernel.database, kernel.wire_clock, kernel.business_clock, handlers)
    return WholeCity(platform=platform, world=world, application=application, worker=worker,
                     phones=Phones(kernel.network, WORLD))

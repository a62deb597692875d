"""Building a process's kernel from its settings: for the platform, and for the simulated world."""

from __future__ import annotations

import asyncio

from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import DATABASE_FAILURES, Database
from lionrock.kernel.epoch import read_offset
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import WEB_PORTS, Network

CLOCK_EVERY_S = 0.5


async def open_kernel(settings: Settings) -> Kernel:
    """Open the platform's kernel: database pool, keys under <data>/keys, guarded network."""
    wire_clock = SystemWireClock()
    database = await Database.open(settings.database_url)
    return Kernel(
        settings=settings,
        database=database,
        wire_clock=wire_clock,
        business_clock=OffsetBusinessClock(wire_clock, await database.run(read_offset)),
        ids=Ids(wire_clock),
        key_store=KeyStore(settings.data_path / "keys", settings.key_passphrase),
        network=open_network(settings),
    )


def open_network(settings: Settings) -> Network:
    """The guarded client; the sandbox's own parties live on loopback addresses."""
    private = settings.allow_private_targets
    return Network(allow_private=private, ports=None if private else WEB_PORTS)


async def close_kernel(kernel: Kernel) -> None:
    """Close pool and connections."""
    await kernel.network.close()
    await kernel.database.close()



async def follow_business_clock(kernel: Kernel) -> None:
    """Adopt the business clock's epochs as they come, for as long as the process lives."""
    clock = kernel.business_clock
    if not isinstance(clock, OffsetBusinessClock):
        return
    while True:
        await asyncio.sleep(CLOCK_EVERY_S)
        try:
            offset = await kernel.database.run(read_offset)
        except DATABASE_FAILURES:
            continue
        clock.advance_to_offset(offset)

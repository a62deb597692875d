"""A ledger process for crash tests: `python -m tests.crash.ledger.ledger_process URL ADDRESS`."""

from __future__ import annotations

import asyncio
import signal
import sys

from lionrock.kernel import log
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.db import Database
from lionrock.ledger.server import serve


async def main(url: str, address: str) -> None:
    log.configure("warning")
    database = await Database.open(url, pool_size_max=4)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await serve(database, OffsetBusinessClock(SystemWireClock()), address, stopping)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))

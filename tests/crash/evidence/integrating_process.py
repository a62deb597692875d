"""A process that records and integrates until it is killed (for test_evidence_crashes)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory
from lionrock.evidence.api import Evidence
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network


async def main(database_url: str, keys: Path) -> None:
    """Record a few receipts, grow the log, sign it, again and again."""
    wire_clock = SystemWireClock()
    kernel = Kernel(
        settings=Settings(), database=await Database.open(database_url), wire_clock=wire_clock,
        business_clock=OffsetBusinessClock(wire_clock), ids=Ids(wire_clock),
        key_store=KeyStore(keys, "test passphrase"), network=Network(applications={}),
    )  # fmt: skip
    evidence = Evidence(kernel, Directory(kernel))

    async def record(db: Connection) -> None:
        for _ in range(7):
            await evidence.record(
                db, "test.thing_done", PLATFORM_ORGANISATION, {"thing_id": "thing"}, {}
            )

    print("working", flush=True)
    while True:
        await kernel.database.run(record)
        await asyncio.gather(evidence.log.integrate(), evidence.log.integrate())
        await evidence.log.sign_head()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))

"""The PostgreSQL server of a test run, owned by a process of its own.

    python -m tests.server DIRECTORY PID

Starts a server in DIRECTORY, makes the migrated template, prints the folder of its socket, and
stops the server and removes DIRECTORY when process PID (the test run) has ended or on SIGTERM. A
worker must not own it: the others go on when one worker is done.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import asyncpg

from lionrock.app.migrations import all_migrations, world_migrations
from lionrock.kernel.db import Database, migrate
from lionrock.kernel.postgres import EmbeddedPostgres
from tests.databases import TEMPLATE

LOOK_EVERY_S = 0.5


def main(directory: Path, run_pid: int) -> None:
    """Serve until the run is over."""
    is_over = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: is_over.set())
    server = EmbeddedPostgres(directory, durable=False)
    try:
        server.start()
        asyncio.run(make_template(server.url("postgres")))
        print(server.socket_directory, flush=True)
        while not is_over.wait(LOOK_EVERY_S) and _lives(run_pid):
            pass
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def make_template(url: str) -> None:
    """Make the database that every test's database is a copy of."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    database = await Database.open(url.replace("/postgres?", f"/{TEMPLATE}?"), pool_size_max=2)
    await migrate(database, [*all_migrations(), *world_migrations()])
    await database.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

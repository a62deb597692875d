"""The processes of a city, one role each.

    python -m lionrock.app.processes ROLE [LIFELINE] < settings as JSON

The settings come through a pipe, so that the key store's passphrase lies in no file. LIFELINE is
the descriptor of the supervisor's pipe: the process ends when the supervisor has.

prepare: migrations and keys, then ends. ledger: the single writer. front: HTTP. worker: jobs,
events, log integration, projection. world: the simulated parties (sandbox only). settle: makes the
sandbox's people, companies and members, then ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import structlog
import uvloop

from lionrock.app.kernels import close_kernel, follow_business_clock, open_kernel
from lionrock.app.migrations import all_migrations, world_migrations
from lionrock.kernel import log
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Database, Migration, create_beside, migrate
from lionrock.kernel.epoch import found_on
from lionrock.kernel.http.server import run_beside, serve
from lionrock.kernel.i18n import HONG_KONG
from lionrock.kernel.lifeline import end_with

FOUNDING_TIME = time(9, 0)
GC_YOUNG_MAX = 20_000
_log = structlog.get_logger("lionrock.processes")


async def run_prepare(settings: Settings) -> None:
    """Bring the databases to the present schema and make the platform's keys."""
    await _prepare_database(settings, settings.database_url, all_migrations())
    if settings.composition == "sandbox":
        await create_beside(settings.world_database_url, settings.database_url)
        await _prepare_database(settings, settings.world_database_url, world_migrations())
    from lionrock.app.platform_keys import make_keys

    kernel = await open_kernel(settings)
    await make_keys(kernel)
    await close_kernel(kernel)


async def _prepare_database(
    settings: Settings, url: str, migrations: Sequence[Migration]
) -> None:
    database = await Database.open(url, pool_size_max=2)
    await migrate(database, migrations)
    if settings.founding_date and settings.composition == "sandbox":
        begin = datetime.combine(
            date.fromisoformat(settings.founding_date), FOUNDING_TIME, tzinfo=HONG_KONG
        )
        offset = begin - SystemWireClock().now()
        await database.run(lambda db: found_on(db, offset))
    await database.close()


async def run_ledger(settings: Settings) -> None:
    """Serve the ledger until told to stop."""
    from lionrock.ledger.server import serve_ledger

    kernel = await open_kernel(settings)
    stopping = _stop_event()
    # Holds lapse by the business clock, so the writer follows its epochs as everybody does.
    await run_beside(
        serve_ledger(kernel, settings.ledger_address, stopping),
        lambda: follow_business_clock(kernel),
    )
    await close_kernel(kernel)


async def run_front(settings: Settings) -> None:
    """Serve HTTP until told to stop."""
    from lionrock.app.platform import open_platform

    platform = await open_platform(settings)
    parts = urlsplit(settings.public_url)
    gc.freeze()
    # A request makes hundreds of short-lived objects and no cycle: looked for seldom, they are
    # found all the same.
    gc.set_threshold(GC_YOUNG_MAX, 20, 20)
    await run_beside(
        serve(platform.application(), settings.bind_address, parts.port or 443),
        lambda: follow_business_clock(platform.kernel),
        *platform.front_loops(),
    )
    await platform.close()


async def run_worker(settings: Settings) -> None:
    """Run jobs until told to stop."""
    from lionrock.app.platform import open_platform

    platform = await open_platform(settings)
    await platform.start_recurring()
    worker = platform.worker()
    stopping = _stop_event()

    async def until_stopped() -> None:
        await stopping.wait()
        worker.stop()

    gc.freeze()
    await run_beside(worker.run_for_ever(), until_stopped,
                     lambda: follow_business_clock(platform.kernel),
                     *platform.loops())
    await platform.close()


async def run_world(settings: Settings) -> None:
    """Serve the simulated parties until told to stop."""
    from lionrock.app.world import open_world

    world = await open_world(settings)
    parts = urlsplit(settings.world_url)
    await run_beside(
        serve(world.application, settings.bind_address, parts.port or 80),
        world.worker.run_for_ever,
        *world.loops(),
    )


async def run_settle(settings: Settings) -> None:
    """Make the sandbox's people, companies, members and budgets (again: changes nothing)."""
    from lionrock.app.platform import open_platform
    from lionrock.app.schemes import packaged_firm, read_firm
    from lionrock.sandbox.hooks import read_clients, read_facades
    from lionrock.sandbox.personas import load_cast
    from lionrock.sandbox.settle import register_client, settle

    platform = await open_platform(settings)
    firm = read_firm(Path(settings.firm_file)) if settings.firm_file else packaged_firm()
    await settle(platform, load_cast(firm), firm)
    if settings.clients_file:
        for client in read_clients(Path(settings.clients_file)):
            await register_client(platform, client)
        for client_id, draft in read_facades(Path(settings.clients_file)).items():
            await platform.kernel.database.run(
                partial(platform.facades.gate.register, client_id=client_id, draft=draft)
            )
    await platform.close()


ROLES: dict[str, Callable[[Settings], Coroutine[Any, Any, None]]] = {
    "prepare": run_prepare,
    "ledger": run_ledger,
    "front": run_front,
    "worker": run_worker,
    "world": run_world,
    "settle": run_settle,
}


def _stop_event() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


# What a wrong database address looks like, in words; the address may hold a password: never shown.
_EXPLAINED: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidCatalogNameError,
     "the database of database_url does not exist; create it with createdb and start again"),
    (asyncpg.InsufficientPrivilegeError,
     "the role of database_url may not do this; it needs its own database and the right to create "
     "schemas (and, in the sandbox, a database beside it)"),
    (asyncpg.InvalidAuthorizationSpecificationError,
     "the PostgreSQL server refuses the role or password of database_url"),
    (OSError, "no PostgreSQL server answers at the address of database_url"),
)


def _explained(error: Exception) -> str | None:
    return next((text for kind, text in _EXPLAINED if isinstance(error, kind)), None)


def main(arguments: list[str]) -> int:
    """Run one role; returns the exit code."""
    if sys.flags.optimize:
        sys.stderr.write("lionrock never runs with -O: its assertions guard money and rights\n")
        return 2
    role, *lifeline = arguments
    for reading_end in lifeline:
        end_with(int(reading_end))
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    log.configure(settings.log_level, log_format=settings.log_format)
    structlog.contextvars.bind_contextvars(role=role)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(ROLES[role](settings))
    except (asyncpg.PostgresError, OSError) as error:
        sentence = _explained(error) if role == "prepare" else None
        if sentence is None:
            raise
        sys.stderr.write(f"{sentence}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

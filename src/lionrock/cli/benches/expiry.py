"""lionrock bench expiry-1m: every table of artefacts that expire, through thirty rounds of them.

A round adds as many rows to each table as the platform's sweep takes away in one, lets the clock
run, sweeps with the platform's own sweeps, and vacuums what rows were deleted from (autovacuum's
part; rings need none). A row lives four rounds, so that live and expired ones lie side by side. A
case's `notes` hold the bytes on disk of each table at its fullest, with indexes: when everything
has come round (SETTLED_AFTER), and at the end. `errors` counts tables that grew between the two by
more than TOLERANCE_PERCENT, or that still hold a row after the last has expired, and tables that
nobody has decided about: in none of the lists of rings, of expiring tables, and of what is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lionrock import portal
from lionrock.cli.benches import store
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.town import Town, town
from lionrock.hongkong import facades
from lionrock.identity.api import RINGS, expiring_tables
from lionrock.kernel import expiring, log, ring
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Connection
from lionrock.kernel.expiring import Expiring
from lionrock.kernel.replay import REPLAYS
from lionrock.kernel.ring import Ring

ARTEFACTS_EACH = 100_000
ROUNDS = 30
LIFE_ROUNDS = 4
LANES = 3
# Of the rounds: by then every ring has come round, and pages are as full as they will be.
SETTLED_AFTER = 0.7
STEP_S = 60
TOLERANCE_PERCENT = 5.0
SCHEMAS = ("kernel", "identity", "portal", "hongkong_facades")
JOBS, REGISTRATIONS = "kernel.jobs", "identity.registrations"
# What goes with the rows of a table: written with them, deleted with them.
WITH = {
    "identity.grants": ("identity.refresh_families", "identity.grant_consents"),
    "identity.approvals": ("identity.approval_persons",),
    "identity.signing_authorizations": ("identity.signing_authorized_hashes",),
    REGISTRATIONS: ("identity.clients",),
}
# Kept on purpose although a row has an end.
KEPT = {
    "identity.operations": "what operators did, and who checked it: the record of two persons",
    "hongkong_facades.content_keys": "one row of a client and wire, replaced by the next key",
}


class Deleted(msgspec.Struct, frozen=True):
    """A table that rows are deleted from: by `expiring`, or in a way of its own when that is None.

    `kept_s`: how long after its end a row is kept.
    """

    table: str
    expiring: Expiring | None = None
    kept_s: int = 0

    @property
    def tables(self) -> tuple[str, ...]:
        """The table and what goes with it."""
        return (self.table, *WITH.get(self.table, ()))


class Round(msgspec.Struct, frozen=True):
    """The bytes of each table at the end of a round, before its sweep."""

    bytes: dict[str, int]


async def run(seconds: float, json_path: Path | None) -> None:
    """Fill and empty; `seconds` has no meaning here, the number of artefacts is the measure."""
    log.configure("warning")
    async with town(1) as city:
        await city.services(1, frozenset({"openid"}))
        await city.people(1)
        case = await measure(city, ARTEFACTS_EACH)
    report("expiry-1m", [case], json_path)


async def measure(city: Town, each: int) -> Case:
    """Let `each` artefacts of every table expire in ROUNDS rounds, then all the rest."""
    rings, deleted = (REPLAYS, *RINGS), deleted_tables(Settings())
    count = -(-each // ROUNDS)
    start = SystemWireClock().now()
    # The city's own jobs come and go meanwhile.
    tables = [one.table for one in rings]
    tables += [one.table for one in deleted if one.table != JOBS]
    before = await _counts(city, tables)
    watch, rounds, durations = Stopwatch(city.processes), [], []
    for number in range(ROUNDS):
        started_ms = monotonic_ms()
        await _fill(city, rings, deleted, start, number, count)
        rounds.append(await _sizes(city, rings, deleted))
        await _sweep(city, rings, deleted, start, number)
        durations.append(monotonic_ms() - started_ms)
    for number in range(ROUNDS, ROUNDS + ring.SLOTS + 1):
        await _sweep(city, rings, deleted, start, number)
    left = {
        table: count - before[table] for table, count in (await _counts(city, tables)).items()
        if count > before[table]
    }  # fmt: skip
    notes: dict[str, Any] = {"artefacts": (len(tables) + 1) * count * ROUNDS}
    grown = _compare(rounds, rings, notes)
    undecided = await _undecided(city, rings, deleted)
    notes |= {
        "tolerance": f"{TOLERANCE_PERCENT} %", "grown": grown, "undecided": undecided,
        "left": left, "kept on purpose": KEPT,
    }  # fmt: skip
    errors = len(grown) + len(undecided) + len(left)
    return watch.case("expiry-1m", durations, errors, notes)


def deleted_tables(settings: Settings) -> tuple[Deleted, ...]:
    """Return the tables that rows are deleted from, of every part of the city that has any."""
    found = (*expiring_tables(settings), *portal.EXPIRING, *facades.EXPIRING)
    swept = tuple(
        Deleted(one.table, one, one.kept_s) for one in found if one.table not in KEPT
    )
    unused_s = settings.registration_unused_s
    return (Deleted(JOBS), Deleted(REGISTRATIONS, kept_s=unused_s), *swept)


async def _fill(
    city: Town, rings: Iterable[Ring], deleted: Iterable[Deleted], start: datetime, number: int,
    count: int,
) -> None:  # fmt: skip
    """A ring's clock runs a slot a round, and its rows live as long as they may."""
    work = []
    for one in rings:
        expires_at = _ring_clock(one, start, number) + timedelta(seconds=one.reach_s - 1)
        work.append(city.database.run(partial(
            store.fill_ring, table=one.table, slot=one.slot(expires_at), expires_at=expires_at,
            count=count,
        )))  # fmt: skip
    for table in deleted:
        ends_at = _clock(start, number + LIFE_ROUNDS) - timedelta(seconds=table.kept_s)
        work.append(city.database.run(
            partial(store.fill, table=table.table, ends_at=ends_at, count=count)
        ))  # fmt: skip
    await _in_lanes(work)


async def _sweep(
    city: Town, rings: Iterable[Ring], deleted: Iterable[Deleted], start: datetime, number: int
) -> None:
    now = _clock(start, number) + timedelta(seconds=1)
    emptied = [ring.sweep(city.database, one, _ring_clock(one, start, number)) for one in rings]
    await _in_lanes([*emptied, *(_sweep_deleted(city, table, now) for table in deleted)])
    # Apart: a vacuum beside other transactions leaves what those might still see.
    await _in_lanes(
        city.database.alone(partial(store.vacuum, tables=table.tables)) for table in deleted
    )


async def _sweep_deleted(city: Town, table: Deleted, now: datetime) -> None:
    if table.expiring is not None:
        await expiring.sweep(city.database, table.expiring, now)
    elif table.table == JOBS:
        await city.database.run(partial(store.run_jobs, now=now))
    else:
        await _remove_registrations(city, now)


async def _in_lanes(work: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Do some of it beside each other."""
    waiting = list(work)[::-1]

    async def lane() -> None:
        while waiting:
            await waiting.pop()

    async with asyncio.TaskGroup() as group:
        for _ in range(LANES):
            group.create_task(lane())


async def _remove_registrations(city: Town, now: datetime) -> None:
    while await city.database.run(partial(city.identity.registrations.remove_unused, now=now)):
        continue


async def _counts(city: Town, tables: Iterable[str]) -> dict[str, int]:
    return {
        table: await city.database.run(partial(store.count_rows, table=table)) for table in tables
    }


async def _sizes(city: Town, rings: Iterable[Ring], deleted: Iterable[Deleted]) -> Round:
    tables = [one.table for one in rings] + [name for one in deleted for name in one.tables]

    async def read(db: Connection) -> Round:
        return Round({table: await store.size(db, table=table) for table in tables})

    return await city.database.run(read)


def _compare(rounds: list[Round], rings: Iterable[Ring], notes: dict[str, Any]) -> list[str]:
    """Note how full each table was by SETTLED_AFTER and at the end; returns those that grew."""
    settled, grown = int(len(rounds) * SETTLED_AFTER), []
    of_a_ring = {one.table for one in rings}
    for table in rounds[0].bytes:
        first = max(one.bytes[table] for one in rounds[:settled])
        last = max(one.bytes[table] for one in rounds[-2:])
        percent = round(100 * (last / first - 1), 2)
        notes[table] = {
            "how": "ring" if table in of_a_ring else "deleted", "bytes": [first, last],
            "growth": f"{percent} %",
        }  # fmt: skip
        if percent > TOLERANCE_PERCENT:
            grown.append(table)
    return grown


async def _undecided(
    city: Town, rings: Iterable[Ring], deleted: Iterable[Deleted]
) -> list[str]:
    decided = {one.table for one in rings} | {name for one in deleted for name in one.tables}
    found = await city.database.run(partial(store.expiring_tables, schemas=SCHEMAS))
    return [table for table in found if table not in decided | KEPT.keys()]


def _clock(start: datetime, number: int) -> datetime:
    return start + timedelta(seconds=number * STEP_S)


def _ring_clock(one: Ring, start: datetime, number: int) -> datetime:
    return start + timedelta(seconds=number * one.width_s)

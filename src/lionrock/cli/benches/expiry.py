"""lionrock bench expiry-1m: tables after a million expired artefacts, beside tables before.

The platform's own tables, filled with what expired through the days of a clock that runs fast, and
emptied by the platform's own sweep as that clock goes on. A case's `notes` hold the sizes: before,
at the highest, and after the last row has expired. Nothing is deleted row by row.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from lionrock.cli.benches import store
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.town import Town, town
from lionrock.identity.api import RINGS
from lionrock.kernel import log, ring
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.replay import REPLAYS
from lionrock.kernel.ring import Ring

ARTEFACTS = 1_000_000
# Of a log-in with a token: two assertions, three proofs, two signatures of the phone; one each.
SHARES: dict[str, float] = {
    "kernel.replays": 0.6, "identity.pushed_requests": 0.1, "identity.sign_ins": 0.1,
    "identity.codes": 0.1, "identity.access_tokens": 0.1,
}  # fmt: skip
STEP_S = 60
STEPS = 200

async def run(seconds: float, json_path: Path | None) -> None:
    """Fill and empty; `seconds` has no meaning here, the number of artefacts is the measure."""
    log.configure("warning")
    async with town(1) as city:
        case = await measure(city, ARTEFACTS)
    report("expiry-1m", [case], json_path)


async def measure(city: Town, artefacts: int) -> Case:
    """Let `artefacts` expire while the clock runs through STEPS minutes, then all the rest."""
    rings = tuple(each for each in (REPLAYS, *RINGS) if each.table in SHARES)
    start = SystemWireClock().now()
    watch = Stopwatch(city.processes)
    sizes = {"before": await _sizes(city, rings)}
    highest: dict[str, int] = {}
    durations = []
    for step in range(STEPS):
        now = start + timedelta(seconds=step * STEP_S)
        started_ms = monotonic_ms()
        for each in rings:
            await _fill(city, each, now, int(artefacts * SHARES[each.table] / STEPS))
            await ring.sweep(city.database, each, now)
        durations.append(monotonic_ms() - started_ms)
        for table, size in (await _sizes(city, rings)).items():
            highest[table] = max(size, highest.get(table, 0))
    now = start + timedelta(seconds=STEPS * STEP_S)
    for step in range(ring.SLOTS * max(each.width_s for each in rings) // STEP_S + 1):
        for each in rings:
            await ring.sweep(city.database, each, now + timedelta(seconds=step * STEP_S))
    notes: dict[str, Any] = {
        "artefacts": artefacts, "bytes": sizes | {"highest": highest,
                                                  "after": await _sizes(city, rings)},
    }  # fmt: skip
    grown = {
        table for table, size in notes["bytes"]["after"].items()
        if size > notes["bytes"]["before"][table]
    }
    return watch.case("expiry-1m", durations, len(grown), notes)


async def _fill(city: Town, each: Ring, now: datetime, count: int) -> None:
    expires_at = now + timedelta(seconds=STEP_S)
    await city.database.run(
        partial(store.fill, table=each.table, slot=each.slot(expires_at),
                expires_at=expires_at, count=count)
    )  # fmt: skip


async def _sizes(city: Town, rings: tuple[Ring, ...]) -> dict[str, int]:
    """Bytes on disk of each ring with its indexes."""
    return {
        each.table: await city.database.run(partial(store.size, table=each.table))
        for each in rings
    }

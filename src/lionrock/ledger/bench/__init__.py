"""lionrock bench ledger: transfers a second through the real path, in the benches' JSON format.

The path is that of production: callers in this process, the socket, a ledger process, its journal
in a durable embedded PostgreSQL, an answer after COMMIT. 10,000 accounts that may not overdraw, in
scattered pairs. One caller in a closed loop sends batches of 1, 10, 100 and 1,000; "hot-account" is
batches of 1,000 with one account in every transfer, in turns with "batch-1000" on another ledger;
"callers-256" is 256 connections with one transfer a call; "chains-4" counts chains of four linked
transfers, 250 a call. "sustained" is two callers with batches of 1,000 while a projection process
keeps the query tables up, and counts until they are; "restart" kills a ledger with a history and
waits for its successor's first answer. In the other cases the projection does not run, and they end
after 5 s, or when the ledger would soon wait for it. Read any figure with its machine: virtual
disks may acknowledge fsync in microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lionrock.kernel import log
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.db import Database
from lionrock.kernel.measure import (
    MS_PER_S,
    commit,
    cpu_ms,
    machine,
    peak_rss_mib,
    percentile,
)
from lionrock.ledger.bench.load import Caller, Plan, connect_callers
from lionrock.ledger.bench.stage import Stage, prepared_stage
from lionrock.ledger.client import LedgerClient
from lionrock.ledger.service.keeping import UNCOPIED_MAX
from lionrock.ledger.service.reader import LedgerReader

WARM_UP_S = 0.3
SHORT_S_MAX = 5.0
# Without copies the ledger waits for them after UNCOPIED_MAX: a turn and the warm-up fit between.
SHORT_TRANSFERS_MAX = UNCOPIED_MAX * 6 // 10
TRANSFERS_RESTART = 1_000_000
FIRST_ID = 1_000_000
CATCH_UP_MS_MAX = 600_000

# Case: callers, transfers a call, what is special.
CASES: dict[str, tuple[int, int, dict[str, bool]]] = {
    "batch-1": (1, 1, {}),
    "batch-10": (1, 10, {}),
    "batch-100": (1, 100, {}),
    "batch-1000": (1, 1_000, {}),
    "hot-account": (1, 1_000, {"is_hot": True}),
    "callers-256": (256, 1, {}),
    "chains-4": (1, 1_000, {"is_chained": True}),
}
# Those of a group are compared with each other, so they are measured in turns.
GROUPS = (("batch-1",), ("batch-10",), ("batch-100",), ("batch-1000", "hot-account"),
          ("callers-256",), ("chains-4",))
assert [name for group in GROUPS for name in group] == list(CASES), "each case once"
TURNS = 8
LONG_CASES = ("sustained", "restart")


class Case(msgspec.Struct, frozen=True):
    """One line of the report; an operation is one transfer, or one chain."""

    case: str
    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms_per_op: float
    peak_rss_mib: float


async def run(
    seconds: float, json_path: Path | None, *, cases: Sequence[str] = (),
    transfers: int = TRANSFERS_RESTART,
) -> None:
    """Measure each case for `seconds`, print a table, and write the report if asked.

    Without names: all but the long ones. `transfers` is the history of "restart". ValueError for a
    name that is not a case.
    """
    log.configure("warning")
    unknown = set(cases) - CASES.keys() - set(LONG_CASES)
    if unknown:
        raise ValueError(f"no such case: {', '.join(sorted(unknown))}")
    measured = await measure(seconds, cases or list(CASES), transfers)
    report = {
        "bench": "ledger",
        "commit": commit(),
        "date": SystemWireClock().now().isoformat(timespec="seconds"),
        "machine": machine(),
        "cases": msgspec.to_builtins(measured),
    }
    if json_path is not None:
        _write(json_path, report)
    _print(measured)


async def measure(seconds: float, names: Sequence[str], transfers: int) -> list[Case]:
    """Run the cases, each against a ledger of its own, so that none inherits another's history."""
    measured = []
    for group in GROUPS:
        wanted = [name for name in group if name in names]
        async with contextlib.AsyncExitStack() as stack:
            stages = [(await stack.enter_async_context(prepared_stage()))[0] for _ in wanted]
            measured += await _measure_group(
                dict(zip(wanted, stages, strict=True)), min(seconds, SHORT_S_MAX))
    if "sustained" in names:
        async with prepared_stage() as (stage, _):
            await stage.start_projection()
            measured.append(await _sustain(stage, seconds))
    if "restart" in names:
        async with prepared_stage() as (stage, client):
            measured.append(await _restart(stage, client, transfers))
    return measured


async def _measure_group(stages: Mapping[str, Stage], seconds: float) -> list[Case]:
    """Measure each case for so long; several in turns, so that they meet the same machine."""
    running = [await _prepare(name, stage) for name, stage in stages.items()]
    for _ in range(TURNS):
        for case in running:
            await case.go_on(seconds / TURNS)
    return [case.end() for case in running]


class _Running:
    """A case under way, and what it has come to."""

    def __init__(self, name: str, stage: Stage, plan: Plan, callers: Sequence[Caller]) -> None:
        self._name = name
        self._stage = stage
        self._plan = plan
        self._callers = callers
        self._elapsed_ms = 0.0
        self._cpu_ms = 0.0

    async def go_on(self, seconds: float) -> None:
        """Call for so long, unless there were as many transfers as a case may have."""
        made = sum(len(caller.durations) for caller in self._callers) * self._plan.batch
        if made >= SHORT_TRANSFERS_MAX:
            return
        cpu_before_ms = cpu_ms(self._stage.ledger_pid)
        started_ms = monotonic_ms()
        until_ms = started_ms + seconds * MS_PER_S
        await asyncio.gather(*(caller.call_until(until_ms) for caller in self._callers))
        self._elapsed_ms += monotonic_ms() - started_ms
        self._cpu_ms += cpu_ms(self._stage.ledger_pid) - cpu_before_ms

    def end(self) -> Case:
        """Hang up and say what was measured."""
        for caller in self._callers:
            caller.close()
        durations = [duration for caller in self._callers for duration in caller.durations]
        return _case(self._stage, self._name, len(durations) * self._plan.operations,
                     self._elapsed_ms, durations, sum(caller.errors for caller in self._callers),
                     self._cpu_ms)


async def _prepare(name: str, stage: Stage) -> _Running:
    callers_count, batch, special = CASES[name]
    plan = Plan(batch, **special)
    callers = await connect_callers(
        stage.address, callers_count, partial(plan.next_frame, count(FIRST_ID)))
    warm_until_ms = monotonic_ms() + WARM_UP_S * MS_PER_S
    await asyncio.gather(*(caller.call_until(warm_until_ms) for caller in callers))
    for caller in callers:
        caller.durations.clear()
    return _Running(name, stage, plan, callers)


async def _sustain(stage: Stage, seconds: float) -> Case:
    """Load for so long, then wait until the query tables have all of it; both count."""
    plan = Plan(1_000)
    callers = await connect_callers(stage.address, 2, partial(plan.next_frame, count(FIRST_ID)))
    cpu_before_ms = cpu_ms(stage.ledger_pid)
    started_ms = monotonic_ms()
    until_ms = started_ms + seconds * MS_PER_S
    await asyncio.gather(*(caller.call_until(until_ms) for caller in callers))
    await _catch_up(stage)
    elapsed_ms = monotonic_ms() - started_ms
    durations = [duration for caller in callers for duration in caller.durations]
    return _case(stage, "sustained", len(durations) * plan.operations, elapsed_ms, durations,
                 sum(caller.errors for caller in callers), cpu_ms(stage.ledger_pid) - cpu_before_ms)


async def _restart(stage: Stage, client: LedgerClient, transfers: int) -> Case:
    """Time from the start of a successor to its first answer; per_s is of the history made."""
    await stage.start_projection()
    plan, ids = Plan(1_000), count(FIRST_ID)
    [caller] = await connect_callers(stage.address, 1, partial(plan.next_frame, ids))
    started_ms = monotonic_ms()
    while len(caller.durations) * plan.batch < transfers:
        await caller.call_until(monotonic_ms() + 100)
    made = len(caller.durations) * plan.batch
    elapsed_ms = monotonic_ms() - started_ms
    caller.close()
    await stage.kill_ledger()
    await client.close()
    started_ms = monotonic_ms()
    await (await stage.start_ledger()).close()
    restart_ms = monotonic_ms() - started_ms
    return _case(stage, "restart", made, elapsed_ms, [restart_ms], caller.errors,
                 cpu_ms(stage.ledger_pid))


async def _catch_up(stage: Stage) -> None:
    database = await Database.open(stage.url, pool_size_max=1)
    reader = LedgerReader(database)
    deadline_ms = monotonic_ms() + CATCH_UP_MS_MAX
    sequence = await reader.journal_sequence()
    while not await reader.wait_for(sequence):
        assert monotonic_ms() < deadline_ms, "the query tables do not catch up"
    await database.close()


def _case(
    stage: Stage, name: str, operations: int, elapsed_ms: float, durations: list[float],
    errors: int, cpu_used_ms: float,
) -> Case:
    return Case(
        case=name,
        per_s=round(operations / elapsed_ms * MS_PER_S, 1),
        p50_ms=percentile(durations, 50),
        p99_ms=percentile(durations, 99),
        errors=errors,
        cpu_ms_per_op=round(cpu_used_ms / operations, 5),
        peak_rss_mib=peak_rss_mib(stage.ledger_pid),
    )


def _write(path: Path, report: dict[str, Any]) -> None:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _print(cases: Sequence[Case]) -> None:
    table = Table("case", "per s", "p50 ms", "p99 ms", "errors", "cpu ms/op", "peak MiB")
    for case in cases:
        table.add_row(
            case.case, f"{case.per_s:,.0f}", f"{case.p50_ms:.2f}", f"{case.p99_ms:.2f}",
            str(case.errors), f"{case.cpu_ms_per_op:.4f}", f"{case.peak_rss_mib:.0f}")
    Console().print(table)

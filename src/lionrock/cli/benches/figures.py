"""What a bench reports: rates, latencies, and where the processor's time went, from /proc.

The JSON is that of every bench (`lionrock bench ledger`); beside it `cpu` splits the time by part
and `load` is the machine's load average when the case began: figures of a busy machine must be
read as such.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.measure import (
    MS_PER_S,
    commit,
    cpu_ms,
    machine,
    peak_rss_mib,
    percentile,
)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. `cpu_ms_per_op` is that of the city, without the driver's."""

    case: str
    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms_per_op: float
    peak_rss_mib: float
    operations: int
    cpu: dict[str, float]
    load: float
    notes: dict[str, Any] = {}


class Stopwatch:
    """Measures one window: wall time, and the processor time of groups of processes."""

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = {**groups, "driver": [os.getpid()]}
        self.load = os.getloadavg()[0]
        self._cpu_before = self._cpu()
        self._started_ms = monotonic_ms()

    def case(
        self, name: str, durations: Sequence[float], errors: int, notes: dict[str, Any]
    ) -> Case:
        """End the window; `durations` are those of the operations in it, in milliseconds."""
        elapsed_ms = monotonic_ms() - self._started_ms
        spent = {group: ms - self._cpu_before[group] for group, ms in self._cpu().items()}
        count = max(1, len(durations))
        cpu = {group: round(ms / count, 4) for group, ms in spent.items()}
        return Case(
            case=name, per_s=round(len(durations) / elapsed_ms * MS_PER_S, 1),
            p50_ms=percentile(durations, 50), p99_ms=percentile(durations, 99), errors=errors,
            cpu_ms_per_op=round(sum(ms for part, ms in cpu.items() if part != "driver"), 4),
            peak_rss_mib=max(
                peak_rss_mib(pid) for group, pids in self._groups.items() for pid in pids
                if group != "driver"
            ),
            operations=len(durations), cpu=cpu, load=round(self.load, 2), notes=notes,
        )  # fmt: skip

    def _cpu(self) -> dict[str, float]:
        return {
            group: sum(cpu_ms(pid) for pid in _with_children(pids, group))
            for group, pids in self._groups.items()
        }


def report(bench: str, cases: Sequence[Case], json_path: Path | None) -> None:
    """Print a table, and write the JSON if asked."""
    if json_path is not None:
        facts = {
            "bench": bench, "commit": commit(),
            "date": SystemWireClock().now().isoformat(timespec="seconds"),
            "machine": machine(), "cases": msgspec.to_builtins(cases),
        }  # fmt: skip
        json_path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    table = Table("case", "ops", "per s", "p50 ms", "p99 ms", "errors", "cpu ms/op", "load")
    for case in cases:
        table.add_row(
            case.case, f"{case.operations:,}", f"{case.per_s:,.0f}", f"{case.p50_ms:.2f}",
            f"{case.p99_ms:.2f}", str(case.errors), f"{case.cpu_ms_per_op:.3f}",
            f"{case.load:.1f}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    for case in cases:
        parts = ", ".join(f"{part} {ms:.3f}" for part, ms in case.cpu.items())
        console.print(f"{case.case}: cpu ms/op by part: {parts}")
        for name, value in case.notes.items():
            console.print(f"{case.case}: {name}: {value}")


def _with_children(pids: Sequence[int], group: str) -> set[int]:
    """PostgreSQL works in children of its own; the others' children are none."""
    if group != "postgres":
        return set(pids)
    found = set(pids)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(entry) in pids:
            found.add(int(entry.name))
    return found


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0

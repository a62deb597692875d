"""What a bench reports: rates, latencies, and where the processor's time went, from /proc.

The JSON is that of every bench (`lionrock bench ledger`); beside it `cpu` splits the time by part
and `load` is the machine's load average when the case began: figures of a busy machine must be
read as such.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lionrock.kernel.clock import SystemWireClock, monotonic_ms

MS_PER_S = 1_000
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


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
                _peak_rss_mib(pid) for group, pids in self._groups.items() for pid in pids
                if group != "driver"
            ),
            operations=len(durations), cpu=cpu, load=round(self.load, 2), notes=notes,
        )  # fmt: skip

    def _cpu(self) -> dict[str, float]:
        return {
            group: sum(_cpu_ms(pid) for pid in _with_children(pids, group))
            for group, pids in self._groups.items()
        }


def percentile(durations: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile in milliseconds; 0 without any."""
    ranked = sorted(durations)
    if not ranked:
        return 0.0
    return round(ranked[max(1, -(-len(ranked) * percent // 100)) - 1], 3)


def report(bench: str, cases: Sequence[Case], json_path: Path | None) -> None:
    """Print a table, and write the JSON if asked."""
    if json_path is not None:
        facts = {
            "bench": bench, "commit": _commit(),
            "date": SystemWireClock().now().isoformat(timespec="seconds"),
            "machine": _machine(), "cases": msgspec.to_builtins(cases),
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


def _cpu_ms(process_id: int) -> float:
    """User and system time of a process so far (proc(5), stat fields 14 and 15)."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S * MS_PER_S


def _peak_rss_mib(process_id: int) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def _commit() -> str:
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git the user has
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )
    return result.stdout.strip()


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "fsync": "on; virtual disks may acknowledge it early",
    }

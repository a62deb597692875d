"""What a bench reads of this machine and its processes, from /proc, and how it sums durations.

For figures in `lionrock bench` only. Not for: timing anything in production, or inside tests.
Source: proc(5), stat fields 14 and 15, status field VmHWM.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MS_PER_S = 1_000
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def percentile(durations: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile, in the unit of the durations; 0 without any."""
    ranked = sorted(durations)
    if not ranked:
        return 0.0
    return round(ranked[max(1, -(-len(ranked) * percent // 100)) - 1], 3)


def cpu_ms(process_id: int) -> float:
    """Return user and system time of a process so far; 0 of one that has ended."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S * MS_PER_S


def peak_rss_mib(process_id: int) -> float:
    """Return the most memory that a process has held, in MiB."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def commit() -> str:
    """Return the commit that is measured, short; empty outside a clone."""
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git the user has
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )
    return result.stdout.strip()


def machine() -> dict[str, Any]:
    """Describe the machine, as every bench's JSON has it."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "fsync": "on; virtual disks may acknowledge it early",
    }

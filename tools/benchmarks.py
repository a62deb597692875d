"""Run the benches in turn, keep their figures in docs/benchmarks.json, make docs/benchmarks.md.

`python tools/benchmarks.py` writes the page from the figures kept; --check exits 1 when the page
differs from them; --run measures first, everything or what `--only NAME` (repeatable) names, and
keeps what was measured before of the rest; --briefly makes it a try of seconds, which reaches
nothing on the page. A bench that fails or takes too long is kept as failed, and the rest go on.
Not for: judging a figure (benchmark_page.py), what is asked (benchmark_plan.py).
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark_page import page
from benchmark_plan import RUNS, Run

ROOT = Path(__file__).resolve().parent.parent
KEPT, PAGE = ROOT / "docs" / "benchmarks.json", ROOT / "docs" / "benchmarks.md"
MESSAGE_LENGTH_MAX = 300
# What a bench may take to stop its city after it was interrupted.
STOP_S_MAX = 30


def measure(run: Run, *, is_brief: bool) -> dict[str, Any]:
    """Run one bench in a process of its own; returns the entry to keep, whatever happened."""
    arguments = run.briefly if is_brief else run.arguments
    date = datetime.now(UTC).isoformat(timespec="seconds")
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        outcome, message = _call([*arguments, "--json", str(report)], run.timeout_s, folder)
        figures = json.loads(report.read_text()) if report.exists() else None
    if outcome == "done" and figures is None:
        outcome, message = "failed", "it ended well but wrote no figures"
    return {
        "command": shlex.join(["lionrock", "bench", *arguments]),
        "date": date, "commit": _git("rev-parse", "--short", "HEAD"),
        "has_changes": bool(_git("status", "--porcelain", "--", "src")),
        "is_brief": arguments != run.arguments, "took_s": round(time.monotonic() - started_s, 1),
        "outcome": outcome, "message": message, "machine": _machine(figures),
        "report": {"cases": figures["cases"]} if figures and outcome == "done" else None,
    }  # fmt: skip


def _call(arguments: list[str], timeout_s: int, folder: str) -> tuple[str, str]:
    """Run `lionrock bench`; returns the outcome and the last line of its complaint."""
    words = [str(Path(sys.executable).with_name("lionrock")), "bench", *arguments]
    with (Path(folder) / "stderr").open("w+b") as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own words
            words, cwd=ROOT, stderr=complaints, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _stop(process)
            return f"not finished in {timeout_s} s", ""
        finally:
            if process.poll() is None:
                _stop(process)
        complaints.seek(0)
        said = complaints.read().decode(errors="replace")
    if code == 0:
        return "done", ""
    lines = [line.strip() for line in said.splitlines() if line.strip(" \u2502\u2570\u256f\u2500")]
    message = lines[-1] if lines else f"exit code {code}"
    return "failed", message.replace(str(ROOT), ".").replace("|", "/")[:MESSAGE_LENGTH_MAX]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt it, so that it stops its city; kill the group that is left."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _machine(figures: dict[str, Any] | None) -> dict[str, Any]:
    """Describe the machine: what the bench says, the processor's model and the memory."""
    found: dict[str, Any] = dict(figures["machine"]) if figures else {}
    for path, key, name in (
        ("/proc/cpuinfo", "model name", "model"), ("/proc/meminfo", "MemTotal", "memory"),
    ):
        lines = Path(path).read_text().splitlines() if Path(path).exists() else []
        value = next((line.partition(":")[2] for line in lines if line.startswith(key)), "")
        found[name] = " ".join(value.split()) or "unknown"
    return found


def _git(*words: str) -> str:
    result = subprocess.run(  # noqa: S603 - our own words
        ["git", *words],  # noqa: S607 - whichever git the user has
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    return result.stdout.strip()


def load() -> dict[str, Any]:
    """Return the runs kept, by name."""
    runs: dict[str, Any] = json.loads(KEPT.read_text())["runs"] if KEPT.exists() else {}
    return runs


def save(runs: dict[str, Any]) -> None:
    """Keep the runs, in the order of the plan, and write the page."""
    ordered = {run.name: runs[run.name] for run in RUNS if run.name in runs}
    KEPT.write_text(json.dumps({"runs": ordered}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(ordered), encoding="utf-8")


def main() -> int:
    """Run, write or check; returns the exit code: with --run, 1 when a bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true", help="measure first")
    parser.add_argument("--only", action="append", choices=[run.name for run in RUNS], default=[])
    parser.add_argument("--briefly", action="store_true", help="a try of seconds")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args()
    runs = load()
    if options.check:
        is_true = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page(runs)
        if not is_true:
            print("docs/benchmarks.md is not that of the figures; run python tools/benchmarks.py")
        return 0 if is_true else 1
    chosen = [run for run in RUNS if run.name in (options.only or [each.name for each in RUNS])]
    failed = []
    for run in chosen if options.run else ():
        print(f"== {run.name}: about {run.takes_s} s, at most {run.timeout_s} s", flush=True)
        runs[run.name] = measure(run, is_brief=options.briefly)
        if runs[run.name]["outcome"] != "done":
            failed.append(run.name)
            print(f"{run.name}: {runs[run.name]['outcome']} {runs[run.name]['message']}")
        save(runs)  # after each, so that an interruption loses one bench at most
    save(runs)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

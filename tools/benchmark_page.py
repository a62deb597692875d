"""Make the text of docs/benchmarks.md from the figures that tools/benchmarks.py has kept.

Not for: measuring. Invariant: the same figures give the same page, byte by byte.
"""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from benchmark_plan import ERRORS, P99_MS, RUNS, SHARE, TARGETS, Bound, Run, Target

NOT_RUN = "not run"
INTRODUCTION = """# Benchmarks

Made by `python tools/benchmarks.py` from `benchmarks.json`, which `make bench` writes; a test keeps
it true. Every target of the project stands here, reached or not.

Read any figure with its machine. The load driver shares the cores with what it measures. Virtual
disks may acknowledge an fsync in microseconds. `load` is the machine's load average when the case
began: above zero, others worked beside it. Identity and payments run as a served city: several
processes, a durable database. A run that was shorter or smaller than asked reaches nothing here,
whatever its figures.
"""


class Verdict(NamedTuple):
    """What is said of a target: the figures seen, of the must, of the stretch."""

    seen: str
    must: str
    stretch: str


def page(runs: dict[str, Any]) -> str:
    """Return the page of these runs by name, as the JSON has them."""
    verdicts = [(target, verdict(target, runs.get(target.run))) for target in TARGETS]
    reached = sum(found.must == "reached" for _, found in verdicts)
    lines = [INTRODUCTION, f"**{reached} of {len(TARGETS)} musts reached.**", ""]
    lines += ["| pillar | what | must | stretch | seen | must | stretch | run |",
              "|---|---|---|---|---|---|---|---|"]
    for target, found in verdicts:
        remark = f" ({target.remark})" if target.remark else ""
        lines.append(
            f"| {target.pillar} | {target.what}{remark} | {_asked(target, 'must')} |"
            f" {_asked(target, 'stretch')} | {found.seen} | {found.must} | {found.stretch} |"
            f" {target.run} |"
        )
    lines += ["", "## Runs", ""]
    for run in RUNS:
        lines += _run(run, runs.get(run.name))
    return "\n".join(lines).rstrip() + "\n"


def verdict(target: Target, entry: dict[str, Any] | None) -> Verdict:
    """Judge one target by its run; a run that failed, or was brief, reaches nothing."""
    if entry is None:
        return Verdict("", NOT_RUN, NOT_RUN)
    if entry["outcome"] != "done":
        return Verdict("", entry["outcome"], entry["outcome"])
    cases = {case["case"]: case for case in entry["report"]["cases"]}
    if target.case not in cases:
        return Verdict("", "no such case", "no such case")
    values = [_value(target, bound, cases) for bound in target.bounds]
    seen = ", ".join(
        _words(bound, value) for bound, value in zip(target.bounds, values, strict=True)
    )
    if entry["is_brief"]:
        return Verdict(seen, "only tried", "only tried")
    stretches = [b.stretch if b.stretch is not None else b.must for b in target.bounds]
    has_stretch = any(bound.stretch is not None for bound in target.bounds)
    return Verdict(
        seen, _says(target, values, [bound.must for bound in target.bounds]),
        _says(target, values, stretches) if has_stretch else "",
    )


def _says(target: Target, values: list[float], limits: list[float]) -> str:
    held = (
        value >= limit if bound.is_least else value <= limit
        for bound, value, limit in zip(target.bounds, values, limits, strict=True)
    )
    return "reached" if all(held) else "**not reached**"


def _value(target: Target, bound: Bound, cases: dict[str, Any]) -> float:
    own = cases[target.case]
    if bound.figure == SHARE:
        uniform = cases.get(target.against, {}).get("per_s", 0)
        return round(own["per_s"] / uniform * 100, 1) if uniform else 0.0
    return float(own[bound.figure])


def _asked(target: Target, which: str) -> str:
    limits = [(bound, getattr(bound, which)) for bound in target.bounds]
    if which == "stretch" and all(limit is None for _, limit in limits):
        return ""
    return ", ".join(
        "no errors" if bound.figure == ERRORS and not bound.unit
        else f"{'' if bound.is_least else 'at most '}{_words(bound, limit)}"
        for bound, limit in limits if limit is not None
    )


def _words(bound: Bound, value: float) -> str:
    name = "p99 " if bound.figure == P99_MS else ""
    unit = bound.unit or " errors"
    return f"{name}{_number(value)}{unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 1_000 else f"{value:,.1f}"


def _run(run: Run, entry: dict[str, Any] | None) -> list[str]:
    lines = [f"### {run.name}", ""]
    if entry is None:
        asked = shlex.join(("lionrock", "bench", *run.arguments))
        return [*lines, f"Not run. It is `{asked}`.", ""]
    lines.append(
        f"`{entry['command']}` on {entry['date']}, commit {entry['commit']}"
        f"{' with changes beside it' if entry['has_changes'] else ''}, {entry['took_s']:,.0f} s."
    )
    if entry["is_brief"]:
        lines.append("This was a try, shorter or smaller than asked.")
    if entry["outcome"] != "done":
        return [*lines, "", f"**{entry['outcome']}**: `{entry['message']}`", ""]
    machine = ", ".join(f"{name} {value}" for name, value in entry["machine"].items())
    lines += ["", f"Machine: {machine}.", "",
              "| case | per s | p50 ms | p99 ms | errors | CPU ms/op | peak MiB | load |",
              "|---|---|---|---|---|---|---|---|"]
    for case in entry["report"]["cases"]:
        lines.append(
            f"| {case['case']} | {case['per_s']:,.1f} | {case['p50_ms']:,.2f} |"
            f" {case['p99_ms']:,.2f} | {case['errors']} | {case['cpu_ms_per_op']:.3f} |"
            f" {case['peak_rss_mib']:,.0f} | {case.get('load', '')} |"
        )
    lines.append("")
    for case in entry["report"]["cases"]:
        lines += [f"- {case['case']}: {name}: {value}" for name, value in _notes(run, case)]
    return [*lines, ""]


def _notes(run: Run, case: dict[str, Any]) -> list[tuple[str, Any]]:
    """The remarks of a case, but not the long lists of single tables."""
    notes = case.get("notes", {})
    return [(k, v) for k, v in notes.items() if not (run.name == "expiry" and "." in k)]

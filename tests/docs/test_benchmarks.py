"""The page of benchmarks is that of the figures kept, and says plainly what was not reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = str(ROOT / "tools")
SCRIPT = """
import json, sys
from benchmark_page import page
print(page(json.load(sys.stdin)))
"""


def page_of(runs: dict[str, Any]) -> str:
    """The page of these runs, made as the tool makes it."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=TOOLS, input=json.dumps(runs), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return result.stdout


def row_of(page: str, what: str) -> list[str]:
    """The cells of one target's row: seen, must, stretch."""
    [row] = [line for line in page.splitlines() if f"| {what}" in line]
    return [cell.strip() for cell in row.split("|")][5:8]


def entry(*cases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A run as the JSON keeps it."""
    shape = {"p50_ms": 1.0, "p99_ms": 10.0, "errors": 0, "cpu_ms_per_op": 1, "peak_rss_mib": 1}
    return {
        "command": "lionrock bench", "date": "2026-11-23", "commit": "abc", "has_changes": False,
        "is_brief": False, "took_s": 1.0, "outcome": "done", "message": "", "machine": {},
        "report": {"cases": [{**shape, **case} for case in cases]}, **changes,
    }  # fmt: skip


def test_the_page_of_benchmarks_is_made_from_the_figures_kept() -> None:
    result = subprocess.run(
        [sys.executable, "tools/benchmarks.py", "--check"], cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]


@pytest.mark.parametrize(("per_s", "must", "stretch"), [
    (1_499.0, "**not reached**", "**not reached**"), (1_500.0, "reached", "**not reached**"),
    (2_500.0, "reached", "reached"),
])
def test_a_rate_is_reached_from_its_must_on(per_s: float, must: str, stretch: str) -> None:
    page = page_of({"token": entry({"case": "client-credentials", "per_s": per_s})})
    _seen, *found = row_of(page, "DPoP client-credentials tokens")
    assert found == [must, stretch]


def test_a_rate_with_a_slow_percentile_or_an_error_is_not_reached() -> None:
    for spoilt in ({"p99_ms": 300.1}, {"errors": 1}):
        page = page_of({"login": entry({"case": "login-8", "per_s": 500.0, **spoilt})})
        assert row_of(page, "full log-ins")[1:] == ["**not reached**", "**not reached**"]


def test_a_hot_account_is_measured_against_uniform_load_of_the_same_run() -> None:
    hot, uniform = {"case": "hot-account", "per_s": 90.0}, {"case": "batch-1000", "per_s": 100.0}
    page = page_of({"ledger": entry(hot, uniform)})
    assert row_of(page, "hot account") == [
        "90 % of uniform, 0 errors", "reached", "**not reached**"
    ]
    assert row_of(page_of({"ledger": entry(hot)}), "hot account")[1] == "**not reached**"


def test_what_was_tried_briefly_failed_or_was_not_run_reaches_nothing() -> None:
    fast = {"case": "client-credentials", "per_s": 9_999.0}
    told = {
        "only tried": {"token": entry(fast, is_brief=True)},
        "failed": {"token": entry(report=None, outcome="failed", message="the city did not start")},
        "not run": {},
        "no such case": {"token": entry({**fast, "case": "another"})},
    }  # fmt: skip
    for words, runs in told.items():
        page = page_of(runs)
        assert row_of(page, "DPoP client-credentials tokens")[1:] == [words, words]
        assert "**0 of" in page
    assert "the city did not start" in page_of(told["failed"])

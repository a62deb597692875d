"""The bench measures every case it promises, in the documented shape, without an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionrock.ledger.bench import run


@pytest.mark.timeout(120)
async def test_the_report_has_every_case_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    await run(0.3, path)
    report = json.loads(path.read_text())
    assert report["bench"] == "ledger"
    assert {"commit", "date", "machine", "cases"} <= report.keys()
    assert [case["case"] for case in report["cases"]] == [
        "batch-1", "batch-10", "batch-100", "batch-1000", "callers-64"]
    for case in report["cases"]:
        assert case["errors"] == 0
        assert case["per_s"] > 0
        assert 0 < case["p50_ms"] <= case["p99_ms"]
        assert case["cpu_ms_per_op"] >= 0
        assert case["peak_rss_mib"] > 0

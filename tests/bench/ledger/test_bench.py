"""The bench measures every case it promises, in the documented shape, without an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionrock.ledger.bench import CASES, run

pytestmark = pytest.mark.city


@pytest.mark.timeout(120)
async def test_the_long_cases_end_with_everything_copied_and_a_successor_that_answers(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bench.json"
    await run(0.5, path, cases=("sustained", "restart"), transfers=20_000)
    [sustained, restart] = json.loads(path.read_text())["cases"]
    assert sustained["errors"] == restart["errors"] == 0
    assert restart["p50_ms"] > 0


async def test_a_case_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="batch-7"):
        await run(0.5, None, cases=("batch-7",))


@pytest.mark.timeout(120)
async def test_the_report_has_every_case_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    await run(0.3, path)
    report = json.loads(path.read_text())
    assert report["bench"] == "ledger"
    assert {"commit", "date", "machine", "cases"} <= report.keys()
    assert [case["case"] for case in report["cases"]] == list(CASES)
    for case in report["cases"]:
        assert case["errors"] == 0
        assert case["per_s"] > 0
        assert 0 < case["p50_ms"] <= case["p99_ms"]
        assert case["cpu_ms_per_op"] >= 0
        assert case["peak_rss_mib"] > 0

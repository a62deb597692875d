"""The benches measure what they promise, in the documented shape, without an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lionrock.cli.benches import expiry, login, token

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def case_of(path: Path, bench: str, name: str) -> dict[str, Any]:
    report = json.loads(path.read_text())
    assert report["bench"] == bench
    assert {"commit", "date", "machine", "cases"} <= report.keys()
    (case,) = report["cases"]
    assert case["case"] == name
    assert case["errors"] == 0, case
    assert case["per_s"] > 0
    assert 0 < case["p50_ms"] <= case["p99_ms"]
    assert case["cpu_ms_per_op"] > 0
    assert case["peak_rss_mib"] > 0
    assert {"front", "postgres", "worker", "driver"} <= case["cpu"].keys()
    return dict(case)


async def test_every_client_of_the_token_bench_gets_its_tokens(tmp_path: Path) -> None:
    await token.run(0.5, tmp_path / "bench.json")
    case_of(tmp_path / "bench.json", "token", "client-credentials")


async def test_every_person_of_the_login_bench_gets_in(tmp_path: Path) -> None:
    await login.run(1.0, tmp_path / "bench.json")
    case = case_of(tmp_path / "bench.json", "login", "login-8")
    assert set(case["notes"]["mean ms by step"]) == set(login.STEPS)


async def test_tables_do_not_grow_however_many_artefacts_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "ARTEFACTS_EACH", 10_000)
    await expiry.run(0.0, tmp_path / "bench.json")
    case = case_of(tmp_path / "bench.json", "expiry-1m", "expiry-1m")
    notes = case["notes"]
    assert (notes["grown"], notes["left"], notes["undecided"]) == ([], {}, [])
    assert {"identity.codes", "identity.grants", "portal.sessions"} <= notes.keys()

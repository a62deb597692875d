"""The page of behaviours names the tests that are there, and every behaviour has one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK_S_MAX = 300


@pytest.mark.timeout(CHECK_S_MAX + 20)
def test_each_behaviour_has_a_test_and_the_page_lists_it() -> None:
    result = subprocess.run(
        [sys.executable, "tools/conformance.py", "--check"], cwd=ROOT, capture_output=True,
        text=True, check=False, timeout=CHECK_S_MAX,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_the_page_says_what_was_not_run() -> None:
    page = (ROOT / "docs" / "conformance-identity.md").read_text()
    for row in ("official-suite", "mtls-plans", "other-certified-servers"):
        assert f"| {row} |" in page
    assert "not run" in page
    assert "FAILED" not in page

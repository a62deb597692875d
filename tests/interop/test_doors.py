"""The pages of identity in a real browser: sign-in, scanned code, log-out, services, checks.

The walk (doors.mjs) goes by keyboard in three languages and a phone's width; axe finds nothing,
and jsqr, which nobody here wrote, reads our code from the screen.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionrock.app.supervisor import City
from tests.interop.conftest import run_node

pytestmark = pytest.mark.interop


@pytest.mark.timeout(300)
def test_the_doors_of_identity_can_be_walked_by_keyboard_in_three_languages(
    running_city: City, tmp_path: Path
) -> None:
    done = run_node("doors.mjs", running_city, 280, LIONROCK_SCREENSHOTS=str(tmp_path / "shots"))
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["axe"] == report["pages"] >= 38

"""The portal in a real browser, from the first question to the payout, in three languages.

The walk (portal.mjs) looks at every page: axe-core finds nothing (WCAG 2.2 AA and best practice),
every control is reached by Tab and shows the focus, no page is wider than its window, nothing is
asked of anybody else, every internal link leads somewhere.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionrock.app.schemes import stated_facts
from lionrock.app.supervisor import City
from lionrock.app.verification import verify_files
from tests.interop.conftest import run_node

pytestmark = pytest.mark.interop
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(900)
def test_the_whole_portal_can_be_walked_in_a_browser(running_city: City, tmp_path: Path) -> None:
    done = run_node(
        "portal.mjs", running_city, 840, LIONROCK_FACTS=json.dumps(stated_facts(None)),
        LIONROCK_SCREENSHOTS=str(REPOSITORY / "screenshots"), LIONROCK_OUT=str(tmp_path),
    )  # fmt: skip
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["axe"] == report["pages"] >= 60
    bundle, trust = (tmp_path / "evidence.zip").read_bytes(), (tmp_path / "trust.json").read_bytes()
    assert verify_files(bundle, trust).ok
    assert (tmp_path / "agreement.pdf").read_bytes().startswith(b"%PDF-")

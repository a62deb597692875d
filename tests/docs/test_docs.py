"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("## Context", "## Decision", "## Consequences", "## Alternatives", "## The check")


def test_the_reference_pages_are_made_from_this_code() -> None:
    result = subprocess.run(
        [sys.executable, "tools/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]


def test_every_decision_record_has_its_five_parts_and_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    records = sorted(folder.glob("[0-9]*.md"))
    assert records
    for record in records:
        text = record.read_text()
        missing = [section for section in SECTIONS if section not in text]
        assert not missing, f"{record.name} lacks {missing}"
        assert record.name in index, f"{record.name} is not in the index"


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target} is not there"


def test_every_make_target_named_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_nothing_in_the_tree_names_a_machine_path_or_a_package_host() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.split()
    home = "/" + "root/"
    for name in files:
        path = ROOT / name
        if path.suffix in {".png", ".pdf"} or name == "LICENSE":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert home not in text, f"{name} holds a machine path"
        if "lock" in path.name or path.name == ".npmrc":
            assert "://" not in text, f"{name} names an address"

"""The import contracts hold for the tree, and each of them breaks when its violation is planted."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# For each contract: the file to append to, and the import that breaks it (and nothing else need).
PLANTED = {
    "floors": ("directory/domain.py", "import lionrock.payments.api"),
    "pure-domain": ("directory/domain.py", "import time"),
    "domain-below-store": ("directory/domain.py", "import lionrock.directory.store"),
    "sql-in-store": ("directory/service.py", "import asyncpg"),
    "plain-store": ("directory/store.py", "import starlette.responses"),
    "one-way-out": ("directory/client.py", "import httpx"),
    "no-cycles-in-kernel": ("kernel/errors.py", "import lionrock.kernel.http"),
    "directory-door": ("app/kernels.py", "import lionrock.directory.service"),
    "evidence-door": ("app/kernels.py", "import lionrock.evidence.service"),
    "identity-door": ("app/kernels.py", "import lionrock.identity.service"),
    "ledger-door": ("app/kernels.py", "import lionrock.ledger.service"),
    "payments-door": ("app/kernels.py", "import lionrock.payments.service"),
    "exchange-door": ("app/kernels.py", "import lionrock.exchange.service"),
    "programmes-door": ("app/kernels.py", "import lionrock.programmes.service"),
}


def contracts() -> dict[str, str]:
    """Contract names by identifier, from the configuration."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return {
        section.rsplit(":", 1)[1]: parser[section]["name"]
        for section in parser.sections()
        if section.startswith("importlinter:contract:")
    }


def lint(root: Path) -> tuple[int, dict[str, str], str]:
    """Run lint-imports on the package under root/src; outcome by contract identifier."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "300"}
    result = subprocess.run(
        [str(LINT_IMPORTS), "--no-logo", "--no-cache", "--config", str(root / ".importlinter")],
        capture_output=True, text=True, check=False, cwd=root / "src", env=environment,
    )  # fmt: skip
    flat = re.sub(r"\s+", " ", result.stdout)
    outcomes = {}
    for identifier, name in contracts().items():
        match = re.search(re.escape(name) + r" (KEPT|BROKEN)", flat)
        outcomes[identifier] = match.group(1) if match else "not checked"
    return result.returncode, outcomes, result.stdout + result.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "data", "static")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_contracts() -> None:
    code, outcomes, text = lint(ROOT)
    assert code == 0, text
    assert set(outcomes.values()) == {"KEPT"}, text


def test_every_contract_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(contracts())


def test_a_copy_without_violations_is_kept(copy: Path) -> None:
    code, outcomes, text = lint(copy)
    assert (code, set(outcomes.values())) == (0, {"KEPT"}), text


@pytest.mark.parametrize("identifier", sorted(PLANTED))
def test_a_planted_import_breaks_its_contract(copy: Path, identifier: str) -> None:
    file, line = PLANTED[identifier]
    with (copy / "src" / "lionrock" / file).open("a", encoding="utf-8") as opened:
        opened.write(f"\n{line}\n")
    code, outcomes, text = lint(copy)
    assert code != 0, text
    broken = {name for name, outcome in outcomes.items() if outcome == "BROKEN"}
    assert identifier in broken, text


def test_a_pillar_that_nobody_placed_breaks_the_floors(copy: Path) -> None:
    new = copy / "src" / "lionrock" / "lottery"
    new.mkdir()
    (new / "__init__.py").write_text("")
    code, outcomes, text = lint(copy)
    assert code != 0, text
    assert outcomes["floors"] != "KEPT", text


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("kernel", "directory"), ("evidence", "identity"), ("ledger", "payments"),
        ("payments", "exchange"), ("exchange", "payments"), ("programmes", "hongkong"),
        ("identity", "sandbox"), ("payments", "sandbox"), ("hongkong", "app"), ("app", "cli"),
        ("sandbox", "app"),
    ],
)  # fmt: skip
def test_no_floor_imports_a_higher_or_a_neighbouring_one(
    copy: Path, importer: str, imported: str
) -> None:
    with (copy / "src" / "lionrock" / importer / "__init__.py").open("a") as opened:
        opened.write(f"\nimport lionrock.{imported}\n")
    code, outcomes, text = lint(copy)
    assert code != 0, text
    assert outcomes["floors"] == "BROKEN", text

"""A wheel built from the tree holds everything that the product reads when it runs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WANTED = (
    "lionrock/hongkong/data/schemes.json", "lionrock/hongkong/data/rules/nifs.toml",
    "lionrock/sandbox/data/personas.toml", "lionrock/sandbox/data/firm.toml",
    "lionrock/sandbox/data/organisations.toml",
)  # fmt: skip
# Every kind of file that is not Python, and who reads it.
KINDS = {
    ".sql": "kernel.db.migrations_in", ".html": "templates", ".css": "static", ".js": "static",
    ".xsd": "payments' usage schemas", ".json": "data", ".toml": "data",
}  # fmt: skip
READ_ALL = """
import sys
from pathlib import Path
import lionrock
from lionrock.app.migrations import all_migrations, world_migrations
from lionrock.app.schemes import packaged_firm
from lionrock.hongkong import scheme_book
from lionrock.payments.api import envelope_schema
from lionrock.sandbox.personas import load_cast, load_organisations
assert Path(lionrock.__file__).is_relative_to(sys.argv[1]), lionrock.__file__
assert len(scheme_book().schemes) == 61
load_cast(packaged_firm()), load_organisations()
envelope_schema()
print(len(all_migrations()), len(world_migrations()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as an installer would, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("lionrock-*.whl")
    return built


def tracked() -> set[str]:
    """What git has of the package, as it would lie in the wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "src/lionrock"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = (Path(line) for line in listed.stdout.splitlines())
    return {str(path.relative_to("src")) for path in paths if (ROOT / path).exists()}


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert tracked() - held == set()
    assert {name for name in WANTED if name not in held} == set()
    for kind in KINDS:
        assert any(name.endswith(kind) for name in held), kind


def test_nothing_but_the_package_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        strangers = [
            name for name in archive.namelist()
            if not name.startswith(("lionrock/", "lionrock-")) or "__pycache__" in name
        ]
        entry = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert "lionrock = lionrock.cli:main" in archive.read(entry).decode()
    assert strangers == []


def test_the_product_finds_its_data_in_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    result = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True,
        check=False, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert all(int(count) > 0 for count in result.stdout.split())

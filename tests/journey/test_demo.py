"""`lionrock demo` as its users run it: a process, its files, and others' tools on what it leaves.

Each journey costs a whole city, so the runs are made once for all workers and looked at by many
tests: the packaged company, a company that fits nothing, and, in the long form, a training
programme in Chinese.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.sandbox.journey.validators import check_pdf
from tests.conftest import FileLock
from tests.unit.payments.samples import OfficialSchemas

ROOT = Path(__file__).resolve().parents[2]
LIONROCK = Path(sys.executable).with_name("lionrock")
MESSAGES = ("pacs.008.001.08", "pacs.002.001.10")
JOURNEY_S_MAX = 300
COMPANY = """[company]
name = "X"
business_registration_number = "00000003-000-01-26-0"

[facts]
"""

pytestmark = [pytest.mark.city, pytest.mark.timeout(JOURNEY_S_MAX + 60)]


class Run(msgspec.Struct, frozen=True):
    """A finished command: exit code, what it said, the --json file, its folder."""

    code: int
    output: str
    outcome: dict[str, Any]
    out: Path

    def file(self, name: str) -> Path:
        """A file that the journey wrote."""
        return self.out / name


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run lionrock in an empty environment but for the search path."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "200", "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(LIONROCK), *map(str, words)], capture_output=True, text=True, check=False,
        cwd=ROOT, env=environment, timeout=JOURNEY_S_MAX,
    )  # fmt: skip


def demo(folder: Path, *words: str | Path) -> Run:
    """Run a journey into a folder of its own."""
    out, facts = folder / "out", folder / "outcome.json"
    result = command("demo", "--out", out, "--json", facts, *words)
    outcome = json.loads(facts.read_text()) if facts.exists() else {}
    return Run(result.returncode, result.stdout + result.stderr, outcome, out)


Journeys = Callable[..., Run]


@pytest.fixture(scope="session")
def journeys(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Journeys:
    """Make a journey of a name, or give the one that another worker has made."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def journey(name: str, *words: str | Path) -> Run:
        folder = root / "journeys" / name
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / "run.json"
        with FileLock(folder / "lock"):
            if not made.exists():
                made.write_bytes(msgspec.json.encode(demo(folder, *words), enc_hook=str))
        return msgspec.json.decode(made.read_bytes(), type=Run, dec_hook=lambda _, text: Path(text))

    return journey


@pytest.fixture(scope="session")
def packaged(journeys: Journeys) -> Run:
    """The journey of the packaged company, with nothing said."""
    return journeys("packaged")


@pytest.fixture(scope="session")
def too_small(journeys: Journeys) -> Run:
    """The journey of a shop that fits no programme."""
    return journeys("too-small", "--firm", ROOT / "examples" / "firm-too-small.toml")


@pytest.fixture(scope="session")
def trained(journeys: Journeys) -> Run:
    """The packaged company asks for a training grant, as at a date, in Chinese."""
    return journeys(
        "trained", "--programme", "nittp", "--on", "2026-02-20", "--lang", "zh-Hant"
    )


def test_the_journey_ends_well_and_says_each_step(packaged: Run) -> None:
    assert packaged.code == 0, packaged.output
    assert packaged.outcome["ok"] is True
    assert packaged.outcome["ended"] == []
    steps = packaged.outcome["steps"]
    assert len({step["name"] for step in steps}) == len(steps) >= 9
    for step in steps:
        assert step["ok"], step
        assert step["checked"], f"{step['name']} checked nothing"
        assert step["failure"] == ""
        assert step["standard"]
        assert step["ms"] > 0


def test_the_files_it_names_are_there(packaged: Run) -> None:
    assert packaged.outcome["evidence"] == str(packaged.file("evidence.zip"))
    assert packaged.outcome["trust"] == str(packaged.file("trust.json"))
    for name in ("application.pdf", "agreement.pdf", "awards.json", "awards.csv",
                 *(f"{each}.xml" for each in MESSAGES)):
        assert packaged.file(name).stat().st_size > 0, name


def test_its_evidence_is_proved_by_a_second_command(packaged: Run) -> None:
    result = command("verify", packaged.outcome["evidence"], "--trust", packaged.outcome["trust"])
    assert result.returncode == 0, result.stdout
    assert "FAIL" not in result.stdout
    assert result.stdout.rstrip().endswith("proved")
    assert "not proved" not in result.stdout


@pytest.mark.parametrize("place", [0.02, 0.25, 0.5, 0.75, 0.98])
def test_one_flipped_bit_is_refused_and_its_part_named(
    packaged: Run, tmp_path: Path, place: float
) -> None:
    content = bytearray(packaged.file("evidence.zip").read_bytes())
    content[int(len(content) * place)] ^= 0x10
    flipped = tmp_path / "evidence.zip"
    flipped.write_bytes(content)
    result = command("verify", flipped, "--trust", packaged.outcome["trust"], "--json")
    assert result.returncode == 1, result.stdout
    verdict = json.loads(result.stdout)
    failed = [check for check in verdict["checks"] if not check["ok"]]
    assert verdict["ok"] is False
    assert failed
    assert all(check["part"] and check["sentence"] for check in failed)


def test_anchors_with_another_key_do_not_prove_it(packaged: Run, tmp_path: Path) -> None:
    trust = json.loads(packaged.file("trust.json").read_text())
    trust["directory_key"] = {**trust["directory_key"], "x": trust["directory_key"]["y"]}
    foreign = tmp_path / "trust.json"
    foreign.write_text(json.dumps(trust))
    result = command("verify", packaged.outcome["evidence"], "--trust", foreign)
    assert result.returncode == 1, result.stdout
    assert "not proved" in result.stdout


@pytest.mark.slow
def test_the_anchors_of_another_city_do_not_prove_it(packaged: Run, trained: Run) -> None:
    result = command("verify", packaged.outcome["evidence"], "--trust", trained.outcome["trust"])
    assert result.returncode == 1, result.stdout
    assert "not proved" in result.stdout


@pytest.mark.parametrize("name", ["application.pdf", "agreement.pdf"])
def test_others_tools_accept_the_signed_documents(packaged: Run, name: str) -> None:
    verdict = check_pdf(
        packaged.file(name).read_bytes(), packaged.file("trust.json").read_bytes()
    )
    assert verdict is not None, "this test needs openssl or poppler-utils"
    assert "openssl" in verdict.tool, "openssl has to be installed"
    assert verdict.is_valid, verdict.text
    assert verdict.count >= (2 if name == "agreement.pdf" else 1)


@pytest.mark.parametrize("definition", MESSAGES)
def test_the_payment_messages_keep_to_the_official_schemas(
    packaged: Run, shared: Path, definition: str
) -> None:
    raw = packaged.file(f"{definition}.xml").read_bytes()
    assert OfficialSchemas(shared).problems(raw, definition) == []


def test_the_register_says_what_was_paid_in_both_forms(packaged: Run) -> None:
    awards = json.loads(packaged.file("awards.json").read_text())["awards"]
    rows = list(csv.DictReader(io.StringIO(packaged.file("awards.csv").read_text("utf-8-sig"))))
    assert len(rows) == len(awards) == 1
    assert awards[0]["paid"] in rows[0].values()


def test_the_bundle_names_no_person(packaged: Run) -> None:
    with zipfile.ZipFile(packaged.file("evidence.zip")) as archive:
        names = archive.namelist()
        receipts = [archive.read(name).decode() for name in names if name.endswith(".jws")]
    assert receipts
    for receipt in receipts:
        assert "per_" not in receipt.split(".")[1]


def test_a_company_that_fits_nothing_is_told_why_and_paid_nothing(too_small: Run) -> None:
    assert too_small.code == 0, too_small.output
    assert too_small.outcome["ok"] is True
    assert too_small.outcome["ended"], "the reasons"
    assert too_small.outcome["evidence"] is None
    names = {path.name for path in too_small.out.rglob("*")}
    assert not names & {"evidence.zip", *(f"{each}.xml" for each in MESSAGES)}
    for reason in too_small.outcome["ended"]:
        assert len(reason) > 20
        assert reason[:30] in too_small.output.replace("\n", " ")


@pytest.mark.slow
def test_a_training_grant_as_at_a_date_in_chinese(trained: Run) -> None:
    assert trained.code == 0, trained.output
    assert trained.outcome["ok"] is True
    assert "離線驗證" in trained.output
    with zipfile.ZipFile(trained.file("evidence.zip")) as archive:
        assert archive.testzip() is None
    awards = json.loads(trained.file("awards.json").read_text())["awards"]
    assert "nittp" in json.dumps(awards)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (COMPANY + 'employees_full_time = "many"\n',
         ("line 6", "employees_full_time", "expected a whole number", "found 'many'")),
        (COMPANY + "no_such_fact = 1\n", ("line 6", "no_such_fact")),
        ("[company]\n", ("company.name", "expected the company's name", "found nothing")),
        ("[facts\n", ("line 1",)),
    ],
)
def test_a_wrong_firm_file_is_refused_with_line_field_and_expectation(
    tmp_path: Path, text: str, said: tuple[str, ...]
) -> None:
    file = tmp_path / "firm.toml"
    file.write_text(text)
    result = command("demo", "--firm", file, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"lionrock: {file}: ")
    for word in said:
        assert word in result.stderr
    assert not (tmp_path / "out").exists(), "refused before anything was made"

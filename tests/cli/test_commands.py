"""The commands as processes: exit codes, facts as JSON, one plain sentence for what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIONROCK = Path(sys.executable).with_name("lionrock")
WAIT_S_MAX = 250
pytestmark = pytest.mark.timeout(WAIT_S_MAX + 20)
COMMANDS = ("up", "serve", "status", "reset", "demo", "verify", "bench", "programmes")


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Empty but for the search path."""
    return {"PATH": os.environ["PATH"], "COLUMNS": "120", "LANG": "C.UTF-8", **(extra or {})}


def run(
    *words: str | Path, extra: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the installed command, from nothing."""
    return subprocess.run(
        [str(LIONROCK), *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT,
        env=environment(extra), timeout=WAIT_S_MAX,
    )  # fmt: skip


class Run(Protocol):
    """Run lionrock as a process that begins with the program loaded (see tests.cli.loaded)."""

    def __call__(
        self, *words: str | Path, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Its exit code and what it printed."""


@pytest.fixture(scope="module")
def loaded() -> Iterator[Run]:
    """Commands, each in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.loaded"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=ROOT, env=environment({"PYTHONPATH": os.environ.get("PYTHONPATH", "")}),
    ) as server:  # fmt: skip
        assert server.stdin is not None and server.stdout is not None, "they are pipes"
        asked, answers = server.stdin, server.stdout

        def run_one(
            *words: str | Path, extra: dict[str, str] | None = None
        ) -> subprocess.CompletedProcess[str]:
            told = [str(word) for word in words]
            print(json.dumps({"words": told, "environment": environment(extra),
                              "folder": str(ROOT)}), file=asked, flush=True)
            answer = json.loads(answers.readline())
            return subprocess.CompletedProcess(told, answer["code"], answer["out"], answer["err"])

        yield run_one
        asked.close()


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on stderr of a command that could not run."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("lionrock: ")
    return lines[0]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command_with_a_sentence(option: str) -> None:
    result = run(option)
    assert result.returncode == 0
    for name in COMMANDS:
        line = next(line for line in result.stdout.splitlines() if f" {name} " in line)
        assert len(line.split(name, 1)[1].strip(" │|")) > 15, line


def test_no_command_shows_the_help_and_a_wrong_one_is_refused(loaded: Run) -> None:
    assert "programmes" in loaded().stdout
    result = loaded("fly")
    assert result.returncode == 2
    assert "fly" in result.stderr


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One golden row: what is said, and what must be answered."""

    scheme: str
    on: str
    facts: tuple[str, ...]
    answer: str
    amount: str | None = None
    clause: str


WHOLE_FACTORY = (
    "legal_form=company_cap_622", "public_status=private",
    "sectors=advanced_manufacturing_and_new_energy", "project_duration_months=36",
    "nias_projects_supported=0", "nias_funding_received_hkd=0",
)  # fmt: skip
LINE = (
    "applicant_types=local_manufacturer", "legal_form=company_cap_622",
    "is_smart_production_line_in_hong_kong=true", "project_duration_months=24",
    "nifs_projects_running=0", "nifs_funding_running_hkd=0",
)  # fmt: skip
ROWS = (
    Row(scheme="nias", on="2025-12-01", facts=("project_cost_hkd=149999999",), answer="no",
        clause="nias.threshold"),
    Row(scheme="nias", on="2025-12-01", facts=("project_cost_hkd=150000000",),
        answer="cannot_tell", amount="50000000.00", clause="nias.legal_form"),
    Row(scheme="nias", on="2025-12-01", facts=(*WHOLE_FACTORY, "project_cost_hkd=150000000"),
        answer="yes", amount="50000000.00", clause="nias.threshold"),
    Row(scheme="nias", on="2024-08-31", facts=(*WHOLE_FACTORY, "project_cost_hkd=150000000"),
        answer="no", clause="nias.opens"),
    Row(scheme="nifs", on="2026-02-20", facts=(*LINE, "project_cost_hkd=30000000"), answer="yes",
        amount="10000000.00", clause="nifs.share"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.scheme}-{row.on}-{row.answer}")
def test_a_golden_row_is_answered_with_its_amount_and_clauses(loaded: Run, row: Row) -> None:
    words = [word for fact in row.facts for word in ("--fact", fact)]
    result = loaded("programmes", "decide", row.scheme, *words, "--on", row.on, "--json")
    assert result.returncode == 0, result.stderr
    decision = json.loads(result.stdout)
    assert (decision["scheme"], decision["on"]) == (row.scheme, row.on)
    assert (decision["answer"], decision["amount"]) == (row.answer, row.amount)
    clauses = {clause["id"]: clause for clause in decision["clauses"]}
    assert clauses[row.clause]["applies"]
    for clause in clauses.values():
        assert clause["sentence"]
        assert clause["source"]
    if row.answer != "yes":
        assert clauses[row.clause]["outcome"] == row.answer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("decide", "nitp"), ("nitp", "nittp")),
        (("decide", "nias", "--fact", "project_cost_hkd=much"), ("project_cost_hkd", "much")),
        (("decide", "nias", "--fact", "no_such_fact=1"), ("no_such_fact",)),
        (("decide", "nias", "--fact", "project_cost_hkd"), ("project_cost_hkd",)),
        (("navigate", "--firm", "no-such-file.toml"), ("no-such-file.toml",)),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    loaded: Run, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    sentence = refused(loaded("programmes", *words))
    for word in said:
        assert word in sentence


def test_every_scheme_is_decided_for_a_firm_file(loaded: Run) -> None:
    result = loaded("programmes", "navigate", "--firm", "examples/firm.toml", "--on", "2026-02-20",
                 "--json")  # fmt: skip
    assert result.returncode == 0, result.stderr
    answers = {each["scheme"]: each["answer"] for each in json.loads(result.stdout)["decisions"]}
    assert {"nias", "nifs", "mfgplus", "nittp", "rth", "tsssu"} <= answers.keys()
    assert set(answers.values()) <= {"yes", "no", "cannot_tell"}


def test_verify_calls_nonsense_not_proved_and_a_missing_file_not_there(
    loaded: Run, tmp_path: Path
) -> None:
    nonsense, trust = tmp_path / "evidence.zip", tmp_path / "trust.json"
    trust.write_text("{}")
    for content in (b"", b"nonsense", b"PK\x03\x04" + bytes(200)):
        nonsense.write_bytes(content)
        result = loaded("verify", nonsense, "--trust", trust, "--json")
        assert result.returncode == 1, result.stderr
        verdict = json.loads(result.stdout)
        assert verdict["ok"] is False
        assert any(check["sentence"] and not check["ok"] for check in verdict["checks"])
    with zipfile.ZipFile(nonsense, "w") as archive:
        archive.writestr("manifest.json", "{}")
    for text in ("{}", "nonsense", "[]", ""):
        trust.write_text(text)
        result = loaded("verify", nonsense, "--trust", trust)
        assert result.returncode == 1, result.stderr
        assert "not proved" in result.stdout
    assert "absent.zip" in refused(loaded("verify", tmp_path / "absent.zip", "--trust", trust))


@pytest.mark.city
def test_the_bench_writes_the_documented_shape(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    result = run("bench", "ledger", "--seconds", "0.2", "--json", file)
    assert result.returncode == 0, result.stderr
    report = json.loads(file.read_text())
    assert report["bench"] == "ledger"
    assert {"commit", "date", "machine", "cases"} <= report.keys()
    for case in report["cases"]:
        assert case.keys() == {"case", "per_s", "p50_ms", "p99_ms", "errors", "cpu_ms_per_op",
                               "peak_rss_mib"}  # fmt: skip
        assert case["errors"] == 0
        assert case["per_s"] > 0
        assert case["case"] in result.stdout


def test_reset_never_deletes_a_folder_that_no_city_made(loaded: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    sentence = refused(loaded("reset", "--data-directory", mine, "--yes"))
    assert "does not look like a city" in sentence
    assert (mine / "thesis.txt").read_text() == "years of work"
    result = loaded("reset", "--data-directory", tmp_path / "absent", "--yes")
    assert result.returncode == 0
    assert "nothing" in result.stdout


def test_reset_deletes_what_a_city_made_when_told_twice(loaded: Run, tmp_path: Path) -> None:
    city = tmp_path / "city"
    city.mkdir()
    (city / "lionrock.lock").write_text("")
    declined = loaded("reset", "--data-directory", city)
    assert declined.returncode == 1
    assert city.exists()
    assert loaded("reset", "--data-directory", city, "--yes").returncode == 0
    assert not city.exists()


def test_status_of_no_city_is_one_sentence() -> None:
    assert "lionrock up" in refused(run("status", "--port", "9"))


def test_serve_without_a_passphrase_or_a_database_is_refused(loaded: Run) -> None:
    assert "LIONROCK_KEY_PASSPHRASE" in refused(loaded("serve"))
    extra = {"LIONROCK_KEY_PASSPHRASE": "long enough for a test of this"}
    assert "https" in refused(loaded("serve", extra=extra))
    extra["LIONROCK_PUBLIC_URL"] = "https://city.example"
    assert "--database" in refused(loaded("serve", extra=extra))


def test_the_ledgers_lag_is_refused_in_one_sentence_where_there_is_no_city(
    loaded: Run, tmp_path: Path
) -> None:
    sentence = refused(loaded("ledger", "lag", "--data-directory", tmp_path))
    assert "lionrock up" in sentence
    nobody = f"postgresql://lionrock@/none?host={tmp_path}"
    assert "--database" in refused(loaded("ledger", "lag", "--database", nobody))

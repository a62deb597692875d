"""lionrock payments join without a switch: what is made, and what to do when it cannot go on."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from typer.testing import CliRunner, Result

from lionrock.app.supervisor import CityRefused
from lionrock.cli.main import application
from lionrock.cli.payments.joining import read_key, sentence_of
from lionrock.kernel.jose import Key

NEW = ("new", "--organisation", "bank-x", "--code", "904", "--bic", "BANKHKHH", "--name", "Bank X",
       "--endpoint", "https://switch.bank-x.example")  # fmt: skip


def run(folder: Path, *words: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(
        application, ["payments", "join", *words, "--folder", str(folder)]
    )


def refusal(result: Result) -> str:
    """The sentence with which a command could not run."""
    assert isinstance(result.exception, CityRefused), result.output
    return str(result.exception)


def test_new_makes_a_key_that_only_its_owner_reads_and_an_application_without_it(
    tmp_path: Path,
) -> None:
    made = run(tmp_path, *NEW)
    assert made.exit_code == 0 and "lionrock payments join apply" in made.stdout
    key = read_key(tmp_path / "key.pem")
    assert isinstance(key, Key) and key.is_private and key.alg == "ES256"
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    asked = json.loads((tmp_path / "application.json").read_text())
    assert (asked["organisation_id"], asked["clearing_code"], asked["kind"]) == (
        "bank-x", "904", "bank"
    )
    assert asked["keys"] == []


def test_new_overwrites_neither_key_nor_application(tmp_path: Path) -> None:
    run(tmp_path, *NEW)
    before = [(tmp_path / name).read_bytes() for name in ("key.pem", "application.json")]
    assert "holds an application already" in refusal(run(tmp_path, *NEW))
    assert before == [(tmp_path / name).read_bytes() for name in ("key.pem", "application.json")]


def test_every_command_out_of_turn_says_what_comes_first(tmp_path: Path) -> None:
    for words in (("status",), ("test",), ("go-live",), ("endpoint", "https://a.example")):
        assert "lionrock payments join apply" in refusal(run(tmp_path, *words)), words
    assert "lionrock payments join new" in refusal(run(tmp_path, "apply"))


def test_an_application_that_is_none_is_not_sent(tmp_path: Path) -> None:
    run(tmp_path, *NEW)
    (tmp_path / "application.json").write_text('{"organisation_id": "bank-x", "keys": [{}]}')
    assert "mend it and apply again" in refusal(run(tmp_path, "apply"))


def test_a_file_without_a_private_key_is_refused(tmp_path: Path) -> None:
    run(tmp_path, *NEW)
    (tmp_path / "key.pem").write_text("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")
    assert "holds no private key" in refusal(run(tmp_path, "apply"))


def test_a_switch_that_does_not_answer_is_named_with_what_to_do(tmp_path: Path) -> None:
    run(tmp_path, *NEW)
    said = refusal(run(tmp_path, "apply", "--switch", "http://127.0.0.1:1"))
    assert "http://127.0.0.1:1" in said and "--switch URL" in said


def test_a_refusal_of_the_switch_names_code_field_and_the_next_step() -> None:
    problem = {"title": "Mend it.", "detail": "Expected a BIC.", "field": "bic",
               "code": "payments.candidate_malformed"}  # fmt: skip
    said = sentence_of(422, json.dumps(problem).encode())
    assert said == (
        "Mend it. Expected a BIC. (payments.candidate_malformed, bic); "
        "mend application.json, then apply again"
    )
    assert sentence_of(502, b"<html>") == "the switch answered 502"


def test_help_has_a_sentence_for_every_command(tmp_path: Path) -> None:
    shown = CliRunner().invoke(application, ["payments", "join", "--help"]).stdout
    for name in ("new", "apply", "status", "test", "go-live", "add-key", "retire-key", "endpoint"):
        line = next(line for line in shown.splitlines() if f" {name} " in line)
        assert len(line.split(name, 1)[1].strip(" │|")) > 15, line

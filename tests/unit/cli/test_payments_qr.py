"""lionrock payments qr: codes read and made without any city; what is refused, in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from lionrock.cli.main import application

SIMPLE = "00020101021126270012hk.com.hkicl020712345675204000053033445802HK5902NA6002HK63042E94"


def run(*words: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(application, ["payments", *words])


def test_a_code_is_read_and_shown_in_words() -> None:
    result = run("qr", "decode", SIMPLE)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == SIMPLE
    assert "fps_id 1234567" in result.stdout


def test_a_code_that_was_made_reads_back_with_all_that_was_said(tmp_path: Path) -> None:
    picture = tmp_path / "pay.png"
    made = run(
        "qr", "encode", "--mobile", "+852-51230001", "--amount", "20.50", "--dynamic", "--bill",
        "INV-1", "--out", str(picture), "--json",
    )
    assert made.exit_code == 0, made.stderr
    payload = json.loads(made.stdout)["payload"]
    shown = json.loads(run("qr", "decode", payload, "--json").stdout)["content"]
    assert (shown["amount"], shown["currency"], shown["is_dynamic"]) == ("20.50", "HKD", True)
    assert shown["fps"]["mobile"] == "+852-51230001"
    assert shown["additional"]["bill"] == "INV-1"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_broken_code_is_answered_with_1_its_rule_and_its_tag() -> None:
    result = run("qr", "decode", SIMPLE[:-1] + "0")
    assert result.exit_code == 1
    assert "payments.qr_crc_wrong, tag 63" in result.stderr
    result = run("qr", "encode", "--fps-id", "12")
    assert (result.exit_code, "payments.qr_fps_id_too_short" in result.stderr) == (1, True)


def test_options_that_cannot_be_are_refused_with_2(tmp_path: Path) -> None:
    assert run("qr", "encode", "--fps-id", "1234567", "--currency", "USD").exit_code == 2
    assert run("qr", "decode", SIMPLE, "--out", str(tmp_path / "x.gif")).exit_code == 2
    assert run("send", "--from", "a/b").exit_code == 2
    assert run("send", "--from", "a/b", "--to", "x@y.hk").exit_code == 2
    assert run("send", "--to", "1", "--qr", SIMPLE, "--amount", "1").exit_code == 2
    assert run("send", "--link", "http://x/pay/y", "--qr", SIMPLE).exit_code == 2
    assert run("collect", "--to", "a/b").exit_code == 2
    assert run("request", "--to", "a/b", "--amount", "1").exit_code == 2
    assert run("statement").exit_code == 2
    assert run("statement", "a/b", "--participant", "a").exit_code == 2
    assert run("statement", "--participant", "a", "--format", "pdf").exit_code == 2


def test_help_says_what_each_command_does_with_an_example() -> None:
    for words in (
        ("send",), ("collect",), ("request",), ("lookup",), ("statement",), ("qr", "decode"),
        ("qr", "encode"),
    ):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert f"lionrock payments {' '.join(words)}" in " ".join(result.stdout.split())

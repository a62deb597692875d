"""The Python that an environment is built with: one that can be used, and none that is slow."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).resolve().parents[2] / "tools" / "interpreter.py"
_SPEC = importlib.util.spec_from_file_location("interpreter", _PATH)
assert _SPEC is not None and _SPEC.loader is not None, "it is in this tree"
interpreter = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(interpreter)


def trial_of(directory: Path, name: str, answer: str) -> str:
    """An interpreter that answers the trial with these seconds, or fails."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return str(path)


def chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *candidates: str
) -> str:
    monkeypatch.setattr(interpreter, "CANDIDATES", candidates)
    interpreter.main()
    return capsys.readouterr().out.strip()


def test_the_interpreter_in_path_is_used_unless_another_is_clearly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trial_of(tmp_path, "first", "echo 0.020")
    alike = trial_of(tmp_path, "alike", "echo 0.019")
    faster = trial_of(tmp_path, "faster", "echo 0.010")
    assert chosen(monkeypatch, capsys, first, alike) == first
    assert chosen(monkeypatch, capsys, first, alike, faster) == faster


def test_an_interpreter_that_cannot_make_an_environment_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = trial_of(tmp_path, "old", "exit 1")
    good = trial_of(tmp_path, "good", "echo 0.020")
    assert chosen(monkeypatch, capsys, old, "no-such-python", good) == good
    assert chosen(monkeypatch, capsys, old) == "python3"


def test_it_names_an_interpreter_of_this_machine() -> None:
    done = subprocess.run(
        [sys.executable, str(_PATH)], capture_output=True, text=True, check=True
    )
    version = subprocess.run([done.stdout.strip(), "-V"], capture_output=True, check=True)
    assert version.stdout.startswith(b"Python 3")

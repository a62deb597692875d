"""lionrock payments against a running city: look up, pay, pay a code, and what comes back."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.config import Settings
from tests.cli.test_commands import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running city, whose world has the next one."""
    first = _free_pair()
    # Not under pytest's own folder: as root the database runs as another user, who may not enter.
    directory = Path(tempfile.mkdtemp(prefix="lrp-"))
    directory.chmod(0o755)
    settings = Settings(
        data_directory=str(directory), public_url=f"http://127.0.0.1:{first}",
        world_url=f"http://127.0.0.1:{first + 1}",
    )
    with City(settings):
        yield first
    shutil.rmtree(directory, ignore_errors=True)


def _free_pair() -> int:
    for candidate in range(28_400, 28_600, 2):
        try:
            with socket.create_server(("127.0.0.1", candidate)), \
                 socket.create_server(("127.0.0.1", candidate + 1)):
                return candidate
        except OSError:
            continue
    pytest.fail("no two neighbouring ports are free")


def facts(port: int, *words: str) -> Any:
    """The facts of a command that succeeded."""
    result = run("payments", *words, "--port", str(port), "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def accounts(port: int) -> list[str]:
    """The accounts that the refusal of an unknown one lists."""
    result = run("payments", "send", "--from", "bank-harbour/x", "--to", "a@b.hk", "--amount", "1",
                 "--port", str(port))  # fmt: skip
    assert result.returncode == 2, result.stderr
    return result.stderr.partition("accounts here: ")[2].strip().split(", ")


def test_a_proxy_is_looked_up_and_an_unknown_one_is_answered_with_1(port: int) -> None:
    found = facts(port, "lookup", "+852-51230001")
    assert set(found) >= {"clearing_code", "masked_name", "currencies", "kind"}
    assert "***" in found["masked_name"]
    unknown = run("payments", "lookup", "nobody@nowhere.example", "--port", str(port))
    assert (unknown.returncode, "payments.proxy_not_found" in unknown.stderr) == (1, True)
    nowhere = run("payments", "lookup", "+85251230001", "--as", "bank-x", "--port", str(port))
    assert nowhere.returncode == 2
    assert "bank-harbour" in nowhere.stderr


def test_a_payment_is_made_and_one_that_comes_back_is_answered_with_1(port: int) -> None:
    listed = accounts(port)
    assert len(listed) >= 2, listed
    found = facts(port, "lookup", "+852-51230001")
    # Not from the payee's own bank: what stays within a bank never reaches the switch.
    own = {"901": "bank-harbour", "902": "bank-lantau"}[found["clearing_code"]]
    payer = next(each for each in listed if not each.startswith(own))
    paid = facts(port, "send", "--from", payer, "--to", "+852-51230001", "--amount", "12.50")
    assert (paid["status"], paid["amount"]) == ("paid", "12.50")
    made = run("payments", "qr", "encode", "--mobile", "+852-51230001", "--amount", "3", "--dynamic")
    paid = facts(port, "send", "--from", payer, "--qr", made.stdout.split()[0])
    assert (paid["status"], paid["amount"]) == ("paid", "3.00")
    back = run("payments", "send", "--from", payer, "--to", "+852-51230001", "--amount", "9.04",
               "--port", str(port), "--json")  # fmt: skip
    assert back.returncode == 1, back.stderr
    assert json.loads(back.stdout)["reason"] == "AC04"


def test_without_a_city_it_says_how_to_start_one() -> None:
    result = run("payments", "lookup", "+852-51230001", "--port", "1")
    assert result.returncode == 2
    assert "lionrock up" in result.stderr

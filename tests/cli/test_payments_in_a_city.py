"""lionrock payments against a running city: look up, pay, pay a code, and what comes back."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.config import Settings
from lionrock.sandbox import fees
from tests.cli.test_commands import run

pytestmark = [pytest.mark.city, pytest.mark.timeout(300)]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def city_directory() -> Iterator[Path]:
    """The folder of the city."""
    # Not under pytest's own folder: as root the database runs as another user, who may not enter.
    directory = Path(tempfile.mkdtemp(prefix="lrp-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def port(city_directory: Path) -> Iterator[int]:
    """The port of a running city, whose world has the next one."""
    first, directory = free_pair(), city_directory
    settings = Settings(
        data_directory=str(directory), public_url=f"http://127.0.0.1:{first}",
        world_url=f"http://127.0.0.1:{first + 1}", founding_date="2026-02-20",
    )
    with City(settings):
        yield first


def free_pair() -> int:
    """Two neighbouring ports that nobody uses, and below those that the system gives out; looked
    for in an order of this process's own, for another one may look at the same moment.
    """
    pairs = range(20_000, 28_600, 2)
    for candidate in random.Random(os.getpid()).sample(pairs, 100):
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
    made = run(
        "payments", "qr", "encode", "--mobile", "+852-51230001", "--amount", "3", "--dynamic"
    )
    paid = facts(port, "send", "--from", payer, "--qr", made.stdout.split()[0])
    assert (paid["status"], paid["amount"]) == ("paid", "3.00")
    back = run("payments", "send", "--from", payer, "--to", "+852-51230001", "--amount", "9.04",
               "--port", str(port), "--json")  # fmt: skip
    assert back.returncode == 1, back.stderr
    assert json.loads(back.stdout)["reason"] == "AC04"


def test_an_fps_id_and_a_code_with_one_are_paid(port: int) -> None:
    listed = accounts(port)
    payer = next(each for each in listed if each.startswith("bank-lantau"))
    account = next(each for each in listed if each.startswith("bank-harbour")).partition("/")[2]
    given = httpx.post(
        f"http://127.0.0.1:{port + 1}/bank-harbour/operator/proxies", trust_env=False, timeout=10,
        json={"kind": "fps_id", "account_number": account, "account_name": "Harbour Robotics"},
    )
    assert given.status_code == 201, given.text
    fps_id = given.json()["value"]
    paid = facts(port, "send", "--from", payer, "--to", fps_id, "--amount", "6.10")
    assert (paid["status"], paid["amount"]) == ("paid", "6.10")
    made = run("payments", "qr", "encode", "--fps-id", fps_id, "--amount", "7.20", "--dynamic")
    paid = facts(port, "send", "--from", payer, "--qr", made.stdout.split()[0])
    assert (paid["status"], paid["amount"]) == ("paid", "7.20")


def test_a_payee_is_verified_and_another_name_comes_back(port: int) -> None:
    listed = accounts(port)
    payer = next(each for each in listed if each.startswith("bank-lantau"))
    payee = next(each for each in listed if each.startswith("bank-harbour")).partition("/")[2]
    paid = facts(port, "send", "--from", payer, "--to", "+852-51230001", "--amount", "4.00",
                 "--verify")  # fmt: skip
    assert paid["status"] == "paid"
    to_account = ("send", "--from", payer, "--to-account", f"901/{payee}", "--name",
                  "Somebody Else Entirely", "--amount", "4.00", "--port", str(port), "--json")
    back = run("payments", *to_account, "--verify")
    assert (back.returncode, json.loads(back.stdout)["reason"]) == (1, "BE01")
    skipped = run("payments", *to_account, "--skip-verification")
    assert skipped.returncode == 1
    assert json.loads(skipped.stdout)["reason"] == "payments.verification_skipped"


def test_a_fee_is_asked_paid_by_its_link_and_by_its_code_and_stands_on_the_statement(
    port: int,
) -> None:
    payer = next(each for each in accounts(port) if each.startswith("bank-lantau"))
    numbers = []
    for number, way in enumerate(("url", "code")):
        fee = asked(port, f"LIC-{number}", "88.80")
        option = {"url": "--link", "code": "--qr"}[way]
        paid = facts(port, "send", "--from", payer, option, fee[way])
        assert (paid["status"], paid["amount"]) == ("paid", "88.80")
        numbers.append(fee["number"])
    shown = facts(port, "statement", f"{fees.BANK}/{fees.ACCOUNT}")
    assert [each["remittance"] for each in shown["entries"]] == numbers
    assert shown["balances"] == {"HKD": "177.60"}
    twice = run("payments", "send", "--from", payer, "--link", fee["url"], "--port", str(port))
    assert (twice.returncode, "payments.link_used" in twice.stderr) == (1, True)


def asked(port: int, reference: str, amount: str) -> Any:
    """A fee that the licensing office's operator had it ask for."""
    titles = {"en": "Food licence", "zh-Hant": "食物牌照", "zh-Hans": "食物牌照"}
    wish = {
        "reference": reference, "service": "food-licence", "titles": titles, "amount": amount,
        "due_on": "2026-12-31", "proxy_kind": "email", "proxy": fees.PROXY,
    }
    reply = httpx.post(
        f"http://127.0.0.1:{port + 1}/{fees.DEPARTMENT}/operator/intents", json=wish,
        trust_env=False, timeout=10,
    )
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_a_direct_debit_is_collected_and_banks_list_their_statements(port: int) -> None:
    payer = next(each for each in accounts(port) if each.startswith("bank-lantau"))
    _, _, number = payer.partition("/")
    collected = facts(
        port, "collect", "--to", f"{fees.BANK}/{fees.ACCOUNT}", "--from", f"902/{number}",
        "--name", "Little Tea House", "--amount", "20",
    )
    assert (collected["status"], collected["amount"]) == ("confirmed", "20.00")
    assert collected["mandate_id"]
    listed = facts(port, "statement", "--participant", "bank-harbour")
    assert listed == {"statements": []}
    unknown = run("payments", "statement", "--participant", "bank-harbour", "--id", "stm_x",
                  "--port", str(port))  # fmt: skip
    assert unknown.returncode == 1, unknown.stderr


def test_a_request_to_pay_is_paid_and_one_that_is_refused_is_answered_with_1(port: int) -> None:
    payer = next(each for each in accounts(port) if each.startswith("bank-lantau"))
    _, _, number = payer.partition("/")
    words = ("request", "--to", f"{fees.BANK}/{fees.ACCOUNT}", "--from", f"902/{number}")
    paid = facts(port, *words, "--amount", "15")
    assert (paid["status"], paid["amount"]) == ("confirmed", "15.00")
    refused = run("payments", *words, "--amount", "9.40", "--port", str(port))
    assert (refused.returncode, "MS02" in refused.stdout) == (1, True), refused.stderr


def test_without_a_city_it_says_how_to_start_one() -> None:
    result = run("payments", "lookup", "+852-51230001", "--port", "1")
    assert result.returncode == 2
    assert "lionrock up" in result.stderr


def test_the_ledgers_lag_is_told_with_its_state(port: int, city_directory: Path) -> None:
    def is_level() -> bool:
        result = run("ledger", "lag", "--data-directory", city_directory, "--json")
        said = json.loads(result.stdout)
        assert result.returncode == (0 if said["state"] in ("level", "copying") else 1)
        assert said["sequence_copied"] + said["lag_rows"] == said["sequence_written"] > 0
        return bool(said["state"] == "level" and said["lag_events"] == 0)

    # A city at work writes; its copies are level again whenever it rests.
    assert any(is_level() for _ in range(60))

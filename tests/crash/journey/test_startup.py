"""`lionrock up` as a user meets it: twice at once, on a used port, interrupted, killed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.journey.harness import city_folder
from tests.ports import free_ports

pytestmark = pytest.mark.city

READY_S_MAX = 180.0
ENDED_S_MAX = 90.0
REFUSED = 2


class Command:
    """One `lionrock up`, a session of its own as in a terminal."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._errors = (folder.parent / f"up-{time.monotonic_ns()}.err").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from lionrock.cli import main; main()", "up", "--json",
             "--data-directory", str(folder), "--port", str(port)],
            stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True,
        )

    def facts(self) -> dict[str, Any]:
        """What it prints once it is up."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_S_MAX)
        line = self.process.stdout.readline() if ready else ""
        assert line, f"it did not come up: {self.errors()}"
        facts: dict[str, Any] = json.loads(line)
        return facts

    def errors(self) -> str:
        """What it said on standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def refusal(self) -> str:
        """Wait for the end of one that is refused; returns its sentence."""
        assert self.process.wait(READY_S_MAX) == REFUSED, self.errors()
        sentence = self.errors().strip()
        assert sentence.startswith("lionrock: ") and "\n" not in sentence, sentence
        return sentence

    def is_ready(self) -> bool:
        """Ask the city whether it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200


def log_of(pid: int) -> str:
    """Where a process writes what it says; the settings of a part stand in no command line."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/fd/2")
    return ""


def parts_of(folder: Path) -> set[int]:
    """Every process that works for the city in a folder, the database's keeper too."""
    found, lines = set(), {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):
                lines[int(directory.name)] = (directory / "cmdline").read_bytes()
    for pid, line in lines.items():
        if os.fsencode(folder) in line or log_of(pid).startswith(f"{folder}/"):
            found.add(pid)
    for pid, line in lines.items():
        if b"read -r _; kill -" in line and any(b" %d " % each in line for each in found):
            found.add(pid)
    return found


def is_keeper(pid: int) -> bool:
    """Whether a process is the shell that watches for the supervisor's end."""
    with contextlib.suppress(OSError):
        return b"read -r _" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def wait_until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline_s = time.monotonic() + ENDED_S_MAX
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory; whatever still works for it in the end is killed."""
    with city_folder() as parent:
        path = parent / "city"
        yield path
        for pid in parts_of(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(400)
def test_a_second_city_and_a_used_port_are_refused_in_a_sentence_and_disturb_nobody(
    folder: Path,
) -> None:
    port = free_ports(2)
    first = Command(folder, port)
    assert first.facts()["addresses"]["portal"] == f"http://127.0.0.1:{port}/"
    same_folder = Command(folder, free_ports(2)).refusal()
    assert f"in use by process {first.process.pid}" in same_folder
    assert "--data-directory" in same_folder
    same_port = Command(folder.parent / "other", port).refusal()
    assert f"port {port}" in same_port and "--port" in same_port
    assert not (folder.parent / "other" / "postgres").exists()
    assert first.is_ready()
    pids = parts_of(folder)
    assert len(pids) >= 6, "supervisor, database, ledger, front, worker, world"
    first.process.terminate()
    assert first.process.wait(ENDED_S_MAX) == 0, first.errors()
    assert "Traceback" not in first.errors()
    assert parts_of(folder) == set(), "SIGTERM left processes behind"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.timeout(500)
def test_after_kill_9_of_the_supervisor_its_children_end_and_the_next_start_works(
    folder: Path,
) -> None:
    killed = Command(folder, free_ports(2))
    killed.facts()
    killed.process.kill()
    killed.process.wait()
    wait_until("children outlive the supervisor", lambda: parts_of(folder) == set())
    again = Command(folder, free_ports(2))
    again.facts()
    assert again.is_ready()
    os.killpg(again.process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    assert again.process.wait(ENDED_S_MAX) == 0, again.errors()
    assert "Traceback" not in again.errors()
    assert parts_of(folder) == set(), "Ctrl-C left processes behind"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_city_starts_leaves_nothing_behind(
    folder: Path, number: signal.Signals
) -> None:
    starting = Command(folder, free_ports(2))
    wait_until("a part starts", lambda: len(parts_of(folder)) > 2)
    starting.process.send_signal(number)
    assert starting.process.wait(ENDED_S_MAX) in {0, 130}, starting.errors()
    assert "Traceback" not in starting.errors()
    wait_until("a part was left behind", lambda: parts_of(folder) == set())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_database_left_over_by_a_killed_keeper_is_stopped_by_the_next_start(
    folder: Path,
) -> None:
    killed = Command(folder, free_ports(2))
    killed.facts()
    database = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    # The keeper first: it would do its work as soon as the supervisor is gone.
    [keeper] = [pid for pid in parts_of(folder) if is_keeper(pid)]
    os.kill(keeper, signal.SIGKILL)
    killed.process.kill()
    killed.process.wait()
    assert Path(f"/proc/{database}").exists(), "nobody was left to stop it"
    again = Command(folder, free_ports(2))
    again.facts()
    assert again.is_ready()
    again.process.terminate()
    assert again.process.wait(ENDED_S_MAX) == 0, again.errors()

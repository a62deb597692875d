"""Starting a whole city on one machine and keeping it up: database, ledger, fronts, workers, world.

Each process is a child with its settings in one private file. A child that dies is started again,
with a pause that grows while it keeps dying; the embedded database too. Stopping goes from the
outside in: fronts, workers, world, ledger, database. When the supervisor itself is killed, its
children see their lifeline end and stop.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from lionrock.app.settled import SettledMark
from lionrock.kernel import secrets
from lionrock.kernel.config import Settings
from lionrock.kernel.http.server import check_port_free
from lionrock.kernel.lifeline import Lifeline
from lionrock.kernel.postgres import EmbeddedPostgres, create_database

READY_S_MAX = 40.0
RESTART_PAUSE_S_FIRST = 0.1
RESTART_PAUSE_S_MAX = 5.0
STOP_S_MAX = 8.0
SOCKET_PATH_BYTES_MAX = 100
LEDGER_FOLDER = "lionrock-ledger-"
Narrate = Callable[[str], None]


class CityRefused(RuntimeError):
    """The city could not be started; the text says why and what to do."""


class Pauses:
    """When what died may be started again: at once at first, more slowly while it keeps dying."""

    def __init__(self) -> None:
        self._pause_s = RESTART_PAUSE_S_FIRST
        self._started_at_s = 0.0

    def started(self) -> None:
        """Note a start."""
        self._started_at_s = time.monotonic()

    def is_over(self) -> bool:
        """Say whether it may be started again now; yes makes the next pause."""
        lived_s = time.monotonic() - self._started_at_s
        if lived_s < self._pause_s:
            return False
        self._pause_s = RESTART_PAUSE_S_FIRST if lived_s > RESTART_PAUSE_S_MAX else min(
            self._pause_s * 2, RESTART_PAUSE_S_MAX)
        return True


class Child:
    """One process of the city, started again when it dies."""

    def __init__(
        self, role: str, number: int, settings: Settings, log_file: Path, lifeline: Lifeline
    ) -> None:
        self.role = role
        self.name = role if number == 0 else f"{role}-{number}"
        self._settings = msgspec.json.encode(settings)
        self._log_file = log_file
        self._lifeline = lifeline
        self._process: subprocess.Popen[bytes] | None = None
        self._pauses = Pauses()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self.alive() and self._process else None

    def start(self) -> None:
        """Start the process with its log file."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lionrock.app.processes", self.role,
                 str(self._lifeline.reading_end)],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
                pass_fds=(self._lifeline.reading_end,),
            )
        # Through a pipe and never a file: the settings hold the key store's passphrase.
        assert self._process.stdin is not None, "it was asked for"
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(self._settings)
        self._pauses.started()

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def keep_up(self) -> bool:
        """Start it again when it died and its pause is over; returns whether it was restarted."""
        if self.alive() or not self._pauses.is_over():
            return False
        self.restarts += 1
        self.start()
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self.alive() and self._process:
            self._process.terminate()

    def wait_stopped(self) -> None:
        """Wait for the end; kill what does not end in time."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Wait for a process that ends by itself; returns its exit code."""
        assert self._process is not None, "it was started"
        try:
            return self._process.wait()
        finally:
            self._process.kill()  # interrupted: it must not work on while the city stops

    def last_log_line(self) -> str:
        """The last line it wrote, for the message when it does not start."""
        if not self._log_file.exists():
            return "no log"
        lines = self._log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else "no log"


class City:
    """A running city. Use as a context manager; `settings` are completed with what was chosen."""

    def __init__(self, settings: Settings, narrate: Narrate = lambda _line: None) -> None:
        self.settings = settings
        self._narrate = narrate
        self._lifeline = Lifeline()
        self._database_pauses = Pauses()
        self.postgres: EmbeddedPostgres | None = None
        self.children: list[Child] = []

    def __enter__(self) -> City:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until it answers."""
        self._check_ports()
        directory = self.settings.data_path
        directory.mkdir(parents=True, exist_ok=True)
        self._start_database()
        self.settings = complete(self.settings)
        logs = directory / "logs"
        logs.mkdir(exist_ok=True)
        logs.chmod(0o700)
        self._run_once("prepare", logs)
        counts = {"ledger": 1, "world": 1, "front": self.settings.front_count,
                  "worker": self.settings.worker_count}
        if self.settings.composition != "sandbox":
            counts["world"] = 0
        for role, count in counts.items():
            for number in range(count):
                log_file = logs / f"{role}-{number}.log"
                child = Child(role, number, self.settings, log_file, self._lifeline)
                self.children.append(child)
                self._narrate(f"starting {child.name}")
                child.start()
        self._wait_ready()
        if self.settings.composition == "sandbox":
            mark = SettledMark(self.settings)
            if self.postgres is None or not mark.holds():
                self._run_once("settle", logs)
                mark.put()

    def keep_up(self) -> list[str]:
        """One round of supervision; returns the names of what was restarted.

        Never waits and never gives up: the processes beside what died go on meanwhile.
        """
        restarted = []
        # What the system refuses to start now (no memory, no disk) is tried again next round.
        with contextlib.suppress(OSError):
            if self._keep_database_up():
                restarted.append("database")
            for child in self.children:
                if child.keep_up():
                    restarted.append(child.name)
        return restarted

    def _keep_database_up(self) -> bool:
        server = self.postgres
        if server is None or server.alive() or not self._database_pauses.is_over():
            return False
        self._database_pauses.started()
        server.relaunch_unwatched()
        return True

    def stop(self) -> None:
        """Stop everything, outermost first."""
        for role in ("front", "worker", "world", "ledger"):
            children = [child for child in self.children if child.role == role]
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.wait_stopped()
        self.children = []
        if self.postgres is not None:
            self.postgres.stop()
            self.postgres = None
        folder = Path(self.settings.ledger_address).parent
        if folder.name.startswith(LEDGER_FOLDER):
            shutil.rmtree(folder, ignore_errors=True)
        self._lifeline.close()

    def child(self, name: str) -> Child:
        """The child of that name (front, front-1, ledger, worker, world)."""
        return next(child for child in self.children if child.name == name)

    def _check_ports(self) -> None:
        addresses = [self.settings.public_url]
        if self.settings.composition == "sandbox":
            addresses.append(self.settings.world_url)
        for address in addresses:
            check_port_free(self.settings.bind_address, port_of(address))

    def _start_database(self) -> None:
        if self.settings.database_url:
            return
        self._narrate("starting the embedded database")
        self.postgres = EmbeddedPostgres(self.settings.data_path)
        self.postgres.start()
        self._database_pauses.started()
        create_database(self.postgres, "lionrock")
        create_database(self.postgres, "lionrock_world")
        self.settings = msgspec.structs.replace(
            self.settings,
            database_url=self.postgres.url("lionrock"),
            world_database_url=self.postgres.url("lionrock_world"),
        )

    def _run_once(self, role: str, logs: Path) -> None:
        self._narrate({"prepare": "preparing the database", "settle": "settling in"}[role])
        log_file = logs / f"{role}.log"
        child = Child(role, 0, self.settings, log_file, self._lifeline)
        child.start()
        code = child.wait()
        if code != 0:
            raise CityRefused(f"{role} failed: {child.last_log_line()} (log: {log_file})")

    def _wait_ready(self) -> None:
        self._narrate("waiting until every part answers")
        wanted = [f"{self.settings.public_url}/ready"]
        if self.settings.composition == "sandbox":
            wanted.append(f"{self.settings.world_url}/health")
        deadline = time.monotonic() + READY_S_MAX
        while wanted:
            for child in self.children:
                if not child.alive():
                    raise CityRefused(f"{child.name} did not start: {child.last_log_line()}")
            wanted = [address for address in wanted if not _answers(address)]
            if wanted and time.monotonic() > deadline:
                raise CityRefused(f"no answer from {wanted[0]} within {READY_S_MAX:.0f} s; "
                                  f"see the logs in {self.settings.data_path / 'logs'}")
            time.sleep(0.05)


def complete(settings: Settings) -> Settings:
    """Fill in what a laptop city may leave out: passphrase, hosts, ledger address."""
    directory = settings.data_path
    passphrase = settings.key_passphrase
    if not passphrase:
        file = directory / "passphrase"
        if not file.exists():
            _write_private(file, secrets.token().encode())
        passphrase = file.read_text().strip()
    return msgspec.structs.replace(
        settings,
        data_directory=str(directory),
        key_passphrase=passphrase,
        hosts=settings.hosts or _hosts_of(settings.public_url),
        ledger_address=settings.ledger_address or _ledger_address(directory),
        # A served city's settings may not say so (kernel/config.py); a bench's city does.
        allow_private_targets=(
            settings.allow_private_targets or settings.composition == "sandbox"
        ),
    )


def port_of(address: str) -> int:
    """The port of an http(s) address."""
    parts = urlsplit(address)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _hosts_of(public_url: str) -> tuple[str, ...]:
    host = urlsplit(public_url).netloc
    aliases = {host}
    if host.startswith("127.0.0.1:"):
        aliases.add(host.replace("127.0.0.1", "localhost"))
    return tuple(sorted(aliases))


def _ledger_address(directory: Path) -> str:
    path = directory / "ledger.sock"
    # A Unix socket path has about 107 bytes at most; what is longer goes into a folder of its own,
    # which nobody can guess or prepare (mkdtemp: mode 0700).
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return str(path)
    return str(Path(tempfile.mkdtemp(prefix=LEDGER_FOLDER)) / "ledger.sock")


def _write_private(path: Path, content: bytes) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    question = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    # Our own front, asked many times: making an HTTP client each time would slow the start.
    try:
        with socket.create_connection((parts.hostname, port_of(address)), 2.0) as connection:
            connection.sendall(question.encode())
            return connection.makefile("rb").readline(100).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM and SIGINT an orderly stop from the first moment of a city's start on.

    The first one interrupts what is inside; later ones must not break into the stop.
    """
    is_interrupted = False

    def on_signal(_number: int, _frame: object) -> None:
        nonlocal is_interrupted
        if not is_interrupted:
            is_interrupted = True
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def supervise_until_signalled(city: City, narrate: Narrate) -> None:
    """Keep a city up until it is interrupted (see `interruptible`)."""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for name in city.keep_up():
                narrate(f"{name} died and was started again")
            time.sleep(0.1)

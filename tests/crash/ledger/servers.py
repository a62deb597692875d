"""Processes to kill and start again: a durable PostgreSQL, a ledger, whatever else a test runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lionrock.kernel.postgres import EmbeddedPostgres, PostgresRefused

REPOSITORY = Path(__file__).resolve().parents[3]
STOP_S_MAX = 60


class Killable:
    """A real process of ours that can be killed and started again."""

    def __init__(self, module: str, *arguments: str, log: Path | None = None) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Start it, also again."""
        if self._log is None:
            self.process = subprocess.Popen(self._command, cwd=REPOSITORY)
            return
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=REPOSITORY, stdout=log, stderr=log)

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL it and wait until it is gone."""
        assert self.process is not None, "it was started"
        self.kills += 1
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask it to stop; returns its exit code."""
        assert self.process is not None, "it was started"
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class LedgerProcess(Killable):
    """A ledger over a database, listening at an address."""

    def __init__(self, url: str, address: str, log: Path | None = None) -> None:
        super().__init__("tests.crash.ledger.ledger_process", url, address, log=log)


@contextmanager
def durable_server(directory: Path | None = None) -> Iterator[EmbeddedPostgres]:
    """Not the tests' common server, which may lose what it committed when it is killed."""
    folder = directory or Path(tempfile.mkdtemp(prefix="lrk-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, durable=True)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        if directory is None:
            shutil.rmtree(folder, ignore_errors=True)


def kill_server(server: EmbeddedPostgres) -> None:
    """SIGKILL the PostgreSQL server."""
    assert server.pid is not None, "it runs"
    os.kill(server.pid, signal.SIGKILL)


async def relaunch(server: EmbeddedPostgres) -> None:
    """Start again; the dead server's children need a moment to let go of its memory."""
    for _ in range(300):
        try:
            await asyncio.to_thread(server.relaunch)
        except PostgresRefused:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("the database did not come back")

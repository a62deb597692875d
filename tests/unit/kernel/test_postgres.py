"""The embedded server: one per directory, clear refusals, nothing lost when it is killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from lionrock.kernel import postgres
from lionrock.kernel.http.server import PortTaken, check_port_free
from lionrock.kernel.postgres import EmbeddedPostgres, PostgresRefused, create_database


@pytest.fixture
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="lrt-pg-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def test_what_was_committed_survives_a_killed_server(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    server.start()
    try:
        create_database(server, "lionrock")
        connection = await asyncpg.connect(server.url())
        await connection.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while server.alive():
            pass
        server.relaunch()
        again = await asyncpg.connect(server.url())
        assert await again.fetchval("SELECT n FROM t") == 7
        await again.close()
    finally:
        server.stop()


def test_a_second_city_on_the_same_directory_is_refused_in_words(directory: Path) -> None:
    first = EmbeddedPostgres(directory)
    first.start()
    try:
        with pytest.raises(PostgresRefused, match=r"in use by process \d+.*--data-directory"):
            EmbeddedPostgres(directory).start()
    finally:
        first.stop()
    again = EmbeddedPostgres(directory)
    again.start()
    again.stop()


def test_a_disk_without_room_is_refused_before_anything_is_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "FREE_BYTES_MIN", 2**60)
    with pytest.raises(PostgresRefused, match="MiB free"):
        EmbeddedPostgres(directory / "city").start()
    assert not (directory / "city").exists()


def test_an_unfinished_first_start_is_begun_again(directory: Path) -> None:
    (directory / "postgres.partial").mkdir()
    (directory / "postgres.partial" / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(directory)
    server.start()
    assert server.alive()
    server.stop()


def test_a_long_directory_name_still_gets_a_socket(directory: Path) -> None:
    server = EmbeddedPostgres(directory / ("d" * 90))
    server.start()
    create_database(server, "lionrock")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become an ordinary user")
def test_an_ordinary_user_can_run_it_too(directory: Path) -> None:
    user = pwd.getpwnam("nobody")
    os.chown(directory, user.pw_uid, user.pw_gid)
    candidates = [Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve()]
    python = next(str(path) for path in candidates if postgres._reachable(path))
    code = (
        "from pathlib import Path; from lionrock.kernel.postgres import *;"
        f"s = EmbeddedPostgres(Path({str(directory)!r})); s.start();"
        "create_database(s, 'lionrock'); s.stop(); print('ran')"
    )
    result = subprocess.run(
        [python, "-c", code], user=user.pw_uid, group=user.pw_gid, extra_groups=[],
        capture_output=True, text=True, check=False, cwd=directory,
        env={"HOME": str(directory), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert "ran" in result.stdout, result.stderr


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken.*--port"):
            check_port_free("127.0.0.1", port)
    check_port_free("127.0.0.1", port)


def test_nobody_else_on_the_machine_reaches_the_server_or_reads_the_folder(
    directory: Path,
) -> None:
    server = EmbeddedPostgres(directory / "city")
    server.start()
    try:
        folder = directory / "city"
        assert folder.stat().st_uid == os.geteuid(), "the server's user cannot swap our files"
        assert folder.stat().st_mode & 0o066 == 0
        assert server.socket_directory.stat().st_mode & 0o077 == 0
        assert (server.socket_directory / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
        assert (folder / "postgres.log").stat().st_mode & 0o077 == 0
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_user_cannot_connect(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    server.start()
    code = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(server.socket_directory / '.s.PGSQL.5432')!r}); print('connected')"
    )
    python = next(
        str(path)
        for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve())
        if postgres._reachable(path)
    )
    try:
        result = subprocess.run(
            [python, "-c", code], user=65534, group=65534, extra_groups=[],
            capture_output=True, text=True, check=False, cwd="/",
        )
    finally:
        server.stop()
    assert "PermissionError" in result.stderr, result.stdout

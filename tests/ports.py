"""Ports for the servers of tests, which nobody takes between the choice and the bind.

They lie below the range that the system hands out by itself (32768 and up on Linux), so that no
outgoing connection has them; a file shared by all test processes counts on, so that none is handed
out twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 12_000, 31_999
LISTENING_S_MAX = 60.0
_COUNTER = Path(tempfile.gettempdir(), f"lionrock-test-ports-{os.getuid()}")


def free_ports(count: int = 1) -> int:
    """The first of so many ports in a row on which nobody listens."""
    with _COUNTER.open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        port = int(counter.read() or FIRST)
        while not all(_is_free(port + each) for each in range(count)):
            port = _after(port, count)
        counter.truncate(0)
        counter.write(str(_after(port, count)))
    return port


def _after(port: int, count: int) -> int:
    return FIRST if port + 2 * count > LAST else port + count


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def until_listening(port: int) -> None:
    """Wait until somebody accepts connections on a port."""
    async with asyncio.timeout(LISTENING_S_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return

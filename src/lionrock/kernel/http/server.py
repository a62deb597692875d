"""Serving an application with granian inside this process, until told to stop.

An application that has an RSGI face is served by it, any other as ASGI. HTTP/1.1 only: it is what
the tests speak, and what stands before a front speaks it too.

Several processes may share one port (SO_REUSEPORT); `check_port_free` is asked before the first.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

STOP_S_MAX = 1.0


class PortTaken(RuntimeError):
    """Another program listens on the wanted port; the text says which and what to do."""


def check_port_free(host: str, port: int) -> None:
    """Raise PortTaken when something listens there already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} on {host} is taken ({error.strerror}); stop the program that uses "
                "it, or choose another with --port"
            ) from error


async def serve(application: Any, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end, STOP_S_MAX at most.

    Idle keep-alive connections would otherwise hold the server for as long as their owners like.
    """
    interface = Interfaces.RSGI if hasattr(application, "__rsgi__") else Interfaces.ASGINL
    server = Server(application, address=host, port=port, interface=interface,
                    http=HTTPModes.http1, log_enabled=False, websockets=False)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        server.stop()
        await asyncio.wait({serving}, timeout=STOP_S_MAX)


async def run_beside(
    main: Awaitable[None], *others: Callable[[], Awaitable[None]]
) -> None:
    """Run background loops beside the main task and cancel them when it ends.

    A loop that fails ends the main task too and raises: the process is started again, rather than
    going on half alive.
    """
    working = asyncio.ensure_future(main)
    tasks = {working, *(asyncio.ensure_future(other()) for other in others)}
    pending = tasks
    try:
        while not working.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

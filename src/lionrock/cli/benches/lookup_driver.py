"""The load of look-ups: one thread, plain sockets, and a clock; each answer is checked.

It shares the cores with what it measures. So requests are written before the window, and within it
a connection has one request under way, without tasks, futures or an event loop: waiting is done by
`select`, whose time-out counts in microseconds where an event loop's counts in milliseconds.
Latency counts from when a request was due, whoever was late. Not for: anything else.
"""

from __future__ import annotations

import gc
import select
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf

import msgspec

from lionrock.kernel.clock import monotonic_ms

ANSWER_BYTES_MAX = 65_536
# How long the driver waits for an answer before it gives up.
SILENCE_S_MAX = 30.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Prepared(msgspec.Struct, frozen=True):
    """One request as it goes over the wire, and how its answer's status and body begin."""

    wire: bytes
    status: bytes
    body_start: bytes

    @property
    def is_found(self) -> bool:
        """Whether something is registered."""
        return self.status == b"200"

    def is_answered_by(self, answer: bytes) -> bool:
        """Whether a whole answer is the one that was expected."""
        body = answer[answer.find(_HEAD_END) + len(_HEAD_END) :]
        return answer[9:12] == self.status and body.startswith(self.body_start)


class Outcome(msgspec.Struct):
    """What a window has seen; milliseconds."""

    found: list[float]
    absent: list[float]
    errors: int = 0

    @property
    def all(self) -> list[float]:
        """All durations."""
        return self.found + self.absent


class Callers:
    """Connections that take turns: who was answered longest ago sends what is due next."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._free = deque(self._connect() for _ in range(count))
        # What each busy connection sent, when it was due, and what has come of its answer.
        self._busy: dict[socket.socket, tuple[Prepared, float, bytes]] = {}
        self._outcome = Outcome([], [])

    def close(self) -> None:
        """Hang up."""
        for connection in (*self._free, *self._busy):
            connection.close()

    def send_all(
        self, requests: Sequence[Prepared], per_s: float | None, until_ms: float = inf
    ) -> Outcome:
        """Send each when it is due (`per_s` None: when a connection is free), until `until_ms`.

        Returns when all answers are there; TimeoutError when the server falls silent.
        """
        self._outcome = Outcome([], [])
        interval_ms = 1_000 / per_s if per_s else 0.0
        with _undisturbed():
            started_ms, sent = monotonic_ms(), 0
            while sent < len(requests) or self._busy:
                now_ms = monotonic_ms()
                if now_ms >= until_ms:
                    sent = len(requests)
                due_ms = started_ms + sent * interval_ms if per_s else now_ms
                is_possible = sent < len(requests) and bool(self._free)
                if is_possible and due_ms <= now_ms:
                    self._send(requests[sent], due_ms)
                    sent += 1
                else:
                    self._receive(due_ms if is_possible else inf)
        return self._outcome

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _send(self, request: Prepared, due_ms: float) -> None:
        connection = self._free.popleft()
        connection.sendall(request.wire)
        self._busy[connection] = (request, due_ms, b"")

    def _receive(self, next_ms: float) -> None:
        """Take the answers that come before `next_ms`, at least the first of them."""
        wait_s = min(SILENCE_S_MAX, max(0.0, next_ms - monotonic_ms()) / 1_000)
        readable, _, _ = select.select(list(self._busy), (), (), wait_s)
        if not readable and wait_s == SILENCE_S_MAX:
            raise TimeoutError("the server has fallen silent")
        for connection in readable:
            request, due_ms, before = self._busy.pop(connection)
            came = connection.recv(ANSWER_BYTES_MAX)
            answer = before + came
            if came and not _is_whole(answer):
                self._busy[connection] = (request, due_ms, answer)
                continue
            self._note(request, answer, monotonic_ms() - due_ms)
            if not came:
                connection.close()
                connection = self._connect()
            self._free.append(connection)

    def _note(self, request: Prepared, answer: bytes, duration_ms: float) -> None:
        outcome = self._outcome
        (outcome.found if request.is_found else outcome.absent).append(duration_ms)
        outcome.errors += not request.is_answered_by(answer)


def _is_whole(answer: bytes) -> bool:
    end = answer.find(_HEAD_END)
    if end < 0:
        return False
    start = answer.find(_LENGTH, 0, end)
    assert start >= 0, "answers of ours tell their length"
    told = answer[start + len(_LENGTH) : answer.find(b"\r\n", start)]
    return len(answer) >= end + len(_HEAD_END) + int(told)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No collection of garbage: a window makes no cycles, and all that was prepared would be
    walked."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""The gateways of the banks of `lionrock bench switch`: how a bank's calls to the switch go out.

Everything that a bank has waiting for the switch goes in one signed exchange: messages as a bundle,
questions about payees as one call. Exchanges begin at a pace, a few may be under way, and the next
one collects meanwhile; what waits alone goes alone, messages then in the plain form. Not for:
anything but the bench.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

from lionrock.cli.benches.driver import Answer, Connection, connect, request
from lionrock.directory.api import Sender
from lionrock.kernel.clock import SystemWireClock
from lionrock.kernel.signatures import sign_request
from lionrock.payments.api import (
    BUNDLE_TYPE,
    BUNDLES_PATH,
    MEDIA_TYPE,
    MESSAGES_PATH,
    read_answers,
    write_bundle,
)

QUESTIONS_PATH = "/payments/v1/payee-questions"
TOGETHER_MAX = 64
# Exchanges of one bank begin at these distances at least, so that several messages go in one.
MESSAGES_PACE_MS = 30
QUESTIONS_PACE_MS = 25
UNDER_WAY_MAX = 3
T = TypeVar("T")
A = TypeVar("A")


class PaymentFailed(RuntimeError):
    """A step of a payment was answered otherwise than expected."""


class Wire:
    """The banks' connections to the switch."""

    def __init__(self, issuer: str, clock: SystemWireClock) -> None:
        self._issuer = issuer
        self._host = issuer.removeprefix("http://")
        self._clock = clock
        self._free: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self.exchanges = 0

    async def connect(self, count: int) -> None:
        """Connect to the fronts."""
        port = int(self._host.rsplit(":", 1)[1])
        for _ in range(count):
            self._free.append(await connect(port))

    async def call(self, sender: Sender, path: str, body: bytes, media_type: str) -> Answer:
        """Make a signed call."""
        headers = sign_request(
            method="POST", url=f"{self._issuer}{path}", body=body, key=sender.key,
            keyid=sender.keyid, now_s=self._clock.now_s(), headers={"content-type": media_type},
        )
        self.exchanges += 1
        connection = await self._connection()
        try:
            return await connection.send(request("POST", path, self._host, headers, body))
        finally:
            self._give_back(connection)

    async def _connection(self) -> Connection:
        if self._free:
            return self._free.popleft()
        future: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def _give_back(self, connection: Connection) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        self._free.append(connection)


class Stream(Generic[T, A]):
    """What goes in exchanges at a pace, each with all that waits then."""

    def __init__(
        self, send: Callable[[Sequence[T]], Awaitable[Sequence[A]]], pace_ms: int
    ) -> None:
        self._send = send
        self._pace_ms = pace_ms
        self._waiting: list[tuple[T, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)
        self._under_way: set[asyncio.Task[None]] = set()

    async def put(self, item: T) -> A:
        """Have something sent; returns its own answer, raises what its exchange raised."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._room.acquire()
                some, self._waiting = (
                    self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
                )
                exchange = asyncio.create_task(self._exchange(some))
                self._under_way.add(exchange)
                exchange.add_done_callback(self._ended)
                await asyncio.sleep(self._pace_ms / 1_000)
        finally:
            self._task = None

    def _ended(self, exchange: asyncio.Task[None]) -> None:
        self._under_way.discard(exchange)
        self._room.release()

    async def _exchange(self, some: Sequence[tuple[T, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._send([item for item, _ in some])
        except (PaymentFailed, ConnectionError) as error:
            for _, future in some:
                future.set_exception(error)
            return
        for (_, future), answer in zip(some, answers, strict=True):
            future.set_result(answer)


class Gateway:
    """One bank's way out."""

    def __init__(self, sender: Sender, wire: Wire) -> None:
        self._sender = sender
        self._wire = wire
        self._messages: Stream[bytes, int] = Stream(self._send_messages, MESSAGES_PACE_MS)
        self._questions: Stream[dict[str, str], dict[str, Any]] = Stream(
            self._send_questions, QUESTIONS_PACE_MS
        )

    async def send(self, content: bytes) -> int:
        """Send a message; returns the status that it was answered with."""
        return await self._messages.put(content)

    async def ask(self, question: dict[str, str]) -> dict[str, Any]:
        """Ask about a payee."""
        return await self._questions.put(question)

    async def _send_messages(self, contents: Sequence[bytes]) -> list[int]:
        if len(contents) == 1:
            answer = await self._wire.call(self._sender, MESSAGES_PATH, contents[0], MEDIA_TYPE)
            return [answer.status]
        body = write_bundle(contents)
        answer = await self._wire.call(self._sender, BUNDLES_PATH, body, BUNDLE_TYPE)
        told = read_answers(answer.body, len(contents)) if answer.status == 200 else None
        if told is None:
            raise PaymentFailed(f"a bundle was answered {answer.status} {answer.body[:300]!r}")
        return [each.status for each in told]

    async def _send_questions(self, asked: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
        body = msgspec.json.encode({"questions": asked})
        answer = await self._wire.call(self._sender, QUESTIONS_PATH, body, "application/json")
        if answer.status != 200:
            raise PaymentFailed(f"questions: {answer.status} {answer.body[:300]!r}")
        return cast("list[dict[str, Any]]", msgspec.json.decode(answer.body)["answers"])

"""lionrock bench addressing: look-ups of proxies at a fixed rate, on a directory of a million.

An open loop: look-ups are due at instants fixed beforehand, as participants' customers do not wait
for one another; latency counts from the instant when one was due, whoever was late. Each is signed
as a participant signs, names its payer, and draws on both buckets: nothing is switched off. They
are signed before the window; that work is the participants'. Signatures live a minute, which
bounds a window. One look-up in a hundred finds nothing.

The register is loaded with COPY before; entries are sealed and hashed like any others.
Cases: `lookup-2000` (the rate of the target), `lookup-most` (as many as 64 callers get answered),
each with the times of look-ups that found something and of those that did not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lionrock.cli.benches.driver import Answer, Connection, connect, request
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.town import Town, town
from lionrock.directory.api import Organisation, Sender
from lionrock.kernel import log
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.measure import percentile
from lionrock.kernel.signatures import sign_request
from lionrock.payments.api import Enrolment, ProxyRegistration

PARTICIPANTS = 100
ENTRIES = 1_000_000
PER_S = 2_000
CALLERS = 64
SECONDS_MAX = 20.0
WARM_UP = 1_000
ABSENT_EVERY = 100
# The event loop counts in whole milliseconds; anything shorter would spin.
TICK_S = 0.001
FRONTS = 2
LOOKUPS_PATH = "/payments/v1/proxies/lookups"
# Hong Kong numbers that begin with 51 to 54 and then 0 to 4; beyond those, the mainland's 138.
LOCAL_NUMBERS = 2_000_000
_NAMES = ("Chan Tai Man", "Wong Siu Ming", "Harbour Trading Limited", "\u9673\u5927\u6587")


class Prepared(msgspec.Struct, frozen=True):
    """One request as it goes over the wire, and whether it will be found."""

    wire: bytes
    is_found: bool


class Outcome(msgspec.Struct):
    """What a window has seen; milliseconds."""

    found: list[float]
    absent: list[float]
    errors: int = 0

    @property
    def all(self) -> list[float]:
        """All durations."""
        return self.found + self.absent


async def run(seconds: float, json_path: Path | None) -> None:
    """Load, measure for `seconds` (at most SECONDS_MAX) each, print, write the report if asked."""
    log.configure("warning")
    async with town(FRONTS) as city:
        senders = await enrol(city, PARTICIPANTS)
        loaded_ms = await load(city, senders, ENTRIES)
        notes = {"directory": f"{ENTRIES:,} entries, loaded in {loaded_ms / 1000:.0f} s",
                 "participants": len(senders), "fronts": FRONTS}
        window_s = min(seconds, SECONDS_MAX)
        cases = [
            await measure(city, senders, f"lookup-{PER_S}", window_s, PER_S, notes),
            await measure(city, senders, "lookup-most", window_s, None, notes),
        ]
    report("addressing", cases, json_path)


async def enrol(city: Town, count: int) -> list[Sender]:
    """Make participants, each with its key and its accounts."""
    senders = []
    for number in range(count):
        sender = Sender(f"bench-bank-{number:03}", generate_key())
        organisation = Organisation(
            id=sender.organisation_id, roles=frozenset({"participant"}), simulated=True,
            names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), f"Bench bank {number}"),
            keys=(sender.key.public_jwk,),
        )  # fmt: skip
        await city.run(partial(city.platform.directory.register, organisation=organisation))
        enrolled = await city.platform.payments.enrol_participant(Enrolment(
            organisation_id=sender.organisation_id, clearing_code=f"{number:03}",
            currencies=("HKD",),
        ))  # fmt: skip
        assert not isinstance(enrolled, Refused), enrolled
        senders.append(sender)
    return senders


async def load(city: Town, senders: Sequence[Sender], count: int) -> float:
    """Fill the register with `count` mobile numbers; returns the milliseconds it took."""
    registry = city.platform.payments.addressing.registry

    def registrations() -> Iterator[tuple[str, ProxyRegistration]]:
        for number in range(count):
            bank = senders[number % len(senders)]
            yield bank.organisation_id, ProxyRegistration(
                kind="mobile", value=number_of(number), account_number=f"bench-{number}",
                account_name=_NAMES[number % len(_NAMES)],
            )

    started_ms = monotonic_ms()
    await city.run(partial(registry.load, registrations=registrations()))
    return monotonic_ms() - started_ms


def number_of(position: int) -> str:
    """The mobile number at a position of the register, E.164."""
    if position >= LOCAL_NUMBERS:
        return f"+86138{position:08}"
    block, last = divmod(position, 100_000)
    return f"+8525{1 + block // 5}{block % 5}{last:05}"


async def measure(
    city: Town, senders: Sequence[Sender], name: str, seconds: float, per_s: int | None,
    notes: dict[str, Any],
) -> Case:
    """One window: at `per_s`, or as fast as CALLERS callers get their answers."""
    count = int(seconds * (per_s or 2 * PER_S))
    warm_up = [_prepare(city, senders, n) for n in range(WARM_UP)]
    requests = [_prepare(city, senders, n) for n in range(count)]
    crew = Crew([await connect(city.port) for _ in range(CALLERS)])
    try:
        await crew.send_all(warm_up, None)
        crew.outcome = Outcome([], [])
        watch = Stopwatch(city.processes)
        until_ms = monotonic_ms() + seconds * 1_000
        await crew.send_all(requests, per_s, until_ms if per_s is None else float("inf"))
        outcome = crew.outcome
        times = {
            word: f"p50 {percentile(durations, 50):.2f} ms, p99 {percentile(durations, 99):.2f} ms"
            for word, durations in (("found", outcome.found), ("not found", outcome.absent))
        }
        return watch.case(name, outcome.all, outcome.errors, {**notes, **times})
    finally:
        crew.close()


def _prepare(city: Town, senders: Sequence[Sender], number: int) -> Prepared:
    """Sign a look-up by one of the participants for a payer of its own."""
    # Not in step with what is absent, which costs twenty times as much.
    sender = senders[(number + number // ABSENT_EVERY) % len(senders)]
    is_found = number % ABSENT_EVERY != ABSENT_EVERY - 1
    # Spread over the whole register; the absent ones lie beyond its end.
    wanted = number * 7_919 % ENTRIES + (0 if is_found else ENTRIES)
    body = msgspec.json.encode({
        "kind": "mobile", "value": number_of(wanted), "payer": f"{number:012}",
    })  # fmt: skip
    headers = sign_request(
        method="POST", url=f"{city.issuer}{LOOKUPS_PATH}", body=body, key=sender.key,
        keyid=sender.keyid, now_s=SystemWireClock().now_s(),
        headers={"content-type": "application/json"},
    )  # fmt: skip
    return Prepared(request("POST", LOOKUPS_PATH, city.host, headers, body), is_found)


class Crew:
    """The callers: each connection has one request under way; who is free takes what is due."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self.outcome = Outcome([], [])
        self._connections = connections
        self._free = list(connections)
        self._due: deque[tuple[float, Prepared]] = deque()
        self._running = 0

    async def send_all(
        self, requests: Sequence[Prepared], per_s: int | None, until_ms: float = float("inf")
    ) -> None:
        """Send each when it is due (at once without `per_s`) and wait for the last answer.

        One that finds no free connection waits, and its latency counts from when it was due.
        """
        loop = asyncio.get_running_loop()
        started_ms = monotonic_ms()
        number = 0
        while number < len(requests) or self._running or self._due:
            now_ms = monotonic_ms()
            if now_ms >= until_ms:
                number = len(requests)
            while number < len(requests) and self._is_due(started_ms, number, per_s, now_ms):
                due_ms = now_ms if per_s is None else started_ms + number * 1_000 / per_s
                self._due.append((due_ms, requests[number]))
                number += 1
            self._dispatch(loop)
            await asyncio.sleep(TICK_S)

    def _is_due(
        self, started_ms: float, number: int, per_s: int | None, now_ms: float
    ) -> bool:
        if per_s is None:
            return len(self._due) < len(self._free)
        return started_ms + number * 1_000 / per_s <= now_ms

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._free and self._due:
            due_ms, sent = self._due.popleft()
            connection = self._free.pop()
            self._running += 1
            # No task of its own for each: it would cost more than sending.
            answered = (
                connection.begin(sent.wire) if connection.is_open
                else loop.create_task(connection.send(sent.wire))
            )
            answered.add_done_callback(partial(self._answered, loop, connection, sent, due_ms))

    def _answered(
        self, loop: asyncio.AbstractEventLoop, connection: Connection, sent: Prepared,
        due_ms: float, answered: asyncio.Future[Answer],
    ) -> None:
        durations = self.outcome.found if sent.is_found else self.outcome.absent
        durations.append(monotonic_ms() - due_ms)
        self.outcome.errors += answered.result().status != (200 if sent.is_found else 404)
        self._free.append(connection)
        self._running -= 1
        self._dispatch(loop)

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

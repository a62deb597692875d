"""lionrock bench addressing: look-ups of proxies at a fixed rate, on a directory of a million.

An open loop: look-ups are due at instants fixed beforehand, as participants' customers do not wait
for one another; latency counts from the instant when one was due, whoever was late. Each is signed
as a participant signs, names its payer, and draws on both buckets: nothing is switched off. They
are signed before the window, each dated when it is due; that work is the participants'. Each answer
is checked for its status and its bank. One look-up in a hundred finds nothing.

The register is loaded with COPY before; entries are sealed and hashed like any others. Then it is
vacuumed and written to disk, as one is that has been there for longer than a minute.
Cases: `lookup-2000` (the rate of the target), `lookup-most` (as many as 64 callers get answered),
each with the times of look-ups that found something and of those that did not.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lionrock.cli.benches.driver import request
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.lookup_driver import Callers, Prepared
from lionrock.cli.benches.town import Town, town
from lionrock.directory.api import Organisation, Sender
from lionrock.kernel import log
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.measure import percentile
from lionrock.kernel.signatures import sign_request
from lionrock.payments.api import Enrolment, ProxyRegistration

# Each may ask a thousand times at once and once a second: enough for a window of a minute.
PARTICIPANTS = 300
ENTRIES = 1_000_000
PER_S = 2_000
# More than this is not reached with 64 callers; as many are signed before.
MOST_PER_S = 5_000
CASES = ("lookup-2000", "lookup-most")
CALLERS = 64
SECONDS_MAX = 120.0
# Those are signed before and all at once, and signatures live a minute.
SECONDS_MAX_MOST = 10.0
WARM_UP = 2_000
WARM_UP_S = 0.001
# What it takes to sign one, and some.
SIGNING_S = 0.000_2
ABSENT_EVERY = 100
# Two share the cores with the driver, and their rounds are half as large.
FRONTS = 1
LOOKUPS_PATH = "/payments/v1/proxies/lookups"
# Hong Kong numbers that begin with 51 to 54 and then 0 to 4; beyond those, the mainland's 138.
LOCAL_NUMBERS = 2_000_000
_NAMES = ("Chan Tai Man", "Wong Siu Ming", "Harbour Trading Limited", "\u9673\u5927\u6587")


async def run(
    seconds: float, json_path: Path | None, *, cases: Sequence[str] = (), entries: int = ENTRIES
) -> None:
    """Load `entries`, measure the cases (all without any named), print, write the report if asked.

    ValueError for a case that there is not.
    """
    rate, most = CASES
    unknown = sorted(set(cases) - set(CASES))
    if unknown:
        raise ValueError(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    log.configure("warning")
    async with town(FRONTS) as city:
        senders = await enrol(city, PARTICIPANTS)
        loaded_ms = await load(city, senders, entries)
        register = Register(city, senders, entries)
        notes = {"directory": f"{entries:,} entries, loaded in {loaded_ms / 1000:.0f} s",
                 "participants": len(senders), "fronts": FRONTS}
        measured = []
        if not cases or rate in cases:
            window_s = min(seconds, SECONDS_MAX)
            measured.append(await measure(register, rate, window_s, PER_S, notes))
        if not cases or most in cases:
            window_s = min(seconds, SECONDS_MAX_MOST)
            measured.append(await measure(register, most, window_s, None, notes))
    report("addressing", measured, json_path)


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
    loaded_ms = monotonic_ms() - started_ms
    for statement in ("VACUUM (ANALYZE) payments.proxy_entries", "CHECKPOINT"):
        await city.database.alone(partial(_execute, statement=statement))
    return loaded_ms


async def _execute(db: Connection, statement: str) -> None:
    await db.execute(statement)


def number_of(position: int) -> str:
    """The mobile number at a position of the register, E.164."""
    if position >= LOCAL_NUMBERS:
        return f"+86138{position:08}"
    block, last = divmod(position, 100_000)
    return f"+8525{1 + block // 5}{block % 5}{last:05}"


class Register(msgspec.Struct, frozen=True):
    """A loaded register: the city it is in, who asks, and how many numbers it has."""

    city: Town
    senders: Sequence[Sender]
    entries: int

    def prepare(self, number: int, payer: str, at_s: int) -> Prepared:
        """Sign, as of `at_s`, a look-up by one of the participants for a payer of its own."""
        # Not in step with what is absent, which costs twenty times as much.
        sender = self.senders[(number + number // ABSENT_EVERY) % len(self.senders)]
        is_found = number % ABSENT_EVERY != ABSENT_EVERY - 1
        # Spread over the whole register; the absent ones lie beyond its end.
        position = number * 7_919 % self.entries
        wanted = position if is_found else position + self.entries
        body = msgspec.json.encode({
            "kind": "mobile", "value": number_of(wanted), "payer": payer,
        })  # fmt: skip
        headers = sign_request(
            method="POST", url=f"{self.city.issuer}{LOOKUPS_PATH}", body=body, key=sender.key,
            keyid=sender.keyid, now_s=at_s, headers={"content-type": "application/json"},
        )  # fmt: skip
        wire = request("POST", LOOKUPS_PATH, self.city.host, headers, body)
        if not is_found:
            return Prepared(wire, b"404", b'{"type":"urn:lionrock:error:payments.proxy_not_found"')
        code = f"{wanted % len(self.senders):03}"
        return Prepared(wire, b"200", b'{"clearing_code":"%b"' % code.encode())


async def measure(
    register: Register, name: str, seconds: float, per_s: int | None, notes: dict[str, Any]
) -> Case:
    """One window: at `per_s`, or as fast as CALLERS callers get their answers."""
    count = int(seconds * (per_s or MOST_PER_S))
    clock = SystemWireClock()
    # Each is dated when it is due, so that a window may be longer than a signature lives.
    begin_s = clock.now_s() + math.ceil(count * SIGNING_S + WARM_UP * WARM_UP_S)
    warm_up = [register.prepare(n, f"w{name}{n}", begin_s) for n in range(WARM_UP)]
    requests = [
        register.prepare(n, f"{name}{n}", begin_s + int(n / per_s) if per_s else begin_s)
        for n in range(count)
    ]
    callers = Callers(register.city.port, CALLERS)
    try:
        await asyncio.to_thread(callers.send_all, warm_up, 1 / WARM_UP_S)
        await asyncio.sleep(max(0, begin_s - clock.now_s()))
        watch = Stopwatch(register.city.processes)
        until_ms = math.inf if per_s else monotonic_ms() + seconds * 1_000
        outcome = await asyncio.to_thread(callers.send_all, requests, per_s, until_ms)
        times = {
            word: f"p50 {percentile(durations, 50):.2f} ms, p99 {percentile(durations, 99):.2f} ms"
            for word, durations in (("found", outcome.found), ("not found", outcome.absent))
        }
        times["longest"] = f"{max(outcome.all, default=0.0):.1f} ms"
        return watch.case(name, outcome.all, outcome.errors, {**notes, **times})
    finally:
        callers.close()

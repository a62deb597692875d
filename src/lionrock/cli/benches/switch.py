"""lionrock bench switch: whole payments a second, from the payer's look-up to its bank's outcome.

One payment: a signed question whose mobile number it is and whether the payee's name is right, a
signed pacs.008 to the switch, which holds the money in the ledger and sends a signed pacs.008 to
the payee's bank; its signed pacs.002; the ledger's post; a signed pacs.002 to each bank. Five
ISO 20022 messages, each checked against the schema by its receiver, in six signed exchanges; what
waits for the same participant goes in one exchange (domain/bundles.py). Everything that a served
city does for a payment is done: durable database, durable ledger journal, receipts, events.

The banks are one process of their own (switch_banks.py) on the same cores. Cases: `switch-most`, a
closed loop of CALLERS payers; `switch-400` (or another rate), payments due at a fixed rate whoever
is late, the latency counted from when one was due.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.switch_banks import (
    STEPS,
    BankTask,
    Outcome,
    Task,
    Window,
    payee_of,
)
from lionrock.cli.benches.town import Town, free_port, town
from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation, Sender, organisation_key
from lionrock.kernel import log
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.payments.api import Enrolment, ProxyRegistration

BANKS = 8
PAYEES = 8_000
CALLERS = 64
PER_S = 400
# More than are ever under way at once, so that what is due begins when it is due.
OPEN_CALLERS = 1_024
FRONTS = 1
WORKERS = 1
WARM_UP_S = 15.0
CASES = ("switch-most", f"switch-{PER_S}")
PER_S_MAX = 10_000
FUNDING = Money(100_000_000_00, "HKD")


async def run(seconds: float, json_path: Path | None, *, cases: Sequence[str] = ()) -> None:
    """Measure for `seconds` each case (or those named), print, and write the report if asked.

    ValueError for a case that there is not.
    """
    windows = {name: window_of(name, seconds) for name in cases or CASES}
    log.configure("warning")
    async with town(FRONTS, worker_count=WORKERS, allow_private_targets=True) as city:
        port = free_port()
        senders = await enrol(city, port)
        await load(city, senders)
        banks = await BankProcess.start(city, senders, port)
        try:
            await banks.window(Window(seconds=WARM_UP_S, callers=CALLERS))
            measured = [
                await measure(city, banks, name, window) for name, window in windows.items()
            ]
            await check_books(city, senders)
        finally:
            await banks.stop()
    report("switch", measured, json_path)


def window_of(case: str, seconds: float) -> Window:
    """The window of a case: `switch-most`, or `switch-` and how many are due a second.

    ValueError for any other.
    """
    _, _, rate = case.partition("switch-")
    if rate == "most":
        return Window(seconds=seconds, callers=CALLERS)
    if not (rate.isascii() and rate.isdigit() and 0 < int(rate) <= PER_S_MAX):
        raise ValueError(f"no case {case!r}; there are {', '.join(CASES)} and other rates")
    return Window(seconds=seconds, callers=OPEN_CALLERS, per_s=float(rate))


async def enrol(city: Town, port: int) -> list[tuple[str, Sender]]:
    """Make the banks with keys, endpoints, accounts and money; returns them by clearing code."""
    payments = city.platform.payments
    made = []
    for number in range(BANKS):
        sender = Sender(f"bench-bank-{number}", generate_key())
        organisation = Organisation(
            id=sender.organisation_id, roles=frozenset({"participant"}), simulated=True,
            names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), f"Bench bank {number}"),
            endpoints={"payments": f"http://127.0.0.1:{port}/{sender.organisation_id}"},
            keys=(sender.key.public_jwk,),
        )  # fmt: skip
        await city.run(partial(city.platform.directory.register, organisation=organisation))
        code = f"{700 + number}"
        enrolled = await payments.enrol_participant(Enrolment(
            organisation_id=sender.organisation_id, clearing_code=code, currencies=("HKD",),
            takes_bundles=True,
        ))  # fmt: skip
        assert not isinstance(enrolled, Refused), enrolled
        funding_id = city.platform.kernel.ids.new("fnd")
        funded = await payments.fund_participant(funding_id, sender.organisation_id, FUNDING)
        assert not isinstance(funded, Refused), funded
        made.append((code, sender))
    return made


async def load(city: Town, senders: Sequence[tuple[str, Sender]]) -> None:
    """Register the payees' mobile numbers."""

    def registrations() -> Iterator[tuple[str, ProxyRegistration]]:
        for number in range(PAYEES):
            mobile, account, name = payee_of(number)
            yield senders[number % BANKS][1].organisation_id, ProxyRegistration(
                kind="mobile", value=mobile, account_number=account, account_name=name,
            )

    registry = city.platform.payments.addressing.registry
    await city.run(partial(registry.load, registrations=registrations()))


class BankProcess:
    """The banks' process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(
        cls, city: Town, senders: Sequence[tuple[str, Sender]], port: int
    ) -> BankProcess:
        """Start it and wait until it is ready."""
        switch = Sender(
            PLATFORM_ORGANISATION, organisation_key(city.platform.kernel, PLATFORM_ORGANISATION)
        )
        task = Task(
            issuer=city.issuer, switch_keyid=switch.keyid, switch_jwk=switch.key.public_jwk,
            own_port=port, payees=PAYEES,
            banks=tuple(
                BankTask(
                    id=sender.organisation_id, clearing_code=code,
                    pkcs8=base64.b64encode(sender.key.pkcs8()).decode(),
                )
                for code, sender in senders
            ),
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lionrock.cli.benches.switch_banks",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
        )
        started = cls(process)
        await started._ask(task)
        return started

    async def window(self, window: Window) -> Outcome:
        """Have payments made for a window."""
        return msgspec.json.decode(await self._ask(window), type=Outcome)

    async def _ask(self, value: object) -> bytes:
        assert self._process.stdin is not None and self._process.stdout is not None, "pipes"
        self._process.stdin.write(msgspec.json.encode(value) + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the banks' process has ended; its message stands above")
        return line

    async def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None, "pipes"
        self._process.stdin.close()
        await self._process.wait()


async def measure(city: Town, banks: BankProcess, name: str, window: Window) -> Case:
    """One case: the banks pay, the stopwatch runs over all processes."""
    watch = Stopwatch({**city.processes, "banks": [banks.pid]})
    outcome = await banks.window(window)
    count = max(1, len(outcome.durations))
    notes: dict[str, Any] = {
        "callers": window.callers, "banks": BANKS, "fronts": FRONTS, "workers": WORKERS,
        "mean ms by step": {step: round(outcome.steps[step] / count, 2) for step in STEPS},
    }  # fmt: skip
    if outcome.first_error:
        notes["first error"] = outcome.first_error
    return watch.case(name, outcome.durations, outcome.errors, notes)


async def check_books(city: Town, senders: Sequence[tuple[str, Sender]]) -> None:
    """What the ledger says in the end: no money came or went, and nothing is still held."""
    payments, ledger = city.platform.payments, city.platform.ledger
    ids = []
    for _, sender in senders:
        participant = await city.run(
            partial(payments.participant, organisation_id=sender.organisation_id)
        )
        assert participant is not None, "it was enrolled"
        account = participant.account("HKD")
        assert account is not None, "it was opened"
        ids.append(account.ledger_account_id)
    accounts = await ledger.lookup_accounts(ids)
    there = sum(each.credits_posted - each.debits_posted for each in accounts)
    held = sum(each.debits_pending for each in accounts)
    assert there == FUNDING.amount_minor * BANKS, f"the banks have {there}"
    assert held == 0, f"{held} is still held"

"""The banks of `lionrock bench switch`: one process that pays, is paid, and checks what it is sent.

    python -m lionrock.cli.benches.switch_banks < task as JSON

A payment, as a bank makes one for its customer: ask whose proxy it is and whether the payee's name
is right, send a signed pacs.008, and wait for the switch's pacs.002. On the other side the payee's
bank takes the switch's pacs.008 and answers ACCC by a signed pacs.002. What a bank has waiting goes
out in one exchange (switch_gateway.py), and so does what the switch has for a bank. Each message
from the switch is checked as a bank checks it: signature and digest under the switch's key, schema,
addresses. The banks keep their books in memory: theirs are not what is measured.

Not for: anything but the bench; the sandbox's banks are sandbox/world/bank.py.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import uvloop

from lionrock.cli.benches.switch_gateway import Gateway, PaymentFailed, Wire
from lionrock.cli.benches.switch_server import Server
from lionrock.directory.api import Sender
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import Ids
from lionrock.kernel.jose import Key, key_from_jwk
from lionrock.kernel.jose_keys import key_from_pkcs8
from lionrock.kernel.money import Money
from lionrock.kernel.signatures import check_request
from lionrock.payments.api import (
    BUNDLES_PATH,
    SWITCH_MEMBER,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    PartyAccount,
    Proxy,
    StatusReport,
    Told,
    definition_of,
    envelope_schema,
    read_bundle,
    read_envelope,
    settlement_date_of,
    uetr_of,
    write_answers,
    write_envelope,
)

CONNECTIONS = 64
PAYMENT_S_MAX = 60.0
STEPS = ("question", "send", "outcome")


class BankTask(msgspec.Struct, frozen=True, kw_only=True):
    """One bank: its name, its code at the switch, its private key (PKCS#8, base64)."""

    id: str
    clearing_code: str
    pkcs8: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the bench gives its banks. Payee `n` of `payees` has mobile +85251000000 + n."""

    issuer: str
    switch_keyid: str
    switch_jwk: dict[str, Any]
    own_port: int
    banks: tuple[BankTask, ...]
    payees: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One measured window: `per_s` 0 is a closed loop of `callers`; else due at fixed instants."""

    seconds: float
    callers: int
    per_s: float = 0.0


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a window; durations in milliseconds, from when a payment was due."""

    durations: list[float] = []
    steps: dict[str, float] = {}
    errors: int = 0
    first_error: str = ""
    settled_minor: int = 0


def payee_of(number: int) -> tuple[str, str, str]:
    """Mobile number, account number and account name of a payee."""
    return f"+852510{number:05}", f"payee-{number}", f"Chan Tai Man {chr(65 + number % 26)}"


class BenchBank:
    """One bank with its key."""

    def __init__(self, task: BankTask, wire: Wire) -> None:
        self.code = task.clearing_code
        self.sender = Sender(task.id, key_from_pkcs8(base64.b64decode(task.pkcs8)))
        self.gateway = Gateway(self.sender, wire)


class Banks:
    """All banks of the bench and their connections to the switch."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._clock = SystemWireClock()
        self._ids = Ids(self._clock)
        self._schema = envelope_schema()
        self.wire = Wire(task.issuer, self._clock)
        self._banks = [BenchBank(each, self.wire) for each in task.banks]
        self._by_id = {bank.sender.organisation_id: bank for bank in self._banks}
        switch_key = key_from_jwk(task.switch_jwk)
        assert isinstance(switch_key, Key), switch_key
        self._switch_key = switch_key
        self._outcomes: dict[str, asyncio.Future[StatusReport]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._number = 0
        self.problems: list[str] = []

    # The side of the server.

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Take a message or a bundle of the switch as a bank does; returns HTTP status and body."""
        _, bank_id, rest = path.split("/", 2)
        bank = self._by_id.get(bank_id)
        if bank is None:
            return 404, b""
        checked = check_request(
            method="POST", url=f"http://127.0.0.1:{self._task.own_port}{path}", headers=headers,
            body=body, key_of=self._key_of, now_s=self._clock.now_s(), required=("content-type",),
        )
        if isinstance(checked, Refused):
            self.problems.append(f"signature: {checked.refusal.value} {checked.detail}")
            return 401, b""
        if f"/{rest}" != BUNDLES_PATH:
            return self._take_one(bank, body), b""
        contents = read_bundle(body)
        if isinstance(contents, Refused):
            self.problems.append(f"bundle: {contents.detail}")
            return 400, b""
        told = [Told(self._take_one(bank, content)) for content in contents]
        return 200, write_answers(told)

    def _take_one(self, bank: BenchBank, body: bytes) -> int:
        envelope = read_envelope(body, self._schema)
        if isinstance(envelope, Refused):
            self.problems.append(f"schema: {envelope.detail}")
            return 400
        header, document = envelope.header, envelope.document
        if (header.from_member, header.to_member) != (SWITCH_MEMBER, bank.code):
            return 400
        if isinstance(document, CreditTransfer):
            self._answer(bank, header, document)
        elif isinstance(document, StatusReport):
            waiting = self._outcomes.pop(document.uetr, None)
            if waiting is not None and document.original_message_id == document.transaction_id:
                waiting.set_result(document)
            elif waiting is not None:
                # The creditor's bank is told too, perhaps first; only the payer's waits.
                self._outcomes[document.uetr] = waiting
        return 202

    def _key_of(self, named: str) -> Key | None:
        return self._switch_key if named == self._task.switch_keyid else None

    def _answer(self, bank: BenchBank, header: Header, transfer: CreditTransfer) -> None:
        report = StatusReport(
            original_message_id=header.message_id, original_definition=definition_of(transfer),
            end_to_end_id=transfer.end_to_end_id, transaction_id=transfer.transaction_id,
            uetr=transfer.uetr, status="ACCC", amount=transfer.amount, reason_code="",
        )
        task = asyncio.create_task(self._send_answer(bank, transfer.uetr, report))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _send_answer(self, bank: BenchBank, uetr: str, report: StatusReport) -> None:
        # Asked again, the same answer under the same MsgId.
        status = await self._send_message(bank, uetr.replace("-", ""), report)
        if status != 202:
            self.problems.append(f"an answer was not taken: {status}")

    # The side of the client.

    async def pay(self, outcome: Outcome) -> None:
        """One payment from look-up to outcome; PaymentFailed."""
        self._number += 1
        number = self._number
        # Each bank's customers pay those of the next one.
        payee = number % self._task.payees
        bank = self._banks[(payee + 1) % len(self._banks)]
        mobile, _, name = payee_of(payee)
        payer = f"payer-{number % 50_000}"
        started = monotonic_ms()
        answer = await bank.gateway.ask({
            "kind": "mobile", "value": mobile, "currency": "HKD", "payer": payer, "name": name,
        })
        if "found" not in answer or answer["verified"]["result"] != "match":
            raise PaymentFailed(f"the payee was not found under that name: {answer}")
        started = _spent(outcome, "question", started)
        report = await self._transfer(bank, payer, answer["found"], mobile, outcome, started)
        if report.status != "ACSC":
            raise PaymentFailed(f"rejected: {report.reason_code}")
        outcome.settled_minor += report.amount.amount_minor

    async def _transfer(
        self, bank: BenchBank, payer: str, found: dict[str, Any], mobile: str, outcome: Outcome,
        started: float,
    ) -> StatusReport:
        payment_id = self._ids.new("bpy")
        transaction_id = payment_id.removeprefix("bpy_")
        transfer = CreditTransfer(
            settlement_date=settlement_date_of(self._clock.now()),
            end_to_end_id=f"E{transaction_id[:30]}", transaction_id=transaction_id,
            uetr=uetr_of(payment_id), amount=Money(10_00, "HKD"),
            debtor=PartyAccount(name="Wong Siu Ming", account=payer, member=bank.code),
            creditor=PartyAccount(
                name=found["masked_name"], account="NOTPROVIDED", member=found["clearing_code"]
            ),
            proxy=Proxy(kind="mobile", value=mobile), remittance="bench", service_class="C1",
            request_id="",
        )
        future: asyncio.Future[StatusReport] = asyncio.get_running_loop().create_future()
        self._outcomes[transfer.uetr] = future
        try:
            status = await self._send_message(bank, transaction_id, transfer)
            if status != 202:
                raise PaymentFailed(f"a pacs.008 was answered {status}")
            started = _spent(outcome, "send", started)
            async with asyncio.timeout(PAYMENT_S_MAX):
                report = await future
            _spent(outcome, "outcome", started)
            return report
        except TimeoutError as error:
            raise PaymentFailed("no outcome came") from error
        finally:
            self._outcomes.pop(transfer.uetr, None)

    async def _send_message(self, bank: BenchBank, message_id: str, document: Document) -> int:
        header = Header(
            from_member=bank.code, to_member=SWITCH_MEMBER, message_id=message_id,
            created_at=self._clock.now(),
        )
        return await bank.gateway.send(write_envelope(Envelope(header, document)))


def _spent(outcome: Outcome, step: str, started_ms: float) -> float:
    now_ms = monotonic_ms()
    outcome.steps[step] = outcome.steps.get(step, 0.0) + now_ms - started_ms
    return now_ms


async def run_window(banks: Banks, window: Window) -> Outcome:
    """Pay for a window and wait for what is under way."""
    outcome = Outcome(durations=[], steps=dict.fromkeys(STEPS, 0.0))
    banks.problems.clear()
    until_ms = monotonic_ms() + window.seconds * 1_000
    begun_ms = monotonic_ms()
    taken = 0

    async def pay(due_ms: float) -> None:
        try:
            await banks.pay(outcome)
        except (PaymentFailed, ConnectionError) as error:
            outcome.errors += 1
            outcome.first_error = outcome.first_error or str(error)
        outcome.durations.append(monotonic_ms() - due_ms)

    async def caller() -> None:
        nonlocal taken
        while True:
            now_ms = monotonic_ms()
            if not window.per_s:
                if now_ms >= until_ms:
                    return
                await pay(now_ms)
                continue
            due_ms = begun_ms + taken * 1_000 / window.per_s
            if due_ms >= until_ms:
                return
            taken += 1
            if now_ms > until_ms:
                # Due in the window and not even begun: as good as failed.
                outcome.errors += 1
                outcome.first_error = outcome.first_error or "due, and not begun in the window"
                continue
            if due_ms > now_ms:
                await asyncio.sleep((due_ms - now_ms) / 1_000)
            await pay(due_ms)

    await asyncio.gather(*(caller() for _ in range(window.callers)))
    if banks.problems:
        outcome.errors += len(banks.problems)
        outcome.first_error = outcome.first_error or banks.problems[0]
    return outcome


async def main() -> None:
    """Read the task, say "ready", then run a window for each line of input."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    task = msgspec.json.decode(await reader.readline(), type=Task)
    banks = Banks(task)
    server = await loop.create_server(lambda: Server(banks.take), "127.0.0.1", task.own_port)
    await banks.wire.connect(CONNECTIONS)
    _say({"ready": True})
    while line := await reader.readline():
        _say(await run_window(banks, msgspec.json.decode(line, type=Window)))
    server.close()


def _say(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())

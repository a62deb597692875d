"""The banks of `lionrock bench switch`: one process that pays, is paid, and checks what it is sent.

    python -m lionrock.cli.benches.switch_banks < task as JSON

A payment, as a bank makes one for its customer: look the proxy up, have the payee's name checked,
send a signed pacs.008, and wait for the switch's pacs.002. On the other side the payee's bank takes
the switch's pacs.008 and answers ACCC by a signed pacs.002. Each message from the switch is checked
as a bank checks it: signature and digest under the switch's key, schema, addresses, its own MsgId
once. The banks keep their books in memory: theirs are not what is measured.

Not for: anything but the bench; the sandbox's banks are sandbox/world/bank.py.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import uvloop

from lionrock.cli.benches.driver import Answer, Connection, connect, request
from lionrock.cli.benches.switch_server import Server
from lionrock.directory.api import Sender
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import Ids
from lionrock.kernel.jose import Key, key_from_jwk
from lionrock.kernel.jose_keys import key_from_pkcs8
from lionrock.kernel.money import Money
from lionrock.kernel.signatures import check_request, sign_request
from lionrock.payments.api import (
    MEDIA_TYPE,
    MESSAGES_PATH,
    SWITCH_MEMBER,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    PartyAccount,
    Proxy,
    StatusReport,
    definition_of,
    envelope_schema,
    read_envelope,
    settlement_date_of,
    uetr_of,
    write_envelope,
)

LOOKUPS_PATH = "/payments/v1/proxies/lookups"
VERIFICATIONS_PATH = "/payments/v1/payee-verifications"
CONNECTIONS = 64
PAYMENT_S_MAX = 60.0
STEPS = ("lookup", "verify", "send", "outcome")


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


class PaymentFailed(RuntimeError):
    """A step of a payment was answered otherwise than expected."""


def payee_of(number: int) -> tuple[str, str, str]:
    """Mobile number, account number and account name of a payee."""
    return f"+852510{number:05}", f"payee-{number}", f"Chan Tai Man {chr(65 + number % 26)}"


class BenchBank:
    """One bank with its key."""

    def __init__(self, task: BankTask) -> None:
        self.code = task.clearing_code
        self.sender = Sender(task.id, key_from_pkcs8(base64.b64decode(task.pkcs8)))


class Banks:
    """All banks of the bench and their connections to the switch."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._clock = SystemWireClock()
        self._ids = Ids(self._clock)
        self._schema = envelope_schema()
        self._host = task.issuer.removeprefix("http://")
        self._banks = [BenchBank(each) for each in task.banks]
        self._by_id = {bank.sender.organisation_id: bank for bank in self._banks}
        switch_key = key_from_jwk(task.switch_jwk)
        assert isinstance(switch_key, Key), switch_key
        self._switch_key = switch_key
        self._free: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._outcomes: dict[str, asyncio.Future[StatusReport]] = {}
        self._answered: set[str] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._number = 0
        self.problems: list[str] = []

    async def connect(self) -> None:
        """Connect to the fronts."""
        port = int(self._host.rsplit(":", 1)[1])
        for _ in range(CONNECTIONS):
            self._free.append(await connect(port))

    # The side of the server.

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take a message of the switch as a bank does; returns the HTTP status."""
        bank_id = path.split("/", 2)[1]
        bank = self._by_id.get(bank_id)
        if bank is None:
            return 404
        checked = check_request(
            method="POST", url=f"http://127.0.0.1:{self._task.own_port}{path}", headers=headers,
            body=body, key_of=self._key_of, now_s=self._clock.now_s(), required=("content-type",),
        )
        if isinstance(checked, Refused):
            self.problems.append(f"signature: {checked.refusal.value} {checked.detail}")
            return 401
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
        found = await self._ask(bank, LOOKUPS_PATH, {
            "kind": "mobile", "value": mobile, "currency": "HKD", "payer": payer,
        })
        started = _spent(outcome, "lookup", started)
        verified = await self._ask(bank, VERIFICATIONS_PATH, {
            "name": name, "proxy_kind": "mobile", "proxy": mobile, "payer": payer,
        })
        if verified["result"] != "match":
            raise PaymentFailed(f"the payee's name is said to be a {verified['result']}")
        started = _spent(outcome, "verify", started)
        report = await self._transfer(bank, payer, found, mobile, outcome, started)
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
        content = write_envelope(Envelope(header, document))
        return (await self._call(bank, MESSAGES_PATH, content, MEDIA_TYPE)).status

    async def _ask(self, bank: BenchBank, path: str, body: dict[str, str]) -> dict[str, Any]:
        answer = await self._call(bank, path, msgspec.json.encode(body), "application/json")
        if answer.status != 200:
            raise PaymentFailed(f"{path}: {answer.status} {answer.body[:300]!r}")
        return cast("dict[str, Any]", msgspec.json.decode(answer.body))

    async def _call(
        self, bank: BenchBank, path: str, body: bytes, media_type: str
    ) -> Answer:
        headers = sign_request(
            method="POST", url=f"{self._task.issuer}{path}", body=body, key=bank.sender.key,
            keyid=bank.sender.keyid, now_s=self._clock.now_s(),
            headers={"content-type": media_type},
        )
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
    await banks.connect()
    _say({"ready": True})
    while line := await reader.readline():
        _say(await run_window(banks, msgspec.json.decode(line, type=Window)))
    server.close()


def _say(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())

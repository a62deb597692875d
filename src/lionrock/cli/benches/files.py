"""lionrock bench files: one batch file from its first byte to the last part of its answer.

A bank sends a pain.001 of many credit transfers in signed parts, has it checked, and waits until
every entry has ended; then it fetches the pain.002 and compares its digest and its statuses. Each
entry is a payment like any other: held in the ledger, sent signed to the payee's bank, answered
signed, posted. The banks are simulated by the process of `lionrock bench switch`, on the same
cores. Rounds of the near-real-time class come every ROUND_MS, not every ten seconds as by default:
else the rounds would be what is measured.

Cases: `uploaded` (parts), `checked` (entries, from completion to acceptance), `carried-out`
(entries, from acceptance to the answer), `answered` (parts of the answer). An entry's time is when
a look at the file, every POLL_S, first counted it. Errors: entries that were not settled.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from lionrock.cli.benches.driver import Answer, connect, request
from lionrock.cli.benches.figures import Case, Stopwatch, report
from lionrock.cli.benches.switch import FRONTS, WORKERS, BankProcess, enrol
from lionrock.cli.benches.town import Town, free_port, town
from lionrock.directory.api import Sender
from lionrock.kernel import log
from lionrock.kernel.clock import SystemWireClock, monotonic_ms
from lionrock.kernel.measure import MS_PER_S, peak_rss_mib
from lionrock.kernel.money import format_minor
from lionrock.kernel.signatures import sign_request
from lionrock.payments.api import MEDIA_TYPE, settlement_date_of

FILES_PATH = "/payments/v1/files"
DEFINITION = "pain.001.001.09"
ENTRIES_MAX = 100_000
PART_BYTES = 1_000_000
BLOCK_ENTRIES = 1_000
AMOUNT_MINOR = 1_00
ROUND_MS = 1_000
POLL_S = 0.25
SETTLED_STATUS = b"<TxSts>ACSC</TxSts>"


class Standing(msgspec.Struct, frozen=True):
    """What the bench reads of a file."""

    id: str
    state: str
    refusal: str
    detail: str
    settled_count: int
    rejected_count: int
    answer_parts: int
    answer_sha256: str

    @property
    def ended_count(self) -> int:
        """Entries that are over."""
        return self.settled_count + self.rejected_count


class FileRefused(RuntimeError):
    """The platform answered otherwise than expected."""


async def run(entries: int, within_s: float, json_path: Path | None) -> None:
    """Carry out one file of `entries`; give up `within_s` seconds after it was accepted."""
    log.configure("warning")
    async with town(
        FRONTS, worker_count=WORKERS, allow_private_targets=True, payment_near_round_ms=ROUND_MS
    ) as city:
        port = free_port()
        members = await enrol(city, port)
        banks = await BankProcess.start(city, members, port)
        try:
            cases = await carry_out(city, banks, members, entries, within_s)
        finally:
            await banks.stop()
    report("files", cases, json_path)


async def carry_out(
    city: Town, banks: BankProcess, members: list[tuple[str, Sender]], entries: int,
    within_s: float,
) -> list[Case]:
    """Send the file and follow it to its end; one case for each leg."""
    (code, sender), others = members[0], [code for code, _ in members[1:]]
    raw = b"".join(file_pieces(code, others, entries))
    bank = FileBank(city, sender)
    await bank.connect()
    groups = {**city.processes, "banks": [banks.pid]}
    about = {"entries": entries, "bytes": len(raw), "fronts": FRONTS, "workers": WORKERS,
             "round ms": ROUND_MS}
    watch = Stopwatch(groups)
    file_id, part_times = await bank.upload(raw)
    cases = [watch.case("uploaded", part_times, 0, about | _memory(groups))]

    watch, started_ms = Stopwatch(groups), monotonic_ms()
    standing = await bank.follow(file_id, lambda each: each.state != "received", within_s)
    if standing.state == "refused":
        raise FileRefused(f"{standing.refusal}: {standing.detail}")
    checked_ms = [monotonic_ms() - started_ms] * entries
    cases.append(watch.case("checked", checked_ms, 0, _memory(groups)))

    watch = Stopwatch(groups)
    times: list[float] = []
    standing = await bank.follow(file_id, lambda each: each.state == "answered", within_s, times)
    missing = entries - standing.settled_count
    notes = _memory(groups) | {"state in the end": standing.state}
    cases.append(watch.case("carried-out", times, missing, notes))
    if standing.state == "answered":
        cases.append(await bank.fetch_answer(standing, entries, Stopwatch(groups)))
    bank.close()
    return cases


class FileBank:
    """The sender: its signed calls, one after the other on one connection."""

    def __init__(self, city: Town, sender: Sender) -> None:
        self._city = city
        self._sender = sender

    async def connect(self) -> None:
        """Connect to the fronts."""
        self._connection = await connect(self._city.port)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def upload(self, raw: bytes) -> tuple[str, list[float]]:
        """Open the file, send its parts, complete it; returns its id and each part's time."""
        parts = [raw[at:at + PART_BYTES] for at in range(0, len(raw), PART_BYTES)]
        opening = {
            "name": "BENCH-1", "definition": DEFINITION, "byte_count": len(raw),
            "part_count": len(parts), "sha256": hashlib.sha256(raw).hexdigest(),
        }  # fmt: skip
        answer = await self._call(
            "POST", FILES_PATH, 201, msgspec.json.encode(opening), "application/json"
        )
        file_id = msgspec.json.decode(answer.body, type=Standing).id
        times = []
        for number, part in enumerate(parts, start=1):
            started_ms = monotonic_ms()
            await self._call("PUT", f"{FILES_PATH}/{file_id}/parts/{number}", 204, part)
            times.append(monotonic_ms() - started_ms)
        await self._call("POST", f"{FILES_PATH}/{file_id}/completion", 202)
        return file_id, times

    async def follow(
        self, file_id: str, is_reached: Callable[[Standing], bool], within_s: float,
        times: list[float] | None = None,
    ) -> Standing:
        """Look every POLL_S until it is reached or time is up; the time of each ended entry."""
        started_ms = monotonic_ms()
        while True:
            answer = await self._call("GET", f"{FILES_PATH}/{file_id}", 200)
            found = msgspec.json.decode(answer.body, type=Standing)
            passed_ms = monotonic_ms() - started_ms
            if times is not None:
                times.extend([passed_ms] * (found.ended_count - len(times)))
            if is_reached(found) or passed_ms >= within_s * MS_PER_S:
                return found
            await asyncio.sleep(POLL_S)

    async def fetch_answer(self, standing: Standing, entries: int, watch: Stopwatch) -> Case:
        """Fetch the pain.002 and compare: its digest, and a status for every entry."""
        digest, settled, times = hashlib.sha256(), 0, []
        for number in range(standing.answer_parts):
            started_ms = monotonic_ms()
            answer = await self._call("GET", f"{FILES_PATH}/{standing.id}/answer/{number}", 200)
            times.append(monotonic_ms() - started_ms)
            digest.update(answer.body)
            settled += answer.body.count(SETTLED_STATUS)
        if digest.hexdigest() != standing.answer_sha256:
            raise FileRefused("the answer is not the one that was announced")
        return watch.case("answered", times, entries - settled, {"settled by the answer": settled})

    async def _call(
        self, method: str, path: str, expected: int, body: bytes = b"",
        media_type: str = MEDIA_TYPE,
    ) -> Answer:
        headers = sign_request(
            method=method, url=f"{self._city.issuer}{path}", body=body, key=self._sender.key,
            keyid=self._sender.keyid, now_s=SystemWireClock().now_s(),
            headers={"content-type": media_type} if body else None,
        )  # fmt: skip
        sent = request(method, path, self._city.host, headers, body)
        answer = await self._connection.send(sent)
        if answer.status != expected:
            raise FileRefused(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer


def _memory(groups: dict[str, list[int]]) -> dict[str, Any]:
    """The most memory that each part's processes have held so far, in MiB."""
    return {
        f"peak MiB of {part}": max(map(peak_rss_mib, pids))
        for part, pids in groups.items() if part in {"front", "worker", "ledger"} and pids
    }


def file_pieces(code: str, others: list[str], entries: int) -> Iterator[bytes]:
    """A pain.001 of a bank's customer to customers of the others, a block at a time."""
    now = SystemWireClock().now()
    total = format_minor(entries * AMOUNT_MINOR, "HKD")
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{DEFINITION}"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>BENCH-1</MsgId><CreDtTm>{now:%Y-%m-%dT%H:%M:%S.000Z}</CreDtTm>"
        f"<NbOfTxs>{entries}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
        "<InitgPty><Nm>Bench Employer</Nm></InitgPty></GrpHdr>\n"
    ).encode()
    day = settlement_date_of(now)
    for start in range(0, entries, BLOCK_ENTRIES):
        numbers = range(start + 1, min(start + BLOCK_ENTRIES, entries) + 1)
        made = "".join(_entry(number, others[number % len(others)]) for number in numbers)
        yield (
            f"<PmtInf><PmtInfId>BLOCK-{start}</PmtInfId><PmtMtd>TRF</PmtMtd>"
            f"<NbOfTxs>{len(numbers)}</NbOfTxs>"
            f"<CtrlSum>{format_minor(len(numbers) * AMOUNT_MINOR, 'HKD')}</CtrlSum>"
            f"<ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt><Dbtr><Nm>Bench Employer</Nm></Dbtr>"
            "<DbtrAcct><Id><Othr><Id>employer-1</Id></Othr></Id></DbtrAcct>"
            f"{_agent('DbtrAgt', code)}{made}</PmtInf>\n"
        ).encode()
    yield b"</CstmrCdtTrfInitn></Document>"


def _entry(number: int, code: str) -> str:
    amount = format_minor(AMOUNT_MINOR, "HKD")
    return (
        f"<CdtTrfTxInf><PmtId><InstrId>I{number}</InstrId><EndToEndId>SALARY-{number}"
        f'</EndToEndId></PmtId><Amt><InstdAmt Ccy="HKD">{amount}</InstdAmt></Amt>'
        f"{_agent('CdtrAgt', code)}<Cdtr><Nm>Worker {number}</Nm></Cdtr><CdtrAcct><Id><Othr>"
        f"<Id>worker-{number}</Id></Othr></Id></CdtrAcct>"
        f"<RmtInf><Ustrd>Salary {number}</Ustrd></RmtInf></CdtTrfTxInf>\n"
    )


def _agent(name: str, code: str) -> str:
    return (
        f"<{name}><FinInstnId><ClrSysMmbId><MmbId>{code}</MmbId></ClrSysMmbId></FinInstnId>"
        f"</{name}>"
    )

"""lionrock bench ledger: transfers a second through the real path, in the benches' JSON format.

The path is that of production: a client in this process, the socket, a ledger process, its journal
in a durable embedded PostgreSQL, an answer after COMMIT. One caller in a closed loop sends batches
of 1, 10, 100 and 1,000 transfers between 100 accounts; "callers-64" is 64 callers with one transfer
each, which the writer commits in groups. The projection does not run, as it would in another
process. Read any figure with its machine: virtual disks may acknowledge fsync in microseconds.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lionrock.kernel import log
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock, monotonic_ms
from lionrock.kernel.db import Database, Migration, migrate, migrations_in
from lionrock.kernel.measure import (
    MS_PER_S,
    commit,
    cpu_ms,
    machine,
    peak_rss_mib,
    percentile,
)
from lionrock.kernel.postgres import EmbeddedPostgres
from lionrock.ledger.client import LedgerClient, connect
from lionrock.ledger.domain.results import all_created
from lionrock.ledger.domain.values import AccountDraft, TransferDraft
from lionrock.ledger.server import serve

ACCOUNTS = 100
WARM_UP_S = 0.3
CASES = (("batch-1", 1, 1), ("batch-10", 1, 10), ("batch-100", 1, 100), ("batch-1000", 1, 1_000),
         ("callers-64", 64, 1))


class Case(msgspec.Struct, frozen=True):
    """One line of the report; an operation is one transfer."""

    case: str
    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms_per_op: float
    peak_rss_mib: float


async def run(seconds: float, json_path: Path | None) -> None:
    """Measure each case for `seconds`, print a table, and write the report if asked."""
    log.configure("warning")
    cases = await measure(seconds)
    report = {
        "bench": "ledger",
        "commit": commit(),
        "date": SystemWireClock().now().isoformat(timespec="seconds"),
        "machine": machine(),
        "cases": msgspec.to_builtins(cases),
    }
    if json_path is not None:
        _write(json_path, report)
    _print(cases)


async def measure(seconds: float) -> list[Case]:
    """Run all cases against one fresh ledger process."""
    directory = _temporary_directory()
    server = EmbeddedPostgres(directory, durable=True)
    try:
        server.start()
        async with _ledger_process(server.url("postgres"), directory) as (client, process_id):
            drafts = [AccountDraft(id=i, ledger=344, code=1) for i in range(1, ACCOUNTS + 1)]
            assert all_created(await client.create_accounts(drafts))
            ids = count(1)
            return [
                await _measure_case(client, process_id, name, callers, batch, seconds, ids)
                for name, callers, batch in CASES
            ]
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def _ledger_process(url: str, directory: Path) -> AsyncIterator[tuple[LedgerClient, int]]:
    database = await Database.open(url, pool_size_max=2)
    await migrate(database, _migrations())
    await database.close()
    address = str(directory / "ledger.sock")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lionrock.ledger.bench", url, address)
    client = connect(address, timeout_ms=30_000)
    try:
        yield client, process.pid
    finally:
        await client.close()
        process.terminate()
        await process.wait()


async def _measure_case(
    client: LedgerClient, process_id: int, name: str, callers: int, batch: int, seconds: float,
    ids: count[int],
) -> Case:
    durations: list[float] = []
    errors = 0

    async def call(until_ms: float, is_counted: bool) -> None:
        nonlocal errors
        while monotonic_ms() < until_ms:
            drafts = [_draft(next(ids)) for _ in range(batch)]
            started_ms = monotonic_ms()
            outcomes = await client.create_transfers(drafts)
            if is_counted:
                durations.append(monotonic_ms() - started_ms)
                errors += sum(outcome.result != "ok" for outcome in outcomes)

    warm_until_ms = monotonic_ms() + WARM_UP_S * MS_PER_S
    await asyncio.gather(*(call(warm_until_ms, False) for _ in range(callers)))
    cpu_before_ms = cpu_ms(process_id)
    started_ms = monotonic_ms()
    until_ms = started_ms + seconds * MS_PER_S
    await asyncio.gather(*(call(until_ms, True) for _ in range(callers)))
    elapsed_ms = monotonic_ms() - started_ms
    operations = len(durations) * batch
    return Case(
        case=name,
        per_s=round(operations / elapsed_ms * MS_PER_S, 1),
        p50_ms=percentile(durations, 50),
        p99_ms=percentile(durations, 99),
        errors=errors,
        cpu_ms_per_op=round((cpu_ms(process_id) - cpu_before_ms) / operations, 5),
        peak_rss_mib=peak_rss_mib(process_id),
    )


def _temporary_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="lrb-"))
    directory.chmod(0o755)  # PostgreSQL's own user must be able to enter
    return directory


def _migrations() -> list[Migration]:
    package = Path(__file__).resolve().parent.parent
    return [
        *migrations_in(package / "kernel" / "migrations", "kernel"),
        *migrations_in(package / "ledger" / "migrations", "ledger"),
    ]


def _write(path: Path, report: dict[str, Any]) -> None:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _draft(transfer_id: int) -> TransferDraft:
    debit = transfer_id % ACCOUNTS
    credit = (transfer_id * 7 + 1) % ACCOUNTS
    return TransferDraft(
        id=transfer_id, debit_account_id=debit + 1,
        credit_account_id=(credit if credit != debit else (credit + 1) % ACCOUNTS) + 1,
        amount=1, ledger=344, code=1,
    )


def _print(cases: Sequence[Case]) -> None:
    table = Table("case", "transfers/s", "p50 ms", "p99 ms", "errors", "cpu ms/op", "peak MiB")
    for case in cases:
        table.add_row(
            case.case, f"{case.per_s:,.0f}", f"{case.p50_ms:.2f}", f"{case.p99_ms:.2f}",
            str(case.errors), f"{case.cpu_ms_per_op:.4f}", f"{case.peak_rss_mib:.0f}")
    Console().print(table)


async def _serve(url: str, address: str) -> None:
    """The measured process: a ledger and nothing else."""
    log.configure("warning")
    database = await Database.open(url, pool_size_max=4)
    await serve(database, OffsetBusinessClock(SystemWireClock()), address, asyncio.Event())


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(*sys.argv[1:3]))

"""The end of a day: one cut through the ledger, and a statement of every account at that cut.

A cut is a marker: a transfer of nothing whose id is saved first, so that the journal row that holds
it is one sequence number, the same for every account and currency, however often the call is
repeated. What the ledger booked up to and including that row is before the cut, the rest after it;
clocks decide nothing. The closing balance is read in one snapshot of the query tables: the balance
as it stands, less what was booked after the cut. Entries are collected afterwards, a page at a
time, by a job that may die anywhere. Opening and entries must make the closing
balance, or the statement is not issued.
Not for: comparing with payments (reconciliation.py). Source: ISO 20022 camt.053.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import structlog

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.ledger.api import (
    AccountDraft,
    LedgerReader,
    Transfer,
    TransferDraft,
    TransferFlags,
    TransferRow,
    Unavailable,
    all_created,
)
from lionrock.payments.domain.payments import HONG_KONG, LEDGER_OF_CURRENCY
from lionrock.payments.service.core import Core
from lionrock.payments.settlement.domain import (
    CUT_ACCOUNT_CODE,
    CUT_MARKER_CODE,
    Cut,
    Statement,
    StatementEntry,
    StatementState,
    day_end,
)
from lionrock.payments.settlement.store import statements as store

DAY_QUEUE = "payments.end_of_day"
CUT_QUEUE = "payments.cut"
STATEMENT_QUEUE = "payments.statement"
STATEMENT_TOPIC = "payments.statement_issued"
DIFFERS_TOPIC = "payments.statement_differs"
PAUSE_MS = 200
WAIT_FOR_CUT_MS = 1_000
PAGES_PER_RUN = 20
# Where the marker stands: two accounts that hold nothing, under ids of our own choice, for ever.
MARKER_ACCOUNTS = (0x4C52_0000_0001, 0x4C52_0000_0002)
_MARKER_LEDGER = LEDGER_OF_CURRENCY["HKD"]
_NOT_BOOKED = TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER

_log = structlog.get_logger("lionrock.payments")


class Cuts:
    """Makes cuts and the statements of each."""

    def __init__(self, core: Core, reader: LedgerReader, reconcile_queue: str) -> None:
        self._core = core
        self._reader = reader
        self._reconcile_queue = reconcile_queue

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """The jobs of the end of a day."""
        return {
            DAY_QUEUE: self._end_day, CUT_QUEUE: self._cut, STATEMENT_QUEUE: self._collect,
        }

    async def start(self, db: Connection) -> None:
        """Make the end of the day due again: at once if a day was missed, else at midnight."""
        await jobs.schedule(db, queue=DAY_QUEUE, key="day", payload={"is_start": True})

    async def _end_day(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Cut for the day that has ended, unless it was, and wait for the next midnight.

        Days that nobody worked are not made up one by one: the cut covers all since the last. A
        new city has no day that could have been missed.
        """
        today = self._core.kernel.business_clock.now().astimezone(HONG_KONG).date()
        yesterday = today - timedelta(days=1)

        async def use_case(db: Connection) -> bool:
            last = await store.last_cut(db)
            is_first = last is None and not job.payload.get("is_start")
            is_missed = last is not None and last.business_date < yesterday
            if (is_first or is_missed) and await self.begin(db, yesterday) is None:
                return False
            await jobs.schedule(db, queue=DAY_QUEUE, key="day", business_due_at=day_end(today))
            return True

        is_done = await self._core.kernel.database.run(use_case)
        return jobs.Done() if is_done else jobs.Again(after_ms=WAIT_FOR_CUT_MS)

    async def begin(self, db: Connection, business_date: date) -> Cut | None:
        """Begin the cut that ends a date, in the caller's transaction; None when it is there.

        A cut waits for the one before it to be made, because its statements open where those
        close: then None too.
        """
        last = await store.last_cut(db)
        if last is not None and (last.state != "stated" or last.business_date >= business_date):
            return None
        kernel = self._core.kernel
        cut = Cut(
            id=kernel.ids.new("cut"), number=last.number + 1 if last else 1,
            business_date=business_date, marker_id=kernel.ids.new_u128(),
            created_at=kernel.business_clock.now(), state="begun", ledger_sequence=0,
            after_sequence=last.ledger_sequence if last else 0,
        )
        if not await store.insert_cut(db, cut):
            return None
        await jobs.schedule(db, queue=CUT_QUEUE, key=cut.id)
        return cut

    async def _cut(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a cut: put the marker, learn its row, begin the statements."""
        database = self._core.kernel.database
        cut = await database.read(lambda db: store.load_cut(db, job.key))
        assert cut is not None, f"{job.key} was scheduled and is not stored"
        if cut.state != "begun":
            return jobs.Done()
        try:
            await self._mark(cut)
        except Unavailable:
            return jobs.Again(after_ms=PAUSE_MS)
        marker = await database.read(lambda db: self._reader.transfer(db, cut.marker_id))
        if marker is None:
            return jobs.Again(after_ms=PAUSE_MS)  # the query tables are not there yet
        sequence = marker.sequence
        assert sequence > cut.after_sequence, "cuts follow one another"
        await database.run(lambda db: self._begin_statements(db, cut, sequence))
        return jobs.Done()

    async def _mark(self, cut: Cut) -> None:
        ledger = self._core.ledger
        accounts = await ledger.create_accounts([
            AccountDraft(id=each, ledger=_MARKER_LEDGER, code=CUT_ACCOUNT_CODE)
            for each in MARKER_ACCOUNTS
        ])
        assert all_created(accounts), f"the marker's accounts: {accounts}"
        outcomes = await ledger.create_transfers([TransferDraft(
            id=cut.marker_id, debit_account_id=MARKER_ACCOUNTS[0],
            credit_account_id=MARKER_ACCOUNTS[1], amount=0, ledger=_MARKER_LEDGER,
            code=CUT_MARKER_CODE,
        )])
        assert all_created(outcomes), f"a transfer of nothing is not refused: {outcomes}"
        await self._reader.wait_for(outcomes[0].ledger_sequence, timeout_ms=PAUSE_MS)

    async def _begin_statements(self, db: Connection, cut: Cut, sequence: int) -> None:
        if not await store.mark_cut(db, cut.id, sequence):
            return
        count = await store.count_open_accounts(db)
        new_ids = [self._core.kernel.ids.new("stm") for _ in range(count)]
        for statement_id in await store.begin_statements(db, cut, new_ids):
            await jobs.schedule(db, queue=STATEMENT_QUEUE, key=statement_id)
        if not count:
            await self._end_cut(db, cut)

    async def _collect(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a statement: closing balance, then entries, then the sum."""
        database = self._core.kernel.database
        for _ in range(PAGES_PER_RUN):
            found = await database.read(lambda db: self._load(db, job.key))
            statement, cut = found
            if statement.state == "begun":
                await self._close(statement, cut)
            elif statement.state == "collecting":
                if await self._next_page(statement, cut):
                    await database.run(lambda db: self._issue(db, job.key))
            else:
                return jobs.Done()
        return jobs.Again(after_ms=1)

    async def _load(self, db: Connection, statement_id: str) -> tuple[Statement, Cut]:
        statement = await store.load_statement(db, statement_id)
        assert statement is not None, f"{statement_id} was scheduled and is not stored"
        cut = await store.load_cut(db, statement.cut_id)
        assert cut is not None, "a statement has a cut"
        return statement, cut

    async def _close(self, statement: Statement, cut: Cut) -> None:
        """The balance at the cut: what it is now, less what came after; in one snapshot."""

        async def read(db: Connection) -> tuple[int, int]:
            row = await self._reader.account(db, statement.ledger_account_id)
            assert row is not None, "an open settlement account is in the ledger"
            balance = row.account.credits_posted - row.account.debits_posted
            before_ns = 2**63 - 1
            while True:
                page = await self._page(db, statement, before_ns)
                after_cut = [each for each in page if each.sequence > cut.ledger_sequence]
                balance -= sum(
                    booked_minor(each.transfer, statement.ledger_account_id) for each in after_cut
                )
                if after_cut:
                    before_ns = after_cut[-1].transfer.timestamp
                if len(after_cut) < len(page) or not page:
                    return balance, before_ns

        database = self._core.kernel.database
        closing_minor, before_ns = await database.read(read)
        await database.run(
            lambda db: store.start_collecting(db, statement.id, closing_minor, before_ns)
        )

    async def _next_page(self, statement: Statement, cut: Cut) -> bool:
        """Add the next older entries; True when the cut before was reached."""
        database = self._core.kernel.database
        page = await database.read(lambda db: self._page(db, statement, statement.before_ns))
        # What came after the cut since the closing balance was read is the next statement's.
        within = [
            each for each in page
            if cut.after_sequence < each.sequence <= cut.ledger_sequence
        ]
        entries = [
            StatementEntry(
                transfer_id=each.transfer.id, timestamp_ns=each.transfer.timestamp,
                amount_minor=amount_minor, code=each.transfer.code,
            )
            for each in within
            if (amount_minor := booked_minor(each.transfer, statement.ledger_account_id))
        ]
        if page:
            move = (statement.before_ns, page[-1].transfer.timestamp)
            await database.run(lambda db: store.add_entries(db, statement.id, entries, move))
        return not page or page[-1].sequence <= cut.after_sequence

    async def _page(
        self, db: Connection, statement: Statement, before_ns: int
    ) -> list[TransferRow]:
        """Up to 100 transfers of the account that are older than `before_ns`, newest first."""
        return await self._reader.transfers_of_account(
            db, statement.ledger_account_id, before_ns=before_ns
        )

    async def _issue(self, db: Connection, statement_id: str) -> None:
        statement, cut = await self._load(db, statement_id)
        # Of two last statements that end at once, each would take the other for unfinished.
        await store.load_cut(db, cut.id, is_locking=True)
        state: StatementState = "issued" if statement.adds_up else "differs"
        if not await store.end_statement(db, statement.id, state):
            return
        if not statement.adds_up:
            _log.error("statement_differs", statement=statement.id)
        topic = STATEMENT_TOPIC if statement.adds_up else DIFFERS_TOPIC
        await outbox.emit(db, self._core.kernel.ids, topic, {
            "statement_id": statement.id, "organisation": statement.organisation_id,
            "currency": statement.currency, "business_date": cut.business_date.isoformat(),
        })
        await self._end_cut(db, cut)

    async def _end_cut(self, db: Connection, cut: Cut) -> None:
        if await store.mark_stated(db, cut.id, self._core.kernel.business_clock.now()):
            await jobs.schedule(db, queue=self._reconcile_queue, key=cut.id)


def booked_minor(transfer: Transfer, account_id: int) -> int:
    """Return what a transfer booked on an account: credits positive; holds and voids nothing."""
    if transfer.flags & _NOT_BOOKED:
        return 0
    assert account_id in {transfer.debit_account_id, transfer.credit_account_id}, "it is on it"
    is_credit = transfer.credit_account_id == account_id
    return transfer.amount if is_credit else -transfer.amount

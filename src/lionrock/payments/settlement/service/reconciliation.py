"""Reconciliation: ledger, payments' records and statements compared, for one cut and currency.

Five comparisons, each of which lists what does not agree and repairs nothing:
1. statements with themselves: opening is the closing before; opening and entries make closing;
2. statements with the ledger: every entry is a posted transfer of that amount on that account;
3. ledger with payments: every entry is of a known record, of the same amount, that is settled;
4. payments with ledger: every record settled since the last cut stands on its statements;
5. reserve with the central institution: what the switch owes is what it has there.
Not for: deciding who is right. Invariant: HKD and RMB are never added.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.money import CURRENCY_DECIMALS, format_minor
from lionrock.ledger.api import Unavailable
from lionrock.payments.service.core import Core
from lionrock.payments.settlement.domain import Cut, Difference, Known, Statement, StatementEntry
from lionrock.payments.settlement.service.cuts import booked_minor
from lionrock.payments.settlement.store import books
from lionrock.payments.settlement.store import liquidity as liquidity_store
from lionrock.payments.settlement.store import statements as store
from lionrock.payments.settlement.store.statements import Reconciliation

RECONCILE_QUEUE = "payments.reconcile"
RECONCILED_TOPIC = "payments.reconciled"
PAGE_MAX = 500
PAUSE_MS = 500
_EVER = datetime(2000, 1, 1, tzinfo=UTC)

# (db, transfer ids): what payments know of these postings.
KnownOf: TypeAlias = Callable[[Connection, list[int]], Awaitable[list[Known]]]
# (db, currency, from, to): how many records were settled then, and which stand on no statement.
UnbookedOf: TypeAlias = Callable[
    [Connection, str, datetime, datetime], Awaitable[tuple[int, list[Known]]]
]


class Register(msgspec.Struct, frozen=True):
    """One kind of record that moves money on settlement accounts, for the comparison."""

    known: KnownOf
    unbooked: UnbookedOf | None = None


class Tally(msgspec.Struct):
    """What one reconciliation counts as it goes."""

    entries_checked: int = 0
    payments_checked: int = 0
    statements_checked: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)


class Reconciler:
    """Compares; rooms that move money on settlement accounts add their registers."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._registers = [
            Register(books.known_payments, books.unbooked_payments),
            Register(books.known_liquidity, books.unbooked_liquidity),
            Register(books.known_fundings),
        ]

    def extend(self, register: Register) -> None:
        """Add a kind of record."""
        self._registers.append(register)

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """The job of a cut."""
        return {RECONCILE_QUEUE: self._run}

    async def known(self, db: Connection, transfer_ids: list[int]) -> dict[int, Known]:
        """Return what is known of these postings, whichever room knows it."""
        found = [each for r in self._registers for each in await r.known(db, transfer_ids)]
        return {each.transfer_id: each for each in found}

    async def _run(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Compare every currency of a cut, and keep what was found."""
        database = self._core.kernel.database
        cut = await database.read(lambda db: store.load_cut(db, job.key))
        assert cut is not None and cut.state == "stated", "it is scheduled when all is stated"
        try:
            for currency in CURRENCY_DECIMALS:
                found = await self.compare(cut, currency)
                await database.run(lambda db: self._save(db, found))  # noqa: B023 - awaited here
        except Unavailable:
            return jobs.Again(after_ms=PAUSE_MS)
        return jobs.Done()

    async def compare(self, cut: Cut, currency: str) -> Reconciliation:
        """Compare one currency; changes nothing, and may be asked again at any time."""
        database = self._core.kernel.database
        tally = Tally()
        statements = await database.read(
            lambda db: store.statements_of_cut(db, cut.id, currency)
        )
        for statement in statements:
            await self._compare_statement(cut, statement, tally)
        await self._compare_records(cut, currency, tally)
        await self._compare_reserve(currency, tally)
        return Reconciliation(
            cut_id=cut.id, currency=currency, entries_checked=tally.entries_checked,
            payments_checked=tally.payments_checked,
            statements_checked=tally.statements_checked, differences=tuple(tally.differences),
            done_at=self._core.kernel.business_clock.now(),
        )

    async def _compare_statement(self, cut: Cut, statement: Statement, tally: Tally) -> None:
        database = self._core.kernel.database
        tally.statements_checked += 1
        sums, count = [0, 0], 0
        while True:
            page = await database.read(lambda db: store.entries_page(
                db, statement.id, after=count, limit=PAGE_MAX  # noqa: B023 - awaited here
            ))
            for entry in page:
                sums[entry.amount_minor < 0] += abs(entry.amount_minor)
            count += len(page)
            await self._compare_entries(statement, page, tally)
            if len(page) < PAGE_MAX:
                break
        tally.entries_checked += count
        before = await database.read(lambda db: self._closing_before(db, cut, statement))
        booked = statement.opening_minor + sums[0] - sums[1]
        for kind, expected, found in (
            ("statement_opening_differs", before, statement.opening_minor),
            ("statement_closing_differs", booked, statement.closing_minor),
            ("statement_credits_differ", sums[0], statement.credits_minor),
            ("statement_debits_differ", sums[1], statement.debits_minor),
        ):
            if expected != found:
                tally.differences.append(_difference(
                    kind, statement, statement.id, format_minor(expected, statement.currency),
                    format_minor(found, statement.currency),
                ))

    async def _closing_before(self, db: Connection, cut: Cut, statement: Statement) -> int:
        earlier = await store.cut_before(db, cut.number)
        there = await store.statements_of_cut(db, earlier.id, statement.currency) if earlier else []
        of_account = [s for s in there if s.organisation_id == statement.organisation_id]
        return of_account[0].closing_minor if of_account else 0

    async def _compare_entries(
        self, statement: Statement, page: list[StatementEntry], tally: Tally
    ) -> None:
        """Entries with the ledger's own word (not the query tables'), and with the records."""
        ids = [entry.transfer_id for entry in page]
        transfers = {t.id: t for t in await self._core.ledger.lookup_transfers(ids)}
        known = await self._core.kernel.database.read(lambda db: self.known(db, ids))
        for entry in page:
            subject = f"{entry.transfer_id:032x}"
            shown = format_minor(entry.amount_minor, statement.currency)
            transfer, record = transfers.get(entry.transfer_id), known.get(entry.transfer_id)
            booked = booked_minor(transfer, statement.ledger_account_id) if transfer else 0
            if booked != entry.amount_minor:
                tally.differences.append(_difference(
                    "entry_differs_from_ledger", statement, subject,
                    format_minor(booked, statement.currency), shown,
                ))
            if record is None:
                tally.differences.append(_difference(
                    "entry_of_no_record", statement, subject, "a record", shown
                ))
            elif record.amount.amount_minor != abs(entry.amount_minor):
                tally.differences.append(_difference(
                    "record_amount_differs", statement, record.subject_id,
                    record.amount.wire(), shown,
                ))

    async def _compare_records(self, cut: Cut, currency: str, tally: Tally) -> None:
        """Records settled from the beginning of the cut before until the beginning of this one."""
        database = self._core.kernel.database
        earlier = await database.read(lambda db: store.cut_before(db, cut.number))
        after = earlier.created_at if earlier is not None else _EVER
        for register in self._registers:
            unbooked = register.unbooked
            if unbooked is None:
                continue
            checked, missing = await database.read(
                lambda db: unbooked(db, currency, after, cut.created_at)  # noqa: B023 - awaited
            )
            tally.payments_checked += checked
            tally.differences += [
                Difference(
                    kind="record_not_on_statements", organisation_id="",
                    subject=each.subject_id, expected=each.amount.wire(), found="nothing",
                )
                for each in missing
            ]

    async def _compare_reserve(self, currency: str, tally: Tally) -> None:
        """The reserve's debit is the pool's credit and the fundings; both as recorded too.

        Liquidity under way would show as a difference that is none, so the ledger is asked for
        both accounts in one call, and the records are read before and after it.
        """
        database = self._core.kernel.database
        before = await database.read(lambda db: _recorded(db, currency))
        reserve_id, pool_id = before.reserve_id, before.pool_id
        if reserve_id is None:
            return
        wanted = [reserve_id] if pool_id is None else [reserve_id, pool_id]
        accounts = {a.id: a for a in await self._core.ledger.lookup_accounts(wanted)}
        after = await database.read(lambda db: _recorded(db, currency))
        if before != after or before.is_moving:
            return  # it moved while we looked; the next cut looks again
        reserve, pool = accounts.get(reserve_id), accounts.get(pool_id or 0)
        owed = reserve.debits_posted - reserve.credits_posted if reserve else 0
        held = pool.credits_posted - pool.debits_posted if pool else 0
        for kind, expected, found in (
            ("reserve_differs", held + before.fundings_minor, owed),
            ("pool_differs", before.liquidity_minor, held),
        ):
            if expected != found:
                tally.differences.append(Difference(
                    kind=kind, organisation_id="", subject=currency,
                    expected=format_minor(expected, currency), found=format_minor(found, currency),
                ))

    async def _save(self, db: Connection, found: Reconciliation) -> None:
        if await store.save_reconciliation(db, found):
            await outbox.emit(db, self._core.kernel.ids, RECONCILED_TOPIC, {
                "cut_id": found.cut_id, "currency": found.currency,
                "differences": len(found.differences),
            })


class _Recorded(msgspec.Struct, frozen=True):
    reserve_id: int | None
    pool_id: int | None
    fundings_minor: int
    liquidity_minor: int
    is_moving: bool


async def _recorded(db: Connection, currency: str) -> _Recorded:
    book = await liquidity_store.load_book(db, currency)
    return _Recorded(
        await books.load_reserve(db, currency), book.pool_account_id if book else None,
        await books.sum_fundings(db, currency), await liquidity_store.sum_settled(db, currency),
        await liquidity_store.is_any_moving(db, currency),
    )


def _difference(
    kind: str, statement: Statement, subject: str, expected: str, found: str
) -> Difference:
    return Difference(
        kind=kind, organisation_id=statement.organisation_id, subject=subject, expected=expected,
        found=found,
    )

"""The end of the bank test: notes, journal, balances and query tables must tell one story."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path

import msgspec

from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import (
    AMOUNT_MAX,
    Account,
    LedgerClient,
    Projection,
    Transfer,
    TransferDraft,
)
from lionrock.ledger.service.reader import LedgerReader
from lionrock.ledger.service.recovery import Restored, restore
from tests.crash.ledger.bank import (
    PENDING,
    POST,
    VOID,
    Intent,
    Read,
    Told,
    lines_in,
    opening,
    wrong_with,
)
from tests.crash.ledger.bank_process import send

REST_S_MAX = 60

class Counts(msgspec.Struct):
    """What is printed; `wrong` has a line for each thing that must not be."""

    acknowledged: int = 0
    refused: int = 0
    repeated: int = 0
    chains: int = 0
    reads: int = 0
    lost: int = 0
    doubled: int = 0
    half_chains: int = 0
    wrong_reads: int = 0
    wrong: list[str] = []

    def line(self) -> str:
        """The counts in one line."""
        return ", ".join(f"{name.replace('_', ' ')} {getattr(self, name)}"
                         for name in self.__struct_fields__ if name != "wrong")


async def at_rest(database: Database) -> Restored:
    """The state by the whole journal, once nothing is left that moves it without a caller.

    A hold with a timeout lapses when its second is over, which may be between two reads.
    """
    async with asyncio.timeout(REST_S_MAX):
        while True:
            whole = await restore(database, use_snapshot=False)
            by_snapshot = await restore(database)
            if by_snapshot.sequence == whole.sequence and whole.state.next_expiry_ns() is None:
                assert by_snapshot.hash == whole.hash, "snapshot and journal differ"
                return whole
            await asyncio.sleep(0.1)


class Ending:
    """All notes of a run."""

    def __init__(self, folder: Path) -> None:
        self.intents: dict[int, Intent] = {}
        self.told: dict[int, Told] = {}
        self.counts = Counts()
        for path in sorted(folder.glob("intents-*")):
            for line, _ in lines_in(path):
                intent = msgspec.json.decode(line, type=Intent)
                self.intents[intent.key] = intent
        for path in sorted(folder.glob("told-*")):
            for line, _ in lines_in(path):
                self._note(msgspec.json.decode(line, type=Told))
        for path in sorted(folder.glob("reads-*")):
            for line, _ in lines_in(path):
                wrong = msgspec.json.decode(line, type=Read).wrong
                self.counts.reads += 1
                if wrong:
                    self.counts.wrong_reads += 1
                    self.counts.wrong.append(f"a read: {wrong}")

    def _note(self, told: Told) -> None:
        before = self.told.setdefault(told.key, told)
        if before is not told:
            self.counts.repeated += 1
            if before.stands != told.stands:
                self.counts.wrong.append(f"{told.key} was told {before} and {told}")

    async def finish(self, client: LedgerClient) -> None:
        """Repeat whatever nobody was answered for."""
        for key, intent in self.intents.items():
            if key not in self.told:
                self._note(await send(client, intent))
                self.counts.repeated += 1

    async def check(self, client: LedgerClient, database: Database) -> Counts:
        """Compare everything; returns the counts, with what is wrong."""
        whole = await at_rest(database)
        transfers = whole.state.transfers
        standing = self._check_answers(transfers)
        self.counts.doubled += len(transfers) - len(standing)
        accounts = await client.lookup_accounts(list(whole.state.accounts))
        if wrong := wrong_with(accounts):
            self.counts.wrong.append(f"at the end: {wrong}")
        expired = {i for i, status in whole.state.holds.items() if status.name == "EXPIRED"}
        self._check_sums(standing, expired, accounts)
        await self._check_copies(database, accounts, len(transfers))
        return self.counts

    def _check_answers(self, transfers: dict[int, Transfer]) -> dict[int, TransferDraft]:
        """What was acknowledged is there as it was sent, what was refused is not."""
        _, funding = opening()
        standing = {draft.id: draft for draft in funding}
        for key, told in self.told.items():
            drafts = self.intents[key].drafts
            is_chain = len(drafts) > 1 and drafts[0].flags & 1
            there = [draft.id in transfers for draft in drafts]
            self.counts.chains += bool(is_chain and told.stands[0])
            self.counts.half_chains += bool(is_chain and any(there) != all(there))
            for draft, stands, is_there in zip(drafts, told.stands, there, strict=True):
                self.counts.acknowledged += stands
                self.counts.refused += not stands
                self.counts.lost += stands and not (
                    is_there and _is_as_sent(draft, transfers[draft.id]))
                self.counts.doubled += is_there and not stands
                if stands:
                    standing[draft.id] = draft
        return standing

    def _check_sums(
        self, standing: dict[int, TransferDraft], expired: set[int], accounts: list[Account]
    ) -> None:
        """The balances are the sums of what was acknowledged, from the drafts alone."""
        debits, credits = Counter[int](), Counter[int]()
        resolved = {draft.pending_id for draft in standing.values() if draft.pending_id}
        held_debits, held_credits = Counter[int](), Counter[int]()
        for draft in standing.values():
            hold = standing.get(draft.pending_id, draft)
            amount = hold.amount if draft.amount == AMOUNT_MAX else draft.amount
            if draft.flags & PENDING:
                if draft.id not in resolved | expired:
                    held_debits[draft.debit_account_id] += amount
                    held_credits[draft.credit_account_id] += amount
            elif not draft.flags & VOID:
                debits[hold.debit_account_id] += amount
                credits[hold.credit_account_id] += amount
        for a in accounts:
            told = (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
            added = (held_debits[a.id], debits[a.id], held_credits[a.id], credits[a.id])
            if told != added:
                self.counts.wrong.append(f"account {a.id} has {told}, acknowledged were {added}")

    async def _check_copies(
        self, database: Database, accounts: list[Account], transfers_count: int
    ) -> None:
        await Projection(database).catch_up()
        reader = LedgerReader(database)

        async def count(db: Connection) -> int:
            return int(await db.fetchval("SELECT count(*) FROM ledger.transfers"))

        copied = await database.read(count)
        if copied != transfers_count:
            self.counts.wrong.append(f"{copied} transfers copied of {transfers_count}")
        for account in accounts:
            row = await database.read(partial(reader.account, account_id=account.id))
            if row is None or row.account != account:
                self.counts.wrong.append(f"the copy of account {account.id} differs")


def _is_as_sent(draft: TransferDraft, stored: Transfer) -> bool:
    if draft.flags != stored.flags or draft.pending_id != stored.pending_id:
        return False
    if draft.flags & (POST | VOID):
        return draft.amount in {stored.amount, AMOUNT_MAX, 0}
    return (draft.debit_account_id, draft.credit_account_id, draft.amount) == (
        stored.debit_account_id, stored.credit_account_id, stored.amount)

"""A simulated bank's books: accounts, entries, messages, kept so that each payment counts once.

An entry is keyed by the payment's UETR; writing it, moving the balance, and putting the answer into
the outbox is one transaction of the world's database. A message that comes again, or a process that
dies between, finds the entry there.
Not for: HTTP and signatures (bank.py).
Invariant: balance = opening balance + credits that stand - debits that stand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.store import lock, read, write

ACCOUNTS, ENTRIES, OUTBOX, INBOX = (
    "payments-accounts", "payments-entries", "payments-outbox", "payments-inbox",
)

AccountStatus = Literal["open", "closed", "blocked"]
EntryStatus = Literal[
    "credited", "confirmed", "reversed", "refused", "ignored", "pending", "paid", "returned",
    "collecting",
]
# Statuses under which an entry moves the balance.
_STANDING: frozenset[EntryStatus] = frozenset({"credited", "confirmed", "pending", "paid"})


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's account; amounts in minor units by currency."""

    number: str
    name: str
    opening: dict[str, int]
    balances: dict[str, int]
    status: AccountStatus = "open"
    proxies: tuple[tuple[str, str], ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One payment in the books: direction "in" credits the account, "out" debits it."""

    uetr: str
    direction: Literal["in", "out"]
    status: EntryStatus
    account: str
    amount_minor: int
    currency: str
    counterparty: str
    transaction_id: str
    end_to_end_id: str
    message_id: str
    remittance: str
    booked_at: datetime
    reason: str = ""

    @property
    def effect_minor(self) -> int:
        """What it does to the balance now."""
        if self.status not in _STANDING:
            return 0
        return self.amount_minor if self.direction == "in" else -self.amount_minor


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the switch; sent again until it is taken or refused."""

    content: str
    status: Literal["due", "taken", "refused"] = "due"


class Books:
    """The books of one bank; every method is one transaction or runs in the caller's."""

    def __init__(self, context: WorldContext, bank_id: str) -> None:
        self._context = context
        self._bank = bank_id
        self.outbox_queue = f"{bank_id}.payments-outbox"
        self.proxies_queue = f"{bank_id}.payments-proxies"

    async def open_account(
        self,
        number: str,
        name: str,
        *,
        opening: dict[str, int],
        proxies: tuple[tuple[str, str], ...] = (),
        status: AccountStatus = "open",
    ) -> Account:
        """Open an account (once: an account that is there keeps its balance) and have its proxies
        registered at the switch."""

        async def use_case(db: Connection) -> Account:
            await lock(db, self._bank, ACCOUNTS, number)
            there = await self.account(db, number)
            account = Account(
                number=number, name=name, status=status, proxies=proxies,
                opening=there.opening if there else opening,
                balances=there.balances if there else dict(opening),
            )
            await self._put(db, ACCOUNTS, number, account)
            if proxies:
                await jobs.schedule(db, queue=self.proxies_queue, key=number)
            return account

        return await self._context.database.run(use_case)

    async def account(self, db: Connection, number: str) -> Account | None:
        """Return an account."""
        found: Account | None = await self._get(db, ACCOUNTS, number, Account)
        return found

    async def accounts(self) -> list[Account]:
        """Return all accounts by number."""
        found = await self._context.store.list(self._bank, ACCOUNTS)
        return [msgspec.convert(document, Account) for document in found.values()]

    async def statement(self, number: str) -> tuple[Account, list[Entry]] | None:
        """Return an account with its entries, oldest first; None when there is none."""
        account = await self._context.database.run(lambda db: self.account(db, number))
        if account is None:
            return None
        found = await self._context.store.list(self._bank, ENTRIES)
        entries = [msgspec.convert(document, Entry) for document in found.values()]
        own = [entry for entry in entries if entry.account == number]
        return account, sorted(own, key=lambda entry: (entry.booked_at, entry.uetr))

    async def entry(self, db: Connection, uetr: str) -> Entry | None:
        """Return an entry, its payment locked until the transaction ends."""
        await lock(db, self._bank, ENTRIES, uetr)
        found: Entry | None = await self._get(db, ENTRIES, uetr, Entry)
        return found

    async def book(self, db: Connection, entry: Entry) -> None:
        """Write an entry, new or changed, and move the balance by what it changes."""
        before = await self.entry(db, entry.uetr)
        moved = entry.effect_minor - (before.effect_minor if before else 0)
        await self._put(db, ENTRIES, entry.uetr, entry)
        if not moved:
            return
        await lock(db, self._bank, ACCOUNTS, entry.account)
        account = await self.account(db, entry.account)
        assert account is not None, "an entry that moves money is on an account"
        balances = dict(account.balances)
        balances[entry.currency] = balances.get(entry.currency, 0) + moved
        # Only the reversal of a credit that was spent meanwhile may leave a debt.
        assert balances[entry.currency] >= 0 or entry.direction == "in", "the bank gives no credit"
        changed = msgspec.structs.replace(account, balances=balances)
        await self._put(db, ACCOUNTS, entry.account, changed)

    async def has_funds(self, db: Connection, number: str, amount: Money) -> bool:
        """Say whether an account can pay, holding its lock until the transaction ends."""
        await lock(db, self._bank, ACCOUNTS, number)
        account = await self.account(db, number)
        if account is None or account.status != "open":
            return False
        return account.balances.get(amount.currency, 0) >= amount.amount_minor

    async def post(
        self, db: Connection, message_id: str, content: bytes, due_at: datetime | None = None
    ) -> None:
        """Put a message into the outbox, to be sent from `due_at` on until it is taken."""
        await self._put(db, OUTBOX, message_id, Outgoing(content=content.decode()))
        await jobs.schedule(db, queue=self.outbox_queue, key=message_id, due_at=due_at)

    async def repost(self, db: Connection, message_id: str) -> None:
        """Send a message again that was taken once, because the switch asks again."""
        there = await self.outbox(db, message_id)
        if there is not None and there.status == "taken":
            await jobs.schedule(db, queue=self.outbox_queue, key=message_id)

    async def outbox(self, db: Connection, message_id: str) -> Outgoing | None:
        """Return a message of the outbox."""
        found: Outgoing | None = await self._get(db, OUTBOX, message_id, Outgoing)
        return found

    async def mark_outgoing(
        self, message_id: str, status: Literal["taken", "refused"]
    ) -> None:
        """Remember what the switch said to a message."""

        def edit(document: dict[str, Any] | None) -> dict[str, Any]:
            assert document is not None, "only what was posted is sent"
            return {**document, "status": status}

        await self._context.store.change(self._bank, OUTBOX, message_id, edit)

    async def is_first(self, db: Connection, message_id: str) -> bool:
        """Remember the MsgId of an incoming message; False when it was there."""
        await lock(db, self._bank, INBOX, message_id)
        if await read(db, self._bank, INBOX, message_id) is not None:
            return False
        await write(db, self._bank, INBOX, message_id, {"seen": True})
        return True

    async def change_entry(
        self, db: Connection, uetr: str, edit: Callable[[Entry], Entry]
    ) -> Entry | None:
        """Change an entry if there is one."""
        before = await self.entry(db, uetr)
        if before is None:
            return None
        after = edit(before)
        if after != before:
            await self.book(db, after)
        return after

    async def _get(self, db: Connection, kind: str, key: str, shape: type[Any]) -> Any:
        document = await read(db, self._bank, kind, key)
        return msgspec.convert(document, shape) if document is not None else None

    async def _put(self, db: Connection, kind: str, key: str, value: object) -> None:
        document: dict[str, Any] = msgspec.to_builtins(value)
        await write(db, self._bank, kind, key, document)

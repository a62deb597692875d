"""The ledger's state in memory and the only ways to change it.

Every change goes through `put`, so that a chain which breaks is undone exactly. The state holds all
accounts and all open holds; transfers settled and ids failed by `archived_until_ns` may be left to
disk and are then `recall`ed before a batch that mentions them.

Invariants: per ledger, debits equal credits, pending and posted apart; an open hold's amount is in
both its accounts' pending sums; no sum exceeds AMOUNT_MAX; timestamps strictly increase.
"""

from __future__ import annotations

import heapq
from typing import Any

import msgspec
from msgspec.structs import replace

from lionrock.ledger.domain.values import (
    TIMESTAMP_NS_MAX,
    Account,
    Balance,
    HoldStatus,
    Transfer,
    TransferFlags,
)

_PENDING = int(TransferFlags.PENDING)


class Recalled(msgspec.Struct, frozen=True):
    """What disk knows of ids that memory no longer holds; all of it settled, so never changed."""

    transfers: dict[int, Transfer] = {}
    holds: dict[int, HoldStatus] = {}
    failed: dict[int, int] = {}


class State:
    """Accounts, transfers, holds and failed ids; mutable, owned by exactly one writer."""

    def __init__(self) -> None:
        self.time_ns = 0  # the timestamp last used
        self.archived_until_ns = 0
        self.accounts: dict[int, Account] = {}  # as opened: balances are in `balances`
        self.balances: dict[int, Balance] = {}
        self.transfers: dict[int, Transfer] = {}
        self.holds: dict[int, HoldStatus] = {}
        self.settled_ns: dict[int, int] = {}  # hold -> timestamp of its post, void or expiry
        self.failed: dict[int, int] = {}  # id -> timestamp of the refusal
        self.recalled = Recalled()
        # (expires_at_ns, timestamp, id); entries of undone or resolved holds are skipped on pop.
        self._expiries: list[tuple[int, int, int]] = []
        self._undo: list[tuple[dict[Any, Any], Any, Any]] | None = None

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Write one entry, remembering the old one while a chain is open."""
        assert value is not None, "absence is not a value: undo could not tell them apart"
        if self._undo is not None:
            self._undo.append((table, key, table.get(key)))
        table[key] = value

    def open_chain(self) -> None:
        """Begin remembering, so that what follows can be undone as one."""
        assert self._undo is None, "chains do not nest"
        self._undo = []

    def close_chain(self) -> None:
        """Keep what the chain did."""
        assert self._undo is not None, "no chain is open"
        self._undo = None

    def break_chain(self) -> None:
        """Undo what the chain did, last first."""
        assert self._undo is not None, "no chain is open"
        for table, key, old in reversed(self._undo):
            if old is None:
                del table[key]
            else:
                table[key] = old
        self._undo = None

    def find_transfer(self, transfer_id: int) -> Transfer | None:
        """Return a transfer from memory or from what was recalled."""
        return self.transfers.get(transfer_id) or self.recalled.transfers.get(transfer_id)

    def has_failed(self, transfer_id: int) -> bool:
        """Say whether this id was used up by a transient refusal."""
        return transfer_id in self.failed or transfer_id in self.recalled.failed

    def hold_status(self, transfer_id: int) -> HoldStatus:
        """Return what became of a pending transfer; it must be one."""
        status = self.holds.get(transfer_id) or self.recalled.holds.get(transfer_id)
        assert status is not None, "asked only of pending transfers"
        return status

    def add_transfer(self, transfer: Transfer) -> None:
        """Store a transfer; a pending one becomes an open hold."""
        assert transfer.id not in self.transfers, "ids are used once"
        self.put(self.transfers, transfer.id, transfer)
        if transfer.flags & _PENDING:
            self.put(self.holds, transfer.id, HoldStatus.OPEN)
            self._await_expiry(transfer)

    def settle_hold(self, hold_id: int, status: HoldStatus, at_ns: int) -> None:
        """Record what became of an open hold, and when."""
        assert self.holds[hold_id] is HoldStatus.OPEN, "a hold is resolved once"
        assert status is not HoldStatus.OPEN, "and stays so"
        self.put(self.holds, hold_id, status)
        self.put(self.settled_ns, hold_id, at_ns)

    def is_settled_by(self, transfer: Transfer, until_ns: int) -> bool:
        """Say whether nothing about a transfer has changed after `until_ns`, or ever will."""
        if transfer.timestamp > until_ns:
            return False
        if not transfer.flags & _PENDING:
            return True
        return self.settled_ns.get(transfer.id, TIMESTAMP_NS_MAX) <= until_ns

    def open_account(self, account: Account) -> None:
        """Store an account with the balances it brings (none, unless from a snapshot)."""
        assert account.id not in self.accounts, "ids are used once"
        assert account.id not in self.balances, "an account and its balance come together"
        nothing = {"debits_pending": 0, "debits_posted": 0, "credits_pending": 0,
                   "credits_posted": 0}
        self.put(self.accounts, account.id, replace(account, **nothing))
        self.put(self.balances, account.id, Balance(
            account.debits_pending, account.debits_posted, account.credits_pending,
            account.credits_posted,
        ))

    def _await_expiry(self, hold: Transfer) -> None:
        if hold.timeout:
            heapq.heappush(self._expiries, (hold.expires_at_ns, hold.timestamp, hold.id))

    def next_expiry_ns(self) -> int | None:
        """When the next open hold lapses, in business nanoseconds; None when none will."""
        assert self._undo is None, "a chain may yet reopen what looks resolved"
        while self._expiries:
            expires_at_ns, timestamp, transfer_id = self._expiries[0]
            hold = self.transfers.get(transfer_id)
            is_current = hold is not None and hold.timestamp == timestamp
            if is_current and self.holds[transfer_id] is HoldStatus.OPEN:
                return expires_at_ns
            heapq.heappop(self._expiries)
        return None

    def pop_expired(self, now_ns: int) -> Transfer | None:
        """Take the open hold that lapsed first at or before `now_ns`, in order of expiry."""
        expires_at_ns = self.next_expiry_ns()
        if expires_at_ns is None or expires_at_ns > now_ns:
            return None
        return self.transfers[heapq.heappop(self._expiries)[2]]

    def account(self, account_id: int) -> Account | None:
        """Return an account with its present balances."""
        opened = self.accounts.get(account_id)
        if opened is None:
            return None
        balance = self.balances[account_id]
        return Account(
            opened.id, balance.debits_pending, balance.debits_posted, balance.credits_pending,
            balance.credits_posted, opened.user_data_128, opened.user_data_64,
            opened.user_data_32, opened.ledger, opened.code, opened.flags, opened.timestamp,
        )

    def archive(self, until_ns: int) -> int:
        """Forget what settled at or before `until_ns`; returns how many entries went.

        The caller has made sure that disk has all that happened by then. Open holds, holds settled
        later and all accounts stay.
        """
        assert self._undo is None, "not inside a chain"
        gone = []
        for transfer_id, transfer in self.transfers.items():
            if transfer.timestamp > until_ns:
                break  # kept in the order of timestamps
            if self.is_settled_by(transfer, until_ns):
                gone.append(transfer_id)
        for transfer_id in gone:
            del self.transfers[transfer_id]
            self.holds.pop(transfer_id, None)
            self.settled_ns.pop(transfer_id, None)
        failed = [i for i, timestamp in self.failed.items() if timestamp <= until_ns]
        for transfer_id in failed:
            del self.failed[transfer_id]
        if gone or failed:
            self.archived_until_ns = max(self.archived_until_ns, until_ns)
        return len(gone) + len(failed)

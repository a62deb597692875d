"""What the query tables take from journal rows, in bulk: no value is built for each transfer.

Transfers stay records (128 bytes, as stored); sums become one change for each account. Rows are
read in order; `Copies` holds what several of them add up to.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import (
    FLAGS,
    HISTORY,
    Entry,
    Operation,
    Request,
    decode_effects,
    decode_requests,
)
from lionrock.ledger.domain.results import TRANSFER_RESULT, TRANSIENT
from lionrock.ledger.domain.values import Account, HoldStatus, TransferFlags

_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_RESOLVING = _POST | _VOID
_OF_HOLDS = _PENDING | _RESOLVING
_FILLED = _RESOLVING | int(TransferFlags.BALANCING_DEBIT | TransferFlags.BALANCING_CREDIT)
_AMOUNT = struct.Struct("<Q")
_SIZE = records.RECORD_BYTES
# Id, debit account, credit account, amount, flags, timestamp.
_MOVE = struct.Struct("<16s16s16sQ62xHQ")

Moment = tuple[bytes, int, int, int, int, int, int]  # account, timestamp, sequence, four sums


class Copies:
    """What some consecutive rows add to the query tables."""

    def __init__(self) -> None:
        self.accounts: list[tuple[int, Account]] = []  # with the sequence of its row
        self.transfers: list[tuple[int, bytes]] = []  # sequence, whole records
        self.transfers_count = 0
        self.failed: list[tuple[int, bytes, str, int]] = []  # sequence, id, refusal, timestamp
        self.statuses: dict[bytes, HoldStatus] = {}
        self.debits_pending: defaultdict[bytes, int] = defaultdict(int)
        self.credits_pending: defaultdict[bytes, int] = defaultdict(int)
        self.flags: dict[bytes, int] = {}
        self.history: dict[tuple[bytes, int], Moment] = {}
        self.touched: dict[bytes, int] = {}  # account -> sequence of the row that last changed it
        # Of each transfer: its id, its time, and what it posts (holds and voids: nothing).
        self.ids: list[bytes] = []
        self.times_ns: list[int] = []
        self.posts: list[int] = []
        # Of each account: what debited and credited it, by its place in those lists.
        self.debited: defaultdict[bytes, list[int]] = defaultdict(list)
        self.credited: defaultdict[bytes, list[int]] = defaultdict(list)

    def debits_posted(self, account: bytes) -> int:
        """What these rows add to an account's posted debits."""
        return sum(map(self.posts.__getitem__, self.debited.get(account, ())))

    def credits_posted(self, account: bytes) -> int:
        """What these rows add to an account's posted credits."""
        return sum(map(self.posts.__getitem__, self.credited.get(account, ())))

    def add(self, entry: Entry) -> None:
        """Take one more row."""
        effects = decode_effects(entry)
        self._expire(entry.sequence, effects.expired)
        filled = (effects.filled[at:at + _SIZE] for at in range(0, len(effects.filled), _SIZE))
        released = (amount for (amount,) in _AMOUNT.iter_unpack(effects.released))
        position = 0
        for request in decode_requests(entry):
            results = entry.results[position:position + request.events_count]
            timestamp = entry.time_ns + position
            if request.operation is Operation.CREATE_ACCOUNTS:
                self._open(entry.sequence, request, results, timestamp)
            else:
                stored = self._stored(entry.sequence, request, results, timestamp, filled)
                self._move(entry.sequence, stored, released)
            position += len(results)
        assert position == len(entry.results), "one result an event"
        self.flags.update(FLAGS.iter_unpack(effects.flags))
        for key, timestamp, *sums in HISTORY.iter_unpack(effects.history):
            # Of several moments at one timestamp (holds that lapsed together) the last counts.
            self.history[key, timestamp] = (key, timestamp, entry.sequence, *sums)

    def _open(self, sequence: int, request: Request, results: bytes, timestamp: int) -> None:
        accounts = records.decode_accounts(request.events)
        self.accounts += [
            (sequence, replace(account, timestamp=timestamp + index))
            for index, account in enumerate(accounts) if results[index] == 0
        ]

    def _stored(
        self, sequence: int, request: Request, results: bytes, timestamp: int,
        filled: Iterator[bytes],
    ) -> bytes:
        """The records of a request's transfers as they are stored."""
        events, count = request.events, len(results)
        flags = memoryview(events).cast("H")[59::64].tolist()
        if not any(results) and not any(flag & _FILLED for flag in set(flags)):
            stored = _with_timestamps(events, timestamp, count)
        else:
            self._add_failed(sequence, events, results, timestamp)
            stored = b"".join(
                next(filled) if flags[index] & _FILLED
                else records.stamped(events[index * _SIZE:(index + 1) * _SIZE], timestamp + index)
                for index in range(count) if not results[index]
            )
        if stored:
            self.transfers.append((sequence, stored))
            self.transfers_count += len(stored) // _SIZE
        return stored

    def _add_failed(self, sequence: int, events: bytes, results: bytes, timestamp: int) -> None:
        for index, number in enumerate(results):
            result = TRANSFER_RESULT[number]
            if result in TRANSIENT:
                key = events[index * _SIZE:index * _SIZE + records.ID_BYTES]
                self.failed.append((sequence, key, str(result), timestamp + index))

    def _move(self, sequence: int, stored: bytes, released: Iterator[int]) -> None:
        if not stored:
            return
        ids, debits, credits, amounts, flags, times_ns = zip(
            *_MOVE.iter_unpack(stored), strict=True)
        first = len(self.ids)
        self.ids += ids
        self.times_ns += times_ns
        self.posts += amounts
        self.touched.update(dict.fromkeys(debits, sequence))
        self.touched.update(dict.fromkeys(credits, sequence))
        debited, credited = self.debited, self.credited
        for place, (debit, credit) in enumerate(zip(debits, credits, strict=True), first):
            debited[debit].append(place)
            credited[credit].append(place)
        if any(flags):
            for index, flag in enumerate(flags):
                if flag & _OF_HOLDS:
                    self._hold(stored[index * _SIZE:(index + 1) * _SIZE], first + index, released)

    def _hold(self, record: bytes, place: int, released: Iterator[int]) -> None:
        """What a pending transfer, or the end of one, does beside posting."""
        _, debit, credit, amount, flags, _ = _MOVE.unpack(record)
        if flags & _PENDING:
            self.debits_pending[debit] += amount
            self.credits_pending[credit] += amount
        else:
            whole = next(released)
            self.debits_pending[debit] -= whole
            self.credits_pending[credit] -= whole
            is_void = flags & _VOID
            self.statuses[record[64:80]] = HoldStatus.VOIDED if is_void else HoldStatus.POSTED
        if not flags & _POST:
            self.posts[place] = 0

    def _expire(self, sequence: int, expired: bytes) -> None:
        for hold, debit, credit, amount, _, _ in _MOVE.iter_unpack(expired):
            self.debits_pending[debit] -= amount
            self.credits_pending[credit] -= amount
            self.touched[debit] = self.touched[credit] = sequence
            self.statuses[hold] = HoldStatus.EXPIRED


def _with_timestamps(events: bytes, timestamp: int, count: int) -> bytes:
    """Whole records with consecutive timestamps, byte by byte of their column."""
    stored = memoryview(bytearray(events))
    stamps = array("Q", range(timestamp, timestamp + count))
    column = memoryview(stamps).cast("B")
    for byte in range(8):
        stored[_SIZE - 8 + byte::_SIZE] = column[byte::8]
    return bytes(stored)

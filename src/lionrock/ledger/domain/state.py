"""The ledger's state in memory and the only ways to change it.

The state holds all accounts and all open holds, and of the settled past what the query tables have
not copied yet; what is older is left to disk (`archive`), remembered by `seen`, and `recalled`
before a batch that may mention it. Keys are the 16 bytes of an id as the records hold them, so that
nothing is converted on the way in; transfers stay in the bytes of the request that brought them.

Every change of a transfer that may belong to a chain is noted in `undo`, so that a chain which
breaks is undone exactly.

Invariants: per ledger, debits equal credits, pending and posted apart; an open hold's amount is in
both its accounts' pending sums; no sum exceeds AMOUNT_MAX; timestamps strictly increase.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lionrock.ledger.domain import records
from lionrock.ledger.domain.live import Hold, LiveAccount
from lionrock.ledger.domain.seen import Seen
from lionrock.ledger.domain.values import Account, Balance, HoldStatus, Transfer

ARCHIVE_STEP_TRANSFERS = 20_000


class Recalled(msgspec.Struct, frozen=True):
    """What disk knows of ids that memory no longer holds; all of it settled, so never changed."""

    transfers: dict[bytes, bytes] = {}  # records with their timestamps
    holds: dict[bytes, HoldStatus] = {}
    failed: dict[bytes, int] = {}


class Segment(msgspec.Struct, array_like=True, gc=False):
    """One request's transfers as sent, the first at timestamp `start`, and their results."""

    start: int
    payload: bytes
    results: bytes  # empty while the request is run


class Noted:
    """What the batch under way did that its input and results do not say by themselves."""

    def __init__(self) -> None:
        self.expired: list[bytes] = []  # records of the holds that lapsed
        self.filled: list[bytes] = []  # records of transfers that are stored otherwise than sent
        self.released: list[int] = []  # for each post and void, its hold's whole amount
        self.flags: list[tuple[bytes, int]] = []  # accounts closed and reopened
        self.history: list[tuple[bytes, int, int, int, int, int]] = []  # key, timestamp, sums


class State:
    """Accounts, transfers, holds and failed ids; mutable, owned by exactly one writer."""

    def __init__(self) -> None:
        self.time_ns = 0  # the timestamp last used
        self.archived_until_ns = 0
        self.live: dict[bytes, LiveAccount] = {}
        self.known: dict[bytes, int] = {}  # transfer -> its timestamp
        self.filled: dict[bytes, bytes] = {}  # records that are not in a segment as stored
        self.held: dict[bytes, Hold] = {}
        self.refused: dict[bytes, int] = {}  # id used up -> timestamp of the refusal
        self.recalled = Recalled()
        self.seen = Seen()  # ids that were archived
        self.noted = Noted()
        self.undo: list[tuple[Callable[..., Any], tuple[Any, ...]]] | None = None
        self.starts: list[int] = []  # of the segments, for the search
        self.segments: list[Segment] = []
        self._lingering: set[bytes] = set()  # holds whose segment has gone
        # (expires_at_ns, timestamp, key); entries of undone or resolved holds are skipped on pop.
        self._expiries: list[tuple[int, int, bytes]] = []

    def open_chain(self) -> None:
        """Begin remembering, so that what follows can be undone as one."""
        assert self.undo is None, "chains do not nest"
        self.undo = []

    def close_chain(self) -> None:
        """Keep what the chain did."""
        assert self.undo is not None, "no chain is open"
        self.undo = None

    def break_chain(self) -> None:
        """Undo what the chain did, last first."""
        assert self.undo is not None, "no chain is open"
        for act, arguments in reversed(self.undo):
            act(*arguments)
        self.undo = None

    def begin_segment(self, start: int, payload: bytes) -> None:
        """Keep a request: its transfers are found through their timestamps."""
        assert not self.starts or start > self.starts[-1], "in order of time"
        self.starts.append(start)
        self.segments.append(Segment(start, payload, b""))

    def end_segment(self, results: bytes) -> None:
        """Note what came of the request, or let go of it when nothing did."""
        if 0 in results:
            self.segments[-1].results = results
        else:
            del self.segments[-1], self.starts[-1]

    def find_record(self, key: bytes) -> bytes | None:
        """Return a transfer's record as stored, from memory or from what was recalled."""
        timestamp = self.known.get(key)
        if timestamp is None:
            return self.recalled.transfers.get(key)
        record = self.filled.get(key)
        if record is not None:
            return record
        segment = self.segments[bisect_right(self.starts, timestamp) - 1]
        at = (timestamp - segment.start) * records.RECORD_BYTES
        return records.stamped(segment.payload[at:at + records.RECORD_BYTES], timestamp)

    def has_failed(self, key: bytes) -> bool:
        """Say whether this id was used up by a transient refusal."""
        return key in self.refused or key in self.recalled.failed

    def hold_status_of(self, key: bytes) -> HoldStatus:
        """Return what became of a pending transfer; it must be one."""
        hold = self.held.get(key)
        status = hold.status if hold is not None else self.recalled.holds.get(key)
        assert status is not None, "asked only of pending transfers"
        return status

    def add_hold(self, key: bytes, hold: Hold) -> None:
        """Store an open hold and await its end."""
        assert key not in self.held, "ids are used once"
        self.held[key] = hold
        if hold.expires_at_ns and hold.status is HoldStatus.OPEN:
            heapq.heappush(self._expiries, (hold.expires_at_ns, hold.timestamp, key))

    def open_account(self, account: Account) -> None:
        """Store an account with the balances it brings (none, unless from a snapshot)."""
        key = records.key_of(account.id)
        assert key not in self.live, "ids are used once"
        self.live[key] = LiveAccount(key, account)
        if self.undo is not None:
            self.undo.append((self.live.pop, (key,)))

    def next_expiry_ns(self) -> int | None:
        """When the next open hold lapses, in business nanoseconds; None when none will."""
        assert self.undo is None, "a chain may yet reopen what looks resolved"
        while self._expiries:
            expires_at_ns, timestamp, key = self._expiries[0]
            hold = self.held.get(key)
            is_current = hold is not None and hold.timestamp == timestamp
            if is_current and self.held[key].status is HoldStatus.OPEN:
                return expires_at_ns
            heapq.heappop(self._expiries)
        return None

    def pop_expired(self, now_ns: int) -> tuple[bytes, Hold] | None:
        """Take the open hold that lapsed first at or before `now_ns`, in order of expiry."""
        expires_at_ns = self.next_expiry_ns()
        if expires_at_ns is None or expires_at_ns > now_ns:
            return None
        key = heapq.heappop(self._expiries)[2]
        return key, self.held[key]

    def account(self, account_id: int) -> Account | None:
        """Return an account with its present balances and flags."""
        found = self.live.get(records.key_of(account_id))
        return None if found is None else found.account()

    def archive(self, until_ns: int, step: int = ARCHIVE_STEP_TRANSFERS) -> int:
        """Forget some of what settled at or before `until_ns`; returns how many entries went.

        The caller has made sure that disk has all that happened by then. Open holds, holds settled
        later and all accounts stay. About `step` transfers a call, so that nobody waits for long;
        0 means that nothing is left to forget.
        """
        assert self.undo is None, "not inside a chain"
        gone = [key for key in self._lingering if self.held[key].is_settled_by(until_ns)]
        self._lingering.difference_update(gone)
        segments_count = 0
        reached_ns = 0
        for segment in self.segments:
            last_ns = segment.start + len(segment.results) - 1
            if last_ns > until_ns or len(gone) >= step:
                break
            segments_count += 1
            gone += self._settled_keys(segment, until_ns)
            reached_ns = last_ns
        failed = [key for key, timestamp in self.refused.items() if timestamp <= until_ns]
        if segments_count:
            self._keep_lingering(self.segments[:segments_count], until_ns)
            del self.segments[:segments_count], self.starts[:segments_count]
            self.archived_until_ns = max(self.archived_until_ns, reached_ns)
            self.seen.until_ns = max(self.seen.until_ns, reached_ns)
        for key in gone:
            del self.known[key]
            self.filled.pop(key, None)
            self.held.pop(key, None)
        for key in failed:
            del self.refused[key]
            self.archived_until_ns = max(self.archived_until_ns, until_ns)
        self.seen.add(gone)
        self.seen.add(failed)
        return len(gone) + len(failed)

    def _settled_keys(self, segment: Segment, until_ns: int) -> list[bytes]:
        keys = records.keys_in(segment.payload)
        held = self.held
        return [
            key for key, result in zip(keys, segment.results, strict=True)
            if not result and (key not in held or held[key].is_settled_by(until_ns))
        ]

    def _keep_lingering(self, segments: Sequence[Segment], until_ns: int) -> None:
        lingering = []
        for segment in segments:
            for key, result in zip(records.keys_in(segment.payload), segment.results, strict=True):
                if not result and key in self.held and not self.held[key].is_settled_by(until_ns):
                    record = self.find_record(key)
                    assert record is not None, "its segment is still there"
                    self.filled[key] = record
                    lingering.append(key)
        self._lingering.update(lingering)
        self.seen.add(lingering)  # already now, so that the filter is whole through its instant

    def linger(self, key: bytes, record: bytes, timestamp: int) -> None:
        """Store a transfer that is older than the segments kept (from a snapshot)."""
        self.known[key] = timestamp
        self.filled[key] = record
        self._lingering.add(key)

    # The tables by number, for comparisons and small states: each call builds them anew.

    @property
    def accounts(self) -> dict[int, Account]:
        """All accounts as opened, with their present flags."""
        return {account.id: account.opened_as() for account in self.live.values()}

    @property
    def balances(self) -> dict[int, Balance]:
        """All accounts' sums."""
        return {account.id: account.balance() for account in self.live.values()}

    @property
    def transfers(self) -> dict[int, Transfer]:
        """The transfers in memory, oldest first."""
        found = (self.find_record(key) for key, _ in sorted(self.known.items(), key=_time))
        return {t.id: t for t in records.decode_transfers(b"".join(r for r in found if r))}

    @property
    def holds(self) -> dict[int, HoldStatus]:
        """The holds in memory and what became of them."""
        return {records.id_of(key): hold.status for key, hold in self.held.items()}

    @property
    def settled_ns(self) -> dict[int, int]:
        """When each hold in memory was posted, voided or lapsed, if it was."""
        return {records.id_of(key): hold.settled_ns for key, hold in self.held.items()
                if hold.settled_ns}

    @property
    def failed(self) -> dict[int, int]:
        """Ids used up by refusals, with their timestamps."""
        return {records.id_of(key): timestamp for key, timestamp in self.refused.items()}

    def hold_status(self, transfer_id: int) -> HoldStatus:
        """Return what became of a pending transfer; it must be one."""
        return self.hold_status_of(records.key_of(transfer_id))


def _time(pair: tuple[bytes, int]) -> int:
    return pair[1]

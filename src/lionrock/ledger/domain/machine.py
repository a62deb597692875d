"""The deterministic state machine: batch in, results and effects out, a hash chain over all of it.

A batch is the requests of several callers at one business instant. First the holds that lapsed by
then expire; then every event runs in order, a chain of linked events as one. The same batches from
the same state give the same results, effects and hashes on every machine: that is what replay
checks.

Not for: I/O (service), the clock (the batch carries its time).
Source: TigerBeetle reference (linked events, timeouts, timestamps).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from lionrock.ledger.domain import records
from lionrock.ledger.domain.accounts import create_account
from lionrock.ledger.domain.results import (
    ACCOUNT_NUMBER,
    TRANSFER_NUMBER,
    TRANSFER_RESULT,
    TRANSIENT,
    AccountResult,
    TransferResult,
)
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.transfers import create_transfer, resolve_hold
from lionrock.ledger.domain.values import (
    Account,
    AccountFlags,
    HoldStatus,
    Transfer,
    TransferFlags,
)

REQUEST_EVENTS_MAX = 1_000
BATCH_EVENTS_MAX = 1_000
GENESIS_HASH = bytes(32)
_LINKED = int(TransferFlags.LINKED)
_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_HEAD = struct.Struct("<QQ")
_LENGTH = struct.Struct("<Q")
assert int(AccountFlags.LINKED) == _LINKED, "one chain rule serves both kinds of event"

EventT = TypeVar("EventT", Account, Transfer)
ResultT = TypeVar("ResultT", AccountResult, TransferResult)


class Operation(IntEnum):
    """What a request of the journal creates."""

    CREATE_ACCOUNTS = 1
    CREATE_TRANSFERS = 2


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One caller's events, as records; chains do not cross requests."""

    operation: Operation
    events: bytes

    @property
    def events_count(self) -> int:
        """How many events the request holds."""
        return len(self.events) // records.RECORD_BYTES


class Effects(msgspec.Struct, frozen=True, array_like=True):
    """What a batch did that input and results do not say by themselves.

    expired: ids of holds that lapsed, in order. resolved: the posts and voids that were created,
    filled in. balances: every account that was touched, as it was left.
    """

    expired: bytes
    resolved: bytes
    balances: bytes


class Entry(msgspec.Struct, frozen=True):
    """One row of the journal, complete: enough to replay, to project and to prove."""

    sequence: int
    time_ns: int
    input: bytes
    results: bytes
    effects: bytes
    hash: bytes


class Created(msgspec.Struct, frozen=True):
    """What one journal row added, for the query tables."""

    accounts: list[Account]
    transfers: list[Transfer]
    failed: list[tuple[int, TransferResult, int]]  # id, refusal, timestamp


class Damaged(RuntimeError):
    """A journal or snapshot that contradicts itself; the ledger must not run on it."""


_requests = msgspec.msgpack.Decoder(list[Request])
_effects = msgspec.msgpack.Decoder(Effects)


def execute(
    state: State, requests: Sequence[Request], *, time_ns: int, sequence: int, previous: bytes
) -> tuple[Entry, list[bytes]]:
    """Run one batch; returns its journal row and each request's results, one byte an event.

    `time_ns` must be later than every timestamp in the state. Raises Malformed, before anything
    has changed, when a request's bytes are not whole records.
    """
    assert time_ns > state.time_ns, "batches strictly advance"
    assert len(previous) == len(GENESIS_HASH), "the chain is of SHA-256 digests"
    decoded = [_decode(request) for request in requests]
    expired = _expire(state, time_ns)
    timestamp = time_ns
    answers = []
    for request, events in zip(requests, decoded, strict=True):
        answers.append(_run(state, request.operation, events, timestamp))
        timestamp += len(events)
    state.time_ns = max(timestamp - 1, time_ns)
    results = b"".join(answers)
    effects = msgspec.msgpack.encode(_effects_of(state, requests, decoded, answers, expired))
    encoded = msgspec.msgpack.encode(requests)
    digest = chain_hash(previous, sequence, time_ns, encoded, results, effects)
    return Entry(sequence, time_ns, encoded, results, effects, digest), answers


def chain_hash(
    previous: bytes, sequence: int, time_ns: int, encoded: bytes, results: bytes, effects: bytes
) -> bytes:
    """Hash a row onto the one before it: SHA-256 over length-prefixed parts."""
    digest = hashlib.sha256(previous + _HEAD.pack(sequence, time_ns))
    for part in (encoded, results, effects):
        digest.update(_LENGTH.pack(len(part)))
        digest.update(part)
    return digest.digest()


def replay(state: State, entry: Entry, previous: bytes) -> None:
    """Run a journal row again; Damaged when anything differs from what was written."""
    if entry.time_ns <= state.time_ns:
        raise Damaged(f"journal row {entry.sequence} is not later than the row before it")
    requests = decode_requests(entry)
    try:
        again, _ = execute(
            state, requests, time_ns=entry.time_ns, sequence=entry.sequence, previous=previous
        )
    except records.Malformed as error:
        raise Damaged(f"journal row {entry.sequence}: {error}") from error
    for part in ("results", "effects", "hash"):
        if getattr(again, part) != getattr(entry, part):
            raise Damaged(f"journal row {entry.sequence}: replay gives other {part}")


def decode_requests(entry: Entry) -> list[Request]:
    """Read a row's input; Damaged when it is not what `execute` wrote."""
    try:
        return _requests.decode(entry.input)
    except msgspec.DecodeError as error:
        raise Damaged(f"journal row {entry.sequence}: unreadable input") from error


def decode_effects(entry: Entry) -> Effects:
    """Read a row's effects; Damaged when they are not what `execute` wrote."""
    try:
        return _effects.decode(entry.effects)
    except msgspec.DecodeError as error:
        raise Damaged(f"journal row {entry.sequence}: unreadable effects") from error


def created(entry: Entry) -> Created:
    """Read from one row what it added; the projection's view of a batch."""
    resolved = iter(records.decode_transfers(decode_effects(entry).resolved))
    outcome = Created([], [], [])
    position = 0
    for request in decode_requests(entry):
        numbers = entry.results[position:position + request.events_count]
        timestamp = entry.time_ns + position
        if request.operation is Operation.CREATE_ACCOUNTS:
            accounts = records.decode_accounts(request.events)
            outcome.accounts.extend(
                replace(account, timestamp=timestamp + index)
                for index, account in enumerate(accounts) if numbers[index] == 0
            )
        else:
            _add_transfers(outcome, request, numbers, timestamp, resolved)
        position += len(numbers)
    assert position == len(entry.results), "one result an event"
    return outcome


def _add_transfers(
    outcome: Created, request: Request, numbers: bytes, timestamp: int,
    resolved: Iterator[Transfer],
) -> None:
    for index, event in enumerate(records.decode_transfers(request.events)):
        result = TRANSFER_RESULT[numbers[index]]
        if result is TransferResult.OK:
            stored = (next(resolved) if event.flags & _RESOLVING
                      else replace(event, timestamp=timestamp + index))
            assert stored.id == event.id, "resolved records follow the order of events"
            outcome.transfers.append(stored)
        elif result in TRANSIENT:
            outcome.failed.append((event.id, result, timestamp + index))


def mentioned_ids(requests: Sequence[Request]) -> set[int]:
    """The transfer ids whose past decides these requests' results."""
    ids: set[int] = set()
    for request in requests:
        if request.operation is Operation.CREATE_TRANSFERS:
            for transfer in records.decode_transfers(request.events):
                ids.add(transfer.id)
                ids.add(transfer.pending_id)
    ids.discard(0)
    return ids


def holds_resolved(transfers: Sequence[Transfer], expired: bytes) -> dict[int, HoldStatus]:
    """What became of the holds that a row resolved."""
    statuses = dict.fromkeys(records.decode_ids(expired), HoldStatus.EXPIRED)
    for transfer in transfers:
        if transfer.flags & _RESOLVING:
            is_void = transfer.flags & _VOID
            statuses[transfer.pending_id] = HoldStatus.VOIDED if is_void else HoldStatus.POSTED
    return statuses


def _decode(request: Request) -> list[Account] | list[Transfer]:
    if request.operation is Operation.CREATE_ACCOUNTS:
        return records.decode_accounts(request.events)
    return records.decode_transfers(request.events)


def _expire(state: State, time_ns: int) -> list[Transfer]:
    expired = []
    while (hold := state.pop_expired(time_ns)) is not None:
        resolve_hold(state, hold, HoldStatus.EXPIRED, time_ns)
        expired.append(hold)
    return expired


def _run(state: State, operation: Operation, events: Any, timestamp: int) -> bytes:
    if operation is Operation.CREATE_ACCOUNTS:
        opened = _run_events(state, events, timestamp, create_account, AccountResult)
        return bytes([ACCOUNT_NUMBER[result] for result in opened])
    moved = _run_events(state, events, timestamp, create_transfer, TransferResult)
    return bytes([TRANSFER_NUMBER[result] for result in moved])


def _run_events(
    state: State,
    events: Sequence[EventT],
    timestamp: int,
    create: Callable[[State, EventT, int], ResultT],
    names: type[ResultT],
) -> list[ResultT]:
    """Run one request's events in order, each chain of linked events as one."""
    results: list[ResultT] = []
    index = 0
    for chain_end in _chain_ends(events):
        if chain_end == index and not events[index].flags & _LINKED:
            results.append(create(state, events[index], timestamp + index))
        else:
            chain = events[index:chain_end + 1]
            results += _run_chain(state, chain, timestamp + index, create, names)
        for done in range(index, chain_end + 1):
            if results[done] in TRANSIENT:
                # At once, so that the next event knows; and after a chain was undone, so that the
                # refusal itself is not.
                state.put(state.failed, events[done].id, timestamp + done)
        index = chain_end + 1
    assert len(results) == len(events), "one result an event"
    return results


def _chain_ends(events: Sequence[Account | Transfer]) -> Iterator[int]:
    """The index of each chain's last event; an event that is not linked is a chain of one."""
    last = len(events) - 1
    for index, event in enumerate(events):
        if not event.flags & _LINKED or index == last:
            yield index


def _run_chain(
    state: State,
    chain: Sequence[EventT],
    timestamp: int,
    create: Callable[[State, EventT, int], ResultT],
    names: type[ResultT],
) -> list[ResultT]:
    """All or nothing; the event that broke it keeps its own result."""
    ok, failed = names["OK"], names["LINKED_EVENT_FAILED"]
    is_open = bool(chain[-1].flags & _LINKED)
    state.open_chain()
    for index, event in enumerate(chain):
        if is_open and index == len(chain) - 1:
            result = names["LINKED_EVENT_CHAIN_OPEN"]
        else:
            result = create(state, event, timestamp + index)
        if result is not ok:
            state.break_chain()
            results = [failed] * len(chain)
            results[index] = result
            if is_open:
                results[-1] = names["LINKED_EVENT_CHAIN_OPEN"]
            return results
    state.close_chain()
    return [ok] * len(chain)


def _effects_of(
    state: State,
    requests: Sequence[Request],
    decoded: Sequence[Any],
    answers: Sequence[bytes],
    expired: Sequence[Transfer],
) -> Effects:
    touched: dict[int, None] = {}
    resolved = []
    for hold in expired:
        touched[hold.debit_account_id] = touched[hold.credit_account_id] = None
    for request, events, numbers in zip(requests, decoded, answers, strict=True):
        if request.operation is Operation.CREATE_ACCOUNTS:
            continue
        for event, number in zip(events, numbers, strict=True):
            if number:
                continue
            stored = state.transfers[event.id]
            if event.flags & _RESOLVING:
                resolved.append(records.encode_transfer(stored, stored.timestamp))
            touched[stored.debit_account_id] = touched[stored.credit_account_id] = None
    return Effects(
        records.encode_ids(hold.id for hold in expired),
        b"".join(resolved),
        b"".join(records.encode_balance(i, state.balances[i]) for i in touched),
    )

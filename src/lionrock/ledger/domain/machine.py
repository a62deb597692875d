"""The deterministic machine: batch in, results and effects out, a hash chain over all of it.

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
from collections.abc import Callable, Sequence
from enum import IntEnum

import msgspec

from lionrock.ledger.domain import records
from lionrock.ledger.domain.events import run_accounts, run_transfers
from lionrock.ledger.domain.state import Noted, State
from lionrock.ledger.domain.transfers import resolve_hold
from lionrock.ledger.domain.values import HoldStatus

REQUEST_EVENTS_MAX = 1_000
BATCH_EVENTS_MAX = 1_000
GENESIS_HASH = bytes(32)
FORMAT = 2  # of the effects; rows written by another program are refused, not misread
FLAGS = struct.Struct("<16sI")
HISTORY = struct.Struct("<16s5Q")
_HEAD = struct.Struct("<QQ")
_LENGTH = struct.Struct("<Q")


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

    expired: records of the holds that lapsed, in order. filled: records of the transfers that are
    stored otherwise than sent (posts, voids, balancing ones), in order. released: for each post and
    void, in order, the whole amount of its hold, 8 bytes. flags: accounts closed or reopened, id
    and new flags, 20 bytes. history: accounts with the flag `history` after each event that touched
    them: id, timestamp and sums, 56 bytes.
    """

    format: int
    expired: bytes
    filled: bytes
    released: bytes
    flags: bytes
    history: bytes


class Entry(msgspec.Struct, frozen=True):
    """One row of the journal, complete: enough to replay, to project and to prove."""

    sequence: int
    time_ns: int
    input: bytes
    results: bytes
    effects: bytes
    hash: bytes


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
    for request in requests:
        _check(request)
    state.noted = Noted()
    _expire(state, time_ns)
    timestamp = time_ns
    answers = []
    for request in requests:
        if request.operation is Operation.CREATE_TRANSFERS:
            answers.append(run_transfers(state, request.events, timestamp))
        else:
            answers.append(run_accounts(state, request.events, timestamp))
        timestamp += len(answers[-1])
    state.time_ns = max(timestamp - 1, time_ns)
    results = b"".join(answers)
    effects = _encode_effects(state.noted)
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
        return decode_input(entry.input)
    except msgspec.DecodeError as error:
        raise Damaged(f"journal row {entry.sequence}: unreadable input") from error


def decode_input(encoded: bytes) -> list[Request]:
    """Read a row's input alone; DecodeError when it is not one."""
    return _requests.decode(encoded)


def decode_effects(entry: Entry) -> Effects:
    """Read a row's effects; Damaged when they are not what `execute` wrote."""
    try:
        effects = _effects.decode(entry.effects)
    except msgspec.DecodeError as error:
        raise Damaged(f"journal row {entry.sequence}: unreadable effects") from error
    if effects.format != FORMAT:
        raise Damaged(f"journal row {entry.sequence} has format {effects.format}, this program "
                      f"reads {FORMAT}")
    return effects


def mentioned_keys(
    requests: Sequence[Request], are_new: Callable[[bytes], bool]
) -> list[bytes]:
    """The transfer ids whose past decides these requests' results.

    Without the own ids of a request of which `are_new` says that they have no past on disk.
    """
    keys: list[bytes] = []
    for request in requests:
        if request.operation is not Operation.CREATE_TRANSFERS or not request.events:
            continue
        if not are_new(request.events):
            keys += records.keys_in(request.events)
        if records.has_pending_keys(request.events):
            keys += [key for key in records.pending_keys_in(request.events) if any(key)]
    return keys


def _check(request: Request) -> None:
    if request.operation is Operation.CREATE_TRANSFERS:
        records.check_transfers(request.events)
    else:
        records.check_accounts(request.events)


def _expire(state: State, time_ns: int) -> None:
    while (lapsed := state.pop_expired(time_ns)) is not None:
        key, hold = lapsed
        resolve_hold(state, hold, HoldStatus.EXPIRED, time_ns)
        record = state.find_record(key)
        assert record is not None, "an open hold stays in memory"
        state.noted.expired.append(record)


def _encode_effects(noted: Noted) -> bytes:
    return msgspec.msgpack.encode(Effects(
        FORMAT,
        b"".join(noted.expired),
        b"".join(noted.filled),
        b"".join(map(_LENGTH.pack, noted.released)),
        b"".join(FLAGS.pack(*change) for change in noted.flags),
        b"".join(HISTORY.pack(*moment) for moment in noted.history),
    ))

"""A snapshot: the state after one journal row, in one canonical encoding.

It holds every account, every open hold, and what the query tables have not copied yet; what was
settled before that is left to them. Same state, same `until_ns`, same bytes. Not a second truth:
the journal alone is one; a snapshot only saves replaying it from the start.

`state_hash` is of what no journal row says by itself, the sums and flags of all accounts and the
open holds: it is kept at checkpoints, and a replay of the journal must come to the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from lionrock.ledger.domain import records
from lionrock.ledger.domain.live import Hold
from lionrock.ledger.domain.machine import Damaged
from lionrock.ledger.domain.state import Segment, State
from lionrock.ledger.domain.values import HoldStatus, TransferFlags

VERSION = 2
_PENDING = int(TransferFlags.PENDING)
_FLAGS_WORD = 59  # of a transfer record's 16-bit words


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The encoded form."""

    version: int
    sequence: int
    hash: bytes
    time_ns: int
    archived_until_ns: int
    accounts: bytes
    segments: list[Segment]  # requests as sent, oldest first
    filled: bytes  # records of theirs that are stored otherwise, and older holds, with timestamps
    resolved: bytes  # ids of holds among all these that are no longer open
    statuses: bytes  # what became of them, one byte each
    resolved_ns: list[int]  # and when
    failed: bytes
    failed_ns: list[int]


_decoder = msgspec.msgpack.Decoder(Snapshot)


def take(state: State, sequence: int, row_hash: bytes, until_ns: int) -> bytes:
    """Encode the state after row `sequence`, leaving out what settled by `until_ns`."""
    kept = [s for s in state.segments if s.start + len(s.results) - 1 > until_ns]
    first_ns = kept[0].start if kept else state.time_ns + 1
    older = {key for key, hold in state.held.items()
             if hold.timestamp < first_ns and not hold.is_settled_by(until_ns)}
    filled: list[bytes] = [
        record for key, record in state.filled.items() if state.known[key] >= first_ns]
    for key in older:
        record = state.find_record(key)
        assert record is not None, "holds stay in memory until they are archived"
        filled.append(record)
    resolved = [(key, hold) for key, hold in state.held.items()
                if hold.settled_ns and (hold.timestamp >= first_ns or key in older)]
    resolved.sort(key=lambda pair: pair[1].timestamp)
    failed = sorted((at_ns, key) for key, at_ns in state.refused.items() if at_ns > until_ns)
    by_time: list[bytes] = sorted(filled, key=_timestamp_of)
    is_whole = (len(kept) == len(state.segments) and len(failed) == len(state.refused))
    archived_until_ns = state.archived_until_ns if is_whole else until_ns
    return msgspec.msgpack.encode(Snapshot(
        VERSION, sequence, row_hash, state.time_ns,
        max(archived_until_ns, state.archived_until_ns),
        _accounts(state), kept,
        b"".join(by_time),
        b"".join(key for key, _ in resolved),
        bytes(hold.status for _, hold in resolved),
        [hold.settled_ns for _, hold in resolved],
        b"".join(key for _, key in failed),
        [at_ns for at_ns, _ in failed],
    ))


def digest(encoded: bytes) -> bytes:
    """SHA-256 of the encoding."""
    return hashlib.sha256(encoded).digest()


def state_hash(state: State) -> bytes:
    """SHA-256 over all accounts as they stand and the open holds, in the order of their ids."""
    whole = hashlib.sha256(_accounts(state))
    for key in sorted(key for key, hold in state.held.items() if not hold.settled_ns):
        whole.update(key + state.held[key].timestamp.to_bytes(8, "little"))
    return whole.digest()


def restore(encoded: bytes, expected_digest: bytes) -> tuple[State, int, bytes]:
    """Return state, sequence and row hash; Damaged when the bytes are not what was taken."""
    if digest(encoded) != expected_digest:
        raise Damaged("the snapshot does not match its digest; remove it to replay from the start")
    try:
        version = msgspec.msgpack.decode(encoded)[0]
        if version != VERSION:
            raise Damaged(f"the snapshot has version {version}, this program reads {VERSION}")
        snapshot = _decoder.decode(encoded)
    except (msgspec.DecodeError, TypeError, IndexError) as error:
        raise Damaged("the snapshot is unreadable; remove it to replay from the start") from error
    state = State()
    state.time_ns = snapshot.time_ns
    state.archived_until_ns = snapshot.archived_until_ns
    for account in records.decode_accounts(snapshot.accounts):
        state.open_account(account)
    for segment in snapshot.segments:
        _restore_segment(state, segment)
    _restore_filled(state, snapshot.filled)
    resolved = zip(records.keys(snapshot.resolved), snapshot.statuses, snapshot.resolved_ns,
                   strict=True)
    _restore_holds(state, {key: (HoldStatus(status), at) for key, status, at in resolved})
    state.refused = dict(zip(records.keys(snapshot.failed), snapshot.failed_ns, strict=True))
    return state, snapshot.sequence, snapshot.hash


def _restore_segment(state: State, segment: Segment) -> None:
    state.begin_segment(segment.start, segment.payload)
    state.end_segment(segment.results)
    keys = records.keys_in(segment.payload)
    timestamps = range(segment.start, segment.start + len(keys))
    state.known.update(
        (key, timestamp) for key, timestamp, result in zip(
            keys, timestamps, segment.results, strict=True) if not result)


def _restore_filled(state: State, filled: bytes) -> None:
    first_ns = state.starts[0] if state.starts else state.time_ns + 1
    for at in range(0, len(filled), records.RECORD_BYTES):
        record = filled[at:at + records.RECORD_BYTES]
        key, timestamp = record[:records.ID_BYTES], _timestamp_of(record)
        if timestamp < first_ns:
            state.linger(key, record, timestamp)
        else:
            state.filled[key] = record


def _restore_holds(state: State, resolved: dict[bytes, tuple[HoldStatus, int]]) -> None:
    for timestamp, key in sorted(_pending_in(state)):
        record = state.find_record(key)
        assert record is not None, "known transfers are found"
        fields = records.EVENT.unpack(record)
        debit, credit = state.live[fields[1]], state.live[fields[2]]
        hold = Hold(fields, fields[3], timestamp, debit, credit)
        if key in resolved:
            hold.settle(*resolved[key])
        state.add_hold(key, hold)


def _pending_in(state: State) -> Iterator[tuple[int, bytes]]:
    """The pending transfers in memory, with their times: by their flags, most are none."""
    first_ns = state.starts[0] if state.starts else state.time_ns + 1
    for key, record in state.filled.items():
        if state.known[key] < first_ns and records.EVENT.unpack(record)[12] & _PENDING:
            yield state.known[key], key
    for segment in state.segments:
        flags = memoryview(segment.payload).cast("H")[_FLAGS_WORD::records.RECORD_BYTES // 2]
        if not any(flags.tolist()):
            continue
        keys = records.keys_in(segment.payload)
        for index, flag in enumerate(flags.tolist()):
            if flag & _PENDING and not segment.results[index]:
                yield segment.start + index, keys[index]


def _accounts(state: State) -> bytes:
    return b"".join(
        records.encode_account(state.live[key].account())
        for key in sorted(state.live)
    )


def _timestamp_of(record: bytes) -> int:
    return int.from_bytes(record[-8:], "little")

"""A snapshot: the state after one journal row, in one canonical encoding.

It holds every account, every open hold, and what the query tables have not copied yet; what was
settled before that is left to them. Same state, same `until_ns`, same bytes. Not a second truth:
the journal alone is one; a snapshot only saves replaying it from the start.
"""

from __future__ import annotations

import hashlib
from typing import cast

import msgspec

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import Damaged
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import Account, HoldStatus

VERSION = 1


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The encoded form."""

    version: int
    sequence: int
    hash: bytes
    time_ns: int
    archived_until_ns: int
    accounts: bytes
    transfers: bytes
    resolved: bytes  # ids of holds in `transfers` that are no longer open
    statuses: bytes  # what became of them, one byte each
    resolved_ns: list[int]  # and when
    failed: bytes
    failed_ns: list[int]


_decoder = msgspec.msgpack.Decoder(Snapshot)


def take(state: State, sequence: int, row_hash: bytes, until_ns: int) -> bytes:
    """Encode the state after row `sequence`, leaving out what settled by `until_ns`."""
    accounts = [cast(Account, state.account(i)) for i in sorted(state.accounts)]
    kept = [t for t in state.transfers.values() if not state.is_settled_by(t, until_ns)]
    resolved = [t.id for t in kept if t.id in state.settled_ns]
    failed = [(i, at_ns) for i, at_ns in state.failed.items() if at_ns > until_ns]
    is_whole = len(kept) == len(state.transfers) and len(failed) == len(state.failed)
    archived_until_ns = state.archived_until_ns if is_whole else until_ns
    return msgspec.msgpack.encode(Snapshot(
        VERSION, sequence, row_hash, state.time_ns,
        max(archived_until_ns, state.archived_until_ns),
        b"".join(map(records.encode_account, accounts)),
        b"".join(records.encode_transfer(t, t.timestamp) for t in kept),
        records.encode_ids(resolved),
        bytes(state.holds[i] for i in resolved),
        [state.settled_ns[i] for i in resolved],
        records.encode_ids(i for i, _ in failed),
        [at_ns for _, at_ns in failed],
    ))


def digest(encoded: bytes) -> bytes:
    """SHA-256 of the encoding."""
    return hashlib.sha256(encoded).digest()


def restore(encoded: bytes, expected_digest: bytes) -> tuple[State, int, bytes]:
    """Return state, sequence and row hash; Damaged when the bytes are not what was taken."""
    if digest(encoded) != expected_digest:
        raise Damaged("the snapshot does not match its digest; remove it to replay from the start")
    try:
        snapshot = _decoder.decode(encoded)
    except msgspec.DecodeError as error:
        raise Damaged("the snapshot is unreadable; remove it to replay from the start") from error
    if snapshot.version != VERSION:
        raise Damaged(f"the snapshot has version {snapshot.version}, this program reads {VERSION}")
    state = State()
    state.time_ns = snapshot.time_ns
    state.archived_until_ns = snapshot.archived_until_ns
    for account in records.decode_accounts(snapshot.accounts):
        state.open_account(account)
    for transfer in records.decode_transfers(snapshot.transfers):
        state.add_transfer(transfer)
    for hold_id, number, at_ns in zip(
        records.decode_ids(snapshot.resolved), snapshot.statuses, snapshot.resolved_ns, strict=True
    ):
        state.settle_hold(hold_id, HoldStatus(number), at_ns)
    state.failed = dict(
        zip(records.decode_ids(snapshot.failed), snapshot.failed_ns, strict=True)
    )
    return state, snapshot.sequence, snapshot.hash

"""Fixed-width records: 128 bytes an account or transfer, 16 an id; little-endian.

Accounts and transfers are laid out byte for byte as TigerBeetle's (reference: Account, Transfer).
The same bytes go over the socket, into the journal and into snapshots, so that nothing is encoded
twice. Invariant: decode(encode(x)) == x; anything else raises Malformed.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable

from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    Account,
    AccountDraft,
    Transfer,
    TransferDraft,
)

RECORD_BYTES = 128
ID_BYTES = 16
_WORDS = RECORD_BYTES // 8
_LOW = 2**64 - 1
_RECORD = struct.Struct("<13Q3I2HQ")
_ID = struct.Struct("<2Q")
_KEY = struct.Struct("<16s112x")
_PENDING_KEY = struct.Struct("<64x16s48x")
_STAMP = struct.Struct("<Q")
# One transfer with its ids as keys; see live.Event.
EVENT = struct.Struct("<16s16s16sQQ16s16sQIIIHHQ")
assert _RECORD.size == RECORD_BYTES


assert EVENT.size == RECORD_BYTES


class Malformed(ValueError):
    """Bytes that are not whole records, or a value outside the ledger's range."""


def encode_transfer(transfer: Transfer | TransferDraft, timestamp: int = 0) -> bytes:
    """Return the 128 bytes of a transfer; drafts carry timestamp zero."""
    t = transfer
    debit, credit, data = t.debit_account_id, t.credit_account_id, t.user_data_128
    return _RECORD.pack(
        t.id & _LOW, t.id >> 64, debit & _LOW, debit >> 64, credit & _LOW, credit >> 64,
        t.amount & _LOW, t.amount >> 64, t.pending_id & _LOW, t.pending_id >> 64,
        data & _LOW, data >> 64, t.user_data_64, t.user_data_32,
        t.timeout, t.ledger, t.code, t.flags, timestamp,
    )


def decode_transfers(payload: bytes) -> list[Transfer]:
    """Read whole transfer records."""
    check_transfers(payload)
    transfers = []
    for (i, i2, d, d2, c, c2, amount, _, p, p2, u, u2, user_64,
         user_32, timeout, ledger, code, flags, timestamp) in _RECORD.iter_unpack(payload):
        transfers.append(Transfer(
            i | i2 << 64, d | d2 << 64, c | c2 << 64, amount, p | p2 << 64, u | u2 << 64,
            user_64, user_32, timeout, ledger, code, flags, timestamp,
        ))
    return transfers


def encode_account(account: Account) -> bytes:
    """Return the 128 bytes of an account with its balances."""
    a = account
    data = a.user_data_128
    return _RECORD.pack(
        a.id & _LOW, a.id >> 64, a.debits_pending, 0, a.debits_posted, 0, a.credits_pending, 0,
        a.credits_posted, 0, data & _LOW, data >> 64, a.user_data_64, a.user_data_32,
        0, a.ledger, a.code, a.flags, a.timestamp,
    )


def encode_account_draft(draft: AccountDraft) -> bytes:
    """Return the 128 bytes of an account to create: balances and timestamp zero."""
    return encode_account(Account(
        draft.id, 0, 0, 0, 0, draft.user_data_128, draft.user_data_64, draft.user_data_32,
        draft.ledger, draft.code, draft.flags, 0,
    ))


def check_accounts(payload: bytes) -> None:
    """Refuse bytes that are not whole account records within the ledger's range (Malformed)."""
    decode_accounts(payload)


def decode_accounts(payload: bytes) -> list[Account]:
    """Read whole account records."""
    _check_whole(payload, RECORD_BYTES)
    accounts = []
    for (i, i2, dp, dp2, d, d2, cp, cp2, c, c2, u, u2, user_64,
         user_32, reserved, ledger, code, flags, timestamp) in _RECORD.iter_unpack(payload):
        if dp2 or d2 or cp2 or c2 or max(dp, d, cp, c) > AMOUNT_MAX:
            raise Malformed("a balance exceeds 2**63 - 1")
        accounts.append(Account(
            i | i2 << 64, dp, d, cp, c, u | u2 << 64, user_64, user_32, ledger, code, flags,
            timestamp, reserved,
        ))
    return accounts


@functools.lru_cache(maxsize=32)  # one of a thousand is 60 KiB, and callers have few sizes
def plain_columns(count: int) -> struct.Struct:
    """Of each of `count` transfers four values in turn: id, debit and credit account, amount."""
    return struct.Struct("<" + "16s16s16sQ72x" * count)


def key_of(number: int) -> bytes:
    """Return an id as the 16 bytes that records hold."""
    return number.to_bytes(ID_BYTES, "little")


def id_of(key: bytes) -> int:
    """Return the id whose bytes these are."""
    return int.from_bytes(key, "little")


def keys_in(payload: bytes) -> list[bytes]:
    """Return the ids of whole transfer records, as keys."""
    return [key for (key,) in _KEY.iter_unpack(payload)]


def pending_keys_in(payload: bytes) -> list[bytes]:
    """Return the pending_id of whole transfer records, as keys."""
    return [key for (key,) in _PENDING_KEY.iter_unpack(payload)]


def has_pending_keys(payload: bytes) -> bool:
    """Say whether any of whole transfer records names a pending transfer."""
    words = memoryview(payload).cast("Q")
    return any(words[8::_WORDS].tolist()) or any(words[9::_WORDS].tolist())


def keys(payload: bytes) -> list[bytes]:
    """Cut a list of ids into keys."""
    _check_whole(payload, ID_BYTES)
    return [payload[at:at + ID_BYTES] for at in range(0, len(payload), ID_BYTES)]


def stamped(record: bytes, timestamp: int) -> bytes:
    """Return a record as sent with the timestamp that it got."""
    return record[:-_STAMP.size] + _STAMP.pack(timestamp)


def check_transfers(payload: bytes) -> None:
    """Refuse bytes that are not whole transfer records within the ledger's range (Malformed)."""
    _check_whole(payload, RECORD_BYTES)
    words = memoryview(payload).cast("Q")
    if any(words[7::16].tobytes()) or max(words[6::16].tolist(), default=0) > AMOUNT_MAX:
        raise Malformed("an amount exceeds 2**63 - 1")


def encode_ids(ids: Iterable[int]) -> bytes:
    """Return 16 bytes an id."""
    return b"".join(i.to_bytes(ID_BYTES, "little") for i in ids)


def decode_ids(payload: bytes) -> list[int]:
    """Read whole ids."""
    _check_whole(payload, ID_BYTES)
    return [low | high << 64 for low, high in _ID.iter_unpack(payload)]


def _check_whole(payload: bytes, record_bytes: int) -> None:
    if len(payload) % record_bytes:
        raise Malformed(f"{len(payload)} bytes are not whole records of {record_bytes}")

"""Rows of PostgreSQL's binary COPY format: transfers, column by column, and pages of their ids.

A transfer's row is nothing but fixed-width fields, so that a stretch of records becomes a stretch
of rows by moving byte columns: some 120 moves a stretch instead of a dozen values a row. Integers
and ids turn from little-endian to big-endian on the way.

Source: PostgreSQL documentation, COPY, Binary Format.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lionrock.ledger.domain.copies import Copies
from lionrock.ledger.domain.values import NS_PER_S, HoldStatus, TransferFlags

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_RECORD = 128
_PENDING = int(TransferFlags.PENDING)
# Column, its width in the row, and where and how wide it is in a record (-1: not there).
_LAYOUT = (
    ("id", 16, 0, 16),
    ("debit_account_id", 16, 16, 16),
    ("credit_account_id", 16, 32, 16),
    ("amount", 8, 48, 8),
    ("pending_id", 16, 64, 16),
    ("user_data_128", 16, 80, 16),
    ("user_data_64", 8, 96, 8),
    ("user_data_32", 8, 104, 4),
    ("timeout", 8, 108, 4),
    ("ledger", 8, 112, 4),
    ("code", 4, 116, 2),
    ("flags", 4, 118, 2),
    ("timestamp_ns", 8, 120, 8),
    ("expires_at_ns", 8, -1, 0),
    ("hold_status", 2, -1, 0),
    ("sequence", 8, -1, 0),
)
COLUMNS = tuple(name for name, _, _, _ in _LAYOUT)
PAGE_COLUMNS = ("account_id", "is_debit", "first_ns", "transfer_ids")
PAGE_IDS_MAX = 128
# Four columns; the last is an array of one dimension, without nulls, of uuid, from place 1.
_PAGE = struct.Struct(">h i16s i? iq iiiiii")
_UUID_OID = 2950
_ARRAY_HEAD_BYTES = 20
_ELEMENT_BYTES = 20
_ID_AFTER = struct.pack("<i", 16)  # an element's length; with its id turned round it comes first


def _row_template() -> tuple[bytes, dict[str, int], list[tuple[int, int]]]:
    """An empty row, where each column begins in it, and which byte comes from which."""
    row = bytearray(struct.pack(">h", len(_LAYOUT)))
    offsets: dict[str, int] = {}
    moves: list[tuple[int, int]] = []
    for name, width, source, source_width in _LAYOUT:
        row += struct.pack(">i", width)
        offsets[name] = len(row)
        last = len(row) + width - 1
        moves += [(last - byte, source + byte) for byte in range(source_width)]
        row += bytes(width)
    return bytes(row), offsets, moves


_TEMPLATE, _OFFSETS, _MOVES = _row_template()
ROW_BYTES = len(_TEMPLATE)


def transfer_rows(stored: bytes, sequence: int) -> bytes:
    """Return the rows of whole transfer records that one journal row brought."""
    count = len(stored) // _RECORD
    template = bytearray(_TEMPLATE)
    struct.pack_into(">q", template, _OFFSETS["sequence"], sequence)
    rows = bytearray(bytes(template) * count)
    to, source = memoryview(rows), memoryview(stored)
    for target, origin in _MOVES:
        to[target::ROW_BYTES] = source[origin::_RECORD]
    flags = source.cast("H")[59::64].tolist()
    if any(flag & _PENDING for flag in set(flags)):
        _add_holds(rows, source, flags)
    return bytes(rows)


def page_rows(account: bytes, places: Sequence[int], copies: Copies, *, is_debit: bool) -> bytes:
    """Return the rows that list transfers of one side of an account, by places, oldest first.

    A page holds its ids newest first, so that turning all its bytes round turns each id, too.
    """
    rows = []
    for first in range(0, len(places), PAGE_IDS_MAX):
        page = places[first:first + PAGE_IDS_MAX]
        count = len(page)
        rows.append(_PAGE.pack(
            len(PAGE_COLUMNS), 16, account[::-1], 1, is_debit, 8, copies.times_ns[page[0]],
            _ARRAY_HEAD_BYTES + count * _ELEMENT_BYTES, 1, 0, _UUID_OID, count, 1))
        ids = _ID_AFTER.join(map(copies.ids.__getitem__, page)) + _ID_AFTER
        rows.append(ids[::-1])
    return b"".join(rows)


def _add_holds(rows: bytearray, source: memoryview, flags: list[int]) -> None:
    timeouts = source.cast("I")[27::32].tolist()
    timestamps = source.cast("Q")[15::16].tolist()
    for index, flag in enumerate(flags):
        if not flag & _PENDING:
            continue
        at = index * ROW_BYTES
        struct.pack_into(">h", rows, at + _OFFSETS["hold_status"], HoldStatus.OPEN)
        if timeouts[index]:
            struct.pack_into(">q", rows, at + _OFFSETS["expires_at_ns"],
                             timestamps[index] + timeouts[index] * NS_PER_S)

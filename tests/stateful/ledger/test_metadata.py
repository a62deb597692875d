"""Metadata beside the ledger: one owner a note, versions, search."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from lionrock.kernel.db import Database
from lionrock.ledger.api import Metadata, MetadataKind
from lionrock.ledger.service.metadata import FIELDS_BYTES_MAX

ACCOUNT, TRANSFER = MetadataKind.ACCOUNT, MetadataKind.TRANSFER


async def put(
    database: Database, owner: str, identifier: int, fields: dict[str, Any],
    version: int | None = None, kind: MetadataKind = TRANSFER,
) -> int | None:
    return await database.run(
        lambda db: Metadata(owner).put(db, kind, identifier, fields, version=version))


async def test_a_note_is_read_back_as_written_and_counts_its_changes(database: Database) -> None:
    assert await put(database, "payments", 5, {"order": "A", "lines": [1, {"x": None}]}) == 1
    assert await put(database, "payments", 5, {"order": "B"}) == 2
    note = await database.read(lambda db: Metadata("payments").get(db, TRANSFER, 5))
    assert note is not None
    assert (note.id, note.fields, note.version) == (5, {"order": "B"}, 2)
    assert await database.read(lambda db: Metadata("payments").get(db, ACCOUNT, 5)) is None


async def test_a_note_of_another_owner_is_neither_found_nor_changed(database: Database) -> None:
    await put(database, "payments", 5, {"order": "A"})
    assert await put(database, "programmes", 5, {"order": "stolen"}) is None
    other = Metadata("programmes")
    assert await database.read(lambda db: other.get(db, TRANSFER, 5)) is None
    assert await database.read(lambda db: other.find(db, TRANSFER, {})) == []
    note = await database.read(lambda db: Metadata("payments").get(db, TRANSFER, 5))
    assert note is not None
    assert note.fields == {"order": "A"}


async def test_a_change_that_did_not_see_the_last_one_is_refused(database: Database) -> None:
    assert await put(database, "payments", 5, {"n": 1}, version=3) is None
    assert await put(database, "payments", 5, {"n": 1}, version=0) == 1
    assert await put(database, "payments", 5, {"n": 2}, version=0) is None
    assert await put(database, "payments", 5, {"n": 2}, version=1) == 2
    assert await put(database, "payments", 5, {"n": 3}, version=1) is None


async def test_notes_are_found_by_what_they_hold_page_by_page(database: Database) -> None:
    for i in range(1, 8):
        await put(database, "payments", i, {"kind": "refund" if i % 2 else "fee", "n": i})
    owner = Metadata("payments")
    first = await database.read(
        lambda db: owner.find(db, TRANSFER, {"kind": "refund"}, limit=2))
    assert [note.id for note in first] == [1, 3]
    rest = await database.read(
        lambda db: owner.find(db, TRANSFER, {"kind": "refund"}, after=3))
    assert [note.id for note in rest] == [5, 7]
    assert await database.read(lambda db: owner.find(db, TRANSFER, {"n": 99})) == []


async def test_sizes_are_bounded(database: Database) -> None:
    room = FIELDS_BYTES_MAX - len('{"a":""}')
    assert await put(database, "payments", 1, {"a": "x" * room}) == 1
    with pytest.raises(ValueError, match="bytes of metadata"):
        await put(database, "payments", 1, {"a": "x" * (room + 1)})
    for identifier in (0, 2**128 - 1):
        with pytest.raises(ValueError, match="id"):
            await put(database, "payments", identifier, {})
    for owner in ("", "x" * 101):
        with pytest.raises(ValueError, match="owner"):
            Metadata(owner)
    for limit, after in ((0, 0), (101, 0), (1, -1)):
        with pytest.raises(ValueError, match=r"limit|after"):
            await database.read(partial(
                Metadata("payments").find, kind=TRANSFER, fields={}, after=after, limit=limit))

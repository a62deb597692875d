"""Whether everything a log has ever said fits together: for tests that hurt it."""

from __future__ import annotations

import itertools

from lionrock.evidence.domain import merkle, note
from lionrock.kernel.db import Connection, Database


async def check_log(database: Database) -> int:
    """Assert that places are dense and that every signed tree is a prefix of all receipts.

    Reads the raw rows and recomputes everything from the entries alone; returns the log's size.
    """

    async def read(db: Connection) -> tuple[list[object], list[object], object]:
        return (
            await db.fetch(
                "SELECT log_index, entry FROM evidence.receipts WHERE log_index IS NOT NULL"
                " ORDER BY log_index"
            ),
            await db.fetch("SELECT size, note_text FROM evidence.checkpoints ORDER BY size"),
            await db.fetchrow("SELECT size, root FROM evidence.tree"),
        )

    rows, checkpoints, tree = await database.read(read)
    entries = [bytes(row["entry"]) for row in rows]  # type: ignore[index]  # a database row
    assert [row["log_index"] for row in rows] == list(range(len(entries)))  # type: ignore[index]  # a database row
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    if tree is None:
        assert entries == []
        return 0
    assert tree["size"] == len(entries)  # type: ignore[index]  # a database row
    assert bytes(tree["root"]) == merkle.root_of(hashes)  # type: ignore[index]  # a database row
    heads = [note.parse_checkpoint(row["note_text"]) for row in checkpoints]  # type: ignore[index]  # a database row
    for head in heads:
        assert head is not None
        assert head.size <= len(entries), "a tree was signed that is not committed"
        assert head.root == merkle.root_of(hashes[: head.size]), "two histories were signed"
    sizes = [head.size for head in heads if head is not None]
    assert all(a < b for a, b in itertools.pairwise(sizes))
    return len(entries)

"""The evidence pillar's rows: all of its SQL and nothing else. Rows in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from lionrock.evidence.domain import note
from lionrock.evidence.domain.merkle import EMPTY_ROOT
from lionrock.evidence.domain.tiles import TileAddress
from lionrock.kernel.db import Connection
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.notes import Row

NOTES_COMPARED_MAX = 100


class StoredReceipt(msgspec.Struct, frozen=True):
    """A receipt as kept; `log_index` is None until it is integrated."""

    id: str
    kind: str
    issuer: str
    jws: str
    salt: bytes
    entry: bytes
    log_index: int | None


class Tree(msgspec.Struct, frozen=True):
    """The log: its identity and how far it has grown."""

    origin: str
    vkey: str
    size: int
    root: bytes


class StoredArtefact(msgspec.Struct, frozen=True):
    """A kept document."""

    sha256: str
    media_type: str
    content: bytes


_RECEIPT_ROWS = Insert(
    table="evidence.receipts",
    columns=(
        Column("id", "text"), Column("kind", "text"), Column("issuer", "text"),
        Column("jws", "text"), Column("salt", "bytea"), Column("entry", "bytea"),
        Column("recorded_at", "timestamptz"),
    ),
    values=lambda row: (
        row[0].id, row[0].kind, row[0].issuer, row[0].jws, row[0].salt, row[0].entry, row[1],
    ),
)  # fmt: skip
_REFERENCE_ROWS = Insert(
    table="evidence.receipt_references",
    columns=(Column("value", "text"), Column("name", "text"), Column("receipt_id", "text")),
    values=tuple,
)
_RECEIPT = (
    "SELECT r.id, r.kind, r.issuer, r.jws, r.salt, r.entry, r.log_index FROM evidence.receipts r"
)


async def insert_receipt(
    db: Connection, receipt: StoredReceipt, references: Mapping[str, str], recorded_at: datetime
) -> bool:
    """Insert a receipt with its references in one statement; False when its id is there already."""
    inserted = await db.fetchval(
        "WITH new AS (INSERT INTO evidence.receipts"
        "  (id, kind, issuer, jws, salt, entry, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        "  ON CONFLICT (id) DO NOTHING RETURNING id),"
        " referred AS (INSERT INTO evidence.receipt_references (value, name, receipt_id)"
        "  SELECT v, n, new.id FROM new, unnest($8::text[], $9::text[]) AS given (v, n))"
        " SELECT id FROM new",
        receipt.id, receipt.kind, receipt.issuer, receipt.jws, receipt.salt, receipt.entry,
        recorded_at, list(references.values()), list(references),
    )  # fmt: skip
    return inserted is not None


def receipt_rows(
    receipt: StoredReceipt, references: Mapping[str, str], recorded_at: datetime
) -> list[Row]:
    """Return the rows of a receipt of a new id and its references."""
    referred: list[Row] = [
        (_REFERENCE_ROWS, (value, name, receipt.id)) for name, value in references.items()
    ]
    return [(_RECEIPT_ROWS, (receipt, recorded_at)), *referred]


async def load_receipt(
    db: Connection, receipt_id: str, issuer: str | None = None
) -> StoredReceipt | None:
    """Return a receipt, of the given issuer when one is given."""
    row = await db.fetchrow(
        f"{_RECEIPT} WHERE r.id = $1 AND ($2::text IS NULL OR r.issuer = $2)", receipt_id, issuer
    )
    return StoredReceipt(**dict(row)) if row else None


async def list_receipts_about(
    db: Connection, references: Mapping[str, Sequence[str]], count_max: int
) -> list[StoredReceipt]:
    """Return the receipts that carry any of the references, by id, at most `count_max`."""
    rows = await db.fetch(
        f"{_RECEIPT} WHERE r.id IN (SELECT f.receipt_id FROM evidence.receipt_references f"
        "  JOIN unnest($1::text[], $2::text[]) AS given (value, name)"
        "  ON f.value = given.value AND f.name = given.name)"
        " ORDER BY r.id LIMIT $3",
        [value for values in references.values() for value in values],
        [name for name, values in references.items() for _ in values], count_max,
    )  # fmt: skip
    return [StoredReceipt(**dict(row)) for row in rows]


async def list_pending(db: Connection, count_max: int) -> list[StoredReceipt]:
    """Return receipts without a place in the log yet, oldest id first."""
    rows = await db.fetch(
        f"{_RECEIPT} WHERE r.log_index IS NULL ORDER BY r.id LIMIT $1", count_max
    )
    return [StoredReceipt(**dict(row)) for row in rows]


async def save_indices(db: Connection, receipt_ids: Sequence[str], first_index: int) -> None:
    """Give receipts their places, from `first_index` on, in the order given."""
    await db.execute(
        "UPDATE evidence.receipts r SET log_index = $2 + placed.number - 1"
        " FROM unnest($1::text[]) WITH ORDINALITY AS placed (id, number)"
        " WHERE r.id = placed.id",
        list(receipt_ids), first_index,
    )  # fmt: skip


async def list_entries(db: Connection, first_index: int, count: int) -> list[bytes]:
    """Return log entries [first_index, first_index + count), fewer when the log ends before."""
    rows = await db.fetch(
        "SELECT entry FROM evidence.receipts WHERE log_index >= $1 AND log_index < $2"
        " ORDER BY log_index",
        first_index, first_index + count,
    )  # fmt: skip
    return [bytes(row["entry"]) for row in rows]


async def found_tree(db: Connection, origin: str, vkey: str) -> None:
    """Begin the log, empty, under an identity; harmless when it has begun."""
    await db.execute(
        "INSERT INTO evidence.tree (origin, vkey, size, root) VALUES ($1, $2, 0, $3)"
        " ON CONFLICT DO NOTHING",
        origin, vkey, EMPTY_ROOT,
    )  # fmt: skip


async def load_tree(db: Connection) -> Tree | None:
    """Return the log's state; None before it has begun."""
    row = await db.fetchrow("SELECT origin, vkey, size, root FROM evidence.tree")
    return Tree(**dict(row)) if row else None


async def lock_tree(db: Connection) -> Tree | None:
    """Return the log's state with its row locked; None when another integration holds it."""
    row = await db.fetchrow(
        "SELECT origin, vkey, size, root FROM evidence.tree FOR UPDATE SKIP LOCKED"
    )
    return Tree(**dict(row)) if row else None


async def save_tree(db: Connection, size: int, root: bytes) -> None:
    """Write how far the log has grown."""
    await db.execute("UPDATE evidence.tree SET size = $1, root = $2", size, root)


async def load_tiles(db: Connection, wanted: Iterable[TileAddress]) -> dict[TileAddress, bytes]:
    """Return the tiles that exist among those wanted."""
    addresses = list(wanted)
    rows = await db.fetch(
        "SELECT t.level, t.tile_index, t.hashes FROM evidence.tiles t"
        " JOIN unnest($1::smallint[], $2::bigint[]) AS given (level, tile_index)"
        " ON t.level = given.level AND t.tile_index = given.tile_index",
        [a.level for a in addresses], [a.index for a in addresses],
    )  # fmt: skip
    return {TileAddress(row["level"], row["tile_index"]): bytes(row["hashes"]) for row in rows}


async def save_tiles(db: Connection, changed: Mapping[TileAddress, bytes]) -> None:
    """Write tiles, new ones and grown ones."""
    await db.execute(
        "INSERT INTO evidence.tiles (level, tile_index, hashes)"
        " SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])"
        " ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes",
        [a.level for a in changed], [a.index for a in changed], list(changed.values()),
    )  # fmt: skip


async def has_checkpoint(db: Connection, size: int) -> bool:
    """Say whether the tree of that size has a signed checkpoint."""
    found = await db.fetchval("SELECT 1 FROM evidence.checkpoints WHERE size = $1", size)
    return found is not None


async def insert_checkpoint(
    db: Connection, size: int, text: str, line: note.SignatureLine, signed_at: datetime
) -> None:
    """Save a signed checkpoint; harmless when it is there."""
    await db.execute(
        "INSERT INTO evidence.checkpoints (size, note_text, log_line, signed_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        size, text, line.text(), signed_at,
    )  # fmt: skip


async def load_newest_note(db: Connection) -> note.Note | None:
    """Return the newest checkpoint with all cosignatures it has so far."""
    notes = await _load_notes(db, 0, None, 1)
    return notes[0] if notes else None


async def load_best_note(
    db: Connection, size_min: int, witnesses: Sequence[str]
) -> note.Note | None:
    """Return the checkpoint of at least `size_min` with most cosignatures of these witnesses.

    Looked for among the newest NOTES_COMPARED_MAX; among equals the newest. None when the log has
    no checkpoint of that size yet.
    """
    notes = await _load_notes(db, size_min, witnesses, NOTES_COMPARED_MAX)
    return max(notes, key=lambda found: len(found.signatures), default=None)


async def insert_cosignature(
    db: Connection, size: int, witness: str, line: note.SignatureLine
) -> None:
    """Save a witness's cosignature of a checkpoint; the first one stays."""
    await db.execute(
        "INSERT INTO evidence.cosignatures (size, witness, line) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        size, witness, line.text(),
    )  # fmt: skip


async def cosigned_size(db: Connection, witness: str) -> int:
    """Return the size of the newest checkpoint that a witness has cosigned, 0 for none."""
    return int(
        await db.fetchval(
            "SELECT coalesce(max(size), 0) FROM evidence.cosignatures WHERE witness = $1", witness
        )
    )


async def insert_artefact(
    db: Connection, sha256: str, media_type: str, content: bytes, kept_at: datetime
) -> None:
    """Keep a document; harmless when it is kept already."""
    await db.execute(
        "INSERT INTO evidence.artefacts (sha256, media_type, content, kept_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        sha256, media_type, content, kept_at,
    )  # fmt: skip


async def list_artefacts(db: Connection, digests: Iterable[str]) -> list[StoredArtefact]:
    """Return the kept documents among these digests."""
    rows = await db.fetch(
        "SELECT sha256, media_type, content FROM evidence.artefacts WHERE sha256 = ANY($1)"
        " ORDER BY sha256",
        sorted(set(digests)),
    )
    return [StoredArtefact(row["sha256"], row["media_type"], bytes(row["content"])) for row in rows]


async def _load_notes(
    db: Connection, size_min: int, witnesses: Sequence[str] | None, count_max: int
) -> list[note.Note]:
    """Return checkpoints, newest first, with the cosignatures of these witnesses (None: all)."""
    rows = await db.fetch(
        "SELECT c.note_text, c.log_line, array(SELECT s.line FROM evidence.cosignatures s"
        "  WHERE s.size = c.size AND ($2::text[] IS NULL OR s.witness = ANY($2))"
        "  ORDER BY s.witness) AS lines"
        " FROM evidence.checkpoints c WHERE c.size >= $1 ORDER BY c.size DESC LIMIT $3",
        size_min, None if witnesses is None else list(witnesses), count_max,
    )  # fmt: skip
    return [_note(row["note_text"], [row["log_line"], *row["lines"]]) for row in rows]


def _note(text: str, stored_lines: Sequence[str]) -> note.Note:
    lines = note.parse_signature_lines("".join(line + "\n" for line in stored_lines))
    assert lines, "what was stored is what was signed"
    return note.Note(text, tuple(lines))

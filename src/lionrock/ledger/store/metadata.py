"""Notes beside accounts and transfers. Rows in, values out; every question names the owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection


class Note(msgspec.Struct, frozen=True):
    """What an owner noted about one account or transfer; `version` counts the changes from 1."""

    id: int
    fields: dict[str, Any]
    version: int


async def put(
    db: Connection, *, owner: str, kind: str, identifier: int, fields: Mapping[str, Any],
    version: int | None,
) -> int | None:
    """Write a note and return its version.

    None when somebody else owns the id's note, or when `version` is given and is not the one in
    force (0: there must be none yet).
    """
    found = await db.fetchval(
        "INSERT INTO ledger.metadata AS m (owner, kind, id, fields, version)"
        " SELECT $1, $2, $3, $4::jsonb, 1 WHERE coalesce($5::bigint, 0) = 0"
        "  OR EXISTS (SELECT FROM ledger.metadata WHERE kind = $2 AND id = $3)"
        " ON CONFLICT ON CONSTRAINT metadata_pk DO UPDATE"
        "  SET fields = excluded.fields, version = m.version + 1"
        "  WHERE m.owner = excluded.owner AND m.version = coalesce($5::bigint, m.version)"
        " RETURNING version",
        owner, kind, UUID(int=identifier), dict(fields), version,
    )
    return None if found is None else int(found)


async def get(db: Connection, *, owner: str, kind: str, identifier: int) -> Note | None:
    """Return the owner's note about an id; somebody else's is not found."""
    row = await db.fetchrow(
        "SELECT id, fields, version FROM ledger.metadata"
        " WHERE owner = $1 AND kind = $2 AND id = $3",
        owner, kind, UUID(int=identifier),
    )
    return None if row is None else _note_of(row)


async def find(
    db: Connection, *, owner: str, kind: str, fields: Mapping[str, Any], after: int, limit: int
) -> list[Note]:
    """Return the owner's notes that hold all of `fields`, in the order of ids after `after`."""
    rows = await db.fetch(
        "SELECT id, fields, version FROM ledger.metadata"
        " WHERE owner = $1 AND kind = $2 AND fields @> $3::jsonb AND id > $4"
        " ORDER BY id LIMIT $5",
        owner, kind, dict(fields), UUID(int=after), limit,
    )
    return [_note_of(row) for row in rows]


def _note_of(row: Any) -> Note:
    return Note(row["id"].int, row["fields"], row["version"])

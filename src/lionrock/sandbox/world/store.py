"""The parties' durable state: a small document store per party, in the world's own database.

Not for: the platform's data; the world's database is another one, and the world has no address of
the platform's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lionrock.kernel.db import Connection, Database

Document = dict[str, Any]
DOCUMENTS_LISTED_MAX = 10_000


class WorldStore:
    """Documents by (party, kind, key); every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def get(self, party: str, kind: str, key: str) -> Document | None:
        """Return a document or None."""
        found: Document | None = await self.database.run(lambda db: read(db, party, kind, key))
        return found

    async def put(self, party: str, kind: str, key: str, value: Document) -> None:
        """Write a document, replacing what was there."""
        await self.database.run(lambda db: write(db, party, kind, key, value))

    async def create(self, party: str, kind: str, key: str, value: Document) -> bool:
        """Write a document unless there is one; returns whether it was written."""
        return await self.database.run(lambda db: insert(db, party, kind, key, value))

    async def list(self, party: str, kind: str) -> dict[str, Document]:
        """Return all documents of a kind by key, in key order."""

        async def use_case(db: Connection) -> dict[str, Document]:
            rows = await db.fetch(
                "SELECT key, value FROM world.state WHERE party = $1 AND kind = $2"
                " ORDER BY key LIMIT $3",
                party, kind, DOCUMENTS_LISTED_MAX,
            )
            return {row["key"]: row["value"] for row in rows}

        return await self.database.run(use_case)

    async def change(
        self, party: str, kind: str, key: str, edit: Callable[[Document | None], Document]
    ) -> Document:
        """Read, edit and write one document with its row locked; returns what was written."""

        async def use_case(db: Connection) -> Document:
            await lock(db, party, kind, key)
            edited = edit(await read(db, party, kind, key))
            await write(db, party, kind, key, edited)
            return edited

        return await self.database.run(use_case)


async def lock(db: Connection, party: str, kind: str, key: str) -> None:
    """Hold a document, also one that is not there yet, until the caller's transaction ends."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{party}/{kind}/{key}"
    )


async def read(db: Connection, party: str, kind: str, key: str) -> Document | None:
    """Read a document in the caller's transaction."""
    found: Document | None = await db.fetchval(
        "SELECT value FROM world.state WHERE party = $1 AND kind = $2 AND key = $3",
        party, kind, key,
    )
    return found


async def write(db: Connection, party: str, kind: str, key: str, value: Document) -> None:
    """Write a document in the caller's transaction."""
    await db.execute(
        "INSERT INTO world.state (party, kind, key, value) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (party, kind, key) DO UPDATE SET value = excluded.value",
        party, kind, key, value,
    )


async def insert(db: Connection, party: str, kind: str, key: str, value: Document) -> bool:
    """Write a document in the caller's transaction unless there is one."""
    created = await db.fetchval(
        "INSERT INTO world.state (party, kind, key, value) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        party, kind, key, value,
    )
    return created is not None

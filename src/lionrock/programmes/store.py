"""All SQL of programmes outside cases: the rule books that decisions were made with.

Invariant: a book is stored once under the SHA-256 of its content and never changes; the database
checks the digest (constraint rule_books_digest_of_content).
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from lionrock.kernel.db import Connection


class StoredBook(msgspec.Struct, frozen=True, kw_only=True):
    """A rule book as published; `content` is what its digest is taken over."""

    digest: str
    title: str
    revision_date: date
    content: bytes
    published_at: datetime


async def insert_book(db: Connection, book: StoredBook) -> bool:
    """Keep a book; False when it was there already."""
    inserted = await db.fetchval(
        "INSERT INTO programmes.rule_books (digest, title, revision_date, content, published_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT rule_books_pk DO NOTHING"
        " RETURNING digest",
        book.digest, book.title, book.revision_date, book.content, book.published_at,
    )
    return inserted is not None


async def book_by_digest(db: Connection, digest: str) -> StoredBook | None:
    """Return a book by its digest; None when it was never published here."""
    row = await db.fetchrow(
        "SELECT digest, title, revision_date, content, published_at"
        " FROM programmes.rule_books WHERE digest = $1",
        digest,
    )
    return None if row is None else StoredBook(**dict(row))

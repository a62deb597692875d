"""Metadata beside the ledger: what owners want to remember of accounts and transfers, as JSON.

It is searched, never decided by: no rule of the ledger reads it, and it may name an id before the
ledger has it (ids are saved before they are sent). An id's note has one owner, the pillar or member
that wrote it first; to everybody else it does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.values import ID_MAX
from lionrock.ledger.store import metadata
from lionrock.ledger.store.metadata import Note

FIELDS_BYTES_MAX = 16_384
OWNER_CHARACTERS_MAX = 100
FOUND_MAX = 100


class MetadataKind(StrEnum):
    """What a note is about."""

    ACCOUNT = "account"
    TRANSFER = "transfer"


class Metadata:
    """One owner's notes."""

    def __init__(self, owner: str) -> None:
        if not 0 < len(owner) <= OWNER_CHARACTERS_MAX:
            raise ValueError(f"an owner's name has 1 to {OWNER_CHARACTERS_MAX} characters")
        self._owner = owner

    async def put(
        self, db: Connection, kind: MetadataKind, identifier: int, fields: Mapping[str, Any], *,
        version: int | None = None,
    ) -> int | None:
        """Write a note in place of the one before; returns its version.

        None when the id's note is another owner's, or is no longer at `version` (0: there is none
        yet). ValueError for an id outside 1..2**128 - 2 and for more than 16 KiB of JSON.
        """
        _check_id(identifier)
        if len(msgspec.json.encode(fields)) > FIELDS_BYTES_MAX:
            raise ValueError(f"more than {FIELDS_BYTES_MAX} bytes of metadata")
        return await metadata.put(
            db, owner=self._owner, kind=kind, identifier=identifier, fields=fields,
            version=version)

    async def get(self, db: Connection, kind: MetadataKind, identifier: int) -> Note | None:
        """Return the note about an id, or None."""
        _check_id(identifier)
        return await metadata.get(db, owner=self._owner, kind=kind, identifier=identifier)

    async def find(
        self, db: Connection, kind: MetadataKind, fields: Mapping[str, Any], *, after: int = 0,
        limit: int = FOUND_MAX,
    ) -> list[Note]:
        """Return the notes that hold all of `fields`, by id after `after`, at most 100 a page."""
        if not 1 <= limit <= FOUND_MAX:
            raise ValueError(f"limit {limit} is outside 1..{FOUND_MAX}")
        if not 0 <= after <= ID_MAX:
            raise ValueError("after is no id")
        return await metadata.find(
            db, owner=self._owner, kind=kind, fields=fields, after=after, limit=limit)


def _check_id(identifier: int) -> None:
    if not 0 < identifier < ID_MAX:
        raise ValueError("an id is 1 to 2**128 - 2")

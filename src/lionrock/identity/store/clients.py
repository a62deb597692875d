"""Registered clients on record."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from lionrock.identity.domain.clients import Client, ClientPolicy
from lionrock.identity.store.parties import taken
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text


async def insert_client(db: Connection, client: Client, at: datetime) -> Refused | None:
    """Register a client; CLIENT_EXISTS when the id is taken."""
    try:
        await db.execute(
            "INSERT INTO identity.clients (id, names, organisation_id, sector, redirect_uris,"
            " scopes, keys, is_active, created_at, policy, jwks_uri)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            client.id, msgspec.to_builtins(client.names), client.organisation_id, client.sector,
            list(client.redirect_uris), sorted(client.scopes), list(client.keys),
            client.is_active, at, _policy(client), client.jwks_uri,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        return taken(error)
    return None


async def replace_client(db: Connection, client: Client) -> bool:
    """Replace what a client registered; False when there is none of that id."""
    changed = await db.fetchval(
        "UPDATE identity.clients SET names = $2, organisation_id = $3, sector = $4,"
        " redirect_uris = $5, scopes = $6, keys = $7, is_active = $8, policy = $9, jwks_uri = $10"
        " WHERE id = $1 RETURNING 1",
        client.id, msgspec.to_builtins(client.names), client.organisation_id, client.sector,
        list(client.redirect_uris), sorted(client.scopes), list(client.keys), client.is_active,
        _policy(client), client.jwks_uri,
    )  # fmt: skip
    return changed is not None


async def client(db: Connection, client_id: str) -> Client | None:
    """Return an active client."""
    found = await clients(db, [client_id])
    return found[0] if found else None


async def clients(db: Connection, client_ids: Collection[str]) -> list[Client]:
    """Return the active ones of some clients, in no promised order."""
    rows = await db.fetch(
        "SELECT * FROM identity.clients WHERE id = ANY($1) AND is_active", list(client_ids)
    )
    return [_client(row) for row in rows]


def _client(row: Any) -> Client:
    return Client(
        id=row["id"], names=msgspec.convert(row["names"], Text),
        organisation_id=row["organisation_id"], sector=row["sector"],
        redirect_uris=tuple(row["redirect_uris"]), scopes=frozenset(row["scopes"]),
        keys=tuple(row["keys"]), is_active=row["is_active"],
        policy=msgspec.convert(row["policy"], ClientPolicy), jwks_uri=row["jwks_uri"],
    )  # fmt: skip


def _policy(client: Client) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(client.policy)
    return shown

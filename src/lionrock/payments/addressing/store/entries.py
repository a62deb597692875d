"""Rows of registrations, and of the FPS ids that were given.

A proxy and currency has one row. Whoever writes entries of a proxy holds its lock, so that two
registrations of one proxy come one after the other also when there is no row yet.
Not for: who may register what (domain.entries).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.addressing.domain.answers import FoundEntry
from lionrock.payments.addressing.domain.entries import Holding, ProxyEntry, ProxyTarget
from lionrock.payments.addressing.domain.sets import RegisterDigest, assembled
from lionrock.payments.sealing import Vault

_TARGET = "proxy_entries.sealed_target"
_LOCK_REALM = 7_310_003
# What a look-up reads of an entry besides its currency, and from where.
FOUND = "e.organisation_id, e.sealed_target, p.clearing_code, h.source, h.listed_at"
REGISTERED = (
    "payments.proxy_entries e JOIN payments.participants p USING (organisation_id)"
    " LEFT JOIN LATERAL (SELECT r.source, r.listed_at FROM payments.high_risk_proxies r"
    "  WHERE r.lookup_key = e.lookup_key ORDER BY r.listed_at LIMIT 1) h ON true"
)
_ENTRY = (
    "SELECT lookup_key, currency, kind, organisation_id, account_key, owner_key, fingerprint,"
    " sealed_target, registered_at FROM payments.proxy_entries"
)


async def lock_proxies(db: Connection, lookup_keys: Iterable[bytes]) -> None:
    """Wait until nobody else writes these proxies, and keep others out until the end."""
    ids = sorted(int.from_bytes(key[:8], "big", signed=True) ^ _LOCK_REALM for key in lookup_keys)
    await db.execute(
        "SELECT pg_advisory_xact_lock(l.id) FROM unnest($1::bigint[]) AS l (id)", ids
    )


async def load_holdings(
    db: Connection, lookup_keys: Sequence[bytes]
) -> dict[bytes, list[Holding]]:
    """Return who holds these proxies, by look-up key."""
    rows = await db.fetch(
        "SELECT lookup_key, currency, organisation_id, owner_key FROM payments.proxy_entries"
        " WHERE lookup_key = ANY($1) ORDER BY lookup_key, currency",
        list(lookup_keys),
    )
    found: dict[bytes, list[Holding]] = {}
    for row in rows:
        found.setdefault(row["lookup_key"], []).append(
            Holding(row["currency"], row["organisation_id"], row["owner_key"])
        )
    return found


async def put_entries(db: Connection, vault: Vault, entries: Sequence[ProxyEntry]) -> None:
    """Write entries in the place of those that are there; each proxy and currency once."""
    await db.execute(
        "INSERT INTO payments.proxy_entries (lookup_key, currency, kind, organisation_id,"
        " account_key, owner_key, fingerprint, sealed_target, registered_at)"
        " SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[],"
        "  $6::bytea[], $7::bytea[], $8::bytea[], $9::timestamptz[])"
        " ON CONFLICT (lookup_key, currency) DO UPDATE SET"
        "  organisation_id = excluded.organisation_id, account_key = excluded.account_key,"
        "  owner_key = excluded.owner_key, fingerprint = excluded.fingerprint,"
        "  sealed_target = excluded.sealed_target, registered_at = excluded.registered_at",
        *zip(*(entry_row(vault, entry) for entry in entries), strict=True),
    )


def entry_row(vault: Vault, entry: ProxyEntry) -> tuple[Any, ...]:
    """The columns of an entry, in the table's order (also for COPY)."""
    label = _label(entry.lookup_key, entry.currency)
    return (
        entry.lookup_key, entry.currency, entry.kind, entry.organisation_id, entry.account_key,
        entry.owner_key, entry.fingerprint, vault.seal_value(_TARGET, label, entry.target),
        entry.registered_at,
    )


async def copy_entries(db: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write many rows of entries that are not there yet with COPY."""
    await db.copy_records_to_table("proxy_entries", schema_name="payments", records=rows)


async def delete_entries(
    db: Connection, vault: Vault, lookup_key: bytes, organisation_id: str, currencies: list[str]
) -> list[ProxyEntry]:
    """Remove a participant's entries of a proxy (all currencies when none is named)."""
    rows = await db.fetch(
        "DELETE FROM payments.proxy_entries WHERE lookup_key = $1 AND organisation_id = $2"
        " AND (cardinality($3::text[]) = 0 OR currency = ANY($3)) RETURNING *",
        lookup_key, organisation_id, currencies,
    )
    return [_entry(vault, row) for row in rows]


async def keys_of_account(
    db: Connection, organisation_id: str, account_key: bytes
) -> list[bytes]:
    """Return the look-up keys of an account's proxies."""
    rows = await db.fetch(
        "SELECT DISTINCT lookup_key FROM payments.proxy_entries"
        " WHERE account_key = $1 AND organisation_id = $2",
        account_key, organisation_id,
    )
    return [row["lookup_key"] for row in rows]


async def delete_of_account(
    db: Connection, vault: Vault, organisation_id: str, account_key: bytes
) -> list[ProxyEntry]:
    """Remove all entries of an account."""
    rows = await db.fetch(
        "DELETE FROM payments.proxy_entries WHERE account_key = $1 AND organisation_id = $2"
        " RETURNING *",
        account_key, organisation_id,
    )
    return [_entry(vault, row) for row in rows]


async def load_entries(db: Connection, vault: Vault, lookup_key: bytes) -> list[ProxyEntry]:
    """Return a proxy's entries by currency; empty when nobody is registered."""
    rows = await db.fetch(f"{_ENTRY} WHERE lookup_key = $1 ORDER BY currency", lookup_key)
    return [_entry(vault, row) for row in rows]


async def load_many_entries(
    db: Connection, vault: Vault, lookup_keys: Sequence[bytes]
) -> dict[bytes, list[ProxyEntry]]:
    """Return the entries of several proxies by currency; a proxy of nobody is left out."""
    rows = await db.fetch(
        f"{_ENTRY} WHERE lookup_key = ANY($1) ORDER BY currency", list(lookup_keys)
    )
    found: dict[bytes, list[ProxyEntry]] = {}
    for row in rows:
        found.setdefault(row["lookup_key"], []).append(_entry(vault, row))
    return found


async def find_entries(
    db: Connection, vault: Vault, lookup_keys: Sequence[bytes]
) -> dict[bytes, list[FoundEntry]]:
    """Read what look-ups of several proxies answer, in one round trip."""
    rows = await db.fetch(
        f"SELECT e.lookup_key, e.currency, {FOUND} FROM {REGISTERED}"
        " WHERE e.lookup_key = ANY($1)",
        list(lookup_keys),
    )
    found: dict[bytes, list[FoundEntry]] = {}
    for key, *columns in rows:
        found.setdefault(key, []).append(found_entry(vault, key, *columns))
    return found


def found_entry(
    vault: Vault, lookup_key: bytes, currency: str, organisation_id: str, sealed: bytes,
    clearing_code: str, source: str | None, listed_at: datetime | None,
) -> FoundEntry:
    """What a look-up was read of an entry: its currency and the columns FOUND."""
    return FoundEntry(
        lookup_key=lookup_key, currency=currency, organisation_id=organisation_id,
        clearing_code=clearing_code,
        target=vault.open_value(_TARGET, _label(lookup_key, currency), sealed, ProxyTarget),
        warning_source=source, warned_at=listed_at,
    )


async def digest_register(db: Connection, organisation_id: str) -> RegisterDigest:
    """Digest a participant's register as it stands; one pass over its index."""
    rows = await db.fetch(
        "SELECT get_byte(fingerprint, 0) AS bucket, count(*) AS count,"
        " sha256(string_agg(fingerprint, ''::bytea ORDER BY fingerprint)) AS digest"
        " FROM payments.proxy_entries WHERE organisation_id = $1 GROUP BY 1",
        organisation_id,
    )
    return assembled(
        sum(row["count"] for row in rows), {row["bucket"]: row["digest"] for row in rows}
    )


async def list_fingerprints(
    db: Connection, organisation_id: str, bucket: int, after: bytes, count_max: int
) -> list[bytes]:
    """Return a bucket's fingerprints in order, those after one of them."""
    rows = await db.fetch(
        "SELECT fingerprint FROM payments.proxy_entries WHERE organisation_id = $1"
        " AND fingerprint >= $2 AND fingerprint > $3 AND get_byte(fingerprint, 0) = $4"
        " ORDER BY fingerprint LIMIT $5",
        organisation_id, bytes([bucket]), after, bucket, count_max,
    )
    return [row["fingerprint"] for row in rows]


async def load_by_fingerprints(
    db: Connection, vault: Vault, organisation_id: str, fingerprints: Sequence[bytes]
) -> list[ProxyEntry]:
    """Return a participant's entries of these fingerprints; others' are not found."""
    rows = await db.fetch(
        f"{_ENTRY} WHERE organisation_id = $1 AND fingerprint = ANY($2) ORDER BY fingerprint",
        organisation_id, list(fingerprints),
    )
    return [_entry(vault, row) for row in rows]


async def insert_fps_id(
    db: Connection, lookup_key: bytes, organisation_id: str, given_at: datetime
) -> bool:
    """Give an FPS id; False when it was ever given before."""
    given = await db.fetchval(
        "INSERT INTO payments.fps_ids (lookup_key, organisation_id, given_at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        lookup_key, organisation_id, given_at,
    )
    return given is not None


def _label(lookup_key: bytes, currency: str) -> str:
    return f"{lookup_key.hex()}/{currency}"


def _entry(vault: Vault, row: Any) -> ProxyEntry:
    label = _label(row["lookup_key"], row["currency"])
    return ProxyEntry(
        lookup_key=row["lookup_key"], currency=row["currency"], kind=row["kind"],
        organisation_id=row["organisation_id"], account_key=row["account_key"],
        owner_key=row["owner_key"], fingerprint=row["fingerprint"],
        registered_at=row["registered_at"],
        target=vault.open_value(_TARGET, label, row["sealed_target"], ProxyTarget),
    )

"""Rows of claims. One proxy has at most one that is not final. Not for: what may happen to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.addressing.domain.claims import Claim
from lionrock.payments.addressing.domain.entries import ProxyTarget
from lionrock.payments.sealing import Vault

CLAIMS_LISTED_MAX = 100
_TARGET = "proxy_claims.sealed_target"
_CLAIM = (
    "SELECT id, kind, state, lookup_key, proxy_kind, currencies, donor_id, claimer_id, owner_key,"
    " sealed_target, opened_at, resolve_by, complete_by, decided_at, reason"
    " FROM payments.proxy_claims"
)
_PENDING = "state IN ('open', 'acknowledged', 'confirmed')"


async def insert_claim(db: Connection, vault: Vault, claim: Claim) -> bool:
    """Write a new claim; False when another one on the same proxy is pending."""
    inserted = await db.fetchval(
        "INSERT INTO payments.proxy_claims (id, kind, state, lookup_key, proxy_kind, currencies,"
        " donor_id, claimer_id, owner_key, sealed_target, opened_at, resolve_by, complete_by,"
        " decided_at, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        claim.id, claim.kind, claim.state, claim.lookup_key, claim.proxy_kind,
        list(claim.currencies), claim.donor_id, claim.claimer_id, claim.owner_key,
        vault.seal_value(_TARGET, claim.id, claim.target), claim.opened_at, claim.resolve_by,
        claim.complete_by, claim.decided_at, claim.reason,
    )
    return inserted is not None


async def lock_claim(db: Connection, vault: Vault, claim_id: str) -> Claim | None:
    """Return a claim with its row locked."""
    row = await db.fetchrow(f"{_CLAIM} WHERE id = $1 FOR UPDATE", claim_id)
    return _claim(vault, row) if row is not None else None


async def load_claim(db: Connection, vault: Vault, claim_id: str) -> Claim | None:
    """Return a claim."""
    row = await db.fetchrow(f"{_CLAIM} WHERE id = $1", claim_id)
    return _claim(vault, row) if row is not None else None


async def lock_pending(
    db: Connection, vault: Vault, lookup_keys: Sequence[bytes]
) -> dict[bytes, Claim]:
    """Return the pending claims on proxies, locked, by look-up key."""
    rows = await db.fetch(
        f"{_CLAIM} WHERE lookup_key = ANY($1) AND {_PENDING} ORDER BY id FOR UPDATE",
        list(lookup_keys),
    )
    return {row["lookup_key"]: _claim(vault, row) for row in rows}


async def list_claims(
    db: Connection, vault: Vault, organisation_id: str, after: str
) -> list[Claim]:
    """Return the claims that a participant is a party of, oldest first, after one of them."""
    rows = await db.fetch(
        f"{_CLAIM} WHERE (donor_id = $1 OR claimer_id = $1) AND id > $2 ORDER BY id LIMIT $3",
        organisation_id, after, CLAIMS_LISTED_MAX,
    )
    return [_claim(vault, row) for row in rows]


async def save_claim(db: Connection, before: Claim, claim: Claim) -> None:
    """Write what a claim has come to, if it still stands as it was."""
    changed = await db.fetchval(
        "UPDATE payments.proxy_claims SET state = $3, decided_at = $4, reason = $5"
        " WHERE id = $1 AND state = $2 RETURNING 1",
        claim.id, before.state, claim.state, claim.decided_at, claim.reason,
    )
    assert changed is not None, "its row was locked"


def _claim(vault: Vault, row: Any) -> Claim:
    return Claim(
        id=row["id"], kind=row["kind"], state=row["state"], lookup_key=row["lookup_key"],
        proxy_kind=row["proxy_kind"], currencies=tuple(row["currencies"]),
        donor_id=row["donor_id"], claimer_id=row["claimer_id"], owner_key=row["owner_key"],
        target=vault.open_value(_TARGET, row["id"], row["sealed_target"], ProxyTarget),
        opened_at=row["opened_at"], resolve_by=row["resolve_by"], complete_by=row["complete_by"],
        decided_at=row["decided_at"], reason=row["reason"],
    )

"""Rows of what participants are told about proxies, and of the high-risk register."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lionrock.kernel.db import Connection
from lionrock.payments.sealing import Vault

NOTICES_LISTED_MAX = 100
_CONTENT = "proxy_notices.sealed_content"


class NoticeContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice says; kept sealed."""

    kind: str
    value: str
    currencies: tuple[str, ...] = ()
    account_number: str = ""
    state: str = ""
    reason: str = ""


class Notice(msgspec.Struct, frozen=True):
    """One notice to a participant; `number` grows, with gaps."""

    number: int
    topic: str
    reference: str
    content: NoticeContent
    recorded_at: datetime


async def add_notice(
    db: Connection, vault: Vault, organisation_id: str, *, topic: str, reference: str,
    content: NoticeContent, recorded_at: datetime,
) -> None:
    """Write a notice. One participant's are written one after the other, so that whoever reads on
    from a number misses none."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 7310004))", organisation_id
    )
    await db.execute(
        "INSERT INTO payments.proxy_notices (organisation_id, topic, reference, sealed_content,"
        " recorded_at) VALUES ($1, $2, $3, $4, $5)",
        organisation_id, topic, reference,
        vault.seal_value(_CONTENT, organisation_id, content), recorded_at,
    )


async def list_notices(
    db: Connection, vault: Vault, organisation_id: str, after: int
) -> list[Notice]:
    """Return a participant's notices in order, those after a number."""
    rows = await db.fetch(
        "SELECT number, topic, reference, sealed_content, recorded_at FROM payments.proxy_notices"
        " WHERE organisation_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        organisation_id, after, NOTICES_LISTED_MAX,
    )
    return [
        Notice(
            row["number"], row["topic"], row["reference"],
            vault.open_value(_CONTENT, organisation_id, row["sealed_content"], NoticeContent),
            row["recorded_at"],
        )
        for row in rows
    ]


async def put_warnings(
    db: Connection, lookup_keys: Sequence[bytes], source: str, listed_at: datetime
) -> int:
    """List proxies as high-risk by a source; returns how many were not listed by it before."""
    rows = await db.fetch(
        "INSERT INTO payments.high_risk_proxies (lookup_key, source, listed_at)"
        " SELECT k, $2, $3 FROM unnest($1::bytea[]) AS k ON CONFLICT DO NOTHING RETURNING 1",
        list(lookup_keys), source, listed_at,
    )
    return len(rows)


async def delete_warnings(db: Connection, lookup_keys: Sequence[bytes], source: str) -> int:
    """Take proxies off a source's list; returns how many were on it."""
    rows = await db.fetch(
        "DELETE FROM payments.high_risk_proxies WHERE lookup_key = ANY($1) AND source = $2"
        " RETURNING 1",
        list(lookup_keys), source,
    )
    return len(rows)

"""SQL of the service directory and of onboarding. Rows in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.services.domain import Found, Service, ServiceQuery, fold, searchable
from lionrock.identity.services.onboarding import (
    OPEN_STATES,
    REVIEWED_STATES,
    Onboarding,
    OnboardingState,
    Review,
    ServiceDraft,
)
from lionrock.kernel.db import Connection

# One statement for page, total and the counts beside the categories; a city lists thousands of
# services, not millions, so a scan of the folded text is quicker than any index that knows Chinese.
_MATCHES = (
    "SELECT id, listing, category, sort_name FROM identity.services WHERE status = 'live'"
    " AND searched LIKE ALL ($1::text[])"
    " AND ($2::text IS NULL OR audience IN ($2, 'both'))"
    " AND ($3::text IS NULL OR sign_in = $3)"
)


async def search(db: Connection, query: ServiceQuery) -> Found:
    """Return one page of what a search finds, by name, with counts of all categories."""
    patterns = [f"%{_escape(word)}%" for word in query.words]
    counts = await db.fetch(
        f"SELECT category, count(*) AS count FROM ({_MATCHES}) AS found GROUP BY category",
        patterns, query.audience, query.sign_in,
    )  # fmt: skip
    categories = {row["category"]: row["count"] for row in counts}
    rows = await db.fetch(
        f"SELECT listing FROM ({_MATCHES}) AS found WHERE ($4::text IS NULL OR category = $4)"
        " ORDER BY sort_name, id LIMIT $5 OFFSET $6",
        patterns, query.audience, query.sign_in, query.category, query.limit, query.offset,
    )  # fmt: skip
    total = sum(categories.values()) if query.category is None else categories.get(
        query.category, 0
    )  # fmt: skip
    return Found(
        services=tuple(_service(row) for row in rows), total=total, categories=categories
    )


async def service(db: Connection, service_id: str) -> Service | None:
    """Return a listed service."""
    row = await db.fetchrow(
        "SELECT listing FROM identity.services WHERE id = $1 AND status = 'live'", service_id
    )
    return _service(row) if row else None


async def save_services(db: Connection, services: Sequence[Service], at: datetime) -> None:
    """List services, each in the place of one of the same id."""
    await db.executemany(
        "INSERT INTO identity.services (id, listing, category, audience, sign_in, status,"
        " client_id, searched, sort_name, listed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT ON CONSTRAINT services_pk DO UPDATE SET listing = EXCLUDED.listing,"
        " category = EXCLUDED.category, audience = EXCLUDED.audience,"
        " sign_in = EXCLUDED.sign_in, status = EXCLUDED.status,"
        " client_id = EXCLUDED.client_id, searched = EXCLUDED.searched,"
        " sort_name = EXCLUDED.sort_name",
        [
            (
                each.id, msgspec.to_builtins(each), each.category, each.audience, each.sign_in,
                each.status, each.client_id, searchable(each), fold(each.names.en), at,
            )
            for each in services
        ],
    )  # fmt: skip


async def insert_onboarding(db: Connection, onboarding: Onboarding) -> None:
    """Keep a new request."""
    await db.execute(
        "INSERT INTO identity.onboardings (id, company_id, requested_by, draft, state, version,"
        " client_id, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        onboarding.id, onboarding.company_id, onboarding.requested_by,
        msgspec.to_builtins(onboarding.draft), onboarding.state.value, onboarding.version,
        onboarding.client_id, onboarding.created_at, onboarding.changed_at,
    )  # fmt: skip


async def save_onboarding(db: Connection, onboarding: Onboarding) -> None:
    """Keep a request as it is now; its row is held."""
    await db.execute(
        "UPDATE identity.onboardings SET draft = $2, state = $3, version = $4, tests = $5,"
        " changed_at = $6 WHERE id = $1",
        onboarding.id, msgspec.to_builtins(onboarding.draft), onboarding.state.value,
        onboarding.version, list(onboarding.tests), onboarding.changed_at,
    )  # fmt: skip


async def insert_review(db: Connection, onboarding_id: str, review: Review) -> None:
    """Keep one operator's word."""
    await db.execute(
        "INSERT INTO identity.onboarding_reviews (onboarding_id, step, version, person_id,"
        " decision, reasons, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        onboarding_id, review.step.value, review.version, review.person_id, review.decision,
        review.reasons, review.at,
    )  # fmt: skip


async def hold_onboarding(db: Connection, onboarding_id: str) -> Onboarding | None:
    """Return a request and hold it until the transaction ends."""
    row = await db.fetchrow(
        "SELECT * FROM identity.onboardings WHERE id = $1 FOR UPDATE", onboarding_id
    )
    return await _onboarding(db, row) if row else None


async def onboardings_of(db: Connection, company_id: str) -> list[Onboarding]:
    """Return a company's requests, newest first."""
    rows = await db.fetch(
        "SELECT * FROM identity.onboardings WHERE company_id = $1 ORDER BY created_at DESC, id",
        company_id,
    )
    return [await _onboarding(db, row) for row in rows]


async def waiting_onboardings(db: Connection) -> list[Onboarding]:
    """Return the requests that wait for reviewers, longest waiting first."""
    rows = await db.fetch(
        "SELECT * FROM identity.onboardings WHERE state = ANY ($1) ORDER BY changed_at, id"
        " LIMIT 100",
        [state.value for state in REVIEWED_STATES],
    )
    return [await _onboarding(db, row) for row in rows]


async def count_open(db: Connection, company_id: str) -> int:
    """Count a company's unfinished requests, one company at a time."""
    await db.execute("SELECT pg_advisory_xact_lock(7310006, hashtext($1))", company_id)
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.onboardings WHERE company_id = $1 AND state = ANY ($2)",
        company_id, [state.value for state in OPEN_STATES],
    )
    return count


async def seen_sign_ins(db: Connection, client_id: str) -> tuple[bool, bool]:
    """Say whether a client's sign-ins brought a person's token, and whether one was refused."""
    row = await db.fetchrow(
        "SELECT EXISTS (SELECT 1 FROM identity.access_tokens"
        "   WHERE client_id = $1 AND person_id IS NOT NULL) AS signed_in,"
        " EXISTS (SELECT 1 FROM identity.sign_ins WHERE client_id = $1"
        "   AND finished_at IS NOT NULL AND NOT is_approved) AS refused",
        client_id,
    )
    return row["signed_in"], row["refused"]


def _service(row: Any) -> Service:
    return msgspec.convert(row["listing"], Service)


async def _onboarding(db: Connection, row: Any) -> Onboarding:
    reviews = await db.fetch(
        "SELECT step, version, person_id, decision, reasons, at"
        " FROM identity.onboarding_reviews WHERE onboarding_id = $1 ORDER BY at",
        row["id"],
    )
    return Onboarding(
        id=row["id"], company_id=row["company_id"], requested_by=row["requested_by"],
        draft=msgspec.convert(row["draft"], ServiceDraft), state=OnboardingState(row["state"]),
        version=row["version"], client_id=row["client_id"], created_at=row["created_at"],
        changed_at=row["changed_at"], tests=tuple(row["tests"]),
        reviews=tuple(
            Review(**(dict(review) | {"step": OnboardingState(review["step"])}))
            for review in reviews
        ),
    )  # fmt: skip


def _escape(word: str) -> str:
    """What LIKE would read as a pattern stands for itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

"""A person's values, what may be fetched once, fillings without log-in. All values come sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.forms.domain import Source
from lionrock.identity.store.registration import is_self_registered, mark_used
from lionrock.kernel.db import Connection


class ValueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed value; `is_own` is the person's own word, beside a registry's."""

    person_id: str
    field: str
    is_own: bool
    value_sealed: bytes
    source: Source
    evidence: str
    updated_at: datetime
    stated_by: str | None = None
    reference: str | None = None
    matched_at: datetime | None = None


class FormGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A yes to a form, to be fetched once. `answer_sealed` once it was."""

    id: str
    grant_id: str
    client_id: str
    person_id: str
    approval_id: str
    detail: dict[str, Any]
    granted_at: datetime
    expires_at: datetime
    delivered_at: datetime | None = None
    delivery_key: bytes | None = None
    answer_sealed: bytes | None = None


class Filling(msgspec.Struct, frozen=True, kw_only=True):
    """A form to be filled in without log-in; its person once a phone opened it."""

    id: str
    handle_hash: bytes
    client_id: str
    detail: dict[str, Any]
    number: str
    started_at: datetime
    expires_at: datetime
    person_id: str | None = None
    approval_id: str | None = None


async def values(db: Connection, person_id: str) -> list[ValueRow]:
    """Return everything on record of a person."""
    rows = await db.fetch(
        "SELECT * FROM identity.form_values WHERE person_id = $1 ORDER BY field, is_own", person_id
    )
    return [ValueRow(**dict(row)) for row in rows]


async def save_value(db: Connection, row: ValueRow) -> bool:
    """Keep a value; False when a newer match of the field is on record."""
    saved = await db.fetchval(
        "INSERT INTO identity.form_values AS held (person_id, field, is_own, value_sealed, source,"
        " evidence, stated_by, reference, matched_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (person_id, field, is_own) DO UPDATE SET value_sealed = $4, source = $5,"
        " evidence = $6, stated_by = $7, reference = $8, matched_at = $9, updated_at = $10"
        " WHERE held.is_own OR held.matched_at <= $9 RETURNING 1",
        row.person_id, row.field, row.is_own, row.value_sealed, row.source, row.evidence,
        row.stated_by, row.reference, row.matched_at, row.updated_at,
    )  # fmt: skip
    return saved is not None


async def delete_own(db: Connection, person_id: str, field: str) -> bool:
    """Forget a person's own word on a field; False when there was none."""
    gone = await db.fetchval(
        "DELETE FROM identity.form_values WHERE person_id = $1 AND field = $2 AND is_own"
        " RETURNING 1",
        person_id, field,
    )  # fmt: skip
    return gone is not None


async def sealed_identity_number(db: Connection, person_id: str) -> bytes:
    """Return the sealed identity number of a person on record."""
    sealed: bytes = await db.fetchval(
        "SELECT identity_number_sealed FROM identity.persons WHERE id = $1", person_id
    )
    return sealed


async def enrolled_at(db: Connection, person_id: str) -> datetime:
    """Return since when a person is on record."""
    at: datetime = await db.fetchval(
        "SELECT created_at FROM identity.persons WHERE id = $1", person_id
    )
    return at


async def insert_subject(
    db: Connection, organisation_id: str, subject: str, person_id: str
) -> None:
    """Note by which name a registry knows a person; again changes nothing."""
    await db.execute(
        "INSERT INTO identity.form_subjects (organisation_id, subject, person_id)"
        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        organisation_id, subject, person_id,
    )  # fmt: skip


async def person_of(db: Connection, organisation_id: str, subject: str) -> str | None:
    """Return whom a registry means."""
    found: str | None = await db.fetchval(
        "SELECT person_id FROM identity.form_subjects"
        " WHERE organisation_id = $1 AND subject = $2",
        organisation_id, subject,
    )  # fmt: skip
    return found


async def insert_form_grant(db: Connection, granted: FormGrant) -> None:
    """Note what a client may fetch once."""
    await db.execute(
        "INSERT INTO identity.form_grants (id, grant_id, client_id, person_id, approval_id, detail,"
        " granted_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        granted.id, granted.grant_id, granted.client_id, granted.person_id, granted.approval_id,
        granted.detail, granted.granted_at, granted.expires_at,
    )  # fmt: skip
    if is_self_registered(granted.client_id):
        await mark_used(db, granted.client_id, granted.granted_at)


async def lock_form_grants(db: Connection, grant_id: str) -> list[FormGrant]:
    """Return a grant's forms, newest first, and hold them: one call delivers each."""
    rows = await db.fetch(
        "SELECT * FROM identity.form_grants WHERE grant_id = $1"
        " ORDER BY granted_at DESC, id DESC FOR UPDATE",
        grant_id,
    )  # fmt: skip
    return [FormGrant(**dict(row)) for row in rows]


async def save_delivery(
    db: Connection, grant_id: str, at: datetime, key: bytes | None, answer: bytes
) -> None:
    """Note that a form was delivered, by which call, and its answer, sealed."""
    await db.execute(
        "UPDATE identity.form_grants SET delivered_at = $2, delivery_key = $3, answer_sealed = $4"
        " WHERE id = $1 AND delivered_at IS NULL",
        grant_id, at, key, answer,
    )  # fmt: skip


async def insert_filling(db: Connection, filling: Filling) -> None:
    """Begin a filling."""
    await db.execute(
        "INSERT INTO identity.form_fillings (id, handle_hash, client_id, detail, number,"
        " started_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        filling.id, filling.handle_hash, filling.client_id, filling.detail, filling.number,
        filling.started_at, filling.expires_at,
    )  # fmt: skip


async def lock_filling(db: Connection, filling_id: str) -> Filling | None:
    """Return a filling and hold it."""
    row = await db.fetchrow(
        "SELECT * FROM identity.form_fillings WHERE id = $1 FOR UPDATE", filling_id
    )
    return Filling(**dict(row)) if row else None


async def filling_by_handle(db: Connection, handle_hash: bytes) -> Filling | None:
    """Return the filling of a page."""
    row = await db.fetchrow(
        "SELECT * FROM identity.form_fillings WHERE handle_hash = $1", handle_hash
    )
    return Filling(**dict(row)) if row else None


async def join_filling(db: Connection, filling_id: str, person_id: str, approval_id: str) -> None:
    """Note whom a filling asks."""
    await db.execute(
        "UPDATE identity.form_fillings SET person_id = $2, approval_id = $3 WHERE id = $1",
        filling_id, person_id, approval_id,
    )  # fmt: skip


async def count_fillings(db: Connection, client_id: str, since: datetime) -> int:
    """Count what a client began since; its row is held, so that the count holds."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(7310065, hashtext($1))", client_id
    )
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.form_fillings WHERE client_id = $1 AND started_at > $2",
        client_id, since,
    )  # fmt: skip
    return count

"""Persons, staff roles, companies; constraint names become outcomes.

Personal values arrive keyed and sealed (service/vault.py); they are never in the clear here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from lionrock.identity.domain.parties import Company, StaffRole
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

_TAKEN: Mapping[str, tuple[IdentityRefusal, str]] = {
    "persons_pk": (IdentityRefusal.PERSON_EXISTS, "id"),
    "persons_identity_number": (IdentityRefusal.PERSON_EXISTS, "identity_number"),
    "persons_phone": (IdentityRefusal.PERSON_EXISTS, "phone"),
    "persons_email": (IdentityRefusal.PERSON_EXISTS, "email"),
    "persons_handle": (IdentityRefusal.PERSON_EXISTS, "handle"),
    "companies_pk": (IdentityRefusal.COMPANY_EXISTS, "id"),
    "companies_business_number": (IdentityRefusal.COMPANY_EXISTS, "business_number"),
    "devices_key": (IdentityRefusal.DEVICE_KEY_TAKEN, "public_jwk"),
    "devices_credential": (IdentityRefusal.DEVICE_KEY_TAKEN, "credential"),
    "clients_pk": (IdentityRefusal.CLIENT_EXISTS, "id"),
}


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person as stored: identifiers keyed for look-up and sealed for reading."""

    id: str
    names: Text
    status: str
    identity_number_key: bytes
    identity_number_sealed: bytes
    phone_key: bytes
    phone_sealed: bytes
    email_key: bytes
    email_sealed: bytes
    handle: str | None
    created_at: datetime


def taken(error: asyncpg.UniqueViolationError) -> Refused:
    """The outcome that a violated unique constraint means."""
    refusal, field = _TAKEN[str(error.constraint_name)]
    return Refused(refusal, field=field)


async def insert_person(db: Connection, row: PersonRow) -> Refused | None:
    """Add a person; PERSON_EXISTS names the identifier that another one holds."""
    try:
        await db.execute(
            "INSERT INTO identity.persons (id, names, status, identity_number_key,"
            " identity_number_sealed, phone_key, phone_sealed, email_key, email_sealed, handle,"
            " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            row.id, msgspec.to_builtins(row.names), row.status, row.identity_number_key,
            row.identity_number_sealed, row.phone_key, row.phone_sealed, row.email_key,
            row.email_sealed, row.handle, row.created_at,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        return taken(error)
    return None


async def person(db: Connection, person_id: str) -> PersonRow | None:
    """Return a person by id."""
    row = await db.fetchrow("SELECT * FROM identity.persons WHERE id = $1", person_id)
    return _person(row) if row else None


async def lock_person(db: Connection, person_id: str) -> str | None:
    """Hold the person's row to the transaction's end: pending approvals are counted under it.

    Returns the person's status, which nobody changes while it is held; None for nobody.
    """
    status: str | None = await db.fetchval(
        "SELECT status FROM identity.persons WHERE id = $1 FOR NO KEY UPDATE", person_id
    )
    return status


async def person_by_phone(db: Connection, key: bytes) -> PersonRow | None:
    """Return the person with that keyed phone number."""
    row = await db.fetchrow("SELECT * FROM identity.persons WHERE phone_key = $1", key)
    return _person(row) if row else None


async def person_by_email(db: Connection, key: bytes) -> PersonRow | None:
    """Return the person with that keyed e-mail address."""
    row = await db.fetchrow("SELECT * FROM identity.persons WHERE email_key = $1", key)
    return _person(row) if row else None


async def person_by_handle(db: Connection, handle: str) -> PersonRow | None:
    """Return the person with that sign-in name."""
    row = await db.fetchrow("SELECT * FROM identity.persons WHERE handle = $1", handle)
    return _person(row) if row else None


async def set_person_status(db: Connection, person_id: str, status: str) -> bool:
    """Change a person's status; False when there is none."""
    changed = await db.fetchval(
        "UPDATE identity.persons SET status = $2 WHERE id = $1 RETURNING 1", person_id, status
    )
    return changed is not None


async def staff_roles(db: Connection, person_id: str, at: datetime) -> frozenset[StaffRole]:
    """Return the roles that a person holds at a business instant."""
    rows = await db.fetch(
        "SELECT role FROM identity.staff_roles WHERE person_id = $1 AND granted_at <= $2"
        " AND (revoked_at IS NULL OR revoked_at > $2)",
        person_id, at,
    )  # fmt: skip
    return frozenset(row["role"] for row in rows)


async def insert_staff_role(db: Connection, person_id: str, role: str, at: datetime) -> None:
    """Grant a role from an instant on."""
    await db.execute(
        "INSERT INTO identity.staff_roles (person_id, role, granted_at) VALUES ($1, $2, $3)",
        person_id, role, at,
    )  # fmt: skip


async def end_staff_role(db: Connection, person_id: str, role: str, at: datetime) -> bool:
    """End a role; False when it was not held."""
    rows = await db.fetch(
        "UPDATE identity.staff_roles SET revoked_at = $3 WHERE person_id = $1 AND role = $2"
        " AND revoked_at IS NULL RETURNING 1",
        person_id, role, at,
    )  # fmt: skip
    return bool(rows)


async def insert_company(db: Connection, company: Company, at: datetime) -> Refused | None:
    """Add a company; COMPANY_EXISTS when its number is on record."""
    try:
        await db.execute(
            "INSERT INTO identity.companies (id, business_number, names, status, created_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            company.id, company.business_number, msgspec.to_builtins(company.names),
            company.status, at,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        return taken(error)
    return None


async def company(db: Connection, company_id: str) -> Company | None:
    """Return a company by id."""
    row = await db.fetchrow("SELECT * FROM identity.companies WHERE id = $1", company_id)
    return _company(row) if row else None


async def company_by_business_number(db: Connection, number: str) -> Company | None:
    """Return a company by its business registration number."""
    row = await db.fetchrow("SELECT * FROM identity.companies WHERE business_number = $1", number)
    return _company(row) if row else None


async def set_company_status(db: Connection, company_id: str, status: str) -> bool:
    """Change a company's status; False when there is none."""
    changed = await db.fetchval(
        "UPDATE identity.companies SET status = $2 WHERE id = $1 RETURNING 1", company_id, status
    )
    return changed is not None


def _person(row: Any) -> PersonRow:
    return PersonRow(**(dict(row) | {"names": msgspec.convert(row["names"], Text)}))


def _company(row: Any) -> Company:
    return Company(
        id=row["id"], business_number=row["business_number"],
        names=msgspec.convert(row["names"], Text), status=row["status"],
    )  # fmt: skip

"""SQL of signing: the CA, certificates, and signatures by approval. Rows in, values out."""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.signing.domain import SignedPdf, SignerKind
from lionrock.identity.signing.keys import SigningKeyKind
from lionrock.identity.signing.revocation import Revoked
from lionrock.kernel.db import Connection


class CertificateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate on record; `certificate` is PEM."""

    serial: str
    kind: SignerKind
    subject_id: str
    certificate: str
    not_before: datetime
    not_after: datetime
    key_kind: SigningKeyKind = "ES256"


async def authorities(db: Connection) -> list[str]:
    """Return the PEM of every CA certificate, oldest first."""
    rows = await db.fetch(
        "SELECT certificate FROM identity.signing_authorities ORDER BY created_at, id"
    )
    return [row["certificate"] for row in rows]


async def authority(db: Connection, authority_id: str) -> str | None:
    """Return the PEM of one CA certificate."""
    pem: str | None = await db.fetchval(
        "SELECT certificate FROM identity.signing_authorities WHERE id = $1", authority_id
    )
    return pem


async def save_authority(db: Connection, authority_id: str, pem: str, at: datetime) -> str:
    """Keep a CA certificate unless there is one; returns the PEM that stands."""
    await db.execute(
        "INSERT INTO identity.signing_authorities (id, certificate, created_at)"
        " VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT signing_authorities_pk DO NOTHING",
        authority_id, pem, at,
    )
    stands = await authority(db, authority_id)
    assert stands is not None, "a CA certificate was just kept or was there"
    return stands


async def current_certificate(
    db: Connection, kind: SignerKind, subject_id: str, key_kind: SigningKeyKind
) -> CertificateRow | None:
    """Return the certificate that a subject signs with now, of a kind of key."""
    row = await db.fetchrow(
        "SELECT serial, kind, subject_id, certificate, not_before, not_after, key_kind"
        " FROM identity.signing_certificates"
        " WHERE kind = $1 AND subject_id = $2 AND key_kind = $3 AND is_current",
        kind.value, subject_id, key_kind,
    )
    return None if row is None else _certificate(row)


async def lock_subject(db: Connection, kind: SignerKind, subject_id: str) -> None:
    """Let one transaction at a time issue to a subject; held until the transaction ends."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('signing:' || $1 || ':' || $2, 0))",
        kind.value, subject_id,
    )


async def lock_name(db: Connection, name: str) -> None:
    """Let one transaction at a time make the key of a name; held until the transaction ends."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('signing-key:' || $1, 0))", name
    )


async def save_certificate(db: Connection, row: CertificateRow) -> None:
    """Make a certificate the subject's current one of its kind of key; older ones stay."""
    await db.execute(
        "UPDATE identity.signing_certificates SET is_current = false"
        " WHERE kind = $1 AND subject_id = $2 AND key_kind = $3 AND is_current",
        row.kind.value, row.subject_id, row.key_kind,
    )
    await db.execute(
        "INSERT INTO identity.signing_certificates"
        " (serial, kind, subject_id, certificate, not_before, not_after, key_kind, is_current)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, true)",
        row.serial, row.kind.value, row.subject_id, row.certificate, row.not_before, row.not_after,
        row.key_kind,
    )


async def certificate(db: Connection, serial: str) -> str | None:
    """Return the PEM of a certificate ever issued to a signer."""
    pem: str | None = await db.fetchval(
        "SELECT certificate FROM identity.signing_certificates WHERE serial = $1", serial
    )
    return pem


async def save_revocation(db: Connection, row: Revoked, revoked_by: str) -> Revoked:
    """Revoke a certificate unless it is; returns the revocation that stands."""
    await db.execute(
        "INSERT INTO identity.signing_revocations (serial, revoked_at, reason, revoked_by)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT signing_revocations_pk DO NOTHING",
        row.serial, row.revoked_at, row.reason, revoked_by,
    )
    stands = await revocation_of(db, row.serial)
    assert stands is not None, "a revocation was just kept or was there"
    return stands


async def revocation_of(db: Connection, serial: str) -> Revoked | None:
    """Return a certificate's revocation; None while it stands."""
    row = await db.fetchrow(
        "SELECT serial, revoked_at, reason FROM identity.signing_revocations WHERE serial = $1",
        serial,
    )
    return None if row is None else Revoked(**dict(row))


async def revocations(db: Connection) -> list[Revoked]:
    """Return every revocation, oldest first."""
    rows = await db.fetch(
        "SELECT serial, revoked_at, reason FROM identity.signing_revocations"
        " ORDER BY revoked_at, serial"
    )
    return [Revoked(**dict(row)) for row in rows]


async def count_revoked(
    db: Connection, kind: SignerKind, subject_id: str, key_kind: SigningKeyKind
) -> int:
    """Return how many of a subject's certificates of a kind of key were revoked."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.signing_certificates"
        " JOIN identity.signing_revocations USING (serial)"
        " WHERE kind = $1 AND subject_id = $2 AND key_kind = $3",
        kind.value, subject_id, key_kind,
    )
    return count


async def time_stamper(db: Connection, authority_id: str) -> str | None:
    """Return the PEM of the time-stamp authority's certificate."""
    pem: str | None = await db.fetchval(
        "SELECT certificate FROM identity.signing_time_stampers WHERE id = $1", authority_id
    )
    return pem


async def save_time_stamper(db: Connection, authority_id: str, pem: str, at: datetime) -> None:
    """Keep the time-stamp authority's certificate in place of an older one."""
    await db.execute(
        "INSERT INTO identity.signing_time_stampers (id, certificate, created_at)"
        " VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT signing_time_stampers_pk"
        " DO UPDATE SET certificate = $2, created_at = $3",
        authority_id, pem, at,
    )


async def save_signature(
    db: Connection, signed: SignedPdf, level: str, released_at: datetime
) -> bool:
    """Record which approval released a signature; False when it had released one already.

    `released_at` is the business instant as of which the mandate was asked.
    """
    statement = signed.statement
    saved = await db.fetchval(
        "INSERT INTO identity.signing_signatures (approval_id, kind, subject_id, serial,"
        " mandate_id, document_sha256, signed_sha256, signed_at, level, released_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT ON CONSTRAINT signing_signatures_pk DO NOTHING RETURNING true",
        statement.approval_id, statement.kind.value, statement.subject_id,
        signed.certificate_serial, statement.mandate_id, statement.document_sha256,
        signed.sha256, signed.signed_at, level, released_at,
    )
    return saved is True


def _certificate(row: object) -> CertificateRow:
    values = dict(row)  # type: ignore[call-overload]  # an asyncpg row reads as a mapping
    return CertificateRow(**(values | {"kind": SignerKind(values["kind"])}))

"""SQL of verification: which approval released a signature. Rows in, values out."""

from __future__ import annotations

from typing import Any

from lionrock.identity.signing.verification.domain import Finding, Release
from lionrock.kernel.db import Connection


async def release_of(db: Connection, finding: Finding) -> Release | None:
    """Return what released a signature: by what it states, or by what the key was given to sign.

    Certificate and content must be those of the row: a statement alone proves nothing.
    """
    row = await db.fetchrow(
        "SELECT approval_id, kind, subject_id, released_at FROM identity.signing_signatures"
        " WHERE approval_id = $1 AND serial = $2 AND document_sha256 = $3",
        finding.approval_id, finding.certificate_serial, finding.document_sha256,
    )
    return _release(row) or await _remote_release(db, finding)


async def _remote_release(db: Connection, finding: Finding) -> Release | None:
    row = await db.fetchrow(
        "SELECT a.approval_id, a.kind, a.subject_id, h.released_at"
        " FROM identity.signing_authorized_hashes h"
        " JOIN identity.signing_authorizations a ON a.id = h.authorization_id"
        " WHERE h.serial = $1 AND (h.signed_hash = $2"
        " OR (a.is_of_documents AND a.approval_id = $3 AND h.signed_hash = $4))",
        finding.certificate_serial, bytes.fromhex(finding.signed_hash), finding.approval_id,
        bytes.fromhex(finding.document_sha256),
    )
    return _release(row)


async def kind_of_certificate(db: Connection, serial: str) -> str:
    """Return for what kind of subject a certificate of ours was issued; "" when it is not ours."""
    kind: str | None = await db.fetchval(
        "SELECT kind FROM identity.signing_certificates WHERE serial = $1", serial
    )
    return kind or ""


def _release(row: Any) -> Release | None:
    return None if row is None else Release(**dict(row))

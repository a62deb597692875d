"""Sign-ins that a phone joins by scanning."""

from __future__ import annotations

from datetime import datetime

from lionrock.identity.domain.grants import SignIn
from lionrock.kernel.db import Connection


async def mark_by_scan(db: Connection, sign_in_id: str) -> None:
    """Let a sign-in that was just begun wait for a phone."""
    await db.execute("UPDATE identity.sign_ins SET by_scan = true WHERE id = $1", sign_in_id)


async def lock(db: Connection, sign_in_id: str) -> SignIn | None:
    """Return a sign-in that waits for a phone, whichever browser's it is, and hold it."""
    row = await db.fetchrow(
        "SELECT * FROM identity.sign_ins WHERE id = $1 AND by_scan FOR UPDATE", sign_in_id
    )
    if row is None:
        return None
    members = dict(row)
    del members["slot"]
    return SignIn(**members)


async def join(db: Connection, sign_in: SignIn) -> None:
    """Save whose phone joined a held sign-in, and the question asked there."""
    await db.execute(
        "UPDATE identity.sign_ins SET person_id = $2, approval_id = $3, subject_key = $4,"
        " awaits_return = $5 WHERE id = $1 AND approval_id IS NULL",
        sign_in.id, sign_in.person_id, sign_in.approval_id, sign_in.subject_key,
        sign_in.awaits_return,
    )  # fmt: skip


async def count_joined(db: Connection, subject_key: bytes, since: datetime) -> int:
    """Count the sign-ins that a person's phones joined since an instant."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.sign_ins"
        " WHERE subject_key = $1 AND started_at > $2 AND by_scan AND approval_id IS NOT NULL",
        subject_key, since,
    )  # fmt: skip
    return count


async def mark_returned(db: Connection, sign_in_id: str) -> None:
    """Note that the app brought the sign-in's own browser back."""
    await db.execute("UPDATE identity.sign_ins SET awaits_return = false WHERE id = $1", sign_in_id)

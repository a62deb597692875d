"""Sign-ins that the phone was not told of; they live as long as a sign-in does."""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.domain.approvals import ApprovalRequest
from lionrock.identity.domain.quiet import QuietSignIn
from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import Text


async def quiet_of(
    db: Connection, person_id: str, now: datetime, count_max: int
) -> list[QuietSignIn]:
    """Return a person's quiet sign-ins in their time, newest first."""
    rows = await db.fetch(
        "SELECT sign_in_id, service, ask, started_at FROM identity.quiet_sign_ins"
        " WHERE person_id = $1 AND expires_at > $2 ORDER BY started_at DESC, sign_in_id DESC"
        " LIMIT $3",
        person_id, now, count_max,
    )  # fmt: skip
    return [
        QuietSignIn(
            sign_in_id=row["sign_in_id"], service=msgspec.convert(row["service"], Text),
            started_at=row["started_at"], ask=msgspec.convert(row["ask"], ApprovalRequest),
        )
        for row in rows
    ]  # fmt: skip


async def quiet_ids(db: Connection, person_id: str, now: datetime) -> list[str]:
    """Return the ids of all quiet sign-ins of a person in their time."""
    rows = await db.fetch(
        "SELECT sign_in_id FROM identity.quiet_sign_ins WHERE person_id = $1 AND expires_at > $2",
        person_id, now,
    )  # fmt: skip
    return [row["sign_in_id"] for row in rows]


async def take_quiet(db: Connection, sign_in_id: str, person_id: str) -> ApprovalRequest | None:
    """Take a person's quiet sign-in off the list and return what to ask; None when it is gone."""
    ask = await db.fetchval(
        "DELETE FROM identity.quiet_sign_ins WHERE sign_in_id = $1 AND person_id = $2"
        " RETURNING ask",
        sign_in_id, person_id,
    )  # fmt: skip
    return msgspec.convert(ask, ApprovalRequest) if ask is not None else None


async def waiting_number(db: Connection, sign_in_id: str) -> str | None:
    """Return the number on the page of a sign-in that nobody was asked about; else None."""
    number: str | None = await db.fetchval(
        "SELECT number FROM identity.sign_ins WHERE id = $1 AND finished_at IS NULL"
        " AND approval_id IS NULL FOR UPDATE",
        sign_in_id,
    )
    return number


async def attach_approval(
    db: Connection, sign_in_id: str, person_id: str, approval_id: str
) -> None:
    """Make a quiet sign-in, whose row the transaction holds, one that its person is asked about."""
    await db.execute(
        "UPDATE identity.sign_ins SET person_id = $2, approval_id = $3 WHERE id = $1",
        sign_in_id, person_id, approval_id,
    )  # fmt: skip

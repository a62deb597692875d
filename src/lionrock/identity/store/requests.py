"""Pushed requests and the sign-ins that complete them. Secrets come in as SHA-256 only.

Both tables are rings (kernel.ring): a request's hash and a sign-in's id carry their slots.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.approvals import Asked
from lionrock.identity.domain.grants import PushedRequest, SignIn, hashed_slot
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.store.approvals import STANDING, known_acrs
from lionrock.kernel.db import Connection
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.late import later
from lionrock.kernel.ring import Ring, stamped_slot

# A request is read for as long as a sign-in that began with it may last; sign-ins are counted for
# ten minutes.
PUSHED = Ring(table="identity.pushed_requests", width_s=120, kept_s=600)
SIGN_INS = Ring(table="identity.sign_ins", width_s=240, kept_s=900)
RINGS = (PUSHED, SIGN_INS)

_PUSHED_ROWS = Insert(
    table=PUSHED.table,
    columns=(
        Column("request_hash", "bytea"), Column("client_id", "text"), Column("request", "jsonb"),
        Column("expires_at", "timestamptz"), Column("slot", "smallint"),
    ),
    values=lambda pushed: (
        pushed.request_hash, pushed.request.client_id, pushed.request,
        pushed.expires_at, PUSHED.slot(pushed.expires_at),
    ),
)  # fmt: skip


async def insert_pushed(db: Connection, pushed: PushedRequest) -> None:
    """Keep a pushed request, whose address names its slot (`PUSHED.stamp`).

    In a request it may be written only when that ends.
    """
    assert PUSHED.slot(pushed.expires_at) == hashed_slot(pushed.request_hash), "stamped"
    await later(db, _PUSHED_ROWS, pushed)


async def pushed(db: Connection, request_hash: bytes, client_id: str) -> PushedRequest | None:
    """Return a client's pushed request; another client's is not found."""
    slot = hashed_slot(request_hash)
    if slot is None:
        return None
    row = await db.fetchrow(
        f"SELECT * FROM {PUSHED.partition(slot)} WHERE request_hash = $1 AND client_id = $2",
        request_hash, client_id,
    )  # fmt: skip
    if row is None:
        return None
    return PushedRequest(
        request_hash=row["request_hash"],
        request=msgspec.convert(row["request"], AuthorizationRequest),
        expires_at=row["expires_at"], used_at=row["used_at"],
    )  # fmt: skip


async def use_pushed(db: Connection, request_hash: bytes, at: datetime) -> bool:
    """Use up a pushed request; False when it was used before."""
    slot = hashed_slot(request_hash)
    assert slot is not None, "a request that was found has a slot"
    used = await db.fetchval(
        f"UPDATE {PUSHED.partition(slot)} SET used_at = $2"
        " WHERE request_hash = $1 AND used_at IS NULL RETURNING 1",
        request_hash, at,
    )  # fmt: skip
    return used is not None


async def insert_sign_in(db: Connection, sign_in: SignIn) -> None:
    """Begin a sign-in that names nobody; its id names its slot (`SIGN_INS.stamp`)."""
    slot = SIGN_INS.slot(sign_in.expires_at)
    assert slot == stamped_slot(sign_in.id), "the id was stamped with its own slot"
    await db.execute(
        "INSERT INTO identity.sign_ins (id, request_hash, client_id, browser_hash, subject_key,"
        " person_id, approval_id, number, started_at, expires_at, slot)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        sign_in.id, sign_in.request_hash, sign_in.client_id, sign_in.browser_hash,
        sign_in.subject_key, sign_in.person_id, sign_in.approval_id, sign_in.number,
        sign_in.started_at, sign_in.expires_at, slot,
    )  # fmt: skip


class SeenSignIn(msgspec.Struct, frozen=True):
    """A sign-in, what was pushed for it, and how its approval stands if its person was asked."""

    sign_in: SignIn
    request: AuthorizationRequest
    asked: Asked | None
    # The level of each yes that stands.
    acrs: list[str]


async def seen_sign_in(
    db: Connection, sign_in_id: str, browser_hash: bytes
) -> SeenSignIn | None:
    """Return a browser's own sign-in; another browser's is not found."""
    slot = stamped_slot(sign_in_id)
    if slot is None:
        return None
    row = await db.fetchrow(
        # The request's slot is the last byte of its hash: only that partition is looked at.
        "SELECT s.*, p.request, a.state AS asked_state, a.expires_at AS asked_expires_at,"
        f" ARRAY({STANDING} AND a.approval_id = s.approval_id) AS acrs"
        f" FROM {SIGN_INS.partition(slot)} s"
        f" JOIN {PUSHED.table} p ON p.request_hash = s.request_hash"
        "  AND p.slot = get_byte(s.request_hash, length(s.request_hash) - 1)"
        " LEFT JOIN identity.approvals a ON a.id = s.approval_id"
        " WHERE s.id = $1 AND s.browser_hash = $2",
        sign_in_id, browser_hash,
    )  # fmt: skip
    if row is None:
        return None
    members = dict(row)
    request = msgspec.convert(members.pop("request"), AuthorizationRequest)
    state, expires_at = members.pop("asked_state"), members.pop("asked_expires_at")
    asked = Asked(state, expires_at) if state is not None else None
    acrs = known_acrs(members.pop("acrs"))
    return SeenSignIn(_sign_in(members), request, asked, acrs)


async def hold_sign_in(
    db: Connection, sign_in_id: str, browser_hash: bytes
) -> SignIn | None:
    """Return a browser's own sign-in, held to the transaction's end."""
    slot = stamped_slot(sign_in_id)
    if slot is None:
        return None
    row = await db.fetchrow(
        f"SELECT * FROM {SIGN_INS.partition(slot)} WHERE id = $1 AND browser_hash = $2 FOR UPDATE",
        sign_in_id, browser_hash,
    )  # fmt: skip
    return _sign_in(dict(row)) if row is not None else None


async def lock_subject(db: Connection, subject_key: bytes) -> None:
    """Let attempts at one identifier pass one by one, so that their limit holds."""
    await db.execute("SELECT pg_advisory_xact_lock(7310002, hashtext(encode($1, 'hex')))",
                     subject_key)  # fmt: skip


def _sign_in(members: dict[str, Any]) -> SignIn:
    del members["slot"]
    return SignIn(**members)

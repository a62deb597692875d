"""Rows of payment links and of the requests that banks fetched. Moves are compare-and-set.

Not for: deciding moves (domain.links). Invariant: no row leaves a final state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from lionrock.kernel.db import Connection
from lionrock.payments.links.domain.links import Link, LinkDraft, LinkRequest, State, may_move
from lionrock.payments.sealing import Vault

CallbackState = Literal["none", "due", "delivered", "given_up"]
_DRAFT, _SECRET = "links.sealed_draft", "links.sealed_secret"
_COLUMNS = (
    "id, state, sealed_draft, sealed_secret, created_at, expires_at, payment_id, paid_minor,"
    " finished_at"
)


async def insert_link(db: Connection, vault: Vault, link: Link, secret_key: bytes) -> bool:
    """Write a new link; False when the payee used its reference before."""
    created = await db.fetchval(
        "INSERT INTO payments.links (id, state, payee_id, payee_reference, secret_key,"
        " draft_digest, sealed_draft, sealed_secret, created_at, expires_at)"
        " VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT ON CONSTRAINT links_reference_unique DO NOTHING RETURNING 1",
        link.id, link.draft.payee_id, link.draft.payee_reference, secret_key,
        link.draft.digest(), vault.seal_value(_DRAFT, link.id, link.draft),
        vault.seal(_SECRET, link.id, link.secret.encode()), link.created_at, link.expires_at,
    )
    return created is not None


async def load_link(
    db: Connection, vault: Vault, link_id: str, *, is_locking: bool = False
) -> Link | None:
    """Return a link by id, its row locked if asked."""
    return await _load(db, vault, "id = $1", link_id, is_locking=is_locking)


async def load_own(db: Connection, vault: Vault, link_id: str, payee_id: str) -> Link | None:
    """Return a payee's own link, its row locked; another's is not found."""
    return await _load(db, vault, "id = $1 AND payee_id = $2", link_id, payee_id, is_locking=True)


async def load_by_reference(
    db: Connection, vault: Vault, payee_id: str, reference: str
) -> Link | None:
    """Return the link of a payee's own reference."""
    return await _load(db, vault, "payee_id = $1 AND payee_reference = $2", payee_id, reference)


async def load_by_secret(
    db: Connection, vault: Vault, secret_key: bytes, *, is_locking: bool = False
) -> Link | None:
    """Return the link of an address."""
    return await _load(db, vault, "secret_key = $1", secret_key, is_locking=is_locking)


async def load_by_payment(db: Connection, vault: Vault, payment_id: str) -> Link | None:
    """Return the link that a payment pays, its row locked."""
    return await _load(db, vault, "payment_id = $1", payment_id, is_locking=True)


async def _load(
    db: Connection, vault: Vault, where: str, *values: object, is_locking: bool = False
) -> Link | None:
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM payments.links WHERE {where}{lock}", *values)
    return None if row is None else _link(vault, row)


def _link(vault: Vault, row: Any) -> Link:
    return Link(
        id=row["id"], state=row["state"],
        draft=vault.open_value(_DRAFT, row["id"], row["sealed_draft"], LinkDraft),
        secret=vault.open(_SECRET, row["id"], row["sealed_secret"]).decode(),
        created_at=row["created_at"], expires_at=row["expires_at"],
        payment_id=row["payment_id"], paid_minor=row["paid_minor"],
        finished_at=row["finished_at"],
    )


async def move(
    db: Connection, link_id: str, before: State, after: State, *, payment_id: str | None = None,
    paid_minor: int | None = None, finished_at: datetime | None = None,
) -> bool:
    """Move a link if it is still in `before`; False when somebody else moved it."""
    assert may_move(before, after), f"{before} -> {after}"
    moved = await db.fetchval(
        "UPDATE payments.links SET state = $3, payment_id = $4, paid_minor = $5, finished_at = $6"
        " WHERE id = $1 AND state = $2 RETURNING 1",
        link_id, before, after, payment_id, paid_minor, finished_at,
    )
    return moved is not None


async def set_callback(
    db: Connection, link_id: str, state: CallbackState, tries: int
) -> None:
    """Remember how the callback of a result stands."""
    await db.execute(
        "UPDATE payments.links SET callback_state = $2, callback_tries = $3 WHERE id = $1",
        link_id, state, tries,
    )


async def callback_of(db: Connection, link_id: str) -> tuple[CallbackState, int]:
    """How the callback of a result stands, and how often it was tried."""
    row = await db.fetchrow(
        "SELECT callback_state, callback_tries FROM payments.links WHERE id = $1", link_id
    )
    return row["callback_state"], row["callback_tries"]


async def insert_request(db: Connection, request: LinkRequest) -> None:
    """Write a payment request that a bank fetched."""
    await db.execute(
        "INSERT INTO payments.link_requests (id, link_id, organisation_id, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        request.id, request.link_id, request.organisation_id, request.created_at,
        request.expires_at,
    )


async def count_requests(db: Connection, link_id: str) -> int:
    """How often a link was fetched."""
    counted: int = await db.fetchval(
        "SELECT count(*) FROM payments.link_requests WHERE link_id = $1", link_id
    )
    return counted


async def load_request(db: Connection, request_id: str) -> LinkRequest | None:
    """Return a payment request, its row locked."""
    row = await db.fetchrow(
        "SELECT id, link_id, organisation_id, created_at, expires_at, payment_id"
        " FROM payments.link_requests WHERE id = $1 FOR UPDATE",
        request_id,
    )
    return None if row is None else LinkRequest(**dict(row))


async def use_request(db: Connection, request_id: str, payment_id: str) -> bool:
    """Mark a payment request as used; False when it was."""
    used = await db.fetchval(
        "UPDATE payments.link_requests SET payment_id = $2"
        " WHERE id = $1 AND payment_id IS NULL RETURNING 1",
        request_id, payment_id,
    )
    return used is not None

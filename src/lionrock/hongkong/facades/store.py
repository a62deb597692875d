"""All SQL of the wire-style facades. Secrets come in as SHA-256 or sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from lionrock.hongkong.facades.domain import ACTION_LIFE_S, Code, Outcome, Page, Request
from lionrock.kernel.db import Connection
from lionrock.kernel.expiring import Expiring

# What ended is kept as long as an action lives: whoever asks late is told so.
EXPIRING = tuple(
    Expiring(table=f"hongkong_facades.{name}", kept_s=ACTION_LIFE_S)
    for name in ("pages", "codes", "tokens", "requests", "content_keys")
)


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """A client's registration at the facades, its secret sealed."""

    client_id: str
    secret: bytes
    kek_certificate: str
    callback_url: str
    is_government: bool


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A content key, sealed."""

    sealed: bytes
    issued_at: datetime
    expires_at: datetime


async def save_client(db: Connection, row: ClientRow) -> None:
    """Register a client, or replace what is there."""
    await db.execute(
        "INSERT INTO hongkong_facades.clients (client_id, secret, kek_certificate, callback_url,"
        " is_government) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (client_id) DO UPDATE SET secret = excluded.secret,"
        " kek_certificate = excluded.kek_certificate, callback_url = excluded.callback_url,"
        " is_government = excluded.is_government",
        row.client_id, row.secret, row.kek_certificate, row.callback_url, row.is_government,
    )  # fmt: skip


async def client(db: Connection, client_id: str) -> ClientRow | None:
    """Return a client's registration."""
    row = await db.fetchrow(
        "SELECT * FROM hongkong_facades.clients WHERE client_id = $1", client_id
    )
    return ClientRow(**dict(row)) if row is not None else None


async def lock_client(db: Connection, client_id: str) -> None:
    """Let calls that change a client's keys pass one by one."""
    await db.execute(
        "SELECT 1 FROM hongkong_facades.clients WHERE client_id = $1 FOR UPDATE", client_id
    )


async def content_key(
    db: Connection, client_id: str, wire: str, now: datetime
) -> KeyRow | None:
    """Return the content key in force of a client on a wire."""
    row = await db.fetchrow(
        "SELECT sealed, issued_at, expires_at FROM hongkong_facades.content_keys"
        " WHERE client_id = $1 AND wire = $2 AND expires_at > $3",
        client_id, wire, now,
    )  # fmt: skip
    return KeyRow(**dict(row)) if row is not None else None


async def save_content_key(db: Connection, client_id: str, wire: str, key: KeyRow) -> None:
    """Put a content key in the place of the one before."""
    await db.execute(
        "INSERT INTO hongkong_facades.content_keys (client_id, wire, sealed, issued_at,"
        " expires_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, wire) DO UPDATE SET"
        " sealed = excluded.sealed, issued_at = excluded.issued_at,"
        " expires_at = excluded.expires_at",
        client_id, wire, key.sealed, key.issued_at, key.expires_at,
    )  # fmt: skip


async def delete_content_key(db: Connection, client_id: str, wire: str) -> None:
    """Forget a client's content key on a wire."""
    await db.execute(
        "DELETE FROM hongkong_facades.content_keys WHERE client_id = $1 AND wire = $2",
        client_id, wire,
    )  # fmt: skip


async def insert_page(db: Connection, page: Page) -> None:
    """Keep what a sign-in of a QR page is for."""
    await db.execute(
        "INSERT INTO hongkong_facades.pages (sign_in_id, client_id, wire, scopes, company_scopes,"
        " redirect_uri, state, language, request_id, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        page.sign_in_id, page.client_id, page.wire, list(page.scopes), list(page.company_scopes),
        page.redirect_uri, page.state, page.language, page.request_id, page.expires_at,
    )  # fmt: skip


async def page(db: Connection, sign_in_id: str, wire: str) -> Page | None:
    """Return the page of a sign-in; the caller has checked whose browser it is."""
    row = await db.fetchrow(
        "SELECT * FROM hongkong_facades.pages WHERE sign_in_id = $1 AND wire = $2",
        sign_in_id, wire,
    )  # fmt: skip
    return msgspec.convert(dict(row), Page) if row is not None else None


async def insert_code(db: Connection, code: Code) -> None:
    """Keep a code."""
    await db.execute(
        "INSERT INTO hongkong_facades.codes (code_hash, client_id, wire, scopes, person_id,"
        " company_id, grant_id, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        code.code_hash, code.client_id, code.wire, list(code.scopes), code.person_id,
        code.company_id, code.grant_id, code.issued_at, code.expires_at,
    )  # fmt: skip


async def lock_code(
    db: Connection, code_hash: bytes, client_id: str, wire: str
) -> Code | None:
    """Return a client's code of a wire and hold it; any other is not found."""
    row = await db.fetchrow(
        "SELECT * FROM hongkong_facades.codes"
        " WHERE code_hash = $1 AND client_id = $2 AND wire = $3 FOR UPDATE",
        code_hash, client_id, wire,
    )  # fmt: skip
    return msgspec.convert(dict(row), Code) if row is not None else None


async def use_code(db: Connection, code_hash: bytes, at: datetime) -> None:
    """Use up a code that the transaction holds."""
    await db.execute(
        "UPDATE hongkong_facades.codes SET used_at = $2 WHERE code_hash = $1", code_hash, at
    )


async def insert_token(
    db: Connection, token_hash: bytes, client_id: str, wire: str, scopes: tuple[str, ...],
    expires_at: datetime,
) -> None:  # fmt: skip
    """Note what a token may be used for on its wire."""
    await db.execute(
        "INSERT INTO hongkong_facades.tokens (token_hash, client_id, wire, scopes, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash, client_id, wire, list(scopes), expires_at,
    )  # fmt: skip


async def token_scopes(
    db: Connection, token_hash: bytes, client_id: str, wire: str, now: datetime
) -> tuple[str, ...] | None:
    """Return the scopes of a client's token on a wire; None for any other token."""
    found = await db.fetchval(
        "SELECT scopes FROM hongkong_facades.tokens WHERE token_hash = $1 AND client_id = $2"
        " AND wire = $3 AND expires_at > $4",
        token_hash, client_id, wire, now,
    )  # fmt: skip
    return tuple(found) if found is not None else None


async def insert_request(db: Connection, request: Request) -> None:
    """Keep an action; the caller has checked that its businessID is new."""
    values: dict[str, Any] = msgspec.structs.asdict(request)
    names = list(values)
    numbers = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await db.execute(
        f"INSERT INTO hongkong_facades.requests ({', '.join(names)}) VALUES ({numbers})",
        *values.values(),
    )


async def lock_by_ticket(
    db: Connection, ticket_hash: bytes, client_id: str, wire: str
) -> Request | None:
    """Return a client's action by its ticket and hold it."""
    return _request(
        await db.fetchrow(
            "SELECT * FROM hongkong_facades.requests"
            " WHERE ticket_hash = $1 AND client_id = $2 AND wire = $3 FOR UPDATE",
            ticket_hash, client_id, wire,
        )
    )  # fmt: skip


async def lock_by_business_id(
    db: Connection, business_id: str, client_id: str, wire: str
) -> Request | None:
    """Return a client's action by its own name and hold it."""
    return _request(
        await db.fetchrow(
            "SELECT * FROM hongkong_facades.requests"
            " WHERE business_id = $1 AND client_id = $2 AND wire = $3 FOR UPDATE",
            business_id, client_id, wire,
        )
    )  # fmt: skip


async def lock_by_approval(db: Connection, approval_id: str) -> Request | None:
    """Return the action that an approval decides and hold it."""
    return _request(
        await db.fetchrow(
            "SELECT * FROM hongkong_facades.requests WHERE approval_id = $1 FOR UPDATE",
            approval_id,
        )
    )  # fmt: skip


async def lock_request(db: Connection, request_id: str) -> Request | None:
    """Return an action and hold it."""
    return _request(
        await db.fetchrow(
            "SELECT * FROM hongkong_facades.requests WHERE id = $1 FOR UPDATE", request_id
        )
    )


async def follow(db: Connection, request_id: str, approval_id: str, asked: bytes) -> None:
    """Let an action wait for another approval."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET approval_id = $2, asked = $3 WHERE id = $1",
        request_id, approval_id, asked,
    )  # fmt: skip


async def save_outcome(
    db: Connection, request_id: str, outcome: Outcome, result: bytes | None,
    sign_token_hash: bytes | None = None,
) -> None:  # fmt: skip
    """Note how an action ended, once."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET outcome = $2, result = $3, sign_token_hash = $4"
        " WHERE id = $1 AND outcome IS NULL",
        request_id, outcome, result, sign_token_hash,
    )  # fmt: skip


async def withdraw(db: Connection, request_id: str, result: bytes) -> None:
    """Put a withdrawal in the place of a result that nobody has received."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET outcome = 'cancelled', result = $2,"
        " sign_token_hash = NULL WHERE id = $1 AND delivered_at IS NULL",
        request_id, result,
    )  # fmt: skip


async def use_sign_token(db: Connection, request_id: str) -> None:
    """Use up an action's signToken."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET sign_token_hash = NULL WHERE id = $1", request_id
    )


async def acknowledge(db: Connection, request_id: str, code: str) -> None:
    """Note what became of a signature."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET acknowledged = $2 WHERE id = $1", request_id, code
    )


async def mark_delivered(db: Connection, request_id: str, at: datetime) -> None:
    """Note that a result arrived, and forget it."""
    await db.execute(
        "UPDATE hongkong_facades.requests SET delivered_at = $2, result = NULL WHERE id = $1",
        request_id, at,
    )  # fmt: skip


def _request(row: asyncpg.Record | None) -> Request | None:
    return msgspec.convert(dict(row), Request) if row is not None else None

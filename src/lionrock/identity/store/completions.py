"""How a sign-in ends: its request used up and whatever it brings, in one statement.

Each part hangs on the first, using up the pushed request: whoever finds it used writes nothing.
Source: RFC 6749 s4.1.2, RFC 9126 s4 (a request_uri is used once).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.domain.assurance import Authentication
from lionrock.identity.domain.grants import CodeGrant, hashed_slot
from lionrock.identity.store.assurance import INSERT_AUTHENTICATION, ON_NEWER_SIGN_IN
from lionrock.identity.store.requests import PUSHED, SIGN_INS
from lionrock.identity.store.tokens import CODES
from lionrock.kernel.db import Connection
from lionrock.kernel.ring import stamped_slot


class Ended(msgspec.Struct, frozen=True):
    """A held sign-in that ends now, with its answer sealed for its browser."""

    sign_in_id: str
    request_hash: bytes
    at: datetime
    answer: bytes


async def end_without_code(db: Connection, ended: Ended) -> bool:
    """End a sign-in that brings nothing; False when another one used up its request."""
    is_first = await db.fetchval(
        f"WITH {_used(ended)} {_finished(ended)}",
        ended.request_hash, ended.at, ended.sign_in_id, ended.answer, False,
    )  # fmt: skip
    return is_first is not None


async def end_with_code(
    db: Connection, ended: Ended, code: CodeGrant, how: Authentication, forget_at: datetime
) -> bool:
    """End a sign-in with a code and the word on how its person was authenticated.

    The code names its slot (`CODES.stamp`). False when another sign-in used up the request.
    """
    slot = CODES.slot(code.expires_at)
    assert slot == hashed_slot(code.code_hash), "the code was stamped with its own slot"
    is_first = await db.fetchval(
        f"WITH {_used(ended)},"
        f" told AS ({INSERT_AUTHENTICATION} SELECT $6::text, $7::text, $8::timestamptz,"
        f"  $9::timestamptz FROM used {ON_NEWER_SIGN_IN}),"
        " made AS (INSERT INTO identity.codes (code_hash, client_id, person_id, grant_id, request,"
        "  signed_in_at, expires_at, slot) SELECT $10::bytea, $11::text, $12::text, $6::text,"
        "  $13::jsonb, $14::timestamptz, $15::timestamptz, $16::smallint FROM used)"
        f" {_finished(ended)}",
        ended.request_hash, ended.at, ended.sign_in_id, ended.answer, True,
        code.grant_id, how.acr, how.authenticated_at, forget_at,
        code.code_hash, code.request.client_id, code.person_id,
        msgspec.to_builtins(code.request), code.signed_in_at, code.expires_at, slot,
    )  # fmt: skip
    return is_first is not None


def _used(ended: Ended) -> str:
    slot = hashed_slot(ended.request_hash)
    assert slot is not None, "a request that was found has a slot"
    return (
        f"used AS (UPDATE {PUSHED.partition(slot)} SET used_at = $2"
        " WHERE request_hash = $1 AND used_at IS NULL RETURNING 1)"
    )


def _finished(ended: Ended) -> str:
    slot = stamped_slot(ended.sign_in_id)
    assert slot is not None, "a sign-in that was found has a slot"
    return (
        f"UPDATE {SIGN_INS.partition(slot)} SET finished_at = $2, is_approved = $5, answer = $4"
        " WHERE id = $3 AND finished_at IS NULL AND EXISTS (SELECT FROM used) RETURNING 1"
    )

"""How a sign-in ends: its request used up and whatever it brings, in one statement.

Each part hangs on the first, using up the pushed request: whoever finds it used writes nothing, and
a code is made only of a yes that stands at that moment. So nothing has to be held before.
Source: RFC 6749 s4.1.2, RFC 9126 s4 (a request_uri is used once).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.domain.assurance import Authentication
from lionrock.identity.domain.grants import CodeGrant, hashed_slot
from lionrock.identity.store.approvals import STANDING
from lionrock.identity.store.assurance import INSERT_AUTHENTICATION, ON_NEWER_SIGN_IN
from lionrock.identity.store.requests import PUSHED, SIGN_INS
from lionrock.identity.store.tokens import CODES
from lionrock.kernel.db import Connection
from lionrock.kernel.late import alone
from lionrock.kernel.ring import stamped_slot


class Ended(msgspec.Struct, frozen=True):
    """A sign-in that ends now, with its answer sealed for its browser."""

    sign_in_id: str
    request_hash: bytes
    at: datetime
    answer: bytes


class CodeEnd(msgspec.Struct, frozen=True):
    """Whether a sign-in ended with its code; if not, whether that was for want of a yes."""

    is_ended: bool
    stands: bool


async def end_without_code(db: Connection, ended: Ended) -> bool:
    """End a sign-in that brings nothing; False when another one used up its request."""
    is_first = await db.fetchval(
        f"WITH {_used(ended)} RETURNING 1) {_finished(ended)}",
        ended.request_hash, ended.at, ended.sign_in_id, ended.answer, False,
    )  # fmt: skip
    return is_first is not None


async def end_with_code(
    db: Connection, ended: Ended, approval_id: str, code: CodeGrant, how: Authentication,
    forget_at: datetime,
) -> CodeEnd:  # fmt: skip
    """End a sign-in with a code and the word on how its person was authenticated.

    The code names its slot (`CODES.stamp`). It changes nothing unless it ends the sign-in, and can
    be all that a request changes (kernel.late.alone).
    """
    slot = CODES.slot(code.expires_at)
    assert slot == hashed_slot(code.code_hash), "the code was stamped with its own slot"
    row = await alone(
        db,
        f"WITH standing AS MATERIALIZED ({STANDING} AND a.approval_id = $17),"
        f" open AS MATERIALIZED (SELECT FROM {_sign_ins(ended)}"
        "  WHERE id = $3 AND finished_at IS NULL),"
        f" {_used(ended)} AND EXISTS (SELECT FROM standing) AND EXISTS (SELECT FROM open)"
        "  RETURNING 1),"
        f" told AS ({INSERT_AUTHENTICATION} SELECT $6::text, $7::text, $8::timestamptz,"
        f"  $9::timestamptz FROM used {ON_NEWER_SIGN_IN}),"
        " made AS (INSERT INTO identity.codes (code_hash, client_id, person_id, grant_id, request,"
        "  signed_in_at, expires_at, slot) SELECT $10::bytea, $11::text, $12::text, $6::text,"
        "  $13::jsonb, $14::timestamptz, $15::timestamptz, $16::smallint FROM used),"
        f" finished AS ({_finished(ended)})"
        " SELECT EXISTS (SELECT FROM finished) AS is_ended,"
        "  EXISTS (SELECT FROM standing) AS stands",
        ended.request_hash, ended.at, ended.sign_in_id, ended.answer, True,
        code.grant_id, how.acr, how.authenticated_at, forget_at,
        code.code_hash, code.request.client_id, code.person_id,
        msgspec.to_builtins(code.request), code.signed_in_at, code.expires_at, slot, approval_id,
    )  # fmt: skip
    return CodeEnd(row["is_ended"], row["stands"])


def _used(ended: Ended) -> str:
    slot = hashed_slot(ended.request_hash)
    assert slot is not None, "a request that was found has a slot"
    return (
        f"used AS (UPDATE {PUSHED.partition(slot)} SET used_at = $2"
        " WHERE request_hash = $1 AND used_at IS NULL"
    )


def _sign_ins(ended: Ended) -> str:
    slot = stamped_slot(ended.sign_in_id)
    assert slot is not None, "a sign-in that was found has a slot"
    return SIGN_INS.partition(slot)


def _finished(ended: Ended) -> str:
    return (
        f"UPDATE {_sign_ins(ended)} SET finished_at = $2, is_approved = $5, answer = $4"
        " WHERE id = $3 AND finished_at IS NULL AND EXISTS (SELECT FROM used) RETURNING 1"
    )

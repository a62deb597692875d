"""Rows of the right to ask. A bucket that is not there is full.

Whoever changes a bucket holds its lock: `charge` takes those of all its questions in one order.
Not for: what a question costs (domain.buckets). The function `payments.charge` does the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.replay import REPLAYS, Value
from lionrock.payments.addressing.domain.buckets import PARTICIPANT, PERSON, Bucket

# The numbers that `payments.charge` and `payments.look_up` do their sums with.
RULES = (
    PARTICIPANT.tokens_max, PARTICIPANT.refill_ms, PERSON.tokens_max, PERSON.refill_ms,
)


_CHARGE_CALLS = (
    "SELECT position, why FROM payments.charge_calls("
    f"{', '.join(f'${n}' for n in range(1, 19))})"
)
_WHYS = ("fallen", "replayed", "exhausted")


class Question(msgspec.Struct, frozen=True):
    """One question to be charged: by whom, for which payer, its cost in tokens."""

    organisation_id: str
    payer_key: bytes
    cost: int


async def lock_bucket(
    db: Connection, organisation_id: str, payer_key: bytes = b""
) -> Bucket | None:
    """Return a bucket, kept from others until the end; None: there is none, so it is full."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || encode($2, 'hex'), 7310002))",
        organisation_id, payer_key,
    )
    row = await db.fetchrow(
        "SELECT tokens, at FROM payments.asking_buckets"
        " WHERE organisation_id = $1 AND payer_key = $2",
        organisation_id, payer_key,
    )
    return Bucket(row["tokens"], row["at"]) if row is not None else None


async def save_bucket(
    db: Connection, organisation_id: str, bucket: Bucket, payer_key: bytes = b""
) -> None:
    """Write a bucket back."""
    await db.execute(
        "INSERT INTO payments.asking_buckets (organisation_id, payer_key, tokens, at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (organisation_id, payer_key)"
        " DO UPDATE SET tokens = excluded.tokens, at = excluded.at",
        organisation_id, payer_key, bucket.tokens, bucket.at,
    )


class SignedQuestions(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The questions of one call that are to be charged, perhaps none; who signed it with which key,
    and its nonce.
    """

    organisation_id: str
    kid: str
    questions: Sequence[Question]
    nonce: Value


# Of each question of a call whether it may be asked; or why the call is charged nothing:
# "fallen": its caller may not act any more; "replayed": its nonce was used before.
Charged: TypeAlias = list[bool] | Literal["fallen", "replayed"]


async def charge_calls(
    db: Connection, calls: Sequence[SignedQuestions], role: str, asked_at: datetime
) -> list[Charged]:
    """Remember the nonces of calls and charge their questions in their order, in one statement.

    No nonce may be given twice. When callers have fallen, exactly their calls are answered with
    that, and the others with no questions and nothing done: they have to be charged again.
    """
    callers = sorted({(each.organisation_id, each.kid) for each in calls})
    asked = [(number, each) for number, call in enumerate(calls, 1) for each in call.questions]
    rows = await db.fetch(
        _CHARGE_CALLS, [name for name, _ in callers], [kid for _, kid in callers], role,
        *arguments_of_nonces([call.nonce for call in calls]), [number for number, _ in asked],
        *arguments_of_buckets([each for _, each in asked]), asked_at, *RULES,
    )
    found = {why: {row["position"] for row in rows if row["why"] == why} for why in _WHYS}
    if found["fallen"]:
        fallen = {callers[position - 1] for position in found["fallen"]}
        return [
            "fallen" if (each.organisation_id, each.kid) in fallen else [] for each in calls
        ]
    may_ask = iter([each not in found["exhausted"] for each in range(1, len(asked) + 1)])
    told = [[next(may_ask) for _ in call.questions] for call in calls]
    return [
        "replayed" if number in found["replayed"] else each
        for number, each in enumerate(told, 1)
    ]


async def charge(
    db: Connection, questions: Sequence[Question], asked_at: datetime
) -> list[bool]:
    """Charge questions in their order; says of each whether it may be asked.

    One that may not (either bucket is empty) is charged nothing.
    """
    rows = await db.fetch(
        "SELECT payments.charge($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS position",
        *arguments_of_buckets(questions), asked_at, *RULES,
    )
    refused = {row["position"] for row in rows}
    return [position not in refused for position in range(1, len(questions) + 1)]


def arguments_of_nonces(nonces: Sequence[Value]) -> list[Any]:
    """The arguments for nonces, one a look-up or a call; none may be given twice."""
    assert len({nonce.key for nonce in nonces}) == len(nonces), "each once"
    # Locks are taken in the order of the realms, as kernel.replay does.
    locked = sorted((nonce.realm, nonce.key) for nonce in nonces)
    return [
        [int.from_bytes(key[:8], "big", signed=True) for _, key in locked],
        [nonce.key for nonce in nonces],
        [REPLAYS.slot(nonce.expires_at) for nonce in nonces],
        [nonce.expires_at for nonce in nonces],
    ]


async def delete_full(db: Connection, before: datetime) -> int:
    """Forget payers' buckets that nobody has used since `before`, so long ago that they are full.

    One that somebody charges at this moment is left out: its lock is not waited for.
    """
    rows = await db.fetch(
        "DELETE FROM payments.asking_buckets WHERE (organisation_id, payer_key) IN ("
        " SELECT organisation_id, payer_key FROM payments.asking_buckets"
        "  WHERE payer_key <> '\\x' AND at < $1 FOR UPDATE SKIP LOCKED)"
        " AND at < $1 RETURNING 1",
        before,
    )
    return len(rows)


def arguments_of_buckets(
    questions: Sequence[Question],
) -> tuple[list[str], list[bytes], list[int], list[int], list[int]]:
    """The buckets that questions draw on, each once and sorted; which each draws on; its cost."""
    wanted = {(question.organisation_id, question.payer_key) for question in questions}
    wanted |= {(question.organisation_id, b"") for question in questions}
    buckets = sorted(wanted)
    number = {bucket: position for position, bucket in enumerate(buckets, 1)}
    return (
        [organisation_id for organisation_id, _ in buckets],
        [payer_key for _, payer_key in buckets],
        [number[question.organisation_id, b""] for question in questions],
        [number[question.organisation_id, question.payer_key] for question in questions],
        [question.cost for question in questions],
    )

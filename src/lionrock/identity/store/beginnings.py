"""How a sign-in begins: one statement holds, counts and adds, and is all that a request changes.

`identity.hold_beginning` holds the request, the subject and the person, in this order, and says
whether the person may be asked; the statement then adds the sign-in with its question, or keeps
the question for the person to fetch, or for a decoy neither.

Invariants: attempts at one subject pass one by one, so a ration holds however many come at once;
a browser that loads the address twice gets one sign-in.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.domain.approvals import UNCOUNTED_KINDS, Approval
from lionrock.identity.domain.grants import SignIn
from lionrock.identity.domain.quiet import QuietSignIn
from lionrock.identity.store.approvals import INSERT_APPROVAL, approval_values
from lionrock.identity.store.requests import SIGN_INS
from lionrock.kernel.db import Connection
from lionrock.kernel.late import alone
from lionrock.kernel.ring import stamped_slot


class Ration(msgspec.Struct, frozen=True, kw_only=True):
    """From how many on a person is not asked; 0 is no limit.

    Counted since an instant: unapproved sign-ins that the phone was told of, of a client (`own`)
    and of all (`every`). Counted now: what waits for the person's answer, for a sign-in (`pending`)
    and for anything (`approvals`).
    """

    since: datetime
    own: int
    every: int
    pending: int
    approvals: int


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked at the beginning: now, or when the person fetches it.

    `approval` is None when it cannot be asked, however few were asked before.
    """

    person_id: str
    approval: Approval | None
    quiet: QuietSignIn


async def begin(
    db: Connection,
    sign_in: SignIn,
    question: Question | None,
    ration: Ration,
    business_now: datetime,
    *,
    resumes: bool,
) -> str:
    """Begin a sign-in, unless `resumes` finds this browser's open one of the request.

    Returns the id of the one that goes on. Without a question it is a decoy. Its id names its slot
    (`SIGN_INS.stamp`).
    """
    slot = SIGN_INS.slot(sign_in.expires_at)
    assert slot == stamped_slot(sign_in.id), "the id was stamped with its own slot"
    assert sign_in.approval_id is None, "nobody was asked yet"
    approval = question.approval if question is not None else None
    row = await alone(
        db, _BEGIN,
        *(approval_values(approval) if approval is not None else _NO_APPROVAL),
        sign_in.id, sign_in.request_hash, sign_in.client_id, sign_in.browser_hash,
        sign_in.subject_key, question.person_id if question is not None else None,
        sign_in.number, sign_in.started_at, sign_in.expires_at, slot,
        msgspec.to_builtins(question.quiet.service) if question is not None else None,
        msgspec.to_builtins(question.quiet.ask) if question is not None else None,
        resumes, ration.since, business_now, list(UNCOUNTED_KINDS),
        ration.own, ration.every, ration.pending, ration.approvals,
    )  # fmt: skip
    open_id: str | None = row["open_id"]
    return open_id or sign_in.id


_NO_APPROVAL = (None,) * 18
_BEGIN = (
    "WITH held AS MATERIALIZED (SELECT open_id, may_ask FROM identity.hold_beginning("
    "  $20::bytea, $22::bytea, $31::boolean, $26::timestamptz, $23::bytea, $32::timestamptz,"
    "  $21::text, $24::text, $33::timestamptz, $34::text[],"
    "  $35::bigint, $36::bigint, $37::bigint, $38::bigint)),"
    f" asked AS ({INSERT_APPROVAL} SELECT $1::text, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
    "  $13, $14, $15, $16, $17, $18 FROM held WHERE may_ask AND $1::text IS NOT NULL"
    "  RETURNING id),"
    " asked_person AS (INSERT INTO identity.approval_persons (approval_id, person_id, position)"
    "  SELECT id, $24::text, 0 FROM asked),"
    " kept AS (INSERT INTO identity.quiet_sign_ins (sign_in_id, person_id, client_id, service,"
    "  ask, started_at, expires_at) SELECT $19::text, $24::text, $21::text, $29::jsonb, $30::jsonb,"
    "  $26::timestamptz, $27::timestamptz FROM held"
    "  WHERE open_id IS NULL AND $24::text IS NOT NULL AND NOT EXISTS (SELECT FROM asked)),"
    " begun AS (INSERT INTO identity.sign_ins (id, request_hash, client_id, browser_hash,"
    "  subject_key, person_id, approval_id, number, started_at, expires_at, slot)"
    "  SELECT $19::text, $20::bytea, $21::text, $22::bytea, $23::bytea, asked.person_id, asked.id,"
    "  $25, $26::timestamptz, $27::timestamptz, $28 FROM held"
    "  LEFT JOIN (SELECT id, $24::text AS person_id FROM asked) asked ON true"
    "  WHERE open_id IS NULL)"
    " SELECT open_id FROM held"
)

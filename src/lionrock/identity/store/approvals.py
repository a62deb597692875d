"""Approvals and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.approvals import (
    UNCOUNTED_KINDS,
    Approval,
    Decision,
    GivenAnswer,
    State,
)
from lionrock.identity.domain.assurance import ACR_DEVICE
from lionrock.identity.domain.proofs import Proof
from lionrock.identity.domain.words import Rendered
from lionrock.kernel.db import Connection
from lionrock.kernel.late import UNLESS_USED, claim
from lionrock.kernel.money import Money
from lionrock.kernel.notes import Row

LISTED_MAX = 50
UNANSWERED_MAX = 200

INSERT_APPROVAL = (
    "INSERT INTO identity.approvals (id, kind, reference, requester_org, company_id, scope,"
    " amount_minor, currency, quorum, shown, words_hash, number, tries_left, state, created_at,"
    " expires_at, details, is_passing)"
)
# The yes's that stand: each one's device is in use and its person active still.
STANDING = (
    "SELECT a.acr FROM identity.approval_persons a"
    " JOIN identity.devices d ON d.id = a.device_id AND d.revoked_at IS NULL"
    " JOIN identity.persons p ON p.id = a.person_id AND p.status = 'active'"
    " WHERE a.decision = 'approved'"
)
_SELECT = (
    "SELECT a.*, (SELECT array_agg(p.person_id ORDER BY p.position)"
    " FROM identity.approval_persons p WHERE p.approval_id = a.id) AS person_ids"
    " FROM identity.approvals a"
)


async def insert_approval(db: Connection, approval: Approval) -> None:
    """Add an approval and the persons asked, in their order, in one statement."""
    await db.execute(
        f"WITH new AS ({INSERT_APPROVAL}"
        "  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
        "   $18))"
        " INSERT INTO identity.approval_persons (approval_id, person_id, position)"
        " SELECT $1, person_id, number - 1"
        " FROM unnest($19::text[]) WITH ORDINALITY AS asked (person_id, number)",
        *approval_values(approval), list(approval.person_ids),
    )  # fmt: skip


def approval_values(approval: Approval) -> tuple[Any, ...]:
    """Return an approval's values in the order of `INSERT_APPROVAL`."""
    amount = approval.amount
    return (
        approval.id, approval.kind, approval.reference, approval.requester_org,
        approval.company_id, approval.scope, amount.amount_minor if amount else None,
        amount.currency if amount else None, approval.quorum, msgspec.to_builtins(approval.shown),
        approval.words_hash, approval.number, approval.tries_left, approval.state,
        approval.created_at, approval.expires_at, list(approval.details), approval.is_passing,
    )  # fmt: skip


async def approval(db: Connection, approval_id: str) -> Approval | None:
    """Return an approval by id."""
    row = await db.fetchrow(f"{_SELECT} WHERE a.id = $1", approval_id)
    return _approval(row) if row else None


async def lock_approval(db: Connection, approval_id: str) -> Approval | None:
    """Return an approval and hold it to the transaction's end: answers are counted one by one."""
    row = await db.fetchrow(f"{_SELECT} WHERE a.id = $1 FOR UPDATE OF a", approval_id)
    return _approval(row) if row else None


async def lock_with_answers(
    db: Connection, approval_id: str
) -> tuple[Approval, list[GivenAnswer]] | None:
    """Return an approval, held to the transaction's end, and the answers given so far."""
    rows = await db.fetch(
        "SELECT (held.asked).*, (held.person).person_id, (held.person).device_id,"
        " (held.person).decision, (held.person).answered_at, (held.person).proof,"
        " (held.person).proof_kind, (held.person).acr FROM identity.hold_approval($1) AS held",
        approval_id,
    )
    if not rows:
        return None
    return _with_answers(rows)


async def with_answers(
    db: Connection, approval_id: str
) -> tuple[Approval, list[GivenAnswer]] | None:
    """Return an approval and the answers given so far; it may change at once."""
    rows = await db.fetch(
        "SELECT a.*, p.person_id, p.device_id, p.decision, p.answered_at, p.proof, p.proof_kind,"
        " p.acr FROM identity.approvals a JOIN identity.approval_persons p ON p.approval_id = a.id"
        " WHERE a.id = $1 ORDER BY p.position",
        approval_id,
    )
    return _with_answers(rows) if rows else None


async def due(db: Connection, now: datetime, count_max: int) -> list[str]:
    """Return ids of pending approvals whose time is over, earliest first."""
    rows = await db.fetch(
        "SELECT id FROM identity.approvals WHERE state = 'pending' AND expires_at <= $1"
        " ORDER BY expires_at, id LIMIT $2",
        now, count_max,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def try_lock(db: Connection, approval_id: str) -> bool:
    """Hold an approval to the transaction's end unless another transaction holds it now."""
    found = await db.fetchval(
        "SELECT 1 FROM identity.approvals WHERE id = $1 FOR UPDATE SKIP LOCKED", approval_id
    )
    return found is not None


async def pending_of_officer(db: Connection, person_id: str) -> list[str]:
    """Return the ids of what a person is asked for companies and is undecided."""
    rows = await db.fetch(
        "SELECT a.id FROM identity.approval_persons mine"
        " JOIN identity.approvals a ON a.id = mine.approval_id"
        " WHERE mine.person_id = $1 AND a.state = 'pending' AND a.company_id IS NOT NULL"
        " ORDER BY a.id",
        person_id,
    )
    return [row["id"] for row in rows]


async def pending_of_companies(db: Connection, company_ids: Sequence[str]) -> list[str]:
    """Return the ids of what is asked of companies' officers and is undecided."""
    rows = await db.fetch(
        "SELECT id FROM identity.approvals WHERE state = 'pending' AND company_id = ANY($1)"
        " ORDER BY id",
        list(company_ids),
    )
    return [row["id"] for row in rows]


async def pending_for(db: Connection, person_id: str, now: datetime) -> list[Approval]:
    """Return what a person is asked and has not answered, oldest first."""
    rows = await db.fetch(
        f"{_SELECT} JOIN identity.approval_persons mine"
        "  ON mine.approval_id = a.id AND mine.person_id = $1 AND mine.decision IS NULL"
        " WHERE a.state = 'pending' AND a.expires_at > $2 ORDER BY a.created_at, a.id LIMIT $3",
        person_id, now, LISTED_MAX,
    )  # fmt: skip
    return [_approval(row) for row in rows]


async def recent_of(
    db: Connection, person_id: str, count_max: int
) -> list[tuple[Approval, Decision | None]]:
    """Return what a person was asked, open ones first, then newest first, with the own answer."""
    rows = await db.fetch(
        "SELECT asked.*, mine.decision AS own_decision FROM ("
        f"{_SELECT}) asked JOIN identity.approval_persons mine"
        "  ON mine.approval_id = asked.id AND mine.person_id = $1"
        " ORDER BY asked.state = 'pending' DESC, asked.created_at DESC, asked.id DESC LIMIT $2",
        person_id, count_max,
    )  # fmt: skip
    return [(_approval(row), row["own_decision"]) for row in rows]


async def unanswered(
    db: Connection, person_ids: Sequence[str], now: datetime
) -> list[tuple[str, str, str | None]]:
    """Return (person, approval, number) for all that these persons are asked and did not answer."""
    rows = await db.fetch(
        "SELECT mine.person_id, a.id, a.number FROM identity.approval_persons mine"
        " JOIN identity.approvals a ON a.id = mine.approval_id"
        " WHERE mine.person_id = ANY($1) AND mine.decision IS NULL AND a.state = 'pending'"
        "  AND a.expires_at > $2 ORDER BY a.created_at, a.id LIMIT $3",
        list(person_ids), now, UNANSWERED_MAX,
    )  # fmt: skip
    return [(row["person_id"], row["id"], row["number"]) for row in rows]


async def count_pending(db: Connection, person_id: str, now: datetime) -> int:
    """Count what a person is asked and has not answered."""
    count: int = await db.fetchval(
        "SELECT identity.count_waiting($1, $2, $3)", person_id, now, list(UNCOUNTED_KINDS)
    )
    return count


async def hold_person(
    db: Connection, person_id: str, now: datetime
) -> tuple[str | None, int]:
    """Hold a person's row, so that what waits for an answer is counted by one at a time.

    Returns (status, which nobody changes while it is held, None for nobody; how much waits).
    """
    row = await db.fetchrow(
        "SELECT status, pending FROM identity.hold_person($1, $2, $3)",
        person_id, now, list(UNCOUNTED_KINDS),
    )  # fmt: skip
    return row["status"], row["pending"]


async def standing_acrs(db: Connection, approval_id: str) -> list[str]:
    """Return the level of each yes that stands: its device in use and its person active still."""
    rows = await db.fetch(f"{STANDING} AND a.approval_id = $1", approval_id)
    return known_acrs(row["acr"] for row in rows)


def known_acrs(kept: Iterable[str | None]) -> list[str]:
    """Return levels as kept; answers of before there were levels were device answers."""
    return [acr or ACR_DEVICE for acr in kept]


async def answers(db: Connection, approval_id: str) -> list[GivenAnswer]:
    """Return the answers given so far."""
    rows = await db.fetch(
        "SELECT person_id, device_id, decision, answered_at, proof, proof_kind, acr"
        " FROM identity.approval_persons WHERE approval_id = $1 AND decision IS NOT NULL"
        " ORDER BY answered_at, position",
        approval_id,
    )
    return [_answer(row) for row in rows]


async def save_answer(
    db: Connection, approval: Approval, answer: GivenAnswer, state: State, rows: Sequence[Row]
) -> bool:
    """Record a person's answer, the state that the approval comes to with it, and rows of that.

    False, with nothing recorded, when the approval is not as it was read any more. Who does not
    hold it is the only one asked; after it the request may change nothing (kernel.late.claim).
    """
    return await claim(
        db,
        "claimed AS (UPDATE identity.approvals SET state = $9,"
        "  decided_at = CASE WHEN $9 = 'pending' THEN NULL ELSE $5::timestamptz END"
        f" WHERE {_as_read(10)} RETURNING 1),"
        " mine AS (UPDATE identity.approval_persons SET device_id = $3, decision = $4,"
        "  answered_at = $5, proof = $6, proof_kind = $7, acr = $8"
        " WHERE approval_id = $1 AND person_id = $2 AND EXISTS (SELECT FROM claimed))",
        approval.id, answer.person_id, answer.device_id, answer.decision, answer.answered_at,
        answer.proof.text, answer.proof.kind, answer.acr, state,
        approval.words_hash, approval.tries_left, rows=rows,
    )  # fmt: skip


async def save_narrowed(
    db: Connection, approval_id: str, shown: Rendered, details: Sequence[dict[str, Any]]
) -> None:
    """Replace the words of a held, unanswered approval by those of narrowed details."""
    await db.execute(
        "UPDATE identity.approvals SET shown = $2, words_hash = $3, granted = $4 WHERE id = $1",
        approval_id, msgspec.to_builtins(shown), shown.words_hash, list(details),
    )  # fmt: skip


async def use_try(
    db: Connection, approval: Approval, state: State, at: datetime, rows: Sequence[Row]
) -> bool:
    """Use up a try of the number, with the state that it comes to and rows of that.

    False, with nothing recorded, when the approval is not as it was read any more; as `save_answer`
    otherwise.
    """
    return await claim(
        db,
        "claimed AS (UPDATE identity.approvals SET tries_left = tries_left - 1, state = $2,"
        "  decided_at = CASE WHEN $2 = 'pending' THEN NULL ELSE $3::timestamptz END"
        f" WHERE {_as_read(4)} RETURNING 1)",
        approval.id, state, at, approval.words_hash, approval.tries_left, rows=rows,
    )  # fmt: skip


async def decide(db: Connection, approval_id: str, state: State, at: datetime) -> bool:
    """Leave "pending" once and for ever; False when it was left before."""
    changed = await db.fetchval(
        "UPDATE identity.approvals SET state = $2, decided_at = $3"
        " WHERE id = $1 AND state = 'pending' RETURNING 1",
        approval_id, state, at,
    )  # fmt: skip
    return changed is not None


def _as_read(first: int) -> str:
    """The approval $1 as it was read: pending, its words ($first), its tries left."""
    return (
        f"id = $1 AND state = 'pending' AND words_hash = ${first} AND tries_left = ${first + 1}"
        f" AND {UNLESS_USED}"
    )


def _with_answers(rows: Sequence[Any]) -> tuple[Approval, list[GivenAnswer]]:
    asked = dict(rows[0]) | {"person_ids": [row["person_id"] for row in rows]}
    given = [_answer(row) for row in rows if row["decision"] is not None]
    # Asked in the order of their positions: what was answered at once stays in that order.
    return _approval(asked), sorted(given, key=lambda each: each.answered_at)


def _answer(row: Any) -> GivenAnswer:
    return GivenAnswer(
        person_id=row["person_id"], device_id=row["device_id"], decision=row["decision"],
        answered_at=row["answered_at"], proof=Proof(row["proof_kind"], row["proof"]),
        # Answers of before there were levels were device answers.
        acr=row["acr"] or ACR_DEVICE,
    )  # fmt: skip


def _approval(row: Any) -> Approval:
    minor = row["amount_minor"]
    return Approval(
        id=row["id"], kind=row["kind"], reference=row["reference"],
        requester_org=row["requester_org"], company_id=row["company_id"],
        person_ids=tuple(row["person_ids"]), quorum=row["quorum"],
        shown=msgspec.convert(row["shown"], Rendered), words_hash=row["words_hash"],
        number=row["number"], tries_left=row["tries_left"], state=row["state"],
        created_at=row["created_at"], expires_at=row["expires_at"], decided_at=row["decided_at"],
        scope=row["scope"], amount=Money(minor, row["currency"]) if minor is not None else None,
        details=tuple(row["details"]),
        narrowed=tuple(row["granted"]) if row["granted"] is not None else None,
        is_passing=row["is_passing"],
    )  # fmt: skip

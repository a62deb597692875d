"""What assessors and the committee said."""

from __future__ import annotations

from lionrock.kernel.db import Connection
from lionrock.programmes.cases.domain.values import Assessment, CommitteeDecision, Conflict


async def insert_conflict(db: Connection, case_id: str, conflict: Conflict) -> None:
    """Keep a declared conflict; declaring again changes nothing."""
    await db.execute(
        "INSERT INTO programmes.case_conflicts (case_id, person_id, declaration, at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT case_conflicts_pk DO NOTHING",
        case_id, conflict.person_id, conflict.declaration, conflict.at,
    )  # fmt: skip


async def conflicts(db: Connection, case_id: str) -> list[Conflict]:
    """Return the conflicts declared in a case."""
    rows = await db.fetch(
        "SELECT person_id, declaration, at FROM programmes.case_conflicts WHERE case_id = $1"
        " ORDER BY at, person_id",
        case_id,
    )
    return [Conflict(**dict(row)) for row in rows]


async def insert_assessment(db: Connection, case_id: str, assessment: Assessment) -> None:
    """Add an assessment to a locked case."""
    await db.execute(
        "INSERT INTO programmes.case_assessments"
        " (case_id, assessor_id, marks, recommendation, comment, declaration, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        case_id, assessment.assessor_id, assessment.marks, assessment.recommendation,
        assessment.comment, assessment.declaration, assessment.at,
    )  # fmt: skip


async def assessments(db: Connection, case_id: str) -> list[Assessment]:
    """Return a case's assessments, oldest first."""
    rows = await db.fetch(
        "SELECT assessor_id, marks, recommendation, comment, declaration, at"
        " FROM programmes.case_assessments WHERE case_id = $1 ORDER BY at, assessor_id",
        case_id,
    )
    return [Assessment(**dict(row)) for row in rows]


async def insert_decision(db: Connection, case_id: str, decision: CommitteeDecision) -> None:
    """Add a committee decision to a locked case."""
    await db.execute(
        "INSERT INTO programmes.case_decisions"
        " (case_id, attempt, chair_id, outcome, amount_minor, reasons, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        case_id, decision.attempt, decision.chair_id, decision.outcome, decision.amount_minor,
        decision.reasons, decision.at,
    )  # fmt: skip


async def decisions(db: Connection, case_id: str) -> list[CommitteeDecision]:
    """Return a case's committee decisions in order."""
    rows = await db.fetch(
        "SELECT attempt, chair_id, outcome, amount_minor, reasons, at"
        " FROM programmes.case_decisions WHERE case_id = $1 ORDER BY attempt",
        case_id,
    )
    return [CommitteeDecision(**dict(row)) for row in rows]

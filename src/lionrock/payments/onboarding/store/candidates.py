"""Rows of applications, of what was said about them, and of changes.

Not for: deciding moves (domain.candidates). Invariants: words are only added; a key is claimed by
one organisation for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from lionrock.kernel.db import Connection
from lionrock.payments.onboarding.domain.application import Application, Limits
from lionrock.payments.onboarding.domain.candidates import Candidate, Change, State, Word
from lionrock.payments.sealing import Vault

CANDIDATES_LISTED_MAX = 200
_APPLICATION = "candidates.sealed_application"
_ENDED = "('rejected', 'withdrawn')"
_COLUMNS = (
    "id, state, version, asked_by, sealed_application, limits, daily_limits, asked_at, changed_at"
)


async def insert_candidate(db: Connection, vault: Vault, candidate: Candidate) -> bool:
    """Write a new application; False when organisation or clearing code are somebody's."""
    created = await db.fetchval(
        "INSERT INTO payments.candidates (id, organisation_id, clearing_code, state, version,"
        " asked_by, application_digest, sealed_application, asked_at, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING 1",
        candidate.id, candidate.organisation_id, candidate.application.clearing_code,
        candidate.state.value, candidate.version, candidate.asked_by,
        candidate.application.digest(), _sealed(vault, candidate), candidate.asked_at,
        candidate.changed_at,
    )
    return created is not None


async def save_candidate(
    db: Connection, vault: Vault, candidate: Candidate
) -> None:
    """Write an application as it is now; its row is locked."""
    await db.execute(
        "UPDATE payments.candidates SET state = $2, version = $3, application_digest = $4,"
        " sealed_application = $5, limits = $6, changed_at = $7, clearing_code = $8,"
        " daily_limits = $9 WHERE id = $1",
        candidate.id, candidate.state.value, candidate.version, candidate.application.digest(),
        _sealed(vault, candidate), candidate.limits.payment, candidate.changed_at,
        candidate.application.clearing_code, candidate.limits.daily,
    )


async def load_candidate(
    db: Connection, vault: Vault, candidate_id: str, *, is_locking: bool = False
) -> Candidate | None:
    """Return an application, its row locked if asked."""
    return await _load(db, vault, "id = $1", candidate_id, is_locking=is_locking)


async def load_of_organisation(
    db: Connection, vault: Vault, organisation_id: str
) -> Candidate | None:
    """Return an organisation's application that has not ended."""
    return await _load(
        db, vault, f"organisation_id = $1 AND state NOT IN {_ENDED}", organisation_id
    )


async def is_code_taken(
    db: Connection, clearing_code: str, organisation_id: str
) -> bool:
    """Say whether a clearing code is a participant's or another candidate's."""
    found = await db.fetchval(
        "SELECT 1 FROM payments.participants WHERE clearing_code = $1"
        " UNION ALL SELECT 1 FROM payments.candidates WHERE clearing_code = $1"
        f" AND organisation_id <> $2 AND state NOT IN {_ENDED} LIMIT 1",
        clearing_code, organisation_id,
    )
    return found is not None


async def lock_register(db: Connection) -> None:
    """One application is checked and kept at a time, so that two do not take one code."""
    await db.execute("SELECT pg_advisory_xact_lock(7310013)")


async def count_waiting(db: Connection) -> int:
    """Count the applications that nobody has reviewed yet."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM payments.candidates WHERE state IN ('asked', 'returned')"
    )
    return count


async def list_candidates(db: Connection, vault: Vault) -> list[Candidate]:
    """Return the applications that changed last, without what was said about them."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.candidates ORDER BY changed_at DESC, id LIMIT $1",
        CANDIDATES_LISTED_MAX,
    )
    return [_candidate(vault, row, ()) for row in rows]


async def claim_keys(db: Connection, kids: Sequence[str], organisation_id: str) -> str | None:
    """Claim keys for an organisation; returns the first that is another one's, None when none is.

    In their own order, so that two who claim the same ones do not wait for each other.
    """
    for kid in sorted(kids):
        owner = await db.fetchval(
            "INSERT INTO payments.candidate_keys (kid, organisation_id) VALUES ($1, $2)"
            " ON CONFLICT (kid) DO UPDATE SET organisation_id = candidate_keys.organisation_id"
            " RETURNING organisation_id",
            kid, organisation_id,
        )
        if owner != organisation_id:
            return kid
    return None


async def add_word(db: Connection, candidate_id: str, position: int, word: Word) -> None:
    """Add what somebody said; the candidate's row is locked, so that positions are in order."""
    await db.execute(
        "INSERT INTO payments.candidate_words (candidate_id, position, step, version, person_id,"
        " decision, reasons, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        candidate_id, position, word.step, word.version, word.person_id, word.decision,
        word.reasons, word.at,
    )


async def insert_change(db: Connection, change: Change) -> bool:
    """Write a change that is asked; False when one waits already."""
    created = await db.fetchval(
        "INSERT INTO payments.candidate_changes (id, candidate_id, kind, content, state, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1",
        change.id, change.candidate_id, change.kind, change.content, change.state,
        change.asked_at,
    )
    return created is not None


async def list_changes(db: Connection, candidate_id: str) -> list[Change]:
    """Return a candidate's changes, newest first."""
    rows = await db.fetch(
        "SELECT id, candidate_id, kind, content, state, asked_at FROM payments.candidate_changes"
        " WHERE candidate_id = $1 ORDER BY asked_at DESC, id DESC LIMIT 100",
        candidate_id,
    )
    return [Change(**dict(row)) for row in rows]


async def end_change(
    db: Connection, change_id: str, state: Literal["done", "refused"]
) -> None:
    """End a change; the candidate's row is locked."""
    await db.execute(
        "UPDATE payments.candidate_changes SET state = $2 WHERE id = $1 AND state = 'asked'",
        change_id, state,
    )


async def _load(
    db: Connection, vault: Vault, where: str, value: str, *, is_locking: bool = False
) -> Candidate | None:
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.candidates WHERE {where}{lock}", value
    )
    if row is None:
        return None
    words = await db.fetch(
        "SELECT step, version, person_id, decision, reasons, at FROM payments.candidate_words"
        " WHERE candidate_id = $1 ORDER BY position",
        row["id"],
    )
    return _candidate(vault, row, tuple(Word(**dict(word)) for word in words))


def _candidate(vault: Vault, row: Any, words: tuple[Word, ...]) -> Candidate:
    return Candidate(
        id=row["id"], state=State(row["state"]), version=row["version"],
        asked_by=row["asked_by"], asked_at=row["asked_at"], changed_at=row["changed_at"],
        words=words, limits=Limits(payment=row["limits"], daily=row["daily_limits"]),
        application=vault.open_value(
            _APPLICATION, row["id"], row["sealed_application"], Application
        ),
    )


def _sealed(vault: Vault, candidate: Candidate) -> bytes:
    return vault.seal_value(_APPLICATION, candidate.id, candidate.application)

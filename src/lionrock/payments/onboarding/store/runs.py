"""Rows of test runs and of the exchanges in them, which are their evidence until they expire.

Not for: judging (domain.cases). Invariants: a case has one run under way for a candidate; the
switch's message of a label is written once in a run, before it is sent; bodies are sealed; what
counts (the last run of each test of a candidate that has not ended) has no end.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.expiring import Expiring
from lionrock.payments.onboarding.domain.cases import Exchange
from lionrock.payments.sealing import Vault

RUNS_LISTED_MAX = 100
RUNS_KEPT_S = 90 * 24 * 3600
# Its exchanges go with a run. The receipt of a run, with the digests of its evidence, stays.
EXPIRING = Expiring(
    table="payments.test_runs", ends="counted_until", where="state <> 'running'",
    kept_s=RUNS_KEPT_S,
)
_BODY, _REPLY = "test_exchanges.sealed_body", "test_exchanges.sealed_reply"
_RUN = (
    "id, candidate_id, case_name, fingerprint, state, came, started_at, finished_at, change_id,"
    " endpoint"
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one test; `fingerprint` is of the keys and end point in force at its start.

    `endpoint` is "" for the one in force, else the one that the change of `change_id` asks for.
    """

    id: str
    candidate_id: str
    case_name: str
    fingerprint: bytes
    state: Literal["running", "passed", "failed"]
    came: str
    started_at: datetime
    finished_at: datetime | None = None
    change_id: str = ""
    endpoint: str = ""


async def insert_run(db: Connection, run: Run) -> bool:
    """Write a run that begins, and let those before it end; False when one is under way."""
    created = await db.fetchval(
        "INSERT INTO payments.test_runs (id, candidate_id, case_name, fingerprint, state,"
        " started_at, change_id, endpoint) VALUES ($1, $2, $3, $4, 'running', $5, $6, $7)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        run.id, run.candidate_id, run.case_name, run.fingerprint, run.started_at, run.change_id,
        run.endpoint,
    )
    if created is None:
        return False
    await db.execute(
        "UPDATE payments.test_runs SET counted_until = $4"
        " WHERE candidate_id = $1 AND case_name = $2 AND id <> $3 AND counted_until IS NULL",
        run.candidate_id, run.case_name, run.id, run.started_at,
    )
    return True


async def end_runs(db: Connection, candidate_id: str, at: datetime) -> None:
    """Let no run of a candidate count any more: its application has ended."""
    await db.execute(
        "UPDATE payments.test_runs SET counted_until = $2"
        " WHERE candidate_id = $1 AND counted_until IS NULL",
        candidate_id, at,
    )


async def last_run_of_change(db: Connection, change_id: str) -> Run | None:
    """Return the last try of the end point that a change asks for."""
    row = await db.fetchrow(
        f"SELECT {_RUN} FROM payments.test_runs WHERE candidate_id = (SELECT candidate_id"
        "  FROM payments.candidate_changes WHERE id = $1) AND change_id = $1"
        " ORDER BY started_at DESC, id DESC LIMIT 1",
        change_id,
    )
    return Run(**dict(row)) if row else None


async def load_run(db: Connection, run_id: str, *, is_locking: bool = False) -> Run | None:
    """Return a run, its row locked if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_RUN} FROM payments.test_runs WHERE id = $1{lock}", run_id
    )
    return Run(**dict(row)) if row else None


async def lock_under_way(db: Connection, candidate_id: str, case_name: str) -> Run | None:
    """Return a candidate's run of a case that is under way, its row locked."""
    row = await db.fetchrow(
        f"SELECT {_RUN} FROM payments.test_runs"
        " WHERE candidate_id = $1 AND case_name = $2 AND state = 'running' FOR UPDATE",
        candidate_id, case_name,
    )
    return Run(**dict(row)) if row else None


async def last_runs(db: Connection, candidate_id: str) -> dict[str, Run]:
    """Return the last run of each case that was run, by case."""
    rows = await db.fetch(
        f"SELECT DISTINCT ON (case_name) {_RUN} FROM payments.test_runs"
        " WHERE candidate_id = $1 ORDER BY case_name, started_at DESC, id DESC",
        candidate_id,
    )
    return {row["case_name"]: Run(**dict(row)) for row in rows}


async def list_runs(db: Connection, candidate_id: str) -> list[Run]:
    """Return a candidate's runs, newest first."""
    rows = await db.fetch(
        f"SELECT {_RUN} FROM payments.test_runs WHERE candidate_id = $1"
        " ORDER BY started_at DESC, id DESC LIMIT $2",
        candidate_id, RUNS_LISTED_MAX,
    )
    return [Run(**dict(row)) for row in rows]


async def count_runs(db: Connection, candidate_id: str, since: datetime) -> int:
    """Count the runs that began since an instant."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM payments.test_runs WHERE candidate_id = $1 AND started_at > $2",
        candidate_id, since,
    )
    return count


async def finish_run(
    db: Connection, run_id: str, *, is_passed: bool, came: str, at: datetime
) -> bool:
    """End a run; False when it has ended."""
    done = await db.fetchval(
        "UPDATE payments.test_runs SET state = $2, came = $3, finished_at = $4"
        " WHERE id = $1 AND state = 'running' RETURNING 1",
        run_id, "passed" if is_passed else "failed", came, at,
    )
    return done is not None


async def add_exchange(
    db: Connection, vault: Vault, run: Run, exchange: Exchange, uetr: str = ""
) -> None:
    """Write an exchange; the run's row is locked, so that positions are in order."""
    row = f"{run.id}/{exchange.position}"
    await db.execute(
        "INSERT INTO payments.test_exchanges (run_id, position, candidate_id, direction, label,"
        " definition, message_id, about, said, uetr, status, url, headers, sealed_body,"
        " sealed_reply, at, answered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        run.id, exchange.position, run.candidate_id, exchange.direction, exchange.label,
        exchange.definition, exchange.message_id, exchange.about, exchange.said, uetr,
        exchange.status, exchange.url, exchange.headers, vault.seal(_BODY, row, exchange.body),
        vault.seal(_REPLY, row, exchange.reply), exchange.at, exchange.answered_at,
    )


async def set_sent(
    db: Connection, vault: Vault, run_id: str, exchange: Exchange
) -> None:
    """Write what came of a sending: status, reply, signature."""
    row = f"{run_id}/{exchange.position}"
    await db.execute(
        "UPDATE payments.test_exchanges SET status = $3, said = $4, headers = $5,"
        " sealed_reply = $6, answered_at = $7 WHERE run_id = $1 AND position = $2",
        run_id, exchange.position, exchange.status, exchange.said, exchange.headers,
        vault.seal(_REPLY, row, exchange.reply), exchange.answered_at,
    )


async def list_exchanges(db: Connection, vault: Vault, run_id: str) -> list[Exchange]:
    """Return a run's exchanges in order."""
    rows = await db.fetch(
        "SELECT position, direction, label, definition, message_id, about, said, status, url,"
        " headers, sealed_body, sealed_reply, at, answered_at FROM payments.test_exchanges"
        " WHERE run_id = $1 ORDER BY position",
        run_id,
    )
    return [_exchange(vault, run_id, row) for row in rows]


async def run_of_message(db: Connection, candidate_id: str, message_id: str) -> str | None:
    """Return the run in which the switch sent a message."""
    found: str | None = await db.fetchval(
        "SELECT run_id FROM payments.test_exchanges WHERE candidate_id = $1 AND message_id = $2"
        " AND direction = 'out' ORDER BY run_id DESC LIMIT 1",
        candidate_id, message_id,
    )
    return found


async def run_of_uetr(db: Connection, candidate_id: str, uetr: str) -> str | None:
    """Return the run in which the candidate sent a transfer."""
    found: str | None = await db.fetchval(
        "SELECT run_id FROM payments.test_exchanges WHERE candidate_id = $1 AND uetr = $2"
        " AND direction = 'in' ORDER BY run_id DESC LIMIT 1",
        candidate_id, uetr,
    )
    return found


def _exchange(vault: Vault, run_id: str, row: Any) -> Exchange:
    name = f"{run_id}/{row['position']}"
    reply = row["sealed_reply"]
    return Exchange(
        position=row["position"], direction=row["direction"], label=row["label"],
        definition=row["definition"], message_id=row["message_id"], about=row["about"],
        said=row["said"], status=row["status"], url=row["url"], headers=row["headers"],
        body=vault.open(_BODY, name, row["sealed_body"]),
        reply=vault.open(_REPLY, name, reply) if reply is not None else b"",
        at=row["at"], answered_at=row["answered_at"],
    )

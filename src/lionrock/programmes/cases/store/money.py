"""Budgets, awards and payouts: ids fixed before the ledger is asked, outcomes after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import HONG_KONG, Text
from lionrock.programmes.cases.domain.states import CaseState, PayoutState
from lionrock.programmes.cases.domain.values import (
    Award,
    Budget,
    Funding,
    Payout,
    RegisterEntry,
)

REGISTER_PAGE_MAX = 500
_AWARD = (
    "SELECT id, case_id, account_id, amount_minor, state, result, ledger_sequence, decided_at,"
    " posted_at FROM programmes.case_awards"
)
_PAYOUT = (
    "SELECT id, case_id, milestone, amount_minor, state, report, claimed_by, claimed_at, attempt,"
    " payment_id, released_by, reason_code, paid_at FROM programmes.case_payouts"
)


async def insert_budget(db: Connection, budget: Budget, at: datetime) -> Budget:
    """Open a programme's budget unless there is one; returns the one that stands."""
    await db.execute(
        "INSERT INTO programmes.case_budgets"
        " (programme_id, account_id, source_account_id, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT ON CONSTRAINT case_budgets_pk DO NOTHING",
        budget.programme_id, budget.account_id, budget.source_account_id, at,
    )  # fmt: skip
    stands = await budget_of(db, budget.programme_id)
    assert stands is not None, "a budget was just opened or was there"
    return stands


async def budget_of(db: Connection, programme_id: str) -> Budget | None:
    """Return a programme's budget."""
    row = await db.fetchrow(
        "SELECT programme_id, account_id, source_account_id FROM programmes.case_budgets"
        " WHERE programme_id = $1",
        programme_id,
    )
    return Budget(**dict(row)) if row else None


async def insert_funding(
    db: Connection, funding: Funding, reference: str, at: datetime
) -> Funding:
    """Note money to be put into a budget; the same reference again returns the first one."""
    await db.execute(
        "INSERT INTO programmes.case_fundings"
        " (id, programme_id, reference, amount_minor, result, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT ON CONSTRAINT case_fundings_reference DO NOTHING",
        funding.id, funding.programme_id, reference, funding.amount_minor, funding.result, at,
    )  # fmt: skip
    row = await db.fetchrow(
        "SELECT id, programme_id, amount_minor, result FROM programmes.case_fundings"
        " WHERE programme_id = $1 AND reference = $2",
        funding.programme_id, reference,
    )  # fmt: skip
    assert row is not None, "a funding was just noted or was there"
    return Funding(**dict(row))


async def finish_funding(db: Connection, funding_id: str, result: str) -> None:
    """Keep the ledger's answer to a funding."""
    await db.execute(
        "UPDATE programmes.case_fundings SET result = $2 WHERE id = $1 AND result = ''",
        funding_id, result,
    )  # fmt: skip


async def insert_award(db: Connection, award: Award) -> bool:
    """Add an award to be committed; False when one stands or is under way for the case."""
    saved = await db.fetchval(
        "INSERT INTO programmes.case_awards (id, case_id, account_id, amount_minor, state, result,"
        " ledger_sequence, decided_at, posted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (case_id) WHERE state <> 'refused' DO NOTHING RETURNING true",
        award.id, award.case_id, award.account_id, award.amount_minor, award.state, award.result,
        award.ledger_sequence, award.decided_at, award.posted_at,
    )  # fmt: skip
    return saved is True


async def award(db: Connection, award_id: str) -> Award | None:
    """Return an award by its id."""
    row = await db.fetchrow(f"{_AWARD} WHERE id = $1", award_id)
    return Award(**dict(row)) if row else None


async def newest_award(db: Connection, case_id: str) -> Award | None:
    """Return a case's newest award, whatever became of it."""
    row = await db.fetchrow(f"{_AWARD} WHERE case_id = $1 ORDER BY id DESC LIMIT 1", case_id)
    return Award(**dict(row)) if row else None


async def finish_award(
    db: Connection, award_id: str, state: str, result: str, sequence: int, at: datetime | None
) -> bool:
    """Record the ledger's outcome once; False when it was recorded before."""
    changed = await db.fetchval(
        "UPDATE programmes.case_awards SET state = $2, result = $3, ledger_sequence = $4,"
        " posted_at = $5 WHERE id = $1 AND state = 'committing' RETURNING true",
        award_id, state, result, sequence, at,
    )  # fmt: skip
    return changed is True


async def insert_payout(db: Connection, payout: Payout) -> bool:
    """Add a claim; False when the milestone was claimed before."""
    saved = await db.fetchval(
        "INSERT INTO programmes.case_payouts (id, case_id, milestone, amount_minor, state, report,"
        " claimed_by, claimed_at, attempt, payment_id, released_by, reason_code, paid_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT ON CONSTRAINT case_payouts_milestone_once DO NOTHING RETURNING true",
        payout.id, payout.case_id, payout.milestone, payout.amount_minor, payout.state.value,
        payout.report, payout.claimed_by, payout.claimed_at, payout.attempt, payout.payment_id,
        payout.released_by, payout.reason_code, payout.paid_at,
    )  # fmt: skip
    return saved is True


async def payouts(db: Connection, case_id: str) -> list[Payout]:
    """Return a case's payouts by milestone."""
    rows = await db.fetch(f"{_PAYOUT} WHERE case_id = $1 ORDER BY milestone", case_id)
    return [_payout(row) for row in rows]


async def payout(db: Connection, payout_id: str) -> Payout | None:
    """Return one payout; its case is to be locked by the caller before it is changed."""
    row = await db.fetchrow(f"{_PAYOUT} WHERE id = $1", payout_id)
    return _payout(row) if row else None


async def save_payout(db: Connection, before: Payout, after: Payout) -> None:
    """Replace what changes in a payout of a locked case."""
    changed = await db.fetchval(
        "UPDATE programmes.case_payouts SET state = $3, attempt = $4, payment_id = $5,"
        " released_by = $6, reason_code = $7, paid_at = $8"
        " WHERE id = $1 AND state = $2 RETURNING true",
        before.id, before.state.value, after.state.value, after.attempt, after.payment_id,
        after.released_by, after.reason_code, after.paid_at,
    )  # fmt: skip
    assert changed is True, "the payout's case was locked"


async def register(
    db: Connection, after: str | None, count: int
) -> list[RegisterEntry]:
    """Return the public register's entries after an award id, oldest first, at most `count`."""
    assert 1 <= count <= REGISTER_PAGE_MAX + 1, "a page is bounded"
    rows = await db.fetch(
        "SELECT a.id, a.amount_minor, a.posted_at, c.programme_id, c.state,"
        "  c.judgement -> 'programme_names' AS programme_names,"
        "  c.parties -> 'company_names' AS recipient_names,"
        "  c.parties ->> 'business_number' AS business_number, c.proposal ->> 'title' AS title,"
        "  (SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM programmes.case_payouts p"
        "    WHERE p.case_id = c.id AND p.state = 'paid') AS paid_minor"
        " FROM programmes.case_awards a JOIN programmes.cases c ON c.id = a.case_id"
        " WHERE a.state = 'posted' AND ($1::text IS NULL OR a.id > $1) ORDER BY a.id LIMIT $2",
        after, count,
    )  # fmt: skip
    return [_register_entry(row) for row in rows]


def _payout(row: Any) -> Payout:
    return Payout(**(dict(row) | {"state": PayoutState(row["state"])}))


def _register_entry(row: Any) -> RegisterEntry:
    return RegisterEntry(
        award_id=row["id"], programme_id=row["programme_id"],
        programme_names=msgspec.convert(row["programme_names"], Text),
        recipient_names=msgspec.convert(row["recipient_names"], Text),
        recipient_business_number=row["business_number"], project_title=row["title"],
        amount_minor=row["amount_minor"], paid_minor=row["paid_minor"],
        awarded_on=row["posted_at"].astimezone(HONG_KONG).date(), state=CaseState(row["state"]),
    )  # fmt: skip

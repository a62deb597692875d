"""Rows of what participants with a limit a day have sent on it.

Not for: what counts (service.daily). Invariants: a day's sum is the sum of what was counted for its
payments; one statement adds and looks at the limit, so that a sum never passes the limit that was
in force when it was added to; each payment counts once, and comes back once.
"""

from __future__ import annotations

from datetime import date, datetime

from lionrock.kernel.db import Connection
from lionrock.payments.domain.payments import Payment


async def count(db: Connection, payment: Payment, expires_at: datetime) -> bool:
    """Count a new payment on its day; False when its debtor's limit is passed with it.

    Holds the day's row until the transaction ends: the caller takes several in one order.
    """
    counted = await db.fetchval(
        "WITH limits AS ("
        " SELECT daily_minor_max AS max FROM payments.settlement_accounts"
        " WHERE organisation_id = $2 AND currency = $3),"
        " added AS ("
        " INSERT INTO payments.daily_sent AS there"
        "  (organisation_id, currency, day, sent_minor, expires_at)"
        " SELECT $2, $3, $4, $5, $6 FROM limits WHERE (max >= $5) IS NOT FALSE"
        " ON CONFLICT (organisation_id, currency, day) DO UPDATE"
        " SET sent_minor = there.sent_minor + excluded.sent_minor"
        " WHERE ((SELECT max FROM limits) >= there.sent_minor + excluded.sent_minor)"
        "  IS NOT FALSE RETURNING 1)"
        " INSERT INTO payments.daily_counted"
        "  (payment_id, organisation_id, currency, day, amount_minor, expires_at)"
        " SELECT $1, $2, $3, $4, $5, $6 FROM added RETURNING 1",
        payment.id, payment.debtor_organisation_id, payment.amount.currency,
        payment.settlement_date, payment.amount.amount_minor, expires_at,
    )  # fmt: skip
    return counted is not None


async def list_counted(db: Connection, payment_ids: list[str]) -> set[str]:
    """Return those payments that were counted."""
    rows = await db.fetch(
        "SELECT payment_id FROM payments.daily_counted WHERE payment_id = ANY($1)", payment_ids
    )
    return {row["payment_id"] for row in rows}


async def uncount(db: Connection, payment_id: str) -> None:
    """Give back what was counted for a payment that came to nothing; again changes nothing."""
    await db.execute(
        "WITH gone AS ("
        " DELETE FROM payments.daily_counted WHERE payment_id = $1"
        " RETURNING organisation_id, currency, day, amount_minor)"
        " UPDATE payments.daily_sent AS there SET sent_minor = there.sent_minor - gone.amount_minor"
        " FROM gone WHERE (there.organisation_id, there.currency, there.day)"
        "  = (gone.organisation_id, gone.currency, gone.day)",
        payment_id,
    )


async def count_return(
    db: Connection, return_id: str, payment_id: str, amount_minor: int
) -> None:
    """Give back what a return brought back of a counted payment; again changes nothing."""
    await db.execute(
        "WITH back AS ("
        " INSERT INTO payments.daily_counted"
        "  (payment_id, organisation_id, currency, day, amount_minor, expires_at)"
        " SELECT $1, organisation_id, currency, day, -$3::bigint, expires_at"
        " FROM payments.daily_counted WHERE payment_id = $2 ON CONFLICT DO NOTHING"
        " RETURNING organisation_id, currency, day, amount_minor)"
        " UPDATE payments.daily_sent AS there SET sent_minor = there.sent_minor + back.amount_minor"
        " FROM back WHERE (there.organisation_id, there.currency, there.day)"
        "  = (back.organisation_id, back.currency, back.day)",
        return_id, payment_id, amount_minor,
    )


async def load_sent(db: Connection, organisation_id: str, day: date) -> dict[str, int]:
    """Return what a participant has sent on a day in minor units, by currency."""
    rows = await db.fetch(
        "SELECT currency, sent_minor FROM payments.daily_sent"
        " WHERE organisation_id = $1 AND day = $2",
        organisation_id, day,
    )
    return {row["currency"]: row["sent_minor"] for row in rows}

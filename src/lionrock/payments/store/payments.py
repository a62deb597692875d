"""Rows of payments and their moves. A move is a compare-and-set on the state: one caller wins.

Not for: deciding moves (domain.payments). Invariant: no row leaves a final state.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID

from lionrock.kernel.db import Connection
from lionrock.kernel.gathered import Call, call_with_others, write_with_others
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.money import Money
from lionrock.payments.domain.payments import (
    ANSWERS,
    Outcome,
    Parties,
    Payment,
    State,
    may_move,
)
from lionrock.payments.sealing import Vault

_PARTIES = "payments.sealed_parties"
_COLUMNS = (
    "id, state, initiator_id, reference, reference_ids, debtor_organisation_id,"
    " creditor_organisation_id, end_to_end_id, transaction_id, uetr, currency, amount_minor,"
    " sealed_parties, debit_account_id, credit_account_id, hold_id, post_id, void_id,"
    " settlement_date, created_at, order_digest, outcome, reason_code, reason_text, deadline_at,"
    " finished_at, original_message_id, sent_message_id, kind, service_class, release_at,"
    " is_recalled"
)
_UNCHANGED = (
    "id", "state", "initiator_id", "reference", "debtor_organisation_id",
    "creditor_organisation_id", "end_to_end_id", "transaction_id", "uetr", "settlement_date",
    "created_at", "order_digest", "outcome", "reason_code", "reason_text", "deadline_at",
    "finished_at", "original_message_id", "sent_message_id", "kind", "service_class",
    "release_at", "is_recalled",
)
_LEDGER_IDS = ("debit_account_id", "credit_account_id", "hold_id", "post_id", "void_id")


_TYPES = (
    *("text",) * 4, "jsonb", *("text",) * 6, "bigint", "bytea", *("uuid",) * 5, "date",
    "timestamptz", "bytea", *("text",) * 3, *("timestamptz",) * 2, *("text",) * 4, "timestamptz",
    "boolean",
)  # fmt: skip
_PAYMENTS = Insert(
    table="payments.payments",
    columns=tuple(
        Column(name, kind) for name, kind in zip(_COLUMNS.split(", "), _TYPES, strict=True)
    ),
    values=tuple,
)  # fmt: skip


async def insert_payment(db: Connection, vault: Vault, payment: Payment) -> bool:
    """Write a new payment; False when its order name, TxId or UETR is taken."""
    created = await db.fetchval(
        f"INSERT INTO payments.payments ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,"
        " $27, $28, $29, $30, $31, $32) ON CONFLICT DO NOTHING RETURNING 1",
        *_row(vault, payment),
    )
    return created is not None


async def add_payments(db: Connection, vault: Vault, new: Sequence[Payment]) -> None:
    """Write new payments with others; UniqueViolationError where a TxId or UETR is taken."""
    await write_with_others(db, [(_PAYMENTS, _row(vault, payment)) for payment in new])


def _row(vault: Vault, payment: Payment) -> tuple[Any, ...]:
    """A payment's values in the order of _COLUMNS."""
    ids = [UUID(int=getattr(payment, name)) for name in _LEDGER_IDS]
    return (
        payment.id, payment.state, payment.initiator_id, payment.reference, payment.references,
        payment.debtor_organisation_id, payment.creditor_organisation_id, payment.end_to_end_id,
        payment.transaction_id, payment.uetr, payment.amount.currency,
        payment.amount.amount_minor, vault.seal_value(_PARTIES, payment.id, payment.parties),
        *ids, payment.settlement_date, payment.created_at, payment.order_digest, payment.outcome,
        payment.reason_code, payment.reason_text, payment.deadline_at, payment.finished_at,
        payment.original_message_id, payment.sent_message_id, payment.kind,
        payment.service_class, payment.release_at, payment.is_recalled,
    )


async def load_payment(
    db: Connection, vault: Vault, payment_id: str, *, is_locking: bool = False
) -> Payment | None:
    """Return a payment by id, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE id = $1{lock}", payment_id
    )
    return _payment(vault, row)


async def load_payments(
    db: Connection, vault: Vault, payment_ids: Sequence[str]
) -> dict[str, Payment]:
    """Return several payments by id, as they stand."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE id = ANY($1)", list(payment_ids)
    )
    found = [_payment(vault, row) for row in rows]
    return {payment.id: payment for payment in found if payment is not None}


async def load_order(
    db: Connection, vault: Vault, initiator_id: str, end_to_end_id: str
) -> Payment | None:
    """Return the payment that an initiator ordered under a name of its own."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE initiator_id = $1"
        " AND end_to_end_id = $2 AND debtor_organisation_id = ''",
        initiator_id, end_to_end_id,
    )
    return _payment(vault, row)


async def load_transaction(
    db: Connection, vault: Vault, initiator_id: str, transaction_id: str
) -> Payment | None:
    """Return the payment that a participant sent under a TxId of its own."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE initiator_id = $1"
        " AND transaction_id = $2",
        initiator_id, transaction_id,
    )
    return _payment(vault, row)


async def find_held(db: Connection, hold_ids: Sequence[int]) -> set[int]:
    """Return those holds whose payment is under way or was paid."""
    rows = await db.fetch(
        "SELECT hold_id FROM payments.payments WHERE hold_id = ANY($1) AND state <> 'rejected'",
        [UUID(int=each) for each in hold_ids],
    )
    return {row["hold_id"].int for row in rows}


async def load_by_uetrs(
    db: Connection, vault: Vault, uetrs: Sequence[str]
) -> dict[str, Payment]:
    """Return the payments of UETRs, as they stand."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE uetr = ANY($1)", list(uetrs)
    )
    found = [_payment(vault, row) for row in rows]
    return {payment.uetr: payment for payment in found if payment is not None}


async def load_by_uetr(
    db: Connection, vault: Vault, uetr: str, *, is_locking: bool = False
) -> Payment | None:
    """Return the payment of a UETR, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE uetr = $1{lock}", uetr
    )
    return _payment(vault, row)


async def load_by_message(
    db: Connection, vault: Vault, organisation_id: str, message_id: str
) -> Payment | None:
    """Return the payment that a message from or to a participant ordered or asked for."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments"
        " WHERE $2 IN (original_message_id, sent_message_id) AND id IN ("
        "  SELECT payment_id FROM payments.messages WHERE direction IN ('in', 'out')"
        "   AND organisation_id = $1 AND message_id = $2 AND refusal = '')",
        organisation_id, message_id,
    )
    return _payment(vault, row)


async def lock_by_sent_message(
    db: Connection, vault: Vault, organisation_id: str, message_id: str
) -> Payment | None:
    """Return the payment whose pacs.008 to a participant has this MsgId, its row locked."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.payments WHERE sent_message_id = $2"
        " AND id = (SELECT payment_id FROM payments.messages WHERE direction = 'out'"
        "  AND organisation_id = $1 AND message_id = $2 AND refusal = '') FOR UPDATE",
        organisation_id, message_id,
    )
    return _payment(vault, row)


async def move_to_held(db: Connection, payment_id: str) -> bool:
    """The ledger holds the money; False when another worker recorded it first."""
    return await _move(db, payment_id, "accepted", "held", "", ())


async def move_to_sent(
    db: Connection, payment_id: str, message_id: str, deadline_at: datetime
) -> bool:
    """The pacs.008 is fixed and about to go; `deadline_at` is wire time."""
    assert message_id, "what is sent has an identifier"
    return await _move(
        db, payment_id, "held", "sent", ", sent_message_id = $4, deadline_at = $5",
        (message_id, deadline_at),
    )


async def move_many_to_sent(
    db: Connection, moves: Sequence[tuple[str, str, datetime]]
) -> set[str]:
    """The ledger holds the money and the messages are fixed; returns which were moved.

    Each move: payment, MsgId, deadline. From `accepted` this is both moves in one write; what was
    recalled stays where it is.
    """
    assert may_move("accepted", "held") and may_move("held", "sent"), "this is the way"
    # Rows are locked in one order, for others move several at once too.
    rows = await db.fetch(
        "WITH given AS (SELECT p.id, g.message_id, g.deadline_at FROM payments.payments p"
        "  JOIN unnest($1::text[], $2::text[], $3::timestamptz[])"
        "   AS g (id, message_id, deadline_at) USING (id) ORDER BY p.id FOR UPDATE OF p)"
        " UPDATE payments.payments AS p SET state = 'sent', sent_message_id = given.message_id,"
        "  deadline_at = given.deadline_at FROM given"
        " WHERE p.id = given.id AND p.state IN ('accepted', 'held') AND NOT p.is_recalled"
        " RETURNING p.id",
        *(list(column) for column in zip(*moves, strict=True)),
    )
    return {row["id"] for row in rows}


async def move_many_to_final(
    db: Connection, ended: Sequence[Payment]
) -> set[str]:
    """The ledger has carried out the outcomes that these payments bear; returns which were moved.
    """
    assert all(may_move("answered", each.state) for each in ended), "answered leads to an end"
    if not ended:
        return set()
    rows = await db.fetch(
        "WITH given AS (SELECT p.id, g.after, g.outcome, g.code, g.reason, g.finished_at"
        "  FROM payments.payments p"
        "  JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],"
        "   $6::timestamptz[]) AS g (id, after, outcome, code, reason, finished_at) USING (id)"
        "  ORDER BY p.id FOR UPDATE OF p)"
        " UPDATE payments.payments AS p SET state = given.after, outcome = given.outcome,"
        "  reason_code = given.code, reason_text = given.reason, finished_at = given.finished_at"
        " FROM given WHERE p.id = given.id AND p.state = 'answered' RETURNING p.id",
        [each.id for each in ended], [each.state for each in ended],
        [each.outcome for each in ended], [each.reason_code for each in ended],
        [each.reason_text for each in ended], [each.finished_at for each in ended],
    )
    return {row["id"] for row in rows}


async def end_asked(
    db: Connection, ended: Sequence[Payment], heard: int, concerned: Set[str]
) -> None:
    """From `sent` to these ends in one write, with others: an answer, and what came of it.

    `heard`: how many answers about them were kept; `concerned`: whose end is looked at anew by
    those who want to hear of it. OVERTAKEN where there are more answers, one of the others has an
    open recall, or a payment is not `sent` any more.
    """
    assert may_move("sent", "answered"), "this is the way"
    assert all(may_move("answered", each.state) for each in ended), "answered leads to an end"
    await call_with_others(db, Call("payments.end_asked", (
        ("text[]", [each.id for each in ended]), ("text[]", [each.state for each in ended]),
        ("text[]", [each.outcome for each in ended]),
        ("text[]", [each.reason_code for each in ended]),
        ("text[]", [each.reason_text for each in ended]),
        ("timestamptz[]", [each.finished_at for each in ended]),
        ("text[]", sorted(ANSWERS)), ("bigint", heard), ("text[]", sorted(concerned)),
    )))  # fmt: skip


async def move_to_answered(
    db: Connection, payment_id: str, outcome: Outcome, reason_code: str, reason_text: str, *,
    before: State = "sent",
) -> bool:
    """Decide the outcome; False when it has been decided already.

    `before` is `held` for what was never sent: recalled in time, or with nobody to ask.
    """
    assert outcome, "an answer decides"
    return await _move(
        db, payment_id, before, "answered",
        ", outcome = $4, reason_code = $5, reason_text = $6", (outcome, reason_code, reason_text),
    )


async def move_to_refused(
    db: Connection, payment_id: str, reason_code: str, reason_text: str, finished_at: datetime
) -> bool:
    """The ledger did not hold the money: the payment ends before anything was sent."""
    return await _move(
        db, payment_id, "accepted", "rejected",
        ", outcome = 'reject', reason_code = $4, reason_text = $5, finished_at = $6",
        (reason_code, reason_text, finished_at),
    )


async def mark_recalled(db: Connection, payment_id: str) -> bool:
    """Ask that a payment that was not sent yet be sent to nobody; False when it is too late."""
    marked = await db.fetchval(
        "UPDATE payments.payments SET is_recalled = true"
        " WHERE id = $1 AND state IN ('accepted', 'held') RETURNING 1",
        payment_id,
    )
    return marked is not None


async def _move(
    db: Connection, payment_id: str, before: State, after: State, also: str, values: tuple[Any, ...]
) -> bool:
    assert may_move(before, after), f"{before} does not lead to {after}"
    moved = await db.fetchval(
        f"UPDATE payments.payments SET state = $3{also} WHERE id = $1 AND state = $2 RETURNING 1",
        payment_id, before, after, *values,
    )
    return moved is not None


def _payment(vault: Vault, row: Any) -> Payment | None:
    if row is None:
        return None
    ids = {name: row[name].int for name in _LEDGER_IDS}
    parties = vault.open_value(_PARTIES, row["id"], row["sealed_parties"], Parties)
    return Payment(
        **{name: row[name] for name in _UNCHANGED},
        **ids,
        references=row["reference_ids"],
        amount=Money(row["amount_minor"], row["currency"]),
        parties=parties,
    )

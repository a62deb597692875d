"""Rows of authorisations and of the collections under them. Moves are compare-and-set.

Not for: deciding moves (domain). Invariant: whoever collects or changes holds the authorisation's
row, so that limits are counted one collection after the other.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.payments.debits.domain import (
    Collected,
    CollectionState,
    Mandate,
    MandateParties,
    MandateState,
    may_move,
)
from lionrock.payments.domain.iso20022 import MandateTerms
from lionrock.payments.sealing import Vault

_PARTIES = "mandates.sealed_parties"
_COLUMNS = (
    "id, state, creditor_organisation_id, debtor_organisation_id, request_id, request_digest,"
    " terms, proposed_terms, sealed_parties, asked_message_id, sent_message_id, created_at,"
    " answer_due_at, ended_at, reason_code"
)
_PLAIN = (
    "id", "state", "creditor_organisation_id", "debtor_organisation_id", "request_id",
    "request_digest", "asked_message_id", "sent_message_id", "created_at", "answer_due_at",
    "ended_at", "reason_code",
)


async def insert_mandate(db: Connection, vault: Vault, mandate: Mandate) -> bool:
    """Write a new authorisation; False when its bank has used the MndtReqId before."""
    created = await db.fetchval(
        f"INSERT INTO payments.mandates ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING RETURNING 1",
        mandate.id, mandate.state, mandate.creditor_organisation_id,
        mandate.debtor_organisation_id, mandate.request_id, mandate.request_digest,
        _document(mandate.terms), _document(mandate.proposed_terms),
        vault.seal_value(_PARTIES, mandate.id, mandate.parties), mandate.asked_message_id,
        mandate.sent_message_id, mandate.created_at, mandate.answer_due_at, mandate.ended_at,
        mandate.reason_code,
    )
    return created is not None


async def load_mandate(
    db: Connection, vault: Vault, mandate_id: str, *, is_locking: bool = False
) -> Mandate | None:
    """Return an authorisation, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.mandates WHERE id = $1{lock}", mandate_id
    )
    return _mandate(vault, row)


async def load_request(
    db: Connection, vault: Vault, organisation_id: str, request_id: str
) -> Mandate | None:
    """Return the authorisation that a creditor's bank asked for under a name of its own."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.mandates WHERE creditor_organisation_id = $1"
        " AND request_id = $2",
        organisation_id, request_id,
    )
    return _mandate(vault, row)


async def set_sent(db: Connection, mandate_id: str, message_id: str) -> None:
    """Remember our message that asks the debtor's bank."""
    await db.execute(
        "UPDATE payments.mandates SET sent_message_id = $2 WHERE id = $1", mandate_id, message_id
    )


async def move(
    db: Connection, mandate: Mandate, after: MandateState, *, reason_code: str = "",
    ended_at: datetime | None = None,
) -> bool:
    """Move an authorisation; False when it was elsewhere. A proposal ends with an end."""
    assert may_move(mandate.state, after), f"{mandate.state} does not lead to {after}"
    keeps_proposal = after in {"active", "suspended"} and mandate.state != "pending"
    moved = await db.fetchval(
        "UPDATE payments.mandates SET state = $3, reason_code = $4, ended_at = $5,"
        " proposed_terms = CASE WHEN $6 THEN proposed_terms END,"
        " answer_due_at = CASE WHEN $6 THEN answer_due_at END"
        " WHERE id = $1 AND state = $2 RETURNING 1",
        mandate.id, mandate.state, after, reason_code, ended_at, keeps_proposal,
    )
    return moved is not None


async def propose(
    db: Connection, mandate: Mandate, terms: MandateTerms, asked_message_id: str,
    answer_due_at: datetime,
) -> None:
    """Remember other terms that the debtor is asked about; an older proposal is given up."""
    assert mandate.state in {"active", "suspended"}, "what is not agreed yet is not amended"
    await db.execute(
        "UPDATE payments.mandates SET proposed_terms = $2, asked_message_id = $3,"
        " answer_due_at = $4 WHERE id = $1",
        mandate.id, _document(terms), asked_message_id, answer_due_at,
    )


async def settle_proposal(db: Connection, mandate: Mandate, *, is_accepted: bool) -> None:
    """Take the proposed terms, or forget them."""
    assert mandate.proposed_terms is not None, "something was proposed"
    terms = mandate.proposed_terms if is_accepted else mandate.terms
    await db.execute(
        "UPDATE payments.mandates SET terms = $2, proposed_terms = NULL, answer_due_at = NULL"
        " WHERE id = $1",
        mandate.id, _document(terms),
    )


async def load_collected(
    db: Connection, mandate_id: str, end_to_end_id: str, first: date, after: date
) -> Collected:
    """Return what counts under an authorisation: all that was not rejected."""
    row = await db.fetchrow(
        "SELECT array_agg(DISTINCT sequence) AS sequences,"
        " coalesce(bool_or(end_to_end_id = $2), false) AS named,"
        " count(*) FILTER (WHERE collection_date >= $3 AND collection_date < $4) AS times,"
        " coalesce(sum(amount_minor) FILTER"
        "  (WHERE collection_date >= $3 AND collection_date < $4), 0) AS minor"
        " FROM payments.collections WHERE mandate_id = $1 AND state <> 'rejected'",
        mandate_id, end_to_end_id, first, after,
    )
    assert row is not None, "an aggregate has one row"
    return Collected(
        sequences=frozenset(row["sequences"] or ()), is_named_before=row["named"],
        period_count=row["times"], period_minor=int(row["minor"]),
    )


async def insert_collection(
    db: Connection, *, payment_id: str, mandate_id: str, end_to_end_id: str, sequence: str,
    collection_date: date, amount_minor: int,
) -> None:
    """Write a collection that is under way."""
    await db.execute(
        "INSERT INTO payments.collections (payment_id, mandate_id, end_to_end_id, sequence,"
        " collection_date, amount_minor, state) VALUES ($1, $2, $3, $4, $5, $6, 'under_way')",
        payment_id, mandate_id, end_to_end_id, sequence, collection_date, amount_minor,
    )


async def end_collection(db: Connection, payment_id: str, state: CollectionState) -> None:
    """Record how a collection ended; nothing for a payment that is none."""
    await db.execute(
        "UPDATE payments.collections SET state = $2 WHERE payment_id = $1 AND state = 'under_way'",
        payment_id, state,
    )


class CollectionRow(msgspec.Struct, frozen=True):
    """A collection under an authorisation, and how it stands."""

    payment_id: str
    end_to_end_id: str
    sequence: str
    collection_date: date
    amount_minor: int
    state: str


async def list_collections(
    db: Connection, mandate_id: str, count_max: int
) -> list[CollectionRow]:
    """Return the newest collections of an authorisation."""
    rows = await db.fetch(
        "SELECT payment_id, end_to_end_id, sequence, collection_date, amount_minor, state"
        " FROM payments.collections WHERE mandate_id = $1 ORDER BY payment_id DESC LIMIT $2",
        mandate_id, count_max,
    )
    return [CollectionRow(**dict(row)) for row in rows]


def _document(terms: MandateTerms | None) -> Any:
    return msgspec.to_builtins(terms) if terms is not None else None


def _mandate(vault: Vault, row: Any) -> Mandate | None:
    if row is None:
        return None
    proposed = row["proposed_terms"]
    return Mandate(
        **{name: row[name] for name in _PLAIN},
        terms=msgspec.convert(row["terms"], MandateTerms),
        proposed_terms=msgspec.convert(proposed, MandateTerms) if proposed is not None else None,
        parties=vault.open_value(
            _PARTIES, row["id"], row["sealed_parties"], MandateParties
        ),
    )

"""The exchange's rows: all of its SQL and nothing else. Rows in, values out.

Functions that answer an owner take the owner, so that another's consent is simply not there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.exchange.domain.consent import REVISIONS_MAX, Shown, Status, Terms
from lionrock.exchange.domain.leases import Lease
from lionrock.exchange.records import Amendment, Consent, Fetch, Offer, Owner, Revision
from lionrock.kernel.db import Connection

CONSENTS_LISTED_MAX = 200
FETCHES_LISTED_MAX = 200

_CONSENT = (
    "SELECT id, owner_kind, owner_id, granted_by, quorum, provider, consumer, terms, shown,"
    " approval_id, words, reference, status, revision, requested_at, changed_at, ended_by,"
    " acknowledged_at, approved_by FROM exchange.consents"
)
_AMENDMENT = (
    "SELECT id, consent_id, reference, terms, shown, approval_id, words, person_ids, quorum,"
    " state, requested_at, ended_at FROM exchange.amendments"
)
_FETCH = (
    "SELECT id, consent_id, consumer, reference, request, session_kid, session_key, state,"
    " refusal, refusal_detail, delivery, request_sha256, delivery_sha256, receipt_id,"
    " intended_at, ended_at FROM exchange.fetches"
)


async def save_offer(db: Connection, offer: Offer, at: datetime) -> None:
    """Record that a provider offers a product; again is harmless."""
    await db.execute(
        "INSERT INTO exchange.offers (provider, product, product_version, offered_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        offer.provider, offer.product, offer.product_version, at,
    )


async def has_offer(db: Connection, offer: Offer) -> bool:
    """Say whether a provider offers a product in a version."""
    found = await db.fetchval(
        "SELECT 1 FROM exchange.offers"
        " WHERE provider = $1 AND product = $2 AND product_version = $3",
        offer.provider, offer.product, offer.product_version,
    )
    return found is not None


async def list_offers(db: Connection) -> list[Offer]:
    """Return all offers by product, version and provider."""
    rows = await db.fetch(
        "SELECT provider, product, product_version FROM exchange.offers"
        " ORDER BY product, product_version, provider"
    )
    return [Offer(**dict(row)) for row in rows]


async def insert_consent(db: Connection, consent: Consent) -> bool:
    """Insert a pending consent; False when the consumer has used its reference before."""
    row = await db.fetchval(
        "INSERT INTO exchange.consents (id, owner_kind, owner_id, granted_by, quorum,"
        " provider, consumer, terms, shown, approval_id, words, reference, status, revision,"
        " requested_at, expires_at, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $15)"
        " ON CONFLICT ON CONSTRAINT consents_reference_once DO NOTHING RETURNING 1",
        consent.id, consent.owner.kind, consent.owner.id, list(consent.granted_by), consent.quorum,
        consent.provider, consent.consumer, msgspec.to_builtins(consent.terms),
        msgspec.to_builtins(consent.shown), consent.approval_id, consent.words, consent.reference,
        consent.status, consent.revision, consent.requested_at, consent.terms.expires_at,
    )
    return row is not None


async def update_consent(db: Connection, consent: Consent) -> None:
    """Save what changes in a consent's life: terms from activation on, status, who ended it."""
    await db.execute(
        "UPDATE exchange.consents SET terms = $2, shown = $3, status = $4, revision = $5,"
        " changed_at = $6, ended_by = $7, acknowledged_at = $8, expires_at = $9,"
        " approved_by = $10, words = $11, approval_id = $12, granted_by = $13,"
        " quorum = $14 WHERE id = $1",
        consent.id, msgspec.to_builtins(consent.terms), msgspec.to_builtins(consent.shown),
        consent.status, consent.revision, consent.changed_at, consent.ended_by,
        consent.acknowledged_at, consent.terms.expires_at, list(consent.approved_by),
        consent.words, consent.approval_id, list(consent.granted_by), consent.quorum,
    )


async def load_consent(db: Connection, consent_id: str) -> Consent | None:
    """Return a consent whoever owns it: for members and for the platform's own work."""
    row = await db.fetchrow(f"{_CONSENT} WHERE id = $1", consent_id)
    return _consent(row) if row else None


async def lock_consent(db: Connection, consent_id: str) -> Consent | None:
    """The same, locked: changes of state, leases and outcomes of one consent happen one by one."""
    row = await db.fetchrow(f"{_CONSENT} WHERE id = $1 FOR UPDATE", consent_id)
    return _consent(row) if row else None


async def share_consent(db: Connection, consent_id: str) -> Consent | None:
    """The same, locked against change only: leases of one consent may be granted side by side."""
    row = await db.fetchrow(f"{_CONSENT} WHERE id = $1 FOR SHARE", consent_id)
    return _consent(row) if row else None


async def consent_of_approval(db: Connection, approval_id: str) -> str | None:
    """Return the id of the consent that an approval decides."""
    found: str | None = await db.fetchval(
        "SELECT id FROM exchange.consents WHERE approval_id = $1", approval_id
    )
    return found


async def consent_of_reference(db: Connection, consumer: str, reference: str) -> Consent | None:
    """Return the consent that a consumer asked for under its own reference."""
    row = await db.fetchrow(
        f"{_CONSENT} WHERE consumer = $1 AND reference = $2", consumer, reference
    )
    return _consent(row) if row else None


async def owners_consent(db: Connection, owner: Owner, consent_id: str) -> Consent | None:
    """Return an owner's consent; None for another owner's."""
    row = await db.fetchrow(
        f"{_CONSENT} WHERE id = $1 AND owner_kind = $2 AND owner_id = $3",
        consent_id, owner.kind, owner.id,
    )
    return _consent(row) if row else None


async def owners_consents(db: Connection, owner: Owner) -> list[Consent]:
    """Return an owner's consents, newest first, at most CONSENTS_LISTED_MAX."""
    rows = await db.fetch(
        f"{_CONSENT} WHERE owner_kind = $1 AND owner_id = $2"
        " ORDER BY requested_at DESC, id DESC LIMIT $3",
        owner.kind, owner.id, CONSENTS_LISTED_MAX,
    )
    return [_consent(row) for row in rows]


async def insert_revision(db: Connection, revision: Revision) -> None:
    """Append one revision to a consent's chain."""
    await db.execute(
        "INSERT INTO exchange.revisions (consent_id, revision, status, at, artefact, sha256,"
        " predecessor) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        revision.consent_id, revision.revision, revision.status, revision.at, revision.artefact,
        revision.sha256, revision.predecessor,
    )


async def load_revision(db: Connection, consent_id: str, revision: int) -> Revision | None:
    """Return one revision of a consent."""
    row = await db.fetchrow(
        "SELECT consent_id, revision, status, at, artefact, sha256, predecessor"
        " FROM exchange.revisions WHERE consent_id = $1 AND revision = $2",
        consent_id, revision,
    )
    return Revision(**dict(row)) if row else None


async def list_revisions(db: Connection, consent_id: str) -> list[Revision]:
    """Return a consent's chain, first revision first."""
    rows = await db.fetch(
        "SELECT consent_id, revision, status, at, artefact, sha256, predecessor"
        " FROM exchange.revisions WHERE consent_id = $1 ORDER BY revision LIMIT $2",
        consent_id, REVISIONS_MAX,
    )
    return [Revision(**dict(row)) for row in rows]


async def save_lease(db: Connection, consent_id: str, lease: Lease) -> None:
    """Remember until when a holder may rely on a consent; never shortened."""
    await db.execute(
        "INSERT INTO exchange.leases (consent_id, holder, runs_until) VALUES ($1, $2, $3)"
        " ON CONFLICT ON CONSTRAINT leases_pk DO UPDATE"
        " SET runs_until = greatest(leases.runs_until, excluded.runs_until)",
        consent_id, lease.holder, lease.until,
    )


async def list_leases(db: Connection, consent_id: str) -> list[Lease]:
    """Return the leases ever granted on a consent, one for each holder."""
    rows = await db.fetch(
        "SELECT holder, runs_until AS until FROM exchange.leases WHERE consent_id = $1", consent_id
    )
    return [Lease(**dict(row)) for row in rows]


async def insert_fetch(db: Connection, fetch: Fetch) -> bool:
    """Save the intent to fetch; False when the reference was used before under this consent."""
    row = await db.fetchval(
        "INSERT INTO exchange.fetches (id, consent_id, consumer, reference, request, session_kid,"
        " session_key, state, intended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT ON CONSTRAINT fetches_reference_once DO NOTHING RETURNING 1",
        fetch.id, fetch.consent_id, fetch.consumer, fetch.reference, fetch.request,
        fetch.session_kid, fetch.session_key, fetch.state, fetch.intended_at,
    )
    return row is not None


async def fetch_of_reference(db: Connection, consent_id: str, reference: str) -> Fetch | None:
    """Return the fetch made under a consumer's own reference."""
    row = await db.fetchrow(
        f"{_FETCH} WHERE consent_id = $1 AND reference = $2", consent_id, reference
    )
    return Fetch(**dict(row)) if row else None


async def lock_fetch(db: Connection, fetch_id: str) -> Fetch | None:
    """Return a fetch with its row locked."""
    row = await db.fetchrow(f"{_FETCH} WHERE id = $1 FOR UPDATE", fetch_id)
    return Fetch(**dict(row)) if row else None


async def fetches_of_consent(db: Connection, consent_id: str) -> list[Fetch]:
    """Return the uses of a consent, newest first."""
    rows = await db.fetch(
        f"{_FETCH} WHERE consent_id = $1 ORDER BY intended_at DESC, id DESC LIMIT $2",
        consent_id, FETCHES_LISTED_MAX,
    )
    return [Fetch(**dict(row)) for row in rows]


async def save_outcome(db: Connection, fetch: Fetch) -> None:
    """Save how a fetch ended."""
    await db.execute(
        "UPDATE exchange.fetches SET state = $2, refusal = $3, refusal_detail = $4,"
        " delivery = $5, request_sha256 = $6, delivery_sha256 = $7, receipt_id = $8,"
        " session_key = $9, ended_at = $10 WHERE id = $1",
        fetch.id, fetch.state, fetch.refusal, fetch.refusal_detail, fetch.delivery,
        fetch.request_sha256, fetch.delivery_sha256, fetch.receipt_id, fetch.session_key,
        fetch.ended_at,
    )


async def supersede_fetch(db: Connection, fetch: Fetch) -> None:
    """Close an intent and free its reference for a new one; its id takes the reference's place."""
    await save_outcome(db, fetch)
    await db.execute("UPDATE exchange.fetches SET reference = id WHERE id = $1", fetch.id)


async def insert_amendment(db: Connection, amendment: Amendment) -> None:
    """Insert a pending amendment; the consent's row is locked, so there is no other."""
    await db.execute(
        "INSERT INTO exchange.amendments (id, consent_id, reference, terms, shown, approval_id,"
        " words, person_ids, quorum, state, requested_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        amendment.id, amendment.consent_id, amendment.reference,
        msgspec.to_builtins(amendment.terms), msgspec.to_builtins(amendment.shown),
        amendment.approval_id, amendment.words, list(amendment.person_ids), amendment.quorum,
        amendment.state, amendment.requested_at,
    )


async def end_amendment(db: Connection, amendment: Amendment) -> None:
    """Save how an amendment ended."""
    await db.execute(
        "UPDATE exchange.amendments SET state = $2, ended_at = $3 WHERE id = $1",
        amendment.id, amendment.state, amendment.ended_at,
    )


async def amendment_of_approval(db: Connection, approval_id: str) -> Amendment | None:
    """Return the amendment that an approval decides."""
    row = await db.fetchrow(f"{_AMENDMENT} WHERE approval_id = $1", approval_id)
    return msgspec.convert(dict(row), Amendment) if row else None


async def amendment_of_reference(
    db: Connection, consent_id: str, reference: str
) -> Amendment | None:
    """Return the amendment that a consumer asked for under its own reference."""
    row = await db.fetchrow(
        f"{_AMENDMENT} WHERE consent_id = $1 AND reference = $2", consent_id, reference
    )
    return msgspec.convert(dict(row), Amendment) if row else None


async def pending_amendment(db: Connection, consent_id: str) -> Amendment | None:
    """Return the amendment that waits for an answer, if one does."""
    row = await db.fetchrow(
        f"{_AMENDMENT} WHERE consent_id = $1 AND state = 'pending'", consent_id
    )
    return msgspec.convert(dict(row), Amendment) if row else None


def _consent(row: Any) -> Consent:
    status: Status = row["status"]
    return Consent(
        id=row["id"],
        owner=Owner(kind=row["owner_kind"], id=row["owner_id"]),
        granted_by=tuple(row["granted_by"]),
        quorum=row["quorum"],
        provider=row["provider"],
        consumer=row["consumer"],
        terms=msgspec.convert(row["terms"], Terms),
        shown=msgspec.convert(row["shown"], Shown),
        approval_id=row["approval_id"],
        words=row["words"],
        reference=row["reference"],
        status=status,
        revision=row["revision"],
        requested_at=row["requested_at"],
        changed_at=row["changed_at"],
        ended_by=row["ended_by"],
        acknowledged_at=row["acknowledged_at"],
        approved_by=tuple(row["approved_by"]),
    )

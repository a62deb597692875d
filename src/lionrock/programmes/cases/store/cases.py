"""Cases, their documents, signature requests and history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.programmes.cases.domain.states import CaseState
from lionrock.programmes.cases.domain.values import (
    Case,
    Document,
    DocumentKind,
    HistoryEntry,
    Judgement,
    Parties,
    Party,
    Proposal,
    SignatureRequest,
)

LISTED_MAX = 100
_CASE = (
    "SELECT id, programme_id, company_id, applicant_id, language, state, parties, proposal, facts,"
    " judgement, created_at, submitted_at FROM programmes.cases"
)
_REQUEST = (
    "SELECT approval_id, case_id, document, party, person_id, document_sha256, state, reason"
    " FROM programmes.case_signature_requests"
)


async def insert_case(db: Connection, case: Case) -> None:
    """Add a case."""
    await db.execute(
        "INSERT INTO programmes.cases (id, programme_id, company_id, applicant_id, language, state,"
        " parties, proposal, facts, judgement, created_at, submitted_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        case.id, case.programme_id, case.company_id, case.applicant_id, case.language,
        case.state.value, msgspec.to_builtins(case.parties), msgspec.to_builtins(case.proposal),
        case.facts, msgspec.to_builtins(case.judgement), case.created_at, case.submitted_at,
    )  # fmt: skip


async def case_of(db: Connection, case_id: str, company_id: str) -> Case | None:
    """Return a company's case; a foreign one is not there."""
    row = await db.fetchrow(f"{_CASE} WHERE id = $1 AND company_id = $2", case_id, company_id)
    return _case(row) if row else None


async def case_for_staff(db: Connection, case_id: str) -> Case | None:
    """Return any case that left the applicant's desk: staff sees no drafts."""
    row = await db.fetchrow(f"{_CASE} WHERE id = $1 AND submitted_at IS NOT NULL", case_id)
    return _case(row) if row else None


async def lock_case(db: Connection, case_id: str) -> Case | None:
    """Return a case and hold it to the transaction's end: its steps happen one after another."""
    row = await db.fetchrow(f"{_CASE} WHERE id = $1 FOR UPDATE", case_id)
    return _case(row) if row else None


async def list_of_company(db: Connection, company_id: str) -> list[Case]:
    """Return a company's cases, newest first, at most LISTED_MAX."""
    rows = await db.fetch(
        f"{_CASE} WHERE company_id = $1 ORDER BY id DESC LIMIT $2", company_id, LISTED_MAX
    )
    return [_case(row) for row in rows]


async def list_in_states(db: Connection, states: Sequence[CaseState]) -> list[Case]:
    """Return cases in any of these states, oldest first, at most LISTED_MAX; no drafts."""
    rows = await db.fetch(
        f"{_CASE} WHERE state = ANY($1) AND submitted_at IS NOT NULL ORDER BY id LIMIT $2",
        [state.value for state in states], LISTED_MAX,
    )  # fmt: skip
    return [_case(row) for row in rows]


async def lock_company(db: Connection, company_id: str) -> None:
    """Let a company start one case at a time, so that its number of open ones is counted right."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('programmes.cases:' || $1, 0))", company_id
    )


async def count_drafts(db: Connection, company_id: str) -> int:
    """Count a company's drafts."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM programmes.cases WHERE company_id = $1 AND state = 'draft'",
        company_id,
    )
    return count


async def set_state(db: Connection, case_id: str, before: CaseState, after: CaseState) -> None:
    """Move a locked case; that it was in `before` is checked once more."""
    changed = await db.fetchval(
        "UPDATE programmes.cases SET state = $3 WHERE id = $1 AND state = $2 RETURNING true",
        case_id, before.value, after.value,
    )  # fmt: skip
    assert changed is True, "the case was locked and in that state"


async def freeze(db: Connection, case_id: str, judgement: Judgement, at: datetime) -> None:
    """Keep the judgement as of submission, once and for ever."""
    changed = await db.fetchval(
        "UPDATE programmes.cases SET judgement = $2, submitted_at = $3"
        " WHERE id = $1 AND submitted_at IS NULL RETURNING true",
        case_id, msgspec.to_builtins(judgement), at,
    )  # fmt: skip
    assert changed is True, "a case is submitted once"


async def insert_document(db: Connection, document: Document, at: datetime) -> None:
    """Add the next version of a document."""
    await db.execute(
        "INSERT INTO programmes.case_documents"
        " (case_id, kind, version, sha256, content, signed_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        document.case_id, document.kind, document.version, document.sha256, document.content,
        list(document.signed_by), at,
    )  # fmt: skip


async def newest_document(
    db: Connection, case_id: str, kind: DocumentKind
) -> Document | None:
    """Return the newest version of a case's document."""
    row = await db.fetchrow(
        "SELECT case_id, kind, version, sha256, content, signed_by FROM programmes.case_documents"
        " WHERE case_id = $1 AND kind = $2 ORDER BY version DESC LIMIT 1",
        case_id, kind,
    )  # fmt: skip
    return _document(row) if row else None


async def insert_request(
    db: Connection, request: SignatureRequest, at: datetime
) -> bool:
    """Note that a signature was asked for; False when another is still open for the document."""
    saved = await db.fetchval(
        "INSERT INTO programmes.case_signature_requests (approval_id, case_id, document, party,"
        " person_id, document_sha256, state, reason, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (case_id, document) WHERE state = 'asked' DO NOTHING RETURNING true",
        request.approval_id, request.case_id, request.document, request.party, request.person_id,
        request.document_sha256, request.state, request.reason, at,
    )  # fmt: skip
    return saved is True


async def request_by_approval(db: Connection, approval_id: str) -> SignatureRequest | None:
    """Return the signature request of an approval."""
    row = await db.fetchrow(f"{_REQUEST} WHERE approval_id = $1", approval_id)
    return SignatureRequest(**dict(row)) if row else None


async def open_request(
    db: Connection, case_id: str, document: DocumentKind
) -> SignatureRequest | None:
    """Return the request that waits for an answer, if there is one."""
    row = await db.fetchrow(
        f"{_REQUEST} WHERE case_id = $1 AND document = $2 AND state = 'asked'", case_id, document
    )
    return SignatureRequest(**dict(row)) if row else None


async def close_request(db: Connection, approval_id: str, state: str, reason: str) -> None:
    """End a request: signed, or refused with the reason."""
    await db.execute(
        "UPDATE programmes.case_signature_requests SET state = $2, reason = $3"
        " WHERE approval_id = $1 AND state = 'asked'",
        approval_id, state, reason,
    )  # fmt: skip


async def add_history(
    db: Connection, case_id: str, kind: str, state: CaseState, actor_id: str, receipt_id: str,
    at: datetime,
) -> None:
    """Append to a locked case's history."""
    await db.execute(
        "INSERT INTO programmes.case_history"
        " (case_id, number, kind, state, actor_id, receipt_id, at)"
        " SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6"
        " FROM programmes.case_history WHERE case_id = $1",
        case_id, kind, state.value, actor_id, receipt_id, at,
    )  # fmt: skip


async def history(db: Connection, case_id: str) -> list[HistoryEntry]:
    """Return what happened to a case, in order."""
    rows = await db.fetch(
        "SELECT number, kind, state, actor_id, receipt_id, at FROM programmes.case_history"
        " WHERE case_id = $1 ORDER BY number",
        case_id,
    )
    return [HistoryEntry(**(dict(row) | {"state": CaseState(row["state"])})) for row in rows]


def _case(row: Any) -> Case:
    return Case(
        id=row["id"], programme_id=row["programme_id"], company_id=row["company_id"],
        applicant_id=row["applicant_id"], language=row["language"], state=CaseState(row["state"]),
        parties=msgspec.convert(row["parties"], Parties),
        proposal=msgspec.convert(row["proposal"], Proposal), facts=row["facts"],
        judgement=msgspec.convert(row["judgement"], Judgement), created_at=row["created_at"],
        submitted_at=row["submitted_at"],
    )  # fmt: skip


def _document(row: Any) -> Document:
    signed_by: tuple[Party, ...] = tuple(row["signed_by"])
    return Document(**(dict(row) | {"content": bytes(row["content"]), "signed_by": signed_by}))

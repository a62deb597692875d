"""Claims over HTTP: open, act, read. To others than its two parties a claim is not found."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.payments.addressing.domain.claims import Claim, ClaimAction, ClaimKind
from lionrock.payments.addressing.domain.entries import ProxyRegistration
from lionrock.payments.addressing.domain.kinds import Kind
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

CURSOR_LENGTH_MAX = 64


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim: which proxy, in which currencies, for which account of the claimer's customer."""

    claim: ClaimKind
    kind: Kind
    value: str
    account_number: str
    account_name: str
    currencies: list[str] = msgspec.field(default_factory=lambda: ["HKD"])
    owner: str = ""


class ActionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party does. Whoever keeps or takes an owned proxy has verified possession again."""

    action: ClaimAction
    possession_verified: bool = False
    reason: str = ""


class ClaimReply(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as its parties see it; the account only to the claimer. Instants are business time.

    `deadline` is when it changes by itself, null when it is final.
    """

    id: str
    claim: ClaimKind
    state: str
    reason: str
    kind: Kind
    value: str
    currencies: list[str]
    donor: str
    claimer: str
    account_number: str
    account_name: str
    opened_at: str
    resolve_by: str
    complete_by: str
    decided_at: str
    deadline: str | None


class ClaimsReply(msgspec.Struct, frozen=True):
    """Claims, oldest first; ask again with `after` the last id."""

    claims: list[ClaimReply]


async def save_claim(call: SignedCall[Any, ClaimBody]) -> Refused | Response:
    """Open a claim."""
    body = call.body
    claim = await call.room.addressing.claims.open(
        call.db, call.caller.id, body.claim, ProxyRegistration(
            kind=body.kind, value=body.value, account_number=body.account_number,
            account_name=body.account_name, currencies=tuple(body.currencies), owner=body.owner,
        )
    )  # fmt: skip
    return claim if isinstance(claim, Refused) else reply(_shown(claim, call.caller.id), 201)


async def save_action(call: SignedCall[Any, ActionBody]) -> Refused | Response:
    """Acknowledge, confirm, cancel or complete."""
    body = call.body
    claim = await call.room.addressing.claims.act(
        call.db, call.caller.id, call.path_params["claim_id"], body.action,
        is_possession_verified=body.possession_verified, reason=body.reason,
    )
    return claim if isinstance(claim, Refused) else reply(_shown(claim, call.caller.id))


async def reply_claim(call: SignedCall[Any, None]) -> Refused | Response:
    """Answer with a claim of the caller's."""
    claim = await call.room.addressing.claims.get(
        call.db, call.caller.id, call.path_params["claim_id"]
    )
    return claim if isinstance(claim, Refused) else reply(_shown(claim, call.caller.id))


async def reply_claims(call: SignedCall[Any, None]) -> Refused | Response:
    """Answer with the claims that the caller is a party of."""
    after = call.query.get("after", "")
    if len(after) > CURSOR_LENGTH_MAX or not after.isascii():
        return Refused(AddressingRefusal.CLAIM_NOT_FOUND, field="after")
    found = await call.room.addressing.claims.list(call.db, call.caller.id, after)
    return reply(ClaimsReply([_shown(claim, call.caller.id) for claim in found]))


def _shown(claim: Claim, reader_id: str) -> ClaimReply:
    is_claimer = reader_id == claim.claimer_id
    due = claim.due_at
    return ClaimReply(
        id=claim.id, claim=claim.kind, state=claim.state, reason=claim.reason,
        kind=claim.proxy_kind, value=claim.target.proxy, currencies=list(claim.currencies),
        donor=claim.donor_id, claimer=claim.claimer_id,
        account_number=claim.target.account_number if is_claimer else "",
        account_name=claim.target.account_name if is_claimer else "",
        opened_at=claim.opened_at.isoformat(), resolve_by=claim.resolve_by.isoformat(),
        complete_by=claim.complete_by.isoformat(), decided_at=claim.decided_at.isoformat(),
        deadline=due.isoformat() if due else None,
    )

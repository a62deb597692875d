"""A case as its pages show it: where it stands on its way, who signs next, what each part says."""

from __future__ import annotations

import hashlib
from typing import Any

from lionrock.identity.api import SignerKind, next_in_chain
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.portal.http.calls import PortalCall
from lionrock.programmes.api import CaseState, CaseView

# The way of a case as a person sees it; each stage lists the states in which it is under way.
STAGES: tuple[tuple[str, frozenset[CaseState]], ...] = (
    ("draft", frozenset({CaseState.DRAFT})),
    ("assessment", frozenset({CaseState.SUBMITTED, CaseState.IN_ASSESSMENT})),
    ("committee", frozenset({CaseState.ASSESSED, CaseState.AWARD_REFUSED, CaseState.COMMITTING})),
    ("agreement", frozenset({CaseState.AWARDED})),
    ("payouts", frozenset({CaseState.AGREED})),
    ("completed", frozenset({CaseState.COMPLETED})),
)
ENDED = frozenset({CaseState.SCREENED_OUT, CaseState.DECLINED, CaseState.WITHDRAWN})
# How far a case came that ended without an award.
_ENDED_AT = {CaseState.SCREENED_OUT: 1, CaseState.DECLINED: 2}


def path_of(state: CaseState) -> list[dict[str, str]]:
    """Return the stages with how each stands: done, now, ended or ahead."""
    now = next((n for n, (_, states) in enumerate(STAGES) if state in states), None)
    if now is None:
        now = _ENDED_AT.get(state, 0)
    shown = []
    for number, (name, _) in enumerate(STAGES):
        how = "done" if number < now else "ahead"
        if number == now:
            how = "ended" if state in ENDED else "now"
        if state is CaseState.COMPLETED:
            how = "done"
        shown.append({"name": name, "how": how})
    return shown


def next_signers(view: CaseView) -> dict[str, str | None]:
    """Return who signs each document next; None when everybody has."""
    found: dict[str, str | None] = {}
    for document in view.documents:
        wanted = next_in_chain(document.kind, [SignerKind(p) for p in document.signed_by])
        found[document.kind] = wanted.value if wanted else None
    return found


def milestones_of(view: CaseView) -> list[dict[str, Any]]:
    """Return the milestones with their amount and payout, as far as there are any."""
    payouts = {payout.milestone: payout for payout in view.payouts}
    amounts = view.milestone_amounts_minor
    return [
        {
            "number": number, "title": milestone.title, "share": milestone.share_percent,
            "amount_minor": amounts[number - 1] if amounts else None,
            "payout": payouts.get(number),
        }
        for number, milestone in enumerate(view.case.proposal.milestones, start=1)
    ]


def fingerprint(view: CaseView) -> str:
    """Return a short name of where a case stands; it changes whenever something happened."""
    parts = [
        view.case.state.value, view.open_approval_id, str(len(view.history)),
        *(f"{payout.id}:{payout.state.value}" for payout in view.payouts),
        *(f"{document.kind}:{document.version}" for document in view.documents),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def is_waiting(view: CaseView) -> bool:
    """Whether something goes on that ends by itself: a phone is asked, ledger or switch work."""
    is_paying = any(payout.state.value == "released" for payout in view.payouts)
    return bool(view.open_approval_id) or is_paying or view.case.state is CaseState.COMMITTING


async def asked_of(call: PortalCall, db: Connection, view: CaseView) -> dict[str, Any] | None:
    """Return the question that is on somebody's phone; its number only for who is asked."""
    if not view.open_approval_id:
        return None
    approval = await call.room.identity.approval(db, view.open_approval_id)
    if isinstance(approval, Refused):
        return None
    is_mine = call.signed_in.person.actor_person_id in approval.person_ids
    return {
        "words": approval.words, "number": approval.number if is_mine else None,
        "is_mine": is_mine, "expires_at": approval.expires_at, "language": approval.shown.language,
    }  # fmt: skip


async def case_values(call: PortalCall, db: Connection, view: CaseView) -> dict[str, Any]:
    """Return everything that a page about a case needs."""
    return {
        "view": view, "case": view.case, "judgement": view.case.judgement,
        "path": path_of(view.case.state), "next_signer": next_signers(view),
        "milestones": milestones_of(view), "asked": await asked_of(call, db, view),
        "is_waiting": is_waiting(view), "fingerprint": fingerprint(view),
        "is_ended": view.case.state in ENDED,
    }  # fmt: skip

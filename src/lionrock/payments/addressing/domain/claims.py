"""Claims: how a proxy that one participant has comes to another when it is not simply replaced.

Portability: the same owner moves to another bank. Ownership: another person has the number now and
proves it. The donor is the participant that has the proxy, the claimer the one that wants it.

    open -> acknowledged -> confirmed -> completed
    open, acknowledged, confirmed -> cancelled

| when | portability | ownership |
|---|---|---|
| the donor confirms | confirmed | confirmed |
| the donor objects | cancelled | cancelled, if its customer proved possession again |
| no answer until `resolve_by` | cancelled | confirmed |
| the claimer completes a confirmed one | the proxy moves | it moves, possession proved again |
| not completed until `complete_by` | cancelled | cancelled |

All instants are business time. Source: the claims of the Pix DICT API, in our words.
Invariant: a final claim never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.entries import Holding, ProxyTarget
from lionrock.payments.addressing.domain.kinds import Kind
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

RESOLUTION = timedelta(days=7)
COMPLETION = timedelta(days=14)
ClaimKind = Literal["portability", "ownership"]
ClaimState = Literal["open", "acknowledged", "confirmed", "completed", "cancelled"]
ClaimAction = Literal["acknowledge", "confirm", "cancel", "complete"]
FINAL: tuple[ClaimState, ...] = ("completed", "cancelled")
NO_ANSWER, NOT_COMPLETED, NOT_HELD = "no_answer", "not_completed", "proxy_withdrawn"
REASONS: dict[str, tuple[str, ...]] = {
    "donor": ("holder_refused", "holder_keeps_possession", "fraud_suspected"),
    "claimer": ("claimer_withdrew", "fraud_suspected"),
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One claim; `target` is where the proxy shall point when it is completed."""

    id: str
    kind: ClaimKind
    state: ClaimState
    lookup_key: bytes
    proxy_kind: Kind
    currencies: tuple[str, ...]
    donor_id: str
    claimer_id: str
    owner_key: bytes | None
    target: ProxyTarget
    opened_at: datetime
    resolve_by: datetime
    complete_by: datetime
    decided_at: datetime
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state in FINAL

    @property
    def due_at(self) -> datetime | None:
        """When it changes by itself, unless somebody acts before."""
        if self.is_final:
            return None
        return self.complete_by if self.state == "confirmed" else self.resolve_by


def decide_opening(
    kind: ClaimKind,
    proxy_kind: Kind,
    holdings: Sequence[Holding],
    *,
    claimer_id: str,
    owner_key: bytes | None,
) -> str | Refused:
    """Return the donor of a new claim on a proxy, given who holds it in the currencies asked for.

    PROXY_NOT_PORTABLE, CLAIM_KIND_WRONG, CLAIM_NEEDLESS, CLAIM_SEVERAL_HOLDERS.
    """
    if proxy_kind == "fps_id":
        return Refused(AddressingRefusal.PROXY_NOT_PORTABLE)
    if proxy_kind == "hkid" and kind == "ownership":
        return Refused(AddressingRefusal.CLAIM_KIND_WRONG, "A card number changes no owner.")
    donors = {held.organisation_id for held in holdings}
    if not donors or claimer_id in donors:
        return Refused(AddressingRefusal.CLAIM_NEEDLESS)
    if len(donors) > 1:
        return Refused(AddressingRefusal.CLAIM_SEVERAL_HOLDERS, field="currencies")
    owners = {held.owner_key for held in holdings} - {None}
    is_same = owner_key is not None and owners == {owner_key}
    is_other = owner_key is not None and bool(owners) and owner_key not in owners
    if kind == "portability" and is_other:
        return Refused(AddressingRefusal.CLAIM_KIND_WRONG, "Another owner: claim ownership.")
    if kind == "ownership" and is_same:
        return Refused(AddressingRefusal.CLAIM_KIND_WRONG, "The same owner: claim portability.")
    return donors.pop()


def decide_action(
    claim: Claim,
    action: ClaimAction,
    *,
    by: str,
    now: datetime,
    is_possession_verified: bool,
    reason: str = "",
) -> Claim | Refused:
    """Return the claim after one of its parties has acted.

    CLAIM_NOT_YOURS (the other side's action), CLAIM_STATE_WRONG, CLAIM_PROOF_MISSING.
    """
    assert by in (claim.donor_id, claim.claimer_id), "to others the claim is not found"
    side = "donor" if by == claim.donor_id else "claimer"
    if action != "cancel" and side != _SIDES[action]:
        return Refused(AddressingRefusal.CLAIM_NOT_YOURS, f"This is for the {_SIDES[action]}.")
    before = _BEFORE[action] if (side, action) != ("claimer", "cancel") else _UNDECIDED
    if claim.state not in before or (due := claim.due_at) is None or now >= due:
        return Refused(AddressingRefusal.CLAIM_STATE_WRONG, f"It is {claim.state}.")
    if action == "cancel":
        if reason not in REASONS[side]:
            expected = " or ".join(REASONS[side])
            return Refused(AddressingRefusal.CLAIM_PROOF_MISSING, f"Expected {expected}.", "reason")
        is_proof_due = side == "donor" and claim.kind == "ownership"
    else:
        is_proof_due = action == "complete" and claim.kind == "ownership"
    if is_proof_due and not is_possession_verified:
        return Refused(AddressingRefusal.CLAIM_PROOF_MISSING, field="possession_verified")
    return _moved(claim, _AFTER[action], now, reason if action == "cancel" else "")


def decide_lapse(claim: Claim, now: datetime) -> Claim | None:
    """Return the claim after a deadline has passed, None while none has."""
    due = claim.due_at
    if due is None or now < due:
        return None
    if claim.state != "confirmed" and claim.kind == "ownership" and now < claim.complete_by:
        return _moved(claim, "confirmed", now, NO_ANSWER)
    reason = NOT_COMPLETED if claim.state == "confirmed" else NO_ANSWER
    return _moved(claim, "cancelled", now, reason)


def given_up(claim: Claim, now: datetime) -> Claim:
    """Return the claim after its donor has withdrawn the proxy: nothing is left to object to."""
    assert not claim.is_final, "a final claim never changes"
    return _moved(claim, "confirmed", now, NOT_HELD)


_UNDECIDED: tuple[ClaimState, ...] = ("open", "acknowledged", "confirmed")
_SIDES = {"acknowledge": "donor", "confirm": "donor", "complete": "claimer"}
_BEFORE: dict[ClaimAction, tuple[ClaimState, ...]] = {
    "acknowledge": ("open",), "confirm": ("open", "acknowledged"),
    "cancel": ("open", "acknowledged"), "complete": ("confirmed",),
}  # fmt: skip
_AFTER: dict[ClaimAction, ClaimState] = {
    "acknowledge": "acknowledged", "confirm": "confirmed", "cancel": "cancelled",
    "complete": "completed",
}  # fmt: skip


def _moved(claim: Claim, state: ClaimState, now: datetime, reason: str) -> Claim:
    assert not claim.is_final, "a final claim never changes"
    return msgspec.structs.replace(claim, state=state, decided_at=now, reason=reason)

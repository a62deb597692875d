"""Approvals: persons are asked exact words and answer with their device keys; n of m decide.

A state machine with one door out of "pending". Nothing here knows why an approval is asked: log-in,
consent, signing, payment and delegation are doors to the same thing.

Invariants: decided once and for ever; an answer counts only for the words that were shown
(words_hash), from a person who was asked, once; the number to match is never part of what the phone
receives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from lionrock.identity.domain.assurance import achieved_acr
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.proofs import Proof
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.words import Rendered
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

Decision = Literal["approved", "rejected"]
State = Literal["pending", "approved", "rejected", "expired"]

PERSONS_MAX = 16
NUMBER_TRIES_MAX = 3
LIFETIME_S_MIN = 10
LIFETIME_S_MAX = 30 * 24 * 3600
ANSWER_AGE_S_MAX = 300
ANSWER_AHEAD_S_MAX = 30
# Security notices: asked however much else is asked, and not counted.
UNCOUNTED_KINDS = ("identity.device", "identity.recovery")
# What a device in its waiting period may approve: the lowest level of assurance, nothing else.
WAITING_KINDS = frozenset({"sign_in", "ciba"})
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}(?:\.[a-z][a-z0-9_]{0,31})?")
_REFERENCE = re.compile(r"(?!per_|dev_)[a-z][a-z0-9]{1,11}_[A-Za-z0-9._:/-]{1,100}")


class ApprovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a pillar asks. With `company_id`, each person needs a mandate of that company.

    `scope` and `amount`, when given, must be covered by each person's mandate, when asked and again
    when answering. `reference` names the deed in the requester's own words (an id).
    """

    kind: str
    person_ids: tuple[str, ...]
    template: str
    fields: dict[str, str]
    language: str
    requester_org: str
    reference: str
    company_id: str | None = None
    scope: str | None = None
    amount: Money | None = None
    quorum: int = 1
    number_match: bool = False
    expires_in_s: int = 600
    # What the template's field "details" says, as structure: a person may narrow a form among it.
    details: tuple[dict[str, Any], ...] = ()
    # It binds nobody (it opens a session, or tells of something): forgotten some time after it.
    is_passing: bool = False


class Asked(msgspec.Struct, frozen=True):
    """How an approval stands on record, without its words."""

    state: State
    expires_at: datetime

    def state_at(self, now: datetime) -> State:
        """The state as of a business instant: a pending one past its time has expired."""
        if self.state == "pending" and now >= self.expires_at:
            return "expired"
        return self.state


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """An approval on record. `number` is for the requester's page only; None without matching."""

    id: str
    kind: str
    reference: str
    requester_org: str
    company_id: str | None
    person_ids: tuple[str, ...]
    quorum: int
    shown: Rendered
    words_hash: str
    number: str | None
    tries_left: int
    state: State
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    scope: str | None = None
    amount: Money | None = None
    # As asked, and as narrowed by the person before the answer.
    details: tuple[dict[str, Any], ...] = ()
    narrowed: tuple[dict[str, Any], ...] | None = None
    is_passing: bool = False

    @property
    def granted(self) -> tuple[dict[str, Any], ...]:
        """The details that the words show now: what a yes gives."""
        return self.details if self.narrowed is None else self.narrowed

    @property
    def words(self) -> str:
        """The exact words shown."""
        return self.shown.words

    @property
    def is_of_one(self) -> bool:
        """Whether one person is asked for himself: no officers, nobody to count together with."""
        return len(self.person_ids) == 1 and self.company_id is None

    def state_at(self, now: datetime) -> State:
        """The state as of a business instant: a pending one past its time has expired."""
        return Asked(self.state, self.expires_at).state_at(now)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that a device signs (typ approval-answer+jwt)."""

    approval_id: str
    words_hash: str
    decision: Decision
    iat: int
    number: str | None = None


class GivenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer on record with its proof, and the level of assurance that it reached."""

    person_id: str
    device_id: str
    decision: Decision
    answered_at: datetime
    proof: Proof
    acr: str


def drafted(
    asked: ApprovalRequest, shown: Rendered, approval_id: str, number: str | None, now: datetime
) -> Approval:
    """Return the pending approval that a request makes, with its words and its number to match."""
    return Approval(
        id=approval_id, kind=asked.kind, reference=asked.reference,
        requester_org=asked.requester_org, company_id=asked.company_id,
        person_ids=asked.person_ids, quorum=asked.quorum, shown=shown,
        words_hash=shown.words_hash, number=number, tries_left=NUMBER_TRIES_MAX, state="pending",
        created_at=now, expires_at=now + timedelta(seconds=asked.expires_in_s), scope=asked.scope,
        amount=asked.amount, details=asked.details, is_passing=asked.is_passing,
    )  # fmt: skip


def check_request(request: ApprovalRequest) -> Refused | None:
    """Check a request's own sense: kind, reference, persons, quorum, lifetime.

    Kind and reference go into receipts, so they are short names and ids, never words or people.
    """
    persons = request.person_ids
    if not _KIND.fullmatch(request.kind) or not _REFERENCE.fullmatch(request.reference):
        return Refused(IdentityRefusal.APPROVAL_REFERENCE, field="reference")
    if not 1 <= len(persons) <= PERSONS_MAX or len(set(persons)) != len(persons):
        return Refused(
            IdentityRefusal.APPROVAL_PERSONS, f"1 to {PERSONS_MAX} different persons.", "person_ids"
        )
    if not 1 <= request.quorum <= len(persons):
        return Refused(IdentityRefusal.APPROVAL_QUORUM, field="quorum")
    if not LIFETIME_S_MIN <= request.expires_in_s <= LIFETIME_S_MAX:
        return Refused(
            IdentityRefusal.APPROVAL_LIFETIME,
            f"{LIFETIME_S_MIN} to {LIFETIME_S_MAX} seconds.", field="expires_in_s",
        )  # fmt: skip
    return None


def read_answer(claims: Mapping[str, Any]) -> Answer | Refused:
    """Read the signed claims; unknown members are refused, for they would be signed unseen."""
    if set(claims) - {"approval_id", "words_hash", "decision", "iat", "number"}:
        return Refused(IdentityRefusal.ANSWER_MALFORMED, "There is an unknown member.")
    try:
        return msgspec.convert(dict(claims), Answer, strict=True)
    except msgspec.ValidationError as error:
        return Refused(IdentityRefusal.ANSWER_MALFORMED, str(error).split(" - ")[0])


def check_answer(
    approval: Approval, answer: Answer, *, person_id: str, now: datetime, wire_now_s: int
) -> Refused | None:
    """Say whether an answer may count, number aside.

    Order: asked at all, bound to this approval and these words, fresh, still pending. Someone who
    was not asked learns nothing: APPROVAL_UNKNOWN.
    """
    if person_id not in approval.person_ids or answer.approval_id != approval.id:
        return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
    if answer.words_hash != approval.words_hash:
        return Refused(IdentityRefusal.ANSWER_WORDS)
    if not wire_now_s - ANSWER_AGE_S_MAX <= answer.iat <= wire_now_s + ANSWER_AHEAD_S_MAX:
        return Refused(IdentityRefusal.ANSWER_TIME)
    state = approval.state_at(now)
    if state == "expired":
        return Refused(IdentityRefusal.APPROVAL_EXPIRED)
    if state != "pending":
        return Refused(IdentityRefusal.APPROVAL_DECIDED, f"It was {state}.")
    return None


def check_device(
    approval: Approval, decision: Decision, device: Device, now: datetime
) -> Refused | None:
    """Say whether a device may give this answer.

    DEVICE_OWN_NOTICE: nothing answers what is asked about itself. DEVICE_WAITING: a new device
    approves no deed; it may always reject.
    """
    if device.notice_id == approval.id:
        return Refused(IdentityRefusal.DEVICE_OWN_NOTICE)
    if decision == "rejected" or device.is_trusted(now) or approval.kind in WAITING_KINDS:
        return None
    return Refused(IdentityRefusal.DEVICE_WAITING, f"It ends at {device.trusted_from.isoformat()}.")


def answer_acr(approval: Approval, device: Device, now: datetime) -> str:
    """Return the level of assurance of an answer that passed every check."""
    return achieved_acr(
        is_passkey=device.kind == "passkey", is_trusted=device.is_trusted(now),
        is_number_matched=approval.number is not None,
    )  # fmt: skip


def check_number(approval: Approval, answer: Answer) -> Refused | None:
    """Check the number of an approval: NUMBER_MISSING, or NUMBER_WRONG, which uses up a try."""
    if approval.number is None or answer.decision == "rejected":
        return None
    if not answer.number:
        return Refused(IdentityRefusal.NUMBER_MISSING, field="number")
    if answer.number != approval.number:
        left = approval.tries_left - 1
        return Refused(IdentityRefusal.NUMBER_WRONG, f"Tries left: {left}.", "number", keep=True)
    return None


def in_order(approval: Approval, given: list[GivenAnswer]) -> list[GivenAnswer]:
    """Return answers as they are read from the record: by time, then as the persons were asked."""
    asked = approval.person_ids
    return sorted(given, key=lambda each: (each.answered_at, asked.index(each.person_id)))


def tally(approval: Approval, decisions: Iterable[Decision], lost: int = 0) -> State:
    """Count answers: approved at the quorum, rejected as soon as the quorum cannot be reached.

    `lost` counts the persons asked who may not act for the company any more; what they approved is
    not among the decisions.
    """
    given = list(decisions)
    assert len(given) + lost <= len(approval.person_ids), "each person counts once"
    assert 1 <= approval.quorum <= len(approval.person_ids), "a quorum can be reached"
    approved = given.count("approved")
    if approved >= approval.quorum:
        return "approved"
    if len(approval.person_ids) - given.count("rejected") - lost < approval.quorum:
        return "rejected"
    return "pending"

"""How two officers of a department decide a refund, and who its officers are.

An officer is a person whom two operators appointed under a name that the department uses for them.
Above the limit the one who asks and the others are shown the refund on their phones; two persons
must say yes, and a no of whoever asked is a no: then somebody else asked in that name.
Appointments: asked -> appointed -> ended; asked -> ended.

Pure. Invariants: nobody decides alone, under however many names; nobody is appointed by one
operator alone, nor has a hand in the own appointment.
Source: ISO/IEC 27002 5.3 (segregation of duties).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.links.domain.intents import STANDING, Intent, Refund
from lionrock.payments.links.domain.refusals import IntentRefusal

OFFICERS_NEEDED = 2
# All are asked; an approval has room for this many.
OFFICERS_MAX = 16
APPROVAL_KIND = "payments.fee_refund"
APPROVAL_LIFE_S = 3 * 24 * 3600
OfficerState = Literal["asked", "appointed", "ended"]
Verdict = Literal["ordered", "rejected", "lapsed"]


class Officer(msgspec.Struct, frozen=True, kw_only=True):
    """An officer of a department, or somebody who is to become one."""

    id: str
    organisation_id: str
    name: str
    person_id: str
    state: OfficerState
    asked_by: str
    asked_at: datetime
    changed_at: datetime
    agreed_by: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a person said on the own phone."""

    person_id: str
    is_yes: bool


class Decided(msgspec.Struct, frozen=True):
    """What became of the question; `decided_by` names the officer who agreed with who asked."""

    verdict: Verdict
    decided_by: str = ""


def needs_two(limit_minor: int, amount: Money, refunds: Sequence[Refund]) -> bool:
    """Say whether a refund needs two officers: it, with the fee's others, is above the limit.

    The others count, so that a large refund is not given back in small ones by one officer.
    """
    standing = sum(each.amount_minor for each in refunds if each.state in STANDING)
    return standing + amount.amount_minor > limit_minor


def whom_to_ask(asking: Officer, officers: Sequence[Officer]) -> tuple[str, ...] | Refused:
    """Return the persons to ask, the asking one first; OFFICERS_TOO_FEW without a second."""
    others = sorted(each.person_id for each in officers if each.person_id != asking.person_id)
    if len(others) + 1 < OFFICERS_NEEDED:
        return Refused(IntentRefusal.OFFICERS_TOO_FEW)
    return (asking.person_id, *others[: OFFICERS_MAX - 1])


def decide(
    state: str, answers: Sequence[Answer], asking_id: str, officers: Mapping[str, str]
) -> Decided:
    """Say what became of a question: `officers` are names by person, of those in office now.

    `answers` are those that still count (the phone was not taken out of use since).
    """
    assert state in {"approved", "rejected", "expired"}, "it was decided"
    if state == "expired":
        return Decided("lapsed")
    if any(not each.is_yes and each.person_id == asking_id for each in answers):
        return Decided("rejected")
    agreed = [each.person_id for each in answers if each.is_yes and each.person_id in officers]
    if state != "approved" or len(set(agreed)) < OFFICERS_NEEDED:
        return Decided("rejected")
    second = next(person for person in agreed if person != asking_id)
    return Decided("ordered", officers[second])


def check_appointment(officer: Officer, operator: str) -> Refused | None:
    """Nobody enters or agrees to the own appointment, and nobody agrees to what they asked for."""
    if operator == officer.person_id:
        return Refused(IntentRefusal.OFFICER_OWN)
    if officer.state == "asked" and operator == officer.asked_by:
        return Refused(IntentRefusal.OFFICER_SAME_OPERATOR)
    return None


def words_of(
    refund: Refund, intent: Intent, department: Mapping[str, str], language: str
) -> dict[str, str]:
    """The fields of the sentence that officers are shown."""
    return {
        "amount": f"{refund.currency} {Money(refund.amount_minor, refund.currency).wire()}",
        "number": intent.number, "department": department.get(language) or department["en"],
        "title": intent.draft.titles.in_language(language), "reason": refund.reason,
        "officer": refund.requested_by,
    }

"""How a participant comes on: an application, two reviewers, settings, tests, two again, live.

    asked -> agreed -> settings -> opening -> testing -> go_live_asked -> live <-> suspended
      |  <- returned (mended, asked again)        ^____________|            return_asked
      +-> rejected; withdrawn ends it at any step before live

Every step that moves on needs two different operators, neither of whom asked. Who proposes settings
or a return has spoken with that; suspending needs one, for it must be quick. What is reviewed has a
version, and a word counts for the version that was seen.

Pure: no storage, no clock. Source: NIST SP 800-57 part 1 s6.2 (dual control).
Invariants: NEXT is the only table of moves by agreement; two words of one operator count once.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.orders import is_shown_text
from lionrock.payments.onboarding.domain.application import Application, Limits
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal

REVIEWERS_NEEDED = 2
REASONS_LENGTH_MAX = 600
WAITING_MAX = 1_000


class State(StrEnum):
    """Where an application stands."""

    ASKED = "asked"
    RETURNED = "returned"
    AGREED = "agreed"
    SETTINGS = "settings"
    OPENING = "opening"
    TESTING = "testing"
    GO_LIVE_ASKED = "go_live_asked"
    LIVE = "live"
    SUSPENDED = "suspended"
    RETURN_ASKED = "return_asked"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


# Where the second agreement leads.
NEXT: dict[State, State] = {
    State.ASKED: State.AGREED, State.SETTINGS: State.OPENING,
    State.GO_LIVE_ASKED: State.LIVE, State.RETURN_ASKED: State.LIVE,
}
# Where an operator's "return" leads.
BACK: dict[State, State] = {
    State.ASKED: State.RETURNED, State.SETTINGS: State.AGREED,
    State.GO_LIVE_ASKED: State.TESTING, State.RETURN_ASKED: State.SUSPENDED,
}
REJECTABLE = (State.ASKED, State.SETTINGS, State.GO_LIVE_ASKED)
ENDED = (State.REJECTED, State.WITHDRAWN)
# From here on the directory knows the organisation, suspended until it is live.
REGISTERED = (
    State.TESTING, State.GO_LIVE_ASKED, State.LIVE, State.SUSPENDED, State.RETURN_ASKED,
)
WITHDRAWABLE = (
    State.ASKED, State.RETURNED, State.AGREED, State.SETTINGS, State.TESTING,
    State.GO_LIVE_ASKED,
)
# The path of a candidate that nothing goes wrong with, for pictures.
PATH = (
    State.ASKED, State.AGREED, State.SETTINGS, State.OPENING, State.TESTING,
    State.GO_LIVE_ASKED, State.LIVE,
)
Decision = Literal["agree", "return", "reject", "suspend"]
# Limits are proposed by an operator, the others asked for by the participant.
ChangeKind = Literal["add_key", "retire_key", "endpoint", "limits"]


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator (or the switch itself) said at a step, or about a change."""

    step: str
    version: int
    person_id: str
    decision: Decision
    reasons: str
    at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A key, an end point or limits to be changed after the organisation was registered.

    `content` is {"jwk"}, {"kid"}, {"endpoint"} or {"limits", "daily_limits"} (decimal strings by
    currency). The words about it are under its id.
    """

    id: str
    candidate_id: str
    kind: ChangeKind
    content: dict[str, Any]
    state: Literal["asked", "done", "refused"]
    asked_at: datetime


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An application on its way; `limits` are set by the operators."""

    id: str
    application: Application
    state: State
    version: int
    asked_by: str
    limits: Limits
    asked_at: datetime
    changed_at: datetime
    words: tuple[Word, ...] = ()

    @property
    def organisation_id(self) -> str:
        """Its name in the directory, now or later."""
        return self.application.organisation_id

    @property
    def is_registered(self) -> bool:
        """Whether the directory has its keys and end point."""
        return self.state in REGISTERED

    def agreed(self) -> tuple[str, ...]:
        """Who agreed to this version at this step."""
        return agreed_to(self.words, self.state, self.version)


def agreed_to(words: tuple[Word, ...], step: str, version: int) -> tuple[str, ...]:
    """Who agreed to a step's version, in the order in which they spoke, each once."""
    said = (
        word.person_id for word in words
        if (word.step, word.version, word.decision) == (step, version, "agree")
    )
    return tuple(dict.fromkeys(said))


def check_word(
    candidate: Candidate, person_id: str, version: int, decision: Decision, reasons: str
) -> Refused | None:
    """An operator may speak at this step, about the version seen, once, and says why."""
    if candidate.state not in NEXT or decision == "suspend":
        return Refused(OnboardingRefusal.STATE, f"It is {candidate.state}.")
    if decision == "reject" and candidate.state not in REJECTABLE:
        return Refused(OnboardingRefusal.STATE, f"It is {candidate.state}.", "decision")
    if version != candidate.version:
        return Refused(OnboardingRefusal.STALE, field="version")
    if person_id == candidate.asked_by:
        return Refused(OnboardingRefusal.OWN)
    if decision == "agree" and person_id in candidate.agreed():
        return Refused(OnboardingRefusal.REVIEWED)
    return check_reasons(reasons)


def check_change_word(
    candidate: Candidate, change: Change, person_id: str, reasons: str
) -> Refused | None:
    """An operator may speak about a change: it waits, and they have not agreed before."""
    if change.state != "asked":
        return Refused(OnboardingRefusal.CHANGE_UNKNOWN)
    if person_id == candidate.asked_by:
        return Refused(OnboardingRefusal.OWN)
    if person_id in agreed_to(candidate.words, change.id, 1):
        return Refused(OnboardingRefusal.REVIEWED)
    return check_reasons(reasons)


def check_reasons(reasons: str) -> Refused | None:
    """Reasons are one line that shows as it is."""
    if is_shown_text(reasons, REASONS_LENGTH_MAX):
        return None
    detail = f"One line of 1 to {REASONS_LENGTH_MAX} characters."
    return Refused(OnboardingRefusal.REASONS, detail, "reasons")


def after(candidate: Candidate, decision: Decision) -> State | None:
    """The state that a checked word leads to, `candidate` with the word; None: it waits."""
    if decision == "reject":
        return State.REJECTED
    if decision == "return":
        return BACK[candidate.state]
    is_enough = len(candidate.agreed()) >= REVIEWERS_NEEDED
    return NEXT[candidate.state] if is_enough else None

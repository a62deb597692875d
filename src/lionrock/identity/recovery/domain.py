"""The rules of a recovery: how long it takes, what has to be proven, when it may be completed.

Two *different* ways must be proven of three: a code sent to the person's phone number or e-mail
address, a code handed over in person by an operator (made by one, checked by another), a yes on a
device that the person still has. One stolen mailbox, or one deceived operator, is not enough.
Source: NIST SP 800-63B-4 s4.2 (account recovery).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refusal, Refused

Factor = Literal["message", "in_person", "device"]
Channel = Literal["phone", "email"]
Carried = Literal["carried", "later", "refused"]

FACTORS_NEEDED = 2
CODE_TRIES_MAX = 5
MESSAGE_CODE_DIGITS = 8
MESSAGE_CODE_LIFE = timedelta(days=2)
IN_PERSON_CODE_LIFE = timedelta(days=7)
# How long a recovery stays open after its cooling period.
OPEN_FOR = timedelta(days=7)
# How long a recovery counts for the source that began it.
SOURCE_WINDOW = timedelta(hours=1)


class RecoveryRefusal(Refusal):
    """Why a recovery does not go on."""

    UNKNOWN = "identity.recovery_unknown"
    CODE = "identity.recovery_code"
    INCOMPLETE = "identity.recovery_incomplete"
    CHECKER = "identity.recovery_checker"
    LIMITED = "identity.recovery_limited"


class RecoveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A recovery on record (business clock). Without a person it is a decoy.

    One that its person called off, or whose tries are used up, has ended; from outside it looks
    like one that nobody proves anything for.
    """

    id: str
    person_id: str | None
    approval_id: str | None
    started_at: datetime
    ready_at: datetime
    expires_at: datetime
    tries_left: int
    proven: frozenset[Factor]
    ended_at: datetime | None = None


class IssuedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code to be handed over in person; it is kept as a hash only."""

    code: str
    expires_at: datetime


def check_complete(recovery: RecoveryAttempt, now: datetime) -> Refused | None:
    """Say whether a recovery may be completed; INCOMPLETE tells no more than its own status."""
    is_open = recovery.ended_at is None and recovery.person_id is not None
    is_ready = recovery.ready_at <= now < recovery.expires_at
    if is_open and is_ready and len(recovery.proven) >= FACTORS_NEEDED:
        return None
    return Refused(
        RecoveryRefusal.INCOMPLETE, f"From {recovery.ready_at.isoformat()}, with two proofs."
    )

"""The life of a case as a closed table: state and step in, next state out, everything else refused.

    draft -> submitted -> in_assessment -> assessed -> committing -> awarded -> agreed -> completed
                       -> screened_out             -> declined   -> award_refused -> (decide again)
    draft, submitted, in_assessment, assessed -> withdrawn

Invariants: LEGAL is the only place that says what may follow what; final states have no way out; no
state is skipped. A payout has its own small table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from lionrock.kernel.errors import Refused
from lionrock.programmes.cases.domain.refusals import CaseRefusal


class CaseState(Enum):
    """Where a case stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SCREENED_OUT = "screened_out"
    IN_ASSESSMENT = "in_assessment"
    ASSESSED = "assessed"
    DECLINED = "declined"
    COMMITTING = "committing"
    AWARD_REFUSED = "award_refused"
    AWARDED = "awarded"
    AGREED = "agreed"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class Step(Enum):
    """What can happen to a case."""

    SUBMIT = "submit"
    SCREEN_IN = "screen_in"
    SCREEN_OUT = "screen_out"
    ASSESS_FIRST = "assess_first"
    ASSESS_LAST = "assess_last"
    DECLINE = "decline"
    APPROVE = "approve"
    COMMIT = "commit"
    REFUSE_COMMITMENT = "refuse_commitment"
    AGREE = "agree"
    COMPLETE = "complete"
    WITHDRAW = "withdraw"


LEGAL: Mapping[tuple[CaseState, Step], CaseState] = {
    (CaseState.DRAFT, Step.SUBMIT): CaseState.SUBMITTED,
    (CaseState.SUBMITTED, Step.SCREEN_IN): CaseState.IN_ASSESSMENT,
    (CaseState.SUBMITTED, Step.SCREEN_OUT): CaseState.SCREENED_OUT,
    (CaseState.IN_ASSESSMENT, Step.ASSESS_FIRST): CaseState.IN_ASSESSMENT,
    (CaseState.IN_ASSESSMENT, Step.ASSESS_LAST): CaseState.ASSESSED,
    (CaseState.ASSESSED, Step.DECLINE): CaseState.DECLINED,
    (CaseState.ASSESSED, Step.APPROVE): CaseState.COMMITTING,
    (CaseState.COMMITTING, Step.COMMIT): CaseState.AWARDED,
    (CaseState.COMMITTING, Step.REFUSE_COMMITMENT): CaseState.AWARD_REFUSED,
    # The budget may have been filled up since: the committee decides again, with a new transfer id.
    (CaseState.AWARD_REFUSED, Step.APPROVE): CaseState.COMMITTING,
    (CaseState.AWARD_REFUSED, Step.DECLINE): CaseState.DECLINED,
    (CaseState.AWARDED, Step.AGREE): CaseState.AGREED,
    (CaseState.AGREED, Step.COMPLETE): CaseState.COMPLETED,
    (CaseState.DRAFT, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.SUBMITTED, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.IN_ASSESSMENT, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.ASSESSED, Step.WITHDRAW): CaseState.WITHDRAWN,
}
FINAL = frozenset(
    {
        CaseState.SCREENED_OUT,
        CaseState.DECLINED,
        CaseState.COMPLETED,
        CaseState.WITHDRAWN,
    }
)
# Cases whose award stands: what the public register lists.
AWARD_STANDS = frozenset({CaseState.AWARDED, CaseState.AGREED, CaseState.COMPLETED})
_HAS_AWARD = AWARD_STANDS | {CaseState.COMMITTING}

# Why a step comes at the wrong time, in words that say what to do.
_WRONG_TIME: Mapping[Step, CaseRefusal] = {
    Step.SUBMIT: CaseRefusal.SUBMITTED_ALREADY,
    Step.ASSESS_FIRST: CaseRefusal.NOT_IN_ASSESSMENT,
    Step.ASSESS_LAST: CaseRefusal.NOT_IN_ASSESSMENT,
    Step.DECLINE: CaseRefusal.NOT_FOR_DECISION,
    Step.APPROVE: CaseRefusal.NOT_FOR_DECISION,
    Step.WITHDRAW: CaseRefusal.NOT_WITHDRAWABLE,
}


class PayoutState(Enum):
    """Where one milestone's payout stands."""

    CLAIMED = "claimed"
    RELEASED = "released"
    PAID = "paid"
    FAILED = "failed"


class PayoutStep(Enum):
    """What can happen to a payout."""

    RELEASE = "release"
    SETTLE = "settle"
    FAIL = "fail"


PAYOUT_LEGAL: Mapping[tuple[PayoutState, PayoutStep], PayoutState] = {
    (PayoutState.CLAIMED, PayoutStep.RELEASE): PayoutState.RELEASED,
    # A payment that was rejected moved no money: the office may release it again.
    (PayoutState.FAILED, PayoutStep.RELEASE): PayoutState.RELEASED,
    (PayoutState.RELEASED, PayoutStep.SETTLE): PayoutState.PAID,
    (PayoutState.RELEASED, PayoutStep.FAIL): PayoutState.FAILED,
}


def move(state: CaseState, step: Step) -> CaseState | Refused:
    """Return the state after a step, or why the step is not open now."""
    following = LEGAL.get((state, step))
    if following is None:
        refusal = _WRONG_TIME.get(step, CaseRefusal.STEP_NOT_OPEN)
        if step is Step.APPROVE and state in _HAS_AWARD:
            refusal = CaseRefusal.AWARDED_ALREADY
        return Refused(refusal, f"The case is {state.value.replace('_', ' ')}.")
    assert state not in FINAL, "a final state has no way out"
    return following


def move_payout(state: PayoutState, step: PayoutStep) -> PayoutState | Refused:
    """Return a payout's state after a step; PAYOUT_RELEASED_ALREADY when it is not open."""
    following = PAYOUT_LEGAL.get((state, step))
    if following is None:
        return Refused(CaseRefusal.PAYOUT_RELEASED_ALREADY, f"It is {state.value}.")
    return following

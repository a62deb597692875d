"""The tables of states: what is legal, what is final, what is refused with which reason."""

from __future__ import annotations

import itertools

import pytest

from lionrock.kernel.errors import Refused
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import (
    AWARD_STANDS,
    FINAL,
    LEGAL,
    PAYOUT_LEGAL,
    CaseState,
    PayoutState,
    PayoutStep,
    Step,
    move,
    move_payout,
)
from lionrock.programmes.cases.errors import CASE_ERRORS


def test_every_pair_of_state_and_step_is_either_legal_or_refused() -> None:
    for state, step in itertools.product(CaseState, Step):
        after = move(state, step)
        assert isinstance(after, Refused) == ((state, step) not in LEGAL), (state, step)


def test_final_states_have_no_way_out_and_others_have_one() -> None:
    leaving = {state for state, _ in LEGAL}
    assert not leaving & FINAL
    assert leaving | FINAL == set(CaseState)


def test_every_state_can_be_reached_from_a_draft() -> None:
    reached, grown = {CaseState.DRAFT}, True
    while grown:
        more = {after for (state, _), after in LEGAL.items() if state in reached} - reached
        reached, grown = reached | more, bool(more)
    assert reached == set(CaseState)


def test_money_is_committed_only_after_both_assessments_and_a_decision() -> None:
    before = {state for (state, _), after in LEGAL.items() if after is CaseState.COMMITTING}
    assert before == {CaseState.ASSESSED, CaseState.AWARD_REFUSED}
    before = {state for (state, _), after in LEGAL.items() if after is CaseState.AWARDED}
    assert before == {CaseState.COMMITTING}


@pytest.mark.parametrize("state", sorted(AWARD_STANDS | {CaseState.COMMITTING}, key=str))
def test_second_award_is_refused_as_such(state: CaseState) -> None:
    refused = move(state, Step.APPROVE)
    assert isinstance(refused, Refused)
    assert refused.refusal is CaseRefusal.AWARDED_ALREADY


@pytest.mark.parametrize(
    ("state", "step", "refusal"),
    [
        (CaseState.IN_ASSESSMENT, Step.SUBMIT, CaseRefusal.SUBMITTED_ALREADY),
        (CaseState.ASSESSED, Step.ASSESS_LAST, CaseRefusal.NOT_IN_ASSESSMENT),
        (CaseState.IN_ASSESSMENT, Step.APPROVE, CaseRefusal.NOT_FOR_DECISION),
        (CaseState.DECLINED, Step.DECLINE, CaseRefusal.NOT_FOR_DECISION),
        (CaseState.AWARDED, Step.WITHDRAW, CaseRefusal.NOT_WITHDRAWABLE),
        (CaseState.DRAFT, Step.COMPLETE, CaseRefusal.STEP_NOT_OPEN),
    ],
)
def test_wrong_time_has_its_own_reason(
    state: CaseState, step: Step, refusal: CaseRefusal
) -> None:
    refused = move(state, step)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal
    assert state.value.replace("_", " ") in refused.detail


def test_payout_is_paid_once_and_only_a_failed_one_is_released_again() -> None:
    for state, step in itertools.product(PayoutState, PayoutStep):
        after = move_payout(state, step)
        assert isinstance(after, Refused) == ((state, step) not in PAYOUT_LEGAL)
    released_from = {s for (s, step) in PAYOUT_LEGAL if step is PayoutStep.RELEASE}
    assert released_from == {PayoutState.CLAIMED, PayoutState.FAILED}
    assert not any(state is PayoutState.PAID for state, _ in PAYOUT_LEGAL)


def test_every_refusal_has_a_row_with_a_sentence() -> None:
    assert set(CASE_ERRORS) == set(CaseRefusal)
    assert all(row.title.endswith(".") and row.status >= 400 for row in CASE_ERRORS.values())

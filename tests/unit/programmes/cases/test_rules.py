"""The pure rules of cases: proposals, milestones, assessments, claims."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.programmes.cases.domain import rules
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import PayoutState
from lionrock.programmes.cases.domain.values import Assessment, Milestone, Payout
from tests.unit.programmes.cases.office import PROPOSAL

AT = datetime(2026, 2, 20, tzinfo=UTC)


@given(
    st.integers(1, rules.AMOUNT_MINOR_MAX),
    st.lists(st.integers(1, 100), min_size=1, max_size=rules.MILESTONES_MAX),
)
def test_milestones_always_add_up_to_the_award(award_minor: int, weights: list[int]) -> None:
    total = sum(weights)
    shares = [max(1, weight * 100 // total) for weight in weights]
    shares[0] += 100 - sum(shares)
    if not 1 <= shares[0] <= 100:
        return
    milestones = [Milestone(title="M", share_percent=share) for share in shares]
    amounts = rules.milestone_amounts(award_minor, milestones)
    assert sum(amounts) == award_minor
    for amount, share in zip(amounts[:-1], shares[:-1], strict=True):
        assert amount == award_minor * share // 100


def test_rest_of_the_division_goes_to_the_last_milestone() -> None:
    thirds = [Milestone(title="M", share_percent=share) for share in (33, 33, 34)]
    assert rules.milestone_amounts(100_01, thirds) == (33_00, 33_00, 34_01)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("title", {"title": ""}),
        ("title", {"title": "two\nlines"}),
        ("title", {"title": "x" * (rules.TITLE_LENGTH_MAX + 1)}),
        ("title", {"title": "right-to-left \u202e override"}),
        ("summary", {"summary": " "}),
        ("summary", {"summary": "x" * (rules.SUMMARY_LENGTH_MAX + 1)}),
        ("summary", {"summary": "null \x00"}),
        ("cost", {"cost_minor": 0}),
        ("cost", {"cost_minor": rules.AMOUNT_MINOR_MAX + 1}),
        ("requested", {"requested_minor": 0}),
        ("requested", {"requested_minor": PROPOSAL.cost_minor + 1}),
        ("payout_proxy", {"payout_proxy": ""}),
        ("milestones", {"milestones": ()}),
        ("milestones", {"milestones": (Milestone(title="", share_percent=100),)}),
        ("milestones", {"milestones": (Milestone(title="M", share_percent=99),)}),
        ("milestones", {"milestones": (Milestone(title="M", share_percent=0),)}),
        ("milestones", {"milestones": (Milestone(title="M", share_percent=101),)}),
        (
            "milestones",
            {"milestones": (Milestone(title="M", share_percent=1),) * (rules.MILESTONES_MAX + 1)},
        ),
    ],
)
def test_malformed_proposal_names_its_field(field: str, changes: dict[str, Any]) -> None:
    refused = rules.check_proposal(msgspec.structs.replace(PROPOSAL, **changes))
    assert isinstance(refused, Refused)
    assert refused.refusal is CaseRefusal.PROPOSAL_MALFORMED
    assert refused.field == field


def test_proposal_at_its_limits_is_taken() -> None:
    limits = {
        "title": "x" * rules.TITLE_LENGTH_MAX, "summary": "x" * rules.SUMMARY_LENGTH_MAX,
        "cost_minor": rules.AMOUNT_MINOR_MAX, "requested_minor": rules.AMOUNT_MINOR_MAX,
        "payout_proxy": "x" * rules.PROXY_LENGTH_MAX,
        "milestones": (
            *[Milestone(title="M", share_percent=1)] * (rules.MILESTONES_MAX - 1),
            Milestone(title="M", share_percent=101 - rules.MILESTONES_MAX),
        ),
    }
    assert rules.check_proposal(msgspec.structs.replace(PROPOSAL, **limits)) is None


def _assessment(**changes: Any) -> Assessment:
    given: dict[str, Any] = {
        "assessor_id": "per_1", "marks": dict.fromkeys(rules.CRITERIA, 20),
        "recommendation": "support", "comment": "Good.", "declaration": "None.", "at": AT,
    }
    return Assessment(**(given | changes))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("marks", {"marks": {}}),
        ("marks", {"marks": dict.fromkeys(rules.CRITERIA, 21)}),
        ("marks", {"marks": dict.fromkeys(rules.CRITERIA, -1)}),
        ("marks", {"marks": dict.fromkeys([*rules.CRITERIA, "beauty"], 1)}),
        ("comment", {"comment": ""}),
        ("declaration", {"declaration": ""}),
    ],
)
def test_malformed_assessment_names_its_field(field: str, changes: dict[str, Any]) -> None:
    refused = rules.check_assessment(_assessment(**changes), [])
    assert isinstance(refused, Refused)
    assert refused.refusal is CaseRefusal.ASSESSMENT_MALFORMED
    assert refused.field == field


def test_one_person_assesses_once() -> None:
    refused = rules.check_assessment(_assessment(), [_assessment()])
    assert isinstance(refused, Refused)
    assert refused.refusal is CaseRefusal.ASSESSED_ALREADY
    assert rules.check_assessment(_assessment(assessor_id="per_2"), [_assessment()]) is None
    assert _assessment().total == 100


@pytest.mark.parametrize("reasons", ["", "too short", "x" * (rules.COMMENT_LENGTH_MAX + 1)])
def test_decision_needs_reasons(reasons: str) -> None:
    refused = rules.check_reasons(reasons)
    assert isinstance(refused, Refused)
    assert refused.field == "reasons"


def _payout(milestone: int, amount_minor: int) -> Payout:
    return Payout(
        id="pyo_1", case_id="cas_1", milestone=milestone, amount_minor=amount_minor,
        state=PayoutState.PAID, report="Done.", claimed_by="per_1", claimed_at=AT,
    )


@pytest.mark.parametrize(
    ("milestone", "amount_minor", "before", "refusal"),
    [
        (0, 60, [], CaseRefusal.MILESTONE_UNKNOWN),
        (3, 60, [], CaseRefusal.MILESTONE_UNKNOWN),
        (1, 61, [], CaseRefusal.PAYOUT_ABOVE_AWARD),
        (1, 59, [], CaseRefusal.PAYOUT_AMOUNT),
        (1, 60, [_payout(1, 60)], CaseRefusal.MILESTONE_CLAIMED),
        (2, 40, [_payout(1, 61)], CaseRefusal.PAYOUT_ABOVE_AWARD),
    ],
)
def test_claim_is_refused(
    milestone: int, amount_minor: int, before: list[Payout], refusal: CaseRefusal
) -> None:
    refused = rules.check_claim((60, 40), milestone, amount_minor, before)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal


def test_claims_of_all_milestones_are_taken() -> None:
    assert rules.check_claim((60, 40), 1, 60, []) is None
    assert rules.check_claim((60, 40), 2, 40, [_payout(1, 60)]) is None

"""Mandates: half-open in time, never wider down a chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lionrock.identity.domain.mandates import (
    ROLE_SCOPES,
    ROLES,
    SCOPES_MAX,
    SIGNATURES_MAX,
    Mandate,
    MandateDraft,
    check_delegation,
    check_draft,
    choose,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

T0 = datetime(2026, 2, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def _mandate(**changes: Any) -> Mandate:
    given: dict[str, Any] = {
        "id": "man_1", "person_id": "p", "company_id": "c", "role": "administrator",
        "scopes": frozenset({"payments", "programmes", "mandates.delegate"}), "valid_from": T0,
        "valid_to": T0 + 10 * DAY, "amount_max": Money(1000, "HKD"), "signatures_needed": 1,
        "granted_at": T0, "granted_by": "operator",
    }  # fmt: skip
    return Mandate(**(given | changes))


def _draft(**changes: Any) -> MandateDraft:
    given: dict[str, Any] = {
        "person_id": "q", "company_id": "c", "role": "user", "scopes": frozenset({"payments"}),
        "valid_from": T0, "valid_to": T0 + 5 * DAY, "amount_max": Money(500, "HKD"),
    }  # fmt: skip
    return MandateDraft(**(given | changes))


@pytest.mark.parametrize(
    ("at", "is_in_force"),
    [
        (T0 - timedelta(microseconds=1), False), (T0, True),
        (T0 + 10 * DAY - timedelta(microseconds=1), True), (T0 + 10 * DAY, False),
    ],
)  # fmt: skip
def test_mandate_is_in_force_from_its_first_instant_to_before_its_last(
    at: datetime, is_in_force: bool
) -> None:
    assert _mandate().is_in_force(at) is is_in_force


def test_revocation_ends_it_from_that_instant_and_changes_no_history() -> None:
    revoked = _mandate(revoked_at=T0 + 3 * DAY)
    assert revoked.is_in_force(T0 + 2 * DAY)
    assert not revoked.is_in_force(T0 + 3 * DAY)


def test_mandate_granted_later_never_entitled_before_it_was_granted() -> None:
    late = _mandate(granted_at=T0 + 2 * DAY)
    assert not late.is_in_force(T0 + DAY)
    assert late.is_in_force(T0 + 2 * DAY)


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": frozenset()}, {"scopes": frozenset({"Pay"})}, {"scopes": frozenset({"a b"})},
        {"scopes": frozenset({"*"})}, {"scopes": frozenset({"pay\n"})},
        {"scopes": frozenset({f"s{n}" for n in range(SCOPES_MAX + 1)})},
        {"valid_to": T0}, {"valid_to": T0 - DAY}, {"amount_max": Money(0, "HKD")},
        {"signatures_needed": 0}, {"signatures_needed": SIGNATURES_MAX + 1},
    ],
)  # fmt: skip
def test_draft_without_sense_is_refused(changes: dict[str, Any]) -> None:
    refused = check_draft(_draft(**changes))
    assert refused is not None
    assert refused.refusal.value == "identity.mandate_draft"


def test_draft_at_the_limits_is_taken() -> None:
    scopes = frozenset({f"s{n}" for n in range(SCOPES_MAX)})
    assert check_draft(_draft(scopes=scopes, signatures_needed=SIGNATURES_MAX)) is None
    assert check_draft(_draft(amount_max=None, valid_to=None)) is None
    for role in ROLES:
        assert check_draft(_draft(role=role, scopes=ROLE_SCOPES[role])) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": frozenset({"exchange"})}, "scopes"),
        ({"scopes": frozenset({"payments", "mandates.delegate"})}, "scopes"),
        ({"role": "responsible_person"}, "role"),
        ({"valid_to": T0 + 11 * DAY}, "valid_to"),
        ({"valid_to": None}, "valid_to"),
        ({"amount_max": Money(1001, "HKD")}, "amount_max"),
        ({"amount_max": Money(1, "CNY")}, "amount_max"),
        ({"amount_max": None}, "amount_max"),
    ],
)
def test_delegation_never_grows(changes: dict[str, Any], field: str) -> None:
    refused = check_delegation(_mandate(), _draft(**changes), T0)
    assert refused is not None
    assert refused.field == field


def test_delegation_within_the_grantors_own_is_taken() -> None:
    assert check_delegation(_mandate(), _draft(), T0) is None
    joint = _mandate(signatures_needed=2)
    refused = check_delegation(joint, _draft(), T0)
    assert refused is not None
    assert refused.field == "signatures_needed"
    unlimited = _mandate(amount_max=None, valid_to=None)
    assert check_delegation(unlimited, _draft(amount_max=None, valid_to=None), T0) is None


@pytest.mark.parametrize(
    ("grantor", "code"),
    [
        ({"company_id": "other"}, "mandate_missing"),
        ({"revoked_at": T0}, "mandate_missing"),
        ({"scopes": frozenset({"payments"})}, "mandate_scope"),
    ],
)
def test_who_may_not_delegate_cannot(grantor: dict[str, Any], code: str) -> None:
    refused = check_delegation(_mandate(**grantor), _draft(), T0)
    assert refused is not None
    assert refused.refusal.value == f"identity.{code}"


@pytest.mark.parametrize(
    ("held", "asked", "outcome"),
    [
        ([], {}, "identity.mandate_missing"),
        ([{"revoked_at": T0}], {}, "identity.mandate_missing"),
        ([{}], {"scope": "exchange"}, "identity.mandate_scope"),
        ([{}], {"amount": Money(1001, "HKD")}, "identity.mandate_amount"),
        ([{}], {"amount": Money(1, "CNY")}, "identity.mandate_amount"),
        ([{}], {"amount": Money(1000, "HKD")}, "man_1"),
        ([{}], {"scope": "payments"}, "man_1"),
        ([{"signatures_needed": 2}, {"id": "man_2"}], {}, "man_2"),
        ([{"amount_max": None, "id": "man_3"}, {}], {"amount": Money(9999, "HKD")}, "man_3"),
        ([{"signatures_needed": 2, "id": "man_4"}], {}, "man_4"),
    ],
)
def test_choice_among_mandates(
    held: list[dict[str, Any]], asked: dict[str, Any], outcome: str
) -> None:
    found = choose([_mandate(**h) for h in held], at=T0, **({"scope": None} | asked))
    assert (found.refusal.value if isinstance(found, Refused) else found.id) == outcome

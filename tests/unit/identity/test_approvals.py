"""The approval's state machine: n of m, once and for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest

from lionrock.identity.domain.approvals import (
    LIFETIME_S_MAX,
    LIFETIME_S_MIN,
    PERSONS_MAX,
    Answer,
    Approval,
    ApprovalRequest,
    check_answer,
    check_number,
    check_request,
    read_answer,
    tally,
)
from lionrock.identity.domain.words import Rendered
from lionrock.kernel.errors import Refused

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def _approval(**changes: Any) -> Approval:
    shown = Rendered(language="en", template="t", fields={}, words="w", salt="s")
    given: dict[str, Any] = {
        "id": "apr_1", "kind": "sign_in", "reference": "sin_1", "requester_org": "org",
        "company_id": None, "person_ids": ("a", "b", "c"), "quorum": 2, "shown": shown,
        "words_hash": shown.words_hash, "number": "07", "tries_left": 3, "state": "pending",
        "created_at": NOW, "expires_at": NOW + timedelta(seconds=60),
    }  # fmt: skip
    return Approval(**(given | changes))


def _request(**changes: Any) -> ApprovalRequest:
    given: dict[str, Any] = {
        "kind": "sign_in", "person_ids": ("a",), "template": "t", "fields": {}, "language": "en",
        "requester_org": "org", "reference": "sin_1",
    }  # fmt: skip
    return ApprovalRequest(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"person_ids": ()}, "approval_persons"),
        ({"person_ids": ("a", "a")}, "approval_persons"),
        ({"person_ids": tuple(map(str, range(PERSONS_MAX + 1)))}, "approval_persons"),
        ({"quorum": 0}, "approval_quorum"),
        ({"quorum": 2}, "approval_quorum"),
        ({"expires_in_s": LIFETIME_S_MIN - 1}, "approval_lifetime"),
        ({"expires_in_s": LIFETIME_S_MAX + 1}, "approval_lifetime"),
        ({"kind": "Sign in"}, "approval_reference"),
        ({"kind": "a.b.c"}, "approval_reference"),
        ({"reference": "free words"}, "approval_reference"),
        ({"reference": "+85259000001"}, "approval_reference"),
        ({"reference": "per_0123"}, "approval_reference"),
        ({"reference": ""}, "approval_reference"),
    ],
)
def test_request_without_sense_is_refused(changes: dict[str, Any], code: str) -> None:
    refused = check_request(_request(**changes))
    assert refused is not None
    assert refused.refusal.value == f"identity.{code}"


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"expires_in_s": LIFETIME_S_MIN}, {"expires_in_s": LIFETIME_S_MAX},
        {"person_ids": tuple(map(str, range(PERSONS_MAX))), "quorum": PERSONS_MAX},
    ],
)  # fmt: skip
def test_request_at_the_limits_is_taken(changes: dict[str, Any]) -> None:
    assert check_request(_request(**changes)) is None


@pytest.mark.parametrize("persons", range(1, 6))
def test_tally_agrees_with_counting_by_hand(persons: int) -> None:
    for quorum in range(1, persons + 1):
        approval = _approval(person_ids=tuple(map(str, range(persons))), quorum=quorum)
        for answers in product(("approved", "rejected", None), repeat=persons):
            given = [a for a in answers if a]
            yes, open_ = given.count("approved"), answers.count(None)
            expected = "pending"
            if yes >= quorum:
                expected = "approved"
            elif yes + open_ < quorum:
                expected = "rejected"
            assert tally(approval, given) == expected  # type: ignore[arg-type]  # product of the literals


@pytest.mark.parametrize(
    "claims",
    [
        {}, {"approval_id": "a"},
        {"approval_id": "a", "words_hash": "h", "decision": "yes", "iat": 1},
        {"approval_id": "a", "words_hash": "h", "decision": "approved", "iat": "1"},
        {"approval_id": "a", "words_hash": "h", "decision": "approved", "iat": True},
        {"approval_id": "a", "words_hash": "h", "decision": "approved", "iat": 1, "x": 1},
        {"approval_id": 1, "words_hash": "h", "decision": "approved", "iat": 1},
    ],
)  # fmt: skip
def test_answer_of_another_shape_is_refused(claims: dict[str, Any]) -> None:
    refused = read_answer(claims)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "identity.answer_malformed"


def _answer(**changes: Any) -> Answer:
    given: dict[str, Any] = {
        "approval_id": "apr_1", "words_hash": _approval().words_hash, "decision": "approved",
        "iat": NOW_S, "number": "07",
    }  # fmt: skip
    return Answer(**(given | changes))


@pytest.mark.parametrize(
    ("approval", "answer", "person", "code"),
    [
        ({}, {}, "stranger", "approval_unknown"),
        ({}, {"approval_id": "apr_2"}, "a", "approval_unknown"),
        ({}, {"words_hash": "h"}, "a", "answer_words"),
        ({}, {"iat": NOW_S - 301}, "a", "answer_time"),
        ({}, {"iat": NOW_S + 31}, "a", "answer_time"),
        ({"expires_at": NOW}, {}, "a", "approval_expired"),
        ({"state": "approved"}, {}, "a", "approval_decided"),
        ({"state": "rejected"}, {}, "a", "approval_decided"),
        ({"state": "expired"}, {}, "a", "approval_expired"),
    ],
)
def test_answer_that_may_not_count_is_refused(
    approval: dict[str, Any], answer: dict[str, Any], person: str, code: str
) -> None:
    refused = check_answer(
        _approval(**approval), _answer(**answer), person_id=person, now=NOW, wire_now_s=NOW_S
    )
    assert refused is not None
    assert refused.refusal.value == f"identity.{code}"


def test_good_answer_counts() -> None:
    assert check_answer(
        _approval(), _answer(), person_id="a", now=NOW, wire_now_s=NOW_S
    ) is None  # fmt: skip
    assert check_number(_approval(), _answer()) is None


@pytest.mark.parametrize(
    ("number", "answer", "code"),
    [
        (None, {"number": None}, None),
        (None, {"number": "99"}, None),
        ("07", {"decision": "rejected", "number": None}, None),
        ("07", {"number": None}, "number_missing"),
        ("07", {"number": ""}, "number_missing"),
        ("07", {"number": "7"}, "number_wrong"),
        ("07", {"number": "08"}, "number_wrong"),
    ],
)
def test_number_is_matched_exactly_and_only_where_there_is_one(
    number: str | None, answer: dict[str, Any], code: str | None
) -> None:
    refused = check_number(_approval(number=number), _answer(**answer))
    if code is None:
        assert refused is None
        return
    assert refused is not None
    assert refused.refusal.value == f"identity.{code}"
    assert refused.keep is (code == "number_wrong")


def test_state_is_that_of_the_clock() -> None:
    approval = _approval()
    assert approval.state_at(approval.expires_at - timedelta(microseconds=1)) == "pending"
    assert approval.state_at(approval.expires_at) == "expired"
    decided = msgspec.structs.replace(approval, state="approved")
    assert decided.state_at(approval.expires_at) == "approved"

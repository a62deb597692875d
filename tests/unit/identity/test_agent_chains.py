"""Chains of agent firms: the intersection of all links, never longer than allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.identity.domain.chains import (
    AGENT_LINKS_MAX,
    FirmMandate,
    FirmMandateDraft,
    chains,
    check_firm_draft,
    lowest,
    through,
)
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.deeds import whom_to_ask
from lionrock.identity.domain.mandates import DELEGATE_SCOPE, SUBAGENT_SCOPE, Mandate
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money

T0 = datetime(2026, 2, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def _own(company: str = "a", **changes: Any) -> Mandate:
    given: dict[str, Any] = {
        "id": f"man_{company}", "person_id": "p", "company_id": company,
        "role": "representative", "scopes": frozenset({"programmes", "payments"}),
        "valid_from": T0, "valid_to": None, "amount_max": None, "signatures_needed": 1,
        "granted_at": T0, "granted_by": "operator",
    }  # fmt: skip
    return Mandate(**(given | changes))


def _firm(holder: str, company: str, **changes: Any) -> FirmMandate:
    given: dict[str, Any] = {
        "id": f"man_{holder}{company}", "holder_company_id": holder, "company_id": company,
        "role": "representative", "scopes": frozenset({"programmes", "payments"}),
        "valid_from": T0, "valid_to": None, "amount_max": None, "signatures_needed": 1,
        "granted_at": T0, "granted_by": "operator",
    }  # fmt: skip
    return FirmMandate(**(given | changes))


SUBAGENT = frozenset({"programmes", SUBAGENT_SCOPE})


def test_chain_is_the_intersection_of_its_links() -> None:
    own = _own(
        role="responsible_person", scopes=frozenset({"programmes", "exchange", DELEGATE_SCOPE}),
        valid_to=T0 + 9 * DAY, amount_max=Money(500, "HKD"), granted_at=T0 + DAY,
    )  # fmt: skip
    firm = _firm(
        "a", "b", role="user", valid_from=T0 + 2 * DAY, valid_to=T0 + 20 * DAY,
        amount_max=Money(900, "HKD"), signatures_needed=2, revoked_at=T0 + 7 * DAY,
    )  # fmt: skip
    found = through(own, [firm])
    assert found is not None
    assert (found.id, found.company_id, found.via) == ("man_a.man_ab", "b", ("a",))
    assert (found.role, found.scopes) == ("user", frozenset({"programmes"}))
    assert (found.amount_max, found.signatures_needed) == (Money(500, "HKD"), 2)
    assert (found.valid_from, found.valid_to) == (T0 + 2 * DAY, T0 + 9 * DAY)
    assert [found.is_in_force(T0 + n * DAY) for n in (1, 2, 6, 7)] == [False, True, True, False]


def test_firm_uses_a_firm_of_its_own_only_when_the_client_allows_it() -> None:
    first, second = _firm("a", "b"), _firm("b", "c")
    assert through(_own(), [first, second]) is None
    allowed = _firm("b", "c", scopes=SUBAGENT)
    found = through(_own(), [first, allowed])
    assert found is not None
    assert found.via == ("a", "b")
    assert found.scopes == frozenset({"programmes"})


def test_chain_is_no_longer_than_allowed() -> None:
    links = [_firm(h, c, scopes=SUBAGENT) for h, c in ("ab", "bc", "cd")]
    assert AGENT_LINKS_MAX == 2
    assert through(_own(), links[:2]) is not None
    assert through(_own(), links) is None
    assert {m.company_id for m in chains([_own()], links, T0)} == {"b", "c"}


@pytest.mark.parametrize(
    ("own", "links"),
    [
        ("a", []), ("x", [("a", "b")]), ("a", [("a", "b"), ("c", "d")]),
        ("a", [("a", "b"), ("b", "a")]), ("a", [("a", "a")]),
    ],
)  # fmt: skip
def test_links_that_do_not_join_give_nothing(own: str, links: list[tuple[str, str]]) -> None:
    assert through(_own(own), [_firm(h, c, scopes=SUBAGENT) for h, c in links]) is None


def test_chain_of_a_chain_is_nothing() -> None:
    derived = through(_own(), [_firm("a", "b")])
    assert derived is not None
    assert through(derived, [_firm("b", "c", scopes=SUBAGENT)]) is None


def test_limits_in_two_currencies_leave_no_amount_that_both_would_cover() -> None:
    assert lowest([Money(5, "HKD"), None, Money(7, "CNY")]) == Money(0, "HKD")
    assert lowest([None, None]) is None
    assert lowest([Money(5, "HKD"), Money(4, "HKD")]) == Money(4, "HKD")


@pytest.mark.parametrize(
    "changes",
    [
        {"holder_company_id": "b"}, {"scopes": frozenset({"programmes", DELEGATE_SCOPE})},
        {"scopes": frozenset({SUBAGENT_SCOPE})}, {"scopes": frozenset()},
        {"valid_to": T0}, {"amount_max": Money(0, "HKD")}, {"signatures_needed": 0},
    ],
)  # fmt: skip
def test_firm_draft_without_sense_is_refused(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "holder_company_id": "a", "company_id": "b", "role": "user",
        "scopes": frozenset({"programmes"}), "valid_from": T0,
    }  # fmt: skip
    assert check_firm_draft(FirmMandateDraft(**given)) is None
    assert isinstance(check_firm_draft(FirmMandateDraft(**(given | changes))), Refused)


def test_who_may_act_alone_is_asked_alone() -> None:
    assert whom_to_ask(_own(), [_own(person_id="q")]) == (("p",), 1)


def test_joint_officer_brings_those_who_need_no_more_signatures() -> None:
    own = _own(signatures_needed=2)
    others = [
        _own(person_id="q", signatures_needed=3), _own(person_id="r", signatures_needed=2),
        _own(person_id="s"), _own(person_id="r"), own,
    ]  # fmt: skip
    assert whom_to_ask(own, others) == (("p", "r", "s"), 2)


def test_quorum_rises_to_what_can_be_reached() -> None:
    own = _own(signatures_needed=2)
    others = [_own(person_id=name, signatures_needed=3) for name in ("q", "r")]
    assert whom_to_ask(own, others) == (("p", "q", "r"), 3)


def test_person_with_many_mandates_is_one_signature() -> None:
    own = _own(signatures_needed=2)
    refused = whom_to_ask(own, [own, _own("z", signatures_needed=2), _own(signatures_needed=2)])
    assert isinstance(refused, Refused)
    assert refused.refusal is CompanyRefusal.OFFICERS_TOO_FEW


scopes = st.frozensets(
    st.sampled_from(["programmes", "payments", "exchange", SUBAGENT_SCOPE, DELEGATE_SCOPE])
)
limits = st.none() | st.builds(Money, st.integers(1, 9), st.sampled_from(["HKD", "CNY"]))
instants = st.integers(0, 6).map(lambda n: T0 + n * DAY)
terms = st.fixed_dictionaries({
    "scopes": scopes, "amount_max": limits, "signatures_needed": st.integers(1, 3),
    "valid_from": instants, "valid_to": st.none() | instants, "granted_at": instants,
    "revoked_at": st.none() | instants,
})  # fmt: skip


@given(terms, st.lists(terms, min_size=1, max_size=3), instants)
def test_no_chain_is_wider_than_any_of_its_links(
    own_terms: dict[str, Any], firm_terms: list[dict[str, Any]], at: datetime
) -> None:
    own = _own(**own_terms)
    names = (("a", "b"), ("b", "c"), ("c", "d"))
    firms = [
        _firm(holder, company, **changes)
        for (holder, company), changes in zip(names, firm_terms, strict=False)
    ]
    found = through(own, firms)
    if found is None:
        return
    links: list[Mandate | FirmMandate] = [own, *firms]
    for link in links:
        assert found.scopes <= link.scopes
        assert found.signatures_needed >= link.signatures_needed
        assert not found.is_in_force(at) or link.is_in_force(at)
        for amount in (Money(n, currency) for n in (1, 5, 9) for currency in ("HKD", "CNY")):
            limit = link.amount_max
            is_within = limit is None or (
                limit.currency == amount.currency and amount.amount_minor <= limit.amount_minor
            )
            scope = next(iter(found.scopes), "none")
            assert not found.covers(scope=scope, at=at, amount=amount) or is_within

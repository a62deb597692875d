"""Links and fees: each decision, every branch of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.payments.domain.reasons import REASON_TEXTS
from lionrock.payments.links.domain import intents as fees
from lionrock.payments.links.domain import links
from lionrock.payments.links.domain.intents import Intent, IntentDraft, Refund, RefundWish
from lionrock.payments.links.domain.links import Link, LinkDraft, LinkRequest, Rejection, State
from lionrock.payments.links.domain.refunds import Answer, Decided, decide, needs_two
from lionrock.payments.links.domain.refusals import IntentRefusal, LinkRefusal

AT = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
DRAFT = LinkDraft(
    payee_id="licensing-office", payee_reference="LIC-1", proxy_kind="mobile", proxy="51230001",
    currency="HKD", amount=Money(88_80, "HKD"), amount_minor_max=None, description="Licence",
    life_s=900, callback_url="", return_url="",
)
LINK = Link(
    id=f"lnk_{1:032x}", state="open", draft=DRAFT, secret="x" * 43, created_at=AT,
    expires_at=AT + timedelta(minutes=15),
)
REQUEST = LinkRequest(
    id=f"lrq_{2:032x}", link_id=LINK.id, organisation_id="bank-lantau", created_at=AT,
    expires_at=AT + timedelta(minutes=10),
)
INTENT = Intent(
    id=f"int_{3:032x}", state="paid", number="F000000000000003", link_id=LINK.id, created_at=AT,
    draft=IntentDraft(
        department_id="licensing-office", reference="LIC-1", service="licence",
        titles=Text("Licence", "牌照", "牌照"), amount=Money(100_00, "HKD"),
        due_on=date(2026, 2, 28), proxy_kind="mobile", proxy="51230001", payer_reference="",
        callback_url="", return_url="",
    ),
)
REFUND = Refund(
    id=f"rfd_{4:032x}", state="paid", intent_id=INTENT.id, department_id="licensing-office",
    reference="R-1", amount_minor=40_00, currency="HKD", reason="x", requested_by="chan",
    created_at=AT,
)
WISH = RefundWish(
    intent_id=INTENT.id, reference="R-2", amount=Money(60_00, "HKD"), reason="x", officer="chan"
)


def claim(**changes: Any) -> Rejection | None:
    """A claim that holds, but for the changes."""
    values: dict[str, Any] = {
        "link": LINK, "request": REQUEST, "payer_bank_id": "bank-lantau",
        "amount": Money(88_80, "HKD"), "now": AT,
    } | changes
    return links.check_claim(**values)


def link(**changes: Any) -> Link:
    return msgspec.structs.replace(LINK, **changes)


def test_a_claim_that_holds_is_taken() -> None:
    assert claim() is None


@pytest.mark.parametrize(
    ("changes", "rejection"),
    [
        ({"payer_bank_id": "bank-harbour"}, links.REQUEST_FOREIGN),
        ({"request": msgspec.structs.replace(REQUEST, payment_id="pay_1")}, links.REQUEST_USED),
        ({"link": link(state="paid")}, links.LINK_USED),
        ({"link": link(state="paying")}, links.LINK_USED),
        ({"link": link(state="cancelled")}, links.LINK_CANCELLED),
        ({"link": link(state="expired")}, links.LINK_EXPIRED),
        ({"link": link(expires_at=AT)}, links.LINK_EXPIRED),
        ({"now": REQUEST.expires_at}, links.REQUEST_OVER),
        ({"amount": Money(88_80, "CNY")}, links.CURRENCY_DIFFERS),
        ({"amount": Money(88_79, "HKD")}, links.AMOUNT_DIFFERS),
    ],
)
def test_a_claim_is_refused_for_its_own_reason(
    changes: dict[str, Any], rejection: Rejection
) -> None:
    assert claim(**changes) == rejection
    assert rejection.reason_code in REASON_TEXTS


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_an_open_amount_is_taken_up_to_its_maximum(maximum: int, amount: int) -> None:
    draft = msgspec.structs.replace(DRAFT, amount=None, amount_minor_max=maximum)
    found = links.check_paid_amount(draft, Money(amount, "HKD"))
    assert (found is None) == (amount <= maximum)


def test_a_final_link_goes_nowhere_and_every_move_is_between_states() -> None:
    for before, after in links.TRANSITIONS.items():
        assert after <= set(links.TRANSITIONS)
        assert after or before in ("paid", "cancelled", "expired")
        assert all(links.may_move(before, each) for each in after)
    assert not links.may_move("paid", "open")


@pytest.mark.parametrize(
    ("state", "refusal"),
    [("paid", LinkRefusal.USED), ("paying", LinkRefusal.BEING_PAID),
     ("cancelled", LinkRefusal.CANCELLED), ("expired", LinkRefusal.EXPIRED)],
)
def test_a_link_that_is_not_open_says_why(state: State, refusal: LinkRefusal) -> None:
    refused = links.check_open(link(state=state), AT)
    assert refused is not None
    assert refused.refusal is refusal
    assert links.check_open(LINK, AT) is None


def test_an_end_to_end_id_and_its_request_name_each_other() -> None:
    assert links.request_id_of(REQUEST.end_to_end_id) == REQUEST.id
    assert len(REQUEST.end_to_end_id) == 35
    for other in ("LNK", "LNK" + "g" * 32, "LNK" + "A" * 32, "KNL" + "0" * 32, ""):
        assert links.request_id_of(other) is None


def test_a_result_has_one_id_however_often_it_is_made() -> None:
    paid = link(state="paid", paid_minor=88_80, payment_id="pay_1", finished_at=AT)
    assert links.result_of(paid) == links.result_of(paid)
    assert (links.result_of(paid).id, links.result_of(paid).amount) == (f"res_{1:032x}", "88.80")


def test_fee_numbers_are_found_in_a_remittance_once_each() -> None:
    number = fees.number_of(INTENT.id)
    assert number == "F000000000000003"
    assert fees.numbers_in(f"for {number}, {number}; F123") == [number]
    assert fees.numbers_in("nothing") == []


def test_a_fee_has_a_payment_code_where_its_proxy_fits_into_one() -> None:
    assert fees.code_of_intent(INTENT, "+852-51230001") is not None
    by_identity = msgspec.structs.replace(INTENT.draft, proxy_kind="hkid")
    other = msgspec.structs.replace(INTENT, draft=by_identity)
    assert fees.code_of_intent(other, "A123") is None
    assert fees.code_of_intent(INTENT, "not a number") is None


def test_a_refund_of_exactly_the_rest_is_allowed_and_a_cent_more_is_not() -> None:
    assert fees.check_refund(INTENT, WISH, [REFUND]) is None
    more = msgspec.structs.replace(WISH, amount=Money(60_01, "HKD"))
    refused = fees.check_refund(INTENT, more, [REFUND])
    assert refused is not None
    assert (refused.refusal, "60.00 are left" in refused.detail) == (
        IntentRefusal.REFUND_TOO_LARGE, True
    )


@pytest.mark.parametrize(
    ("state", "counts"),
    [("waiting", True), ("ordered", True), ("paid", True), ("failed", False), ("rejected", False)],
)
def test_refunds_that_stand_or_may_stand_count(state: Any, counts: bool) -> None:
    earlier = msgspec.structs.replace(REFUND, state=state, amount_minor=100_00)
    refused = fees.check_refund(INTENT, WISH, [earlier])
    assert isinstance(refused, Refused) is counts


def test_a_refund_in_another_currency_or_of_an_unpaid_fee_is_refused() -> None:
    other = msgspec.structs.replace(WISH, amount=Money(1, "CNY"))
    assert isinstance(fees.check_refund(INTENT, other, []), Refused)
    unpaid = msgspec.structs.replace(INTENT, state="open")
    refused = fees.check_refund(unpaid, WISH, [])
    assert refused is not None
    assert refused.refusal is IntentRefusal.NOT_PAID


def answers(*said: tuple[str, bool]) -> list[Answer]:
    return [Answer(f"per_{name}", is_yes) for name, is_yes in said]


@pytest.mark.parametrize(
    ("state", "said", "expected"),
    [
        ("expired", [("chan", True)], Decided("lapsed")),
        ("rejected", [("wong", False), ("lee", False)], Decided("rejected")),
        ("approved", [("chan", True), ("wong", True)], Decided("ordered", "Wong")),
        ("approved", [("lee", True), ("chan", True)], Decided("ordered", "Lee")),
        ("approved", [("wong", True), ("lee", True)], Decided("ordered", "Wong")),
        # Somebody else asked in chan's name.
        ("approved", [("wong", True), ("lee", True), ("chan", False)], Decided("rejected")),
        # One is no officer any more, or said it twice.
        ("approved", [("chan", True), ("past", True)], Decided("rejected")),
        ("approved", [("chan", True), ("chan", True)], Decided("rejected")),
        ("approved", [("wong", True)], Decided("rejected")),
    ],
)
def test_two_officers_in_office_decide_and_the_asking_ones_no_is_a_no(
    state: str, said: list[tuple[str, bool]], expected: Decided
) -> None:
    officers = {"per_chan": "Chan", "per_wong": "Wong", "per_lee": "Lee"}
    assert decide(state, answers(*said), "per_chan", officers) == expected


@pytest.mark.parametrize(
    ("limit", "amount", "earlier", "is_for_two"),
    [(100, 100, [], False), (100, 101, [], True), (0, 1, [], True), (100, 60, [40], False),
     (100, 61, [40], True)],
)  # fmt: skip
def test_all_refunds_of_a_fee_together_count_towards_the_limit(
    limit: int, amount: int, earlier: list[int], is_for_two: bool
) -> None:
    refunds = [msgspec.structs.replace(REFUND, amount_minor=each) for each in earlier]
    failed = msgspec.structs.replace(REFUND, amount_minor=10_000, state="failed")
    assert needs_two(limit, Money(amount, "HKD"), [*refunds, failed]) is is_for_two


def test_a_refund_moves_along_its_states_only() -> None:
    assert fees.may_move_refund("ordered", "failed")
    assert fees.may_move_refund("waiting", "lapsed")
    assert not fees.may_move_refund("paid", "failed")
    assert not fees.may_move_refund("lapsed", "ordered")

"""Awards and payouts refuse what they must; the ledger has the last word about money."""

from __future__ import annotations

from typing import Any

from lionrock.kernel.ids import u128
from lionrock.kernel.money import Money
from lionrock.programmes.cases import Actor, CaseRefusal, CaseState, PayoutState
from lionrock.programmes.cases.domain.values import Case, Payout
from lionrock.programmes.cases.store import money
from tests.unit.programmes.cases.office import AWARD_MINOR, REASONS, Office
from tests.unit.programmes.cases.test_refusals import refusal


async def test_declined_case_ends_with_reasons_and_without_money(office: Office) -> None:
    await office.fund()
    case = await office.assessed()
    done = await office.decide(case.id, outcome="decline", amount_minor=0)
    assert isinstance(done, Case)
    assert done.state is CaseState.DECLINED
    view = await office.view(case.id)
    assert view.award is None
    assert view.decisions[0].reasons == REASONS
    assert len(view.assessments) == 2
    assert refusal(await office.decide(case.id)) is CaseRefusal.NOT_FOR_DECISION


async def test_second_award_of_a_case_is_refused(office: Office) -> None:
    case = await office.awarded()
    assert refusal(await office.decide(case.id)) is CaseRefusal.AWARDED_ALREADY


async def test_over_commitment_is_refused_by_the_ledger_and_can_be_decided_again(
    office: Office,
) -> None:
    await office.fund(AWARD_MINOR - 1)
    case = await office.assessed()
    decided = await office.decide(case.id)
    assert isinstance(decided, Case)
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARD_REFUSED
    assert view.award is not None
    assert (view.award.state, view.award.result) == ("refused", "exceeds_credits")
    page = await office.run(lambda db: office.cases.register_page(db))
    assert page.entries == []
    await office.fund(1, reference="top-up")
    assert isinstance(await office.decide(case.id), Case)
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARDED
    assert [decision.attempt for decision in view.decisions] == [1, 2]


async def test_two_awards_cannot_spend_the_same_money(office: Office) -> None:
    await office.fund(AWARD_MINOR)
    first, second = await office.assessed(), await office.assessed()
    for case in (first, second):
        assert isinstance(await office.decide(case.id), Case)
    await office.settle()
    states = {(await office.view(case.id)).case.state for case in (first, second)}
    assert states == {CaseState.AWARDED, CaseState.AWARD_REFUSED}


async def test_budget_is_funded_once_for_a_reference(office: Office) -> None:
    await office.fund(AWARD_MINOR)
    await office.fund(AWARD_MINOR)
    other = await office.cases.awards.fund_budget("nifs", Money(1, "HKD"), "2026")
    assert refusal(other) is CaseRefusal.BUDGET_MALFORMED
    for amount in (Money(0, "HKD"), Money(1, "CNY")):
        wrong = await office.cases.awards.fund_budget("nifs", amount, "x")
        assert refusal(wrong) is CaseRefusal.BUDGET_MALFORMED
    unknown = await office.cases.awards.fund_budget("no-such-thing", Money(1, "HKD"), "x")
    assert refusal(unknown) is CaseRefusal.PROGRAMME_UNKNOWN
    case = await office.assessed()
    await office.decide(case.id, amount_minor=AWARD_MINOR)
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARDED
    budget = await office.run(lambda db: _budget_left(office, db))
    assert budget == 0


async def test_office_seal_comes_from_the_committee_and_after_the_company(
    office: Office,
) -> None:
    case = await office.awarded()
    early = await office.ask_office(case.id)
    assert refusal(early) is CaseRefusal.SIGNATURE_NOT_OPEN
    await office.sign(case.id, "agreement", "company-seal")
    assessor = await office.ask_office(case.id, office.staff("david"))
    assert refusal(assessor) is CaseRefusal.NOT_STAFF
    own = Actor(person_id=office.people["ben"], staff_roles=frozenset({"committee"}))
    assert refusal(await office.ask_office(case.id, own)) is CaseRefusal.SELF_REVIEW
    claim = await office.claim(case.id, 1, 54_000_00)
    assert refusal(claim) is CaseRefusal.NOT_AGREED


async def test_payouts_are_refused_above_the_award_twice_and_by_the_wrong_people(
    office: Office,
) -> None:
    case = await office.agreed()
    assert refusal(await office.claim(case.id, 1, 54_000_01)) is CaseRefusal.PAYOUT_ABOVE_AWARD
    assert refusal(await office.claim(case.id, 1, 1)) is CaseRefusal.PAYOUT_AMOUNT
    assert refusal(await office.claim(case.id, 3, 1)) is CaseRefusal.MILESTONE_UNKNOWN
    payout = await office.claim(case.id, 1, 54_000_00)
    assert isinstance(payout, Payout)
    assert refusal(await office.claim(case.id, 1, 54_000_00)) is CaseRefusal.MILESTONE_CLAIMED
    own = Actor(person_id=office.people["ben"], staff_roles=frozenset({"committee"}))
    assert refusal(await office.release(case.id, payout.id, own)) is CaseRefusal.SELF_REVIEW
    applicant = await office.release(case.id, payout.id, office.applicant())
    assert refusal(applicant) is CaseRefusal.NOT_STAFF
    unknown = await office.release(case.id, "pyo_" + "0" * 32)
    assert refusal(unknown) is CaseRefusal.PAYOUT_NOT_FOUND
    assert isinstance(await office.release(case.id, payout.id), Payout)
    again = await office.release(case.id, payout.id)
    assert refusal(again) is CaseRefusal.PAYOUT_RELEASED_ALREADY
    await office.settle()
    paid = await office.release(case.id, payout.id)
    assert refusal(paid) is CaseRefusal.PAYOUT_RELEASED_ALREADY


async def test_payout_to_an_unknown_proxy_is_not_taken_and_says_why(office: Office) -> None:
    case = await office.agreed(proposal={"payout_proxy": "+85251239999"})
    payout = await office.claim(case.id, 1, 54_000_00)
    result = await office.release(case.id, payout.id)
    assert refusal(result) is CaseRefusal.PAYOUT_NOT_TAKEN
    assert "payments." in result.detail
    view = await office.view(case.id)
    assert view.payouts[0].state is PayoutState.CLAIMED


async def _budget_left(office: Office, db: Any) -> int:
    budget = await money.budget_of(db, "nifs")
    assert budget is not None
    [account] = await office.payments_city.ledger.lookup_accounts([u128(budget.account_id)])
    return account.debits_available

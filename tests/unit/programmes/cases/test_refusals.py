"""Every use case of cases refuses what it must, with the reason, and changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.programmes.cases import Actor, CaseRefusal, CaseState
from lionrock.programmes.cases.domain.rules import CASES_OPEN_MAX
from lionrock.programmes.cases.domain.values import Case
from lionrock.programmes.cases.service import Asked
from tests.unit.programmes.cases.office import FACTS, Office, grant


def refusal(result: Any) -> CaseRefusal:
    assert isinstance(result, Refused), result
    assert isinstance(result.refusal, CaseRefusal)
    return result.refusal


async def test_application_needs_a_company_and_a_mandate_that_covers_the_amount(
    office: Office,
) -> None:
    from lionrock.programmes.cases import Draft
    from tests.unit.programmes.cases.office import PROPOSAL

    draft = Draft(programme_id="nifs", language="en", facts=FACTS, proposal=PROPOSAL)
    start = office.cases.applications.start
    alone = Actor(person_id=office.people["ada"])
    assert refusal(await office.run(lambda db: start(db, alone, draft))) is (
        CaseRefusal.NOT_FOR_COMPANY
    )
    stranger = Actor(person_id=office.people["carmen"], company_id=office.company_id)
    result = await office.run(lambda db: start(db, stranger, draft))
    assert refusal(result) is CaseRefusal.MANDATE_MISSING
    await office.run(
        lambda db: grant(
            db, office.payments_city, office.identity, office.people["carmen"],
            office.company_id, amount_max=Money(PROPOSAL.requested_minor - 1, "HKD"),
        )
    )
    result = await office.run(lambda db: start(db, stranger, draft))
    assert refusal(result) is CaseRefusal.MANDATE_MISSING
    assert "mandate_amount" in result.detail


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"programme_id": "nothing"}, CaseRefusal.PROGRAMME_UNKNOWN),
        ({"facts": {"colour": "red"}}, CaseRefusal.FACTS_MALFORMED),
        ({"facts": {"employees_full_time": "many"}}, CaseRefusal.FACTS_MALFORMED),
        ({"proposal": {"requested_minor": 0}}, CaseRefusal.PROPOSAL_MALFORMED),
    ],
)
async def test_draft_that_makes_no_sense_is_refused(
    office: Office, changes: dict[str, Any], expected: CaseRefusal
) -> None:
    assert refusal(await office.start(**changes)) is expected


async def test_company_has_a_limited_number_of_drafts(office: Office) -> None:
    for _ in range(CASES_OPEN_MAX):
        await office.drafted()
    assert refusal(await office.start()) is CaseRefusal.CASES_TOO_MANY


async def test_unsigned_or_half_signed_application_is_not_submitted(office: Office) -> None:
    case = await office.drafted()
    assert refusal(await office.submit(case.id)) is CaseRefusal.NOT_SIGNED
    await office.sign(case.id, "application", "person")
    result = await office.submit(case.id)
    assert refusal(result) is CaseRefusal.NOT_SIGNED
    assert "company-seal" in result.detail  # type: ignore[union-attr]  # refused above
    assert (await office.view(case.id)).case.state is CaseState.DRAFT


async def test_double_submission_is_refused(office: Office) -> None:
    case = await office.submitted()
    assert case.state is CaseState.IN_ASSESSMENT
    assert refusal(await office.submit(case.id)) is CaseRefusal.SUBMITTED_ALREADY


async def test_case_of_another_company_is_not_there(office: Office) -> None:
    case = await office.drafted()
    foreign = Actor(person_id=office.people["ada"], company_id="com_" + "0" * 32)
    cases = office.cases
    for attempt in (
        lambda db: cases.applications.submit(db, foreign, case.id),
        lambda db: cases.applications.withdraw(db, foreign, case.id),
        lambda db: cases.signatures.ask(db, foreign, case.id, "application", "person"),
        lambda db: cases.own_case(db, foreign, case.id),
        lambda db: cases.own_document(db, foreign, case.id, "application"),
    ):
        assert refusal(await office.run(attempt)) is CaseRefusal.CASE_NOT_FOUND
    assert await office.run(lambda db: cases.own_cases(db, foreign)) == []


async def test_staff_sees_no_drafts_and_applicants_no_staff_desk(office: Office) -> None:
    case = await office.drafted()
    david = office.staff("david")
    found = await office.run(lambda db: office.cases.staff_case(db, david, case.id))
    assert refusal(found) is CaseRefusal.CASE_NOT_FOUND
    for actor in (office.applicant(), office.staff("carmen")):
        found = await office.run(lambda db, a=actor: office.cases.staff_case(db, a, case.id))
        assert refusal(found) is CaseRefusal.NOT_STAFF
    assessor_for_company = Actor(
        person_id=office.people["david"], company_id=office.company_id,
        staff_roles=frozenset({"assessor"}),
    )
    result = await office.assess(case.id, assessor_for_company)
    assert refusal(result) is CaseRefusal.NOT_STAFF


async def test_signatures_are_asked_in_turn_of_the_right_party_one_at_a_time(
    office: Office,
) -> None:
    case = await office.drafted()
    early = await office.ask(case.id, "application", "company-seal")
    assert refusal(early) is CaseRefusal.SIGNATURE_NOT_OPEN
    other = await office.ask(case.id, "application", "person", name="ben")
    assert refusal(other) is CaseRefusal.SIGNATURE_OTHER_PARTY
    office_seal = await office.ask(case.id, "agreement", "office-seal")
    assert refusal(office_seal) is CaseRefusal.SIGNATURE_OTHER_PARTY
    missing = await office.ask(case.id, "agreement", "company-seal")
    assert refusal(missing) is CaseRefusal.DOCUMENT_NOT_FOUND
    asked = await office.ask(case.id, "application", "person")
    assert isinstance(asked, Asked)
    again = await office.ask(case.id, "application", "person")
    assert refusal(again) is CaseRefusal.SIGNATURE_PENDING
    await office.answer(asked, decision="rejected")
    await office.sign(case.id, "application", "person")
    await office.sign(case.id, "application", "company-seal", name="ben")
    full = await office.ask(case.id, "application", "company-seal")
    assert refusal(full) is CaseRefusal.SIGNATURE_NOT_OPEN


async def test_rejected_or_expired_question_signs_nothing_and_can_be_asked_again(
    office: Office,
) -> None:
    case = await office.drafted()
    asked = await office.ask(case.id, "application", "person")
    assert isinstance(asked, Asked)
    office.payments_city.kernel.business_clock.advance(hours=1)  # type: ignore[attr-defined]  # frozen
    await office.settle()
    view = await office.view(case.id)
    assert view.documents[0].signed_by == ()
    assert view.open_approval_id == ""
    await office.sign(case.id, "application", "person")
    assert (await office.view(case.id)).documents[0].signed_by == ("person",)


async def test_mandate_revoked_after_approval_seals_nothing(office: Office) -> None:
    case = await office.drafted()
    await office.sign(case.id, "application", "person")
    asked = await office.ask(case.id, "application", "company-seal")
    assert isinstance(asked, Asked)
    device, key = office.devices["ada"]
    await office.run(
        lambda db: office.identity.revoke_mandate(
            db, office.mandate_id, office.company_id, "registry"
        )
    )
    from lionrock.identity.api import ANSWER_TYPE
    from lionrock.kernel.jose import sign_jws

    approval = await office.run(lambda db: office.identity.approval(db, asked.approval_id))
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "number": asked.number, "iat": office.payments_city.kernel.wire_clock.now_s(),
    }
    jws = sign_jws(key, claims, typ=ANSWER_TYPE)
    await office.run(lambda db: office.identity.approvals.answer(db, device, approval.id, jws))
    await office.settle()
    assert (await office.view(case.id)).documents[0].signed_by == ("person",)


async def test_withdrawn_case_goes_no_further(office: Office) -> None:
    case = await office.signed()
    withdraw = office.cases.applications.withdraw
    done = await office.run(lambda db: withdraw(db, office.applicant(), case.id))
    assert isinstance(done, Case)
    assert refusal(await office.submit(case.id)) is CaseRefusal.SUBMITTED_ALREADY
    again = await office.run(lambda db: withdraw(db, office.applicant(), case.id))
    assert refusal(again) is CaseRefusal.NOT_WITHDRAWABLE


async def test_question_answered_after_withdrawal_signs_nothing(office: Office) -> None:
    case = await office.drafted()
    asked = await office.ask(case.id, "application", "person")
    assert isinstance(asked, Asked)
    await office.run(
        lambda db: office.cases.applications.withdraw(db, office.applicant(), case.id)
    )
    await office.answer(asked)
    assert (await office.view(case.id)).documents[0].signed_by == ()


async def test_firm_that_the_rules_refuse_is_screened_out_with_reasons(office: Office) -> None:
    case = await office.submitted(facts={**FACTS, "applicant_types": ["enterprise"]})
    assert case.state is CaseState.SCREENED_OUT
    view = await office.view(case.id)
    refusing = [c for c in view.case.judgement.clauses if c.outcome == "no" and c.decides]
    assert refusing
    assert all(clause.would_change for clause in refusing)
    result = await office.assess(case.id, office.staff("david"))
    assert refusal(result) is CaseRefusal.NOT_IN_ASSESSMENT


async def test_judgement_that_changed_since_signing_needs_a_new_application(
    office: Office,
) -> None:
    """The facts stand, the date does not: a scheme whose window closed in between."""
    case = await office.signed(programme_id="mfgplus")
    clock = office.payments_city.kernel.business_clock
    clock.advance(days=3 * 366)  # type: ignore[attr-defined]  # the frozen clock of tests
    assert refusal(await office.submit(case.id)) is CaseRefusal.DECISION_CHANGED


async def test_frozen_judgement_outlives_the_day(office: Office) -> None:
    case = await office.submitted()
    frozen = msgspec.to_builtins((await office.view(case.id)).case.judgement)
    office.payments_city.kernel.business_clock.advance(days=400)  # type: ignore[attr-defined]  # frozen
    assert msgspec.to_builtins((await office.view(case.id)).case.judgement) == frozen


async def test_nobody_assesses_an_own_case_or_after_a_declared_conflict(office: Office) -> None:
    case = await office.submitted()
    for name in ("ada", "ben"):
        await office.run(
            lambda db, n=name: office.identity.grant_staff_role(db, office.people[n], "assessor")
        )
        actor = Actor(person_id=office.people[name], staff_roles=frozenset({"assessor"}))
        assert refusal(await office.assess(case.id, actor)) is CaseRefusal.SELF_REVIEW
    david = office.staff("david")
    conflicted = await office.assess(
        case.id, david, has_conflict=True, declaration="I own shares of the applicant."
    )
    assert isinstance(conflicted, Case)
    assert refusal(await office.assess(case.id, david)) is CaseRefusal.CONFLICT_DECLARED
    view = await office.view(case.id)
    assert view.case.state is CaseState.IN_ASSESSMENT
    assert view.history[-1].kind == "conflict_declared"


async def test_two_assessments_are_of_two_people_and_a_third_is_refused(office: Office) -> None:
    case = await office.submitted()
    david, eve = office.staff("david"), office.staff("eve")
    assert isinstance(await office.assess(case.id, david), Case)
    assert refusal(await office.assess(case.id, david)) is CaseRefusal.ASSESSED_ALREADY
    late = await office.assess(case.id, david, has_conflict=True)
    assert refusal(late) is CaseRefusal.ASSESSED_ALREADY
    assert refusal(await office.decide(case.id)) is CaseRefusal.NOT_FOR_DECISION
    fay = office.staff("fay")
    assert refusal(await office.assess(case.id, fay)) is CaseRefusal.NOT_STAFF
    done = await office.assess(case.id, eve)
    assert isinstance(done, Case)
    assert done.state is CaseState.ASSESSED
    third = Actor(person_id=office.people["carmen"], staff_roles=frozenset({"assessor"}))
    assert refusal(await office.assess(case.id, third)) is CaseRefusal.NOT_IN_ASSESSMENT


async def test_assessors_do_not_read_each_other_before_both_are_in(office: Office) -> None:
    case = await office.submitted()
    david, eve = office.staff("david"), office.staff("eve")
    await office.assess(case.id, david)
    view = await office.run(lambda db: office.cases.staff_case(db, eve, case.id))
    assert view.assessments == ()
    view = await office.run(lambda db: office.cases.staff_case(db, david, case.id))
    assert len(view.assessments) == 1
    await office.assess(case.id, eve)
    view = await office.run(lambda db: office.cases.staff_case(db, eve, case.id))
    assert len(view.assessments) == 2
    assert (await office.view(case.id)).assessments == ()


async def test_committee_refuses_wrong_amounts_chairs_and_words(office: Office) -> None:
    case = await office.assessed()
    no_budget = await office.decide(case.id)
    assert refusal(no_budget) is CaseRefusal.BUDGET_MISSING
    await office.fund()
    above = await office.decide(case.id, amount_minor=100_000_01)
    assert refusal(above) is CaseRefusal.AWARD_ABOVE_REQUEST
    nothing = await office.decide(case.id, amount_minor=0)
    assert refusal(nothing) is CaseRefusal.DECISION_MALFORMED
    short = await office.decide(case.id, reasons="ok")
    assert refusal(short) is CaseRefusal.DECISION_MALFORMED
    declined = await office.decide(case.id, outcome="decline")
    assert refusal(declined) is CaseRefusal.DECISION_MALFORMED
    assessor = Actor(person_id=office.people["david"], staff_roles=frozenset({"committee"}))
    assert refusal(await office.decide(case.id, assessor)) is CaseRefusal.CHAIR_ASSESSED
    own = Actor(person_id=office.people["ben"], staff_roles=frozenset({"committee"}))
    assert refusal(await office.decide(case.id, own)) is CaseRefusal.SELF_REVIEW
    wrong = await office.decide(case.id, office.staff("eve"))
    assert refusal(wrong) is CaseRefusal.NOT_STAFF


async def test_award_is_not_above_what_the_rules_give(office: Office) -> None:
    await office.fund()
    facts = {**FACTS, "project_cost_hkd": 90_000}
    case = await office.assessed(facts=facts)
    assert case.judgement.amount_minor == 30_000_00
    above = await office.decide(case.id, amount_minor=30_000_01)
    assert refusal(above) is CaseRefusal.AWARD_ABOVE_RULES
    assert isinstance(await office.decide(case.id, amount_minor=30_000_00), Case)

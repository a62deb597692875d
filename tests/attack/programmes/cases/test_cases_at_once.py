"""Who does the same thing several times at once gets it once: submissions, awards, claims, payouts.

A case goes exactly once through each of its steps (programmes/cases/README.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lionrock.identity.api import ANSWER_TYPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import sign_jws
from lionrock.programmes.cases import CaseRefusal, CaseState
from lionrock.programmes.cases.domain.values import Payout
from lionrock.programmes.cases.service import Asked
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR
from tests.unit.programmes.cases.office import Office

TIMES = 6


async def at_once(attempt: Callable[[], Awaitable[Any]]) -> tuple[list[Any], list[Refused]]:
    """Try TIMES at once; returns what was done and what was refused."""
    outcomes = await asyncio.gather(*(attempt() for _ in range(TIMES)))
    refused = [each for each in outcomes if isinstance(each, Refused)]
    return [each for each in outcomes if not isinstance(each, Refused)], refused


async def test_one_submission_of_many_at_once_counts(office: Office) -> None:
    case = await office.signed()
    done, refused = await at_once(lambda: office.submit(case.id))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.SUBMITTED_ALREADY}
    kinds = [entry.kind for entry in (await office.view(case.id)).history]
    assert kinds.count("case_submitted") == 1


async def test_one_decision_of_many_at_once_spends_money_once(office: Office) -> None:
    await office.fund()
    case = await office.assessed()
    done, refused = await at_once(lambda: office.decide(case.id))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.AWARDED_ALREADY}
    await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.AWARDED
    assert len(view.decisions) == 1


async def test_one_assessment_of_an_assessor_counts_when_sent_at_once(office: Office) -> None:
    case = await office.submitted()
    david = office.staff("david")
    done, refused = await at_once(lambda: office.assess(case.id, david))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.ASSESSED_ALREADY}
    assert (await office.view(case.id)).case.state is CaseState.IN_ASSESSMENT


async def test_one_question_of_many_at_once_reaches_the_phone(office: Office) -> None:
    case = await office.drafted()
    done, refused = await at_once(lambda: office.ask(case.id, "application", "person"))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.SIGNATURE_PENDING}


async def test_one_claim_and_one_release_of_many_at_once_pay_once(office: Office) -> None:
    case = await office.agreed()
    done, refused = await at_once(lambda: office.claim(case.id, 1, 54_000_00))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.MILESTONE_CLAIMED}
    payout = done[0]
    assert isinstance(payout, Payout)
    done, refused = await at_once(lambda: office.release(case.id, payout.id))
    assert len(done) == 1
    assert {each.refusal for each in refused} == {CaseRefusal.PAYOUT_RELEASED_ALREADY}
    await office.settle()
    statement = await office.payments_city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"]["HKD"] == "55000.00"


async def test_approval_for_one_case_signs_no_other(office: Office) -> None:
    """The approval names one document's hash; an event that claims another case changes nothing."""
    first, second = await office.drafted(), await office.drafted()
    asked = await office.ask(first.id, "application", "person")
    assert isinstance(asked, Asked)
    await office.answer(asked)
    assert (await office.view(first.id)).documents[0].signed_by == ("person",)
    assert (await office.view(second.id)).documents[0].signed_by == ()
    assert asked.document_sha256 == first_hash(await office.view(first.id))


def first_hash(view: Any) -> str:
    """The SHA-256 that the newest signature of a document states."""
    from lionrock.identity.signing.validation import validate_pdf

    (report,) = validate_pdf(view.documents[0].content, [])
    return report.document_sha256


async def test_answer_of_another_person_signs_nothing(office: Office) -> None:
    case = await office.drafted()
    asked = await office.ask(case.id, "application", "person")
    assert isinstance(asked, Asked)
    device, key = office.devices["ben"]
    approval = await office.run(lambda db: office.identity.approval(db, asked.approval_id))
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "number": asked.number, "iat": office.payments_city.kernel.wire_clock.now_s(),
    }
    jws = sign_jws(key, claims, typ=ANSWER_TYPE)
    refused = await office.run(
        lambda db: office.identity.approvals.answer(db, device, approval.id, jws)
    )
    assert isinstance(refused, Refused)
    await office.settle()
    assert (await office.view(case.id)).documents[0].signed_by == ()

"""An officer whose mandate is limited tries every door to a deed above it.

The limit holds at each deed that binds the company, not only where an application begins: sealing,
claiming, withdrawing. Mandates are checked when granted and at each use (identity/README.md).
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.identity.api import SEAL_SCOPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.programmes.cases import Actor, CaseRefusal, Claim
from lionrock.programmes.cases.service import Asked
from tests.unit.programmes.cases.office import Office, grant

LIMIT = Money(40_000_00, "HKD")


async def officer(office: Office, **changes: Any) -> Actor:
    """Carmen with a mandate of her own for the company."""
    person_id = office.people["carmen"]
    await office.run(
        lambda db: grant(
            db, office.payments_city, office.identity, person_id, office.company_id, **changes
        )
    )
    return Actor(person_id=person_id, company_id=office.company_id)


def refusal(outcome: Any) -> Any:
    """The refusal of an outcome that must be one."""
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


async def test_limited_officer_seals_no_application_above_the_limit(office: Office) -> None:
    await officer(office, amount_max=LIMIT)
    case = await office.drafted()
    await office.sign(case.id, "application", "person")
    asked = await office.ask(case.id, "application", "company-seal", name="carmen")
    assert refusal(asked) is CaseRefusal.MANDATE_MISSING


async def test_limited_officer_seals_no_agreement_above_the_limit(office: Office) -> None:
    await officer(office, amount_max=LIMIT)
    case = await office.awarded()
    asked = await office.ask(case.id, "agreement", "company-seal", name="carmen")
    assert refusal(asked) is CaseRefusal.MANDATE_MISSING


async def test_limit_set_between_question_and_answer_seals_nothing(office: Office) -> None:
    await officer(office)
    case = await office.awarded()
    asked = await office.ask(case.id, "agreement", "company-seal", name="carmen")
    assert isinstance(asked, Asked)
    held = await office.run(
        lambda db: office.identity.mandate(
            db, office.people["carmen"], office.company_id, SEAL_SCOPE
        )
    )
    await office.run(
        lambda db: office.identity.revoke_mandate(db, held.id, office.company_id, "registry")
    )
    await officer(office, amount_max=LIMIT)
    # The revocation ended the question: at that instant nobody's mandate covered the amount.
    with pytest.raises(AssertionError, match="APPROVAL_DECIDED"):
        await office.answer(asked, "carmen")
    await office.settle()
    documents = {each.kind: each.signed_by for each in (await office.view(case.id)).documents}
    assert documents["agreement"] == ()


async def test_limited_officer_claims_no_milestone_above_the_limit(office: Office) -> None:
    carmen = await officer(office, amount_max=LIMIT)
    case = await office.agreed()
    claim = Claim(milestone=1, amount_minor=54_000_00, report="It is done.")
    above = await office.run(lambda db: office.cases.payouts.claim(db, carmen, case.id, claim))
    assert refusal(above) is CaseRefusal.MANDATE_MISSING
    within = msgspec.structs.replace(claim, milestone=2, amount_minor=36_000_00)
    done = await office.run(lambda db: office.cases.payouts.claim(db, carmen, case.id, within))
    assert not isinstance(done, Refused)


async def test_officer_for_data_only_neither_claims_nor_withdraws(office: Office) -> None:
    carmen = await officer(office, scopes=frozenset({"exchange"}))
    case = await office.drafted()
    withdrawn = await office.run(
        lambda db: office.cases.applications.withdraw(db, carmen, case.id)
    )
    assert refusal(withdrawn) is CaseRefusal.MANDATE_MISSING
    agreed = await office.agreed()
    claim = Claim(milestone=2, amount_minor=36_000_00, report="It is done.")
    claimed = await office.run(lambda db: office.cases.payouts.claim(db, carmen, agreed.id, claim))
    assert refusal(claimed) is CaseRefusal.MANDATE_MISSING


async def test_joint_officers_do_not_ask_one_whose_limit_is_too_low(office: Office) -> None:
    await officer(office, amount_max=LIMIT)
    for name in ("ada", "ben"):
        held = await office.run(
            lambda db, name=name: office.identity.mandate(
                db, office.people[name], office.company_id, None
            )
        )
        await office.run(
            lambda db, held=held: office.identity.revoke_mandate(
                db, held.id, office.company_id, "registry"
            )
        )
        await office.run(
            lambda db, name=name: grant(
                db, office.payments_city, office.identity, office.people[name],
                office.company_id, signatures_needed=2, scopes=frozenset({SEAL_SCOPE}),
            )
        )
        await office.run(
            lambda db, name=name: grant(
                db, office.payments_city, office.identity, office.people[name],
                office.company_id, scopes=frozenset({"programmes", "documents.sign"}),
            )
        )
    case = await office.drafted()
    await office.sign(case.id, "application", "person")
    asked = await office.ask(case.id, "application", "company-seal")
    assert isinstance(asked, Asked)
    approval = await office.run(lambda db: office.identity.approval(db, asked.approval_id))
    assert set(approval.person_ids) == {office.people["ada"], office.people["ben"]}

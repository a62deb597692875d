"""Purely joint officers: an application is signed in person with the others' consent only."""

from __future__ import annotations

from functools import partial

from lionrock.identity.api import SIGN_SCOPE
from lionrock.kernel.db import Connection
from lionrock.programmes.cases.service import Asked
from tests.unit.programmes.cases.office import Office, grant


async def _act_jointly(office: Office, name: str, db: Connection) -> None:
    person_id = office.people[name]
    for mandate in await office.identity.mandates.of_person(db, person_id):
        if mandate.company_id == office.company_id:
            await office.identity.revoke_mandate(db, mandate.id, office.company_id, "registry")
    await grant(
        db, office.payments_city, office.identity, person_id, office.company_id,
        signatures_needed=2, scopes=frozenset({"programmes", SIGN_SCOPE, "documents.seal"}),
    )  # fmt: skip


async def _asked(office: Office) -> tuple[str, Asked]:
    for name in ("ada", "ben", "carmen"):
        await office.run(partial(_act_jointly, office, name))
    case = await office.drafted()
    asked = await office.ask(case.id, "application", "person")
    assert isinstance(asked, Asked), asked
    return case.id, asked


async def _signed_by(office: Office, case_id: str) -> tuple[str, ...]:
    documents = {each.kind: each.signed_by for each in (await office.view(case_id)).documents}
    return tuple(documents["application"])


async def test_joint_officer_signs_in_person_with_the_consent_of_another(office: Office) -> None:
    case_id, asked = await _asked(office)
    await office.answer(asked, "ada")
    await office.settle()
    assert await _signed_by(office, case_id) == ()
    await office.answer(asked, "ben")
    await office.settle()
    assert await _signed_by(office, case_id) == ("person",)


async def test_others_alone_do_not_sign_in_the_officers_name(office: Office) -> None:
    case_id, asked = await _asked(office)
    await office.answer(asked, "ben")
    await office.answer(asked, "carmen")
    await office.settle()
    assert await _signed_by(office, case_id) == ()

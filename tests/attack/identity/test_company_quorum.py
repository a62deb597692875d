"""Officers who act together: nobody counts twice, nobody counts after the mandate ended."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.identity.api import Approval, Company
from lionrock.identity.store import approvals as approvals_store
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from tests.attack.identity.handset import answer, code_of
from tests.http.identity.city import City
from tests.http.identity.desk import company_asked, engaged, mandate_of, new_company

REQUEST: dict[str, Any] = {
    "kind": "signing.document", "template": "signing.document",
    "fields": {"title": "Application", "document_sha256": "ab" * 32}, "language": "en",
    "requester_org": "programme-office", "reference": f"cas_{'0' * 32}", "scope": "payments",
}  # fmt: skip


@pytest.fixture
async def company(city: City) -> Company:
    """A company of three who act in pairs."""
    made = await new_company(city, "70000025")
    for persona in ("ada", "ben", "carmen"):
        await mandate_of(city, persona, made, signatures_needed=2)
    return made


async def _asked(city: City, company: Company, **changes: Any) -> Approval:
    return await company_asked(city, "ada", **(REQUEST | {"company_id": company.id} | changes))


async def _revoke(city: City, persona: str, company: Company) -> None:
    identity, run = city.identity, city.kernel.database.run
    held = await run(lambda db: identity.mandates.of_person(db, city.people[persona].id))
    (own,) = [mandate for mandate in held if mandate.company_id == company.id]
    await run(lambda db: identity.revoke_mandate(db, own.id, company.id, "operator"))


async def _state(city: City, approval: Approval) -> str:
    return (await city.approval(approval.id)).state


async def test_two_of_three_decide_and_the_third_comes_too_late(
    city: City, company: Company
) -> None:
    approval = await _asked(city, company)
    assert (len(approval.person_ids), approval.quorum) == (3, 2)
    await answer(city, approval, persona="carmen")
    await answer(city, approval, persona="ben")
    assert await _state(city, approval) == "approved"
    late = await answer(city, approval, persona="ada", decision="rejected")
    assert code_of(late) == "identity.approval_decided"


async def test_one_officer_who_answers_twice_is_one_signature(
    city: City, company: Company
) -> None:
    await mandate_of(city, "ada", company, signatures_needed=2)
    approval = await _asked(city, company)
    assert len(approval.person_ids) == 3
    await answer(city, approval, persona="ada")
    again = await answer(city, approval, persona="ada", iat=city.kernel.wire_clock.now_s() + 1)
    assert code_of(again) == "identity.approval_answered"
    assert await _state(city, approval) == "pending"


async def test_officer_whose_mandate_ended_after_approving_counts_no_longer(
    city: City, company: Company
) -> None:
    approval = await _asked(city, company)
    await answer(city, approval, persona="ada")
    await _revoke(city, "ada", company)
    await answer(city, approval, persona="ben")
    assert await _state(city, approval) == "pending"
    await answer(city, approval, persona="carmen")
    assert await _state(city, approval) == "approved"


async def test_quorum_that_can_no_longer_be_reached_ends_it(city: City, company: Company) -> None:
    approval = await _asked(city, company)
    await answer(city, approval, persona="ada")
    await _revoke(city, "ada", company)
    await _revoke(city, "carmen", company)
    await answer(city, approval, persona="ben")
    assert await _state(city, approval) == "rejected"


async def test_two_rejections_of_three_end_it(city: City, company: Company) -> None:
    approval = await _asked(city, company)
    await answer(city, approval, persona="ada", decision="rejected")
    assert await _state(city, approval) == "pending"
    await answer(city, approval, persona="ben", decision="rejected")
    assert await _state(city, approval) == "rejected"


async def test_mandate_replaced_by_one_that_needs_more_signatures_does_not_count(
    city: City, company: Company
) -> None:
    approval = await _asked(city, company)
    await _revoke(city, "ben", company)
    await mandate_of(city, "ben", company, signatures_needed=3)
    refused = await answer(city, approval, persona="ben")
    assert code_of(refused) == "identity.approval_quorum"


async def test_suspended_company_collects_no_signatures(city: City, company: Company) -> None:
    approval = await _asked(city, company)
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_company_status(db, company.id, "suspended")
    )
    assert code_of(await answer(city, approval, persona="ada")) == "identity.company_inactive"


async def test_agents_link_that_ended_stops_its_officers_answer(city: City) -> None:
    firm = await new_company(city, "70000033")
    client = await new_company(city, "70000041")
    await mandate_of(city, "ada", firm)
    link = await engaged(city, firm, client)
    approval = await _asked(city, client)
    assert approval.person_ids == (city.people["ada"].id,)
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, link.id, client.id, "operator")
    )
    assert code_of(await answer(city, approval, persona="ada")) == "identity.approval_decided"


async def test_officers_beyond_their_limit_are_not_asked(city: City) -> None:
    company = await new_company(city, "70000033")
    await mandate_of(city, "ada", company, signatures_needed=2)
    await mandate_of(
        city, "ben", company, signatures_needed=2, amount_max=Money(100_00, "HKD")
    )
    small = await _asked(city, company, amount=Money(100_00, "HKD"))
    assert len(small.person_ids) == 2
    request = REQUEST | {"company_id": company.id, "amount": Money(100_01, "HKD")}
    with pytest.raises(AssertionError, match="officers_too_few"):
        await company_asked(city, "ada", **request)


async def test_forged_answer_of_an_officer_does_not_count(city: City, company: Company) -> None:
    approval = await _asked(city, company)
    forged = await answer(city, approval, persona="ben", key=generate_key())
    assert forged.status in (401, 403)
    stolen = await answer(city, approval, persona="ben", approval_id="apr_" + "0" * 32)
    assert code_of(stolen) == "identity.approval_unknown"
    other = await _asked(city, company, reference=f"cas_{'1' * 32}")
    crossed = await answer(city, approval, persona="ben", approval_id=other.id)
    assert crossed.status >= 400
    assert await _state(city, approval) == await _state(city, other) == "pending"


async def test_suspended_officer_is_not_asked(city: City, company: Company) -> None:
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(
            db, city.people["carmen"].id, "suspended"
        )
    )
    approval = await _asked(city, company)
    assert city.people["carmen"].id not in approval.person_ids


async def test_person_without_a_mandate_starts_nothing(city: City) -> None:
    refused = await city.kernel.database.run(
        lambda db: city.identity.officers_asked.asked(
            db, city.people["ben"].id, city.company.id, "payments"
        )
    )
    assert isinstance(refused, Refused)


async def test_quorum_put_out_of_reach_by_a_revocation_ends_it_there_and_then(
    city: City, company: Company
) -> None:
    approval, other = await _asked(city, company), await _asked(city, company)
    await answer(city, approval, persona="ada")
    await _revoke(city, "ada", company)
    assert await _state(city, approval) == "pending", "Ben and Carmen still reach it"
    await _revoke(city, "carmen", company)
    assert [await _state(city, each) for each in (approval, other)] == ["rejected", "rejected"]
    late = await answer(city, approval, persona="ben")
    assert code_of(late) == "identity.approval_decided"
    assert len(await city.receipts("identity.approval_decided")) == 2


async def test_revoked_link_of_an_agent_firm_ends_what_its_officers_were_asked(
    city: City,
) -> None:
    firm, client = await new_company(city, "70000033"), await new_company(city, "70000041")
    await mandate_of(city, "ada", firm)
    link = await engaged(city, firm, client)
    approval = await _asked(city, client)
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, link.id, client.id, "operator")
    )
    assert await _state(city, approval) == "rejected"


async def test_revocation_of_another_companys_mandate_leaves_an_approval_alone(
    city: City, company: Company
) -> None:
    other = await new_company(city, "70000033")
    await mandate_of(city, "ada", other)
    approval = await _asked(city, company)
    await _revoke(city, "ada", other)
    assert await _state(city, approval) == "pending"


async def test_approval_held_by_an_answer_is_recounted_right_after(
    city: City, company: Company
) -> None:
    approval = await _asked(city, company)
    await _revoke(city, "ada", company)
    run = city.kernel.database.run

    async def revoke_while_held(db: Connection) -> None:
        assert await approvals_store.lock_approval(db, approval.id) is not None
        await _revoke(city, "carmen", company)

    await run(revoke_while_held)
    assert await _state(city, approval) == "pending"
    await city.worker().run_until_idle()
    assert await _state(city, approval) == "rejected"

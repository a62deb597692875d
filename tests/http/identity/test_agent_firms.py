"""An officer of an agent firm acts for the client: tokens, history, revocation anywhere."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from lionrock.identity.api import ROLE_SCOPES, Company
from lionrock.identity.domain.mandates import SUBAGENT_SCOPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from tests.attack.identity.handset import answer
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.desk import (
    MANDATES,
    Desk,
    agent_of,
    approve,
    company_asked,
    engaged,
    mandate_of,
    new_company,
    new_desk,
)


@pytest.fixture
async def desk(city: City) -> Desk:
    """The service of the companies."""
    return await new_desk(city)


@pytest.fixture
async def firm(city: City) -> Company:
    """Carmen's firm."""
    company = await new_company(city, "70000025", "Tea Accountants Limited")
    await mandate_of(
        city, "carmen", company, scopes=frozenset({"programmes", "exchange"}),
        amount_max=Money(70_00, "HKD"),
    )  # fmt: skip
    return company


async def test_token_names_client_person_and_firm(
    city: City, desk: Desk, firm: Company
) -> None:
    await engaged(city, firm, city.company, amount_max=Money(50_00, "HKD"))
    client = (await desk.get(await desk.acting("carmen", city.company))).json()
    own = (await desk.get(await desk.acting("carmen", firm))).json()
    assert client["company"]["business_number"] == "70000017"
    assert client["act"]["sub"] == own["act"]["sub"]
    assert client["act"]["act"] == {"sub": own["sub"]}
    assert "act" not in own["act"]
    assert client["mandate"]["scopes"] == ["programmes"]
    assert client["mandate"]["amount_max"] == {"amount": "50.00", "currency": "HKD"}
    assert client["mandate"]["agents"] == 1


async def test_firm_of_the_firm_is_named_inside_it(
    city: City, desk: Desk, firm: Company
) -> None:
    middle = await new_company(city, "70000033")
    await mandate_of(city, "ben", middle)
    scopes = frozenset({"programmes", SUBAGENT_SCOPE})
    await engaged(city, firm, middle)
    await engaged(city, middle, city.company, scopes=scopes)
    claims = (await desk.get(await desk.acting("carmen", city.company))).json()
    firms = [(await desk.get(await desk.acting(who, where))).json()["sub"]
             for who, where in (("carmen", firm), ("ben", middle))]  # fmt: skip
    assert claims["act"]["act"] == {"sub": firms[0], "act": {"sub": firms[1]}}


@pytest.mark.parametrize("broken", ["person", "firm", "client firm", "suspended", "ceased"])
async def test_revocation_anywhere_in_the_chain_bites_at_the_next_call(
    city: City, desk: Desk, firm: Company, broken: str
) -> None:
    middle = await new_company(city, "70000033")
    first = await engaged(city, firm, middle)
    second = await engaged(
        city, middle, city.company, scopes=frozenset({"programmes", SUBAGENT_SCOPE})
    )
    token = await desk.acting("carmen", city.company)
    assert (await desk.get(token)).status_code == 200
    identity, run = city.identity, city.kernel.database.run
    carmen = city.people["carmen"].id
    (own,) = [m for m in await run(lambda db: identity.mandates.of_person(db, carmen))
              if not m.via]  # fmt: skip
    links: dict[str, Any] = {"person": own, "firm": first, "client firm": second}
    if broken in links:
        link = links[broken]
        await run(lambda db: identity.revoke_mandate(db, link.id, link.company_id, "operator"))
    else:
        status: Any = broken
        await run(lambda db: identity.parties.set_company_status(db, middle.id, status))
    refused = await desk.get(token)
    assert refused.status_code in (401, 403)
    assert error_code(refused) == (
        "identity.mandate_missing" if broken in links else "identity.company_inactive"
    )


async def test_was_the_agents_officer_entitled_at_that_time_is_answered_from_history(
    city: City, firm: Company
) -> None:
    start = city.kernel.business_clock.now()
    link = await engaged(city, firm, city.company, valid_to=start + timedelta(days=30))
    city.business_clock.advance(days=10)
    run, identity = city.kernel.database.run, city.identity
    await run(lambda db: identity.revoke_mandate(db, link.id, city.company.id, "operator"))
    async def was(at: datetime) -> bool:
        return await run(lambda db: identity.was_entitled(
            db, city.people["carmen"].id, city.company.id, "programmes", at, Money(1, "HKD")
        ))  # fmt: skip

    told = {day: await was(start + timedelta(days=day)) for day in (0, 9, 10, 31)}
    assert told == {0: True, 9: True, 10: False, 31: False}


async def test_firms_that_would_act_for_each_other_are_refused_also_at_once(
    city: City, firm: Company
) -> None:
    third = await new_company(city, "70000033")
    await engaged(city, firm, city.company)
    pairs = [(city.company, third), (third, firm)]
    answers = await asyncio.gather(*(agent_of(city, a, b) for a, b in pairs))
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [each.refusal.value for each in refused] == ["identity.firm_circle"]
    straight = await agent_of(city, city.company, firm)
    assert isinstance(straight, Refused)
    itself = await agent_of(city, firm, firm)
    assert isinstance(itself, Refused)


async def test_officer_engages_a_firm_by_its_number_with_the_phone(
    city: City, desk: Desk, firm: Company
) -> None:
    token = await desk.acting("ada", city.company)
    wanted = {"firm": "70000025", "role": "representative", "scopes": ["programmes"]}
    asked = (await desk.send(token, "POST", MANDATES, wanted)).json()
    assert "Tea Accountants Limited" in (await city.phone.pending("ada"))[-1]["words"]
    refused = await desk.exchange(
        await desk.token("carmen", scope="openid company"), city.company.id
    )
    assert refused.json()["error"] == "invalid_target"
    await approve(city, "ada", asked)
    assert (await desk.get(await desk.acting("carmen", city.company))).status_code == 200
    holders = (await desk.send(token, "GET", MANDATES)).json()["mandates"]
    assert {each["holder"]["kind"] for each in holders} == {"person", "firm"}


async def test_officer_of_the_agent_cannot_delegate_for_the_client(
    city: City, firm: Company
) -> None:
    await mandate_of(
        city, "ben", firm, role="responsible_person", scopes=ROLE_SCOPES["responsible_person"]
    )
    await engaged(city, firm, city.company)
    found = await city.kernel.database.run(lambda db: city.identity.mandate(
        db, city.people["ben"].id, city.company.id, "mandates.delegate"
    ))  # fmt: skip
    assert isinstance(found, Refused)


async def test_joint_officers_of_an_agent_approve_for_the_client_together(city: City) -> None:
    firm = await new_company(city, "70000041")
    for persona in ("ben", "carmen"):
        await mandate_of(city, persona, firm, signatures_needed=2)
    await engaged(city, firm, city.company)
    fields = {"title": "Application", "document_sha256": "ab" * 32}
    common: dict[str, Any] = {
        "kind": "signing.document", "template": "signing.document", "fields": fields,
        "language": "en", "requester_org": "programme-office", "reference": f"cas_{'0' * 32}",
        "company_id": city.company.id, "scope": "programmes", "amount": Money(1, "HKD"),
    }  # fmt: skip
    approval = await company_asked(city, "ben", **common)
    # Ada, who may act for the client alone, is one of those who may make up the number.
    assert set(approval.person_ids) == {person.id for person in city.people.values()}
    assert (approval.person_ids[0], approval.quorum) == (city.people["ben"].id, 2)
    await answer(city, approval, persona="ben")
    assert (await city.approval(approval.id)).state == "pending"
    await answer(city, approval, persona="carmen")
    assert (await city.approval(approval.id)).state == "approved"

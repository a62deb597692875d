"""An officer engages an agent firm on the strength of the own mandate, and the phones agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lionrock.identity.api import ROLE_SCOPES, Company
from lionrock.identity.domain.mandates import SUBAGENT_SCOPE
from lionrock.kernel.money import Money
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.desk import (
    MANDATES,
    REQUESTS,
    Desk,
    approve,
    engaged,
    mandate_of,
    new_company,
    new_desk,
)

FIRM = "70000025"
GRANT: dict[str, Any] = {"firm": FIRM, "role": "user", "scopes": ["programmes"]}


@pytest.fixture
async def desk(city: City) -> Desk:
    """The service of the companies."""
    return await new_desk(city)


@pytest.fixture
async def firm(city: City) -> Company:
    """Carmen's firm; she is its responsible person."""
    company = await new_company(city, FIRM, "Tea Accountants Limited")
    await mandate_of(
        city, "carmen", company, role="responsible_person",
        scopes=ROLE_SCOPES["responsible_person"],
    )  # fmt: skip
    return company


async def ask(city: City, desk: Desk, company: Company, persona: str, **changes: Any) -> Any:
    """Ask a company's officers to engage a firm."""
    token = await desk.acting(persona, company)
    return await desk.send(token, "POST", MANDATES, GRANT | changes)


async def test_engaged_firms_officer_acts_for_the_client_once_the_phone_agreed(
    city: City, desk: Desk, firm: Company
) -> None:
    asked = await ask(city, desk, city.company, "ada", amount_max={
        "amount": "50.00", "currency": "HKD"})  # fmt: skip
    assert asked.status_code == 202, asked.text
    token = await desk.token("carmen", scope="openid profile company mandates")
    assert (await desk.exchange(token, city.company.id)).status_code == 400
    (words,) = [each["words"] for each in await city.phone.pending("ada")]
    assert "Tea Accountants Limited" in words
    await approve(city, "ada", asked.json())
    claims = (await desk.get(await desk.acting("carmen", city.company))).json()
    assert claims["mandate"]["scopes"] == ["programmes"] and claims["mandate"]["agents"] == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["programmes", "everything"]}, "mandate_draft"),
        ({"scopes": ["programmes", "mandates.delegate"]}, "mandate_draft"),
        ({"scopes": [SUBAGENT_SCOPE]}, "mandate_draft"),
        ({"firm": "70000017"}, "mandate_draft"),
        ({"firm": "99999999"}, "company_unknown"),
        ({"firm": "x"}, "business_number"),
        ({"valid_to": "2001-01-01T00:00:00Z"}, "mandate_draft"),
        ({"amount_max": {"amount": "1.999", "currency": "HKD"}}, "deed_malformed"),
        ({"person": "carmen"}, "deed_malformed"),
        ({"signatures_needed": 9}, "mandate_draft"),
    ],
)  # fmt: skip
async def test_firm_that_cannot_be_engaged_rings_no_phone(
    city: City, desk: Desk, firm: Company, changes: dict[str, Any], code: str
) -> None:
    refused = await ask(city, desk, city.company, "ada", **changes)
    assert error_code(refused) == f"identity.{code}", refused.text
    assert await city.phone.pending("ada") == []


async def test_grantor_gives_no_more_than_the_own_mandate(
    city: City, desk: Desk, firm: Company
) -> None:
    await mandate_of(
        city, "ben", city.company, role="administrator", amount_max=Money(10_00, "HKD"),
        scopes=frozenset({"programmes", "mandates.delegate"}),
        valid_to=city.kernel.business_clock.now() + timedelta(days=10),
    )  # fmt: skip
    ends = (city.kernel.business_clock.now() + timedelta(days=5)).isoformat()
    fits: dict[str, Any] = {
        "amount_max": {"amount": "10.00", "currency": "HKD"}, "valid_to": ends,
    }  # fmt: skip
    for wider in (
        {"scopes": ["payments"]}, {"amount_max": None}, {"valid_to": None},
        {"amount_max": {"amount": "10.01", "currency": "HKD"}}, {"role": "responsible_person"},
    ):  # fmt: skip
        refused = await ask(city, desk, city.company, "ben", **(fits | wider))
        assert error_code(refused) == "identity.mandate_draft", (wider, refused.text)
    assert (await ask(city, desk, city.company, "ben", **fits)).status_code == 202


async def test_whoever_holds_no_right_to_delegate_engages_nobody(
    city: City, desk: Desk, firm: Company
) -> None:
    await mandate_of(city, "ben", city.company)
    refused = await ask(city, desk, city.company, "ben")
    assert (refused.status_code, error_code(refused)) == (403, "identity.mandate_scope")
    await engaged(city, firm, city.company)
    agents = await ask(city, desk, city.company, "carmen")
    assert (agents.status_code, error_code(agents)) == (403, "identity.own_mandate")


async def test_mandate_that_has_ended_engages_nobody(
    city: City, desk: Desk, firm: Company
) -> None:
    now = city.kernel.business_clock.now()
    await mandate_of(
        city, "ben", city.company, role="responsible_person", valid_to=now + timedelta(hours=1),
        scopes=ROLE_SCOPES["responsible_person"],
    )  # fmt: skip
    token = await desk.acting("ben", city.company)
    wanted = GRANT | {"valid_to": (now + timedelta(minutes=50)).isoformat()}
    asked = await desk.send(token, "POST", MANDATES, wanted)
    assert asked.status_code == 202, asked.text
    city.business_clock.advance(hours=1)
    late = await desk.send(token, "POST", MANDATES, wanted)
    assert late.status_code in (401, 403)


async def test_circle_of_firms_is_refused_before_any_phone_rings(
    city: City, desk: Desk, firm: Company
) -> None:
    middle = await new_company(city, "70000033")
    await engaged(city, city.company, middle)
    await engaged(city, middle, firm)
    refused = await ask(city, desk, city.company, "ada")
    assert (refused.status_code, error_code(refused)) == (409, "identity.firm_circle")
    assert await city.phone.pending("ada") == []


async def test_circle_that_closed_while_the_phone_rang_takes_no_effect(
    city: City, desk: Desk, firm: Company
) -> None:
    asked = (await ask(city, desk, city.company, "ada")).json()
    await engaged(city, city.company, firm)
    await approve(city, "ada", asked)
    token = await desk.acting("ada", city.company)
    deed = (await desk.send(token, "GET", f"{REQUESTS}/{asked['request_id']}")).json()
    assert (deed["state"], deed["outcome"]) == ("refused", "identity.firm_circle")


async def test_third_firm_of_a_chain_acts_for_nobody_at_its_end(
    city: City, desk: Desk, firm: Company
) -> None:
    scopes = frozenset({"programmes", SUBAGENT_SCOPE})
    second = await new_company(city, "70000033")
    third = await new_company(city, "70000041")
    await mandate_of(city, "ben", third)
    await engaged(city, second, firm, scopes=scopes)
    await engaged(city, third, second, scopes=scopes)
    asked = await ask(city, desk, city.company, "ada", scopes=sorted(scopes))
    await approve(city, "ada", asked.json())
    token = await desk.token("ben", scope="openid profile company")
    assert (await desk.exchange(token, firm.id)).status_code == 200
    assert (await desk.exchange(token, city.company.id)).status_code == 400


@pytest.mark.parametrize("status", ["suspended", "ceased"])
async def test_firm_that_does_not_live_is_not_engaged(
    city: City, desk: Desk, firm: Company, status: Any
) -> None:
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_company_status(db, firm.id, status)
    )
    refused = await ask(city, desk, city.company, "ada")
    assert error_code(refused) == "identity.company_inactive"


@pytest.mark.parametrize(
    ("language", "begins", "ends"),
    [
        ("en", "20 Feb 2026, 5:00:00", "1 Mar 2026, 12:30:00"),
        ("zh-Hant", "2026年2月20日 下午5:00:00", "2026年3月1日 上午12:30:00"),
        ("zh-Hans", "2026年2月20日 下午5:00:00", "2026年3月1日 上午12:30:00"),
    ],
)
async def test_phone_shows_when_a_mandate_begins_and_ends_as_people_write_it(
    city: City, desk: Desk, firm: Company, language: str, begins: str, ends: str
) -> None:
    token = await desk.acting("ada", city.company)
    wanted = GRANT | {"valid_to": "2026-02-28T16:30:00Z"}
    asked = await desk.send(token, "POST", f"{MANDATES}?lang={language}", wanted)
    assert asked.status_code == 202, asked.text
    (words,) = [each["words"] for each in await city.phone.pending("ada")]
    # Hong Kong time, as the page shows it; nothing of the wire's own spelling.
    assert begins in words and ends in words, words
    assert "T16:30" not in words and "+00:00" not in words
    await approve(city, "ada", asked.json())
    assert (await desk.get(await desk.acting("carmen", city.company))).status_code == 200

"""Facts from registry and bank under the company's consent, over HTTP in the whole city."""

from __future__ import annotations

import datetime
from typing import Any

from lionrock.programmes.intake.domain import accounts_of, facts_of_particulars
from tests.whole.conftest import WholeCity

BASE = "/programmes/v1/intake"
ON = datetime.date(2026, 2, 20)


async def asked(city: WholeCity, officer: Any, persona: str = "ada") -> list[dict[str, Any]]:
    """Ask for both consents and approve them."""
    consents = (await officer.call("POST", f"{BASE}/consents", {"bank": "bank-harbour"},
                                   expect=201))["consents"]
    for consent in consents:
        await city.phones.answer(persona, consent["approval_id"])
    await city.settle_down()
    return list(consents)


async def test_what_the_registry_states_becomes_facts_with_their_source(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    await asked(city, officer)
    got = await officer.call("POST", f"{BASE}/collections", {"reference": "one"})
    facts = {each["name"]: each for each in got["facts"]}
    assert facts["legal_form"]["value"] == "company_cap_622"
    assert facts["employees_full_time"]["value"] == 48
    assert {each["provider"] for each in got["facts"]} == {"companies-registry"}
    assert got["accounts"][0]["status"] == "active"
    again = await officer.call("POST", f"{BASE}/collections", {"reference": "one"})
    digests = [each["delivery_sha256"] for each in got["deliveries"]]
    assert [each["delivery_sha256"] for each in again["deliveries"]] == digests


async def test_asking_again_on_one_day_asks_nobody_again(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    first = await asked(city, officer)
    second = (await officer.call("POST", f"{BASE}/consents", {"bank": "bank-harbour"},
                                 expect=201))["consents"]
    assert {each["consent_id"] for each in second} == {each["consent_id"] for each in first}
    assert await city.phones.pending("ada") == []


async def test_without_an_approval_nothing_is_fetched(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    none = await officer.send("POST", f"{BASE}/collections", {"reference": "one"})
    assert (none.status, b"intake_nothing_active" in none.body) == (409, True)
    await officer.call("POST", f"{BASE}/consents", {"bank": "bank-harbour"}, expect=201)
    pending = await officer.send("POST", f"{BASE}/collections", {"reference": "one"})
    assert pending.status == 409


async def test_a_revoked_consent_opens_nothing(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    for consent in await asked(city, officer):
        await officer.call(
            "POST", f"/exchange/v1/consents/{consent['consent_id']}/revoke", expect=(200, 202)
        )
    refused = await officer.send("POST", f"{BASE}/collections", {"reference": "later"})
    assert refused.status == 409


async def test_after_a_revocation_the_company_may_consent_anew(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    first = await asked(city, officer)
    for consent in first:
        await officer.call(
            "POST", f"/exchange/v1/consents/{consent['consent_id']}/revoke", expect=(200, 202)
        )
    second = await asked(city, officer)
    assert not {each["consent_id"] for each in first} & {each["consent_id"] for each in second}
    await officer.call("POST", f"{BASE}/collections", {"reference": "anew"})


async def test_a_reference_is_taken_at_its_limit_and_refused_above(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    await asked(city, officer)
    await officer.call("POST", f"{BASE}/collections", {"reference": "r" * 64})
    refused = await officer.send("POST", f"{BASE}/collections", {"reference": "r" * 65})
    assert refused.status == 400


async def test_an_unknown_bank_is_refused(city: WholeCity) -> None:
    officer = await city.act_for(await city.sign_in("ada"))
    refused = await officer.send("POST", f"{BASE}/consents", {"bank": "companies-registry"})
    assert (refused.status, b"intake_bank_unknown" in refused.body) == (422, True)


async def test_a_person_who_acts_for_no_company_is_refused(city: WholeCity) -> None:
    person = await city.sign_in("ada")
    refused = await person.send("POST", f"{BASE}/consents", {"bank": "bank-harbour"})
    assert refused.status == 403


async def test_another_companys_consents_stay_unseen(city: WholeCity) -> None:
    ada = await city.act_for(await city.sign_in("ada"))
    await asked(city, ada)
    carmen = await city.act_for(await city.sign_in("carmen"))
    assert (await carmen.call("GET", f"{BASE}/consents"))["consents"] == []
    refused = await carmen.send("POST", f"{BASE}/collections", {"reference": "one"})
    assert refused.status == 409


def test_a_fact_that_no_source_states_stays_unknown() -> None:
    assert facts_of_particulars({}, "registry", "0" * 64, ON) == []
    found = facts_of_particulars(
        {"incorporated_under": "somewhere", "incorporated_on": None,
         "business_registration_valid_until": "2026-02-19"}, "registry", "0" * 64, ON)
    assert [(each.name, each.value) for each in found] == [("has_business_registration", False)]


def test_an_account_without_consented_balance_shows_none() -> None:
    accounts = accounts_of({"availability": [{
        "account_reference": "acc-0001", "masked_number": "*****123", "currency": "HKD"}]},
        "bank", "0" * 64)
    assert (accounts[0].status, accounts[0].available_balance) == (None, None)

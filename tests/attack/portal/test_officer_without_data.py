"""An officer for programmes only tries the doors to the company's data: API, intake and portal.

Mandates are checked at each use; every door asks the same (identity/README.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lionrock.identity.api import MandateDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import error_code
from tests.whole.conftest import WholeCity

INTAKE = "/programmes/v1/intake"


async def employ(city: WholeCity, persona: str, business_number: str, *scopes: str) -> None:
    """Give a persona a mandate of these scopes for a company."""
    identity, kernel = city.platform.identity, city.platform.kernel

    async def use_case(db: Connection) -> Any:
        person = await identity.parties.find_person(db, persona)
        company = await identity.company_by_business_number(db, business_number)
        assert person is not None and not isinstance(company, Refused)
        draft = MandateDraft(
            person_id=person.id, company_id=company.id, role="user", scopes=frozenset(scopes),
            valid_from=kernel.business_clock.now() - timedelta(days=1),
        )
        return await identity.grant_mandate(db, draft, "operator")

    assert not isinstance(await kernel.database.run(use_case), Refused)


async def test_no_door_shows_data_to_an_officer_for_programmes_only(
    city: WholeCity, opened: Opened
) -> None:
    ada = await city.act_for(await city.sign_in("ada"))
    asked = await ada.call("POST", f"{INTAKE}/consents", {"bank": "bank-harbour"}, expect=201)
    for consent in asked["consents"]:
        await city.phones.answer("ada", consent["approval_id"])
    await city.settle_down()
    consent_id = asked["consents"][0]["consent_id"]
    await employ(city, "henry", "70000017", "programmes")
    henry = await city.act_for(await city.sign_in("henry"))
    collected = await henry.send("POST", f"{INTAKE}/collections", {"reference": "his"})
    for refused in (
        collected, await henry.send("GET", f"{INTAKE}/consents"),
        await henry.send("GET", "/exchange/v1/consents"),
    ):
        assert (refused.status, b"exchange.mandate_missing" in refused.body) == (403, True)
    browser = await opened("henry")
    for path in ("/portal/consents", f"/portal/consents/{consent_id}", "/portal/consents/state"):
        page = await browser.get(path)
        assert (page.status_code, error_code(page)) == (403, "exchange.mandate_missing")
    form = await browser.get("/portal/company")
    token = form.text.partition('name="form_token" value="')[2].partition('"')[0]
    revoked = await browser.post(f"/portal/consents/{consent_id}/revoke", {"form_token": token})
    assert (revoked.status_code, error_code(revoked)) == (403, "exchange.mandate_missing")

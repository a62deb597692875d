"""Owners over HTTP: their own consents, nobody else's; and the public catalogue."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from lionrock.exchange.api import PRODUCTS
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.identity import api as identity_api
from lionrock.identity.api import CompanyDraft, MandateDraft, PersonDraft
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Application, openapi_document
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import sign_jws
from tests.http.exchange.town import PLATFORM_URL, Officer, Town, enrol
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient


class Door:
    """What the identity tests' client and browser need of a city: this town's platform."""

    def __init__(self, town: Town) -> None:
        self.kernel: Kernel = town.kernel
        self._application: Any = town.application

    def http(self) -> httpx.AsyncClient:
        """A raw client of the platform."""
        transport = httpx.ASGITransport(self._application)
        return httpx.AsyncClient(transport=transport, base_url=PLATFORM_URL)


class Owner:
    """A signed-in officer with a token that acts for a company."""

    def __init__(self, client: TestClient, token: str) -> None:
        self._client, self._token = client, token

    async def call(self, method: str, path: str) -> httpx.Response:
        """Call a route of the exchange."""
        return await self._client.get(self._token, f"/exchange/v1{path}", method=method)


async def sign_in(
    town: Town, officer: Officer, handle: str, company_id: str | None, scope: str = "exchange"
) -> Owner:
    """Sign in through PAR, browser and phone; exchange the token for the company's."""
    city = cast(City, Door(town))
    client = TestClient(city, f"client-{handle}-{scope.replace(' ', '-')}")
    registration = msgspec.structs.replace(
        client.registration(), scopes=frozenset({"openid", "company", "exchange"})
    )
    await town.kernel.database.run(
        lambda db: town.identity.register_client(db, registration)
    )
    browser = Browser(city)
    asked = await client.pushed(scope=f"openid company {scope}".strip())
    path, number = await browser.start(client.client_id, asked, handle)

    async def answer(db: Connection) -> Any:
        pending = await town.identity.approvals.pending_for(db, officer.person_id)
        claims = {
            "approval_id": pending[-1].id, "words_hash": pending[-1].words_hash,
            "decision": "approved", "iat": town.kernel.wire_clock.now_s(), "number": number,
        }  # fmt: skip
        jws = sign_jws(officer.key, claims, typ=identity_api.ANSWER_TYPE)
        return await town.identity.approvals.answer(db, officer.device, pending[-1].id, jws)

    assert not isinstance(await town.kernel.database.run(answer), Refused)
    ended = await browser.get(path)
    code = dict(parse_qsl(urlsplit(ended.headers["location"]).query))["code"]
    token = str((await client.redeem(code)).json()["access_token"])
    if company_id is not None:
        exchanged = await client.exchange(token, company_id)
        assert exchanged.status_code == 200, exchanged.text
        token = str(exchanged.json()["access_token"])
    return Owner(client, token)


async def newcomer(town: Town) -> tuple[Officer, str]:
    """Another person with another company."""

    async def use_case(db: Connection) -> tuple[Officer, str] | Refused:
        officer = await enrol(town.kernel, town.identity, db, PersonDraft(
            names=Text("Carmen Wong", "黃嘉文", "黄嘉文"),
            identity_number="Z683365" + identity_api.identity_check_digit("Z", "683365"),
            phone="+85251230002", email="carmen@example.test", handle="carmen",
        ))  # fmt: skip
        if isinstance(officer, Refused):
            return officer
        company = await town.identity.create_company(db, CompanyDraft(
            business_number="70000025", names=Text("Tea House", "茶居", "茶居"),
        ))  # fmt: skip
        if isinstance(company, Refused):
            return company
        mandate = await town.identity.grant_mandate(db, MandateDraft(
            person_id=officer.person_id, company_id=company.id, role="responsible_person",
            scopes=frozenset({"exchange"}), valid_from=town.kernel.business_clock.now(),
        ), "test")  # fmt: skip
        return mandate if isinstance(mandate, Refused) else (officer, company.id)

    made = await town.kernel.database.run(use_case)
    assert not isinstance(made, Refused), made
    return made


@pytest.fixture
async def ada(town: Town) -> Owner:
    """Ada, signed in and acting for her company."""
    return await sign_in(town, town.ada, "ada", town.company_id)


async def test_an_owner_sees_its_consents_with_words_chain_and_uses(
    town: Town, ada: Owner
) -> None:
    consent = await town.active()
    await town.exchange.fetch(consent.id)
    listed = (await ada.call("GET", "/consents")).json()["consents"]
    assert [each["id"] for each in listed] == [consent.id]
    shown = (await ada.call("GET", f"/consents/{consent.id}")).json()
    assert shown["words"] == consent.words
    assert [each["status"] for each in shown["revisions"]] == ["pending", "active"]
    assert shown["revisions"][1]["predecessor"] == shown["revisions"][0]["sha256"]
    assert [each["state"] for each in shown["uses"]] == ["delivered"]
    assert "transactions" in shown["fields"]
    assert "booked_on" not in str(shown), "uses are shown, data are not"


async def test_the_artefact_can_be_downloaded_and_checked(town: Town, ada: Owner) -> None:
    consent = await town.active()
    got = await ada.call("GET", f"/consents/{consent.id}/artefact")
    assert got.headers["content-type"] == "application/consent+jwt"
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform").public_only()
    read = read_artefact(got.text, [platform], "lionrock-platform")
    assert not isinstance(read, Refused)
    assert (read.jti, read.status) == (consent.id, "active")


async def test_a_revocation_is_answered_when_nobody_can_answer_any_more(
    town: Town, ada: Owner
) -> None:
    consent = await town.active()
    got = await ada.call("POST", f"/consents/{consent.id}/revoke")
    assert (got.status_code, got.json()["acknowledged"]) == (200, True)
    assert (await town.consent(consent.id)).ended_by == "owner"
    again = await ada.call("POST", f"/consents/{consent.id}/revoke")
    assert again.status_code == 200


async def test_a_revocation_under_a_running_lease_is_accepted_but_not_yet_acknowledged(
    town: Town, ada: Owner
) -> None:
    consent = await town.active()
    await town.exchange.fetch(consent.id)
    got = await ada.call("POST", f"/consents/{consent.id}/revoke")
    # The test's clock stands still, so the lease cannot run out while the request waits.
    assert (got.status_code, got.json()["acknowledged"]) == (202, False)
    town.advance_wire(milliseconds=500)
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).acknowledged_at is not None


async def test_another_company_s_consent_is_not_there(town: Town) -> None:
    consent = await town.active()
    officer, company_id = await newcomer(town)
    carmen = await sign_in(town, officer, "carmen", company_id)
    assert (await carmen.call("GET", "/consents")).json() == {"consents": []}
    absent = await carmen.call("GET", "/consents/cns_" + "0" * 32)
    for path in ("", "/artefact"):
        got = await carmen.call("GET", f"/consents/{consent.id}{path}")
        assert (got.status_code, got.json()["code"]) == (404, "exchange.consent_unknown")
        assert got.json()["title"] == absent.json()["title"]
    refused = await carmen.call("POST", f"/consents/{consent.id}/revoke")
    assert refused.status_code == 404
    assert (await town.consent(consent.id)).status == "active"


async def test_the_person_alone_does_not_see_the_company_s_consents(town: Town) -> None:
    consent = await town.active()
    private = await sign_in(town, town.ada, "ada", None)
    assert (await private.call("GET", "/consents")).json() == {"consents": []}
    assert (await private.call("GET", f"/consents/{consent.id}")).status_code == 404


async def test_without_token_or_scope_nothing_is_shown(town: Town) -> None:
    async with Door(town).http() as http:
        assert (await http.get("/exchange/v1/consents")).status_code == 401
        assert (await http.post("/exchange/v1/consents/x/revoke")).status_code == 401
    without = await sign_in(town, town.ada, "ada", town.company_id, scope="")
    got = await without.call("GET", "/consents")
    assert (got.status_code, got.json()["code"]) == (403, "identity.scope_missing")


async def test_acting_for_the_company_in_other_matters_is_not_enough(town: Town) -> None:
    """Her token acts for the company and has the scope; her mandate is for applications only."""
    consent = await town.active()
    officer, _ = await newcomer(town)
    draft = MandateDraft(
        person_id=officer.person_id, company_id=town.company_id, role="user",
        scopes=frozenset({"programmes"}), valid_from=town.kernel.business_clock.now(),
    )
    granted = await town.kernel.database.run(
        lambda db: town.identity.grant_mandate(db, draft, "test")
    )
    assert not isinstance(granted, Refused), granted
    carmen = await sign_in(town, officer, "carmen", town.company_id)
    for method, path in (("GET", ""), ("GET", f"/{consent.id}"),
                         ("GET", f"/{consent.id}/artefact"), ("POST", f"/{consent.id}/revoke")):
        got = await carmen.call(method, f"/consents{path}")
        assert (got.status_code, got.json()["code"]) == (403, "exchange.mandate_missing")
    assert (await town.consent(consent.id)).status == "active"


async def test_a_body_on_a_revocation_is_refused(town: Town, ada: Owner) -> None:
    consent = await town.active()
    async with Door(town).http() as http:
        got = await http.post(f"/exchange/v1/consents/{consent.id}/revoke", content=b"x")
    assert got.status_code == 413


async def test_the_catalogue_names_products_providers_purposes_and_schema(town: Town) -> None:
    async with Door(town).http() as http:
        got = (await http.get("/exchange/v1/products")).json()
    assert {(each["product"], each["version"]) for each in got["products"]} == set(PRODUCTS)
    by_name = {each["product"]: each for each in got["products"]}
    assert by_name["account-data"]["providers"] == ["bank-harbour"]
    assert by_name["company-particulars"]["providers"] == ["companies-registry"]
    purposes = {each["code"]: each for each in got["purposes"]}
    assert purposes["funding-assessment"]["dpv"].startswith("dpv:")
    assert purposes["funding-assessment"]["words"]["zh-Hant"]
    assert by_name["account-data"]["json_schema"]["$defs"]["AccountData"][
        "additionalProperties"] is False


async def test_the_rows_describe_themselves(town: Town) -> None:
    application = town.application
    assert isinstance(application, Application)
    tables = [table for table in application.tables if table.pillar == "exchange"]
    document = openapi_document(tables, title="t", version="1", server_url=PLATFORM_URL)
    assert "/exchange/v1/consents/{consent_id}/status" in document["paths"]

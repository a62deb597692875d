"""The journey's first two steps over HTTP: a founder signs in, and acts for the company."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from lionrock.kernel.errors import Refused
from tests.http.identity.browser import Browser
from tests.http.identity.city import WORLD, City
from tests.http.identity.clients import TestClient, new_client


async def browse_service(city: City, persona: str = "ada") -> tuple[dict[str, str], Any]:
    """Sign in to the separate service with a browser; returns its cookies and its session."""
    async with city.http(WORLD) as http:
        begun = await http.get("/harbour-service/sign-in")
        assert begun.status_code == 303, begun.text
        cookies = dict(begun.cookies)
    query = dict(p.split("=", 1) for p in urlsplit(begun.headers["location"]).query.split("&"))
    browser = Browser(city)
    request_uri = query["request_uri"].replace("%3A", ":")
    path, number = await browser.start(query["client_id"], request_uri, persona)
    asked = (await city.phone.pending(persona))[-1]
    await city.phone.answer(persona, asked["approval_id"], "approved", number)
    ended = await browser.get(path)
    back = urlsplit(ended.headers["location"])
    async with city.http(WORLD) as http:
        http.cookies.update(cookies)
        returned = await http.get(f"{back.path}?{back.query}")
        assert returned.status_code == 303, returned.text
        cookies = dict(returned.cookies)
        http.cookies.update(cookies)
        session = (await http.get("/harbour-service/session.json")).json()
    return cookies, session


async def test_founder_signs_in_to_a_separate_service_and_it_reads_userinfo(city: City) -> None:
    _, session = await browse_service(city)
    userinfo = session["userinfo"]
    assert userinfo["name"] == "Ada"
    assert userinfo["email"] == "ada@harbour.example"
    assert userinfo["phone_number"] == "+85259000001"
    assert city.people["ada"].id not in str(session["userinfo"])
    assert session["companies"][0]["company"]["business_number"] == "70000017"


async def test_service_acts_for_the_company_with_the_person_as_actor(city: City) -> None:
    cookies, session = await browse_service(city)
    async with city.http(WORLD) as http:
        http.cookies.update(cookies)
        done = await http.post("/harbour-service/company", data={"company": city.company.id})
        assert done.status_code == 303, done.text
        acting = (await http.get("/harbour-service/session.json")).json()["company_userinfo"]
        page = await http.get("/harbour-service/?lang=zh-Hant")
    assert acting["sub"] != session["userinfo"]["sub"]
    assert acting["act"]["sub"] == session["userinfo"]["sub"]
    assert acting["company"]["id"] == city.company.id
    assert acting["mandate"]["role"] == "responsible_person"
    assert "海港機械人有限公司" in page.text


async def test_service_refuses_a_company_without_a_mandate(city: City) -> None:
    cookies, _ = await browse_service(city, "carmen")
    async with city.http(WORLD) as http:
        http.cookies.update(cookies)
        refused = await http.post("/harbour-service/company", data={"company": city.company.id})
    assert refused.status_code == 403
    assert "invalid_target" in refused.text


@pytest.mark.behaviour("happy-flow")
async def test_two_clients_and_two_sign_ins_see_different_stable_subjects(city: City) -> None:
    one, two = await new_client(city), await new_client(city, "client-two")
    subjects = [
        (await client.get(await client.token())).json()["sub"] for client in (one, one, two)
    ]
    assert subjects[0] == subjects[1]
    assert subjects[0] != subjects[2]


async def test_phone_sees_the_exact_words_in_the_asked_language_and_never_the_number(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    request_uri = await client.pushed(ui_locales="zh-Hant", scope="openid profile")
    _, number = await browser.start(client.client_id, request_uri, "ada")
    (asked,) = await city.phone.pending("ada")
    assert asked["words"] == (
        "登入客戶端（https://client.example）。它會收到：只供它使用的代號；你的姓名。"
        "如非由你本人發起，請拒絕。"
    )
    assert asked["needs_number"] is True
    assert "number" not in asked
    shown = {name: value for name, value in asked.items() if name not in ("salt", "words_hash")}
    shown.pop("approval_id")
    shown.pop("expires_at")
    assert number not in str(shown)


async def test_approved_sign_in_leaves_a_receipt_without_personal_data(
    city: City, client: TestClient
) -> None:
    await client.token()
    receipts = await city.receipts("identity.approval_decided")
    assert receipts[-1]["about"] == "sign_in: approved"
    assert set(receipts[-1]["digests"]) == {"words", "answer_1"}
    for text in (city.people["ada"].id, "+85259000001", "Ada"):
        assert text not in str(receipts)


async def test_status_endpoint_tells_the_state_and_changes_nothing(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    assert (await browser.get(f"{path}/status")).json() == {"state": "waiting"}
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    assert (await browser.get(f"{path}/status")).json() == {"state": "approved"}
    assert (await browser.get(path)).status_code == 303
    assert (await browser.get(f"{path}/status")).json() == {"state": "finished"}


@pytest.mark.behaviour("attack-mix-up")
async def test_relying_party_library_refuses_a_callback_of_another_issuer_or_state(
    city: City,
) -> None:
    party = city.service._relying_party()
    begun = await party.begin(scope="openid")
    assert not isinstance(begun, Refused)
    _, transaction = begun
    good = {"iss": "http://platform.test", "state": transaction.state, "code": "c" * 43}
    for change, code in (
        ({"iss": "https://other.example"}, "relying_party.issuer_mixed"),
        ({"iss": ""}, "relying_party.issuer_mixed"),
        ({"state": "another"}, "relying_party.state"),
        ({"error": "access_denied"}, "relying_party.denied"),
        ({}, "relying_party.token"),
    ):
        refused = await party.finish(good | change, transaction)
        assert isinstance(refused, Refused)
        assert refused.refusal.value == code

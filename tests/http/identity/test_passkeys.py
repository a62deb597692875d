"""A person with a passkey: enrolling it, opening the page, answering, and the proof that stays."""

from __future__ import annotations

import re

import msgspec
import pytest

from lionrock.identity.domain.proofs import Proof, answer_claims
from lionrock.identity.domain.webauthn import site_of
from lionrock.kernel.errors import Refused
from tests.http.identity.authenticator import Authenticator, Page, enrolment_code, opened
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient


async def test_person_answers_a_document_with_a_passkey(city: City) -> None:
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    home = await page.home()
    assert home["names"]["en"] == "Ada"
    assert [asked["words"] for asked in home["approvals"]] == [approval.words]
    answered = await page.answer(authenticator, approval.id)
    assert answered.json() == {"approval_id": approval.id, "state": "approved"}
    assert (await page.home())["approvals"] == []
    assert (await city.approval(approval.id)).state == "approved"


async def test_proof_is_checked_again_from_the_stored_bytes_alone(city: City) -> None:
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    await page.answer(authenticator, approval.id)
    run, identity = city.kernel.database.run, city.identity
    (given,) = await run(lambda db: identity.approval_answers(db, approval.id))
    device = await run(lambda db: identity.devices.device(db, given.device_id))
    assert not isinstance(device, Refused)
    claims = answer_claims(given.proof, device, site_of(ISSUER))
    assert not isinstance(claims, Refused), claims
    assert claims["words_hash"] == approval.words_hash
    assert claims["decision"] == "approved"
    bent = msgspec.json.decode(given.proof.text)
    bent["statement"]["decision"] = "rejected"
    changed = Proof("webauthn", msgspec.json.encode(bent).decode())
    assert isinstance(answer_claims(changed, device, site_of(ISSUER)), Refused)
    assert isinstance(answer_claims(given.proof, device, site_of("https://evil.example")), Refused)
    (receipt,) = await city.receipts("identity.approval_decided")
    assert set(receipt["digests"]) == {"words", "answer_1"}


async def test_person_signs_in_to_a_service_with_a_passkey(
    city: City, client: TestClient
) -> None:
    page, authenticator = await opened(city)
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = (await page.home())["approvals"]
    assert asked["needs_number"]
    answered = await page.answer(authenticator, asked["approval_id"], number=number)
    assert answered.status_code == 200, answered.text
    assert "code=" in (await browser.get(path)).headers["location"]


async def test_wrong_number_costs_a_try_and_the_third_rejects(
    city: City, client: TestClient
) -> None:
    page, authenticator = await opened(city)
    _, number = await Browser(city).start(client.client_id, await client.pushed(), "ada")
    (asked,) = (await page.home())["approvals"]
    wrong = f"{(int(number) + 1) % 100:02d}"
    for left in (2, 1, 0):
        refused = await page.answer(authenticator, asked["approval_id"], number=wrong)
        assert refused.json()["code"] == "identity.number_wrong"
        assert (await city.approval(asked["approval_id"])).tries_left == left
    assert (await city.approval(asked["approval_id"])).state == "rejected"


async def test_person_rejects_without_a_number(city: City, client: TestClient) -> None:
    page, authenticator = await opened(city)
    await Browser(city).start(client.client_id, await client.pushed(), "ada")
    (asked,) = (await page.home())["approvals"]
    answered = await page.answer(authenticator, asked["approval_id"], "rejected")
    assert answered.json()["state"] == "rejected"


async def test_sign_in_kept_quiet_is_fetched_on_the_page(city: City, client: TestClient) -> None:
    page, authenticator = await opened(city)
    for _ in range(5):
        await Browser(city).start(client.client_id, await client.pushed(), "ada")
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    home = await page.home()
    assert len(home["approvals"]) == 5
    assert len(home["quiet"]["sign_ins"]) == 1
    found = re.search(r"data-code>([0-9 ]{9})<", (await browser.get(path)).text)
    assert found is not None
    fetched = await page.call("POST", "/sign-ins", {"code": found.group(1)})
    assert fetched.status_code == 201
    await page.answer(authenticator, fetched.json()["approval_id"], number=number)
    assert "code=" in (await browser.get(path)).headers["location"]


async def test_holder_sees_devices_and_takes_one_out_of_use(city: City) -> None:
    page, _ = await opened(city)
    devices = (await page.home())["devices"]["devices"]
    assert [device["kind"] for device in devices] == ["key", "passkey"]
    assert [device["is_this"] for device in devices] == [False, True]
    gone = await page.call("DELETE", f"/devices/{devices[0]['device_id']}")
    assert gone.status_code == 204
    with pytest.raises(Exception, match=r"identity\.device_unknown"):
        await city.phone.pending("ada")
    assert (await page.call("DELETE", f"/devices/{devices[1]['device_id']}")).status_code == 204
    assert (await page.call("GET", "/home")).json()["code"] == "identity.passkey_session"


async def test_closed_page_and_old_session_show_nothing(city: City) -> None:
    page, authenticator = await opened(city)
    session = dict(page.cookies)
    assert (await page.call("DELETE", "/session")).status_code == 204
    page.cookies = session
    assert (await page.call("GET", "/home")).status_code == 401
    await page.open()
    await page.sign_in(authenticator)
    await page.home()
    city.wire_clock.advance(seconds=600)
    assert (await page.call("GET", "/home")).status_code == 401


async def test_authenticator_without_a_counter_works_again_and_again(city: City) -> None:
    class Counterless(Authenticator):
        @property
        def counter(self) -> int:
            return 0

        @counter.setter
        def counter(self, value: int) -> None:
            del value

    page, authenticator = Page(city), Counterless()
    await page.open()
    await page.enrol(authenticator, await enrolment_code(city))
    for _ in range(2):
        assert (await page.sign_in(authenticator)).status_code == 204


async def test_page_speaks_three_languages_and_runs_one_script(city: City) -> None:
    words = {"en": "Open with your passkey", "zh-Hant": "以通行密鑰開啟", "zh-Hans": "以通行密钥打开"}
    for language, word in words.items():
        page = await Page(city).call("GET", f"?lang={language}")
        assert word in page.text
        assert f'<html lang="{language}">' in page.text
        assert page.text.count("<script") == 1
        assert " style=" not in page.text
        assert "onclick=" not in page.text

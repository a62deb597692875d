"""The phone's and the service's pages: usable with a keyboard, safe, in three languages."""

from __future__ import annotations

import re

import msgspec
import pytest

from lionrock.kernel.i18n import Text
from lionrock.sandbox.world.answering import PhoneRefused
from tests.http.identity.city import WORLD, City


async def test_phone_page_shows_the_words_and_a_press_answers(city: City) -> None:
    approval = await city.asked("ada", number_match=True, language="zh-Hant")
    assert approval.number is not None
    async with city.http(WORLD) as http:
        page = await http.get("/phone/ada?lang=zh-Hant")
        assert approval.words in page.text
        # What a person sees of it: no attribute, no identifier.
        seen = re.sub(r"<[^>]*>|[0-9a-f]{8,}", "", page.text)
        assert approval.number not in seen
        assert 'lang="zh-Hant"' in page.text
        form = {"approval_id": approval.id, "decision": "approved", "number": approval.number}
        pressed = await http.post("/phone/ada", data=form)
        assert pressed.status_code == 303
        assert approval.id not in (await http.get("/phone/ada")).text
    assert (await city.approval(approval.id)).state == "approved"


async def test_wrong_number_on_the_page_is_explained(city: City) -> None:
    approval = await city.asked("ada", number_match=True)
    assert approval.number is not None
    wrong = f"{(int(approval.number) + 1) % 100:02d}"
    async with city.http(WORLD) as http:
        form = {"approval_id": approval.id, "decision": "approved", "number": wrong}
        page = await http.post("/phone/ada", data=form)
    assert page.status_code == 403
    assert 'data-error-code="identity.number_wrong"' in page.text


async def test_other_sites_form_presses_no_button(city: City) -> None:
    approval = await city.asked("ada")
    async with city.http(WORLD) as http:
        pressed = await http.post(
            "/phone/ada", data={"approval_id": approval.id, "decision": "approved"},
            headers={"sec-fetch-site": "cross-site"},
        )  # fmt: skip
    assert pressed.status_code == 403
    assert (await city.approval(approval.id)).state == "pending"


async def test_phone_signs_nothing_but_the_words_it_shows(city: City) -> None:
    approval = await city.asked("ada")
    real = city.phone.pending

    async def bent(persona: str) -> list[dict[str, object]]:
        return [a | {"words": "Pay nothing."} for a in await real(persona)]

    city.phone.pending = bent  # type: ignore[method-assign]  # a platform that shows other words
    with pytest.raises(PhoneRefused, match=r"phone\.words_differ"):
        await city.phone.answer("ada", approval.id, "approved")
    assert (await city.approval(approval.id)).state == "pending"


async def test_driver_s_door_lists_and_answers_and_names_refusals(city: City) -> None:
    approval = await city.asked("ada")
    async with city.http(WORLD) as http:
        listed = (await http.get("/phone/api/ada/approvals")).json()["approvals"]
        assert [a["approval_id"] for a in listed] == [approval.id]
        body = {"approval_id": approval.id, "decision": "rejected"}
        assert (await http.post("/phone/api/ada/answers", json=body)).json() == {
            "state": "rejected"
        }
        again = await http.post("/phone/api/ada/answers", json=body)
        assert (again.status_code, again.json()["code"]) == (404, "phone.not_asked")
        unknown = await http.get("/phone/api/nobody/approvals")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "phone.unknown")
        for persona, sent in (("ada", {}), ("A!", {"code": "x"})):
            refused = await http.post(f"/phone/api/{persona}", json=sent)
            assert refused.status_code == 400


async def test_pages_are_marked_as_simulated_and_carry_no_script(city: City) -> None:
    async with city.http(WORLD) as http:
        for path in ("/phone/", "/phone/ada", "/harbour-service/"):
            for language in ("en", "zh-Hant", "zh-Hans"):
                page = await http.get(f"{path}?lang={language}")
                assert page.status_code == 200
                assert '<p class="sim">' in page.text
                assert "<script" not in page.text
                assert "script-src" not in page.headers["content-security-policy"]
        assert (await http.get("/phone/nobody")).status_code == 303


async def test_markup_in_words_is_shown_as_text(city: City) -> None:
    await city.asked("ada", fields={"title": "<b>x</b>", "document_sha256": "a"})
    async with city.http(WORLD) as http:
        page = await http.get("/phone/ada")
    assert "&lt;b&gt;x&lt;/b&gt;" in page.text
    assert "<b>" not in page.text


async def test_service_refuses_a_return_without_its_own_beginning(city: City) -> None:
    async with city.http(WORLD) as http:
        lost = await http.get("/harbour-service/callback?code=x&iss=y&state=z")
        assert lost.status_code == 400
        assert "service.no_transaction" in lost.text
        begun = await http.get("/harbour-service/sign-in")
        http.cookies.update(dict(begun.cookies))
        doubled = await http.get("/harbour-service/callback?code=x&code=y&iss=z")
        assert "service.duplicate_parameter" in doubled.text
        used = await http.get("/harbour-service/callback?code=x")
        assert "service.no_transaction" in used.text
        acting = await http.post("/harbour-service/company", data={"company": "x"})
        assert acting.status_code == 403


async def test_service_says_so_when_the_platform_is_away(city: City) -> None:
    city.kernel.network.applications.pop("http://platform.test")
    async with city.http(WORLD) as http:
        page = await http.get("/harbour-service/sign-in")
    assert page.status_code == 503
    assert "service.unreachable" in page.text
    assert isinstance(city.service.client()["names"], dict)
    assert msgspec.convert(city.service.client()["names"], Text).en == "Harbour Workshop"

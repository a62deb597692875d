"""Pages of the portal: they answer, in three languages, and every link leads somewhere."""

from __future__ import annotations

import re

import pytest

from lionrock.kernel.i18n import LANGUAGES
from lionrock.portal.http.files import FILES
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code

PUBLIC = ("/", "/portal/funding", "/portal/schemes/nifs", "/portal/awards",
          "/portal/services", "/portal/services?q=driving&category=transport",
          "/portal/services/harbour-service")
OFFICERS = ("/portal/company", "/portal/cases", "/portal/cases/new?scheme=nifs",
            "/portal/consents", "/portal/evidence", "/portal/onboarding",
            "/portal/onboarding/new", "/portal/access", "/portal/details", "/portal/mandates",
            "/portal/mandates/new")
_LINK = re.compile(r'(?:href|src)="(/[^"#]*)')


async def test_public_pages_answer_in_the_readers_language(opened: Opened) -> None:
    for language in LANGUAGES:
        visitor = await opened(language=language)
        for path in PUBLIC:
            page = await visitor.get(path)
            assert page.status_code == 200, (path, page.text[:300])
            assert f'<html lang="{language}">' in page.text


async def test_a_chosen_language_is_remembered(opened: Opened) -> None:
    visitor = await opened()
    await visitor.get("/?lang=zh-Hans")
    assert '<html lang="zh-Hans">' in (await visitor.get("/portal/awards")).text


async def test_an_officer_sees_the_companys_pages(opened: Opened) -> None:
    ada = await opened("ada")
    for path in OFFICERS:
        page = await ada.get(path)
        assert page.status_code == 200, (path, page.text[:300])
        assert "Harbour Robotics Limited" in page.text


async def test_every_link_of_every_page_leads_somewhere(opened: Opened) -> None:
    ada = await opened("ada")
    links: set[str] = set()
    for path in (*PUBLIC, *OFFICERS):
        links |= set(_LINK.findall((await ada.get(path)).text))
    for link in sorted(links):
        answer = await ada.get(link.replace("&amp;", "&"))
        assert answer.status_code in (200, 303), (link, answer.status_code)


async def test_no_page_has_a_script_or_a_style_of_its_own(opened: Opened) -> None:
    ada = await opened("ada")
    for path in (*PUBLIC, *OFFICERS):
        page = await ada.get(path)
        policy = page.headers["content-security-policy"]
        assert "'unsafe-inline'" not in policy and "default-src 'none'" in policy
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)", page.text), path


async def test_a_page_of_a_company_sends_a_visitor_to_sign_in_and_back(opened: Opened) -> None:
    visitor = await opened()
    away = await visitor.get("/portal/cases")
    assert away.status_code == 303
    assert away.headers["location"] == "/portal/sign-in?to=/portal/cases"


async def test_a_person_without_a_company_is_led_to_choose_one(opened: Opened) -> None:
    henry = await opened("henry")
    assert (await henry.get("/portal/cases")).headers["location"] == "/portal/company"
    assert "You hold no mandate" in (await henry.get("/portal/company")).text


async def test_desks_and_budgets_are_seen_by_their_roles_only(opened: Opened) -> None:
    david, iris, ada = await opened("david"), await opened("iris"), await opened("ada")
    assert (await david.get("/portal/staff")).status_code == 200
    assert (await iris.get("/portal/budgets")).status_code == 200
    for visitor, path in ((ada, "/portal/staff"), (iris, "/portal/staff"),
                          (ada, "/portal/budgets"), (david, "/portal/budgets")):
        refused = await visitor.get(path)
        assert (refused.status_code, error_code(refused)) == (404, "portal.page_unknown")


async def test_a_visitors_facts_are_answered_and_kept_nowhere(opened: Opened) -> None:
    visitor = await opened()
    answered = await visitor.post("/portal/funding", {"employees_full_time": "48"})
    assert answered.status_code == 200
    assert 'value="48"' in answered.text
    assert answered.text.count('class="result"') == 61
    assert 'value="48"' not in (await visitor.get("/portal/funding")).text


async def test_a_fact_that_cannot_be_read_is_named(opened: Opened) -> None:
    visitor = await opened()
    refused = await visitor.post("/portal/funding", {"employees_full_time": "many"})
    assert refused.status_code == 422
    assert "How many full-time staff does the applicant employ?" in refused.text


async def test_an_officers_facts_stay_until_sign_out(opened: Opened) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/funding")
    shown = await ada.submit(page, "/portal/funding", employees_full_time="48")
    assert 'value="48"' in shown.text
    await ada.submit(shown, "/portal/sign-out")
    assert (await ada.get("/portal/cases")).status_code == 303
    await ada.sign_in("ada")
    assert 'value="48"' not in (await ada.get("/portal/funding")).text


@pytest.mark.parametrize("name", FILES)
async def test_packaged_files_are_served_and_cached(opened: Opened, name: str) -> None:
    visitor: Visitor = await opened()
    first = await visitor.get(f"/portal/static/{name}")
    assert first.status_code == 200 and first.headers["content-type"] == FILES[name]
    again = await visitor.client.get(
        f"/portal/static/{name}", headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304

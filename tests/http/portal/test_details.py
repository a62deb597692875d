"""My details: every field with source and time; one's own word is stated, changed and deleted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx

from lionrock.kernel.i18n import LANGUAGES
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code
from tests.whole.conftest import WholeCity

PAGE = "/portal/details"
ADDRESS = {"building": "Tea House", "street": "1 Harbour Road", "region": "Kowloon"}


async def state(browser: Visitor, field: str, **typed: str) -> httpx.Response:
    """Send one field's form."""
    return await browser.submit(await browser.get(PAGE), f"{PAGE}/{field}", **typed)


def card(page: httpx.Response, field: str) -> str:
    """The part of the page about one field."""
    found = re.search(rf'<article class="card" id="{field}">(.*?)</article>', page.text, re.DOTALL)
    assert found is not None, field
    return found.group(1)


async def stated(city: WholeCity, persona: str, fields: dict[str, Any], source: Any) -> None:
    """A registry's word on a persona, matched an hour ago."""
    identity, run = city.platform.identity, city.platform.kernel.database.run
    evidence = {"registry_of_persons": "population_register", "address_proof": "bank_statement"}

    async def use_case(db: Any) -> Any:
        person = await identity.parties.find_person(db, persona)
        assert person is not None
        subject = await identity.forms.introduce(db, "people-registry", person.id)
        at = city.platform.kernel.business_clock.now() - timedelta(hours=1)
        return await identity.forms.state(
            db, organisation_id="people-registry", subject=subject, source=source,
            evidence=evidence[source], matched_at=at, reference="r-1", fields=fields,
        )  # fmt: skip

    assert await run(use_case) == list(fields)


async def test_own_word_is_stated_changed_and_deleted(opened: Opened) -> None:
    ada = await opened("ada")
    kept = await state(ada, "educationLevel", value="diploma")
    shown = card(kept, "educationLevel")
    assert "<dd>diploma</dd>" in shown and "your own word" in shown and "Stated" in shown
    changed = await state(ada, "educationLevel", value="master")
    assert "<dd>master</dd>" in card(changed, "educationLevel")
    gone = await ada.submit(kept, f"{PAGE}/educationLevel/withdrawal")
    assert "Nothing is kept" in card(gone, "educationLevel")
    again = await ada.submit(kept, f"{PAGE}/educationLevel/withdrawal")
    assert (again.status_code, error_code(again)) == (404, "identity.form_field_unknown")


async def test_address_and_phone_number_are_kept_as_people_type_them(opened: Opened) -> None:
    ada = await opened("ada")
    shown = card(await state(ada, "postalAddress", flat=" 5  B ", **ADDRESS), "postalAddress")
    assert "5 B, Tea House, 1 Harbour Road, Kowloon" in shown
    assert 'value="Tea House"' in shown and '<option value="Kowloon" selected>' in shown
    shown = card(await state(ada, "homeNumber", value="+852 2345-6789"), "homeNumber")
    assert "<dd>+85223456789</dd>" in shown


async def test_what_a_registry_matched_is_shown_with_its_time_and_goes_before_ones_own(
    opened: Opened, city: WholeCity
) -> None:
    ada = await opened("ada")
    await state(ada, "maritalStatus", value="single")
    await stated(city, "ada", {"maritalStatus": "married", "birthDate": "1990-03-04",
                               "gender": "F"}, "registry_of_persons")  # fmt: skip
    document = {"type": "bank_statement", "issuer": "Harbour Bank", "issued_on": "2026-01-05"}
    await stated(city, "ada", {"addressDoc": document}, "address_proof")
    page = await ada.get(PAGE)
    shown = card(page, "maritalStatus")
    assert "<dd>married</dd>" in shown and "Last matched" in shown
    assert "registry of persons" in shown
    assert "single" in shown and "the matched value is given" in shown
    assert "4 March 1990" in card(page, "birthDate") and "female" in card(page, "gender")
    assert "bank statement, Harbour Bank, 5 January 2026" in card(page, "addressDoc")
    for field in ("birthDate", "gender", "addressDoc", "idNo", "enName"):
        assert "<form" not in card(page, field), field


async def test_identity_number_is_shown_by_its_ends_only(opened: Opened) -> None:
    shown = card(await (await opened("ada")).get(PAGE), "idNo")
    assert re.search(r"<dd>Z\*{6,8}.</dd>", shown), shown


WRONG: tuple[tuple[str, dict[str, str]], ...] = (
    ("maritalStatus", {"value": "complicated"}), ("maritalStatus", {"value": ""}),
    ("homeNumber", {"value": "2345"}), ("homeNumber", {"value": "+852" + "1" * 20}),
    ("postalAddress", {"building": "Tea House"}), ("postalAddress", {"region": "Kowloon"}),
    ("postalAddress", ADDRESS | {"region": "Atlantis"}),
    ("postalAddress", ADDRESS | {"street": "x" * 121}),
    ("postalAddress", ADDRESS | {"street": "1 \u202eRoad"}),
)


async def test_value_of_another_shape_leads_back_to_its_form_as_typed(opened: Opened) -> None:
    ada = await opened("ada")
    before = await ada.get(PAGE)
    for field, typed in WRONG:
        refused = await state(ada, field, **typed)
        assert (refused.status_code, error_code(refused)) == (422, "identity.form_field_value")
        shown = card(refused, field)
        assert "<details open>" in shown
        assert not typed.get("building") or 'value="Tea House"' in shown
    assert (await ada.get(PAGE)).text == before.text


async def test_field_that_is_not_ones_own_to_state_is_refused(opened: Opened) -> None:
    ada = await opened("ada")
    token = re.search(r'name="form_token" value="([^"]+)"', (await ada.get(PAGE)).text)
    assert token is not None
    sent = {"form_token": token.group(1), "value": "1990-03-04"}
    for field, status, code in (
        ("birthDate", 403, "source"), ("idNo", 403, "source"), ("emailAddress", 403, "source"),
        ("shoeSize", 404, "unknown"),
    ):  # fmt: skip
        refused = await ada.post(f"{PAGE}/{field}", sent)
        assert (refused.status_code, error_code(refused)) == (status, f"identity.form_field_{code}")


async def test_each_person_sees_and_changes_their_own_only(opened: Opened) -> None:
    ada, karen = await opened("ada"), await opened("karen")
    before = card(await karen.get(PAGE), "prefix")
    await state(ada, "prefix", value="Prof")
    assert "Prof</dd>" not in card(await karen.get(PAGE), "prefix")
    assert card(await karen.get(PAGE), "prefix") == before
    await state(ada, "prefix", value="Dr")
    await state(karen, "prefix", value="Ms")
    assert "<dd>Dr</dd>" in card(await ada.get(PAGE), "prefix")
    assert (await (await opened()).get(PAGE)).headers["location"].endswith(f"to={PAGE}")


async def test_forged_form_changes_nothing(opened: Opened) -> None:
    ada = await opened("ada")
    page = await state(ada, "prefix", value="Dr")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token is not None
    for path, value in (("prefix", {"value": "Ms"}), ("prefix/withdrawal", {})):
        for given, headers in (
            ("x", {}), (token.group(1), {"sec-fetch-site": "cross-site"}),
        ):  # fmt: skip
            forged = await ada.post(f"{PAGE}/{path}", {"form_token": given, **value}, **headers)
            assert (forged.status_code, error_code(forged)) == (403, "portal.form_forged")
    assert "<dd>Dr</dd>" in card(await ada.get(PAGE), "prefix")


async def test_markup_in_a_line_is_text(opened: Opened) -> None:
    ada = await opened("ada")
    shown = await state(ada, "postalAddress", **(ADDRESS | {"building": "<b onclick=x>House"}))
    assert "<b onclick" not in shown.text and "&lt;b onclick=x&gt;House" in shown.text


async def test_page_is_told_in_three_languages_and_linked_behind_ones_name(
    opened: Opened,
) -> None:
    ada = await opened("ada")
    await state(ada, "maritalStatus", value="married")
    words = {"en": ("My details", "married"), "zh-Hant": ("我的資料", "已婚"),
             "zh-Hans": ("我的资料", "已婚")}  # fmt: skip
    for language in LANGUAGES:
        page = await ada.get(f"{PAGE}?lang={language}")
        for word in words[language]:
            assert word in page.text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)", page.text)
        assert f'href="{PAGE}"' in (await ada.get("/")).text

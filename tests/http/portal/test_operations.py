"""The operators' page: one asks, another one decides with reasons, nobody decides alone."""

from __future__ import annotations

import re

import httpx

from lionrock.kernel.i18n import LANGUAGES
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code

PAGE = "/portal/operations"
COMPANY = {
    "business_number": "70009018", "name_en": "Peak Kites Limited", "name_hant": "山頂風箏有限公司",
    "name_hans": "山顶风筝有限公司",
}  # fmt: skip
_DECISION = re.compile(rf'action="({PAGE}/[^"]+/decision)"')


async def ask(operator: Visitor, form: str, **fields: str) -> httpx.Response:
    """Send one of the page's forms."""
    return await operator.submit(await operator.get(PAGE), f"{PAGE}/{form}", **fields)


async def decide(operator: Visitor, decision: str, reasons: str = "Checked.") -> httpx.Response:
    """Decide what waits (one operation)."""
    page = await operator.get(PAGE)
    (action,) = _DECISION.findall(page.text)
    return await operator.submit(page, action, decision=decision, reasons=reasons)


async def test_company_is_entered_when_the_second_operator_approves(opened: Opened) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    mine = await ask(iris, "companies", **COMPANY)
    assert mine.status_code == 200 and "Asked by you, waiting" in mine.text
    assert not _DECISION.search(mine.text), "nobody decides what they asked for"
    waiting = await jason.get(PAGE)
    for shown in ("70009018", "Peak Kites Limited", "山頂風箏有限公司"):
        assert shown in waiting.text
    done = await decide(jason, "approve")
    assert "Carried out" in done.text and "Checked." in done.text
    iris_again = await ask(iris, "companies", **COMPANY)
    assert iris_again.status_code == 200
    refused = await decide(jason, "approve")
    assert error_code(refused) == "identity.company_exists"


async def test_rejected_operation_changes_nothing_and_keeps_its_reasons(opened: Opened) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    await ask(iris, "persons", person="karen", status="suspended")
    done = await decide(jason, "reject", "Karen called.")
    assert "Rejected" in done.text and "Karen called." in done.text
    await opened("karen")


async def test_suspended_person_is_signed_out_and_comes_back_by_id(opened: Opened) -> None:
    iris, jason, karen = await opened("iris"), await opened("jason"), await opened("karen")
    await ask(iris, "persons", person="karen", status="suspended")
    page = await decide(jason, "approve")
    assert (await karen.get("/portal/access")).status_code == 303
    found = re.search(r"\((per_[0-9a-z]+)\)", page.text)
    assert found is not None
    unknown = await ask(iris, "persons", person="karen", status="active")
    assert error_code(unknown) == "identity.person_unknown"
    await ask(iris, "persons", person=found.group(1), status="active")
    await decide(jason, "approve")
    assert (await (await opened("karen")).get("/portal/access")).status_code == 200


async def test_operator_asks_nothing_about_themselves_and_joins_no_roles(opened: Opened) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    own = await ask(iris, "persons", person="iris", status="suspended")
    assert error_code(own) == "identity.operation_own"
    await ask(iris, "roles", person="david", role="operator", change="grant")
    joined = await decide(jason, "approve")
    assert error_code(joined) == "identity.staff_roles_separate"


async def test_certificate_that_was_never_issued_is_told_at_the_decision(opened: Opened) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    await ask(iris, "certificates", serial="00:AB", reason="superseded")
    refused = await decide(jason, "approve")
    assert error_code(refused) == "identity.operation_malformed"


async def test_page_without_the_role_is_no_page_and_reasons_are_needed(opened: Opened) -> None:
    ada, iris, jason = await opened("ada"), await opened("iris"), await opened("jason")
    assert error_code(await ada.get(PAGE)) == "portal.page_unknown"
    await ask(iris, "companies", **COMPANY)
    assert error_code(await decide(jason, "approve", " ")) == "portal.field_malformed"
    long = await decide(jason, "approve", "x" * 601)
    assert error_code(long) == "identity.operation_malformed"


async def test_page_is_told_in_three_languages(opened: Opened) -> None:
    iris = await opened("iris")
    await ask(iris, "companies", **COMPANY)
    for language in LANGUAGES:
        page = await iris.get(f"{PAGE}?lang={language}")
        assert page.status_code == 200 and f'<html lang="{language}">' in page.text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)", page.text)


async def test_recovery_code_is_shown_once_after_the_second_approval(opened: Opened) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    await ask(iris, "recovery-codes", person="ada")
    page = await jason.get(PAGE)
    assert "Code for a person without a device" in page.text
    done = await decide(jason, "approve", "Seen at the counter with her card.")
    found = re.search(r'data-recovery-code="([^"]{20,})"', done.text)
    assert found is not None and "lasts seven days" in done.text
    for reader in (iris, jason):
        assert found.group(1) not in (await reader.get(PAGE)).text
    own = await ask(iris, "recovery-codes", person="iris")
    assert error_code(own) == "identity.operation_own"
    unknown = await ask(iris, "recovery-codes", person="nobody")
    assert error_code(unknown) == "identity.person_unknown"

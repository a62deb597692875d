"""The operators' page of officers: entered by one, agreed to by another, ended by either."""

from __future__ import annotations

import re

import httpx

from lionrock.kernel.i18n import LANGUAGES
from lionrock.portal.texts.refusals import refusal_text
from lionrock.sandbox import fees
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code

PAGE = "/portal/officers"
_DEED = re.compile(rf'action="({PAGE}/[^"/]+/(?:agreement|end))"')
FRANK = {"department": fees.DEPARTMENT, "person": "frank", "name": "ho-f"}


async def enter(operator: Visitor, **changes: str) -> httpx.Response:
    """Send the page's form."""
    return await operator.submit(await operator.get(PAGE), PAGE, **(FRANK | changes))


def deeds(page: httpx.Response, kind: str) -> list[str]:
    """The addresses of the forms of a kind."""
    return [each for each in _DEED.findall(page.text) if each.endswith(kind)]


async def test_an_officer_is_entered_by_one_operator_and_agreed_to_by_another(
    opened: Opened,
) -> None:
    iris, jason = await opened("iris"), await opened("jason")
    mine = await enter(iris)
    assert "Frank Ho" in mine.text and "Waits for another operator" in mine.text
    assert deeds(mine, "agreement") == [], "nobody agrees to what they asked for"
    waiting = await jason.get(PAGE)
    [address] = deeds(waiting, "agreement")
    done = await jason.submit(waiting, address)
    assert "Waits for another operator" not in done.text
    assert done.text.count(">Appointed<") == len(fees.OFFICERS) + 1
    again = await enter(jason, name="other")
    assert error_code(again) == "payments.officer_taken"


async def test_one_operator_ends_an_appointment(opened: Opened) -> None:
    iris = await opened("iris")
    page = await iris.get(PAGE)
    ends = deeds(page, "end")
    assert len(ends) == len(fees.OFFICERS)
    done = await iris.submit(page, ends[0])
    assert len(deeds(done, "end")) == len(fees.OFFICERS) - 1


async def test_what_cannot_be_an_officer_is_refused_with_its_reason(opened: Opened) -> None:
    iris = await opened("iris")
    for changes, code in (
        ({"person": "iris"}, "payments.officer_own"),
        ({"person": "nobody"}, "identity.person_unknown"),
        ({"department": "bank-harbour"}, "payments.officer_unknown"),
        ({"name": "\u4f55"}, "payments.intent_malformed"),
    ):
        assert error_code(await enter(iris, **changes)) == code, changes
        for language in LANGUAGES[1:]:
            assert "{title}" not in refusal_text(code, "x", language)


async def test_the_page_is_the_operators_alone_and_in_three_languages(opened: Opened) -> None:
    for language, title in zip(LANGUAGES, ("Officers for refunds", "退款人員", "退款人员"),
                               strict=True):  # fmt: skip
        assert title in (await (await opened("iris", language=language)).get(PAGE)).text
    for stranger in ("emily", "ada"):
        assert (await (await opened(stranger)).get(PAGE)).status_code in (403, 404)

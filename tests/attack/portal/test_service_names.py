"""A company whose service has markup for a name or a summary: text on every page of the portal."""

from __future__ import annotations

import re
from html import unescape

import pytest

from lionrock.kernel.jose import generate_key
from tests.http.portal.conftest import Opened
from tests.http.portal.test_services import request_form

MARKUP = '"><img src=x onerror=alert(1)>'
FIELDS = ("name_en", "name_hant", "name_hans", "summary_en", "summary_hant", "purpose")


def elements(page: str) -> set[str]:
    """The elements and the event attributes of a page, as a browser would see them."""
    tags = re.findall(r"<([a-zA-Z/!][^\s>]*)", page)
    return {tag.lower() for tag in tags} | set(re.findall(r"<[a-zA-Z][^>]*?\s(on[a-z]+)\s*=", page))


@pytest.mark.behaviour("attack-xss-client-name")
async def test_markup_in_a_service_s_words_is_text_to_officer_and_reviewer(opened: Opened) -> None:
    ada, operator, key = await opened("ada"), await opened("iris"), generate_key()
    seen = {}
    for kind in ("honest", "sly"):
        changes = dict.fromkeys(FIELDS, MARKUP) if kind == "sly" else {}
        form = await ada.open("/portal/onboarding/new")
        shown = await ada.submit(form, "/portal/onboarding", **request_form(key, **changes))
        assert shown.status_code == 200, shown.text[:400]
        path = shown.url.path
        await ada.submit(shown, f"{path}/submission")
        pages = [await ada.open(path), await ada.open("/portal/onboarding"),
                 await operator.open("/portal/reviews")]  # fmt: skip
        seen[kind] = [page.text for page in pages]
    for honest, sly in zip(seen["honest"], seen["sly"], strict=True):
        assert elements(sly) <= elements(honest)
        assert MARKUP in unescape(sly)

"""Refusals that a person meets in a browser are told in the reader's language."""

from __future__ import annotations

import html
import json
import re

import pytest

from lionrock.identity.api import ERRORS
from lionrock.identity.errors.chinese import CHINESE, ENGINEERS
from lionrock.identity.errors.companies import COMPANY_ERRORS
from lionrock.identity.errors.forms import FORM_ERRORS
from lionrock.identity.errors.logout import LOGOUT_ERRORS
from lionrock.identity.errors.scans import SCAN_ERRORS
from lionrock.identity.passkeys.errors import PASSKEY_ERRORS
from lionrock.identity.recovery.errors import RECOVERY_ERRORS
from lionrock.identity.signing.verification.errors import VERIFICATION_ERRORS
from lionrock.kernel.errors import KERNEL_ERRORS
from lionrock.portal.errors import ERRORS as PORTAL_ERRORS
from lionrock.portal.texts import REFUSALS
from tests.http.identity.city import City

ALL = {
    **ERRORS, **COMPANY_ERRORS, **FORM_ERRORS, **LOGOUT_ERRORS, **SCAN_ERRORS, **PASSKEY_ERRORS,
    **RECOVERY_ERRORS, **VERIFICATION_ERRORS, **PORTAL_ERRORS, **KERNEL_ERRORS,
}  # fmt: skip
_HAN = re.compile("[\u4e00-\u9fff]")


def test_every_refusal_that_is_no_engineers_own_has_both_chinese_sentences() -> None:
    missing = [
        refusal.value for refusal, row in ALL.items()
        if refusal.value.startswith("identity.") and not row.oauth
        and refusal.value not in CHINESE.keys() | REFUSALS.keys() | ENGINEERS
    ]  # fmt: skip
    assert missing == []


def test_sentences_are_of_refusals_that_there_are_and_of_their_own_script() -> None:
    known = {refusal.value for refusal in ALL}
    assert CHINESE.keys() <= known, CHINESE.keys() - known
    assert known >= ENGINEERS, ENGINEERS - known
    assert not CHINESE.keys() & (ENGINEERS | REFUSALS.keys())
    for code, (traditional, simplified) in (CHINESE | REFUSALS).items():
        assert _HAN.search(traditional) and _HAN.search(simplified), code
        assert "您" not in traditional and "你" not in simplified, code


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "This sign-in request is not known."), ("zh-Hant", "沒有此登入要求。"),
     ("zh-Hans", "没有此登录请求。")],
)  # fmt: skip
async def test_sign_in_page_refuses_in_the_browsers_language(
    city: City, language: str, said: str
) -> None:
    address = "/identity/authorize?client_id=x&request_uri=urn:ietf:params:oauth:request_uri:y"
    async with city.http() as http:
        page = await http.get(address, headers={"accept-language": language})
        program = await http.get(
            address, headers={"accept-language": language, "accept": "application/json"}
        )
    assert page.status_code == 400 and said in page.text
    assert re.search(r"data-error-code=[\"']identity\.request_unknown[\"']", page.text)
    assert program.json()["code"] == "identity.request_unknown"
    assert program.json()["title"].startswith("This sign-in request"), "programs read English"


async def test_markup_in_a_detail_is_text_on_the_chinese_page(city: City) -> None:
    async with city.http() as http:
        page = await http.get(
            "/identity/logout?client_id=%3Cb%3E&id_token_hint=%3Cscript%3E",
            headers={"accept-language": "zh-Hans"},
        )
    assert page.status_code == 400 and "退出请求" in page.text
    assert "<script" not in page.text and "<b>" not in page.text


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
async def test_authenticator_carries_its_refusals_in_the_pages_language(
    city: City, language: str
) -> None:
    async with city.http() as http:
        page = await http.get(
            "/identity/authenticator", headers={"accept-language": language}
        )
    found = re.search(r'data-refusals="([^"]*)"', page.text)
    assert found is not None
    told = json.loads(html.unescape(found.group(1)))
    if language == "en":
        assert told == {}
        return
    position = 0 if language == "zh-Hant" else 1
    for code in ("identity.number_wrong", "identity.passkey_origin", "identity.enrolment_code"):
        assert told[code] == CHINESE[code][position]

"""A browser without script at the portal: cookies, the page's own forms, redirects by hand."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.whole.conftest import PLATFORM, WholeCity

_FORM = re.compile(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\">")
_NUMBER = re.compile(r"data-number=\"(\d+)\"")
REDIRECTS_MAX = 8


class Visitor:
    """Somebody in front of a browser."""

    def __init__(self, city: WholeCity, language: str = "en") -> None:
        self.city = city
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(city.application), base_url=PLATFORM,
            headers={"accept-language": language},
        )  # fmt: skip

    async def close(self) -> None:
        """Close the browser."""
        await self.client.aclose()

    async def get(self, path: str) -> httpx.Response:
        """Open an address as it is; no redirect is followed."""
        return await self.client.get(path)

    async def open(self, path: str) -> httpx.Response:
        """Open an address and follow where it leads within the city."""
        answer = await self.client.get(path)
        for _ in range(REDIRECTS_MAX):
            if answer.status_code not in (302, 303):
                return answer
            answer = await self.client.get(answer.headers["location"])
        raise AssertionError(f"{path} leads round in circles")

    async def post(self, path: str, fields: dict[str, Any], **headers: str) -> httpx.Response:
        """Send fields to an address."""
        return await self.client.post(path, data=fields, headers=headers)

    async def submit(
        self, page: httpx.Response, action: str, **fields: Any
    ) -> httpx.Response:
        """Fill in and send the page's form of an action, and follow where it leads."""
        answer = await self.post(action, {**hidden_of(page.text, action), **fields})
        if answer.status_code == 303:
            return await self.open(answer.headers["location"])
        return answer

    async def sign_in(self, persona: str) -> httpx.Response:
        """Sign in as a persona, answering on the phone; returns the page that comes after."""
        page = await self.open("/portal/sign-in")
        asked = await self.submit(page, "/identity/authorize/sign-in", identifier=persona)
        await self.approve(persona, asked.text)
        return await self.open(urlsplit(str(asked.url)).path)

    async def approve(self, persona: str, page: str) -> None:
        """Approve on the phone whatever is asked, with the number of the page."""
        found = _NUMBER.search(page)
        for asked in await self.city.phones.pending(persona):
            number = found.group(1) if found and asked.get("needs_number", True) else None
            await self.city.phones.answer(persona, asked["approval_id"], "approved", number)
        await self.city.settle_down()


def hidden_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of a page's form with an action."""
    for found, body in _FORM.findall(page):
        if html.unescape(found) == action:
            return {name: html.unescape(value) for name, value in _HIDDEN.findall(body)}
    raise AssertionError(f"the page has no form for {action}")


def error_code(answer: httpx.Response) -> str:
    """The stable code on a refusal's page."""
    found = re.search(r"data-error-code=[\"']([^\"']+)[\"']", answer.text)
    assert found is not None, answer.text[:400]
    return found.group(1)

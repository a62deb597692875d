"""A browser without script: it keeps cookies and follows nothing by itself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from tests.http.identity.city import REDIRECT, City


class Browser:
    """A browser without script, with its own cookies."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Open an address of the platform; redirects are not followed."""
        return await self._send(method, path, headers=headers)

    async def post(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a form."""
        return await self._send("POST", path, data=form, headers=headers or {})

    async def open(self, client_id: str, request_uri: str, **more: str) -> httpx.Response:
        """Open the authorization endpoint."""
        query = urlencode({"client_id": client_id, "request_uri": request_uri} | more)
        return await self.get(f"/identity/authorize?{query}")

    async def identify(self, page: httpx.Response, identifier: str) -> httpx.Response:
        """Fill in the first page's form."""
        form = hidden_fields(page.text) | {"identifier": identifier}
        return await self.post("/identity/authorize/sign-in", form)

    async def start(self, client_id: str, request_uri: str, identifier: str) -> tuple[str, str]:
        """Get as far as the number; returns the waiting page's path and the number."""
        page = await self.open(client_id, request_uri)
        assert page.status_code == 200, page.text
        sent = await self.identify(page, identifier)
        assert sent.status_code == 303, sent.text
        path = urlsplit(sent.headers["location"]).path
        waiting = await self.get(path)
        assert waiting.status_code == 200, waiting.text
        found = re.search(r'data-number="(\d+)"', waiting.text)
        assert found is not None, waiting.text
        return path, found.group(1)

    async def sign_in(
        self, client_id: str, request_uri: str, persona: str, decision: str = "approved"
    ) -> dict[str, str]:
        """Sign in as a persona, answering on the phone; returns the callback's parameters."""
        path, number = await self.start(client_id, request_uri, persona)
        asked = (await self.city.phone.pending(persona))[-1]
        await self.city.phone.answer(persona, asked["approval_id"], decision, number)
        ended = await self.get(path)
        assert ended.status_code == 303, ended.text
        address = urlsplit(ended.headers["location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == REDIRECT
        return dict(parse_qsl(address.query))

    async def _send(self, method: str, path: str, **values: Any) -> httpx.Response:
        async with self.city.http() as http:
            http.cookies.update(self.cookies)
            answer = await http.request(method, path, **values)
        self.cookies |= dict(answer.cookies)
        return answer


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def error_code(answer: httpx.Response) -> str:
    """The stable code of a refusal, from JSON or from our error page."""
    if answer.headers["content-type"].startswith("text/html"):
        found = re.search(r"data-error-code='([^']+)'", answer.text)
        assert found is not None, answer.text
        return found.group(1)
    return str(answer.json()["code"])

"""A browser whose sign-in page shows a code to scan."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

import httpx

from tests.http.identity.browser import Browser, hidden_fields
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient


class ScanPage:
    """The page of one sign-in that waits for a phone."""

    def __init__(self, browser: Browser, path: str) -> None:
        self.browser = browser
        self.path = path

    async def load(self) -> httpx.Response:
        """Load the page again, as it does by itself."""
        return await self.browser.get(self.path)

    async def content(self) -> str:
        """What the code says now."""
        return _found(r'data-content="([^"]+)"', (await self.load()).text)

    async def app_link(self) -> str:
        """The app's link on the page."""
        return _found(r'href="(lionrock:[^"]+)"', (await self.load()).text)

    async def web_link(self) -> str:
        """The universal link on the page."""
        return _found(r'href="(http[^"]+/identity/scan/link/[^"]+)"', (await self.load()).text)

    async def number(self) -> str:
        """The number, which the page shows after the scan."""
        return _found(r'data-number="(\d+)"', (await self.load()).text)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return unescape(match[1])


async def open_scan_page(
    city: City, client: TestClient, browser: Browser | None = None, request_uri: str | None = None
) -> ScanPage:
    """Push a request, open it in a browser and press the button for a code."""
    browser = browser or Browser(city)
    page = await browser.open(client.client_id, request_uri or await client.pushed())
    sent = await browser.post("/identity/authorize/scan", hidden_fields(page.text))
    assert sent.status_code == 303, sent.text
    return ScanPage(browser, urlsplit(sent.headers["location"]).path)

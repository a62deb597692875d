"""The whole city for the portal's tests, with browsers that are closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.http.portal.visitor import Visitor
from tests.whole.conftest import WholeCity, city, world_database, world_database_url

__all__ = ["city", "world_database", "world_database_url"]
Opened = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def opened(city: WholeCity) -> AsyncIterator[Opened]:
    """Open a browser, signed in as a persona when one is named."""
    browsers: list[Visitor] = []

    await city.platform.start_recurring()

    async def open_one(persona: str = "", language: str = "en") -> Visitor:
        browser = Visitor(city, language)
        browsers.append(browser)
        if persona:
            page = await browser.sign_in(persona)
            assert page.status_code == 200, page.text[:400]
        return browser

    yield open_one
    for browser in browsers:
        await browser.close()

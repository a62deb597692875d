"""Steps that the scenarios of both styles share."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.blackbox.hongkong.client import Fields, Ticket, Token
from tests.blackbox.hongkong.facade import Decision, Facade, Page
from tests.blackbox.hongkong.styles import CorpStyle, IamStyle

PATIENCE = 15.0

PERSON_SCOPE = ("eidapi_auth", "eidapi_profiles", "eidapi_formFilling", "eidapi_sign")
COMPANY_SCOPE = ("corpidapi_auth", "corpidapi_sign")


def iam(facade: Facade) -> IamStyle:
    """A client of the first prefix for the registered service."""
    service = facade.service
    return IamStyle(
        facade.http,
        facade.base_url,
        client_id=service.client_id,
        client_secret=service.client_secret,
        kek=service.kek,
    )


def corp(facade: Facade) -> CorpStyle:
    """A client of the second prefix for the registered service."""
    service = facade.service
    return CorpStyle(
        facade.http,
        facade.base_url,
        client_id=service.client_id,
        client_secret=service.client_secret,
        kek=service.kek,
    )


def query_of(url: str) -> dict[str, str]:
    """The query of an address, each name given once."""
    parsed = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in parsed.values()), url
    return {name: values[0] for name, values in parsed.items()}


def returned_to(url: str, redirect_uri: str) -> bool:
    """Whether an address is the registered one, its query aside."""
    return urlsplit(url)[:3] == urlsplit(redirect_uri)[:3]


async def visit(facade: Facade, persona: str, url: str, decision: Decision) -> dict[str, str]:
    """Open a page, decide on the phone, and return what the browser brings back."""
    page: Page = await facade.open_in_browser(url)
    assert page.number is not None, "the page shows no number"
    await facade.approve(persona, page.number, decision)
    back = await page.redirected()
    assert returned_to(back, facade.service.redirect_uri), back
    return query_of(back)


async def log_in(facade: Facade, client: IamStyle, scope: Sequence[str] = PERSON_SCOPE) -> Token:
    """Fetch a content key and log the person in."""
    if client.cek is None:
        await client.get_key()
    state = uuid.uuid4().hex
    url = client.qr_page(facade.service.redirect_uri, scope, state)
    back = await visit(facade, facade.person, url, "approve")
    assert back["state"] == state
    return await client.get_token(back["code"])


async def log_in_company(facade: Facade, client: CorpStyle) -> Token:
    """Fetch a content key and log the officer in for the first company."""
    if client.cek is None:
        await client.get_key()
    state = uuid.uuid4().hex
    url = client.qr_page(facade.service.redirect_uri, PERSON_SCOPE, COMPANY_SCOPE, state)
    back = await visit(facade, facade.officer, url, "approve")
    assert back["state"] == state
    return await client.get_token(back["cCode"])


async def decide(
    facade: Facade, persona: str, ticket: Ticket, url: str, decision: Decision
) -> None:
    """Decide on a ticket: on its page where it has one, else on the phone alone."""
    if ticket.auth_by_qr:
        page = await facade.open_in_browser(url)
        assert page.number is not None, "the page shows no number"
        await facade.approve(persona, page.number, decision)
    else:
        await facade.approve(persona, None, decision)


async def pushed(facade: Facade, before: int) -> bytes:
    """The body that arrives at the callback URL after the first ``before`` ones."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        bodies = facade.service.received
        if len(bodies) > before:
            return bodies[before]
        await asyncio.sleep(0.05)
    raise TimeoutError("nothing was pushed to the callback URL")


def values(content: Fields, group: str) -> dict[str, Any]:
    """The values asked for, under the name of their list or directly in the content."""
    nested = content.get(group)
    return nested if isinstance(nested, dict) else content

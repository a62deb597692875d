"""The people and programs of the journey as they reach the platform: over HTTP, with own keys.

A browser that keeps cookies and reads pages; phones through the phone simulator; a service that
signs people in with the relying-party library and calls APIs with DPoP-bound tokens.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

from lionrock.identity.api import RelyingParty, Tokens
from lionrock.kernel.errors import Refused
from lionrock.kernel.network import Network
from lionrock.sandbox.journey.runner import Checks, JourneyFailed

_FIELD = re.compile(r"<input[^>]*type=\"?hidden\"?[^>]*>")
_ATTRIBUTE = re.compile(r"(name|value)=\"([^\"]*)\"")
_NUMBER = re.compile(r"data-number=\"([0-9]+)\"")
POLLS_MAX = 200


class Browser:
    """One browser window: cookies, forms, redirects followed by hand."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` None speaks real HTTP."""
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=10.0, transport=transport
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def open(self, url: str) -> httpx.Response:
        """Open an address."""
        return await self._client.get(url)

    async def submit(self, url: str, fields: dict[str, str]) -> httpx.Response:
        """Submit a form as the page's own site would."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        return await self._client.post(url, data=fields, headers={"origin": origin})


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    fields = {}
    for tag in _FIELD.findall(page):
        attributes = dict(_ATTRIBUTE.findall(tag))
        if "name" in attributes:
            fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return fields


def number_to_match(page: str) -> str:
    """The number that the waiting page shows."""
    found = _NUMBER.search(page)
    if found is None:
        raise JourneyFailed("the waiting page shows no number to match")
    return found.group(1).strip()


class Phones:
    """Everybody's simulated phone, through its JSON door."""

    def __init__(self, network: Network, world_url: str) -> None:
        self._network = network
        self._base = f"{world_url}/phone/api"

    async def pending(self, persona: str) -> list[dict[str, Any]]:
        """What a person is asked just now."""
        answer = await self._network.send("GET", f"{self._base}/{persona}/approvals")
        if answer.status != 200:
            raise JourneyFailed(f"phone of {persona}: {answer.body.decode()[:200]}")
        return list(msgspec.json.decode(answer.body)["approvals"])

    async def answer(
        self, persona: str, approval_id: str, decision: str = "approved", number: str | None = None
    ) -> str:
        """Approve or reject; returns the approval's state."""
        body: dict[str, str] = {"approval_id": approval_id, "decision": decision}
        if number is not None:
            body["number"] = number
        answer = await self._network.send(
            "POST", f"{self._base}/{persona}/answers", {"content-type": "application/json"},
            msgspec.json.encode(body),
        )  # fmt: skip
        decoded = msgspec.json.decode(answer.body)
        if answer.status != 200:
            raise JourneyFailed(f"phone of {persona}: {decoded}")
        return str(decoded["state"])


class SignedIn:
    """A person signed in at a service: API calls with the token, as that service."""

    def __init__(self, party: RelyingParty, tokens: Tokens, platform_url: str, lang: str) -> None:
        self.party = party
        self.tokens = tokens
        self._platform_url = platform_url
        self._lang = lang

    async def call(
        self, method: str, path: str, body: Any = None, *, expect: int | tuple[int, ...] = 200
    ) -> Any:
        """Call an API and return its JSON; another status than expected ends the journey."""
        reply = await self.send(method, path, body)
        wanted = (expect,) if isinstance(expect, int) else expect
        if reply.status not in wanted:
            raise JourneyFailed(f"{method} {path}: {reply.status} {reply.body.decode()[:400]}")
        return msgspec.json.decode(reply.body) if reply.body else None

    async def fetch(self, path: str) -> bytes:
        """Get a document's bytes."""
        reply = await self.send("GET", path)
        if reply.status != 200:
            raise JourneyFailed(f"GET {path}: {reply.status} {reply.body.decode()[:400]}")
        return bytes(reply.body)

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """Call an API and return the whole reply."""
        content = msgspec.json.encode(body) if body is not None else b""
        return await self.party.call(
            method, f"{self._platform_url}{path}", self.tokens, content,
            headers={"accept-language": self._lang},
        )  # fmt: skip


async def sign_in(
    party: RelyingParty,
    browser: Browser,
    phones: Phones,
    persona: str,
    *,
    scope: str,
    lang: str,
    checks: Checks,
) -> Tokens:
    """Run the whole sign-in of one person: PAR, browser, number, phone, code, token."""
    begun = await party.begin(scope=scope, language=lang)
    if isinstance(begun, Refused):
        raise JourneyFailed(f"pushed authorization request: {begun.refusal.value} {begun.detail}")
    address, transaction = begun
    page = await browser.open(address)
    checks.holds(page.status_code == 200, "the sign-in page opens", page.status_code)
    action = f"{party.issuer}/identity/authorize/sign-in"
    shown = await browser.submit(action, {**hidden_fields(page.text), "identifier": persona})
    checks.holds(shown.status_code == 303, "the person is asked on the phone", shown.text[:300])
    waiting_address = shown.headers["location"]
    waiting = await browser.open(waiting_address)
    number = number_to_match(waiting.text)
    asked = [each for each in await phones.pending(persona)
             if each["template"] == "identity.sign_in"]
    checks.holds(len(asked) > 0, "the phone shows the sign-in")
    told = {str(value) for value in (*asked[-1].values(), *asked[-1]["fields"].values())}
    checks.holds(
        "number" not in asked[-1] and number not in told,
        "the phone does not receive the number",
    )
    await phones.answer(persona, asked[-1]["approval_id"], "approved", number)
    returned = await browser.open(waiting_address)
    location = returned.headers.get("location", "")
    checks.holds(
        location.startswith(party.redirect_uri), "the browser returns to the service", location
    )
    callback = dict(parse_qsl(urlsplit(location).query))
    tokens = await party.finish(callback, transaction)
    if isinstance(tokens, Refused):
        raise JourneyFailed(f"token: {tokens.refusal.value} {tokens.detail}")
    return tokens

"""Every row of identity's table under the same attacks: doubles, oversize, frames, forgery."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.identity import api
from lionrock.kernel.http import Route
from tests.attack.identity.effects import rows
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.scanning import open_scan_page

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORM = "application/x-www-form-urlencoded"
DEEP = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


def routes(city: City, choose: Callable[[Route], bool]) -> list[Route]:
    """The rows of identity that are chosen; some, or the test would say nothing."""
    found = [route for route in api.table(city.identity).routes if choose(route)]
    assert found
    return found


def address(route: Route) -> str:
    """The row's path, with something in place of each parameter."""
    return re.sub(r"\{[^}]+\}", "x", route.path)


def fields_of(route: Route) -> tuple[str, ...]:
    """The names of the fields that a row's body takes."""
    assert route.body is not None and issubclass(route.body, msgspec.Struct), route.name
    return route.body.__struct_fields__


async def send(city: City, route: Route, **values: Any) -> httpx.Response:
    """Send one request to a row."""
    async with city.http() as http:
        return await http.request(route.method, address(route), **values)


@pytest.mark.behaviour("attack-duplicate-parameters")
async def test_no_form_takes_a_parameter_twice(town: City) -> None:
    before = await rows(town)
    for route in routes(town, lambda r: r.body_kind == "form" and r.body is not None):
        for name in (*fields_of(route), "unheard_of"):
            answer = await send(
                town, route, content=f"{name}=1&{name}=1", headers={"content-type": FORM}
            )
            assert answer.status_code == 400, (route.name, name)
            assert error_code(answer) == "kernel.body_malformed"
            assert "location" not in answer.headers
    assert await rows(town) == before


@pytest.mark.behaviour("attack-duplicate-parameters")
async def test_no_address_takes_a_parameter_twice(town: City, caller: TestClient) -> None:
    good = f"client_id={caller.client_id}&request_uri={await caller.pushed()}"
    before = await rows(town)
    async with town.http() as http:
        for double in (
            f"{good}&client_id={caller.client_id}",
            f"{good}&request_uri=x",
            f"a&a&{good}",
        ):
            answer = await http.get(f"/identity/authorize?{double}")
            assert answer.status_code == 400
            assert "location" not in answer.headers
    for route in routes(town, lambda r: r.method == "GET"):
        async with town.http() as http:
            answer = await http.get(f"{address(route)}?lang=en&lang=en")
        assert answer.status_code == 400, route.name
    assert await rows(town) == before


@pytest.mark.behaviour("attack-oversized")
async def test_no_row_takes_a_body_beyond_its_limit(town: City) -> None:
    before = await rows(town)
    for route in routes(town, lambda r: r.method in ("POST", "PUT", "DELETE")):
        kind = FORM if route.body_kind == "form" else "application/json"
        body = b"a" * (route.body_bytes_max + 1)

        async def drip(body: bytes = body) -> Any:
            yield body[:1]
            yield body[1:]

        for content in (body, drip()):
            answer = await send(town, route, content=content, headers={"content-type": kind})
            assert answer.status_code == 413, route.name
            assert error_code(answer) == "kernel.body_too_large"
    assert await rows(town) == before


@pytest.mark.behaviour("attack-oversized")
async def test_no_row_takes_many_fields_deep_nesting_or_an_endless_address(town: City) -> None:
    before = await rows(town)
    many = "&".join(f"f{n}=1" for n in range(65))
    for route in routes(town, lambda r: r.method == "POST" and r.body is not None):
        if route.body_kind == "form":
            answer = await send(town, route, content=many, headers={"content-type": FORM})
        else:
            answer = await send(
                town, route, content=DEEP, headers={"content-type": "application/json"}
            )
        assert answer.status_code == 400, route.name
    for route in routes(town, lambda r: r.method == "GET"):
        async with town.http() as http:
            answer = await http.get(f"{address(route)}?lang={'e' * 17_000}")
        assert answer.status_code == 400, route.name
    assert await rows(town) == before


@pytest.mark.behaviour("attack-oversized")
@pytest.mark.parametrize(
    "form",
    [
        {"code": "c" * 60_000}, {"code_verifier": "v" * 50_000}, {"redirect_uri": "https:" * 9000},
        {"client_id": "x" * 50_000}, {"grant_type": "g" * 50_000},
    ],
    ids=lambda form: next(iter(form)),
)  # fmt: skip
async def test_oversized_value_at_the_token_endpoint_is_refused_and_not_kept(
    town: City, caller: TestClient, form: dict[str, str]
) -> None:
    good = await caller.code()
    before = await rows(town)
    code = form.get("code", good)
    answer = await caller.redeem(code, **{n: v for n, v in form.items() if n != "code"})
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 2000
    assert await rows(town) == before


@pytest.mark.behaviour("attack-oversized")
@pytest.mark.parametrize(
    "headers",
    [
        {"dpop": "a" * 60_000}, {"authorization": "DPoP " + "t" * 60_000},
        {"cookie": "lionrock-sign-in=" + "a" * 60_000}, {"accept-language": "en," * 20_000},
        {"accept": "text/html," * 6000},
    ],
    ids=lambda headers: next(iter(headers)),
)  # fmt: skip
async def test_oversized_header_breaks_nothing(town: City, headers: dict[str, str]) -> None:
    before = await rows(town)
    for path in ("/identity/userinfo", "/identity/authorize", "/identity/sign-in/sin_x"):
        async with town.http() as http:
            answer = await http.get(path, headers=headers)
        assert 400 <= answer.status_code < 500
        assert len(answer.content) < 8000
    assert await rows(town) == before


def is_unframed(answer: httpx.Response) -> bool:
    """Whether no other page can show this answer in a frame, or read it as another type."""
    policy = answer.headers["content-security-policy"]
    return (
        "frame-ancestors 'none'" in policy
        and "default-src 'none'" in policy
        and "unsafe" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["cross-origin-opener-policy"] == "same-origin"
    )


@pytest.mark.behaviour("attack-clickjacking")
async def test_no_page_of_a_sign_in_can_be_framed(town: City) -> None:
    client = await new_client(town, "client-framed")
    browser = Browser(town)
    first = await browser.open(client.client_id, await client.pushed())
    path, _ = await Browser(town).start(client.client_id, await client.pushed(), "nobody")
    scan = await open_scan_page(town, client)
    pages = [
        first, await scan.load(), await scan.browser.get(f"{scan.path}/qr.svg"),
        await browser.get("/identity/logout"), await browser.get("/identity/authenticator"),
        await browser.get(path), await browser.get("/identity/authorize?client_id=x"),
    ]  # fmt: skip
    assert [page.status_code for page in pages] == [200, 200, 200, 200, 200, 404, 400]
    assert all(is_unframed(page) for page in pages)


@pytest.mark.behaviour("attack-clickjacking")
async def test_no_answer_of_any_row_can_be_framed(town: City) -> None:
    for route in routes(town, lambda r: True):
        answer = await send(town, route)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, route.name
        assert answer.headers["x-content-type-options"] == "nosniff", route.name


@pytest.mark.behaviour("attack-csrf")
async def test_no_form_of_the_browser_is_taken_from_elsewhere(
    town: City, caller: TestClient
) -> None:
    """With the victim's own cookie, and whatever fields an attacker can write by himself."""
    victim = Browser(town)
    request_uri = await caller.pushed()
    path, _ = await victim.start(caller.client_id, request_uri, "ada")
    fields = {
        "client_id": caller.client_id, "request_uri": await caller.pushed(), "identifier": "ben",
        "form_token": "a" * 64, "company": town.company.id, "state": "s",
    }  # fmt: skip
    before = await rows(town)
    for route in routes(town, lambda r: r.family == "html" and r.method == "POST"):
        target = route.path.replace("/identity/sign-in/{sign_in_id}", path)
        if target == "/identity/logout":
            continue  # It only shows the page that asks; see test_logout.
        sent = {name: fields[name] for name in fields_of(route) if name in fields}
        for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            answer = await victim.post(target, sent, headers)
            assert answer.status_code == 403, (route.name, answer.text)
            assert "location" not in answer.headers
    assert await rows(town) == before
    assert (await victim.get(f"{path}/status")).json() == {"state": "waiting"}


@pytest.mark.behaviour("attack-csrf")
async def test_stolen_form_token_is_worth_nothing_on_another_site_s_page(
    town: City, caller: TestClient
) -> None:
    victim = Browser(town)
    page = await victim.open(caller.client_id, await caller.pushed())
    form = hidden_fields(page.text) | {"identifier": "ben"}
    before = await rows(town)
    for path in ("/identity/authorize/sign-in", "/identity/authorize/scan"):
        if path.endswith("scan"):
            form.pop("identifier")
        for site in ("cross-site", "same-site"):
            answer = await victim.post(path, form, {"sec-fetch-site": site})
            assert error_code(answer) == "identity.sign_in_forged"
    assert await rows(town) == before


@pytest.mark.behaviour("attack-session-fixation")
async def test_cookie_that_is_no_secret_of_ours_is_replaced(town: City, caller: TestClient) -> None:
    for planted in ("", "short", "a" * 42, "a" * 44, "../" + "a" * 40, "a" * 42 + "\u00e9"):
        browser = Browser(town)
        browser.cookies["lionrock-sign-in"] = planted.encode("ascii", "replace").decode()
        page = await browser.open(caller.client_id, await caller.pushed())
        given = re.match(r"lionrock-sign-in=([A-Za-z0-9_-]{43});", page.headers["set-cookie"])
        assert given is not None
        assert given.group(1) != planted


@pytest.mark.behaviour("attack-session-fixation")
async def test_secret_of_a_browser_is_taken_from_its_cookie_only(
    town: City, caller: TestClient
) -> None:
    victim = Browser(town)
    path, _ = await victim.start(caller.client_id, await caller.pushed(), "ada")
    ((name, secret),) = victim.cookies.items()
    thief = Browser(town)
    for answer in (
        await thief.get(f"{path}?{name}={secret}"), await thief.get(f"{path};{name}={secret}"),
        await thief.get(path, **{name: secret}),
        await thief.get(path, cookie=f"__Host-{name}={secret}"),
    ):  # fmt: skip
        assert answer.status_code in (400, 404)
        assert "data-number" not in answer.text


@pytest.mark.behaviour("attack-session-fixation")
async def test_two_browsers_never_share_a_secret_nor_a_form(town: City, caller: TestClient) -> None:
    request_uri = await caller.pushed()
    browsers = [Browser(town) for _ in range(8)]
    tokens = set()
    for browser in browsers:
        page = await browser.open(caller.client_id, request_uri)
        tokens.add(hidden_fields(page.text)["form_token"])
    assert len(tokens) == len({str(b.cookies) for b in browsers}) == len(browsers)

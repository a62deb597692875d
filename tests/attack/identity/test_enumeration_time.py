"""Public forms that name a person answer no sooner than `answer_least_ms`, whoever is named."""

from __future__ import annotations

from collections.abc import Awaitable

import httpx
import msgspec
import pytest

from lionrock.identity.http.authorize import ROUTES as SIGN_IN_ROUTES
from lionrock.identity.recovery.http import ROUTES as RECOVERY_ROUTES
from lionrock.kernel.clock import monotonic_ms
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient

LEAST_MS = 120


@pytest.fixture
def even(city: City) -> City:
    """The city with the setting as a served one has it; the kernel itself is frozen."""
    settings = msgspec.structs.replace(city.kernel.settings, answer_least_ms=LEAST_MS)
    object.__setattr__(city.kernel, "settings", settings)
    return city


async def took_ms(sending: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    """Return an answer, and how long it took to come."""
    begun_ms = monotonic_ms()
    answer = await sending
    return answer, monotonic_ms() - begun_ms


@pytest.mark.parametrize("named", ["ada", "nobody", "<b>", "+85259999999"])
async def test_the_sign_in_form_answers_no_sooner_for_anybody(
    even: City, client: TestClient, named: str
) -> None:
    browser = Browser(even)
    page = await browser.open(client.client_id, await client.pushed())
    answer, ms = await took_ms(browser.identify(page, named))
    assert answer.status_code == 303, answer.text
    assert ms >= LEAST_MS


@pytest.mark.parametrize("named", ["ada", "nobody"])
async def test_a_recovery_s_beginning_answers_no_sooner_for_anybody(
    even: City, named: str
) -> None:
    async with even.http() as http:
        sending = http.post("/identity/v1/recoveries", json={"identifier": named})
        answer, ms = await took_ms(sending)
    assert answer.status_code == 201, answer.text
    assert ms >= LEAST_MS


async def test_a_refused_form_answers_no_sooner_either(even: City, client: TestClient) -> None:
    browser = Browser(even)
    await browser.open(client.client_id, await client.pushed())
    answer, ms = await took_ms(browser.post("/identity/authorize/sign-in", {"client_id": "x"}))
    assert answer.status_code == 400
    assert ms >= LEAST_MS


def test_every_public_form_that_names_a_person_is_even() -> None:
    even = {route.name for route in (*SIGN_IN_ROUTES, *RECOVERY_ROUTES) if route.is_even}
    assert even >= {
        "start_sign_in", "begin_recovery", "recovery_status", "prove_recovery",
        "complete_recovery",
    }  # fmt: skip

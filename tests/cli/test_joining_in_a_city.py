"""A simulated bank joins a running city over real HTTP: desk, operators' pages, tests, live."""

from __future__ import annotations

import html
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.config import Settings
from lionrock.payments.api import TEST_CASES
from tests.cli.test_payments_in_a_city import free_pair

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PAGE = "/portal/participants"
WAIT_S = 60
_FORM = re.compile(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\">")


@pytest.fixture(scope="module")
def city() -> Iterator[tuple[str, str]]:
    """The addresses of a running city and of its world; phones say yes by themselves."""
    first = free_pair()
    directory = Path(tempfile.mkdtemp(prefix="lrj-"))
    directory.chmod(0o755)
    platform, world = f"http://127.0.0.1:{first}", f"http://127.0.0.1:{first + 1}"
    settings = Settings(
        data_directory=str(directory), public_url=platform, world_url=world,
        founding_date="2026-02-20", phones_answer="approve",
    )
    with City(settings):
        yield platform, world
    shutil.rmtree(directory, ignore_errors=True)


class Operator:
    """An operator at a browser without scripts."""

    def __init__(self, platform: str, persona: str) -> None:
        self.client = httpx.Client(
            base_url=platform, follow_redirects=True, timeout=20, trust_env=False
        )
        page = self.client.get("/portal/sign-in")
        asked = self.send(page, "/identity/authorize/sign-in", identifier=persona)
        waiting = urlsplit(str(asked.url)).path
        until = time.monotonic() + WAIT_S
        while "/portal" not in str(asked.url) and time.monotonic() < until:
            time.sleep(0.5)
            asked = self.client.get(waiting)
        assert self.client.get(PAGE).status_code == 200, asked.text[:500]

    def send(self, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
        """Fill in and send the page's form of an action."""
        forms = {html.unescape(found): body for found, body in _FORM.findall(page.text)}
        hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(forms[action])}
        return self.client.post(action, data={**hidden, **fields})

    def say(self, page: str) -> None:
        """Agree."""
        said = self.send(
            self.client.get(page), f"{page}/words", decision="agree", reasons="Seen."
        )
        assert said.status_code == 200, said.text[:500]


def until_state(desk: str, state: str) -> Any:
    """How the switch shows the application, once it is in a state."""
    until = time.monotonic() + WAIT_S
    while True:
        shown = httpx.get(desk, timeout=20, trust_env=False).json()["switch_said"]
        if shown["state"] == state or time.monotonic() > until:
            assert shown["state"] == state, shown
            return shown
        time.sleep(0.3)


def test_a_bank_simulator_joins_a_running_city(city: tuple[str, str]) -> None:
    platform, world = city
    desk = f"{world}/bank-peak/operator/onboarding"
    iris, jason = Operator(platform, "iris"), Operator(platform, "jason")
    applied = httpx.post(desk, json={}, timeout=20, trust_env=False)
    assert applied.status_code == 201, applied.text
    page = f"{PAGE}/{applied.json()['switch_said']['id']}"
    iris.say(page)
    jason.say(page)
    iris.send(
        iris.client.get(page), f"{page}/settings", limit_hkd="50000.00", reasons="As asked."
    )
    jason.say(page)
    until_state(desk, "testing")
    begun = httpx.post(f"{desk}/tests", json={}, timeout=20, trust_env=False)
    assert begun.status_code == 202, begun.text
    until = time.monotonic() + WAIT_S
    results: dict[str, tuple[str, str]] = {}
    while time.monotonic() < until:
        tests = until_state(desk, "testing")["tests"]
        results = {each["name"]: (each["state"], each["came"]) for each in tests}
        if "running" not in {state for state, _ in results.values()}:
            break
        time.sleep(0.5)
    assert {name: state for name, (state, _) in results.items()} == dict.fromkeys(
        TEST_CASES, "passed"
    ), results
    asked = httpx.post(f"{desk}/go-live", json={}, timeout=20, trust_env=False)
    assert asked.status_code == 200, asked.text
    iris.say(page)
    jason.say(page)
    until_state(desk, "live")
    directory = httpx.get(
        f"{platform}/directory/v1/organisations/bank-peak", timeout=20, trust_env=False
    ).json()
    assert directory["status"] == "active" and directory["simulated"]

"""An attacker who asks who is registered: status, headers and body are the same for everybody.

How long the work behind the answers takes is reported (run with -rA or see the report's
properties), not asserted. The public forms answer no sooner than a setting says
(test_enumeration_time.py).
"""

from __future__ import annotations

import re
import statistics
import time
from functools import partial
from typing import Any

import httpx
import pytest

from lionrock.identity.api import ClientPolicy, Person, PersonDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from tests.http.identity.backchannel import BackChannelClient, new_back_channel_client
from tests.http.identity.browser import Browser
from tests.http.identity.city import City, enrol, identity_number
from tests.http.identity.clients import TestClient, new_client

NOBODY = "nobody"
ROUNDS = 15


async def _create(city: City, draft: PersonDraft, db: Connection) -> Person | Refused:
    return await city.identity.create_person(db, draft)


@pytest.fixture
async def people(city: City) -> City:
    """The city with one who has no phone yet (dora) and one who is suspended (eve)."""
    for index, handle in enumerate(("dora", "eve")):
        draft = PersonDraft(
            names=Text(handle.title(), handle, handle), handle=handle,
            identity_number=identity_number(f"Z20000{index}"), phone=f"+8525900010{index}",
            email=f"{handle}@harbour.example",
        )  # fmt: skip
        person = await city.kernel.database.run(partial(_create, city, draft))
        assert not isinstance(person, Refused), person
        city.people[handle] = person
    await enrol(city, "eve")
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(db, city.people["eve"].id, "suspended")
    )
    return city


NAMED = {
    "known handle": "ada", "known phone": "+85259000001", "known e-mail": "ada@harbour.example",
    "no phone yet": "dora", "suspended": "eve", "unknown phone": "+85259999999",
    "unknown e-mail": "x@harbour.example", "identity number": "Z1000009", "blank": " ",
    "markup": "<b>", "long": "n" * 254,
}  # fmt: skip


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    """All that a browser sees, without what is random for everybody."""
    headers = {
        name: re.sub(r"(sin_[0-9a-f]{32}|req_[0-9a-f]+|lionrock-sign-in=[\w-]{43})", "*", value)
        for name, value in answer.headers.items()
        if name not in ("date", "x-request-id", "request-id")
    }
    body = re.sub(
        r'sin_[0-9a-f]{32}|req_[0-9a-f]+|(?<=name="form_token" value=")[0-9a-f]+'
        r'|(?<=data-number=")\d+|(?<=data-code>)[0-9 ]{9}|(?<=data-match>)\d+',
        "*", answer.text,
    )  # fmt: skip
    body = re.sub(r">\d\d<", ">*<", body)
    return answer.status_code, headers, body


async def looked_up(city: City, client: TestClient, identifier: str) -> list[Any]:
    """Everything that a sign-in in somebody's name shows, until its time is over."""
    browser = Browser(city)
    page = await browser.open(client.client_id, await client.pushed())
    sent = await browser.identify(page, identifier)
    path = httpx.URL(sent.headers["location"]).path
    shown = [sent, await browser.get(path), await browser.get(f"{path}/status")]
    shown.append(await browser.get(path, accept="application/json"))
    return [seen(answer) for answer in shown]


@pytest.mark.behaviour("attack-enumeration")
@pytest.mark.parametrize("who", NAMED)
async def test_sign_in_shows_the_same_whoever_is_named(
    people: City, client: TestClient, who: str
) -> None:
    assert await looked_up(people, client, NAMED[who]) == await looked_up(people, client, NOBODY)


@pytest.mark.behaviour("attack-enumeration")
@pytest.mark.parametrize("who", [name for name in NAMED if name != "blank"])
async def test_back_channel_answers_the_same_whoever_is_named(people: City, who: str) -> None:
    client = await new_back_channel_client(people)

    async def shown(hint: str) -> list[tuple[int, dict[str, str], str]]:
        asked = await client.ask(login_hint=hint)
        polled = await client.poll(asked.json()["auth_req_id"])
        return [seen(_without_id(answer)) for answer in (asked, polled)]

    assert await shown(NAMED[who]) == await shown(NOBODY)


def _without_id(answer: httpx.Response) -> httpx.Response:
    text = re.sub(r'"auth_req_id":"[^"]+"', '"auth_req_id":"*"', answer.text)
    headers = {n: v for n, v in answer.headers.items() if n != "content-length"}
    return httpx.Response(answer.status_code, headers=headers, text=text)


@pytest.mark.behaviour("attack-enumeration")
async def test_time_of_the_answers_is_reported(
    people: City, client: TestClient, record_property: Any
) -> None:
    """Reported, not asserted: a person is asked, a decoy is not."""
    back: BackChannelClient = await new_back_channel_client(people)
    for who, identifier in (("known", "carmen"), ("unknown", NOBODY), ("suspended", "eve")):
        spent_ms = []
        for _ in range(ROUNDS):
            browser = Browser(people)
            page = await browser.open(client.client_id, await client.pushed())
            began = time.perf_counter()
            sent = await browser.identify(page, identifier)
            spent_ms.append(1000 * (time.perf_counter() - began))
            assert sent.status_code == 303
        record_property(f"sign_in_ms_median_{who}", round(statistics.median(spent_ms), 2))
        began = time.perf_counter()
        assert (await back.ask(login_hint=identifier)).status_code == 200
        record_property(f"back_channel_ms_{who}", round(1000 * (time.perf_counter() - began), 2))


@pytest.mark.behaviour("attack-enumeration")
async def test_hint_of_a_service_shows_the_same_whoever_it_names(people: City) -> None:
    client = await new_client(people, "client-hints", ClientPolicy(may_hint_login=True))
    answers = {}
    for who in ("ada", "dora", "eve", NOBODY):
        browser = Browser(people)
        opened = await browser.open(client.client_id, await client.pushed(login_hint=who))
        assert opened.status_code == 303, opened.text
        path = httpx.URL(opened.headers["location"]).path
        answers[who] = [seen(opened), seen(await browser.get(path))]
    assert all(each == answers[NOBODY] for each in answers.values())

"""An attacker who begins sign-ins at the same moment, at several fronts: nothing slips between."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity import api
from lionrock.identity.api import ClientPolicy, Identity
from lionrock.identity.domain.grants import SignIn
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.service.questions import sign_in_question
from lionrock.identity.store import beginnings, requests
from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.http import build_application
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client

AT_ONCE = 14
ROWS = (
    "SELECT count(*) AS begun, count(approval_id) AS asked,"
    " (SELECT count(*) FROM identity.quiet_sign_ins) AS quiet,"
    " (SELECT count(*) FROM identity.approvals WHERE kind = 'sign_in') AS approvals"
    " FROM identity.sign_ins"
)


@pytest.fixture
async def hinting(city: City) -> TestClient:
    """A client that says who signs in, so that one request does all."""
    return await new_client(city, "client-hints", ClientPolicy(may_hint_login=True))


@pytest.fixture
def fronts(city: City) -> tuple[City, City]:
    """Two fronts over one database."""
    identity = Identity(city.kernel, Evidence(city.kernel, Directory(city.kernel)))
    application: Any = build_application(city.kernel, [api.table(identity)])
    return city, dataclasses.replace(city, identity=identity, application=application)


async def counted(city: City) -> dict[str, int]:
    return dict(await city.kernel.database.run(lambda db: db.fetchrow(ROWS)))


async def open_all(
    fronts: tuple[City, City], client: TestClient, hints: list[str]
) -> list[str]:
    """Open an address for each hint at once, front by front; returns where they lead."""
    pushed = [await client.pushed(login_hint=hint) for hint in hints]
    answers = await asyncio.gather(*(
        Browser(fronts[n % 2]).open(client.client_id, each) for n, each in enumerate(pushed)
    ))
    assert [answer.status_code for answer in answers] == [303] * len(hints)
    return [answer.headers["location"] for answer in answers]


@pytest.mark.behaviour("attack-push-bombing")
async def test_sign_ins_begun_at_once_ring_no_more_than_one_by_one(
    city: City, fronts: tuple[City, City], hinting: TestClient
) -> None:
    assert len(set(await open_all(fronts, hinting, ["ada"] * AT_ONCE))) == AT_ONCE
    assert len(await city.phone.pending("ada")) == 5
    assert await counted(city) == {
        "begun": AT_ONCE, "asked": 5, "quiet": AT_ONCE - 5, "approvals": 5}


async def test_one_browser_that_opens_an_address_many_times_at_once_begins_one_sign_in(
    city: City, fronts: tuple[City, City], hinting: TestClient
) -> None:
    browser = Browser(city)
    await browser.open(hinting.client_id, await hinting.pushed())  # It has a cookie from here on.
    for hint in ("ada", "nobody"):
        before = await counted(city)
        pushed = await hinting.pushed(login_hint=hint)
        tabs = [Browser(fronts[n % 2]) for n in range(AT_ONCE)]
        for tab in tabs:
            tab.cookies = dict(browser.cookies)
        answers = await asyncio.gather(*(tab.open(hinting.client_id, pushed) for tab in tabs))
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert (await counted(city))["begun"] == before["begun"] + 1
    assert len(await city.phone.pending("ada")) == 1


async def test_sign_ins_decoys_and_deeds_at_once_never_wait_for_each_other_in_a_circle(
    city: City, fronts: tuple[City, City], hinting: TestClient
) -> None:
    hints = ["ada", "nobody", "ben", "+85259000001", "nobody"] * 4
    await asyncio.wait_for(asyncio.gather(
        open_all(fronts, hinting, hints), *(city.asked("ada") for _ in range(4))
    ), timeout=90)  # fmt: skip
    seen = await counted(city)
    assert (seen["begun"], seen["asked"] + seen["quiet"]) == (20, 12)


def _sign_in(city: City, client: TestClient) -> SignIn:
    now = city.kernel.wire_clock.now()
    expires_at = now + timedelta(seconds=300)
    return SignIn(
        id=requests.SIGN_INS.stamp(city.kernel.ids.new("sin"), expires_at),
        request_hash=secrets.token(32).encode(), client_id=client.client_id, browser_hash=b"b",
        subject_key=b"ada", person_id=None, approval_id=None, number="12", started_at=now,
        expires_at=expires_at,
    )  # fmt: skip


async def _begin(city: City, client: TestClient, **changes: Any) -> None:
    """Begin a sign-in of Ada's within a ration (all limits 0), as the service does."""
    identity, sign_in = city.identity, _sign_in(city, client)
    ration = beginnings.Ration(
        since=sign_in.started_at - timedelta(minutes=10),
        **{"own": 0, "every": 0, "pending": 0, "approvals": 0} | changes,
    )  # fmt: skip

    async def use_case(db: Connection) -> None:
        known = await identity.clients.find(db, client.client_id)
        assert known is not None
        quiet = identity.authorization.quiet
        request = AuthorizationRequest(
            client_id=client.client_id, redirect_uri="https://client.example/callback",
            scopes=("openid",), code_challenge="c",
        )  # fmt: skip
        asked = sign_in_question(city.people["ada"].id, request, known, sign_in.id, "en")
        question = quiet._question(sign_in, known, asked)
        now = city.kernel.business_clock.now()
        await beginnings.begin(db, sign_in, question, ration, now, resumes=False)

    await city.kernel.database.run(use_case)


@pytest.mark.parametrize("limit", ["own", "every", "pending", "approvals"])
async def test_each_limit_of_the_ration_silences_the_phone_by_itself(
    city: City, client: TestClient, limit: str
) -> None:
    for expected in (1, 2, 2):
        await _begin(city, client, **{limit: 2})
        assert (await counted(city))["asked"] == expected
    await _begin(city, client)
    assert await counted(city) == {"begun": 4, "asked": 3, "quiet": 1, "approvals": 3}


async def test_person_suspended_since_the_look_up_is_not_asked(
    city: City, client: TestClient
) -> None:
    await city.kernel.database.run(partial(_suspend, city, city.people["ada"].id))
    await _begin(city, client)
    assert await counted(city) == {"begun": 1, "asked": 0, "quiet": 1, "approvals": 0}


async def _suspend(city: City, person_id: str, db: Connection) -> None:
    await city.identity.parties.set_person_status(db, person_id, "suspended")

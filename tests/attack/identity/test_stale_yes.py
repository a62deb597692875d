"""A yes that nobody fetched yet, and what became of the phone or the person since."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from lionrock.identity.domain.assurance import ACR_DEVICE_NUMBER
from lionrock.identity.domain.grants import ACCESS_TOKEN_TYPE
from lionrock.identity.domain.parties import PersonStatus
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import thumbprint
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.http.identity.keepers import OWN_SCOPES, new_keeper
from tests.http.identity.test_form_fillings import begin
from tests.http.identity.test_recovery import post, proven


async def recover(city: City) -> None:
    """Ada starts again: everything of the lost phone is void."""
    done = await post(city, "/completion", secret=await proven(city))
    assert done.status_code == 201, done.text


async def lose_device(city: City) -> None:
    """Ada's phone is taken out of use."""
    ada = city.people["ada"].id

    async def revoke(db: Connection) -> None:
        (device,) = await city.identity.devices.devices_of(db, ada)
        assert await city.identity.devices.revoke(db, device.id) is None

    await city.kernel.database.run(revoke)


async def set_status(city: City, status: PersonStatus) -> None:
    """An operator suspends Ada, or lets her in again."""
    ada = city.people["ada"].id
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(db, ada, status)
    )


async def suspend(city: City) -> None:
    """An operator suspends Ada."""
    await set_status(city, "suspended")


EVENTS = [recover, lose_device, suspend]


@pytest.mark.parametrize("event", EVENTS)
async def test_a_yes_of_a_lost_phone_brings_no_code(
    city: City, client: TestClient, event: Any
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    await event(city)
    ended = await browser.get(path)
    assert ended.status_code == 303, ended.text
    told = dict(parse_qsl(urlsplit(ended.headers["location"]).query))
    assert told["error"] == "access_denied" and "code" not in told


@pytest.mark.parametrize("event", EVENTS)
async def test_a_yes_that_falls_while_its_sign_in_ends_brings_no_code(
    city: City, client: TestClient, event: Any
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    (secret,) = browser.cookies.values()
    database, authorization = city.kernel.database, city.identity.authorization
    view = await database.run(
        lambda db: authorization.view(db, path.rpartition("/")[2], secret)
    )
    assert not isinstance(view, Refused) and view.state == "approved"
    endings = authorization.endings
    assert view.sign_in.approval_id is not None
    now = city.kernel.wire_clock.now()
    grant, ended, _ = await database.run(lambda db: endings.with_code(db, view, now))
    await event(city)
    # Its level was read before: the statement that would end it looks once more.
    outcome = await database.run(
        lambda db: endings.end_with_code(db, view, ended, grant, ACR_DEVICE_NUMBER)
    )
    assert (outcome.is_ended, outcome.stands) == (False, False)
    told = dict(parse_qsl(urlsplit((await browser.get(path)).headers["location"]).query))
    assert told["error"] == "access_denied" and "code" not in told


@pytest.mark.parametrize("event", EVENTS)
async def test_a_yes_of_a_lost_phone_brings_no_tokens_over_the_back_channel(
    city: City, event: Any
) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    await client.decide()
    await event(city)
    answer = await client.poll(auth_req_id)
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied"), answer.text


async def test_a_yes_of_a_lost_phone_is_not_pushed(city: City) -> None:
    client = await new_back_channel_client(city, "push")
    await client.asked()
    await client.decide()
    await lose_device(city)
    await city.worker().run_until_idle()
    (told,) = client.callback.bodies
    assert told["error"] == "access_denied" and "access_token" not in told


@pytest.mark.parametrize("event", EVENTS)
async def test_a_yes_of_a_lost_phone_fills_no_form(city: City, event: Any) -> None:
    keeper = await new_keeper(city, more_scopes=OWN_SCOPES | {"forms"})
    filling = await begin(city, keeper)
    await filling.approve()
    await event(city)
    assert error_code(await filling.fetch()) == "identity.form_filling_denied"


async def test_a_code_of_a_person_suspended_since_brings_nothing(
    city: City, client: TestClient
) -> None:
    code = await client.code()
    await suspend(city)
    answer = await client.redeem(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
    await set_status(city, "active")
    assert (await client.redeem(code)).status_code == 200


async def test_a_company_token_made_while_its_source_is_revoked_falls_with_it(
    city: City, client: TestClient
) -> None:
    token = await client.token(scope="openid company")
    form = TokenForm(
        subject_token=token, subject_token_type=ACCESS_TOKEN_TYPE, company=city.company.id
    )
    revoked: list[asyncio.Task[httpx.Response]] = []

    async def exchange_slowly(db: Connection) -> TokenReply:
        known = await city.identity.clients.find(db, client.client_id)
        assert known is not None
        answer = await city.identity.tokens.exchange(
            db, known, form, thumbprint(client.dpop_key.bare_jwk)
        )
        assert isinstance(answer, TokenReply), answer
        sent = client.post("/identity/revoke", {"token": token}, proof=None)
        revoked.append(asyncio.create_task(sent))
        # Time for the revocation to look for what was exchanged, before this is committed.
        await asyncio.sleep(0.3)
        return answer

    made = await city.kernel.database.run(exchange_slowly)
    assert (await revoked[0]).status_code == 200
    assert (await client.get(token)).status_code == 401
    assert (await client.get(made.access_token)).status_code == 401

"""The back channel and scanned codes with many at once: single use stays single, limits hold."""

from __future__ import annotations

import asyncio

from lionrock.sandbox.world.answering import PhoneRefused
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.http.identity.scanning import open_scan_page

AT_ONCE = 6


async def test_one_auth_req_id_polled_by_many_at_once_brings_one_token(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    await client.decide()
    answers = await asyncio.gather(*(client.poll(auth_req_id) for _ in range(AT_ONCE)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [400] * (AT_ONCE - 1)
    refused = {answer.json()["error"] for answer in answers if answer.status_code == 400}
    assert refused == {"invalid_grant"}


async def test_polls_at_once_share_one_interval(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    answers = await asyncio.gather(*(client.poll(auth_req_id) for _ in range(4)))
    errors = sorted(answer.json()["error"] for answer in answers)
    assert errors == ["authorization_pending"] + ["slow_down"] * 3


async def test_workers_that_deliver_at_once_send_one_set_of_tokens(city: City) -> None:
    client = await new_back_channel_client(city, "push")
    await client.asked()
    await client.decide()
    record = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT id FROM identity.ciba_requests")
    )
    await asyncio.gather(
        *(city.identity.ciba_notices.deliver(record, attempt=1) for _ in range(AT_ONCE))
    )
    assert client.callback.bodies
    assert all(body == client.callback.bodies[0] for body in client.callback.bodies)
    count = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM identity.access_tokens")
    )
    assert count == 1


async def test_the_limit_of_questions_holds_among_requests_at_once(city: City) -> None:
    client = await new_back_channel_client(city)
    answers = await asyncio.gather(*(client.ask() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await city.phone.pending("ada")) == city.kernel.settings.limit_ciba_per_client


async def test_one_request_object_sent_many_times_at_once_asks_once(city: City) -> None:
    client = await new_back_channel_client(city)
    request = client.request_object()
    answers = await asyncio.gather(*(client.ask_signed(request) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert len(await city.phone.pending("ada")) == 1


async def test_one_code_scanned_by_many_at_once_asks_one(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    content = await page.content()
    people = ("ada", "ben", "carmen")
    results = await asyncio.gather(
        *(city.phone.scan(persona, content) for persona in people), return_exceptions=True
    )
    refused = [r.code for r in results if isinstance(r, PhoneRefused)]
    assert refused == ["identity.scan_used"] * 2
    asked = [len(await city.phone.pending(persona)) for persona in people]
    assert sorted(asked) == [0, 0, 1]

"""Results that outlived what they stood on: neither made, nor pushed, nor fetched."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lionrock.hongkong.facades.domain import open_content
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.hongkong.facade_city import FacadeCity, open_facade
from tests.http.hongkong.facade_client import OAEP, FacadeCaller

PROFILE = "/account/auth/profile/initiateRequest"
DIGEST = base64.b64encode(b"\2" * 32).decode()


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """Both wires on, one service."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened


async def pushed(facade: FacadeCity) -> tuple[str, dict[str, Any]]:
    """The code and the content of the first push, once it is there."""
    for _ in range(200):
        if facade.service.received:
            break
        await asyncio.sleep(0.05)
    body = json.loads(facade.service.received[0])
    cek = facade.service.kek.decrypt(base64.b64decode(body["secretKey"]), OAEP)
    opened = open_content(cek, body["content"])
    assert isinstance(opened, bytes)
    return body["code"], json.loads(opened)


async def take_back(facade: FacadeCity, persona: str) -> None:
    """The person takes every grant back."""

    async def revoke(db: Connection) -> None:
        grants, person_id = facade.city.identity.grants, facade.city.people[persona].id
        held = await grants.of_person(db, person_id)
        assert held, "a log-in of a facade is on record, for its person to see"
        for grant in held:
            assert await grants.revoke_of_person(db, person_id, grant.id) is None

    await facade.city.kernel.database.run(revoke)


async def asked_profile(facade: FacadeCity) -> FacadeCaller:
    """A caller whose wish for a profile waits on the phone, its page opened."""
    caller = FacadeCaller(facade)
    await caller.get_key()
    token = await caller.log_in("carmen")
    fields = caller.action(token) | {"profileFields": ["enName"]}
    ticket = (await caller.call(PROFILE, fields)).content["ticketID"]
    await facade.open_in_browser(caller.qr_url(ticketID=ticket, state="act-1"))
    return caller


async def test_a_grant_taken_back_while_the_phone_asks_gives_nothing(facade: FacadeCity) -> None:
    await asked_profile(facade)
    await take_back(facade, "carmen")
    await facade.approve("carmen", facade.pages[-1].number, "approve")
    code, content = await pushed(facade)
    assert code == "D40000"
    assert set(content) == {"businessID", "state"}
    assert "error=D40000" in (facade.pages[-1].away or "")


async def test_a_grant_taken_back_before_the_push_withdraws_what_was_made(
    facade: FacadeCity,
) -> None:
    await asked_profile(facade)
    facade.service.status = 503
    await facade.approve("carmen", facade.pages[-1].number, "approve")
    assert "error" not in (facade.pages[-1].away or "")
    async with facade.idle:
        await take_back(facade, "carmen")
        facade.service.status = 200
    code, content = await pushed(facade)
    assert code == "D40000"
    assert set(content) == {"businessID", "state"}


async def test_a_mandate_revoked_before_the_push_withdraws_the_seal(facade: FacadeCity) -> None:
    caller = FacadeCaller(facade)
    caller.prefix = "/api/eservice/v1"
    await caller.get_key()
    token = await caller.log_in_company("ada")
    fields = caller.action(token) | {
        "hashCode": DIGEST, "sigAlgo": "SHA256withECDSA", "documentName": "Deed",
        "signType": "CORPID_SIGN",
    }  # fmt: skip
    ticket = (await caller.call("/signing/initiateRequest", fields)).content["ticketID"]
    facade.service.status = 503
    page = await facade.open_in_browser(caller.qr_url(ticketID=ticket, state="act-1"))
    await facade.approve("ada", page.number, "approve")

    async def revoke(db: Connection) -> None:
        identity = facade.city.identity
        for mandate in await identity.mandates.of_person(db, facade.city.people["ada"].id):
            ended = await identity.revoke_mandate(db, mandate.id, mandate.company_id, "operator")
            assert not isinstance(ended, Refused)

    async with facade.idle:
        await facade.city.kernel.database.run(revoke)
        facade.service.status = 200
    code, content = await pushed(facade)
    assert code == "M40000"
    assert "signature" not in content


async def test_a_sign_token_of_a_withdrawn_action_seals_nothing(facade: FacadeCity) -> None:
    caller = FacadeCaller(facade)
    caller.prefix = "/api/eservice/v1"
    await caller.get_key()
    token = await caller.log_in_company("ada")
    document = {"hashCode": DIGEST, "sigAlgo": "SHA256withECDSA", "documentName": "Deed"}
    fields = caller.action(token) | document | {"signType": "INTEGRATED_SIGN"}
    ticket = (await caller.call("/signing/initiateRequest", fields)).content["ticketID"]
    page = await facade.open_in_browser(caller.qr_url(ticketID=ticket, state="act-1"))
    await facade.approve("ada", page.number, "approve")
    _, content = await pushed(facade)
    await take_back(facade, "ada")
    again = await caller.log_in_company("ada")
    seal = caller.action(again) | document | {
        "businessID": fields["businessID"], "signToken": content["signToken"],
    }  # fmt: skip
    assert (await caller.call("/signing/requestCorpSigning", seal)).code == "M40000"


async def test_an_action_ends_with_the_time_of_its_grant_and_not_before(
    facade: FacadeCity,
) -> None:
    """The grant is on record as long as its last action can last, and no longer."""
    caller = FacadeCaller(facade)
    await caller.get_key()
    await caller.log_in("carmen")

    async def read(db: Connection) -> int:
        grants = await facade.city.identity.grants.of_person(db, facade.city.people["carmen"].id)
        return int((grants[0].expires_at - grants[0].created_at).total_seconds())

    assert await facade.city.kernel.database.run(read) == 900 + 18 * 60

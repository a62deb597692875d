"""Refreshes, revocations and changes of one grant at the same time, from two fronts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity import api
from lionrock.identity.api import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.http import build_application
from tests.http.identity.city import ISSUER, City
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in

AT_ONCE = 8


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client with refresh tokens."""
    return await new_keeper(city)


async def test_code_at_two_fronts_at_once_gives_one_answer_and_ends_revoked(
    city: City, keeper: Keeper
) -> None:
    code = await keeper.code()
    identity = Identity(city.kernel, Evidence(city.kernel, Directory(city.kernel)))
    other: Any = build_application(city.kernel, [api.table(identity)])

    async def redeem(application: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": keeper.verifier,
            "redirect_uri": "https://client.example/callback",
            "client_assertion": keeper.assertion(),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }  # fmt: skip
        proof = keeper.proof("POST", f"{ISSUER}/identity/token")
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
            return await http.post("/identity/token", data=form, headers={"dpop": proof})

    fronts: list[Any] = [city.application, other]
    answers = await asyncio.gather(*(redeem(fronts[n % 2]) for n in range(AT_ONCE)))
    good = [a.json() for a in answers if a.status_code == 200]
    assert len(good) == 1
    assert (await keeper.get(good[0]["access_token"])).status_code == 401
    assert (await refresh(keeper, good[0]["refresh_token"])).json()["error"] == "invalid_grant"


async def test_refreshes_at_once_rotate_once_and_agree_on_the_successor(
    city: City, keeper: Keeper
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    answers = await asyncio.gather(*(refresh(keeper, token) for _ in range(AT_ONCE)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["refresh_token"] for a in answers}) == 1
    assert len({a.json()["access_token"] for a in answers}) == AT_ONCE

    async def newest(db: Connection) -> int:
        return int(await db.fetchval("SELECT max(generation) FROM identity.refresh_families"))

    assert await city.kernel.database.run(newest) == 2


async def test_revocation_amid_refreshes_leaves_no_live_token(keeper: Keeper) -> None:
    first = await signed_in(keeper)
    token = first["refresh_token"]
    *answers, revoked = await asyncio.gather(
        *(refresh(keeper, token) for _ in range(AT_ONCE)), keeper.revoke(token)
    )
    assert revoked.status_code == 200
    for answer in answers:
        if answer.status_code == 200:
            assert (await keeper.get(answer.json()["access_token"])).status_code == 401
        else:
            assert answer.json()["error"] == "invalid_grant"
    assert (await refresh(keeper, token)).json()["error"] == "invalid_grant"


async def test_merges_at_once_lose_nothing(keeper: Keeper) -> None:
    first = await signed_in(keeper, scope="openid", grant_management_action="create")
    codes = [
        await keeper.code(
            scope="openid", grant_management_action="merge", grant_id=first["grant_id"],
            authorization_details=json.dumps(
                [{"type": "form_filling", "form": {"name": "Licence"}, "fields": [name]}]
            ),
        )
        for name in ("enName", "emailAddress", "mobileNumber")
    ]  # fmt: skip
    answers = await asyncio.gather(*(keeper.redeem(code) for code in codes))
    assert {a.status_code for a in answers} == {200}
    token = (await keeper.own_token())["access_token"]
    grant = (await keeper.get(token, f"/identity/grants/{first['grant_id']}")).json()
    fields = {detail["fields"][0] for detail in grant["authorization_details"]}
    assert fields == {"enName", "emailAddress", "mobileNumber"}

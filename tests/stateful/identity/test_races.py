"""Two at once: single use stays single, limits hold, decisions fall once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import ANSWER_TYPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, sign_jws
from lionrock.sandbox.world.answering import PhoneRefused
from tests.conftest import SEED
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

AT_ONCE = 6


async def test_code_redeemed_by_many_at_once_gives_at_most_one_token_and_ends_revoked(
    city: City, client: TestClient
) -> None:
    code = await client.code()
    answers = await asyncio.gather(*(client.redeem(code) for _ in range(AT_ONCE)))
    good = [a for a in answers if a.status_code == 200]
    assert len(good) == 1
    assert {a.json()["error"] for a in answers if a.status_code != 200} == {"invalid_grant"}
    # The reuse that followed costs the token that the first one got.
    assert (await client.get(good[0].json()["access_token"])).status_code == 401


async def test_one_proof_or_assertion_at_many_doors_passes_one(
    city: City, client: TestClient
) -> None:
    assertion = client.assertion()
    pushes = await asyncio.gather(*(
        client.post("/identity/par", client.request(), assertion=assertion, proof=None)
        for _ in range(AT_ONCE)
    ))  # fmt: skip
    assert sorted(a.status_code for a in pushes) == [201] + [401] * (AT_ONCE - 1)
    token = await client.token()
    proof = client.proof("GET", f"{ISSUER}/identity/userinfo", token=token)
    headers = [("authorization", f"DPoP {token}"), ("dpop", proof)]
    calls = await asyncio.gather(*(client.get(token, headers=headers) for _ in range(AT_ONCE)))
    assert sorted(a.status_code for a in calls) == [200] + [401] * (AT_ONCE - 1)


async def test_browser_that_reloads_many_times_gets_one_code(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    answers = await asyncio.gather(*(browser.get(path) for _ in range(AT_ONCE)))
    assert sorted(a.status_code for a in answers) == [303] + [409] * (AT_ONCE - 1)


async def test_pending_limit_holds_when_many_ask_at_once(city: City) -> None:
    answers = await asyncio.gather(*(city.ask("ada") for _ in range(12)))
    assert sum(not isinstance(a, Refused) for a in answers) == 8


async def test_sign_in_limit_holds_when_many_start_at_once(
    city: City, client: TestClient
) -> None:
    async def attempt() -> int:
        browser = Browser(city)
        page = await browser.open(client.client_id, await client.pushed())
        return (await browser.identify(page, "ada")).status_code

    statuses = await asyncio.gather(*(attempt() for _ in range(8)))
    # The page tells nobody; the phone hears of no more than may wait there at once.
    assert statuses == [303] * 8
    assert len(await city.phone.pending("ada")) == city.kernel.settings.limit_sign_ins_pending


async def test_enrolment_code_used_by_many_at_once_enrols_one_phone(city: City) -> None:
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, city.people["ben"].id)
    )

    async def enrol() -> int:
        key = generate_key()
        claims = {"code": code, "aud": ISSUER, "iat": city.kernel.wire_clock.now_s()}
        proof = sign_jws(key, claims, typ="device-enrolment+jwt")
        body = msgspec.json.encode({"code": code, "public_jwk": key.bare_jwk, "proof": proof})
        reply = await city.kernel.network.send(
            "POST", f"{ISSUER}/identity/v1/devices", {"content-type": "application/json"}, body
        )
        return reply.status

    statuses = await asyncio.gather(*(enrol() for _ in range(AT_ONCE)))
    assert sorted(statuses) == [201] + [403] * (AT_ONCE - 1)


async def test_guesses_at_once_do_not_get_more_tries(city: City) -> None:
    approval = await city.asked("ada", number_match=True)
    assert approval.number is not None
    wrong = [f"{(int(approval.number) + n) % 100:02d}" for n in range(1, AT_ONCE + 1)]

    async def guess(number: str) -> str:
        try:
            return await city.phone.answer("ada", approval.id, "approved", number)
        except PhoneRefused as error:
            return error.code

    codes = await asyncio.gather(*(guess(number) for number in wrong))
    assert codes.count("identity.number_wrong") == 3
    assert (await city.approval(approval.id)).state == "rejected"
    assert (await city.approval(approval.id)).tries_left == 0


@pytest.mark.parametrize("round_number", range(3))
async def test_officers_who_answer_at_once_decide_once(city: City, round_number: int) -> None:
    chance = random.Random(SEED + round_number)
    people = ("ada", "ben", "carmen")
    for _ in range(4):
        quorum = chance.randint(1, 3)
        decisions = {p: chance.choice(("approved", "rejected")) for p in people}
        await _decide_at_once(city, quorum, decisions)


async def _decide_at_once(city: City, quorum: int, decisions: dict[str, str]) -> None:
    approval = await city.asked(*decisions, quorum=quorum)
    before = len(await city.events())

    async def answer(persona: str, decision: str) -> Any:
        try:
            return await city.phone.answer(persona, approval.id, decision)
        except PhoneRefused as error:
            return error.code

    answers = await asyncio.gather(*(answer(p, d) for p, d in decisions.items()))
    final = (await city.approval(approval.id)).state
    yes = list(decisions.values()).count("approved")
    assert final == ("approved" if yes >= quorum else "rejected"), (quorum, decisions, answers)
    assert len(await city.events()) == before + 1
    late = {"identity.approval_decided", "phone.not_asked"}
    assert set(answers) <= {"pending", final} | late


async def test_answer_sent_again_after_a_lost_reply_is_the_same_answer(city: City) -> None:
    approval = await city.asked("ada")
    key, _ = await city.phone._device("ada")
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    }  # fmt: skip
    jws = sign_jws(key, claims, typ=ANSWER_TYPE)
    body = msgspec.json.encode({"answer": jws})
    path = f"/identity/v1/device/approvals/{approval.id}/answer"
    replies = [await city.phone._send("ada", "POST", path, body) for _ in range(3)]
    assert {(r.status, r.body) for r in replies} == {(200, replies[0].body)}
    assert len(await city.events()) == 1

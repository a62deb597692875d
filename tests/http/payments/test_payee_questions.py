"""Many questions about payees in one signed call: each charged and answered for itself."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import Status
from lionrock.kernel.jose import generate_key
from tests.http.payments.test_addressing import ask, look_up, register, tokens
from tests.unit.payments.city import HARBOUR, LANTAU, PLATFORM, PaymentsCity

PATH = "/payments/v1/payee-questions"
NUMBER = {"kind": "mobile", "value": "51990001"}
NOBODY = {"kind": "mobile", "value": "51990099"}


async def asked(city: PaymentsCity, *questions: dict[str, str], sender: str = LANTAU) -> Any:
    """Ask; returns the answers."""
    answer = await ask(city, sender, PATH, {"questions": questions})
    assert answer.status == 200, answer
    return answer.body["answers"]


async def test_many_questions_are_answered_in_their_order_each_for_itself(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    alone = await look_up(city)
    answers = await asked(
        city, {**NUMBER, "name": "CHAN TAI MAN"}, NOBODY, NUMBER,
        {**NUMBER, "name": "Chan Man"}, {**NUMBER, "name": "Wong Siu Ming"},
        {**NUMBER, "value": "1"}, {"kind": "hkid", "value": "A123456(3)"},
        {**NUMBER, "payer": " x"}, {**NUMBER, "name": "\u202e"}, {**NUMBER, "currency": "CNY"},
    )  # fmt: skip
    assert answers[0] == {
        "found": alone.body, "verified": {"result": "match", "masked_name": ""}
    }
    assert answers[2] == {"found": alone.body}
    assert [each.get("verified", {}).get("result") for each in answers[3:5]] == [
        "close_match", "no_match"
    ]
    assert [each.get("code") for each in answers] == [
        None, "payments.proxy_not_found", None, None, None, "payments.proxy_malformed",
        "payments.identity_not_looked_up", "payments.payer_malformed",
        "payments.payee_malformed", "payments.proxy_not_found",
    ]  # fmt: skip


@pytest.mark.parametrize(("question", "cost"), [
    (NUMBER, 1), ({**NUMBER, "name": "CHAN TAI MAN"}, 1), (NOBODY, 20),
    ({**NUMBER, "name": "Chan Man"}, 20), ({**NUMBER, "name": "Wong Siu Ming"}, 20),
    ({**NOBODY, "name": "Chan Tai Man"}, 20), ({**NUMBER, "value": "1"}, 0),
])  # fmt: skip
async def test_each_question_costs_its_bank_and_its_payer_what_a_look_up_costs(
    city: PaymentsCity, question: dict[str, str], cost: int
) -> None:
    await register(city, HARBOUR)
    await asked(city, {**question, "payer": "512-1"}, {**question, "payer": "512-2"})
    left = await tokens(city)
    assert left.get((LANTAU, True), 1_000) == 1_000 - 2 * cost
    assert left.get((LANTAU, False), 100) == 100 - cost


async def test_a_payer_who_has_asked_too_often_is_told_nothing_and_the_others_are(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    scanning = [{**NOBODY, "payer": "512-1"}] * 6
    answers = await asked(city, *scanning, {**NUMBER, "payer": "512-1"},
                          {**NUMBER, "payer": "512-2"})
    assert [each.get("code") for each in answers] == [
        *["payments.proxy_not_found"] * 5, *["payments.lookups_exhausted"] * 2, None,
    ]
    assert "found" not in answers[6] and "found" in answers[7]


async def test_a_call_sent_again_tells_nothing_and_costs_nothing(city: PaymentsCity) -> None:
    await register(city, HARBOUR)
    raw = msgspec.json.encode({"questions": [NUMBER, NUMBER]})
    first = await city.call(LANTAU, PATH, raw, media_type="application/json")
    assert first.reply.status == 200
    before = await tokens(city)
    headers = {k: v for k, v in first.request_headers.items() if k != "host"}
    again = await city.world.context.network.send("POST", PLATFORM + PATH, headers, raw)
    assert again.status == 403
    assert msgspec.json.decode(again.body)["code"] == "signature.replayed"
    assert await tokens(city) == before


async def test_only_participants_ask_and_only_so_many_at_once(city: PaymentsCity) -> None:
    forged = await city.call(
        LANTAU, PATH, msgspec.json.encode({"questions": [NUMBER]}), key=generate_key(),
        media_type="application/json",
    )
    assert forged.reply.status == 403
    for count, status in ((0, 400), (64, 200), (65, 400)):
        answer = await ask(city, HARBOUR, PATH, {"questions": [NUMBER] * count})
        assert answer.status == status
    stranger = await ask(city, "platform", PATH, {"questions": [NUMBER]})
    assert stranger.status == 403
    assert await tokens(city) == {(HARBOUR, True): 1_000 - 5 * 20, (HARBOUR, False): 0}


async def test_who_may_not_ask_any_more_is_refused_and_his_neighbours_are_not(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    assert "found" in (await asked(city, NUMBER))[0]
    assert "found" in (await asked(city, NUMBER, sender=HARBOUR))[0]
    await city.kernel.database.run(
        lambda db: city.directory.set_status(db, LANTAU, Status.SUSPENDED, operator="iris")
    )
    before = await tokens(city)
    fallen, standing = await asyncio.gather(
        ask(city, LANTAU, PATH, {"questions": [NUMBER, NOBODY]}),
        ask(city, HARBOUR, PATH, {"questions": [NUMBER]}),
    )
    assert (fallen.status, fallen.body["code"]) == (403, "directory.organisation_suspended")
    assert "found" in standing.body["answers"][0]
    spent = {each: before[each] - left for each, left in (await tokens(city)).items()}
    assert spent == {(LANTAU, True): 0, (LANTAU, False): 0, (HARBOUR, True): 1, (HARBOUR, False): 1}

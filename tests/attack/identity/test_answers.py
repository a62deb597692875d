"""An attacker against the approval primitive: forged, borrowed, repeated and late answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import ANSWER_TYPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, sign_jws
from tests.attack.identity.forge import es256, jws
from tests.attack.identity.handset import LIST, answer, call, code_of, device
from tests.http.identity.city import City


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"words_hash": "0" * 64}, "identity.answer_words"),
        ({"approval_id": "apr_" + "0" * 32}, "identity.approval_unknown"),
        ({"decision": "maybe"}, "identity.answer_malformed"),
        ({"decision": None}, "identity.answer_malformed"),
        ({"iat": 1.5}, "identity.answer_malformed"),
        ({"extra": 1}, "identity.answer_malformed"),
        ({"number": 42}, "identity.answer_malformed"),
    ],
)
async def test_answer_with_a_wrong_claim_is_refused_and_does_not_count(
    city: City, changes: dict[str, Any], code: str
) -> None:
    approval = await city.asked("ada")
    own, _ = await device(city)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    } | changes  # fmt: skip
    body = msgspec.json.encode({"answer": sign_jws(own, claims, typ=ANSWER_TYPE)})
    reply = await call(city, "POST", f"{LIST}/{approval.id}/answer", body)
    assert code_of(reply) == code
    assert (await city.approval(approval.id)).state == "pending"


@pytest.mark.parametrize("offset_s", [-301, 31])
async def test_answer_dated_too_far_off_is_refused(city: City, offset_s: int) -> None:
    approval = await city.asked("ada")
    iat = city.kernel.wire_clock.now_s() + offset_s
    assert code_of(await answer(city, approval, iat=iat)) == "identity.answer_time"


@pytest.mark.parametrize("offset_s", [-300, 30])
async def test_answer_dated_just_within_is_counted(city: City, offset_s: int) -> None:
    approval = await city.asked("ada")
    iat = city.kernel.wire_clock.now_s() + offset_s
    assert (await answer(city, approval, iat=iat)).status == 200
    assert (await city.approval(approval.id)).state == "approved"


@pytest.mark.parametrize("is_sign_in", [False, True])
async def test_numbers_tried_at_once_are_counted_one_after_the_other(
    city: City, is_sign_in: bool
) -> None:
    kind = "sign_in" if is_sign_in else "test"
    approval = await city.asked("ada", kind=kind, number_match=True)
    assert approval.number is not None
    wrong = [f"{(int(approval.number) + n) % 100:02}" for n in range(1, 13)]
    replies = await asyncio.gather(*(answer(city, approval, number=each) for each in wrong))
    codes = Counter(map(code_of, replies))
    assert codes == {"identity.number_wrong": 3, "identity.approval_decided": 9}
    late = await answer(city, approval, number=approval.number)
    assert code_of(late) == "identity.approval_decided"
    assert (await city.approval(approval.id)).state == "rejected"


@pytest.mark.parametrize("decisions", [("approved", "rejected"), ("rejected", "rejected")])
async def test_of_a_sign_ins_answers_given_at_once_one_counts(
    city: City, decisions: tuple[str, str]
) -> None:
    approval = await city.asked("ada", kind="sign_in")
    replies = await asyncio.gather(*(
        answer(city, approval, decision=each, iat=city.kernel.wire_clock.now_s() - n)
        for n, each in enumerate(decisions)
    ))
    taken = [each for each in replies if each.status == 200]
    assert len(taken) == 1
    state = msgspec.json.decode(taken[0].body)["state"]
    assert (await city.approval(approval.id)).state == state


async def test_answer_signed_by_another_key_or_as_another_type_is_refused(city: City) -> None:
    approval = await city.asked("ada")
    forged = await answer(city, approval, key=generate_key())
    mistyped = await answer(city, approval, typ="JWT")
    assert (code_of(forged), code_of(mistyped)) == ("identity.answer_signature",) * 2
    own, _ = await device(city)
    claims = {"approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved"}
    header = {"alg": "none", "typ": ANSWER_TYPE}
    unsigned = jws(header, claims, lambda _: b"x")
    extended = jws({"alg": "ES256", "typ": ANSWER_TYPE, "crit": ["b64"]}, claims, es256(own))
    for token in (unsigned, extended):
        body = msgspec.json.encode({"answer": token})
        reply = await call(city, "POST", f"{LIST}/{approval.id}/answer", body)
        assert code_of(reply) == "identity.answer_signature"
    assert (await city.approval(approval.id)).state == "pending"


async def test_person_who_is_not_asked_sees_and_answers_nothing(city: City) -> None:
    approval = await city.asked("ada")
    assert await city.phone.pending("ben") == []
    assert code_of(await answer(city, approval, persona="ben")) == "identity.approval_unknown"
    own, _ = await device(city)
    stolen = await answer(city, approval, persona="ben", key=own)
    assert code_of(stolen) == "identity.approval_unknown"


async def test_answer_given_twice_counts_once_and_the_same_answer_is_idempotent(
    city: City,
) -> None:
    approval = await city.asked("ada", "ben", quorum=2)
    own, _ = await device(city)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    }  # fmt: skip
    body = msgspec.json.encode({"answer": sign_jws(own, claims, typ=ANSWER_TYPE)})
    path = f"{LIST}/{approval.id}/answer"
    first = await call(city, "POST", path, body)
    again = await call(city, "POST", path, body)
    assert (first.status, again.status) == (200, 200)
    changed = await answer(city, approval, decision="rejected")
    assert code_of(changed) == "identity.approval_answered"
    assert (await city.approval(approval.id)).state == "pending"
    assert (await answer(city, approval, persona="ben")).status == 200
    assert (await city.approval(approval.id)).state == "approved"


async def test_decision_falls_once_with_one_event_and_one_receipt(city: City) -> None:
    approval = await city.asked("ada", "ben", "carmen", quorum=2)
    for persona in ("ada", "ben"):
        assert (await answer(city, approval, persona=persona)).status == 200
    late = await answer(city, approval, persona="carmen", decision="rejected")
    assert code_of(late) == "identity.approval_decided"
    events = [e for e in await city.events() if e["topic"] == "identity.approval_decided"]
    assert [e["payload"] for e in events] == [
        {
            "approval_id": approval.id, "kind": "signing.document",
            "reference": f"cas_{'0' * 32}", "decision": "approved",
        }
    ]  # fmt: skip
    (receipt,) = await city.receipts("identity.approval_decided")
    assert receipt["digests"]["words"] == approval.words_hash
    assert set(receipt["digests"]) == {"words", "answer_1", "answer_2"}


async def test_quorum_that_cannot_be_reached_any_more_rejects(city: City) -> None:
    approval = await city.asked("ada", "ben", "carmen", quorum=2)
    for persona, state in (("ada", "pending"), ("ben", "rejected")):
        await answer(city, approval, persona=persona, decision="rejected")
        assert (await city.approval(approval.id)).state == state


async def test_approval_expires_on_the_business_clock_and_says_so(city: City) -> None:
    approval = await city.asked("ada", expires_in_s=60)
    city.business_clock.advance(seconds=59)
    await city.worker().run_until_idle()
    assert (await city.approval(approval.id)).state == "pending"
    city.business_clock.advance(seconds=1)
    assert code_of(await answer(city, approval)) == "identity.approval_expired"
    await city.worker().run_until_idle()
    assert (await city.approval(approval.id)).state == "expired"
    assert (await city.events())[-1]["payload"]["decision"] == "expired"


async def test_expiry_after_a_decision_changes_nothing(city: City) -> None:
    approval = await city.asked("ada", expires_in_s=60)
    await answer(city, approval)
    city.business_clock.advance(seconds=60)
    await city.worker().run_until_idle()
    assert (await city.approval(approval.id)).state == "approved"
    assert len([e for e in await city.events() if "approval" in e["topic"]]) == 1


async def test_person_is_asked_at_most_eight_things_at_once(city: City) -> None:
    for _ in range(8):
        await city.asked("ada")
    refused = await city.ask("ada")
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "identity.approvals_pending"
    (first, *_) = await city.phone.pending("ada")
    await city.phone.answer("ada", first["approval_id"], "rejected")
    await city.asked("ada")

"""An attacker against the approval primitive: forged answers, borrowed devices, bent questions."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import ANSWER_TYPE, ENROLMENT_TYPE, Approval, Mandate
from lionrock.identity.domain.mandates import MandateDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import sign_request
from lionrock.sandbox.world.phone import PhoneRefused
from tests.attack.identity.forge import es256, jws
from tests.http.identity.city import ISSUER, City, enrol

LIST = "/identity/v1/device/approvals"


async def _device(city: City, persona: str = "ada") -> tuple[Key, str]:
    return await city.phone._device(persona)


async def _call(
    city: City,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    persona: str = "ada",
    key: Key | None = None,
    keyid: str | None = None,
    offset_s: int = 0,
    signed_url: str | None = None,
) -> Reply:
    own, device_id = await _device(city, persona)
    headers = sign_request(
        method=method, url=signed_url or f"{ISSUER}{path}", body=body, key=key or own,
        keyid=keyid or device_id, now_s=city.kernel.wire_clock.now_s() + offset_s,
        headers={"content-type": "application/json"} if body else None,
    )  # fmt: skip
    return await city.kernel.network.send(method, f"{ISSUER}{path}", headers, body)


async def _answer(
    city: City,
    approval: Approval,
    *,
    persona: str = "ada",
    key: Key | None = None,
    typ: str = ANSWER_TYPE,
    approval_id: str | None = None,
    **changes: Any,
) -> Reply:
    own, _ = await _device(city, persona)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    } | changes  # fmt: skip
    body = {"answer": sign_jws(key or own, claims, typ=typ)}
    path = f"{LIST}/{approval_id or approval.id}/answer"
    return await _call(city, "POST", path, msgspec.json.encode(body), persona=persona)


def _code(reply: Reply) -> str:
    return str(msgspec.json.decode(reply.body)["code"])


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
    own, _ = await _device(city)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    } | changes  # fmt: skip
    body = msgspec.json.encode({"answer": sign_jws(own, claims, typ=ANSWER_TYPE)})
    reply = await _call(city, "POST", f"{LIST}/{approval.id}/answer", body)
    assert _code(reply) == code
    assert (await city.approval(approval.id)).state == "pending"


@pytest.mark.parametrize("offset_s", [-301, 31])
async def test_answer_dated_too_far_off_is_refused(city: City, offset_s: int) -> None:
    approval = await city.asked("ada")
    iat = city.kernel.wire_clock.now_s() + offset_s
    assert _code(await _answer(city, approval, iat=iat)) == "identity.answer_time"


@pytest.mark.parametrize("offset_s", [-300, 30])
async def test_answer_dated_just_within_is_counted(city: City, offset_s: int) -> None:
    approval = await city.asked("ada")
    iat = city.kernel.wire_clock.now_s() + offset_s
    assert (await _answer(city, approval, iat=iat)).status == 200
    assert (await city.approval(approval.id)).state == "approved"


async def test_answer_signed_by_another_key_or_as_another_type_is_refused(city: City) -> None:
    approval = await city.asked("ada")
    forged = await _answer(city, approval, key=generate_key())
    mistyped = await _answer(city, approval, typ="JWT")
    assert (_code(forged), _code(mistyped)) == ("identity.answer_signature",) * 2
    own, _ = await _device(city)
    claims = {"approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved"}
    header = {"alg": "none", "typ": ANSWER_TYPE}
    unsigned = jws(header, claims, lambda _: b"x")
    extended = jws({"alg": "ES256", "typ": ANSWER_TYPE, "crit": ["b64"]}, claims, es256(own))
    for token in (unsigned, extended):
        body = msgspec.json.encode({"answer": token})
        reply = await _call(city, "POST", f"{LIST}/{approval.id}/answer", body)
        assert _code(reply) == "identity.answer_signature"
    assert (await city.approval(approval.id)).state == "pending"


async def test_person_who_is_not_asked_sees_and_answers_nothing(city: City) -> None:
    approval = await city.asked("ada")
    assert await city.phone.pending("ben") == []
    assert _code(await _answer(city, approval, persona="ben")) == "identity.approval_unknown"
    own, _ = await _device(city)
    stolen = await _answer(city, approval, persona="ben", key=own)
    assert _code(stolen) == "identity.approval_unknown"


async def test_answer_given_twice_counts_once_and_the_same_answer_is_idempotent(
    city: City,
) -> None:
    approval = await city.asked("ada", "ben", quorum=2)
    own, _ = await _device(city)
    claims = {
        "approval_id": approval.id, "words_hash": approval.words_hash, "decision": "approved",
        "iat": city.kernel.wire_clock.now_s(),
    }  # fmt: skip
    body = msgspec.json.encode({"answer": sign_jws(own, claims, typ=ANSWER_TYPE)})
    path = f"{LIST}/{approval.id}/answer"
    first = await _call(city, "POST", path, body)
    again = await _call(city, "POST", path, body)
    assert (first.status, again.status) == (200, 200)
    changed = await _answer(city, approval, decision="rejected")
    assert _code(changed) == "identity.approval_answered"
    assert (await city.approval(approval.id)).state == "pending"
    assert (await _answer(city, approval, persona="ben")).status == 200
    assert (await city.approval(approval.id)).state == "approved"


async def test_decision_falls_once_with_one_event_and_one_receipt(city: City) -> None:
    approval = await city.asked("ada", "ben", "carmen", quorum=2)
    for persona in ("ada", "ben"):
        assert (await _answer(city, approval, persona=persona)).status == 200
    late = await _answer(city, approval, persona="carmen", decision="rejected")
    assert _code(late) == "identity.approval_decided"
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
        await _answer(city, approval, persona=persona, decision="rejected")
        assert (await city.approval(approval.id)).state == state


async def test_approval_expires_on_the_business_clock_and_says_so(city: City) -> None:
    approval = await city.asked("ada", expires_in_s=60)
    city.business_clock.advance(seconds=59)
    await city.worker().run_until_idle()
    assert (await city.approval(approval.id)).state == "pending"
    city.business_clock.advance(seconds=1)
    assert _code(await _answer(city, approval)) == "identity.approval_expired"
    await city.worker().run_until_idle()
    assert (await city.approval(approval.id)).state == "expired"
    assert (await city.events())[-1]["payload"]["decision"] == "expired"


async def test_expiry_after_a_decision_changes_nothing(city: City) -> None:
    approval = await city.asked("ada", expires_in_s=60)
    await _answer(city, approval)
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


# Devices: RFC 9421 on each call.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": generate_key()}, "identity.device_signature"),
        ({"keyid": "dev_" + "0" * 32}, "identity.device_unknown"),
        ({"keyid": "' OR 1=1 --"}, "identity.device_unknown"),
        ({"offset_s": -61}, "identity.device_signature"),
        ({"offset_s": 61}, "identity.device_signature"),
        ({"signed_url": f"{ISSUER}/identity/v1/other"}, "identity.device_signature"),
        ({"signed_url": f"http://evil.example{LIST}"}, "identity.device_signature"),
    ],
    ids=[
        "RFC9421-3.2-other-key", "RFC9421-3.2-unknown-keyid", "RFC9421-3.2-keyid-injection",
        "RFC9421-7.2.3-old", "RFC9421-2.3-future", "RFC9421-2.2.2-other-target",
        "RFC9421-2.2.2-other-host",
    ],
)  # fmt: skip
async def test_device_call_with_a_wrong_signature_is_refused(
    city: City, changes: dict[str, Any], code: str
) -> None:
    await city.asked("ada")
    reply = await _call(city, "GET", LIST, **changes)
    assert reply.status == 403
    assert _code(reply) == code


async def test_device_call_unsigned_or_replayed_is_refused(city: City) -> None:
    send = city.kernel.network.send
    assert _code(await send("GET", f"{ISSUER}{LIST}")) == "identity.device_signature"
    key, device_id = await _device(city)
    headers = sign_request(
        method="GET", url=f"{ISSUER}{LIST}", key=key, keyid=device_id,
        now_s=city.kernel.wire_clock.now_s(),
    )  # fmt: skip
    assert (await send("GET", f"{ISSUER}{LIST}", headers)).status == 200
    assert _code(await send("GET", f"{ISSUER}{LIST}", headers)) == "identity.device_replayed"


async def test_body_changed_after_signing_is_refused(city: City) -> None:
    approval = await city.asked("ada")
    key, device_id = await _device(city)
    url = f"{ISSUER}{LIST}/{approval.id}/answer"
    headers = sign_request(
        method="POST", url=url, body=b'{"answer":"a.b.c"}', key=key, keyid=device_id,
        headers={"content-type": "application/json"}, now_s=city.kernel.wire_clock.now_s(),
    )  # fmt: skip
    reply = await city.kernel.network.send("POST", url, headers, b'{"answer":"x.y.z"}')
    assert _code(reply) == "identity.device_signature"


async def test_revoked_device_and_suspended_holder_are_refused(city: City) -> None:
    _, device_id = await _device(city)
    run, identity = city.kernel.database.run, city.identity
    ada = city.people["ada"].id
    await run(lambda db: identity.parties.set_person_status(db, ada, "suspended"))
    assert _code(await _call(city, "GET", LIST)) == "identity.device_unknown"
    await run(lambda db: identity.parties.set_person_status(db, ada, "active"))
    assert (await _call(city, "GET", LIST)).status == 200
    await run(lambda db: identity.devices.revoke(db, device_id))
    assert _code(await _call(city, "GET", LIST)) == "identity.device_unknown"
    again = await run(lambda db: identity.devices.revoke(db, device_id))
    assert isinstance(again, Refused)


async def _enrolment(city: City, **changes: Any) -> Reply:
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, city.people["ben"].id)
    )
    assert isinstance(code, str)
    key = changes.pop("key", generate_key())
    claims = {"code": code, "aud": ISSUER, "iat": city.kernel.wire_clock.now_s()}
    signer = changes.pop("signer", key)
    proof = sign_jws(
        signer, claims | changes.pop("claims", {}), typ=changes.pop("typ", ENROLMENT_TYPE)
    )
    body = {"code": code, "public_jwk": key.bare_jwk, "proof": proof} | changes
    return await city.kernel.network.send(
        "POST", f"{ISSUER}/identity/v1/devices", {"content-type": "application/json"},
        msgspec.json.encode(body),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "c" * 22}, "identity.device_signature"),
        ({"code": "c" * 22, "claims": {"code": "c" * 22}}, "identity.enrolment_code"),
        ({"signer": generate_key()}, "identity.device_signature"),
        ({"typ": "JWT"}, "identity.device_signature"),
        ({"claims": {"aud": "https://evil.example"}}, "identity.device_signature"),
        ({"claims": {"iat": 0}}, "identity.device_signature"),
        ({"claims": {"iat": "now"}}, "identity.device_signature"),
        ({"public_jwk": {"kty": "RSA"}}, "identity.device_key"),
        ({"key": generate_key("Ed25519")}, "identity.device_key"),
        ({"public_jwk": generate_key().bare_jwk | {"d": "A" * 43}}, "identity.device_key"),
        ({"extra": 1}, "kernel.body_malformed"),
    ],
)
async def test_bent_enrolment_is_refused(
    city: City, changes: dict[str, Any], code: str
) -> None:
    assert _code(await _enrolment(city, **changes)) == code


async def test_enrolment_code_works_once_and_a_key_is_one_device(city: City) -> None:
    key = generate_key()
    assert (await _enrolment(city, key=key)).status == 201
    assert _code(await _enrolment(city, key=key)) == "identity.device_key_taken"
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, city.people["ben"].id)
    )
    assert isinstance(code, str)
    await city.phone.enrol("ben", code)
    with pytest.raises(PhoneRefused, match=r"identity\.enrolment_code"):
        await city.phone.enrol("ben", code)


async def test_enrolment_code_expires_after_seven_days(city: City) -> None:
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, city.people["ben"].id)
    )
    assert isinstance(code, str)
    city.business_clock.advance(days=7)
    with pytest.raises(PhoneRefused, match=r"identity\.enrolment_code"):
        await city.phone.enrol("ben", code)
    await enrol(city, "ben")


# Approvals for a company: mandates are asked when asked and again when answered.


async def _grant(city: City, persona: str, **changes: Any) -> str:
    given: dict[str, Any] = {
        "person_id": city.people[persona].id, "company_id": city.company.id,
        "role": "representative", "scopes": frozenset({"documents.seal"}),
        "valid_from": city.kernel.business_clock.now(),
    }  # fmt: skip
    draft = MandateDraft(**(given | changes))
    mandate = await city.kernel.database.run(
        lambda db: city.identity.grant_mandate(db, draft, "operator")
    )
    assert not isinstance(mandate, Refused), mandate
    return mandate.id


@pytest.mark.parametrize(
    ("mandate", "asked", "code"),
    [
        (None, {}, "identity.mandate_missing"),
        ({"scopes": frozenset({"payments"})}, {}, "identity.mandate_scope"),
        ({"amount_max": Money(100, "HKD")}, {"amount": Money(101, "HKD")},
         "identity.mandate_amount"),
        ({"amount_max": Money(100, "HKD")}, {"amount": Money(1, "CNY")},
         "identity.mandate_amount"),
        ({"signatures_needed": 2}, {}, "identity.approval_quorum"),
    ],
)  # fmt: skip
async def test_company_approval_beyond_the_mandate_is_refused(
    city: City, mandate: dict[str, Any] | None, asked: dict[str, Any], code: str
) -> None:
    if mandate is not None:
        await _grant(city, "ben", **mandate)
    refused = await city.ask(
        "ben", company_id=city.company.id, scope="documents.seal", **asked
    )
    assert isinstance(refused, Refused)
    assert refused.refusal.value == code


async def test_mandate_revoked_between_asking_and_answering_stops_the_answer(
    city: City,
) -> None:
    mandate_id = await _grant(city, "ben")
    approval = await city.asked("ben", company_id=city.company.id, scope="documents.seal")
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, mandate_id, city.company.id, "operator")
    )
    assert _code(await _answer(city, approval, persona="ben")) == "identity.mandate_missing"
    assert (await city.approval(approval.id)).state == "pending"
    rejected = await _answer(city, approval, persona="ben", decision="rejected")
    assert rejected.status == 200


async def test_joint_mandates_need_both_officers(city: City) -> None:
    await _grant(city, "ben", signatures_needed=2)
    await _grant(city, "carmen", signatures_needed=2)
    approval = await city.asked(
        "ben", "carmen", quorum=2, company_id=city.company.id, scope="documents.seal"
    )
    await _answer(city, approval, persona="ben")
    assert (await city.approval(approval.id)).state == "pending"
    await _answer(city, approval, persona="carmen")
    assert (await city.approval(approval.id)).state == "approved"


async def _find(city: City, at: datetime, db: Connection) -> Mandate | Refused:
    ben = city.people["ben"].id
    return await city.identity.mandate(db, ben, city.company.id, "documents.seal", at)


async def test_was_entitled_at_that_time_is_answered_from_history(city: City) -> None:
    start = city.kernel.business_clock.now()
    mandate_id = await _grant(city, "ben", valid_to=start + timedelta(days=30))
    city.business_clock.advance(days=10)
    run, identity = city.kernel.database.run, city.identity
    await run(lambda db: identity.revoke_mandate(db, mandate_id, city.company.id, "operator"))
    found = {}
    for day in (-1, 0, 9, 10, 31):
        at = start + timedelta(days=day)
        answer = await run(partial(_find, city, at))
        found[day] = not isinstance(answer, Refused)
    assert found == {-1: False, 0: True, 9: True, 10: False, 31: False}
    kinds = [await city.receipts(f"identity.mandate_{kind}") for kind in ("granted", "revoked")]
    assert [len(receipts) for receipts in kinds] == [2, 1]
    assert {e["topic"] for e in await city.events()} == {"identity.mandate_revoked"}

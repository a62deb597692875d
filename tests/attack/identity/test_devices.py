"""An attacker with the wrong phone: RFC 9421 on each call, enrolment, revocation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.identity.api import ENROLMENT_TYPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, sign_jws
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import sign_request
from lionrock.sandbox.world.answering import PhoneRefused
from tests.attack.identity.handset import LIST, call, code_of, device
from tests.http.identity.city import ISSUER, City, enrol


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
    reply = await call(city, "GET", LIST, **changes)
    assert reply.status == 403
    assert code_of(reply) == code


async def test_device_call_unsigned_or_replayed_is_refused(city: City) -> None:
    send = city.kernel.network.send
    assert code_of(await send("GET", f"{ISSUER}{LIST}")) == "identity.device_signature"
    key, device_id = await device(city)
    headers = sign_request(
        method="GET", url=f"{ISSUER}{LIST}", key=key, keyid=device_id,
        now_s=city.kernel.wire_clock.now_s(),
    )  # fmt: skip
    assert (await send("GET", f"{ISSUER}{LIST}", headers)).status == 200
    assert code_of(await send("GET", f"{ISSUER}{LIST}", headers)) == "identity.device_replayed"


async def test_body_changed_after_signing_is_refused(city: City) -> None:
    approval = await city.asked("ada")
    key, device_id = await device(city)
    url = f"{ISSUER}{LIST}/{approval.id}/answer"
    headers = sign_request(
        method="POST", url=url, body=b'{"answer":"a.b.c"}', key=key, keyid=device_id,
        headers={"content-type": "application/json"}, now_s=city.kernel.wire_clock.now_s(),
    )  # fmt: skip
    reply = await city.kernel.network.send("POST", url, headers, b'{"answer":"x.y.z"}')
    assert code_of(reply) == "identity.device_signature"


async def test_revoked_device_and_suspended_holder_are_refused(city: City) -> None:
    _, device_id = await device(city)
    run, identity = city.kernel.database.run, city.identity
    ada = city.people["ada"].id
    await run(lambda db: identity.parties.set_person_status(db, ada, "suspended"))
    assert code_of(await call(city, "GET", LIST)) == "identity.device_unknown"
    await run(lambda db: identity.parties.set_person_status(db, ada, "active"))
    assert (await call(city, "GET", LIST)).status == 200
    await run(lambda db: identity.devices.revoke(db, device_id))
    assert code_of(await call(city, "GET", LIST)) == "identity.device_unknown"
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
    assert code_of(await _enrolment(city, **changes)) == code


async def test_enrolment_code_works_once_and_a_key_is_one_device(city: City) -> None:
    key = generate_key()
    assert (await _enrolment(city, key=key)).status == 201
    assert code_of(await _enrolment(city, key=key)) == "identity.device_key_taken"
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

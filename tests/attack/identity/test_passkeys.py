"""An attacker with a page of another site, a copied passkey, or somebody else's session."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import httpx
import msgspec
import pytest

from tests.http.identity.authenticator import (
    BACKED_UP,
    ROOT,
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    Lie,
    Page,
    enrolment_code,
    opened,
)
from tests.http.identity.city import City

# Each is a lie of the browser or the authenticator, told in every ceremony.
LIES: dict[str, tuple[dict[str, Any], str]] = {
    "s7.2-11-type": ({"type": "payment.get"}, "identity.passkey_type"),
    "s7.2-12-challenge-unknown": ({"challenge": "A" * 43}, "identity.passkey_challenge"),
    "s7.2-12-challenge-no-base64": ({"challenge": "A=="}, "identity.passkey_malformed"),
    "s7.2-13-origin": ({"origin": "https://evil.example"}, "identity.passkey_origin"),
    "s7.2-13-origin-port": ({"origin": "http://platform.test:8080"}, "identity.passkey_origin"),
    "s7.2-13-origin-scheme": ({"origin": "https://platform.test"}, "identity.passkey_origin"),
    "s7.2-13-origin-subdomain": ({"origin": "http://sub.platform.test"}, "identity.passkey_origin"),
    "l3-cross-origin": ({"cross_origin": True}, "identity.passkey_cross_origin"),
    "l3-top-origin": (
        {"extra": {"topOrigin": "https://evil.example"}}, "identity.passkey_cross_origin",
    ),
    "s7.2-15-rp-id": ({"rp_id": "evil.example"}, "identity.passkey_relying_party"),
    "s7.2-16-user-present": ({"flags": USER_VERIFIED}, "identity.passkey_user_presence"),
    "s7.2-17-user-verified": ({"flags": USER_PRESENT}, "identity.passkey_user_verification"),
    "l3-backup-flags": (
        {"flags": USER_PRESENT | USER_VERIFIED | BACKED_UP}, "identity.passkey_backup_flags",
    ),
    "extensions-promised": (
        {"flags": USER_PRESENT | USER_VERIFIED | 0x80}, "identity.passkey_malformed",
    ),
}  # fmt: skip
ASSERTION_LIES: dict[str, tuple[dict[str, Any], str]] = LIES | {
    "s7.2-20-signature": ({"signature": b"0" * 70}, "identity.passkey_signature"),
    "s7.2-credential-unknown": ({"credential_id": b"1" * 32}, "identity.passkey_credential"),
    "s7.2-6-user-handle": ({"user_handle": "A" * 43}, "identity.passkey_credential"),
    "attested-data-promised": (
        {"flags": USER_PRESENT | USER_VERIFIED | 0x40}, "identity.passkey_malformed",
    ),
}  # fmt: skip
REGISTRATION_LIES: dict[str, tuple[dict[str, Any], str]] = LIES | {
    "s7.1-16-algorithm": ({"algorithm": -257}, "identity.passkey_algorithm"),
}


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


@pytest.mark.parametrize("name", REGISTRATION_LIES)
async def test_bent_registration_is_refused_and_the_code_stays_good(city: City, name: str) -> None:
    changes, expected = REGISTRATION_LIES[name]
    page, authenticator, code = Page(city), Authenticator(), await enrolment_code(city)
    await page.open()
    refused = await page.enrol(authenticator, code, Lie(**changes))
    assert code_of(refused) == expected, refused.text
    assert (await page.enrol(authenticator, code)).status_code == 201


@pytest.mark.parametrize("name", ASSERTION_LIES)
async def test_bent_sign_in_opens_no_session(city: City, name: str) -> None:
    changes, expected = ASSERTION_LIES[name]
    page, authenticator = await opened(city)
    await page.call("DELETE", "/session")
    refused = await page.sign_in(authenticator, Lie(**changes))
    assert code_of(refused) == expected
    assert (await page.call("GET", "/home")).status_code == 401
    assert (await page.sign_in(authenticator)).status_code == 204


@pytest.mark.parametrize("name", [n for n in ASSERTION_LIES if n != "s7.2-6-user-handle"])
async def test_bent_answer_counts_for_nothing(city: City, name: str) -> None:
    changes, expected = ASSERTION_LIES[name]
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    refused = await page.answer(authenticator, approval.id, lie=Lie(**changes))
    assert code_of(refused) == expected
    assert (await city.approval(approval.id)).state == "pending"
    assert (await page.answer(authenticator, approval.id)).json()["state"] == "approved"


async def test_copied_passkey_is_refused_by_its_counter(city: City) -> None:
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    for counter in (authenticator.counter, 0):
        refused = await page.answer(authenticator, approval.id, lie=Lie(counter=counter))
        assert code_of(refused) == "identity.passkey_counter"
    assert (await city.approval(approval.id)).state == "pending"


async def test_challenge_is_good_once_and_for_two_minutes(city: City) -> None:
    page, authenticator = await opened(city)
    begun = (await page.call("POST", "/challenge")).json()["public_key"]
    signed = authenticator.get(begun, Lie())
    assert (await page.call("POST", "/session", signed)).status_code == 204
    again = authenticator.get(begun, Lie())
    assert code_of(await page.call("POST", "/session", again)) == "identity.passkey_challenge"
    for seconds, status in ((119, 204), (120, 403)):
        begun = (await page.call("POST", "/challenge")).json()["public_key"]
        city.wire_clock.advance(seconds=seconds)
        late = await page.call("POST", "/session", authenticator.get(begun, Lie()))
        assert late.status_code == status


async def test_challenge_is_good_in_its_own_browser_only(city: City) -> None:
    page, authenticator = await opened(city)
    thief = Page(city)
    await thief.open()
    begun = (await thief.call("POST", "/challenge")).json()["public_key"]
    signed = authenticator.get(begun, Lie())
    assert code_of(await page.call("POST", "/session", signed)) == "identity.passkey_challenge"
    assert code_of(await thief.call("POST", "/session", signed)) == "identity.passkey_challenge"


async def test_challenge_of_one_ceremony_is_nothing_to_another(city: City) -> None:
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    begun = (await page.call("POST", "/challenge")).json()["public_key"]
    signed = authenticator.get(begun, Lie())
    refused = await page.call("POST", f"/approvals/{approval.id}/answer", signed)
    assert code_of(refused) == "identity.passkey_challenge"
    body = {"decision": "approved"}
    begun = (await page.call("POST", f"/approvals/{approval.id}/challenge", body)).json()
    signed = authenticator.get(begun["public_key"], Lie())
    assert code_of(await page.call("POST", "/session", signed)) == "identity.passkey_challenge"
    assert (await city.approval(approval.id)).state == "pending"


async def test_answer_signed_for_one_approval_is_nothing_to_another(city: City) -> None:
    page, authenticator = await opened(city)
    one, two = await city.asked("ada"), await city.asked("ada")
    body = {"decision": "approved"}
    begun = (await page.call("POST", f"/approvals/{one.id}/challenge", body)).json()
    signed = authenticator.get(begun["public_key"], Lie())
    refused = await page.call("POST", f"/approvals/{two.id}/answer", signed)
    assert code_of(refused) == "identity.passkey_challenge"
    assert (await city.approval(two.id)).state == "pending"


async def test_challenge_is_the_hash_of_words_decision_and_number(city: City) -> None:
    page, _ = await opened(city)
    approval = await city.asked("ada")
    path, seen = f"/approvals/{approval.id}/challenge", set()
    for body in ({"decision": "approved", "number": "12"}, {"decision": "rejected"}):
        begun = (await page.call("POST", path, body)).json()
        padded = begun["public_key"]["challenge"] + "="
        seen.add(base64.urlsafe_b64decode(padded))
    rows = await city.kernel.database.run(
        lambda db: db.fetch(
            "SELECT challenge, statement FROM identity.passkey_challenges WHERE purpose = 'answer'"
        )
    )
    assert {row["challenge"] for row in rows} == seen
    for row in rows:
        assert row["statement"]["words_hash"] == approval.words_hash
        text = msgspec.json.encode(dict(sorted(row["statement"].items())))
        assert hashlib.sha256(text).digest() == row["challenge"]


async def test_another_persons_passkey_answers_nothing(city: City) -> None:
    page, _ = await opened(city, "ada")
    bens_page, bens = await opened(city, "ben")
    approval = await city.asked("ada")
    refused = await page.answer(bens, approval.id)
    assert code_of(refused) == "identity.passkey_credential"
    refused = await bens_page.answer(bens, approval.id)
    assert code_of(refused) == "identity.approval_unknown"
    assert (await city.approval(approval.id)).state == "pending"


async def test_another_persons_device_cannot_be_revoked(city: City) -> None:
    page, _ = await opened(city, "ada")
    bens_page, _ = await opened(city, "ben")
    bens = (await bens_page.home())["devices"]["devices"][0]["device_id"]
    refused = await page.call("DELETE", f"/devices/{bens}")
    assert code_of(refused) == "identity.device_unknown"
    assert len((await bens_page.home())["devices"]["devices"]) == 2


async def test_revoked_passkey_and_suspended_holder_are_shut_out(city: City) -> None:
    page, authenticator = await opened(city)
    ada = city.people["ada"].id
    run, identity = city.kernel.database.run, city.identity
    await run(lambda db: identity.parties.set_person_status(db, ada, "suspended"))
    assert (await page.call("GET", "/home")).status_code == 401
    assert code_of(await page.sign_in(authenticator)) == "identity.passkey_credential"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"}, {"origin": "null"},
    ],
)  # fmt: skip
@pytest.mark.behaviour("attack-csrf")
async def test_call_of_another_site_is_refused(city: City, headers: dict[str, str]) -> None:
    page, _ = await opened(city)
    device = (await page.home())["devices"]["devices"][0]["device_id"]
    for method, path, body in (
        ("POST", "/challenge", None), ("GET", "/home", None),
        ("DELETE", f"/devices/{device}", None), ("POST", "/enrolment", {"code": "x"}),
    ):  # fmt: skip
        refused = await page.call(method, path, body, headers)
        assert code_of(refused) == "identity.passkey_forged"
    assert len((await page.home())["devices"]["devices"]) == 2


async def test_call_without_the_pages_cookie_is_refused(city: City) -> None:
    assert code_of(await Page(city).call("POST", "/challenge")) == "identity.passkey_forged"


@pytest.mark.behaviour("attack-session-fixation")
async def test_session_planted_before_sign_in_is_worth_nothing(city: City) -> None:
    page, authenticator, code = Page(city), Authenticator(), await enrolment_code(city)
    await page.open()
    planted = dict(page.cookies)
    await page.enrol(authenticator, code)
    await page.sign_in(authenticator)
    assert page.cookies != planted
    thief = Page(city)
    thief.cookies = planted
    assert (await thief.call("GET", "/home")).status_code == 401


async def test_unknown_used_and_expired_enrolment_codes_enrol_nothing(city: City) -> None:
    page, code = Page(city), await enrolment_code(city)
    await page.open()
    assert code_of(await page.enrol(Authenticator(), "c" * 22)) == "identity.enrolment_code"
    assert (await page.enrol(Authenticator(), code)).status_code == 201
    assert code_of(await page.enrol(Authenticator(), code)) == "identity.enrolment_code"
    late = await enrolment_code(city)
    city.business_clock.advance(days=7)
    assert code_of(await page.enrol(Authenticator(), late)) == "identity.enrolment_code"


async def test_passkey_is_enrolled_once_by_whomever(city: City) -> None:
    page, authenticator = await opened(city, "ada")
    refused = await page.enrol(authenticator, await enrolment_code(city, "ben"))
    assert code_of(refused) == "identity.device_key_taken"


@pytest.mark.parametrize(
    "field", ["credential_id", "client_data", "authenticator_data", "signature"]
)
@pytest.mark.parametrize("value", ["", "=", "A", "*" * 8, "A" * 6000])
async def test_garbage_is_refused(city: City, field: str, value: str) -> None:
    page, authenticator = await opened(city)
    begun = (await page.call("POST", "/challenge")).json()["public_key"]
    signed: dict[str, Any] = authenticator.get(begun, Lie()) | {field: value}
    refused = await page.call("POST", "/session", signed)
    assert refused.status_code in (400, 403)
    assert code_of(refused).startswith("identity.passkey_")


@pytest.mark.parametrize(
    "attestation", [b"", b"\xff", b"\xa0", b"\x9f" * 4000, b"\x81" * 4000, b"\xa1\x63fmt\x64none"]
)
async def test_garbage_for_an_attestation_is_refused(city: City, attestation: bytes) -> None:
    page, code = Page(city), await enrolment_code(city)
    await page.open()
    begun = (await page.call("POST", "/enrolment", {"code": code})).json()["public_key"]
    made = Authenticator().create(begun, Lie())
    body = {"code": code} | made
    body["attestation"] = base64.urlsafe_b64encode(attestation).rstrip(b"=").decode()
    assert code_of(await page.call("POST", "/passkeys", body)) == "identity.passkey_malformed"


@pytest.mark.behaviour("attack-clickjacking")
async def test_page_cannot_be_framed_and_runs_its_own_script_only(city: City) -> None:
    page = await Page(city).open()
    policy = page.headers["content-security-policy"]
    nonce = re.search(r'nonce="([^"]+)" integrity="(sha384-[^"]+)"', page.text)
    assert nonce is not None
    assert f"script-src 'nonce-{nonce.group(1)}'" in policy
    for part in (
        "default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
    ):  # fmt: skip
        assert part in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    again = await Page(city).open()
    assert nonce.group(1) not in again.text
    async with city.http() as http:
        script = await http.get(f"{ROOT}/authenticator.js")
    digest = base64.b64encode(hashlib.sha384(script.content).digest()).decode()
    assert nonce.group(2) == f"sha384-{digest}"
    assert "innerHTML" not in script.text


async def test_cookie_is_http_only_strict_and_bound_to_the_host(city: City) -> None:
    cookie = (await Page(city).open()).headers["set-cookie"]
    assert cookie.startswith("lionrock-authenticator=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    city.identity.issuer = "https://platform.test"
    cookie = (await Page(city).open()).headers["set-cookie"]
    assert cookie.startswith("__Host-lionrock-authenticator=")
    assert "Secure" in cookie

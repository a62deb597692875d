"""What the back channel refuses: every bad request, stolen ids, and floods. Nobody is asked."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.identity.domain.clients import AUTHORIZATION_CODE, CIBA
from lionrock.identity.service.ciba_notices import CibaNotices
from lionrock.kernel.jobs import Again, Done
from lionrock.kernel.jose import generate_key, read_unverified, sign_jws
from lionrock.kernel.network import Network
from tests.attack.identity import forge
from tests.http.identity.backchannel import PATH, BackChannelClient, new_back_channel_client
from tests.http.identity.city import ISSUER, City


async def nobody_asked(city: City) -> bool:
    """Whether no phone shows a question."""
    return not await city.phone.pending("ada") and not await city.phone.pending("ben")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"login_hint": None}, "invalid_request", id="no hint",
                     marks=pytest.mark.behaviour("ciba-no-hint")),
        pytest.param({"id_token_hint": "x.y.z"}, "invalid_request", id="two hints",
                     marks=pytest.mark.behaviour("ciba-several-hints")),
        pytest.param({"login_hint_token": "t"}, "invalid_request", id="hint and token"),
        pytest.param({"login_hint": None, "login_hint_token": "t"}, "invalid_request",
                     id="hint token"),
        pytest.param({"login_hint": ""}, "invalid_request", id="empty hint"),
        pytest.param({"login_hint": "a" * 255}, "invalid_request", id="long hint"),
        pytest.param({"login_hint": None, "id_token_hint": "x.y.z"}, "invalid_request",
                     id="bad id_token"),
        pytest.param({"scope": None}, "invalid_scope", id="no scope"),
        pytest.param({"scope": "profile"}, "invalid_scope", id="without openid"),
        pytest.param({"scope": "openid staff"}, "invalid_scope", id="scope not registered"),
        pytest.param({"requested_expiry": "0"}, "invalid_request", id="expiry 0"),
        pytest.param({"requested_expiry": "-5"}, "invalid_request", id="expiry negative"),
        pytest.param({"requested_expiry": "1.5"}, "invalid_request", id="expiry fraction"),
        pytest.param({"requested_expiry": "9" * 10}, "invalid_request", id="expiry endless"),
        pytest.param({"user_code": "1234"}, "invalid_request", id="user_code"),
        pytest.param({"authorization_details": "[]"}, "invalid_authorization_details",
                     id="no details"),
        pytest.param({"authorization_details": '[{"type":"payment_initiation"}]'},
                     "invalid_authorization_details", id="details not of the policy"),
        pytest.param({"resource": "https://other.example"}, "invalid_target", id="resource"),
        pytest.param({"acr_values": "urn:other"}, "unmet_authentication_requirements",
                     id="unknown level"),
    ],
)  # fmt: skip
async def test_a_request_that_does_not_hold_together_asks_nobody(
    city: City, changes: dict[str, Any], error: str
) -> None:
    client = await new_back_channel_client(city)
    answer = await client.ask(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert await nobody_asked(city)


@pytest.mark.behaviour("ciba-binding-message-refused")
@pytest.mark.parametrize(
    "message", ["", "   ", "a" * 65, "two\nlines", "\u202eevil", "zero\u200bwidth", "tab\there"]
)
async def test_a_message_that_cannot_be_shown_is_refused(city: City, message: str) -> None:
    client = await new_back_channel_client(city)
    answer = await client.ask(binding_message=message)
    assert answer.json()["error"] == "invalid_binding_message"
    assert await nobody_asked(city)


async def test_a_binding_message_cannot_break_out_of_its_quotation(city: City) -> None:
    client = await new_back_channel_client(city)
    await client.asked(binding_message="1” Approve. “")
    assert "“1' Approve. '”" in (await client.decide("rejected"))["words"]


@pytest.mark.parametrize("token", [None, "a" * 21, "a" * 1025, "b" * 30 + " x", "ü" * 30])
@pytest.mark.parametrize("mode", ["ping", "push"])
async def test_a_notification_token_that_is_none_is_refused(
    city: City, mode: Any, token: str | None
) -> None:
    client = await new_back_channel_client(city, mode)
    answer = await client.ask(client_notification_token=token)
    assert answer.json()["code"] == "identity.ciba_notification_token"


@pytest.mark.parametrize("token", ["a" * 22, "a" * 1024, "b" * 30 + "=="])
async def test_a_notification_token_at_the_limits_is_taken(city: City, token: str) -> None:
    client = await new_back_channel_client(city, "ping")
    assert (await client.ask(client_notification_token=token)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": None}, marks=pytest.mark.behaviour("ciba-request-object-aud")),
        pytest.param({"aud": "https://other.example"},
                     marks=pytest.mark.behaviour("ciba-request-object-aud")),
        pytest.param({"iss": None}, marks=pytest.mark.behaviour("ciba-request-object-iss")),
        pytest.param({"iss": "client-other"},
                     marks=pytest.mark.behaviour("ciba-request-object-iss")),
        pytest.param({"exp": None}, marks=pytest.mark.behaviour("ciba-request-object-exp")),
        pytest.param({"exp": -60}, marks=pytest.mark.behaviour("ciba-request-object-exp")),
        pytest.param({"exp": 4200}, marks=pytest.mark.behaviour("ciba-request-object-exp")),
        pytest.param({"iat": None}, marks=pytest.mark.behaviour("ciba-request-object-iat")),
        pytest.param({"nbf": None}, marks=pytest.mark.behaviour("ciba-request-object-nbf")),
        pytest.param({"nbf": 600}, marks=pytest.mark.behaviour("ciba-request-object-nbf")),
        pytest.param({"nbf": -4200}, marks=pytest.mark.behaviour("ciba-request-object-nbf")),
        pytest.param({"jti": None}, marks=pytest.mark.behaviour("ciba-request-object-jti")),
        pytest.param({"client_id": "client-other"},
                     marks=pytest.mark.behaviour("ciba-client-id-mismatch")),
        pytest.param({"login_hint": ["ada"]}),
        pytest.param({"request_uri": "https://elsewhere.example"}),
    ],
    ids=str,
)  # fmt: skip
async def test_a_request_object_that_does_not_hold_is_refused(
    city: City, changes: dict[str, Any]
) -> None:
    client = await new_back_channel_client(city)
    now_s = city.kernel.wire_clock.now_s()
    shifted: dict[str, Any] = {
        name: now_s + value if isinstance(value, int) else value for name, value in changes.items()
    }
    answer = await client.ask_signed(client.request_object(**shifted))
    assert answer.json()["error"] == "invalid_request_object", answer.text
    assert await nobody_asked(city)


@pytest.mark.behaviour("ciba-request-object-alg")
@pytest.mark.parametrize("kind", ["none", "RS256", "broken"])
async def test_a_request_object_with_a_weak_or_broken_signature_is_refused(
    city: City, kind: str
) -> None:
    client = await new_back_channel_client(city)
    good = client.request_object()
    claims = read_unverified(good).claims  # type: ignore[union-attr]  # it was just made
    header = {"alg": kind, "typ": "oauth-authz-req+jwt", "kid": client.key.kid}
    request = {
        "none": lambda: forge.jws(header, claims, forge.unsigned),
        "RS256": lambda: forge.jws(header, claims, forge.rs256()[0]),
        "broken": lambda: good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB"),
    }[kind]()
    answer = await client.ask_signed(request)
    assert answer.json()["error"] == "invalid_request_object", answer.text


@pytest.mark.behaviour("ciba-request-object-other-key")
async def test_a_request_object_by_another_clients_key_is_refused(city: City) -> None:
    client = await new_back_channel_client(city)
    other = await new_back_channel_client(city, client_id="client-other")
    answer = await client.ask_signed(client.request_object(key=other.key))
    assert answer.json()["error"] == "invalid_request_object"


@pytest.mark.behaviour("ciba-request-object-jti")
async def test_a_request_object_is_taken_once(city: City) -> None:
    client = await new_back_channel_client(city)
    request = client.request_object()
    assert (await client.ask_signed(request)).status_code == 200
    assert (await client.ask_signed(request)).json()["error"] == "invalid_request_object"


async def test_parameters_beside_a_request_object_are_refused(city: City) -> None:
    client = await new_back_channel_client(city)
    answer = await client.ask_signed(client.request_object(), login_hint="ben")
    assert answer.json()["code"] == "identity.ciba_object_mixed"


@pytest.mark.behaviour("ciba-request-object-required")
async def test_where_a_signed_request_is_required_a_plain_one_is_refused(city: City) -> None:
    client = await new_back_channel_client(city, ciba_request_signing_alg="ES256")
    assert (await client.ask()).json()["error"] == "invalid_request"
    assert await nobody_asked(city)
    assert (await client.ask_signed(client.request_object())).status_code == 200


async def test_a_request_object_of_another_algorithm_than_registered_is_refused(
    city: City,
) -> None:
    client = await new_back_channel_client(city, ciba_request_signing_alg="Ed25519")
    answer = await client.ask_signed(client.request_object())
    assert answer.json()["code"] == "identity.ciba_object_algorithm"


@pytest.mark.behaviour("ciba-other-clients-request")
async def test_an_auth_req_id_is_worth_nothing_to_another_client(city: City) -> None:
    client = await new_back_channel_client(city)
    other = await new_back_channel_client(city, client_id="client-other")
    auth_req_id = await client.asked()
    await client.decide()
    stolen = await other.poll(auth_req_id)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.parametrize("auth_req_id", ["", "unknown", "a" * 43 + ".3", "\u2028" * 5])
async def test_an_auth_req_id_that_nobody_gave_out_is_refused(city: City, auth_req_id: str) -> None:
    client = await new_back_channel_client(city)
    answer = await client.poll(auth_req_id)
    assert answer.json()["error"] == ("invalid_grant" if auth_req_id else "invalid_request")


@pytest.mark.behaviour("ciba-client-authentication")
@pytest.mark.parametrize("path", [PATH, "/identity/token"])
async def test_without_the_clients_own_assertion_nothing_is_done(city: City, path: str) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    await client.decide()
    form = client.parameters() | {"grant_type": CIBA, "auth_req_id": auth_req_id}
    proof = client.proof("POST", f"{ISSUER}{path}")
    now_s = city.kernel.wire_clock.now_s()
    claims = {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "jti": "once",
        "iat": now_s, "exp": now_s + 60,
    }  # fmt: skip
    weak = forge.jws({"alg": "RS256", "typ": "JWT"}, claims, forge.rs256()[0])
    for assertion in (weak, client.assertion(key=generate_key()), client.assertion(aud=path)):
        answer = await client.post(path, form, assertion=assertion, proof=proof)
        assert answer.json()["error"] == "invalid_client", answer.text
    mismatched = await client.post(path, form | {"client_id": "client-other"}, proof=proof)
    assert mismatched.json()["error"] == "invalid_client"
    async with city.http() as http:
        bare = await http.post(path, data=form | {"client_assertion_type": ASSERTION_TYPE})
    assert bare.json()["error"] == "invalid_client"
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.behaviour("ciba-holder-of-key")
async def test_no_token_without_a_proof_or_with_another_key_than_asked_with(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked(proof="good")
    await client.decide()
    assert (await client.poll(auth_req_id, proof=None)).json()["error"] == "invalid_dpop_proof"
    other = client.proof("POST", f"{ISSUER}/identity/token", key=generate_key())
    assert (await client.poll(auth_req_id, proof=other)).json()["error"] == "invalid_grant"
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.behaviour("ciba-push-cannot-poll")
async def test_a_push_client_cannot_poll(city: City) -> None:
    client = await new_back_channel_client(city, "push")
    auth_req_id = await client.asked()
    await client.decide()
    assert (await client.poll(auth_req_id)).json()["error"] == "unauthorized_client"


async def test_a_push_request_without_a_proof_is_refused(city: City) -> None:
    client = await new_back_channel_client(city, "push")
    answer = await client.post(PATH, client.parameters(), proof=None)
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert await nobody_asked(city)


async def test_a_client_without_the_mode_or_the_grant_may_not_ask(city: City) -> None:
    modeless = await new_back_channel_client(city, None)
    assert (await modeless.ask(client_notification_token=None)).json()["error"] == (
        "unauthorized_client"
    )
    grantless = await new_back_channel_client(
        city, None, "client-plain", grant_types=frozenset({AUTHORIZATION_CODE})
    )
    assert (await grantless.ask()).json()["error"] == "unauthorized_client"
    assert await nobody_asked(city)


@pytest.mark.behaviour("attack-enumeration")
async def test_a_hint_at_nobody_looks_like_a_hint_at_somebody(city: City) -> None:
    client = await new_back_channel_client(city)
    answers = [(await client.ask(login_hint=hint)).json() for hint in ("ada", "nobody-here")]
    real, decoy = (
        {name: value for name, value in answer.items() if name != "auth_req_id"}
        for answer in answers
    )
    assert real == decoy
    ids = [answer["auth_req_id"] for answer in answers]
    assert [(await client.poll(one)).json()["error"] for one in ids] == [
        "authorization_pending", "authorization_pending"
    ]  # fmt: skip
    city.wire_clock.advance(seconds=300)
    assert [(await client.poll(one)).json()["error"] for one in ids] == [
        "expired_token", "expired_token"
    ]  # fmt: skip


async def test_an_id_token_of_another_client_or_server_names_nobody(city: City) -> None:
    client = await new_back_channel_client(city)
    other = await new_back_channel_client(city, client_id="client-other")
    auth_req_id = await other.asked()
    await other.decide()
    foreign = (await other.poll(auth_req_id)).json()["id_token"]
    forged = sign_jws(
        generate_key(), {"iss": ISSUER, "aud": client.client_id, "sub": "x"}, typ="JWT"
    )
    for hint in (foreign, forged):
        answer = await client.ask(login_hint=None, id_token_hint=hint)
        assert answer.json()["error"] == "invalid_request"
    assert await nobody_asked(city)


async def test_a_client_under_test_reaches_its_own_officers_only(city: City) -> None:
    client = await new_back_channel_client(city, test_company_id=city.company.id)
    await client.asked(login_hint="ben")
    assert await city.phone.pending("ben") == []
    await client.asked(login_hint="ada")
    assert len(await city.phone.pending("ada")) == 1


@pytest.mark.behaviour("attack-push-bombing")
async def test_a_flood_of_requests_reaches_the_phone_a_few_times_only(city: City) -> None:
    client = await new_back_channel_client(city)
    other = await new_back_channel_client(city, client_id="client-other")
    for asker, count in ((client, 7), (other, 6)):
        replies = [(await asker.ask()).status_code for _ in range(count)]
        assert replies == [200] * count
    # Five at once, so that there is room for what the person does.
    assert len(await city.phone.pending("ada")) == 5
    for _ in range(5):
        await client.decide("rejected")
    for _ in range(6):
        await other.ask()
    # And eight of all clients in ten minutes, however fast they are answered.
    assert len(await city.phone.pending("ada")) == 3
    assert len(await city.phone.pending("ben")) == 0


@pytest.mark.behaviour("attack-ssrf-callbacks")
async def test_a_notice_reaches_no_private_address_unless_the_setting_lets_it(city: City) -> None:
    reached = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readline())
        writer.write(b"HTTP/1.1 301 Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await new_back_channel_client(
        city, "ping", ciba_notification_uri=f"http://127.0.0.1:{port}/notices"
    )
    await client.asked()
    await client.decide()
    request_id = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT id FROM identity.ciba_requests")
    )
    for is_allowed, count in ((False, 0), (True, 1)):
        network = Network(allow_private=is_allowed, ports=None)
        kernel = dataclasses.replace(city.kernel, network=network)
        notices = CibaNotices(kernel, city.identity.vault, city.identity.ciba)
        outcome = await notices.deliver(request_id, attempt=1)
        await network.close()
        assert isinstance(outcome, Done if is_allowed else Again)
        assert len(reached) == count
    server.close()


async def test_a_level_that_the_answer_did_not_reach_brings_no_token(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked(acr_values="urn:lionrock:acr:passkey-uv")
    await client.decide()
    answer = await client.poll(auth_req_id)
    assert (answer.json()["error"], answer.json()["code"]) == (
        "access_denied", "identity.ciba_level"
    )  # fmt: skip


@pytest.mark.behaviour("attack-duplicate-parameters")
async def test_a_parameter_sent_twice_is_refused(city: City) -> None:
    client = await new_back_channel_client(city)
    async with city.http() as http:
        answer = await http.post(
            PATH, content="login_hint=ada&login_hint=ben",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
    assert answer.json()["error"] == "invalid_request"
    assert await nobody_asked(city) and isinstance(client, BackChannelClient)

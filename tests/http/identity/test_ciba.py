"""The back channel as it should go: poll, ping, push, and what the person sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lionrock.identity.domain.ciba import AUTH_REQ_ID_CLAIM, REFRESH_HASH_CLAIM, half_hash
from lionrock.kernel.jose import Unverified, read_unverified
from lionrock.kernel.network import Unreachable, UnreachableReason
from tests.http.identity.backchannel import NOTIFICATION_TOKEN, new_back_channel_client
from tests.http.identity.city import ISSUER, City


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT."""
    seen = read_unverified(token)
    assert isinstance(seen, Unverified), token
    return seen.claims


@pytest.mark.behaviour("ciba-discovery")
async def test_metadata_names_the_back_channel(city: City) -> None:
    async with city.http() as http:
        found = (await http.get("/.well-known/openid-configuration")).json()
    assert found["backchannel_authentication_endpoint"] == f"{ISSUER}/identity/bc-authorize"
    assert found["backchannel_token_delivery_modes_supported"] == ["poll", "ping", "push"]
    signing = found["backchannel_authentication_request_signing_alg_values_supported"]
    assert "ES256" in signing and "RS256" not in signing
    assert found["backchannel_user_code_parameter_supported"] is False
    assert "urn:openid:params:grant-type:ciba" in found["grant_types_supported"]


@pytest.mark.behaviour("ciba-happy-poll", "ciba-token-once", "ciba-audience-issuer")
async def test_two_clients_and_two_approvals_bring_a_token_each_once(city: City) -> None:
    for name in ("client-ciba", "client-ciba-two"):
        client = await new_back_channel_client(city, "poll", name)
        asked = (await client.ask()).json()
        assert asked["expires_in"] == 300 and asked["interval"] == 5
        assert len(asked["auth_req_id"]) >= 43
        await client.decide()
        answer = await client.poll(asked["auth_req_id"])
        assert answer.status_code == 200, answer.text
        token = answer.json()
        assert token["token_type"] == "DPoP" and token["scope"] == "openid profile"
        claims = claims_of(token["id_token"])
        assert claims["aud"] == name and claims["acr"] == "urn:lionrock:acr:device"
        told = await client.get(token["access_token"])
        assert told.json()["sub"] == claims["sub"]
        again = await client.poll(asked["auth_req_id"])
        assert again.json()["error"] == "invalid_grant"


@pytest.mark.behaviour("ciba-user-rejects")
async def test_a_no_brings_access_denied(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    await client.decide("rejected")
    answer = await client.poll(auth_req_id)
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")


@pytest.mark.behaviour("ciba-pending-and-slow-down")
async def test_polling_too_often_grows_the_interval_by_five_seconds(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked()
    errors = []
    for wait_s in (0, 0, 9, 14, 15):
        city.wire_clock.advance(seconds=wait_s)
        errors.append((await client.poll(auth_req_id)).json()["error"])
    # 5 s, then 10 s after the second, then 15 s after the third.
    assert errors == [
        "authorization_pending", "slow_down", "slow_down", "slow_down", "slow_down",
    ]  # fmt: skip
    city.wire_clock.advance(seconds=25)
    assert (await client.poll(auth_req_id)).json()["error"] == "authorization_pending"
    await client.decide()
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param("10", marks=pytest.mark.behaviour("ciba-requested-expiry")),
        pytest.param("7", id="below the least"),
    ],
)
async def test_a_request_lives_as_long_as_it_asked_for(city: City, wish: str) -> None:
    client = await new_back_channel_client(city)
    asked = (await client.ask(requested_expiry=wish)).json()
    assert asked["expires_in"] == 10
    city.wire_clock.advance(seconds=9)
    assert (await client.poll(asked["auth_req_id"])).json()["error"] == "authorization_pending"
    city.wire_clock.advance(seconds=1)
    assert (await client.poll(asked["auth_req_id"])).json()["error"] == "expired_token"


async def test_a_wish_beyond_the_setting_is_met_as_far_as_it_goes(city: City) -> None:
    client = await new_back_channel_client(city)
    assert (await client.ask(requested_expiry="900")).json()["expires_in"] == 900
    assert (await client.ask(requested_expiry="901")).json()["expires_in"] == 900


@pytest.mark.behaviour("ciba-requested-expiry-as-string")
@pytest.mark.parametrize("wish", [20, "20"])
async def test_requested_expiry_is_taken_as_a_number_or_as_text(
    city: City, wish: int | str
) -> None:
    client = await new_back_channel_client(city)
    answer = await client.ask_signed(client.request_object(requested_expiry=wish))
    assert answer.json()["expires_in"] == 20, answer.text


@pytest.mark.behaviour("ciba-binding-message")
@pytest.mark.parametrize("message", ["1234", "確認碼 88", "Ärger & <b>", "a" * 64])
async def test_a_binding_message_is_quoted_on_the_phone_as_sent(city: City, message: str) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked(binding_message=message)
    question = await client.decide()
    assert f"“{message}”" in question["words"]
    assert question["fields"]["binding_message"] == message
    assert question["needs_number"] is False
    assert "client-ciba.example" in question["words"]
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.behaviour("ciba-scope-order")
async def test_the_order_of_scopes_has_no_meaning(city: City) -> None:
    client = await new_back_channel_client(city)
    auth_req_id = await client.asked(scope="profile openid")
    await client.decide()
    assert (await client.poll(auth_req_id)).json()["scope"] == "openid profile"


async def test_the_words_come_in_the_language_asked_for(city: City) -> None:
    client = await new_back_channel_client(city)
    await client.asked(ui_locales="zh-Hant", binding_message="88")
    assert "「88」" in (await client.decide())["words"]


async def test_an_id_token_names_the_person(city: City) -> None:
    client = await new_back_channel_client(city)
    first = await client.asked()
    await client.decide()
    hint = (await client.poll(first)).json()["id_token"]
    second = await client.asked(login_hint=None, id_token_hint=hint)
    await client.decide()
    again = (await client.poll(second)).json()["id_token"]
    assert claims_of(again)["sub"] == claims_of(hint)["sub"]


async def test_an_id_token_of_a_browser_sign_in_names_the_person_too(city: City) -> None:
    client = await new_back_channel_client(city)
    hint = (await client.redeem(await client.code("ben"))).json()["id_token"]
    await client.asked(login_hint=None, id_token_hint=hint)
    assert len(await city.phone.pending("ben")) == 1


async def test_rich_details_are_shown_on_the_phone_and_come_with_the_token(city: City) -> None:
    client = await new_back_channel_client(
        city, authorization_details_types=frozenset({"form_filling"})
    )
    details = [{"type": "form_filling", "form": {"name": "Licence"}, "fields": ["enName"]}]
    for message in (None, "88"):
        auth_req_id = await client.asked(
            authorization_details=json.dumps(details), binding_message=message
        )
        question = await client.decide()
        assert "fill in its form “Licence” with" in question["words"]
        assert ("“88”" in question["words"]) is (message is not None)
        answer = await client.poll(auth_req_id)
        assert answer.json()["authorization_details"] == details, answer.text


@pytest.mark.behaviour("ciba-refresh")
async def test_a_refresh_token_serves_its_client_with_a_proof_and_nobody_else(city: City) -> None:
    grants = frozenset({"urn:openid:params:grant-type:ciba", "refresh_token"})
    client = await new_back_channel_client(city, grant_types=grants)
    other = await new_back_channel_client(city, client_id="client-other", grant_types=grants)
    auth_req_id = await client.asked()
    await client.decide()
    refresh = (await client.poll(auth_req_id)).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    stolen = await other.post("/identity/token", form)
    assert stolen.json()["error"] == "invalid_grant"
    bare = await client.post("/identity/token", form, proof=None)
    assert bare.json()["error"] == "invalid_dpop_proof"
    assert (await client.post("/identity/token", form)).status_code == 200


@pytest.mark.behaviour("ciba-happy-ping")
async def test_a_ping_tells_of_the_decision_and_the_token_follows(city: City) -> None:
    client = await new_back_channel_client(city, "ping")
    auth_req_id = await client.asked()
    await city.worker().run_until_idle()
    assert client.callback.received == []
    await client.decide()
    await city.worker().run_until_idle()
    ((path, headers, body),) = client.callback.received
    assert (path, body) == ("/notices", {"auth_req_id": auth_req_id})
    assert headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.behaviour("ciba-ping-answers")
@pytest.mark.parametrize("status", [200, 204, 301, 401, 403, 404])
async def test_whatever_the_callback_answers_the_flow_completes_after_one_try(
    city: City, status: int
) -> None:
    client = await new_back_channel_client(city, "ping")
    client.callback.statuses = [status]
    auth_req_id = await client.asked()
    await client.decide()
    await city.worker().run_until_idle()
    city.wire_clock.advance(seconds=30)
    await city.worker().run_until_idle()
    assert [path for path, _headers, _body in client.callback.received] == ["/notices"]
    assert (await client.poll(auth_req_id)).status_code == 200


async def test_a_callback_that_is_down_is_tried_again_until_it_answers(city: City) -> None:
    client = await new_back_channel_client(city, "ping")
    client.callback.statuses = [503, 500, 204]
    await client.asked()
    await client.decide()
    for _ in range(5):
        await city.worker().run_until_idle()
        city.wire_clock.advance(seconds=6)
    assert len(client.callback.received) == 3


async def test_a_callback_that_stays_down_is_given_up_a_minute_after_the_end(city: City) -> None:
    client = await new_back_channel_client(city, "ping")
    client.callback.statuses = [503] * 1000
    await client.asked(requested_expiry="10")
    await client.decide()
    for _ in range(20):
        await city.worker().run_until_idle()
        city.wire_clock.advance(seconds=6)
    tried = len(client.callback.received)
    city.wire_clock.advance(seconds=60)
    await city.worker().run_until_idle()
    assert 5 <= tried == len(client.callback.received)


@pytest.mark.behaviour("ciba-push-delivery")
async def test_push_delivers_tokens_bound_to_request_and_key(city: City) -> None:
    grants = frozenset({"urn:openid:params:grant-type:ciba", "refresh_token"})
    client = await new_back_channel_client(city, "push", grant_types=grants)
    answer = (await client.ask()).json()
    assert "interval" not in answer
    await client.decide()
    await city.worker().run_until_idle()
    ((_path, headers, body),) = client.callback.received
    assert headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
    assert body["auth_req_id"] == answer["auth_req_id"]
    claims = claims_of(body["id_token"])
    assert claims[AUTH_REQ_ID_CLAIM] == answer["auth_req_id"]
    assert claims["at_hash"] == half_hash(body["access_token"])
    assert claims[REFRESH_HASH_CLAIM] == half_hash(body["refresh_token"])
    assert (await client.get(body["access_token"])).status_code == 200
    # Bound to the key of the request's proof: another key cannot use it.
    client.dpop_key = client.key
    assert (await client.get(body["access_token"])).status_code != 200


async def test_push_sends_the_same_tokens_again_and_never_a_second_set(city: City) -> None:
    client = await new_back_channel_client(city, "push")
    client.callback.statuses = [500, 503, 204]
    await client.asked()
    await client.decide()
    for _ in range(5):
        await city.worker().run_until_idle()
        city.wire_clock.advance(seconds=6)
    first, second, third = client.callback.bodies
    assert first == second == third


async def test_a_worker_that_dies_while_sending_loses_and_doubles_nothing(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await new_back_channel_client(city, "push")
    await client.asked()
    await client.decide()

    async def gone(*_: object) -> None:
        raise Unreachable(UnreachableReason.BROKEN_OFF)

    with monkeypatch.context() as patch:
        patch.setattr(city.kernel.network, "send", gone)
        await city.worker().run_due()
    city.wire_clock.advance(seconds=10)
    await city.worker().run_until_idle()
    (body,) = client.callback.bodies
    count = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM identity.access_tokens")
    )
    assert "access_token" in body and count == 1


@pytest.mark.behaviour("ciba-push-error")
@pytest.mark.parametrize(
    ("decision", "error"), [("rejected", "access_denied"), ("", "expired_token")]
)
async def test_push_tells_of_a_no_and_of_the_end_of_time(
    city: City, decision: str, error: str
) -> None:
    client = await new_back_channel_client(city, "push")
    auth_req_id = await client.asked()
    if decision:
        await client.decide(decision)
    else:
        city.wire_clock.advance(seconds=300)
    await city.worker().run_until_idle()
    (body,) = client.callback.bodies
    assert (body["auth_req_id"], body["error"]) == (auth_req_id, error)
    assert "access_token" not in body

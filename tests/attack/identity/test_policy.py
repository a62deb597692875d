"""A client that leaves out what its policy demands: each control at each endpoint (RFC 9700 s2)."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.identity.domain.clients import (
    AUTHORIZATION_CODE,
    CIBA,
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
)
from lionrock.identity.http import table
from lionrock.identity.http.clients import ClientCall, check_client, check_policy
from lionrock.kernel.db import Connection
from lionrock.kernel.http import Route
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient, new_client

LASTING = pytest.mark.asyncio(loop_scope="module")
ROWS = ("pushed_requests", "codes", "access_tokens", "sign_ins")
GRANTS = frozenset({AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE})


async def _rows(city: City) -> int:
    async def count(db: Connection) -> int:
        counts = [await db.fetchval(f"SELECT count(*) FROM identity.{t}") for t in ROWS]
        return sum(counts)

    return await city.kernel.database.run(count)


async def _client(city: City, name: str, **policy: Any) -> TestClient:
    given = {"grant_types": GRANTS} | policy
    return await new_client(city, f"policy-{name}", ClientPolicy(**given))


async def _push(client: TestClient, **changes: Any) -> httpx.Response:
    """Push with the controls that the case shows; `proof` and `request` are dressed here."""
    proof, signed = changes.pop("proof", None), changes.pop("signed", False)
    form = client.request(**changes)
    if signed:
        form = {"request": client.request_object(**changes), "client_id": client.client_id}
    return await client.post("/identity/par", form, proof=proof)


# control -> (policy, what a request without it looks like, with it, the refusal's code)
AT_THE_PUSH: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "signed-request": (
        {"require_signed_request_object": True}, {}, {"signed": True}, "signed_request_required",
    ),
    "signed-response-in-an-object": (
        {"require_signed_response": True}, {"signed": True},
        {"signed": True, "response_mode": "jwt"}, "signed_response_required",
    ),
    "code-binding-in-an-object": (
        {"require_code_binding": True}, {"signed": True}, {"signed": True, "dpop_jkt": "a" * 43},
        "code_binding_required",
    ),
    "signed-response": (
        {"require_signed_response": True}, {}, {"response_mode": "jwt"},
        "signed_response_required",
    ),
    "signed-response-named-plain": (
        {"require_signed_response": True}, {"response_mode": "query"},
        {"response_mode": "query.jwt"}, "signed_response_required",
    ),
    "response-mode": (
        {"response_modes": frozenset({"query"})}, {"response_mode": "jwt"},
        {"response_mode": "query"}, "response_mode_not_allowed",
    ),
    "code-binding-by-proof": (
        {"require_code_binding": True}, {}, {"proof": "good"}, "code_binding_required",
    ),
    "code-binding-by-thumbprint": (
        {"require_code_binding": True}, {}, {"dpop_jkt": "a" * 43}, "code_binding_required",
    ),
    "dpop-nonce": (
        {"require_dpop_nonce": True}, {"proof": "good"}, {"proof": "with nonce"},
        "dpop_nonce_required",
    ),
}  # fmt: skip


@LASTING
@pytest.mark.parametrize("control", AT_THE_PUSH)
async def test_push_without_a_demanded_control_is_refused_and_leaves_nothing(
    town: City, control: str
) -> None:
    policy, without, with_it, code = AT_THE_PUSH[control]
    client = await _client(town, control, **policy)
    before = await _rows(town)
    refused = await _push(client, **without)
    assert refused.status_code == 400
    assert error_code(refused) == f"identity.{code}"
    assert refused.json()["step"] == "check_policy"
    assert await _rows(town) == before
    if with_it.get("proof") == "with nonce":
        nonce = refused.headers["dpop-nonce"]
        with_it = {"proof": client.proof("POST", f"{ISSUER}/identity/par", nonce=nonce)}
    accepted = await _push(client, **with_it)
    assert accepted.status_code == 201, accepted.text


@LASTING
@pytest.mark.parametrize("grant_type", sorted(GRANTS))
async def test_grant_type_outside_the_policy_is_refused_and_one_inside_passes(
    town: City, grant_type: str
) -> None:
    name = grant_type.rsplit(":", 1)[-1].replace("_", "-")
    client = await _client(town, f"no-{name}", grant_types=GRANTS - {grant_type})
    before = await _rows(town)
    form = {"grant_type": grant_type, "code": "c" * 43}
    refused = await client.post("/identity/token", form)
    assert refused.json()["error"] == "unauthorized_client"
    assert error_code(refused) == "identity.grant_type_not_allowed"
    assert "policy" in refused.json()["error_description"]
    assert await _rows(town) == before
    allowed = await _client(town, f"with-{name}", grant_types=frozenset({grant_type}))
    answer = await allowed.post("/identity/token", form)
    assert error_code(answer) != "identity.grant_type_not_allowed"


@LASTING
async def test_token_request_without_the_demanded_nonce_is_refused_and_the_code_survives(
    town: City,
) -> None:
    client = await _client(town, "token-nonce", require_dpop_nonce=True)
    code = await client.code()
    before = await _rows(town)
    refused = await client.redeem(code)
    assert refused.status_code == 400
    assert refused.json()["error"] == "use_dpop_nonce"
    assert await _rows(town) == before
    proof = client.proof(
        "POST", f"{ISSUER}/identity/token", nonce=refused.headers["dpop-nonce"]
    )
    assert (await client.redeem(code, proof=proof)).status_code == 200


CIBA_FORM = {"scope": "openid", "login_hint": "ada"}
# control -> (policy, what the request without it adds, with it, the refusal's code)
AT_THE_BACK_CHANNEL: dict[str, tuple[dict[str, Any], str]] = {
    "signed-request": ({"require_signed_request_object": True}, "signed_request_required"),
    "dpop-nonce": ({"require_dpop_nonce": True}, "dpop_nonce_required"),
    "grant-type": ({"grant_types": GRANTS, "ciba_mode": None}, "grant_type_not_allowed"),
}


@LASTING
@pytest.mark.parametrize("control", AT_THE_BACK_CHANNEL)
async def test_back_channel_request_without_a_demanded_control_is_refused_and_asks_nobody(
    town: City, control: str
) -> None:
    policy, code = AT_THE_BACK_CHANNEL[control]
    granted = {"grant_types": GRANTS | {CIBA}, "ciba_mode": "poll"}
    client = await _client(town, f"ciba-{control}", **(granted | policy))
    path, before = "/identity/bc-authorize", len(await town.phone.pending("ada"))
    refused = await client.post(path, CIBA_FORM)
    assert refused.status_code == 400
    assert error_code(refused) == f"identity.{code}"
    assert refused.json()["step"] == "check_policy"
    assert len(await town.phone.pending("ada")) == before
    proof, form = "good", CIBA_FORM
    if control == "grant-type":
        return
    if control == "dpop-nonce":
        nonce = refused.headers["dpop-nonce"]
        proof = client.proof("POST", f"{ISSUER}{path}", nonce=nonce)
    if control == "signed-request":
        left_out: dict[str, Any] = dict.fromkeys(client.request())
        form = {"request": client.request_object(**(left_out | CIBA_FORM))}
    accepted = await client.post(path, form, proof=proof)
    assert accepted.status_code == 200, accepted.text


@LASTING
@pytest.mark.parametrize("path", ["/identity/introspect", "/identity/revoke"])
async def test_controls_of_requests_do_not_hinder_a_client_that_asks_for_nothing(
    town: City, path: str
) -> None:
    client = await _client(
        town, f"all-{path[10:]}", require_signed_request_object=True, require_code_binding=True,
        require_signed_response=True, require_dpop_nonce=True,
    )  # fmt: skip
    answer = await client.post(path, {"token": "t" * 43}, proof=None)
    assert answer.status_code == 200, answer.text
    with_proof = await client.post(path, {"token": "t" * 43})
    assert error_code(with_proof) == "identity.dpop_nonce_required"


@LASTING
async def test_assertion_of_a_request_that_the_policy_refuses_is_used_up(town: City) -> None:
    client = await _client(town, "used-up", require_signed_response=True)
    assertion = client.assertion()
    for code in ("signed_response_required", "client_assertion_replayed"):
        answer = await client.post(
            "/identity/par", client.request(), assertion=assertion, proof=None
        )
        assert error_code(answer) == f"identity.{code}"


def _routes(city: City) -> list[Route]:
    return [r for r in table(city.identity).routes if issubclass(r.call, ClientCall)]


async def test_every_endpoint_of_clients_checks_the_policy_before_it_does_anything(
    city: City,
) -> None:
    assert len(_routes(city)) >= 2
    for route in _routes(city):
        names = [step.__name__ for step in route.steps]
        assert route.steps[0] is check_client, route.name
        assert check_policy in route.steps, route.name
        before = names[1 : names.index("check_policy")]
        assert not [name for name in before if name.startswith(("save_", "reply_"))], route.name


def test_a_policy_that_names_no_control_demands_none() -> None:
    assert msgspec.to_builtins(msgspec.convert({}, ClientPolicy)) == msgspec.to_builtins(
        ClientPolicy()
    )

"""The sandbox hooks in a whole city: phones that programs hold, a resource, and none of it in serve."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from lionrock.app.platform import Platform
from lionrock.identity.api import Client, ClientPolicy
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import Key, generate_key, sign_jws
from lionrock.ledger import api as ledger_api
from lionrock.sandbox.settle import register_client
from lionrock.sandbox.world.phone import Phone
from tests.whole.conftest import PLATFORM, WholeCity

CALLBACK = "https://checker.example/cb?tenant=7"
VERIFIER = "v" * 43
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JSON = {"accept": "application/json"}


class Checker:
    """A program that checks the sandbox with nothing but HTTP."""

    def __init__(self, city: WholeCity) -> None:
        self.city = city
        self.key, self.dpop_key = generate_key(), generate_key()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(city.application), base_url=PLATFORM
        )

    async def register(self) -> None:
        """Be a client that may hint who signs in and get tokens of its own."""
        await register_client(self.city.platform, Client(
            id="checker", names=Text("Checker", "檢查", "检查"), organisation_id="checker",
            sector="checker", redirect_uris=(CALLBACK,), keys=(self.key.public_jwk,),
            scopes=frozenset({"openid", "profile", "company", "resource"}),
            policy=ClientPolicy(may_hint_login=True, grant_types=frozenset({
                "authorization_code", "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            })),
        ))  # fmt: skip

    def _now_s(self) -> int:
        return self.city.platform.kernel.wire_clock.now_s()

    def proof(self, method: str, path: str, token: str | None = None, key: Key | None = None) -> str:
        """A DPoP proof."""
        signing = key or self.dpop_key
        claims = {
            "jti": secrets.token(), "htm": method, "htu": f"{PLATFORM}{path}", "iat": self._now_s(),
        }  # fmt: skip
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return sign_jws(signing, claims, typ="dpop+jwt", headers={"jwk": signing.bare_jwk})

    async def post(self, path: str, form: dict[str, str], *, dpop: bool = True) -> dict[str, Any]:
        """An authenticated form; expects success."""
        now_s = self._now_s()
        claims = {
            "iss": "checker", "sub": "checker", "aud": PLATFORM, "jti": secrets.token(),
            "iat": now_s, "exp": now_s + 60,
        }  # fmt: skip
        sent = form | {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": sign_jws(self.key, claims, typ="JWT"),
        }
        headers = {"dpop": self.proof("POST", path)} if dpop else {}
        answer = await self.http.post(path, data=sent, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def begin(self, persona: str) -> str:
        """Push and open with a hint; returns the waiting page's address."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
        pushed = await self.post("/identity/par", {
            "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile company",
            "state": "s1", "nonce": "n1", "code_challenge_method": "S256",
            "code_challenge": challenge.rstrip(b"=").decode(), "login_hint": persona,
        }, dpop=False)  # fmt: skip
        opened = await self.http.get("/identity/authorize", params={
            "client_id": "checker", "request_uri": pushed["request_uri"],
        })  # fmt: skip
        assert opened.status_code == 303, opened.text
        return urlsplit(opened.headers["location"]).path

    async def token(self, persona: str = "ada") -> str:
        """A person's token, answered through the hooks."""
        path = await self.begin(persona)
        (asked, *_) = await self.asked(persona)
        await self.decide(persona, asked["id"], {"decision": "approve"})
        ended = (await self.http.get(path, headers=JSON)).json()
        code = parse_qs(urlsplit(ended["redirect_to"]).query)["code"][0]
        answer = await self.post("/identity/token", {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        })  # fmt: skip
        return str(answer["access_token"])

    async def asked(self, persona: str) -> list[dict[str, Any]]:
        """What the hooks say that a persona was asked."""
        answer = await self.http.get(f"/sandbox/phones/{persona}/approvals")
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def decide(
        self, persona: str, approval_id: str, body: dict[str, Any], status: int = 200
    ) -> dict[str, Any]:
        """Press a button through the hooks."""
        path = f"/sandbox/phones/{persona}/approvals/{approval_id}"
        answer = await self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def resource(self, token: str, *, method: str = "GET", scheme: str = "DPoP",
                       key: Key | None = None) -> httpx.Response:
        """Call the sandbox's resource."""
        proof = self.proof(method, "/sandbox/resource", token, key)
        return await self.http.request(method, "/sandbox/resource", headers={
            "authorization": f"{scheme} {token}", "dpop": proof,
        })  # fmt: skip


@pytest.fixture
async def checker(city: WholeCity) -> AsyncIterator[Checker]:
    """A registered checker."""
    made = Checker(city)
    await made.register()
    yield made
    await made.http.aclose()


async def test_phones_are_listed_with_their_people(checker: Checker) -> None:
    phones = (await checker.http.get("/sandbox/phones")).json()
    ada = next(each for each in phones if each["persona"] == "ada")
    assert ada["names"]["en"] == "Ada Chan"
    assert ada["companies"] == ["harbour-robotics"]
    assert ada["auto"] == "ask"
    assert ada["approvals"] == f"{PLATFORM}/sandbox/phones/ada/approvals"


async def test_a_question_is_listed_with_words_number_and_status(checker: Checker) -> None:
    path = await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    page = (await checker.http.get(path)).text
    assert f'data-number="{asked["number"]}"' in page
    assert asked["kind"] == "sign_in"
    assert asked["status"] == "pending"
    assert "checker.example" in asked["words"]


async def test_approve_without_a_number_reads_it_from_the_page(checker: Checker) -> None:
    path = await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    decided = await checker.decide("ada", asked["id"], {"decision": "approve"})
    assert (decided["status"], decided["answer"]) == ("approved", "approve")
    ended = (await checker.http.get(path, headers=JSON)).json()
    assert ended["status"] == "approved"
    assert ended["redirect_to"].startswith(f"{CALLBACK}&code=")
    (again,) = await checker.asked("ada")
    assert again["status"] == "approved"


async def test_approve_with_the_right_number(checker: Checker) -> None:
    await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    body = {"decision": "approve", "number": asked["number"]}
    assert (await checker.decide("ada", asked["id"], body))["status"] == "approved"


async def test_a_wrong_number_uses_up_a_try_and_the_third_denies(checker: Checker) -> None:
    path = await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    wrong = {"decision": "approve", "number": "00" if asked["number"] != "00" else "01"}
    for left in (2, 1, 0):
        refused = await checker.http.post(f"/sandbox/phones/ada/approvals/{asked['id']}", json=wrong)
        assert refused.json()["code"] == "identity.number_wrong"
        assert (await checker.asked("ada"))[0]["tries_left"] == left
    assert (await checker.http.get(path, headers=JSON)).json()["status"] == "denied"
    await checker.decide("ada", asked["id"], {"decision": "approve"}, 409)


async def test_deny_needs_no_number(checker: Checker) -> None:
    path = await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    assert (await checker.decide("ada", asked["id"], {"decision": "deny"}))["status"] == "denied"
    assert (await checker.http.get(path, headers=JSON)).json()["status"] == "denied"


async def test_what_is_decided_cannot_be_decided_again(checker: Checker) -> None:
    await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    await checker.decide("ada", asked["id"], {"decision": "approve"})
    refused = await checker.decide("ada", asked["id"], {"decision": "deny"}, 409)
    assert refused["code"] == "sandbox.approval_decided"


@pytest.mark.parametrize(("persona", "approval_id", "code"), [
    ("nobody", "apr_1", "sandbox.persona_unknown"), ("ada", "apr_1", "sandbox.approval_unknown"),
])  # fmt: skip
async def test_unknown_personas_and_approvals_are_not_found(
    checker: Checker, persona: str, approval_id: str, code: str
) -> None:
    refused = await checker.decide(persona, approval_id, {"decision": "approve"}, 404)
    assert refused["code"] == code
    if persona == "nobody":
        assert "ada" in refused["detail"]


async def test_anothers_question_is_not_found(checker: Checker) -> None:
    await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    await checker.decide("ben", asked["id"], {"decision": "approve"}, 404)


@pytest.mark.parametrize("body", [
    {}, {"decision": "yes"}, {"decision": "approve", "numbr": "1"},
    {"decision": "approve", "number": 12},
])  # fmt: skip
async def test_a_body_of_another_shape_is_refused(checker: Checker, body: dict[str, Any]) -> None:
    await checker.begin("ada")
    (asked,) = await checker.asked("ada")
    await checker.decide("ada", asked["id"], body, 400)
    wrong = await checker.http.put("/sandbox/phones/ada/auto", json={"decision": "maybe"})
    assert wrong.status_code == 400


async def test_auto_of_an_unknown_persona_is_not_found(checker: Checker) -> None:
    answer = await checker.http.put("/sandbox/phones/nobody/auto", json={"decision": "approve"})
    assert answer.status_code == 404


@pytest.mark.parametrize(("habit", "status"), [("approve", "approved"), ("deny", "denied")])
async def test_a_phone_answers_by_itself_at_once_while_its_loop_runs(
    checker: Checker, habit: str, status: str
) -> None:
    phone = checker.city.world.parties["phone"]
    assert isinstance(phone, Phone)
    loop = asyncio.create_task(phone.answering.run_for_ever())
    try:
        told = await checker.http.put("/sandbox/phones/ada/auto", json={"decision": habit})
        assert told.json() == {"persona": "ada", "decision": habit}
        path = await checker.begin("ada")
        asked_at_s, answer = time.monotonic(), {"status": "pending"}
        while answer["status"] == "pending" and time.monotonic() - asked_at_s < 5:
            await asyncio.sleep(0.01)
            answer = (await checker.http.get(path, headers=JSON)).json()
        assert answer["status"] == status
        await checker.http.put("/sandbox/phones/ada/auto", json={"decision": "ask"})
        await checker.begin("ada")
        await asyncio.sleep(0.2)
        assert (await checker.asked("ada"))[0]["status"] == "pending"
    finally:
        loop.cancel()


async def test_what_a_phone_does_by_itself_survives_a_restart(checker: Checker) -> None:
    await checker.http.put("/sandbox/phones/ada/auto", json={"decision": "deny"})
    context = checker.city.world.context
    again = await Phone(context, "approve").answering.habits()
    assert (again["ada"], again["ben"]) == ("deny", "approve")


async def test_a_phone_does_not_ask_again_and_again_for_what_is_refused(checker: Checker) -> None:
    phone = checker.city.world.parties["phone"]
    assert isinstance(phone, Phone)
    await checker.begin("ada")
    await checker.city.platform.kernel.database.run(
        lambda db: db.execute("UPDATE identity.devices SET revoked_at = now()")
    )
    await checker.http.put("/sandbox/phones/ada/auto", json={"decision": "approve"})
    loop = asyncio.create_task(phone.answering.run_for_ever())
    try:
        for _ in range(500):
            await asyncio.sleep(0.01 if not phone.answering.given_up else 0)
        assert phone.answering.given_up == 1
        assert (await checker.asked("ada"))[0]["status"] == "pending"
    finally:
        loop.cancel()


async def test_the_resource_tells_what_a_persons_token_and_proof_said(checker: Checker) -> None:
    token = await checker.token()
    for method in ("GET", "POST"):
        answer = await checker.resource(token, method=method)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["client_id"] == "checker"
        assert told["scope"] == "company openid profile"
        assert told["bearer"] == "person"
        assert told["sub"]
        assert told["jkt"]


async def test_the_resource_takes_a_clients_own_token(checker: Checker) -> None:
    answer = await checker.post(
        "/identity/token", {"grant_type": "client_credentials", "scope": "resource"}
    )
    told = (await checker.resource(answer["access_token"])).json()
    assert (told["bearer"], told["client_id"], told["scope"]) == ("client", "checker", "resource")
    assert "sub" not in told


async def test_the_resource_takes_a_companys_token_and_names_the_actor(checker: Checker) -> None:
    token = await checker.token()
    mandates = await checker.http.get("/identity/v1/mandates", headers={
        "authorization": f"DPoP {token}",
        "dpop": checker.proof("GET", "/identity/v1/mandates", token),
    })  # fmt: skip
    company_id = mandates.json()["mandates"][0]["company"]["id"]
    exchanged = await checker.post("/identity/token", {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "resource": f"urn:lionrock:company:{company_id}",
    })  # fmt: skip
    told = (await checker.resource(exchanged["access_token"])).json()
    assert told["bearer"] == "company"
    assert told["act"]["sub"] != told["sub"]


async def test_the_resource_refuses_with_the_challenge(checker: Checker) -> None:
    token = await checker.token()
    bare = await checker.http.get("/sandbox/resource")
    assert bare.status_code == 401
    assert bare.headers["www-authenticate"].startswith("DPoP ")
    assert "algs=" in bare.headers["www-authenticate"]
    bearer = await checker.resource(token, scheme="Bearer")
    assert bearer.status_code == 401
    stolen = await checker.resource(token, key=generate_key())
    assert stolen.status_code == 401
    assert "error=" in stolen.headers["www-authenticate"]
    proof = checker.proof("GET", "/sandbox/resource", token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    assert (await checker.http.get("/sandbox/resource", headers=headers)).status_code == 200
    replayed = await checker.http.get("/sandbox/resource", headers=headers)
    assert replayed.status_code == 401


async def test_a_served_city_has_no_hook_and_tells_no_number(kernel: Kernel) -> None:
    settings = msgspec.structs.replace(kernel.settings, composition="serve", hosts=())
    served = Platform(dataclasses.replace(kernel, settings=settings),
                      ledger_api.connect("unix:/nowhere"))
    for table in served.application().tables:
        assert table.pillar != "sandbox"
        assert [route.path for route in table.routes if route.path.startswith("/sandbox")] == []
    transport = httpx.ASGITransport(served.application())
    async with httpx.AsyncClient(transport=transport, base_url=PLATFORM) as http:
        for method, path in (
            ("GET", "/sandbox/phones"), ("GET", "/sandbox/phones/waiting?personas=ada"),
            ("GET", "/sandbox/phones/ada/approvals"), ("PUT", "/sandbox/phones/ada/auto"),
            ("POST", "/sandbox/phones/ada/approvals/apr_1"), ("GET", "/sandbox/resource"),
        ):  # fmt: skip
            answer = await http.request(method, path, json={"decision": "approve"}
                                        if method != "GET" else None)
            assert answer.status_code == 404, path
            assert answer.json()["code"] == "kernel.not_found"

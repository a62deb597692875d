"""The sandbox hooks in a whole city: phones that programs hold, a resource; none of it in serve."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.app.platform import Platform
from lionrock.identity.api import ApprovalRequest
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.ledger import api as ledger_api
from lionrock.sandbox.world.phone import Phone
from tests.whole.checker import CALLBACK, JSON, Checker
from tests.whole.conftest import PLATFORM, WholeCity


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
        refused = await checker.http.post(
            f"/sandbox/phones/ada/approvals/{asked['id']}", json=wrong
        )
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


async def until_asked(
    checker: Checker, persona: str, field: str, value: str
) -> dict[str, Any]:
    """Wait until the one thing that a phone was asked says so; returns it."""
    async with asyncio.timeout(60):
        while True:
            (asked,) = await checker.asked(persona)
            if asked[field] == value:
                return asked
            await asyncio.sleep(0.02)


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
        while answer["status"] == "pending" and time.monotonic() - asked_at_s < 60:
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
        async with asyncio.timeout(60):
            while not phone.answering.given_up:  # noqa: ASYNC110 - counted there
                await asyncio.sleep(0.01)
        for _ in range(200):
            await asyncio.sleep(0)
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
    served = Platform(
        dataclasses.replace(kernel, settings=settings), ledger_api.connect("unix:/nowhere")
    )
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
            answer = await http.request(
                method, path, json={"decision": "approve"} if method != "GET" else None
            )
            assert answer.status_code == 404, path
            assert answer.json()["code"] == "kernel.not_found"


async def person_id(checker: Checker, handle: str) -> str:
    """The person that a persona is."""
    platform = checker.city.platform
    person = await platform.kernel.database.run(
        lambda db: platform.identity.parties.find_person(db, handle)
    )
    assert person is not None
    return person.id


async def test_phones_that_answer_by_themselves_decide_joint_approvals_together(
    checker: Checker,
) -> None:
    platform = checker.city.platform
    phone = checker.city.world.parties["phone"]
    assert isinstance(phone, Phone)
    people = [await person_id(checker, handle) for handle in ("ada", "ben")]
    asked = await platform.kernel.database.run(
        lambda db: platform.identity.request_approval(
            db,
            ApprovalRequest(
                kind="signing.document", template="signing.document", language="en",
                fields={"title": "Agreement", "document_sha256": "ab" * 32},
                person_ids=tuple(people), quorum=2, reference=f"cas_{'0' * 32}",
                requester_org="programme-office",
            ),
        )
    )  # fmt: skip
    assert not isinstance(asked, Refused), asked
    loop = asyncio.create_task(phone.answering.run_for_ever())
    try:
        await checker.http.put("/sandbox/phones/ada/auto", json={"decision": "approve"})
        of_ada = await until_asked(checker, "ada", "answer", "approve")
        assert (of_ada["status"], of_ada["answer"], of_ada["number"]) == (
            "pending",
            "approve",
            None,
        )
        await checker.decide("ada", of_ada["id"], {"decision": "deny"}, 409)
        await checker.http.put("/sandbox/phones/ben/auto", json={"decision": "approve"})
        await until_asked(checker, "ben", "status", "approved")
    finally:
        loop.cancel()


async def test_the_phones_own_hook_takes_any_wait_but_a_bounded_one(checker: Checker) -> None:
    for query in ("", "?personas=", "?personas=nobody,ada&wait_ms=0", "?personas=ada&wait_ms=5"):
        answer = await checker.http.get(f"/sandbox/phones/waiting{query}")
        assert (answer.status_code, answer.json()) == (200, [])
    await checker.begin("ada")
    (waiting,) = (
        await checker.http.get("/sandbox/phones/waiting?personas=ada&wait_ms=99999")
    ).json()
    (asked,) = await checker.asked("ada")
    assert waiting == {"persona": "ada", "id": asked["id"], "number": asked["number"]}

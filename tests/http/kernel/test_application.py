"""The route table's own checks, through the real application and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from starlette.responses import Response

from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal, Refused
from lionrock.kernel.http import (
    Call,
    Route,
    RouteTable,
    bodies,
    build_application,
    openapi_document,
    reply,
)


class DemoRefusal(Refusal):
    NO = "demo.no"
    NO_BUT_KEEP = "demo.no_but_keep"


ERRORS: ErrorTable = {
    DemoRefusal.NO: ErrorRow(409, "Not now. Try the other one.", "RFC 0 s0", "invalid_grant"),
    DemoRefusal.NO_BUT_KEEP: ErrorRow(429, "Counted."),
}


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: int
    what: str = ""


class FormBody(msgspec.Struct, frozen=True):
    grant_type: str


async def save_row(call: Call[None, Body]) -> None:
    await call.db.execute(
        "INSERT INTO kernel.replays (key, slot, expires_at) VALUES ($1, 0, '2030-01-01')",
        call.body.what.encode(),
    )


async def decide(call: Call[None, Body]) -> Response | Refused:
    if call.body.amount == 1:
        return Refused(DemoRefusal.NO, "because", field="amount")
    if call.body.amount == 2:
        return Refused(DemoRefusal.NO_BUT_KEEP, keep=True)
    if call.body.amount == 3:
        raise RuntimeError("secret internals")
    return reply(call.body)


async def reply_form(call: Call[None, FormBody]) -> Response | Refused:
    return Refused(DemoRefusal.NO, "say \"why\" — 為何")


async def reply_page(call: Call[None, None]) -> Refused:
    return Refused(DemoRefusal.NO, "<script>")


@pytest.fixture
async def client(kernel: Kernel) -> AsyncIterator[httpx.AsyncClient]:
    table = RouteTable(pillar="demo", room=None, routes=(
        Route(method="POST", path="/demo", name="save", summary="Save.", body=Body,
              steps=(save_row, decide), errors=ERRORS, replies={200: Body}, body_bytes_max=200),
        Route(method="POST", path="/form", name="form", summary="Form.", body=FormBody,
              body_kind="form", steps=(reply_form,), errors=ERRORS, family="oauth"),
        Route(method="GET", path="/page", name="page", summary="Page.", steps=(reply_page,),
              errors=ERRORS, family="html", mode="none"),
    ))
    settings = msgspec.structs.replace(kernel.settings, hosts=("platform.test",))
    import dataclasses

    application = build_application(dataclasses.replace(kernel, settings=settings), [table])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as opened:
        yield opened


async def rows(kernel: Kernel) -> int:
    return int(await kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM kernel.replays")))


async def test_success_commits_and_a_refusal_rolls_back(
    client: httpx.AsyncClient, kernel: Kernel
) -> None:
    assert (await client.post("/demo", json={"amount": 5, "what": "a"})).status_code == 200
    assert await rows(kernel) == 1
    refused = await client.post("/demo", json={"amount": 1, "what": "b"})
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    body = refused.json()
    assert (body["code"], body["step"], body["field"]) == ("demo.no", "decide", "amount")
    assert body["clause"] == "RFC 0 s0"
    assert await rows(kernel) == 1


async def test_a_refusal_marked_keep_commits(client: httpx.AsyncClient, kernel: Kernel) -> None:
    assert (await client.post("/demo", json={"amount": 2, "what": "c"})).status_code == 429
    assert await rows(kernel) == 1


async def test_a_bug_rolls_back_and_shows_no_internals(
    client: httpx.AsyncClient, kernel: Kernel
) -> None:
    response = await client.post("/demo", json={"amount": 3, "what": "d"})
    assert response.status_code == 500
    assert "secret internals" not in response.text
    assert response.headers["request-id"].startswith("req_")
    assert await rows(kernel) == 0


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b'{"amount": 1, "x": 1}', "application/json", 400, "kernel.body_malformed"),
        (b'{"amount": "1"}', "application/json", 400, "kernel.body_malformed"),
        (b"{", "application/json", 400, "kernel.body_malformed"),
        (b"[" * 150, "application/json", 400, "kernel.body_malformed"),
        (b'{"amount": 5, "amount": 5}', "application/json", 400, "kernel.body_member_twice"),
        (b'{"amount": 5, "\\u0061mount": 6}', "application/json", 400, "kernel.body_member_twice"),
        (b'{"amount": 1}', "text/plain", 415, "kernel.media_type_unsupported"),
        (b'{"amount": 1, "what": "' + b"x" * 177 + b'"}', "application/json", 413,
         "kernel.body_too_large"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_by_name(
    client: httpx.AsyncClient, content: bytes, media_type: str, status: int, code: str
) -> None:
    response = await client.post("/demo", content=content, headers={"content-type": media_type})
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_member_given_twice_is_named_and_nothing_is_done(
    client: httpx.AsyncClient, kernel: Kernel
) -> None:
    response = await client.post(
        "/demo", content=b'{"amount": 5, "what": "a", "what": "b"}',
        headers={"content-type": "application/json"},
    )
    assert (response.status_code, response.json()["field"]) == (400, "what")
    assert response.json()["clause"] == "RFC 7493 s2.3"
    assert await rows(kernel) == 0


async def test_the_body_limit_is_exact(client: httpx.AsyncClient) -> None:
    frame = b'{"amount": 9, "what": ""}'
    at_max = frame.replace(b'""', b'"' + b"x" * (200 - len(frame)) + b'"')
    headers = {"content-type": "application/json"}
    assert len(at_max) == 200
    assert (await client.post("/demo", content=at_max, headers=headers)).status_code == 200
    over = at_max.replace(b"x", b"xx", 1)
    assert (await client.post("/demo", content=over, headers=headers)).status_code == 413


async def test_a_form_parameter_sent_twice_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/form", content=b"grant_type=a&grant_type=b",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


async def test_an_oauth_refusal_has_the_oauth_shape_in_ascii(client: httpx.AsyncClient) -> None:
    response = await client.post("/form", data={"grant_type": "x"})
    body = response.json()
    assert body["error"] == "invalid_grant"
    assert body["error_description"].isascii()
    assert '"' not in body["error_description"]


async def test_an_html_refusal_escapes_and_carries_its_code(client: httpx.AsyncClient) -> None:
    response = await client.get("/page")
    assert "<script>" not in response.text
    assert "demo.no" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"])
async def test_somebody_who_looks_is_told_of_an_unknown_path_on_a_page(
    client: httpx.AsyncClient, accept: str
) -> None:
    for method, path, status, code in (
        ("GET", "/nothing<script>", 404, "kernel.not_found"),
        ("GET", "/demo", 405, "kernel.method_not_allowed"),
    ):
        page = await client.request(method, path, headers={"accept": accept})
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        assert f"data-error-code='{code}'" in page.text
        assert "<script>" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_a_program_is_told_of_an_unknown_path_as_a_problem(
    client: httpx.AsyncClient, accept: str
) -> None:
    answer = await client.get("/nothing", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (
        404, "application/problem+json"
    )


async def test_unknown_paths_methods_hosts_and_parameters_are_refused(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/nothing")).json()["code"] == "kernel.not_found"
    wrong = await client.get("/demo")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    host = await client.get("/page", headers={"host": "evil.test"})
    assert (host.status_code, host.json()["code"]) == (421, "kernel.host_unknown")
    twice = await client.get("/page", headers=[("host", "platform.test"), ("host", "evil.test")])
    assert (twice.status_code, twice.json()["code"]) == (421, "kernel.host_unknown")
    assert (await client.get("/page?debug=1")).status_code == 400


async def test_a_body_that_drips_in_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_S_MAX", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" "
            await asyncio.sleep(0.02)

    headers = {"content-type": "application/json"}
    answer = await client.post("/demo", content=drip(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (408, "kernel.body_slow")


async def test_a_client_that_hangs_up_is_no_bug(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "path": "/demo", "raw_path": b"/demo", "query_string": b"", "root_path": "",
        "scheme": "http", "server": ("platform.test", 80), "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"platform.test"), (b"content-type", b"application/json"),
            (b"content-length", b"20"),
        ],
    }
    await transport.app(scope, receive, send)
    assert answered[0]["status"] == 408
    seen = capsys.readouterr()
    assert "bug" not in seen.out + seen.err


@pytest.mark.parametrize(
    ("scope", "scheme"),
    [
        ("programmes", "dpop_token"), ("member", "message_signature"),
        ("device", "message_signature"),
    ],
)
def test_the_openapi_description_says_what_a_call_must_carry(scope: str, scheme: str) -> None:
    table = RouteTable(pillar="demo", room=None, routes=(
        Route(method="GET", path="/demo", name="get", summary="Get.", steps=(reply_page,),
              errors=ERRORS, scope=scope),))
    document = openapi_document([table], title="t", version="1", server_url="http://x")
    assert list(document["paths"]["/demo"]["get"]["security"][0]) == [scheme]
    assert scheme in document["components"]["securitySchemes"]


def test_the_openapi_description_holds_every_row_and_strict_bodies() -> None:
    table = RouteTable(pillar="demo", room=None, routes=(
        Route(method="POST", path="/demo/{id}", name="save", summary="Save.", body=Body,
              steps=(decide,), errors=ERRORS, replies={200: Body}),))
    document = openapi_document([table], title="t", version="1", server_url="http://x")
    operation = document["paths"]["/demo/{id}"]["post"]
    assert operation["x-steps"] == ["decide"]
    assert operation["security"] == []
    assert "409" in operation["responses"]
    assert document["components"]["schemas"]["Body"]["additionalProperties"] is False
    from openapi_spec_validator import validate

    validate(document)

"""Attacker: time. The owner revokes, or the hub is cut off, while a provider is answering.

And the network's own tricks on the gateway's questions to the hub: old words played again, words of
somebody else. Clauses: RFC 9421 s2.4; the leases of
src/lionrock/exchange/README.md.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lionrock.exchange.domain.fetching import StatusAnswer
from lionrock.exchange.domain.leases import LEASE_MARGIN_MS, LEASE_MS_MAX, HeldLease
from lionrock.exchange.gateway.replies import LeasedResponse
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.jose import generate_key
from lionrock.kernel.network import AsgiApplication
from lionrock.kernel.signatures import sign_request, sign_response
from tests.attack.exchange.adversaries import Member, artefact_jws, code_of
from tests.http.exchange.town import BANK, PLATFORM_URL, Town


class SlowRecords:
    """A bank whose own data take their time; something may happen meanwhile."""

    def __init__(self, town: Town, delay_ms: int) -> None:
        self.town = town
        self.delay_ms = delay_ms
        self.meanwhile: Any = None

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """The usual record, later."""
        if self.meanwhile is not None:
            await self.meanwhile()
        await asyncio.sleep(self.delay_ms / 1000)
        return await self.town.bank.record(product, identifier_kind, identifier)


def slow(town: Town, delay_ms: int) -> SlowRecords:
    """Put slow records behind the bank's gateway."""
    records = SlowRecords(town, delay_ms)
    gateway = town.bank.provider.gateway
    gateway._setup = dataclasses.replace(gateway._setup, records=records)
    return records


async def test_a_slow_answer_needs_a_fresh_lease_and_gets_it(town: Town) -> None:
    slow(town, LEASE_MS_MAX + 20)
    consent = await town.active()
    assert await Member.office(town).ask(await artefact_jws(town, consent)) == "ok"


async def test_a_revocation_during_a_slow_answer_stops_it(town: Town) -> None:
    records = slow(town, LEASE_MS_MAX + 20)
    consent = await town.active()

    async def revoke() -> None:
        await town.revoke(consent.id)

    records.meanwhile = revoke
    code = await Member.office(town).ask(await artefact_jws(town, consent, revision=2))
    assert code == "exchange.consent_revoked"


async def test_an_answer_ready_after_its_lease_is_withheld_at_the_last_look(town: Town) -> None:
    """The server asks for the first byte only now: the answer does not begin."""
    sent: list[Any] = []

    async def withheld() -> Response:
        return Response(b"withheld", status_code=503)

    async def collect(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    run_out = HeldLease(asked_at_ms=monotonic_ms() - LEASE_MS_MAX, lease_ms=LEASE_MS_MAX)
    response = LeasedResponse(b"data", lease=run_out, withheld=withheld)
    await response({"type": "http"}, receive, collect)
    assert [message.get("status") for message in sent] == [503, None]
    assert not any(b"data" in message.get("body", b"") for message in sent)


async def test_without_the_hub_nothing_is_answered(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    jws = await artefact_jws(town, consent)
    assert await office.ask(jws) == "ok"  # the directory's keys are remembered now
    del town.kernel.network.applications[PLATFORM_URL]
    assert await office.ask(jws) == "exchange.lease_unavailable"


async def test_a_hub_slower_than_its_leases_opens_nothing(town: Town) -> None:
    """A yes that took longer than a lease lasts is no yes any more; it is asked for three times."""
    consent = await town.active()
    office = Member.office(town)
    jws = await artefact_jws(town, consent)
    assert await office.ask(jws) == "ok"
    platform = town.kernel.network.applications[PLATFORM_URL]
    asked: list[str] = []

    async def slow_hub(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"].rsplit("/", 1)[1])
        await asyncio.sleep((LEASE_MS_MAX - LEASE_MARGIN_MS) / 1000)
        await platform(scope, receive, send)

    town.kernel.network.applications[PLATFORM_URL] = slow_hub
    assert await office.ask(jws) == "exchange.lease_run_out"
    assert asked == ["status"] * 3


class FalseHub:
    """Stands where the platform's status route is; everything else goes to the platform."""

    def __init__(self, town: Town, answer: Any) -> None:
        self.platform: AsgiApplication = town.kernel.network.applications[PLATFORM_URL]
        self.false = Starlette(
            routes=[Route("/exchange/v1/consents/{consent_id}/status", answer)]
        )
        town.kernel.network.applications[PLATFORM_URL] = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_status = scope["path"].endswith("/status")
        await (self.false if is_status else self.platform)(scope, receive, send)


async def test_an_old_yes_played_again_after_a_revocation_opens_nothing(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    jws = await artefact_jws(town, consent)
    kept: list[Response] = []
    platform = town.kernel.network.applications[PLATFORM_URL]

    async def record_then_replay(request: Request) -> Response:
        if not kept:
            reply = await _through(platform, request)
            kept.append(reply)
        return kept[0]

    FalseHub(town, record_then_replay)
    assert await office.ask(jws) == "ok"
    await town.revoke(consent.id)
    assert await office.ask(jws) == "exchange.lease_refused"


@pytest.mark.parametrize("signer", ["unsigned", "stranger", "bank"])
async def test_a_yes_that_is_not_the_platform_s_opens_nothing(town: Town, signer: str) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    await town.revoke(consent.id)
    key = town.bank.provider.gateway.receipts.key if signer == "bank" else generate_key()
    keyid = f"{BANK}#{key.kid}" if signer == "bank" else f"lionrock-platform#{key.kid}"

    async def yes(request: Request) -> Response:
        answer = await town.kernel.database.run(
            lambda db: town.exchange.lease(db, consent.id, BANK)
        )
        assert isinstance(answer, StatusAnswer)
        body = msgspec.json.encode(
            msgspec.structs.replace(answer, status="active", lease_ms=500, revision=2)
        )
        if signer == "unsigned":
            return Response(body, media_type="application/json")
        headers = sign_response(
            status=200, headers={"content-type": "application/json"}, body=body,
            request_headers=dict(request.headers), key=key, keyid=keyid,
            now_s=town.kernel.wire_clock.now_s(),
        )  # fmt: skip
        return Response(body, headers=headers)

    FalseHub(town, yes)
    assert await Member.office(town).ask(jws) == "exchange.lease_refused"


async def test_a_stranger_learns_nothing_from_the_status_route(town: Town) -> None:
    consent = await town.active()
    url = f"{PLATFORM_URL}/exchange/v1/consents/{consent.id}/status"
    registry = town.registry.provider.gateway.receipts
    unsigned = await town.kernel.network.send("GET", url)
    assert code_of(unsigned) == "signature.missing"
    def headers_for(target: str) -> dict[str, str]:
        return sign_request(
            method="GET", url=target, key=registry.key,
            keyid=f"{registry.member_id}#{registry.key.kid}",
            now_s=town.kernel.wire_clock.now_s(),
        )  # fmt: skip

    foreign = await town.kernel.network.send("GET", url, headers_for(url))
    absent_url = url.replace(consent.id, "cns_" + "0" * 32)
    absent = await town.kernel.network.send("GET", absent_url, headers_for(absent_url))
    assert (foreign.status, code_of(foreign)) == (absent.status, code_of(absent))
    assert code_of(foreign) == "exchange.consent_unknown"


async def _through(application: AsgiApplication, request: Request) -> Response:
    """Pass a request on to an application and return its answer."""
    messages: list[Any] = []

    async def collect(message: Any) -> None:
        messages.append(message)

    await application(request.scope, request.receive, collect)
    headers = {k.decode(): v.decode() for k, v in messages[0]["headers"]}
    body = b"".join(m.get("body", b"") for m in messages[1:])
    return Response(body, status_code=messages[0]["status"],
                    headers={k: v for k, v in headers.items() if k != "content-length"})

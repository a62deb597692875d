"""A consumer that comes too often, uses one session key twice or fills the gateway."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from lionrock.exchange.api import Frequency
from lionrock.exchange.gateway.fairness import RETRY_AFTER_S, Turns
from lionrock.kernel.jose import generate_encryption_key
from tests.attack.exchange.adversaries import Member, artefact_jws, code_of
from tests.http.exchange.town import Town


async def test_too_often_is_told_when_to_come_again(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="hour"))
    office, jws = Member.office(town), await artefact_jws(town, consent)
    assert await office.ask(jws) == "ok"
    town.advance_business(minutes=20)
    refused = await office.send(office.body(jws))
    assert (refused.status, code_of(refused)) == (429, "exchange.frequency_exceeded")
    assert refused.headers["retry-after"] == str(40 * 60)
    town.advance_business(seconds=40 * 60)
    assert await office.ask(jws) == "ok"


async def test_a_consent_that_is_used_up_says_no_time(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    office, jws = Member.office(town), await artefact_jws(town, consent)
    assert await office.ask(jws) == "ok"
    refused = await office.send(office.body(jws))
    assert code_of(refused) == "exchange.frequency_exceeded"
    assert "retry-after" not in refused.headers


async def test_a_session_key_opens_one_fetch_only(town: Town) -> None:
    one, other = await town.active(), await town.active()
    office = Member.office(town)
    key = generate_encryption_key().public_jwk
    first = await artefact_jws(town, one)
    body = office.body(first, recipient_key=key)
    assert code_of(await office.send(body)) == "ok"
    assert code_of(await office.send(body)) == "ok", "a repeat is the same session"
    for jws in (first, await artefact_jws(town, other)):
        assert await office.ask(jws, recipient_key=key) == "exchange.session_key_reused"
        renamed = {name: text for name, text in key.items() if name != "kid"}
        assert await office.ask(jws, recipient_key=renamed) == "exchange.session_key_reused"
    assert await office.ask(first) == "ok", "what was refused did not count"


async def test_of_two_requests_with_one_session_key_at_once_one_is_answered(town: Town) -> None:
    consent = await town.active()
    office, jws = Member.office(town), await artefact_jws(town, consent)
    key = generate_encryption_key().public_jwk
    bodies = [office.body(jws, recipient_key=key) for _ in range(2)]
    codes = [code_of(each) for each in await asyncio.gather(*map(office.send, bodies))]
    assert sorted(codes) == ["exchange.session_key_reused", "ok"]


class HeldRecords:
    """The bank's records, which answer nobody until they are released."""

    def __init__(self, town: Town) -> None:
        self._bank = town.bank
        self.asked = asyncio.Event()
        self.released = asyncio.Event()

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """The usual record, later."""
        self.asked.set()
        await self.released.wait()
        return await self._bank.record(product, identifier_kind, identifier)


async def test_who_fills_the_gateway_is_sent_away_with_a_time(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=9, per="day"))
    office, jws = Member.office(town), await artefact_jws(town, consent)
    gateway, records = town.bank.provider.gateway, HeldRecords(town)
    gateway._setup = dataclasses.replace(gateway._setup, records=records)
    gateway._turns = Turns(places=1, waiting_max=0)
    working = asyncio.create_task(office.send(office.body(jws)))
    await records.asked.wait()
    refused = await office.send(office.body(jws))
    assert (refused.status, code_of(refused)) == (429, "exchange.consumer_busy")
    assert refused.headers["retry-after"] == str(RETRY_AFTER_S)
    assert "signature" in refused.headers, "a refusal is the provider's word too"
    records.released.set()
    assert code_of(await working) == "ok"
    assert await office.ask(jws) == "ok", "the place is free again"


async def test_the_key_of_a_session_is_not_the_operator_s_to_change(town: Town) -> None:
    """A relay that puts its own key into the request cannot sign it as the consumer."""
    consent = await town.active()
    office, jws = Member.office(town), await artefact_jws(town, consent)
    body = office.body(jws)
    headers = office.signed(body)
    changed = msgspec.json.decode(body) | {"recipient_key": generate_encryption_key().public_jwk}
    answer = await office.send(msgspec.json.encode(changed), headers)
    assert code_of(answer) == "exchange.request_signature_wrong"

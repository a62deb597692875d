"""A registry's word on a company: signed, once, in effect when it is acknowledged."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.directory.api import Directory, Organisation, Sender, send_signed
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Reply
from lionrock.kernel.signatures import sign_request
from lionrock.sandbox.world.department import CompaniesRegistry
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, WORLD, City
from tests.http.identity.desk import Desk, mandate_of, new_company, new_desk

NUMBER = "70000017"
URL = f"{ISSUER}/identity/v1/registry/companies/{{}}/status"


class Office:
    """An organisation of the directory that speaks of companies."""

    def __init__(self, city: City, organisation_id: str, key: Key) -> None:
        self.city = city
        self.id = organisation_id
        self.key = key

    async def state(self, status: str, number: str = NUMBER, **changes: Any) -> Reply:
        """State a company's status."""
        city = self.city
        body: dict[str, Any] = {
            "status": status, "as_of": city.kernel.business_clock.now().isoformat(),
            "source": "Companies register", "reference": city.kernel.ids.new("crs"),
        } | changes  # fmt: skip
        exchange = await send_signed(
            city.kernel.network, city.kernel.wire_clock, Sender(self.id, self.key), method="POST",
            url=URL.format(number), body=msgspec.json.encode(body),
            headers={"content-type": "application/json"},
        )  # fmt: skip
        return exchange.reply


async def _office(city: City, organisation_id: str, *roles: str) -> Office:
    key = generate_key()
    name = {"en": organisation_id, "zh-Hant": organisation_id, "zh-Hans": organisation_id}
    entry = Organisation(
        id=organisation_id, names=name, roles=frozenset(roles), keys=(key.public_jwk,)
    )
    directory = Directory(city.kernel)
    made = await city.kernel.database.run(lambda db: directory.register(db, entry))
    assert not isinstance(made, Refused), made
    return Office(city, organisation_id, key)


@pytest.fixture
async def registry(city: City) -> Office:
    """A registry."""
    return await _office(city, "companies-registry", "registry")


@pytest.fixture
async def desk(city: City) -> Desk:
    """A service of companies."""
    return await new_desk(city)


def _code(reply: Reply) -> str:
    return str(msgspec.json.decode(reply.body)["code"])


@pytest.mark.parametrize("status", ["suspended", "ceased"])
async def test_first_call_after_the_acknowledgement_is_refused_and_reinstating_revives(
    city: City, desk: Desk, registry: Office, status: str
) -> None:
    token = await desk.acting("ada", city.company)
    persons = await desk.token("ada", scope="openid company")
    assert (await desk.get(token)).status_code == 200
    told = await registry.state(status)
    assert told.status == 200
    assert msgspec.json.decode(told.body)["is_applied"] is True
    # No time passes: the clocks stand still between the acknowledgement and the call.
    refused = await desk.get(token)
    assert (refused.status_code, error_code(refused)) == (403, "identity.company_inactive")
    assert (await desk.exchange(persons, city.company.id)).json()["error"] == "invalid_target"
    (receipt,) = await city.receipts("identity.company_status")
    assert receipt["references"]["registry"] == "companies-registry"
    city.business_clock.advance(days=1)
    assert (await registry.state("live")).status == 200
    assert (await desk.get(token)).status_code == 200


async def test_statement_sent_again_changes_nothing_and_another_one_needs_a_new_reference(
    city: City, registry: Office
) -> None:
    first = await registry.state("suspended", reference="cr-1")
    again = await registry.state("suspended", reference="cr-1")
    assert (first.status, first.body) == (again.status, again.body)
    other = await registry.state("live", reference="cr-1")
    assert (other.status, _code(other)) == (409, "identity.status_reference")
    assert len(await city.receipts("identity.company_status")) == 1


async def test_older_statement_that_comes_late_does_not_undo_a_newer_one(
    city: City, registry: Office
) -> None:
    now = city.kernel.business_clock.now()
    await registry.state("suspended")
    late = await registry.state("live", as_of=(now - timedelta(hours=1)).isoformat())
    assert msgspec.json.decode(late.body)["is_applied"] is False
    company = await city.kernel.database.run(
        lambda db: city.identity.company(db, city.company.id)
    )
    assert not isinstance(company, Refused)
    assert company.status == "suspended"


async def test_was_entitled_goes_by_what_the_registry_had_said_by_then(
    city: City, registry: Office
) -> None:
    start = city.kernel.business_clock.now()
    for day, status in ((10, "suspended"), (20, "live")):
        city.business_clock.advance(days=10)
        assert (await registry.state(status)).status == 200, day

    async def was(at: datetime) -> bool:
        return await city.kernel.database.run(lambda db: city.identity.was_entitled(
            db, city.people["ada"].id, city.company.id, "payments", at
        ))  # fmt: skip

    told = {day: await was(start + timedelta(days=day)) for day in (9, 10, 19, 20)}
    assert told == {9: True, 10: False, 19: False, 20: True}


async def test_only_a_registry_is_believed(city: City, registry: Office) -> None:
    bank = await _office(city, "bank-harbour", "participant", "provider")
    refused = await bank.state("ceased")
    assert (refused.status, _code(refused)) == (403, "identity.registry_role")
    forged = Office(city, "companies-registry", generate_key())
    assert (await forged.state("ceased")).status in (401, 403)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "merged"}, "kernel.body_malformed"),
        ({"as_of": "2026-02-20T09:00:00"}, "kernel.body_malformed"),
        ({"as_of": "2026-02-20T09:02:00+00:00"}, "identity.status_time"),
        ({"source": ""}, "identity.status_malformed"),
        ({"source": "two\nlines"}, "identity.status_malformed"),
        ({"source": "x" * 121}, "kernel.body_malformed"),
        ({"reference": "per id"}, "identity.status_malformed"),
        ({"reference": "x" * 65}, "kernel.body_malformed"),
        ({"reason": "unknown member"}, "kernel.body_malformed"),
    ],
)  # fmt: skip
async def test_malformed_statement_is_refused(
    registry: Office, changes: dict[str, Any], code: str
) -> None:
    refused = await registry.state(**({"status": "suspended"} | changes))
    assert (refused.status, _code(refused)) == (400, code)


async def test_statement_about_no_company_of_ours_is_refused(registry: Office) -> None:
    assert _code(await registry.state("ceased", "79999999")) == "identity.company_unknown"
    assert _code(await registry.state("ceased", "7")) == "identity.business_number"


async def test_replayed_or_altered_call_is_refused(city: City, registry: Office) -> None:
    body = msgspec.json.encode({
        "status": "live", "as_of": city.kernel.business_clock.now().isoformat(),
        "source": "Companies register", "reference": "cr-9",
    })  # fmt: skip
    headers = sign_request(
        method="POST", url=URL.format(NUMBER), body=body, key=registry.key,
        keyid=Sender(registry.id, registry.key).keyid,
        now_s=city.kernel.wire_clock.now_s(), headers={"content-type": "application/json"},
    )  # fmt: skip
    altered = body.replace(b"live", b"ceased")
    send = city.kernel.network.send
    assert (await send("POST", URL.format(NUMBER), headers, altered)).status == 400
    assert (await send("POST", URL.format(NUMBER), headers, body)).status == 200
    assert (await send("POST", URL.format(NUMBER), headers, body)).status == 403


async def test_sandbox_registry_suspends_a_company_when_its_operator_says_so(
    city: City, desk: Desk, tmp_path: Path
) -> None:
    kernel = city.kernel
    context = WorldContext(
        platform_url=ISSUER, world_url=WORLD, wire_clock=kernel.wire_clock,
        business_clock=kernel.business_clock, ids=kernel.ids,
        key_store=KeyStore(tmp_path / "registry-keys", "the world's", scrypt_cost=2**4),
        network=kernel.network, database=kernel.database, store=WorldStore(kernel.database),
    )  # fmt: skip
    world = World(context, [CompaniesRegistry(context, [], 1)])
    key = context.key_store.get_or_create("companies-registry")
    name = {"en": "Registry", "zh-Hant": "註冊處", "zh-Hans": "注册处"}
    entry = Organisation(
        id="companies-registry", names=name, roles=frozenset({"registry"}), keys=(key.public_jwk,)
    )
    directory = Directory(kernel)
    await kernel.database.run(lambda db: directory.register(db, entry))
    company = await new_company(city, "70000025")
    await mandate_of(city, "ada", company)
    token = await desk.acting("ada", company)
    application: Any = world.application
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url=WORLD) as http:
        path = "/companies-registry/operator/companies/70000025/status"
        assert (await http.put(path, json={"status": "gone"})).status_code == 400
        assert (await http.put(path, json={"status": "suspended"})).status_code == 200
    assert error_code(await desk.get(token)) == "identity.company_inactive"

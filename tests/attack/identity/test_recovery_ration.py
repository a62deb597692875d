"""One attacker who begins recoveries by the thousand, from one place or in one person's name."""

from __future__ import annotations

import httpx
import pytest

from tests.attack.identity.test_recovery import shape
from tests.http.identity.city import ISSUER, City
from tests.http.identity.test_recovery import ROOT, in_person_code, messages, post

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


async def begin_from(city: City, address: str, identifier: str) -> httpx.Response:
    """Begin as somebody at an address."""
    transport = httpx.ASGITransport(city.application, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
        return await http.post(ROOT, json={"identifier": identifier})


async def flood(city: City, address: str) -> None:
    """Begin as many as one source may, each in another name."""
    for number in range(city.kernel.settings.limit_recoveries_per_source):
        begun = await begin_from(city, address, f"nobody-{number}")
        assert begun.status_code == 201, begun.text


@pytest.mark.behaviour("attack-push-bombing")
async def test_source_begins_so_many_recoveries_in_an_hour_and_no_more(city: City) -> None:
    await flood(city, HERE)
    for identifier in ("ada", "nobody"):
        refused = await begin_from(city, HERE, identifier)
        assert (refused.status_code, refused.json()["code"]) == (429, "identity.recovery_limited")
    assert await messages(city) == []
    assert await city.phone.pending("ada") == []
    assert (await begin_from(city, ELSEWHERE, "ada")).status_code == 201
    city.wire_clock.advance(seconds=3_599)
    assert (await begin_from(city, HERE, "ada")).status_code == 429
    city.wire_clock.advance(seconds=1)
    assert (await begin_from(city, HERE, "ada")).status_code == 201


async def test_subscriber_s_many_addresses_are_one_source(city: City) -> None:
    await flood(city, "2001:db8:0:1::1")
    assert (await begin_from(city, "2001:db8:0:1:ffff::2", "ada")).status_code == 429
    assert (await begin_from(city, "2001:db8:0:2::1", "ada")).status_code == 201


async def test_person_is_told_of_so_many_a_day_and_the_answers_do_not_tell(city: City) -> None:
    most = city.kernel.settings.limit_recoveries
    answers = [await begin_from(city, f"192.0.2.{n}", "ada") for n in range(1, most + 3)]
    decoy = await begin_from(city, ELSEWHERE, "nobody")
    assert all(shape(each.json()) == shape(decoy.json()) for each in answers)
    assert len(await messages(city)) == 2 * most
    assert len(await city.phone.pending("ada")) == 1


async def test_quiet_recovery_goes_on_for_whoever_is_seen_in_person(city: City) -> None:
    for number in range(1, city.kernel.settings.limit_recoveries + 1):
        await begin_from(city, f"192.0.2.{number}", "ada")
    told = len(await messages(city))
    quiet = (await begin_from(city, "198.51.100.1", "ada")).json()["secret"]
    assert len(await messages(city)) == told
    shown = await post(city, "/codes", secret=quiet, code=await in_person_code(city))
    assert shown.json()["proven"] == ["in_person"]
    assert len(await messages(city)) > told

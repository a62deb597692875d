"""An attacker who says that they are somebody who lost a phone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.identity.city import City
from tests.http.identity.test_recovery import (
    DAY_S,
    begin,
    cool,
    in_person_code,
    message_code,
    messages,
    post,
    proven,
)


def shape(value: dict[str, Any]) -> dict[str, Any]:
    """An answer without its secret."""
    return {name: member for name, member in value.items() if name != "secret"}


@pytest.mark.behaviour("attack-enumeration")
async def test_every_answer_is_the_same_whoever_is_named(city: City) -> None:
    seen = []
    for identifier in ("ada", "nobody", "+85259000001", "+85259999999", "???", " ", "ada"):
        begun = await post(city, identifier=identifier)
        secret = begun.json()["secret"]
        answers = [begun, await post(city, "/status", secret=secret)]
        answers += [await post(city, "/codes", secret=secret, code="00000000") for _ in range(7)]
        answers.append(await post(city, "/completion", secret=secret))
        seen.append([
            (a.status_code, shape({k: v for k, v in a.json().items() if k != "request_id"}))
            for a in answers
        ])  # fmt: skip
    assert all(each == seen[0] for each in seen)


async def test_called_off_recovery_looks_like_one_that_nobody_proves(city: City) -> None:
    secret, decoy = await begin(city), await begin(city, "nobody")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "rejected")
    code = await message_code(city)
    for path, body in (("/status", {}), ("/codes", {"code": code}), ("/completion", {})):
        ours = (await post(city, path, secret=secret, **body)).json()
        theirs = (await post(city, path, secret=decoy, **body)).json()
        assert {**ours, "request_id": ""} == {**theirs, "request_id": ""}


async def test_one_way_twice_is_not_two_ways(city: City) -> None:
    secret = await begin(city)
    for channel in ("phone", "email"):
        code = await message_code(city, channel=channel)
        shown = await post(city, "/codes", secret=secret, code=code)
        assert shown.json()["proven"] == ["message"]
    answer = await post(city, "/completion", secret=secret)
    assert answer.json()["code"] == "identity.recovery_incomplete"


async def test_code_works_once_and_for_its_own_recovery_only(city: City) -> None:
    first, second = await begin(city), await begin(city)
    codes = [m.body for m in await messages(city) if m.channel == "phone"]
    assert len(codes) == 2
    code = await message_code(city)
    one = await post(city, "/codes", secret=first, code=code)
    two = await post(city, "/codes", secret=second, code=code)
    assert sorted([one.status_code, two.status_code]) == [200, 403]
    again = await post(city, "/codes", secret=second, code=code)
    assert again.json()["code"] == "identity.recovery_code"


async def test_five_wrong_codes_and_the_right_one_is_too_late(city: City) -> None:
    secret, code = await begin(city), await message_code(city)
    for _ in range(5):
        assert (await post(city, "/codes", secret=secret, code="1")).status_code == 403
    assert (await post(city, "/codes", secret=secret, code=code)).status_code == 403
    assert (await post(city, "/codes", secret=await begin(city), code=code)).status_code == 403


async def test_code_handed_to_another_person_proves_nothing(city: City) -> None:
    code, secret = await in_person_code(city, "ada"), await begin(city, "ben")
    assert (await post(city, "/codes", secret=secret, code=code)).status_code == 403
    assert (await post(city, "/codes", secret=await begin(city), code=code)).status_code == 200


async def test_codes_expire(city: City) -> None:
    secret, code = await begin(city), await message_code(city)
    city.business_clock.advance(days=2)
    assert (await post(city, "/codes", secret=secret, code=code)).status_code == 403
    handed = await in_person_code(city)
    city.business_clock.advance(days=5)
    other = await begin(city)
    city.business_clock.advance(days=2)
    assert (await post(city, "/codes", secret=other, code=handed)).status_code == 403


async def test_holder_of_a_device_calls_every_open_recovery_off(city: City) -> None:
    cool(city, DAY_S)
    secrets = [await proven(city), await begin(city)]
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "rejected")
    city.business_clock.advance(seconds=DAY_S)
    for secret in secrets:
        assert (await post(city, "/completion", secret=secret)).status_code == 409
    assert await city.phone.pending("ada") == []


@pytest.mark.behaviour("attack-push-bombing")
async def test_flood_bothers_nobody_and_locks_nobody_out(city: City) -> None:
    for _ in range(12):
        await begin(city)
    assert len(await messages(city)) == 6
    assert len(await city.phone.pending("ada")) == 1
    city.business_clock.advance(seconds=1)
    secret = await begin(city)
    shown = await post(city, "/codes", secret=secret, code=await in_person_code(city))
    assert shown.json()["proven"] == ["in_person"]
    shown = await post(city, "/codes", secret=secret, code=await message_code(city))
    assert shown.json()["proven"] == ["in_person", "message"]
    assert (await post(city, "/completion", secret=secret)).status_code == 201


async def test_rejecting_again_and_again_is_asked_three_times_a_day(city: City) -> None:
    asked = 0
    for _ in range(6):
        await begin(city)
        for approval in await city.phone.pending("ada"):
            asked += 1
            await city.phone.answer("ada", approval["approval_id"], "rejected")
    assert asked == 3


async def test_code_in_the_hands_of_a_suspended_person_tells_nobody_and_breaks_nothing(
    city: City,
) -> None:
    await begin(city)
    (notice,) = await city.phone.pending("ada")
    await city.phone.answer("ada", notice["approval_id"], "rejected")
    for _ in range(city.kernel.settings.limit_recoveries - 1):
        await begin(city)
        for approval in await city.phone.pending("ada"):
            await city.phone.answer("ada", approval["approval_id"], "rejected")
    quiet, code = await begin(city), await in_person_code(city)
    told, ada = len(await messages(city)), city.people["ada"].id
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(db, ada, "suspended")
    )
    shown = await post(city, "/codes", secret=quiet, code=code)
    assert (shown.status_code, shown.json()["proven"]) == (200, ["in_person"])
    assert len(await messages(city)) == told


@pytest.mark.parametrize("secret", ["", "x", "A" * 43])
@pytest.mark.parametrize("path", ["/status", "/completion"])
async def test_unknown_secret_is_not_found(city: City, secret: str, path: str) -> None:
    answer = await post(city, path, secret=secret)
    assert answer.status_code == 404
    assert answer.json()["code"] == "identity.recovery_unknown"


async def test_suspended_person_is_not_brought_back(city: City) -> None:
    secret, ada = await proven(city), city.people["ada"].id
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(db, ada, "suspended")
    )
    answer = await post(city, "/completion", secret=secret)
    assert answer.json()["code"] == "identity.recovery_incomplete"


async def test_messages_and_codes_are_not_readable_in_the_tables(city: City) -> None:
    await begin(city)
    code = await message_code(city)
    rows = await city.kernel.database.run(
        lambda db: db.fetch(
            "SELECT to_jsonb(m)::text AS text FROM identity.messages m"
            " UNION ALL SELECT to_jsonb(c)::text FROM identity.recovery_codes c"
        )
    )
    assert len(rows) == 4
    assert all(code not in row["text"] for row in rows)

"""An attacker with a refresh token that is not his, is old, or was never made (RFC 9700 s4.14)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_key
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import POLICY, Keeper, new_keeper, refresh, signed_in


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client with refresh tokens."""
    return await new_keeper(city)


@pytest.mark.behaviour("refresh-token")
async def test_refresh_token_of_another_client_is_not_known_and_keeps_its_worth(
    city: City, keeper: Keeper
) -> None:
    thief = await new_keeper(city, "thief")
    first = await signed_in(keeper)
    thief.dpop_key = keeper.dpop_key
    answer = await refresh(thief, first["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert error_code(answer) == "identity.refresh_unknown"
    assert (await refresh(keeper, first["refresh_token"])).status_code == 200


@pytest.mark.behaviour("refresh-token")
async def test_refresh_takes_the_clients_own_key_and_a_proof(city: City, keeper: Keeper) -> None:
    first = await signed_in(keeper)
    forged = keeper.assertion(key=generate_key())
    answer = await refresh(keeper, first["refresh_token"], assertion=forged)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    async with city.http() as http:
        bare = await http.post(
            "/identity/token",
            data={
                "grant_type": "refresh_token", "refresh_token": first["refresh_token"],
                "client_id": "keeper",
            },
        )  # fmt: skip
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
    answer = await refresh(keeper, first["refresh_token"], proof=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert (await refresh(keeper, first["refresh_token"])).status_code == 200


def bent(token: str, other: str) -> dict[str, str]:
    """Tokens that nobody made, near to one that somebody did."""
    handle, generation, mac = token.split(".")
    swapped = "A" if mac[5] != "A" else "B"
    return {
        "mac": f"{handle}.{generation}.{mac[:5]}{swapped}{mac[6:]}",
        "next-generation": f"{handle}.2.{mac}", "generation-0": f"{handle}.0.{mac}",
        "padded-generation": f"{handle}.01.{mac}", "negative": f"{handle}.-1.{mac}",
        "huge-generation": f"{handle}.{'9' * 30}.{mac}",
        "arabic-digit": f"{handle}.\u0661.{mac}", "other-handle": f"{other}.{generation}.{mac}",
        "no-mac": f"{handle}.{generation}.", "no-dots": handle, "one-more-part": f"{token}.0",
        "blank": f" {token}", "newline": f"{token}\n", "long": token * 50, "nul": f"{token}\0",
        "padding": f"{token}=",
    }  # fmt: skip


async def test_invented_refresh_tokens_are_unknown_and_cost_the_real_one_nothing(
    keeper: Keeper,
) -> None:
    first, second = await signed_in(keeper), await signed_in(keeper)
    other = second["refresh_token"].split(".")[0]
    for name, token in bent(first["refresh_token"], other).items():
        answer = await refresh(keeper, token)
        assert error_code(answer) == "identity.refresh_unknown", name
        assert answer.json()["error"] == "invalid_grant"
    assert (await refresh(keeper, first["refresh_token"])).status_code == 200
    missing = await refresh(keeper, "")
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


async def test_tokens_are_not_taken_at_each_others_doors(city: City, keeper: Keeper) -> None:
    first = await signed_in(keeper)
    assert (await refresh(keeper, first["access_token"])).json()["error"] == "invalid_grant"
    assert (await keeper.get(first["refresh_token"])).status_code == 401
    assert (await keeper.redeem(first["refresh_token"])).json()["error"] == "invalid_grant"
    answer = await keeper.exchange(first["refresh_token"], city.company.id)
    assert answer.json()["error"] == "invalid_request"


async def test_refresh_stops_with_the_person_and_with_the_client(
    city: City, keeper: Keeper
) -> None:
    token, identity = (await signed_in(keeper))["refresh_token"], city.identity
    ada, run = city.people["ada"].id, city.kernel.database.run
    await run(lambda db: identity.parties.set_person_status(db, ada, "suspended"))
    assert (await refresh(keeper, token)).json()["error"] == "invalid_grant"
    await run(lambda db: identity.parties.set_person_status(db, ada, "active"))
    token = (await refresh(keeper, token)).json()["refresh_token"]
    ended = msgspec.structs.replace(keeper.registration(), is_active=False)
    await run(lambda db: identity.clients.replace(db, ended))
    assert (await refresh(keeper, token)).json()["error"] == "invalid_client"


async def test_scope_that_the_client_lost_is_lost_at_the_next_refresh(
    city: City, keeper: Keeper
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    less = msgspec.structs.replace(keeper.registration(), scopes=frozenset({"openid", "contact"}))
    await city.kernel.database.run(lambda db: city.identity.clients.replace(db, less))
    assert (await refresh(keeper, token)).json()["scope"] == "openid"


async def test_reused_code_costs_the_refresh_tokens_that_it_brought(keeper: Keeper) -> None:
    code = await keeper.code()
    first = (await keeper.redeem(code)).json()
    assert error_code(await keeper.redeem(code)) == "identity.code_used"
    assert (await refresh(keeper, first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await keeper.get(first["access_token"])).status_code == 401


async def test_bound_key_is_asked_for_after_reuse_so_that_a_thief_still_costs_the_grant(
    city: City,
) -> None:
    policy = msgspec.structs.replace(POLICY, refresh_is_key_bound=True)
    keeper = await new_keeper(city, "bound", policy)
    first = await signed_in(keeper)
    second = (await refresh(keeper, first["refresh_token"])).json()
    third = (await refresh(keeper, second["refresh_token"])).json()
    own_key, keeper.dpop_key = keeper.dpop_key, generate_key()
    assert error_code(await refresh(keeper, first["refresh_token"])) == "identity.refresh_reused"
    keeper.dpop_key = own_key
    assert (await keeper.get(third["access_token"])).status_code == 401


async def test_refused_proof_or_scope_rotates_nothing(city: City, keeper: Keeper) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    url = "http://platform.test/identity/token"
    refused: list[dict[str, Any]] = [
        {"proof": keeper.proof("GET", url)}, {"proof": keeper.proof("POST", f"{url}/x")},
        {"proof": "x.y.z"}, {"scope": "staff"}, {"authorization_details": "[]"},
    ]  # fmt: skip
    for changes in refused:
        assert (await refresh(keeper, token, **changes)).status_code == 400

    async def newest(db: Connection) -> int:
        return int(await db.fetchval("SELECT max(generation) FROM identity.refresh_families"))

    assert await city.kernel.database.run(newest) == 1


async def test_no_part_of_a_refresh_token_is_stored(city: City, keeper: Keeper) -> None:
    first = await signed_in(keeper)
    second = (await refresh(keeper, first["refresh_token"])).json()

    async def dump(db: Connection) -> str:
        rows = [
            await db.fetch(f"SELECT * FROM identity.{table}")
            for table in ("grants", "refresh_families", "access_tokens")
        ]
        return str([dict(row) for table in rows for row in table])

    stored = await city.kernel.database.run(dump)
    for token in (first["refresh_token"], second["refresh_token"]):
        handle, _, mac = token.split(".")
        assert handle not in stored
        assert mac not in stored

"""A process that dies between any two statements of a refresh: nothing is lost, nothing is doubled.

Before the commit nothing has happened; after it the answer may be lost, and asking again gives the
same successor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.identity.city import City
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in

JKT = "k" * 43
STATEMENTS_MAX = 40


class Died(Exception):
    """The process was killed here."""


class MortalConnection:
    """A connection whose process dies before its n-th statement."""

    def __init__(self, connection: Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        """Every method of a connection counts as one statement."""
        method = getattr(self._connection, name)

        async def counted(*args: Any, **more: Any) -> Any:
            if self._left == 0:
                raise Died
            self._left -= 1
            return await method(*args, **more)

        return counted


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client with refresh tokens."""
    return await new_keeper(city)


async def dies_at_each_statement(
    city: City, use_case: Callable[[Connection], Awaitable[Any]]
) -> tuple[int, Any]:
    """Kill a use case before its 1st, 2nd, ... statement until it survives: (deaths, outcome)."""
    for statements in range(STATEMENTS_MAX):

        async def mortal(db: Connection, left: int = statements) -> Any:
            return await use_case(cast(Connection, MortalConnection(db, left)))

        try:
            return statements, await city.kernel.database.run(mortal)
        except Died:
            continue
    raise AssertionError("it has more statements than expected")


async def test_refresh_that_dies_anywhere_leaves_the_token_as_it_was(
    city: City, keeper: Keeper
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    form = TokenForm(grant_type="refresh_token", refresh_token=token)
    client = keeper.registration()
    deaths, reply = await dies_at_each_statement(
        city, lambda db: city.identity.refresh.redeem(db, client, form, JKT)
    )
    assert deaths >= 4
    assert isinstance(reply, TokenReply)
    # The answer of the one that survived is lost; asking again gives the same successor.
    again = await refresh(keeper, token)
    assert again.json()["refresh_token"] == reply.refresh_token


async def test_reuse_whose_revocation_dies_is_found_again(city: City, keeper: Keeper) -> None:
    first = await signed_in(keeper)
    second = (await refresh(keeper, first["refresh_token"])).json()
    third = (await refresh(keeper, second["refresh_token"])).json()
    form = TokenForm(grant_type="refresh_token", refresh_token=first["refresh_token"])
    client = keeper.registration()
    _, refused = await dies_at_each_statement(
        city, lambda db: city.identity.refresh.redeem(db, client, form, JKT)
    )
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "identity.refresh_reused"
    assert (await keeper.get(third["access_token"])).status_code == 401
    told = [e for e in await city.events() if e["topic"] == "identity.grant_revoked"]
    assert len(told) == 1


async def test_code_that_dies_on_its_way_to_tokens_can_be_redeemed_still(
    city: City, keeper: Keeper
) -> None:
    code = await keeper.code()
    form = TokenForm(
        grant_type="authorization_code", code=code, code_verifier=keeper.verifier,
        redirect_uri="https://client.example/callback",
    )  # fmt: skip
    client = keeper.registration()
    deaths, reply = await dies_at_each_statement(
        city, lambda db: city.identity.tokens.redeem_code(db, client, form, JKT)
    )
    assert deaths >= 5
    assert isinstance(reply, TokenReply)
    assert reply.refresh_token is not None
    assert (await refresh(keeper, reply.refresh_token)).status_code == 200

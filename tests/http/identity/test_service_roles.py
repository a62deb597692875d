"""A service declares its roles with its own token; a company's officers give them."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from lionrock.identity.domain.deeds import SERVICE_ROLES_MAX
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.desk import approve, mandate_of, new_desk
from tests.http.identity.keepers import OWN_SCOPES, Keeper, new_keeper

PATH = "/identity/v1/service-roles"


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A service that may name roles."""
    return await new_keeper(city, more_scopes=OWN_SCOPES | {"service_roles"})


async def call(city: City, service: Any, token: str, roles: Any = None) -> httpx.Response:
    """Declare roles, or list them."""
    method = "GET" if roles is None else "POST"
    proof = service.proof(method, f"{ISSUER}{PATH}", token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    content = b"" if roles is None else msgspec.json.encode({"service_roles": roles})
    if roles is not None:
        headers["content-type"] = "application/json"
    async with city.http() as http:
        return await http.request(method, PATH, headers=headers, content=content)


async def own(keeper: Keeper, scope: str = "service_roles") -> str:
    """The service's own token."""
    return str((await keeper.own_token(scope=scope))["access_token"])


async def test_declared_role_is_given_by_an_officer_and_told_to_the_service(
    city: City, keeper: Keeper
) -> None:
    token = await own(keeper)
    assert (await call(city, keeper, token)).json() == {"service_roles": []}
    declared = await call(city, keeper, token, ["viewer", "approver", "approver"])
    assert declared.json() == {"service_roles": ["approver", "viewer"]}
    again = await call(city, keeper, token, ["approver", "payer"])
    assert again.json() == {"service_roles": ["approver", "payer", "viewer"]}
    desk = await new_desk(city)
    mandate = await mandate_of(city, "ben", city.company)
    wanted = {"mandate_id": mandate.id, "client_id": keeper.client_id, "role": "payer"}
    asked = await desk.send(
        await desk.acting("ada", city.company), "POST", "/identity/v1/company/service-roles",
        wanted,
    )  # fmt: skip
    assert asked.status_code == 202, asked.text
    await approve(city, "ada", asked.json())


async def test_service_sees_and_changes_its_own_roles_only(city: City, keeper: Keeper) -> None:
    other = await new_keeper(city, "other", more_scopes=keeper.more_scopes)
    await call(city, keeper, await own(keeper), ["approver"])
    assert (await call(city, other, await own(other))).json() == {"service_roles": []}
    token = await own(keeper)
    stolen = await call(city, other, token, ["viewer"])
    assert stolen.status_code == 401, "bound to the other service's key"
    assert (await call(city, keeper, token)).json() == {"service_roles": ["approver"]}


async def test_persons_token_and_one_of_another_scope_name_no_roles(
    city: City, keeper: Keeper
) -> None:
    desk = await new_desk(city)
    token = await desk.token("ada", scope="openid service_roles")
    refused = await call(city, desk, token, ["approver"])
    assert (refused.status_code, error_code(refused)) == (403, "identity.client_token")
    other = await call(city, keeper, await own(keeper, "resource"), ["approver"])
    assert other.status_code == 403
    assert (await call(city, keeper, await own(keeper))).json() == {"service_roles": []}


@pytest.mark.parametrize(
    "roles", [[], [""], ["Approver"], ["a b"], ["批核"], ["x" * 49], ["ok", "<b>"], "approver"]
)
async def test_name_that_could_not_stand_on_a_phone_is_refused(
    city: City, keeper: Keeper, roles: Any
) -> None:
    token = await own(keeper)
    refused = await call(city, keeper, token, roles)
    assert refused.status_code == 400
    assert error_code(refused) in ("kernel.body_malformed", "identity.deed_malformed")
    assert (await call(city, keeper, token)).json() == {"service_roles": []}


async def test_service_has_so_many_roles_and_no_more_however_often_it_asks(
    city: City, keeper: Keeper
) -> None:
    token = await own(keeper)
    names = [f"role{number}" for number in range(SERVICE_ROLES_MAX)]
    assert (await call(city, keeper, token, names[:20])).status_code == 200
    assert (await call(city, keeper, token, names[10:])).status_code == 200
    refused = await call(city, keeper, token, ["one-more"])
    assert (refused.status_code, error_code(refused)) == (409, "identity.service_roles_full")
    assert len((await call(city, keeper, token)).json()["service_roles"]) == SERVICE_ROLES_MAX
    too_many = await call(city, keeper, token, [*names, "one-more"])
    assert too_many.status_code == 400

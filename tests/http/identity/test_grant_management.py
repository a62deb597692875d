"""Grant management: create, merge, replace, query, revoke; only one's own, only the same person."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.http.identity.desk import mandate_of, new_company
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in

FORM = {"type": "form_filling", "form": {"name": "Licence"}, "fields": ["enName"]}
MAIL = {"type": "form_filling", "form": {"name": "Licence"}, "fields": ["emailAddress"]}


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client that manages grants."""
    return await new_keeper(city)


async def created(keeper: Keeper, persona: str = "ada", **changes: Any) -> dict[str, Any]:
    """A grant made on purpose."""
    return await signed_in(keeper, persona, grant_management_action="create", **changes)


async def ask(keeper: Keeper, grant_id: str, method: str = "GET", **form: str) -> httpx.Response:
    """Query or revoke a grant with the client's own token."""
    token = (await keeper.own_token(**form))["access_token"]
    return await keeper.get(token, f"/identity/grants/{grant_id}", method=method)


async def test_created_grant_has_an_id_and_can_be_queried(keeper: Keeper) -> None:
    claims = json.dumps({"userinfo": {"email": None}})
    first = await created(
        keeper, scope="openid profile", authorization_details=json.dumps([FORM]), claims=claims
    )
    answer = await ask(keeper, first["grant_id"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "scopes": [{"scope": "openid profile"}], "claims": ["email"],
        "authorization_details": [FORM],
    }  # fmt: skip


async def test_each_create_makes_another_grant(keeper: Keeper) -> None:
    first, second = await created(keeper), await created(keeper)
    assert first["grant_id"] != second["grant_id"]


async def test_merge_adds_and_the_older_refresh_token_gives_the_sum(keeper: Keeper) -> None:
    first = await created(
        keeper, scope="openid profile", authorization_details=json.dumps([FORM])
    )
    second = await signed_in(
        keeper, scope="openid contact", authorization_details=json.dumps([MAIL]),
        grant_management_action="merge", grant_id=first["grant_id"],
    )  # fmt: skip
    assert second["grant_id"] == first["grant_id"]
    grant = (await ask(keeper, first["grant_id"])).json()
    assert set(grant["scopes"][0]["scope"].split()) == {"openid", "profile", "contact"}
    assert grant["authorization_details"] == [FORM, MAIL]
    again = (await refresh(keeper, first["refresh_token"])).json()
    assert set(again["scope"].split()) == {"openid", "profile", "contact"}
    assert again["authorization_details"] == [FORM, MAIL]


async def test_replace_substitutes_and_ends_what_was_issued_before(keeper: Keeper) -> None:
    first = await created(keeper, authorization_details=json.dumps([FORM]))
    second = await signed_in(
        keeper, scope="openid", grant_management_action="replace", grant_id=first["grant_id"]
    )
    grant = (await ask(keeper, first["grant_id"])).json()
    assert grant == {"scopes": [{"scope": "openid"}], "claims": [], "authorization_details": []}
    assert (await keeper.get(first["access_token"])).status_code == 401
    assert (await refresh(keeper, first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await keeper.get(second["access_token"])).status_code == 200
    assert (await refresh(keeper, second["refresh_token"])).status_code == 200


@pytest.mark.parametrize("action", ["merge", "replace"])
async def test_nothing_changes_before_the_code_is_redeemed(keeper: Keeper, action: str) -> None:
    first = await created(keeper, scope="openid profile")
    code = await keeper.code(
        scope="openid contact", grant_management_action=action, grant_id=first["grant_id"]
    )
    grant = (await ask(keeper, first["grant_id"])).json()
    assert grant["scopes"] == [{"scope": "openid profile"}]
    assert (await keeper.redeem(code)).status_code == 200


@pytest.mark.parametrize("action", ["merge", "replace"])
async def test_another_person_cannot_change_the_grant(
    city: City, keeper: Keeper, action: str
) -> None:
    first = await created(keeper)
    request_uri = await keeper.pushed(
        grant_management_action=action, grant_id=first["grant_id"]
    )
    callback = await Browser(city).sign_in(keeper.client_id, request_uri, "ben")
    assert callback["error"] == "invalid_grant_id"
    assert callback["state"] == "the-state"
    assert (await keeper.get(first["access_token"])).status_code == 200


async def test_another_clients_grant_is_not_known_at_any_door(city: City, keeper: Keeper) -> None:
    stranger = await new_keeper(city, "stranger")
    grant_id = (await created(keeper))["grant_id"]
    pushed = await stranger.push(grant_management_action="merge", grant_id=grant_id)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_grant_id")
    for method in ("GET", "DELETE"):
        answer = await ask(stranger, grant_id, method)
        assert answer.status_code == 404
        assert error_code(answer) == "identity.grant_unknown"
    assert (await ask(keeper, grant_id)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_management_action": "create", "grant_id": "gra_1"}, "invalid_request"),
        ({"grant_management_action": "merge"}, "invalid_request"),
        ({"grant_management_action": "update", "grant_id": "gra_1"}, "invalid_request"),
        ({"grant_id": "gra_1"}, "invalid_request"),
        ({"grant_management_action": "merge", "grant_id": "../etc"}, "invalid_grant_id"),
        ({"grant_management_action": "merge", "grant_id": "gra_1"}, "invalid_grant_id"),
        ({"grant_management_action": "merge", "grant_id": "gra_" + "0" * 999}, "invalid_grant_id"),
    ],
)
async def test_bent_parameters_are_refused_when_pushed(
    keeper: Keeper, changes: dict[str, str], error: str
) -> None:
    answer = await keeper.push(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_revoked_grant_ends_every_token_and_never_comes_back(keeper: Keeper) -> None:
    first = await created(keeper)
    code = await keeper.code(grant_management_action="merge", grant_id=first["grant_id"])
    assert (await ask(keeper, first["grant_id"], "DELETE")).status_code == 204
    assert (await keeper.get(first["access_token"])).status_code == 401
    assert (await refresh(keeper, first["refresh_token"])).json()["error"] == "invalid_grant"
    late = await keeper.redeem(code)
    assert late.json()["error"] == "invalid_grant"
    assert error_code(late) == "identity.grant_revoked"
    for method in ("GET", "DELETE"):
        assert (await ask(keeper, first["grant_id"], method)).status_code == 404
    pushed = await keeper.push(grant_management_action="merge", grant_id=first["grant_id"])
    assert pushed.json()["error"] == "invalid_grant_id"


async def test_person_sees_own_grants_and_takes_one_back(city: City, keeper: Keeper) -> None:
    first = await created(keeper)
    await created(keeper, "ben")
    run, grants = city.kernel.database.run, city.identity.grants
    ada, ben = city.people["ada"].id, city.people["ben"].id
    (own,) = await run(lambda db: grants.of_person(db, ada))
    assert (own.id, own.client_id) == (first["grant_id"], "keeper")
    refused = await run(lambda db: grants.revoke_of_person(db, ben, own.id))
    assert refused is not None
    assert (await keeper.get(first["access_token"])).status_code == 200
    assert await run(lambda db: grants.revoke_of_person(db, ada, own.id)) is None
    assert await run(lambda db: grants.of_person(db, ada)) == []
    assert (await keeper.get(first["access_token"])).status_code == 401
    again = await run(lambda db: grants.revoke_of_person(db, ada, own.id))
    assert again is not None


async def test_grant_that_brings_one_token_only_leaves_no_row(
    city: City, client: TestClient
) -> None:
    answer = (await client.redeem(await client.code())).json()
    assert "grant_id" not in answer
    found = await city.kernel.database.run(
        lambda db: city.identity.grants.of_person(db, city.people["ada"].id)
    )
    assert found == []


async def test_scope_of_the_deed_is_needed_and_a_persons_token_does_not_do(
    keeper: Keeper,
) -> None:
    grant_id = (await created(keeper))["grant_id"]
    for method, scope in (
        ("GET", "grant_management_revoke"), ("DELETE", "grant_management_query"),
        ("GET", "resource"),
    ):  # fmt: skip
        answer = await ask(keeper, grant_id, method, scope=scope)
        assert answer.status_code == 403
        assert error_code(answer) == "identity.scope_missing"
    token = (await signed_in(keeper, scope="openid grant_management_query"))["access_token"]
    answer = await keeper.get(token, f"/identity/grants/{grant_id}")
    assert answer.status_code == 403
    assert error_code(answer) == "identity.client_token"
    async with keeper.city.http() as http:
        assert (await http.get(f"/identity/grants/{grant_id}")).status_code == 401


async def test_revoked_grant_leaves_one_receipt_that_says_who(city: City, keeper: Keeper) -> None:
    first = await created(keeper)
    assert (await ask(keeper, first["grant_id"], "DELETE")).status_code == 204
    assert (await ask(keeper, first["grant_id"], "DELETE")).status_code == 404
    (receipt,) = await city.receipts("identity.grant_revoked")
    assert receipt["references"] == {"grant_id": first["grant_id"]}
    assert receipt["about"] == "client"


@pytest.mark.parametrize("action", ["merge", "replace"])
async def test_changed_grant_tells_the_authentication_of_the_newer_sign_in(
    city: City, keeper: Keeper, action: str
) -> None:
    first = await created(keeper)
    before = await keeper.introspect(first["access_token"])
    city.wire_clock.advance(seconds=60)
    second = await signed_in(
        keeper, grant_management_action=action, grant_id=first["grant_id"]
    )
    after = await keeper.introspect(second["access_token"])
    assert after["auth_time"] >= before["auth_time"] + 60
    claims = json.loads(
        base64.urlsafe_b64decode(second["id_token"].split(".")[1] + "==")
    )
    assert claims["auth_time"] == after["auth_time"]


async def code_for(city: City, keeper: Keeper, company: str, **changes: Any) -> str:
    """Sign Ada in, choose a company ("self": none), and return the code."""
    browser = Browser(city)
    request = {"scope": "openid company", "company_selection": "required"} | changes
    path, number = await browser.start(keeper.client_id, await keeper.pushed(**request), "ada")
    asked = (await city.phone.pending("ada"))[-1]
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    page = await browser.get(path)
    chosen = await browser.post(
        f"{path}/company", hidden_fields(page.text) | {"company": company}
    )
    assert chosen.status_code == 303, chosen.text
    return httpx.URL(chosen.headers["location"]).params["code"]


@pytest.mark.parametrize("chosen", ["the other company", "self"])
async def test_merge_never_carries_a_grant_over_to_another_company(
    city: City, keeper: Keeper, chosen: str
) -> None:
    other = await new_company(city, "70000025")
    await mandate_of(city, "ada", other)
    code = await code_for(city, keeper, city.company.id, grant_management_action="create")
    first = (await keeper.redeem(code)).json()
    merge = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    wrong = other.id if chosen == "the other company" else "self"
    refused = await keeper.redeem(await code_for(city, keeper, wrong, **merge))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert error_code(refused) == "identity.grant_company"
    again = (await refresh(keeper, first["refresh_token"])).json()
    told = (await keeper.get(again["access_token"])).json()
    assert told["company"]["business_number"] == city.company.business_number
    same = await keeper.redeem(await code_for(city, keeper, city.company.id, **merge))
    assert same.json()["grant_id"] == first["grant_id"]

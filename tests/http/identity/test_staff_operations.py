"""Operators: one asks, another one decides; never the same person, never about oneself."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from lionrock.identity.api import Person, PersonDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from tests.http.identity.browser import error_code
from tests.http.identity.city import City, identity_number
from tests.http.identity.desk import Desk, new_desk

OPERATIONS = "/identity/v1/operations"
NAMES = {"en": "Dana", "zh-Hant": "丹娜", "zh-Hans": "丹娜"}
PERSON = {
    "kind": "create_person", "person": {
        "names": NAMES, "identity_number": identity_number("Z200000"), "phone": "+85259000009",
        "email": "dana@tea.example", "handle": "dana",
    },
}  # fmt: skip
COMPANY = {
    "kind": "create_company", "company": {"business_number": "70000058", "names": NAMES},
}  # fmt: skip


@pytest.fixture
async def desk(city: City) -> Desk:
    """The operators' service; Ada and Ben are operators."""
    for persona in ("ada", "ben"):
        await city.kernel.database.run(
            partial(_make_operator, city, city.people[persona].id)
        )
    return await new_desk(city)


async def _make_operator(city: City, person_id: str, db: Connection) -> None:
    assert await city.identity.grant_staff_role(db, person_id, "operator") is None


async def _token(desk: Desk, persona: str) -> str:
    return await desk.token(persona, scope="openid company staff")


async def _asked(desk: Desk, token: str, deed: dict[str, Any]) -> str:
    answer = await desk.send(token, "POST", OPERATIONS, {"deed": deed})
    assert answer.status_code == 202, answer.text
    return f"{OPERATIONS}/{answer.json()['operation_id']}"


async def test_operation_takes_effect_when_another_operator_approves(
    city: City, desk: Desk
) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    path = await _asked(desk, adas, PERSON)
    seen = (await desk.send(bens, "GET", path)).json()
    assert seen["deed"]["person"]["email"] == "dana@tea.example"
    assert seen["requested_by"]["names"]["en"] == "Ada"
    find = city.identity.parties.find_person
    assert await city.kernel.database.run(lambda db: find(db, "dana")) is None
    done = (await desk.send(bens, "POST", f"{path}/approval")).json()
    dana = await city.kernel.database.run(lambda db: find(db, "dana"))
    assert isinstance(dana, Person)
    assert (done["state"], done["outcome"]) == ("approved", {"id": dana.id})
    city.people["dana"] = dana
    await city.phone.enrol("dana", done["enrolment_code"])
    assert [len(await city.receipts(f"identity.operation_{half}"))
            for half in ("requested", "decided")] == [1, 1]  # fmt: skip


async def test_operation_is_not_decided_by_whoever_asked_also_not_in_another_session(
    desk: Desk,
) -> None:
    path = await _asked(desk, await _token(desk, "ada"), COMPANY)
    again = await _token(desk, "ada")
    for verdict in ("approval", "rejection"):
        refused = await desk.send(again, "POST", f"{path}/{verdict}")
        assert (refused.status_code, error_code(refused)) == (
            403, "identity.operation_same_person",
        )  # fmt: skip


async def test_operation_is_decided_once_and_in_time(city: City, desk: Desk) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    path = await _asked(desk, adas, COMPANY)
    assert (await desk.send(bens, "POST", f"{path}/rejection")).json()["state"] == "rejected"
    refused = await desk.send(bens, "POST", f"{path}/approval")
    assert error_code(refused) == "identity.operation_decided"
    late = await _asked(desk, adas, COMPANY)
    city.business_clock.advance(days=3)
    refused = await desk.send(bens, "POST", f"{late}/approval")
    assert error_code(refused) == "identity.operation_expired"
    assert (await desk.send(bens, "GET", late)).json()["state"] == "expired"
    listed = (await desk.send(adas, "GET", OPERATIONS)).json()["operations"]
    assert {each["state"] for each in listed} == {"rejected", "expired"}


async def test_operation_whose_deed_is_refused_waits_still(desk: Desk) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    taken = {"kind": "create_company", "company": {"business_number": "70000017", "names": NAMES}}
    path = await _asked(desk, adas, taken)
    refused = await desk.send(bens, "POST", f"{path}/approval")
    assert error_code(refused) == "identity.company_exists"
    assert (await desk.send(bens, "GET", path)).json()["state"] == "pending"


async def test_nobody_but_an_operator_in_person_operates(city: City, desk: Desk) -> None:
    path = await _asked(desk, await _token(desk, "ada"), COMPANY)
    carmens = await _token(desk, "carmen")
    acting = await desk.acting("ada", city.company)
    for token, code in ((carmens, "identity.operator_only"), (acting, "identity.scope_missing")):
        for method, address in (("GET", OPERATIONS), ("GET", path), ("POST", f"{path}/approval")):
            refused = await desk.send(token, method, address)
            assert (refused.status_code, error_code(refused)) == (403, code)
    answer = await desk.exchange(await _token(desk, "ada"), city.company.id)
    refused = await desk.send(answer.json()["access_token"], "GET", OPERATIONS)
    assert error_code(refused) == "identity.operator_only"


async def test_nobody_asks_for_or_decides_what_concerns_themselves(
    city: City, desk: Desk
) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    ada = city.people["ada"].id
    deeds: list[dict[str, Any]] = [
        {"kind": "set_person_status", "person_id": ada, "status": "suspended"},
        {"kind": "revoke_staff_role", "person_id": ada, "role": "operator"},
        {"kind": "grant_mandate", "person_id": ada, "company_id": city.company.id,
         "role": "user", "scopes": ["programmes"], "valid_from": "2026-02-20T00:00:00Z"},
    ]  # fmt: skip
    for deed in deeds:
        refused = await desk.send(adas, "POST", OPERATIONS, {"deed": deed})
        assert error_code(refused) == "identity.operation_own"
        path = await _asked(desk, bens, deed)
        refused = await desk.send(adas, "POST", f"{path}/approval")
        assert error_code(refused) == "identity.operation_own"


async def test_two_operators_always_remain(city: City, desk: Desk) -> None:
    await city.kernel.database.run(
        lambda db: city.identity.grant_staff_role(db, city.people["carmen"].id, "operator")
    )
    tokens = {who: await _token(desk, who) for who in ("ada", "ben", "carmen")}
    path = await _asked(desk, tokens["ada"], {
        "kind": "revoke_staff_role", "person_id": city.people["carmen"].id, "role": "operator",
    })  # fmt: skip
    assert (await desk.send(tokens["ben"], "POST", f"{path}/approval")).status_code == 200
    refused = await desk.send(tokens["carmen"], "GET", OPERATIONS)
    assert error_code(refused) == "identity.operator_only"
    identity, run = city.identity, city.kernel.database.run
    city.business_clock.advance(days=1)
    await run(lambda db: identity.grant_staff_role(db, city.people["carmen"].id, "operator"))
    path = await _asked(desk, tokens["carmen"], {
        "kind": "set_person_status", "person_id": city.people["ada"].id, "status": "suspended",
    })  # fmt: skip
    assert (await desk.send(tokens["ben"], "POST", f"{path}/approval")).status_code == 200
    assert (await desk.send(tokens["ada"], "GET", OPERATIONS)).status_code == 401


async def test_who_runs_the_city_judges_no_cases(city: City, desk: Desk) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    carmen = city.people["carmen"].id
    for role, status in (("assessor", 200), ("committee", 200), ("operator", 409)):
        path = await _asked(
            desk, adas, {"kind": "grant_staff_role", "person_id": carmen, "role": role}
        )
        answer = await desk.send(bens, "POST", f"{path}/approval")
        assert answer.status_code == status, answer.text
    assert error_code(answer) == "identity.staff_roles_separate"


async def test_client_and_its_roles_are_registered_by_two(city: City, desk: Desk) -> None:
    adas, bens = await _token(desk, "ada"), await _token(desk, "ben")
    newcomer = Desk(city, "tea-service")
    registration = newcomer.registration()
    path = await _asked(desk, adas, {
        "kind": "register_client", "service_roles": ["approver"],
        "client": {
            "id": registration.id, "organisation_id": "client-org", "sector": "tea.example",
            "names": NAMES, "redirect_uris": list(registration.redirect_uris),
            "scopes": ["openid"], "keys": list(registration.keys),
        },
    })  # fmt: skip
    assert (await newcomer.push(scope="openid")).status_code == 401
    assert (await desk.send(bens, "POST", f"{path}/approval")).status_code == 200
    assert (await newcomer.push(scope="openid")).status_code == 201


@pytest.mark.parametrize(
    "deed",
    [
        {"kind": "burn_down"}, {"kind": "create_company"}, {},
        {"kind": "grant_staff_role", "person_id": "per_1", "role": "emperor"},
        {"kind": "grant_mandate", "company_id": "com_1", "role": "user", "scopes": [],
         "valid_from": "2026-02-20T00:00:00Z", "person_id": "per_1"},
        {"kind": "grant_mandate", "company_id": "com_1", "role": "user", "scopes": ["programmes"],
         "valid_from": "2026-02-20T00:00:00", "person_id": "per_1"},
        {"kind": "grant_mandate", "company_id": "com_1", "role": "user", "scopes": ["programmes"],
         "valid_from": "2026-02-20T00:00:00Z"},
        {"kind": "grant_mandate", "company_id": "com_1", "role": "user", "scopes": ["programmes"],
         "valid_from": "2026-02-20T00:00:00Z", "person_id": "per_1",
         "amount_max": {"amount": "1.999", "currency": "HKD"}},
    ],
)  # fmt: skip
async def test_malformed_operation_is_refused(desk: Desk, deed: dict[str, Any]) -> None:
    refused = await desk.send(await _token(desk, "ada"), "POST", OPERATIONS, {"deed": deed})
    assert refused.status_code == 400
    assert error_code(refused) in ("kernel.body_malformed", "identity.operation_malformed")


async def _roles_of(city: City, person_id: str, db: Connection) -> frozenset[str]:
    return frozenset(await city.identity.staff_roles(db, person_id))


def _draft(number: str, handle: str) -> PersonDraft:
    return PersonDraft(
        names=Text("Eve", "伊芙", "伊芙"), identity_number=identity_number(number),
        phone=f"+8525900{number[-4:]}", email=f"{handle}@city.example", handle=handle,
    )  # fmt: skip


async def test_first_two_operators_are_made_once(city: City) -> None:
    drafts = [_draft("Z300011", "eve"), _draft("Z300012", "finn")]
    bootstrap, run = city.identity.operations.bootstrap, city.kernel.database.run
    alone = await run(lambda db: bootstrap(db, drafts[:1]))
    assert isinstance(alone, Refused)
    made = await run(lambda db: bootstrap(db, drafts))
    assert not isinstance(made, Refused), made
    for person, _ in made:
        assert await run(partial(_roles_of, city, person.id)) == {"operator"}
    others = [_draft("Z300013", "gus"), _draft("Z300014", "ida")]
    again = await run(lambda db: bootstrap(db, others))
    assert isinstance(again, Refused)
    assert again.refusal.value == "identity.bootstrap_done"

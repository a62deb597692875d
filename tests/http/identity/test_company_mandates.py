"""A company's mandates over HTTP: asked for by an officer, in effect when the phones said yes."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.identity.api import ROLE_SCOPES
from lionrock.kernel.errors import Refused
from tests.attack.identity.handset import answer, code_of
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.desk import (
    MANDATES,
    REQUESTS,
    Desk,
    approve,
    engaged,
    mandate_of,
    new_company,
    new_desk,
)

GRANT = {"person": "ben", "role": "user", "scopes": ["programmes"]}


@pytest.fixture
async def desk(city: City) -> Desk:
    """The service of the company's officers."""
    return await new_desk(city)


async def _state(desk: Desk, token: str, request_id: str) -> tuple[str, str | None]:
    answer = await desk.send(token, "GET", f"{REQUESTS}/{request_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["state"], answer.json()["outcome"]


async def _holders(desk: Desk, token: str) -> dict[str, dict[str, Any]]:
    answer = await desk.send(token, "GET", MANDATES)
    assert answer.status_code == 200, answer.text
    return {each["holder"]["names"]["en"]: each for each in answer.json()["mandates"]}


async def test_mandate_takes_effect_when_the_grantor_approves_it_on_the_phone(
    city: City, desk: Desk
) -> None:
    token = await desk.acting("ada", city.company)
    asked = await desk.send(token, "POST", MANDATES, GRANT | {
        "amount_max": {"amount": "500.00", "currency": "HKD"}, "valid_to": "2027-01-01T00:00:00Z",
    })  # fmt: skip
    assert asked.status_code == 202, asked.text
    body = asked.json()
    assert (body["state"], body["asked"], body["quorum"]) == ("pending", 1, 1)
    assert set(await _holders(desk, token)) == {"Ada"}
    words = (await city.phone.pending("ada"))[-1]["words"]
    for shown in ("ben", "Harbour Robotics Limited", "user", "HKD 500.00", "1 Jan 2027"):
        assert shown in words
    await approve(city, "ada", body)
    state, outcome = await _state(desk, token, body["request_id"])
    assert state == "effective"
    held = (await _holders(desk, token))["Ben"]
    assert held["id"] == outcome
    assert held["scopes"] == ["programmes"]
    (receipt,) = await city.receipts("identity.mandate_deed")
    assert receipt["references"]["approval_id"] == body["approval_id"]
    assert receipt["references"]["made"] == outcome


@pytest.mark.parametrize("decision", ["rejected", "expired"])
async def test_mandate_that_was_not_approved_takes_no_effect(
    city: City, desk: Desk, decision: str
) -> None:
    token = await desk.acting("ada", city.company)
    body = (await desk.send(token, "POST", MANDATES, GRANT)).json()
    if decision == "rejected":
        await approve(city, "ada", body, "rejected")
    else:
        city.business_clock.advance(days=2)
        await city.worker().run_until_idle()
    assert await _state(desk, token, body["request_id"]) == ("refused", f"approval {decision}")
    assert set(await _holders(desk, token)) == {"Ada"}


async def test_grant_to_somebody_unknown_is_told_only_after_the_phone(
    city: City, desk: Desk
) -> None:
    token = await desk.acting("ada", city.company)
    asked = await desk.send(token, "POST", MANDATES, GRANT | {"person": "nobody@harbour.example"})
    assert asked.status_code == 202
    await approve(city, "ada", asked.json())
    found = await _state(desk, token, asked.json()["request_id"])
    assert found == ("refused", "identity.person_unknown")


async def test_revocation_bites_at_the_next_call_after_the_approval(
    city: City, desk: Desk
) -> None:
    mandate = await mandate_of(city, "ben", city.company)
    bens = await desk.acting("ben", city.company)
    adas = await desk.acting("ada", city.company)
    path = f"{MANDATES}/{mandate.id}/revocation"
    body = (await desk.send(adas, "POST", path, {})).json()
    assert (await desk.send(bens, "GET", MANDATES)).status_code == 200
    await approve(city, "ada", body)
    refused = await desk.send(bens, "GET", MANDATES)
    assert (refused.status_code, error_code(refused)) == (403, "identity.mandate_missing")
    assert len(await city.receipts("identity.mandate_revoked")) == 1


async def test_holder_lays_down_a_mandate_alone(city: City, desk: Desk) -> None:
    mandate = await mandate_of(city, "ben", city.company, signatures_needed=2)
    token = await desk.acting("ben", city.company)
    path = f"{MANDATES}/{mandate.id}/revocation"
    refused = await desk.send(token, "POST", path, {})
    assert error_code(refused) == "identity.mandate_scope"
    body = (await desk.send(token, "POST", path, {"is_resignation": True})).json()
    await approve(city, "ben", body)
    assert (await desk.send(token, "GET", MANDATES)).status_code == 403
    adas = await desk.acting("ada", city.company)
    stolen = await desk.send(
        adas, "POST", f"{MANDATES}/{mandate.id}/revocation", {"is_resignation": True}
    )
    assert error_code(stolen) == "identity.mandate_unknown"


async def test_role_at_a_service_is_told_to_that_service_only(city: City, desk: Desk) -> None:
    other = await new_desk(city, "other-desk")
    await city.kernel.database.run(
        lambda db: city.identity.declare_service_roles(db, desk.client_id, ["approver", "viewer"])
    )
    mandate = await mandate_of(city, "ben", city.company)
    token = await desk.acting("ada", city.company)
    wanted = {"mandate_id": mandate.id, "client_id": desk.client_id, "role": "approver"}
    body = (await desk.send(token, "POST", "/identity/v1/company/service-roles", wanted)).json()
    assert "approver" in (await city.phone.pending("ada"))[-1]["words"]
    await approve(city, "ada", body)
    for service, roles in ((desk, ["approver"]), (other, [])):
        claims = (await service.get(await service.acting("ben", city.company))).json()
        assert claims["mandate"]["service_roles"] == roles
    (role,) = (await _holders(desk, token))["Ben"]["service_roles"]
    path = f"/identity/v1/company/service-roles/{role['id']}/withdrawal"
    await approve(city, "ada", (await desk.send(token, "POST", path)).json())
    claims = (await desk.get(await desk.acting("ben", city.company))).json()
    assert claims["mandate"]["service_roles"] == []


async def test_role_that_the_service_never_declared_is_refused(city: City, desk: Desk) -> None:
    mandate = await mandate_of(city, "ben", city.company)
    token = await desk.acting("ada", city.company)
    wanted = {"mandate_id": mandate.id, "client_id": desk.client_id, "role": "emperor"}
    refused = await desk.send(token, "POST", "/identity/v1/company/service-roles", wanted)
    assert error_code(refused) == "identity.service_role_undeclared"


async def test_joint_officers_change_mandates_together_only(city: City, desk: Desk) -> None:
    scopes = ROLE_SCOPES["responsible_person"]
    company = await new_company(city, "70000025")
    for persona in ("ada", "ben", "carmen"):
        await mandate_of(
            city, persona, company, role="responsible_person", scopes=scopes, signatures_needed=2
        )
    token = await desk.acting("ada", company)
    wanted = GRANT | {"person": "ben", "signatures_needed": 2}
    body = (await desk.send(token, "POST", MANDATES, wanted)).json()
    assert (body["asked"], body["quorum"], body["number"]) == (3, 2, None)
    await approve(city, "ada", body)
    assert (await _state(desk, token, body["request_id"]))[0] == "pending"
    await approve(city, "ben", body, "rejected")
    assert (await _state(desk, token, body["request_id"]))[0] == "pending"
    await approve(city, "carmen", body)
    assert (await _state(desk, token, body["request_id"]))[0] == "effective"


async def test_joint_officer_grants_none_that_acts_alone(city: City, desk: Desk) -> None:
    company = await new_company(city, "70000025")
    scopes = ROLE_SCOPES["responsible_person"]
    for persona in ("ada", "ben"):
        await mandate_of(
            city, persona, company, role="responsible_person", scopes=scopes, signatures_needed=2
        )
    refused = await desk.send(await desk.acting("ada", company), "POST", MANDATES, GRANT)
    assert error_code(refused) == "identity.mandate_draft"


async def test_only_joint_officer_left_cannot_act(city: City, desk: Desk) -> None:
    company = await new_company(city, "70000025")
    scopes = ROLE_SCOPES["responsible_person"]
    await mandate_of(
        city, "ada", company, role="responsible_person", scopes=scopes, signatures_needed=2
    )
    wanted = GRANT | {"signatures_needed": 2}
    refused = await desk.send(await desk.acting("ada", company), "POST", MANDATES, wanted)
    assert (refused.status_code, error_code(refused)) == (409, "identity.officers_too_few")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["treasury"]}, "identity.mandate_draft"),
        ({"scopes": ["mandates.delegate"]}, "identity.mandate_draft"),
        ({"role": "responsible_person"}, "identity.mandate_draft"),
        ({"valid_to": "2020-01-01T00:00:00Z"}, "identity.mandate_draft"),
        ({"amount_max": {"amount": "0.00", "currency": "HKD"}}, "identity.mandate_draft"),
        ({"amount_max": {"amount": "1.555", "currency": "HKD"}}, "identity.deed_malformed"),
        ({"amount_max": {"amount": "1.50", "currency": "EUR"}}, "identity.deed_malformed"),
        ({"signatures_needed": 9}, "identity.mandate_draft"),
        ({"person": None}, "identity.deed_malformed"),
        ({"firm": "70000017"}, "identity.deed_malformed"),
        ({"person": "???"}, "identity.deed_malformed"),
        ({"person": "x" * 255}, "kernel.body_malformed"),
        ({"scopes": []}, "kernel.body_malformed"),
        ({"scopes": [f"s{n}" for n in range(33)]}, "kernel.body_malformed"),
        ({"valid_to": "2027-01-01T00:00:00"}, "kernel.body_malformed"),
        ({"granted_by": "operator"}, "kernel.body_malformed"),
    ],
)  # fmt: skip
async def test_mandate_that_is_too_wide_or_malformed_is_refused(
    city: City, desk: Desk, changes: dict[str, Any], code: str
) -> None:
    # An administrator, who may delegate programmes and exchange only.
    await mandate_of(
        city, "carmen", city.company, role="administrator", scopes=ROLE_SCOPES["administrator"]
    )
    token = await desk.acting("carmen", city.company)
    body = {name: value for name, value in (GRANT | changes).items() if value is not None}
    refused = await desk.send(token, "POST", MANDATES, body)
    assert error_code(refused) == code
    assert await city.phone.pending("carmen") == []


async def test_grantor_whose_own_mandate_ended_while_asked_grants_nothing(
    city: City, desk: Desk
) -> None:
    token = await desk.acting("ada", city.company)
    body = (await desk.send(token, "POST", MANDATES, GRANT)).json()
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    approval = await city.approval(body["approval_id"])
    refused = await answer(city, approval, persona="ada", number=body["number"])
    assert code_of(refused) == "identity.approval_decided", "the revocation ended it"
    deed = await city.kernel.database.run(
        lambda db: city.identity.deeds.deed(db, city.company.id, body["request_id"])
    )
    assert not isinstance(deed, Refused)
    assert (deed.state, deed.outcome) == ("refused", "approval rejected")


async def test_another_company_sees_and_ends_nothing_of_this_one(city: City, desk: Desk) -> None:
    company = await new_company(city, "70000025")
    await mandate_of(
        city, "carmen", company, role="responsible_person",
        scopes=ROLE_SCOPES["responsible_person"],
    )  # fmt: skip
    adas, hers = await desk.acting("ada", city.company), await desk.acting("carmen", company)
    body = (await desk.send(adas, "POST", MANDATES, GRANT)).json()
    unseen = await desk.send(hers, "GET", f"{REQUESTS}/{body['request_id']}")
    assert (unseen.status_code, error_code(unseen)) == (404, "identity.deed_unknown")
    path = f"{MANDATES}/{city.mandate.id}/revocation"
    assert error_code(await desk.send(hers, "POST", path, {})) == "identity.mandate_unknown"
    wanted = {"mandate_id": city.mandate.id, "client_id": desk.client_id, "role": "approver"}
    await city.kernel.database.run(
        lambda db: city.identity.declare_service_roles(db, desk.client_id, ["approver"])
    )
    refused = await desk.send(hers, "POST", "/identity/v1/company/service-roles", wanted)
    assert error_code(refused) == "identity.mandate_unknown"


async def test_token_of_a_person_or_of_an_agent_changes_no_mandates(
    city: City, desk: Desk
) -> None:
    persons = await desk.token("ada", scope="openid company mandates")
    refused = await desk.send(persons, "GET", MANDATES)
    assert (refused.status_code, error_code(refused)) == (403, "identity.company_token")
    firm = await new_company(city, "70000025")
    await mandate_of(city, "carmen", firm)
    await engaged(city, firm, city.company)
    agents = await desk.acting("carmen", city.company)
    refused = await desk.send(agents, "POST", MANDATES, GRANT)
    assert (refused.status_code, error_code(refused)) == (403, "identity.own_mandate")


async def test_too_many_changes_at_once_are_refused(city: City, desk: Desk) -> None:
    token = await desk.acting("ada", city.company)
    codes = [(await desk.send(token, "POST", MANDATES, GRANT)).status_code for _ in range(9)]
    # The person's own limit comes first here: eight open questions.
    assert codes == [202] * 8 + [429]


async def test_lower_role_does_not_end_a_higher_one(city: City, desk: Desk) -> None:
    await mandate_of(
        city, "carmen", city.company, role="administrator", scopes=ROLE_SCOPES["administrator"]
    )
    token = await desk.acting("carmen", city.company)
    refused = await desk.send(token, "POST", f"{MANDATES}/{city.mandate.id}/revocation", {})
    assert error_code(refused) == "identity.mandate_draft"

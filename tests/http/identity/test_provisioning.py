"""What the operator sets up: each refusal, and what each record does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import CompanyDraft, MandateDraft, PersonDraft
from lionrock.identity.expiry import RINGS
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.ring import sweep
from tests.http.identity.city import City, identity_number
from tests.http.identity.clients import TestClient

NAMES = Text("Dora", "朵拉", "朵拉")


def _person(**changes: Any) -> PersonDraft:
    given: dict[str, Any] = {
        "names": NAMES, "identity_number": identity_number("Z200000"), "phone": "5900 9999",
        "email": "dora@x.example", "handle": "dora",
    }  # fmt: skip
    return PersonDraft(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"identity_number": "Z200000(0)"}, "identity_number", "identity_number"),
        ({"identity_number": "z100000(" + identity_number("Z100000")[-1] + ")"}, "person_exists",
         "identity_number"),
        ({"phone": "12"}, "phone_number", "phone"),
        ({"phone": "+852 5900-0001"}, "person_exists", "phone"),
        ({"email": "dora"}, "email_address", "email"),
        ({"email": "ADA@harbour.example"}, "person_exists", "email"),
        ({"handle": "D!"}, "handle", "handle"),
        ({"handle": "ada"}, "person_exists", "handle"),
        ({"names": Text("Dora\n", "朵", "朵")}, "approval_field_unsafe", "names"),
        ({"names": Text("Dora", "", "朵")}, "approval_field_unsafe", "names"),
        ({"names": Text("D" * 121, "朵", "朵")}, "approval_field_unsafe", "names"),
    ],
)  # fmt: skip
async def test_person_that_cannot_be_recorded_is_refused(
    city: City, changes: dict[str, Any], code: str, field: str
) -> None:
    refused = await city.kernel.database.run(
        lambda db: city.identity.create_person(db, _person(**changes))
    )
    assert isinstance(refused, Refused)
    assert (refused.refusal.value, refused.field) == (f"identity.{code}", field)


async def test_person_is_found_by_any_spelling_and_read_back(city: City) -> None:
    run, identity = city.kernel.database.run, city.identity
    made = await run(lambda db: identity.create_person(db, _person()))
    assert not isinstance(made, Refused)
    assert await run(lambda db: identity.person(db, made.id)) == made
    for typed in ("dora", "DORA@X.example", "+852 5900 9999"):
        found = await run(lambda db, t=typed: identity.parties.find_person(db, t))  # type: ignore[misc]  # lambda default
        assert found == made
    unknown = await run(lambda db: identity.person(db, "per_none"))
    assert isinstance(unknown, Refused)


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (CompanyDraft(business_number="7000001", names=NAMES), "business_number"),
        (CompanyDraft(business_number="70000017-001", names=NAMES), "company_exists"),
        (CompanyDraft(business_number="70000018", names=Text("a\u202e", "b", "c")),
         "approval_field_unsafe"),
    ],
)  # fmt: skip
async def test_company_that_cannot_be_recorded_is_refused(
    city: City, draft: CompanyDraft, code: str
) -> None:
    refused = await city.kernel.database.run(
        lambda db: city.identity.create_company(db, draft)
    )
    assert isinstance(refused, Refused)
    assert refused.refusal.value == f"identity.{code}"


async def test_company_is_found_by_its_number(city: City) -> None:
    run, identity = city.kernel.database.run, city.identity
    found = await run(lambda db: identity.company_by_business_number(db, "70000017-000"))
    assert found == city.company
    for number in ("70000099", "x"):
        refused = await run(
            lambda db, n=number: identity.company_by_business_number(db, n)  # type: ignore[misc]  # lambda default
        )
        assert isinstance(refused, Refused)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"person_id": "per_none"}, "person_unknown"),
        ({"company_id": "com_none"}, "company_unknown"),
        ({"scopes": frozenset()}, "mandate_draft"),
    ],
)
async def test_mandate_that_cannot_be_granted_is_refused(
    city: City, changes: dict[str, Any], code: str
) -> None:
    refused = await _grant(city, **changes)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == f"identity.{code}"


async def _grant(city: City, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "person_id": city.people["ben"].id, "company_id": city.company.id, "role": "user",
        "scopes": frozenset({"programmes"}), "valid_from": city.kernel.business_clock.now(),
    }  # fmt: skip
    draft = MandateDraft(**(given | changes))
    return await city.kernel.database.run(
        lambda db: city.identity.grant_mandate(db, draft, "operator")
    )


async def test_nobody_is_given_a_mandate_for_a_ceased_company(city: City) -> None:
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_company_status(db, city.company.id, "ceased")
    )
    refused = await _grant(city)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "identity.company_inactive"


async def test_officer_delegates_within_the_own_mandate_and_not_beyond(city: City) -> None:
    now = city.kernel.business_clock.now()

    async def delegate(grantor: str, scopes: frozenset[str]) -> Any:
        draft = MandateDraft(
            person_id=city.people["ben"].id, company_id=city.company.id, role="user",
            scopes=scopes, valid_from=now, valid_to=now + timedelta(days=1),
        )  # fmt: skip
        return await city.kernel.database.run(
            lambda db: city.identity.mandates.delegate(db, city.people[grantor].id, draft)
        )

    granted = await delegate("ada", frozenset({"payments"}))
    assert granted.granted_by == city.mandate.id
    for grantor, scopes, code in (
        ("ada", frozenset({"everything"}), "mandate_draft"),
        ("ben", frozenset({"payments"}), "mandate_scope"),
        ("carmen", frozenset({"payments"}), "mandate_missing"),
    ):
        refused = await delegate(grantor, scopes)
        assert refused.refusal.value == f"identity.{code}"


async def test_mandate_is_revoked_once_and_by_its_own_company_only(city: City) -> None:
    async def revoke(company_id: str) -> Any:
        return await city.kernel.database.run(
            lambda db: city.identity.revoke_mandate(db, city.mandate.id, company_id, "operator")
        )

    for company_id, is_refused in (("com_x", True), (city.company.id, False),
                                   (city.company.id, True)):  # fmt: skip
        assert isinstance(await revoke(company_id), Refused) is is_refused


async def test_staff_roles_are_granted_once_revoked_and_remembered(city: City) -> None:
    run, parties, ada = city.kernel.database.run, city.identity.parties, city.people["ada"].id
    start = city.kernel.business_clock.now()
    assert await run(lambda db: parties.grant_staff_role(db, ada, "assessor")) is None
    assert await run(lambda db: parties.grant_staff_role(db, ada, "assessor")) is None
    for person, role in ((ada, "king"), ("per_none", "assessor")):
        refused = await run(
            lambda db, p=person, r=role: parties.grant_staff_role(db, p, r)  # type: ignore[misc]  # lambda default
        )
        assert isinstance(refused, Refused)
    city.business_clock.advance(days=1)
    assert await run(lambda db: parties.staff_roles(db, ada)) == {"assessor"}
    assert await run(lambda db: parties.revoke_staff_role(db, ada, "assessor")) is None
    assert await run(lambda db: parties.staff_roles(db, ada)) == frozenset()
    assert await run(lambda db: parties.staff_roles(db, ada, start)) == {"assessor"}
    again = await run(lambda db: parties.revoke_staff_role(db, ada, "assessor"))
    assert isinstance(again, Refused)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "X"}, "id"), ({"id": "ab\n"}, "id"),
        ({"names": Text("", "x", "x")}, "names"),
        ({"keys": ()}, "keys"), ({"keys": ({"kty": "RSA"},)}, "keys"),
        ({"scopes": frozenset()}, "scopes"), ({"scopes": frozenset({"root"})}, "scopes"),
        ({"sector": ""}, "sector"), ({"sector": "a\nb"}, "sector"),
        ({"redirect_uris": ()}, "redirect_uris"),
        ({"redirect_uris": ("https://a.example/#x",)}, "redirect_uris"),
        ({"redirect_uris": ("javascript:alert(1)",)}, "redirect_uris"),
        ({"redirect_uris": ("https://u:p@a.example/",)}, "redirect_uris"),
        ({"redirect_uris": ("https://a.example/\nx",)}, "redirect_uris"),
        ({"redirect_uris": ("/relative",)}, "redirect_uris"),
        ({"redirect_uris": ("https://[::1/",)}, "redirect_uris"),
    ],
)  # fmt: skip
async def test_client_that_cannot_be_registered_is_refused(
    city: City, changes: dict[str, Any], field: str
) -> None:
    draft = msgspec.structs.replace(TestClient(city, "client-new").registration(), **changes)
    refused = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, draft)
    )
    assert isinstance(refused, Refused)
    assert (refused.refusal.value, refused.field) == ("identity.client_draft", field)


async def test_client_is_registered_once_and_replaced_only_when_there(
    city: City, client: TestClient
) -> None:
    run, identity = city.kernel.database.run, city.identity
    again = await run(lambda db: identity.register_client(db, client.registration()))
    assert isinstance(again, Refused)
    stranger = TestClient(city, "client-none").registration()
    refused = await run(lambda db: identity.clients.replace(db, stranger))
    assert isinstance(refused, Refused)


async def test_new_key_of_a_client_replaces_the_old_one(city: City, client: TestClient) -> None:
    fresh = TestClient(city, client.client_id)
    await city.kernel.database.run(
        lambda db: city.identity.clients.replace(db, fresh.registration())
    )
    assert (await client.push()).status_code == 401
    assert (await fresh.push()).status_code == 201


async def test_sweep_forgets_what_ended_and_keeps_what_lives(
    city: City, client: TestClient
) -> None:
    old = await client.token()
    for minute in range(1, 121):
        city.wire_clock.advance(minutes=1)
        for ring in RINGS:
            await sweep(city.kernel.database, ring, city.wire_clock.now())
        if minute % 10 == 0:
            new = await client.token()

    async def count(db: Connection) -> list[int]:
        return [await db.fetchval(f"SELECT count(*) FROM {ring.table}") for ring in RINGS]

    counts = await city.kernel.database.run(count)
    left = dict(zip((ring.table for ring in RINGS), counts, strict=True))
    assert left["identity.codes"] < 10
    of_a_log_in = ("pushed_requests", "sign_ins", "access_tokens")
    assert all(1 <= left[f"identity.{table}"] <= 4 for table in of_a_log_in), left
    assert (await client.get(old)).status_code == 401
    assert (await client.get(new)).status_code == 200

"""Attacks on forms: asking too much, trying numbers out, fetching twice, dying in the middle."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag

from lionrock.directory.api import Directory, Organisation, Sender, send_signed
from lionrock.identity.domain.registration import REGISTRABLE_SCOPES
from lionrock.identity.domain.scopes import CLIENT_SCOPES
from lionrock.identity.domain.words import canonical_json
from lionrock.identity.forms import store
from lionrock.identity.services.onboarding import SCOPES_NEVER
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key
from lionrock.kernel.network import Reply
from tests.attack.identity.handset import call, code_of
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.keepers import OWN_SCOPES, Keeper, new_keeper
from tests.http.identity.test_form_fillings import begin
from tests.http.identity.test_forms import fetch, filled_in

SUBJECT_URL = f"{ISSUER}/identity/v1/registry/persons/{{}}/values"


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client that may ask for forms."""
    return await new_keeper(city, more_scopes=OWN_SCOPES | {"values", "forms"})


async def organisation(city: City, name: str, *roles: str) -> Key:
    """Enrol an organisation; returns its key."""
    key = generate_key()
    names = {"en": name, "zh-Hant": name, "zh-Hans": name}
    entry = Organisation(id=name, names=names, roles=frozenset(roles), keys=(key.public_jwk,))
    made = await city.kernel.database.run(lambda db: Directory(city.kernel).register(db, entry))
    assert not isinstance(made, Refused), made
    return key


async def state(city: City, name: str, key: Key, subject: str, **changes: Any) -> Reply:
    """Let an organisation state a value of somebody."""
    now = city.business_clock.now()
    body: dict[str, Any] = {
        "source": "registry_of_persons", "evidence": "population_register", "reference": "r-1",
        "matched_at": (now - timedelta(days=1)).isoformat(), "fields": {"gender": "F"},
    } | changes  # fmt: skip
    exchange = await send_signed(
        city.kernel.network, city.kernel.wire_clock, Sender(name, key), method="POST",
        url=SUBJECT_URL.format(subject), body=msgspec.json.encode(body),
        headers={"content-type": "application/json"},
    )  # fmt: skip
    return exchange.reply


async def introduced(city: City, name: str) -> str:
    """The name by which an organisation may speak of ada."""
    person_id = city.people["ada"].id
    return await city.kernel.database.run(
        lambda db: city.identity.forms.introduce(db, name, person_id)
    )


async def test_registry_states_values_of_the_person_it_was_introduced_to(
    city: City, keeper: Keeper
) -> None:
    key = await organisation(city, "persons-registry", "registry")
    subject = await introduced(city, "persons-registry")
    answer = await state(city, "persons-registry", key, subject)
    assert answer.status == 200, answer.body
    form = {"type": "form_filling", "form": {"name": "F"}, "fields": ["gender"]}
    token = (await filled_in(city, keeper, form=form))["access_token"]
    shown = (await fetch(keeper, token)).json()["fields"]["gender"]
    assert (shown["value"], shown["source"]) == ("F", "registry_of_persons")
    assert shown["matched_at"].startswith("2026-02-19")


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_identity_number_finds_nobody_at_the_registrys_door(city: City) -> None:
    key = await organisation(city, "persons-registry", "registry")
    await introduced(city, "persons-registry")
    number = await city.kernel.database.run(
        lambda db: city.identity.forms.values(db, city.people["ada"].id)
    )
    for guess in (number["idNo"].value, "Z1000001", city.people["ada"].id):
        answer = await state(city, "persons-registry", key, guess)
        assert (answer.status, code_of(answer)) == (404, "identity.form_subject_unknown")


async def test_name_given_to_one_registry_is_worth_nothing_to_another(city: City) -> None:
    await organisation(city, "persons-registry", "registry")
    key = await organisation(city, "other-registry", "registry")
    subject = await introduced(city, "persons-registry")
    answer = await state(city, "other-registry", key, subject)
    assert code_of(answer) == "identity.form_subject_unknown"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "self", "evidence": "self_declared"}, "identity.form_statement"),
        ({"evidence": "utility_statement"}, "identity.form_statement"),
        ({"reference": "two words"}, "identity.form_statement"),
        ({"matched_at": "2026-02-21T09:00:00+00:00"}, "identity.form_statement_time"),
        ({"fields": {"idNo": "Z1000000"}}, "identity.form_field_source"),
        ({"fields": {"prefix": "Mr"}}, "identity.form_field_source"),
        ({"fields": {"gender": "F", "birthDate": "1990-02-30"}}, "identity.form_field_value"),
        ({"fields": {"shoeSize": "44"}}, "identity.form_field_unknown"),
    ],
)
async def test_registry_states_no_more_than_its_source_may(
    city: City, changes: dict[str, Any], code: str
) -> None:
    key = await organisation(city, "persons-registry", "registry")
    subject = await introduced(city, "persons-registry")
    answer = await state(city, "persons-registry", key, subject, **changes)
    assert code_of(answer) == code
    rows = await city.kernel.database.run(lambda db: store.values(db, city.people["ada"].id))
    assert rows == []


async def test_member_that_is_no_registry_states_nothing(city: City) -> None:
    key = await organisation(city, "a-bank", "participant")
    answer = await state(city, "a-bank", key, await introduced(city, "a-bank"))
    assert (answer.status, code_of(answer)) == (403, "identity.form_registry_role")


async def test_parallel_fetches_deliver_to_one_call(city: City, keeper: Keeper) -> None:
    token = (await filled_in(city, keeper))["access_token"]
    answers = await asyncio.gather(*(fetch(keeper, token, f"call-{n}") for n in range(6)))
    assert sorted(a.status_code for a in answers) == [200] + [410] * 5
    assert len(await city.receipts("identity.form_delivered")) == 1


class Died(Exception):
    """The front dies here."""


async def test_front_that_dies_before_the_commit_has_delivered_nothing(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    await filling.approve()

    async def die(db: Connection) -> None:
        filled = await city.identity.fillings.fetch(db, keeper.client_id, filling.id, "call-1")
        assert not isinstance(filled, Refused), filled
        raise Died

    with pytest.raises(Died):
        await city.kernel.database.run(die)
    assert await city.receipts("identity.form_delivered") == []
    assert (await filling.fetch()).status_code == 200


async def test_answer_lost_after_the_commit_is_had_again_by_the_same_call_only(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    await filling.approve()
    lost = await city.kernel.database.run(
        lambda db: city.identity.fillings.fetch(db, keeper.client_id, filling.id, "call-1")
    )
    run, other = city.kernel.database.run, city.identity.fillings
    refused = await run(lambda db: other.fetch(db, keeper.client_id, filling.id, "call-2"))
    assert isinstance(refused, Refused)
    assert await run(lambda db: other.fetch(db, keeper.client_id, filling.id, "call-1")) == lost
    assert len(await city.receipts("identity.form_delivered")) == 1


@pytest.mark.behaviour("attack-hkid-brute-force")
async def test_receipts_digest_is_checked_with_the_salt_and_not_found_by_trying_values(
    city: City, keeper: Keeper
) -> None:
    token = (await filled_in(city, keeper))["access_token"]
    filled = (await fetch(keeper, token)).json()
    (receipt,) = await city.receipts("identity.form_delivered")
    salted = {"fields": filled["fields"], "salt": filled["salt"]}
    digest = hashlib.sha256(canonical_json(salted)).hexdigest()
    assert receipt["digests"]["fields"] == digest
    bare = hashlib.sha256(canonical_json({"fields": filled["fields"]})).hexdigest()
    assert bare not in json.dumps(receipt)


async def test_values_at_rest_are_sealed_for_their_row(city: City) -> None:
    person_id = city.people["ada"].id
    run = city.kernel.database.run
    await run(lambda db: city.identity.forms.declare(db, person_id, "homeNumber", "+85221234567"))
    (row,) = await run(lambda db: store.values(db, person_id))
    assert b"85221234567" not in row.value_sealed
    moved = msgspec.structs.replace(row, field="officeNumber")
    await run(lambda db: store.save_value(db, moved))
    with pytest.raises(InvalidTag):
        await run(lambda db: city.identity.forms.values(db, person_id))


async def test_token_without_a_form_and_another_clients_token_fetch_nothing(
    city: City, keeper: Keeper
) -> None:
    refused = await fetch(keeper, await keeper.token())
    assert (refused.status_code, error_code(refused)) == (403, "identity.form_not_granted")
    own = (await keeper.own_token(scope="resource"))["access_token"]
    assert (await fetch(keeper, own)).status_code in (401, 403)


async def test_question_without_a_form_has_nothing_to_choose(city: City) -> None:
    approval = await city.asked("ada")
    path = f"/identity/v1/device/approvals/{approval.id}/fields"
    answer = await call(city, "POST", path, b'{"fields":["enName"]}')
    assert (answer.status, code_of(answer)) == (409, "identity.form_none")


def test_scope_that_shows_everything_of_a_person_is_not_to_be_registered_for() -> None:
    assert "values" not in REGISTRABLE_SCOPES
    assert "values" in SCOPES_NEVER
    assert "values" not in CLIENT_SCOPES


async def test_client_without_the_scope_reads_and_changes_no_values(city: City) -> None:
    plain = await new_keeper(city, "plain")
    refused = await plain.push(scope="openid values")
    assert refused.json()["error"] == "invalid_scope"
    answer = await plain.get(await plain.token(), "/identity/v1/forms/values")
    assert answer.status_code == 403

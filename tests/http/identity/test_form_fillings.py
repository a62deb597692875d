"""Filling a form without log-in: one phone, one client, one delivery, no subject."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from lionrock.identity.domain.scans import STEP_S
from lionrock.identity.forms.fillings import LIFE_S
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import decrypt_jwe, generate_key
from lionrock.sandbox.world.answering import PhoneRefused
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import OWN_SCOPES, POLICY, Keeper, new_keeper
from tests.http.identity.test_forms import send

FILLINGS = "/identity/v1/forms/fillings"
FORM = {
    "form": {"name": "Library card <script>"}, "fields": ["enName", "mobileNumber"],
    "required": ["enName"],
}  # fmt: skip


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client that may ask for forms without log-in."""
    return await new_keeper(city, more_scopes=OWN_SCOPES | {"forms"})


class Filling:
    """A filling that was begun, its page, and its client's token."""

    def __init__(self, city: City, keeper: Keeper, token: str, begun: dict[str, Any]) -> None:
        self.city = city
        self.keeper = keeper
        self.token = token
        self.id = begun["filling_id"]
        self.page_path = urlsplit(begun["url"]).path

    async def page(self) -> tuple[str, str, str]:
        """The page, its number and its code."""
        answer = await Browser(self.city).get(self.page_path)
        assert answer.status_code == 200, answer.text
        number = re.search(r'data-number="(\d+)"', answer.text)
        content = re.search(r'data-content="([^"]+)"', answer.text)
        return answer.text, number[1] if number else "", content[1] if content else ""

    async def fetch(self, token: str | None = None) -> httpx.Response:
        """Fetch the result."""
        return await self.keeper.get(token or self.token, f"{FILLINGS}/{self.id}")

    async def approve(self, persona: str = "ada", chosen: list[str] | None = None) -> None:
        """Scan, narrow, approve."""
        _, number, content = await self.page()
        asked = (await self.city.phone.scan(persona, content))["approval"]
        if chosen is not None:
            await self.city.phone.choose(persona, asked["approval_id"], chosen)
        await self.city.phone.answer(persona, asked["approval_id"], "approved", number)


async def begin(city: City, keeper: Keeper, **changes: Any) -> Filling:
    """Begin a filling."""
    token = (await keeper.own_token(scope="forms"))["access_token"]
    answer = await send(city, keeper, token, "POST", FILLINGS, FORM | changes)
    assert answer.status_code == 201, answer.text
    return Filling(city, keeper, token, answer.json())


async def test_person_scans_narrows_approves_and_the_client_gets_just_that_once(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    pending = await filling.fetch()
    assert (pending.status_code, error_code(pending)) == (409, "identity.form_filling_pending")
    await filling.approve(chosen=["enName"])
    answer = await filling.fetch()
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"form", "fields", "salt"}
    assert {n: v["value"] for n, v in answer.json()["fields"].items()} == {"enName": "Ada"}
    again = await filling.fetch()
    assert (again.status_code, error_code(again)) == (410, "identity.form_delivered")
    assert 'data-state="approved"' in (await filling.page())[0]


async def test_form_names_are_text_on_the_page_and_quoted_on_the_phone(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    page, _, content = await filling.page()
    assert "<script>" not in page
    asked = (await city.phone.scan("ada", content))["approval"]
    assert "“Library card <script>”" in asked["words"]


async def test_two_fillings_of_one_person_have_nothing_in_common(
    city: City, keeper: Keeper
) -> None:
    seen = []
    for _ in range(2):
        filling = await begin(city, keeper, fields=["prefix"], required=[])
        await filling.approve()
        seen.append((filling.id, (await filling.fetch()).json()["salt"]))
    assert len({value for pair in seen for value in pair}) == 4


async def test_other_clients_other_tokens_and_persons_tokens_get_nothing(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    await filling.approve()
    other = await new_keeper(city, "other", more_scopes=OWN_SCOPES | {"forms"})
    token = (await other.own_token(scope="forms"))["access_token"]
    refused = await other.get(token, f"{FILLINGS}/{filling.id}")
    assert (refused.status_code, error_code(refused)) == (404, "identity.form_filling_unknown")
    without = (await keeper.own_token(scope="resource"))["access_token"]
    assert (await filling.fetch(without)).status_code == 403
    assert (await filling.fetch(await keeper.token())).status_code == 403
    assert (await filling.fetch()).status_code == 200


async def test_no_ends_a_filling_and_so_does_time(city: City, keeper: Keeper) -> None:
    filling = await begin(city, keeper)
    _, _, content = await filling.page()
    asked = (await city.phone.scan("ada", content))["approval"]
    await city.phone.answer("ada", asked["approval_id"], "rejected")
    assert error_code(await filling.fetch()) == "identity.form_filling_denied"
    late = await begin(city, keeper)
    city.wire_clock.advance(seconds=LIFE_S)
    assert error_code(await late.fetch()) == "identity.form_expired"


@pytest.mark.behaviour("attack-qr-relay")
async def test_code_is_good_for_moments_for_one_phone_and_only_ours(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    _, _, content = await filling.page()
    for wrong in (content[:-1] + ("0" if content[-1] != "0" else "1"), f"{content}/x"):
        with pytest.raises(PhoneRefused, match="form_filling_code"):
            await city.phone.scan("ada", wrong)
    city.wire_clock.advance(seconds=2 * STEP_S)
    with pytest.raises(PhoneRefused, match="form_filling_code"):
        await city.phone.scan("ada", content)
    _, _, content = await filling.page()
    await city.phone.scan("ada", content)
    with pytest.raises(PhoneRefused, match="form_filling_used"):
        await city.phone.scan("ben", content)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ["shoeSize"]}, {"fields": []}, {"fields": ["idNo"], "required": []},
        {"required": ["gender"]}, {"form": {}}, {"form": {"name": "two\nlines"}},
        {"form": {"name": "x", "more": "y"}}, {"fields": ["enName", "enName"]},
    ],
)  # fmt: skip
async def test_forms_that_ask_for_what_there_is_not_are_refused(
    city: City, keeper: Keeper, changes: dict[str, Any]
) -> None:
    token = (await keeper.own_token(scope="forms"))["access_token"]
    answer = await send(city, keeper, token, "POST", FILLINGS, FORM | changes)
    assert (answer.status_code, error_code(answer)) == (422, "identity.form_request")


@pytest.mark.parametrize(
    "chosen", [[], ["mobileNumber"], ["enName", "idNo"], ["enName", "enName"], ["nothing"]]
)
async def test_choice_keeps_what_is_required_and_adds_nothing(
    city: City, keeper: Keeper, chosen: list[str]
) -> None:
    filling = await begin(city, keeper)
    _, _, content = await filling.page()
    asked = (await city.phone.scan("ada", content))["approval"]
    with pytest.raises(PhoneRefused, match="form_choice"):
        await city.phone.choose("ada", asked["approval_id"], chosen)


async def test_nobody_else_narrows_and_nothing_is_narrowed_after_the_answer(
    city: City, keeper: Keeper
) -> None:
    filling = await begin(city, keeper)
    _, number, content = await filling.page()
    asked = (await city.phone.scan("ada", content))["approval"]
    with pytest.raises(PhoneRefused, match="approval_unknown"):
        await city.phone.choose("ben", asked["approval_id"], ["enName"])
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    with pytest.raises(PhoneRefused, match="form_answered"):
        await city.phone.choose("ada", asked["approval_id"], ["enName"])


async def test_client_begins_so_many_fillings_and_no_more(city: City, keeper: Keeper) -> None:
    most = city.kernel.settings.limit_form_fillings

    async def begin_most(db: Connection) -> None:
        for _ in range(most):
            begun = await city.identity.fillings.begin(db, keeper.client_id, FORM)
            assert not isinstance(begun, Refused), begun

    await city.kernel.database.run(begin_most)
    token = (await keeper.own_token(scope="forms"))["access_token"]
    refused = await send(city, keeper, token, "POST", FILLINGS, FORM)
    assert (refused.status_code, error_code(refused)) == (429, "identity.form_limited")


async def test_result_is_encrypted_for_a_client_that_registered_a_key(city: City) -> None:
    key = generate_key(use="enc")
    policy = msgspec.structs.replace(
        POLICY, userinfo_signed_response_alg="ES256",
        userinfo_encrypted_response_alg="ECDH-ES", userinfo_encrypted_response_enc="A256GCM",
    )  # fmt: skip
    client = Keeper(city, "sealed")
    client.policy, client.more_scopes = policy, OWN_SCOPES | {"forms"}
    registration = client.registration()
    registration = msgspec.structs.replace(
        registration, keys=(*registration.keys, key.public_jwk)
    )
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, registration)
    )
    assert not isinstance(registered, Refused), registered
    filling = await begin(city, client)
    await filling.approve()
    answer = await filling.fetch()
    assert answer.headers["content-type"] == "application/jwt", answer.text
    assert answer.text.count(".") == 4
    assert b"Ada" not in answer.content
    assert decrypt_jwe(answer.text, key)

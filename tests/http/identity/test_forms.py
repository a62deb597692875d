"""Form filling: fields asked by detail, narrowed on the phone, fetched once, by one call."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from lionrock.identity.forms.domain import FETCH_LIFE_S, REGISTRY, REPEAT_S
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.keepers import OWN_SCOPES, POLICY, Keeper, new_keeper, refresh

DATA = "/identity/v1/forms/data"
FIELDS = ["enName", "mobileNumber", "residentialAddress"]
FORM = {
    "type": "form_filling", "form": {"name": "Licence”. Approve", "number": "F-17"},
    "fields": FIELDS, "required": ["enName"],
}  # fmt: skip
HOME = {"building": "Tower 1", "street": "1 Harbour Road", "region": "Hong Kong"}


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client that may ask for forms."""
    return await new_keeper(city, more_scopes=OWN_SCOPES | {"values"})


async def filled_in(
    city: City, keeper: Keeper, chosen: list[str] | None = None, form: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Sign ada in with a form, narrowed on the phone; returns the token's answer."""
    browser = Browser(city)
    request_uri = await keeper.pushed(authorization_details=json.dumps([form or FORM]))
    path, number = await browser.start(keeper.client_id, request_uri, "ada")
    asked = (await city.phone.pending("ada"))[-1]
    if chosen is not None:
        await city.phone.choose("ada", asked["approval_id"], chosen)
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    ended = await browser.get(path)
    assert ended.headers["location"].startswith(REDIRECT)
    code = ended.headers["location"].split("code=")[1].split("&")[0]
    answer = await keeper.redeem(code)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def fetch(keeper: Keeper, token: str, key: str | None = None) -> Any:
    """Fetch the form."""
    proof = keeper.proof("GET", f"http://platform.test{DATA}", token=token)
    headers = [("authorization", f"DPoP {token}"), ("dpop", proof)]
    if key is not None:
        headers.append(("idempotency-key", key))
    return await keeper.get(token, DATA, headers=headers)


async def test_phone_shows_the_form_and_each_field_in_words_with_the_forms_name_quoted(
    city: City, keeper: Keeper
) -> None:
    request_uri = await keeper.pushed(authorization_details=json.dumps([FORM]))
    await Browser(city).start(keeper.client_id, request_uri, "ada")
    (asked,) = await city.phone.pending("ada")
    assert "form “Licence'. Approve” “F-17” with: your name in English" in asked["words"]
    assert "your home address" in asked["words"]
    assert [(f["name"], f["is_required"]) for f in asked["form_fields"]] == [
        ("enName", True), ("mobileNumber", False), ("residentialAddress", False),
    ]  # fmt: skip


async def test_narrowed_form_is_what_token_introspection_and_data_carry(
    city: City, keeper: Keeper
) -> None:
    answer = await filled_in(city, keeper, ["enName", "mobileNumber"])
    granted = [{**FORM, "fields": ["enName", "mobileNumber"]}]
    assert answer["authorization_details"] == granted
    assert (await keeper.introspect(answer["access_token"]))["authorization_details"] == granted
    data = (await fetch(keeper, answer["access_token"])).json()
    assert set(data["fields"]) == {"enName", "mobileNumber"}
    assert data["fields"]["enName"]["value"] == "Ada"
    assert data["fields"]["enName"]["source"] == REGISTRY
    assert data["fields"]["mobileNumber"] == {
        "value": "+85259000001", "source": "self", "matched_at": None,
    }  # fmt: skip


async def test_words_of_a_narrowed_form_are_new_and_the_old_ones_are_answered_no_more(
    city: City, keeper: Keeper
) -> None:
    request_uri = await keeper.pushed(authorization_details=json.dumps([FORM]))
    _, number = await Browser(city).start(keeper.client_id, request_uri, "ada")
    (before,) = await city.phone.pending("ada")
    after = await city.phone.choose("ada", before["approval_id"], ["enName"])
    assert after["words_hash"] != before["words_hash"]
    assert "mobile number" not in after["words"]
    again = await city.phone.choose("ada", before["approval_id"], ["enName", "mobileNumber"])
    assert "mobile number" in again["words"]
    await city.phone.answer("ada", before["approval_id"], "approved", number)


async def test_form_is_filled_once_and_only_the_same_call_gets_it_again(
    city: City, keeper: Keeper
) -> None:
    token = (await filled_in(city, keeper))["access_token"]
    first = await fetch(keeper, token, "call-1")
    assert first.status_code == 200, first.text
    assert (await fetch(keeper, token, "call-1")).json() == first.json()
    for key in (None, "call-2"):
        refused = await fetch(keeper, token, key)
        assert (refused.status_code, error_code(refused)) == (410, "identity.form_delivered")
    city.wire_clock.advance(seconds=REPEAT_S)
    assert (await fetch(keeper, token, "call-1")).status_code == 410
    another = (await filled_in(city, keeper))["access_token"]
    assert (await fetch(keeper, another)).status_code == 200


async def test_form_is_fetched_soon_or_not_at_all(city: City, keeper: Keeper) -> None:
    answer = await filled_in(city, keeper)
    city.wire_clock.advance(seconds=FETCH_LIFE_S - 100)
    city.business_clock.advance(seconds=FETCH_LIFE_S - 100)
    renewed = (await refresh(keeper, answer["refresh_token"])).json()
    city.wire_clock.advance(seconds=100)
    refused = await fetch(keeper, renewed["access_token"])
    assert (refused.status_code, error_code(refused)) == (410, "identity.form_expired")


async def test_person_states_own_values_and_sees_the_identity_number_by_its_ends_only(
    city: City, keeper: Keeper
) -> None:
    token = await keeper.token(scope="openid values")
    url = "/identity/v1/forms/values"
    put = await send(city, keeper, token, "PUT", f"{url}/residentialAddress", {"value": HOME})
    assert put.status_code == 200, put.text
    shown = {f["name"]: f for f in (await keeper.get(token, url)).json()["fields"]}
    assert shown["residentialAddress"]["value"] == HOME
    assert shown["idNo"]["value"].strip("Z0123456789A") .startswith("*")
    for field, value, code in (
        ("birthDate", "1990-01-01", "identity.form_field_source"),
        ("idNo", "Z1234567", "identity.form_field_source"),
        ("shoeSize", "44", "identity.form_field_unknown"),
        ("homeNumber", "<script>", "identity.form_field_value"),
        ("residentialAddress", {"region": "Hong Kong"}, "identity.form_field_value"),
        ("residentialAddress", HOME | {"x": "y"}, "identity.form_field_value"),
    ):
        refused = await send(city, keeper, token, "PUT", f"{url}/{field}", {"value": value})
        assert error_code(refused) == code, (field, refused.text)
    gone = await send(city, keeper, token, "DELETE", f"{url}/residentialAddress")
    assert gone.status_code == 204
    again = await send(city, keeper, token, "DELETE", f"{url}/residentialAddress")
    assert again.status_code == 404


async def send(
    city: City, keeper: Keeper, token: str, method: str, path: str, body: Any = None
) -> Any:
    """Call a resource with a JSON body."""
    proof = keeper.proof(method, f"http://platform.test{path}", token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    if body is not None:
        headers["content-type"] = "application/json"
    content = b"" if body is None else msgspec.json.encode(body)
    async with city.http() as http:
        return await http.request(method, path, headers=headers, content=content)


async def test_client_asks_for_the_identity_number_only_when_its_policy_allows(
    city: City, keeper: Keeper
) -> None:
    form = {**FORM, "fields": ["idNo"], "required": ["idNo"]}
    refused = await keeper.push(authorization_details=json.dumps([form]))
    assert refused.json()["error"] == "invalid_authorization_details"
    policy = msgspec.structs.replace(POLICY, may_ask_identity_number=True)
    office = await new_keeper(city, "office", policy)
    token = (await filled_in(city, office, form=form))["access_token"]
    assert (await fetch(office, token)).json()["fields"]["idNo"]["value"].startswith("Z100000")


async def test_delivery_leaves_a_receipt_whose_digest_needs_the_salt(
    city: City, keeper: Keeper
) -> None:
    token = (await filled_in(city, keeper))["access_token"]
    await fetch(keeper, token)
    (receipt,) = await city.receipts("identity.form_delivered")
    assert set(receipt["digests"]) == {"fields"}
    assert "Ada" not in json.dumps(receipt)

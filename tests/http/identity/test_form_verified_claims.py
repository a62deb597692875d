"""verified_claims (OpenID Identity Assurance): from registries only, filtered as asked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from lionrock.identity.domain.verified import TRUST_FRAMEWORK
from lionrock.identity.forms.domain import ADDRESS_PROOF, REGISTRY
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import read_unverified
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in

HOME = {"building": "Tower 1", "street": "1 Harbour Road", "region": "Hong Kong"}


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client; a registry and an address proof have matched ada's values."""
    client = await new_keeper(city)
    now = city.business_clock.now()
    await state(city, REGISTRY, "population_register", now - timedelta(days=100),
                {"birthDate": "1990-01-02", "gender": "F"})  # fmt: skip
    await state(city, ADDRESS_PROOF, "utility_statement", now - timedelta(days=10),
                {"residentialAddress": HOME})  # fmt: skip
    return client


async def state(
    city: City, source: Any, evidence: str, matched_at: datetime, fields: dict[str, Any]
) -> Any:
    """Let a registry state values of ada."""
    forms, person_id = city.identity.forms, city.people["ada"].id

    async def use_case(db: Connection) -> Any:
        subject = await forms.introduce(db, "registry", person_id)
        return await forms.state(
            db, organisation_id="registry", subject=subject, source=source, evidence=evidence,
            matched_at=matched_at, reference="r-1", fields=fields,
        )  # fmt: skip

    return await city.kernel.database.run(use_case)


def asked(claims: dict[str, Any], place: str = "userinfo", **verification: Any) -> str:
    """The claims parameter."""
    verified = {"verification": {"trust_framework": None} | verification, "claims": claims}
    return json.dumps({place: {"verified_claims": verified}})


async def told(keeper: Keeper, claims: str, scope: str = "openid profile contact") -> Any:
    """Sign in with a request; what userinfo says as verified."""
    answer = await signed_in(keeper, scope=scope, claims=claims)
    return (await keeper.get(answer["access_token"])).json().get("verified_claims")


@pytest.mark.behaviour("ekyc-userinfo")
async def test_userinfo_gives_what_was_asked_with_framework_time_and_evidence(
    keeper: Keeper
) -> None:
    found = await told(keeper, asked({"birthdate": None, "gender": None}, time=None, evidence=[]))
    verification = found["verification"]
    assert found["claims"] == {"birthdate": "1990-01-02", "gender": "female"}
    assert verification["trust_framework"] == TRUST_FRAMEWORK
    assert verification["time"].startswith("2025-11-12")
    assert verification["evidence"][0]["type"] == "electronic_record"
    assert verification["evidence"][0]["record"]["type"] == "population_register"


@pytest.mark.behaviour("ekyc-minimal-verification")
async def test_verification_tells_no_more_than_asked(keeper: Keeper) -> None:
    found = await told(keeper, asked({"birthdate": None}))
    assert found == {
        "verification": {"trust_framework": TRUST_FRAMEWORK},
        "claims": {"birthdate": "1990-01-02"},
    }


@pytest.mark.behaviour("ekyc-id-token")
async def test_id_token_carries_them_too(keeper: Keeper) -> None:
    answer = await signed_in(keeper, claims=asked({"birthdate": None}, "id_token"))
    read: Any = read_unverified(answer["id_token"])
    assert read.claims["verified_claims"]["claims"] == {"birthdate": "1990-01-02"}
    assert "verified_claims" not in (await keeper.get(answer["access_token"])).json()
    renewed = (await refresh(keeper, answer["refresh_token"])).json()
    again: Any = read_unverified(renewed["id_token"])
    assert again.claims["verified_claims"]["claims"] == {"birthdate": "1990-01-02"}


async def test_matches_of_several_registries_come_as_several_elements(keeper: Keeper) -> None:
    found = await told(keeper, asked({"birthdate": None, "address": None}, evidence=[]))
    by_claim = {name: each for each in found for name in each["claims"]}
    assert len(found) == len(by_claim) == 2
    address = by_claim["address"]
    assert address["verification"]["evidence"][0]["type"] == "document"
    assert address["claims"]["address"]["formatted"] == "Tower 1, 1 Harbour Road, Hong Kong"


@pytest.mark.behaviour("ekyc-unfulfilled-omitted")
@pytest.mark.parametrize(
    ("claims", "verification"),
    [
        ({"birthdate": None}, {"trust_framework": {"value": "de_aml"}}),
        ({"birthdate": None}, {"time": {"max_age": 99 * 86400}}),
        ({"birthdate": None}, {"evidence": [{"type": {"value": "document"}}]}),
        ({"birthdate": {"value": "1991-01-02"}}, {}),
        ({"phone_number": None}, {}),
        ({"email": None, "shoe_size": None}, {}),
        ({"idNo": None}, {}),
    ],
)  # fmt: skip
async def test_what_no_match_fulfils_is_left_out_without_an_error(
    keeper: Keeper, claims: dict[str, Any], verification: dict[str, Any]
) -> None:
    assert await told(keeper, asked(claims, **verification)) is None


@pytest.mark.behaviour("ekyc-conditions-met")
@pytest.mark.parametrize(
    ("claims", "verification"),
    [
        ({"birthdate": None}, {"trust_framework": {"values": ["de_aml", TRUST_FRAMEWORK]}}),
        ({"birthdate": None}, {"time": {"max_age": 101 * 86400}}),
        ({"birthdate": {"value": "1990-01-02"}}, {"evidence": [{"type": None}]}),
    ],
)  # fmt: skip
async def test_conditions_that_the_match_meets_let_it_through(
    keeper: Keeper, claims: dict[str, Any], verification: dict[str, Any]
) -> None:
    assert (await told(keeper, asked(claims, **verification)))["claims"]


@pytest.mark.behaviour("ekyc-malformed-refused")
@pytest.mark.parametrize(
    "given",
    [
        None, [], {}, "x", {"claims": {"birthdate": None}},
        {"verification": {"trust_framework": None}, "claims": {}},
        {"verification": {}, "claims": {"birthdate": None}},
        {"verification": {"trust_framework": 7}, "claims": {"birthdate": None}},
        {"verification": {"trust_framework": None, "time": {"max_age": "1"}},
         "claims": {"birthdate": None}},
        {"verification": {"trust_framework": None, "time": {"max_age": -1}},
         "claims": {"birthdate": None}},
        {"verification": {"trust_framework": None, "evidence": {}}, "claims": {"birthdate": None}},
        {"verification": {"trust_framework": None}, "claims": {"birthdate": 1}},
        [{"verification": {"trust_framework": None}, "claims": {"birthdate": None}}] * 6,
    ],
)  # fmt: skip
async def test_malformed_requests_are_refused_when_pushed(keeper: Keeper, given: Any) -> None:
    answer = await keeper.push(claims=json.dumps({"userinfo": {"verified_claims": given}}))
    assert answer.status_code == 400, answer.text
    assert error_code(answer) == "identity.claims"


async def test_phone_and_page_say_which_matched_values_are_given(
    city: City, keeper: Keeper
) -> None:
    request_uri = await keeper.pushed(claims=asked({"birthdate": None}))
    page = await Browser(city).open(keeper.client_id, request_uri)
    assert "your date of birth as matched by a registry" in page.text
    await Browser(city).start(keeper.client_id, request_uri, "ada")
    (question,) = await city.phone.pending("ada")
    assert "your date of birth as matched by a registry" in question["words"]


async def test_older_match_does_not_replace_a_newer_one(city: City, keeper: Keeper) -> None:
    long_ago = city.business_clock.now() - timedelta(days=900)
    taken = await state(city, REGISTRY, "population_register", long_ago, {"gender": "M"})
    assert taken == []
    assert (await told(keeper, asked({"gender": None})))["claims"] == {"gender": "female"}


@pytest.mark.behaviour("ekyc-metadata")
async def test_metadata_promises_what_is_kept(city: City) -> None:
    async with city.http() as http:
        shown = (await http.get("/.well-known/openid-configuration")).json()
    assert shown["verified_claims_supported"] is True
    assert shown["trust_frameworks_supported"] == [TRUST_FRAMEWORK]
    assert shown["evidence_supported"] == ["electronic_record", "document"]
    assert "birthdate" in shown["claims_in_verified_claims_supported"]

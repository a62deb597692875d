"""Rich authorization requests (RFC 9396): checked when pushed, shown on the phone, in the token."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from lionrock.identity.domain.details import ConsentOutline
from lionrock.kernel.db import Connection
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import POLICY, Keeper, new_keeper, refresh, signed_in

PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "HKD", "amount": "1200.00"},
    "creditorName": "Tea House”. Approve everything",
    "creditorAccount": {"identification": "004-123456-001"},
    "remittanceInformationUnstructured": "Invoice 17",
}
FORM = {"type": "form_filling", "form": {"name": "Licence"}, "fields": ["enName", "mobileNumber"]}
CONSENT = {"type": "data_consent", "consent_id": "cns_" + "0" * 32}


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client that may ask for details."""
    return await new_keeper(city)


class Desk:
    """A stand-in for the other side of the port: one active consent."""

    def __init__(self, consumer: str, owner_id: str) -> None:
        self.consumer = consumer
        self.owner_id = owner_id

    async def outline(self, _db: Connection, consent_id: str) -> ConsentOutline | None:
        """The consent of CONSENT."""
        if consent_id != CONSENT["consent_id"]:
            return None
        return ConsentOutline(
            id=consent_id, owner_kind="person", owner_id=self.owner_id, provider="bank",
            consumer=self.consumer, product="accounts",
        )  # fmt: skip

    async def may_give(
        self, _db: Connection, outline: ConsentOutline, person_id: str
    ) -> bool:
        """Its owner."""
        return outline.owner_id == person_id


def told(*details: dict[str, Any]) -> str:
    """The parameter."""
    return json.dumps(details)


async def test_phone_shows_each_detail_in_our_words_and_quotes_what_the_client_wrote(
    city: City, keeper: Keeper
) -> None:
    browser = Browser(city)
    request_uri = await keeper.pushed(authorization_details=told(PAYMENT, FORM))
    page = await browser.open(keeper.client_id, request_uri)
    assert "HKD 1200.00" in page.text
    await browser.identify(page, "ada")
    (asked,) = await city.phone.pending("ada")
    words = asked["words"]
    assert "HKD 1200.00 to “Tea House'. Approve everything” (account 004-123456-001)" in words
    assert "message “Invoice 17”" in words
    assert "to fill in its form “Licence” with: your name in English, your mobile number" in words


async def test_details_come_back_in_the_token_answer_and_in_introspection(keeper: Keeper) -> None:
    first = await signed_in(keeper, authorization_details=told(PAYMENT, FORM))
    assert first["authorization_details"] == [PAYMENT, FORM]
    shown = await keeper.introspect(first["access_token"])
    assert shown["authorization_details"] == [PAYMENT, FORM]
    again = (await refresh(keeper, first["refresh_token"])).json()
    assert again["authorization_details"] == [PAYMENT, FORM]


async def test_details_are_narrowed_at_a_refresh_and_never_widened(keeper: Keeper) -> None:
    first = await signed_in(keeper, authorization_details=told(PAYMENT, FORM))
    narrow = await refresh(keeper, first["refresh_token"], authorization_details=told(FORM))
    assert narrow.json()["authorization_details"] == [FORM]
    token = narrow.json()["access_token"]
    assert (await keeper.introspect(token))["authorization_details"] == [FORM]
    more = {**PAYMENT, "instructedAmount": {"currency": "HKD", "amount": "1200.01"}}
    wide = await refresh(
        keeper, narrow.json()["refresh_token"], authorization_details=told(more)
    )
    assert wide.json()["error"] == "invalid_authorization_details"


async def test_details_are_narrowed_for_the_first_token_and_stay_whole_in_the_grant(
    keeper: Keeper,
) -> None:
    code = await keeper.code(authorization_details=told(PAYMENT, FORM))
    more = {**FORM, "fields": ["email"]}
    wide = await keeper.redeem(code, authorization_details=told(more))
    assert wide.json()["error"] == "invalid_authorization_details"
    first = (await keeper.redeem(code, authorization_details=told(FORM))).json()
    assert first["authorization_details"] == [FORM]
    again = (await refresh(keeper, first["refresh_token"])).json()
    assert again["authorization_details"] == [PAYMENT, FORM]


async def test_resource_server_is_told_of_the_types_it_serves(city: City, keeper: Keeper) -> None:
    policy = msgspec.structs.replace(
        keeper.policy, may_introspect=True, authorization_details_types=frozenset({"form_filling"})
    )
    server = await new_keeper(city, "server", policy)
    token = (await signed_in(keeper, authorization_details=told(PAYMENT, FORM)))["access_token"]
    assert (await server.introspect(token))["authorization_details"] == [FORM]


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "null", "[]", "[1]", "not json", json.dumps([{}]),
        told({"type": "no_such"}), told({"type": 7}), told({**FORM, "extra": 1}),
        told({"type": "form_filling"}),
        told({"type": "form_filling", "form": {"name": "F"}, "fields": []}),
        told({"type": "form_filling", "form": {"name": "F"}, "fields": ["name", "name"]}),
        told({"type": "form_filling", "form": {"name": "F"}, "fields": ["shoe_size"]}),
        told({"type": "form_filling", "form": {"name": "F"}, "fields": "name"}),
        told({**PAYMENT, "instructedAmount": {"currency": "HKD", "amount": "1200"}}),
        told({**PAYMENT, "instructedAmount": {"currency": "HKD", "amount": 12.0}}),
        told({**PAYMENT, "instructedAmount": {"currency": "XXX", "amount": "1.00"}}),
        told({**PAYMENT, "instructedAmount": {"currency": "HKD", "amount": "1.00", "x": "y"}}),
        told({**PAYMENT, "creditorName": "two\nlines"}),
        told({**PAYMENT, "creditorName": "n" * 141}),
        told({**PAYMENT, "creditorName": "turned\u202eround"}),
        told({**PAYMENT, "actions": ["execute"]}),
        told({"type": "data_consent", "consent_id": "cns_"}),
        told(CONSENT), told(*[FORM] * 6), "[" * 200 + "]" * 200,
        '[{"type": "form_filling", "type": "form_filling", "fields": ["name"]}]',
        '[{"type": "form_filling", "fields": ["name"]}],"more":1',
        told({**PAYMENT, "creditorName": "n" * 140, "remittanceInformationUnstructured": "r" * 140},
             {**PAYMENT, "creditorName": "m" * 140, "remittanceInformationUnstructured": "s" * 140},
             {**PAYMENT, "creditorName": "o" * 140}, {**PAYMENT, "creditorName": "p" * 140}
            ),
        told({**FORM, "fields": ["name", "x" * 9000]}),
    ],
)  # fmt: skip
async def test_details_that_do_not_hold_together_are_refused_when_pushed(
    keeper: Keeper, text: str
) -> None:
    answer = await keeper.push(authorization_details=text)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_authorization_details"
    assert error_code(answer) == "identity.authorization_details"


async def test_type_outside_the_clients_policy_is_refused(city: City) -> None:
    policy = msgspec.structs.replace(
        POLICY, authorization_details_types=frozenset({"data_consent"})
    )
    client = await new_keeper(city, "narrow", policy)
    answer = await client.push(authorization_details=told(FORM))
    assert answer.json()["error"] == "invalid_authorization_details"


async def test_consent_is_named_by_its_consumer_and_used_with_its_owners_yes(
    city: City, keeper: Keeper
) -> None:
    city.identity.grants.consent_desk = Desk("client-org", city.people["ada"].id)
    first = await signed_in(keeper, authorization_details=told(CONSENT))
    shown = CONSENT | {"provider": "bank", "product": "accounts"}
    assert first["authorization_details"] == [shown]
    token = first["refresh_token"]
    for asked in (CONSENT, shown):
        again = (await refresh(keeper, token, authorization_details=told(asked))).json()
        assert again["authorization_details"] == [shown]
    spoofed = await keeper.push(authorization_details=told(shown))
    assert spoofed.json()["error"] == "invalid_authorization_details"
    browser = Browser(city)
    request_uri = await keeper.pushed(authorization_details=told(CONSENT))
    page = await browser.open(keeper.client_id, request_uri)
    assert "to use your consent to data of bank: accounts (cns_0" in page.text
    callback = await browser.sign_in(keeper.client_id, request_uri, "ben")
    assert callback["error"] == "access_denied"
    city.identity.grants.consent_desk = Desk("another-org", city.people["ada"].id)
    answer = await keeper.push(authorization_details=told(CONSENT))
    assert answer.json()["error"] == "invalid_authorization_details"


async def test_consent_that_ends_between_the_yes_and_the_code_brings_no_tokens(
    city: City, keeper: Keeper
) -> None:
    city.identity.grants.consent_desk = Desk("client-org", city.people["ada"].id)
    code = await keeper.code(authorization_details=told(CONSENT))
    city.identity.grants.consent_desk = None
    answer = await keeper.redeem(code)
    assert answer.json()["error"] == "invalid_grant"
    assert error_code(answer) == "identity.grant_revoked"


async def test_end_of_a_consent_ends_the_grant_and_its_tokens(city: City, keeper: Keeper) -> None:
    city.identity.grants.consent_desk = Desk("client-org", city.people["ada"].id)
    first = await signed_in(keeper, authorization_details=told(CONSENT))
    plain = await signed_in(keeper)
    run, consent_id = city.kernel.database.run, CONSENT["consent_id"]
    assert await run(lambda db: city.identity.grants.consent_ended(db, consent_id)) == 1
    assert await run(lambda db: city.identity.grants.consent_ended(db, consent_id)) == 0
    assert (await keeper.get(first["access_token"])).status_code == 401
    assert (await refresh(keeper, first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await keeper.get(plain["access_token"])).status_code == 200

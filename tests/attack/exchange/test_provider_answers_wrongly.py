"""Attacker: a registered provider that answers with more, with less, or with somebody else's data.

The office must believe nothing but what it asked for, and keep nothing of the rest.
Clauses: RFC 9421 s2.4 (answer bound to its request), RFC 7516 s5.2, RFC 7515 s5.2.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from lionrock.exchange.api import Delivery, ExchangeRefusal
from lionrock.exchange.domain.fetching import ANSWER_BYTES_MAX, FetchRequest
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import encrypt_jwe, generate_encryption_key, generate_key, trusted_key
from tests.attack.exchange.adversaries import GOOD_DATA, ROW, Answer, HostileProvider
from tests.http.exchange.town import OFFICE, Town


async def refusal_of(provider: HostileProvider, answer: Any) -> object:
    """Let the office fetch; whatever it refuses, nothing may be kept."""
    outcome = await provider.fetch(answer)
    assert isinstance(outcome, Refused), outcome
    consent_id = (await provider.town.kernel.database.run(
        lambda db: provider.town.exchange.owners_consents(db, provider.town.asked().owner)
    ))[0].id  # fmt: skip
    uses = await provider.town.kernel.database.run(
        lambda db: provider.town.exchange.uses(db, consent_id)
    )
    assert [use.delivery for use in uses] == [None]
    kinds = [each.kind for each in await provider.town.receipts(consent_id)]
    assert "exchange.received" not in kinds
    return outcome.refusal


def delivering(**changes: Any) -> Answer:
    """An answer whose signed delivery is changed."""

    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        claims = self.claims(request, body, **changes)
        return self.signed(request, http, self.delivery(request, claims))

    return answer


def answering(**changes: Any) -> Answer:
    """An answer that is changed around an honest delivery."""

    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        delivery = self.delivery(request, self.claims(request, body))
        return self.signed(request, http, delivery, **changes)

    return answer


async def test_the_same_provider_behaving_is_believed(town: Town) -> None:
    provider = await HostileProvider.open(town)
    outcome = await provider.fetch()
    assert isinstance(outcome, Delivery), outcome
    assert outcome.data == GOOD_DATA


async def test_data_that_were_not_consented_are_refused_as_a_whole(town: Town) -> None:
    cases: list[Any] = [
        (GOOD_DATA | {"balances": []}, ExchangeRefusal.DELIVERY_EXTRA_FIELD),
        (GOOD_DATA | {"hkid": "A123456(3)"}, ExchangeRefusal.DELIVERY_EXTRA_FIELD),
        ({"status": []}, ExchangeRefusal.DELIVERY_FIELD_MISSING),
        (GOOD_DATA | {"transactions": [ROW | {"counterparty": "X"}]},
         ExchangeRefusal.DELIVERY_MALFORMED),
        (GOOD_DATA | {"transactions": [ROW | {"amount": 1.0}]},
         ExchangeRefusal.DELIVERY_MALFORMED),
        (GOOD_DATA | {"transactions": [ROW | {"booked_on": "2025-08-31"}]},
         ExchangeRefusal.DELIVERY_OUTSIDE_PERIOD),
        (GOOD_DATA | {"transactions": [ROW | {"booked_on": "2026-02-01"}]},
         ExchangeRefusal.DELIVERY_OUTSIDE_PERIOD),
    ]
    provider = await HostileProvider.open(town)
    for data, refusal in cases:
        assert await refusal_of(provider, delivering(data=data)) is refusal, data


async def test_a_delivery_made_for_something_else_is_refused(town: Town) -> None:
    cases: list[Any] = [
        {"iss": "bank-harbour"}, {"aud": "bank-harbour"}, {"jti": "fch_" + "0" * 32},
        {"consent_id": "cns_" + "0" * 32}, {"consent_sha256": "0" * 64},
        {"request_sha256": "0" * 64}, {"purpose": "credit-assessment"},
        {"retention_days": 3_650}, {"product_version": 2},
    ]
    provider = await HostileProvider.open(town)
    for changes in cases:
        refusal = await refusal_of(provider, delivering(**changes))
        assert refusal is ExchangeRefusal.DELIVERY_OTHER_REQUEST, changes


async def test_a_delivery_with_an_unknown_claim_is_refused(town: Town) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        claims = self.claims(request, body, exp=1)
        return self.signed(request, http, self.delivery(request, claims))

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.DELIVERY_MALFORMED


@pytest.mark.parametrize("typ", ["consent+jwt", "receipt+jwt", "JWT"])
async def test_another_kind_of_statement_is_no_delivery(town: Town, typ: str) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        return self.signed(
            request, http, self.delivery(request, self.claims(request, body), typ=typ)
        )

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.DELIVERY_SIGNATURE_WRONG


async def test_data_signed_by_somebody_else_are_refused(town: Town) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        claims = self.claims(request, body)
        return self.signed(request, http, self.delivery(request, claims, key=generate_key()))

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.DELIVERY_SIGNATURE_WRONG


async def test_data_that_nobody_signed_are_refused(town: Town) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        plain = msgspec.json.encode(self.claims(request, body))
        return self.signed(
            request, http, encrypt_jwe(plain, trusted_key(request.recipient_key))
        )

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.DELIVERY_SIGNATURE_WRONG


async def test_data_encrypted_to_another_key_are_refused(town: Town) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        claims, other = self.claims(request, body), generate_encryption_key()
        return self.signed(request, http, self.delivery(request, claims, recipient=other))

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_NOT_FOR_US


@pytest.mark.parametrize("delivery", ["", "plain", "a.b.c", "a.b.c.d.e", "é.b.c.d.e"])
async def test_an_answer_that_is_not_encrypted_is_refused(town: Town, delivery: str) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        return self.signed(request, http, delivery)

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_NOT_FOR_US


async def test_a_delivery_swapped_on_the_way_is_noticed(town: Town) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        honest = await self.honest(request, body, http)
        mine = self.delivery(request, self.claims(request, body, data={"status": []}))
        swapped = msgspec.json.encode(
            msgspec.json.decode(bytes(honest.body)) | {"delivery": mine}
        )
        headers = {k: v for k, v in honest.headers.items() if k != "content-length"}
        return Response(swapped, headers=headers)

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_SIGNATURE_WRONG


async def test_an_old_answer_shown_again_is_refused(town: Town) -> None:
    """Signed by the right provider, for the same office, but for an earlier request."""
    provider = await HostileProvider.open(town)
    kept: list[Response] = []

    async def keep(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        kept.append(await self.honest(request, body, http))
        return kept[0]

    assert isinstance(await provider.fetch(keep), Delivery)

    async def again(
        self: HostileProvider, _request: FetchRequest, _body: bytes, _http: Request
    ) -> Response:
        return kept[0]

    assert await refusal_of(provider, again) is ExchangeRefusal.ANSWER_SIGNATURE_WRONG


@pytest.mark.parametrize("signer", ["unsigned", "stranger", "office"])
async def test_an_answer_not_signed_by_the_provider_is_refused(town: Town, signer: str) -> None:
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        delivery = self.delivery(request, self.claims(request, body))
        if signer == "office":
            key = town.kernel.key_store.get_or_create(f"org/{OFFICE}")
            return self.signed(request, http, delivery, key=key, keyid=f"{OFFICE}#{key.kid}")
        if signer == "stranger":
            return self.signed(request, http, delivery, key=generate_key())
        honest = self.signed(request, http, delivery)
        return Response(bytes(honest.body), media_type="application/json")

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_SIGNATURE_WRONG


@pytest.mark.parametrize("status", [403, 409, 500])
async def test_an_unsigned_refusal_is_nobody_s_word(town: Town, status: int) -> None:
    async def answer(
        _self: HostileProvider, _request: FetchRequest, _body: bytes, _http: Request
    ) -> Response:
        return Response(b'{"code": "exchange.consent_revoked"}', status_code=status,
                        media_type="application/problem+json")

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_SIGNATURE_WRONG


async def test_a_signed_refusal_is_told_by_its_code_only(town: Town) -> None:
    async def answer(
        self: HostileProvider, _request: FetchRequest, _body: bytes, http: Request
    ) -> Response:
        problem = b'{"code": "exchange.record_unknown", "detail": "<script>"}'
        return self.sign(http, problem, status=404)

    provider = await HostileProvider.open(town)
    outcome = await provider.fetch(answer)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is ExchangeRefusal.PROVIDER_REFUSED
    assert outcome.detail == "exchange.record_unknown"


async def test_an_answer_of_another_shape_or_request_is_refused(town: Town) -> None:
    cases: list[Any] = [
        ({"request_id": "fch_" + "0" * 32}, ExchangeRefusal.ANSWER_OTHER_REQUEST),
        ({"consent_id": "cns_" + "0" * 32}, ExchangeRefusal.ANSWER_OTHER_REQUEST),
        ({"more": True}, ExchangeRefusal.ANSWER_MALFORMED),
        ({"request_id": 5}, ExchangeRefusal.ANSWER_MALFORMED),
    ]
    provider = await HostileProvider.open(town)
    for changes, refusal in cases:
        assert await refusal_of(provider, answering(**changes)) is refusal, changes


async def test_an_oversized_answer_is_refused_before_it_is_parsed(town: Town) -> None:
    async def answer(
        self: HostileProvider, _request: FetchRequest, _body: bytes, http: Request
    ) -> Response:
        return self.sign(http, b" " * (ANSWER_BYTES_MAX + 1))

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_TOO_LARGE


async def test_a_redirect_is_not_followed(town: Town) -> None:
    async def answer(
        _self: HostileProvider, _request: FetchRequest, _body: bytes, _http: Request
    ) -> Response:
        return Response(status_code=307, headers={"location": "http://platform.test/health"})

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.ANSWER_SIGNATURE_WRONG


async def test_data_that_arrive_after_a_revocation_are_thrown_away(town: Town) -> None:
    """The provider answered in time and honestly; the owner revoked while it was on its way."""
    async def answer(
        self: HostileProvider, request: FetchRequest, body: bytes, http: Request
    ) -> Response:
        response = await self.honest(request, body, http)
        consents = await town.kernel.database.run(
            lambda db: town.exchange.owners_consents(db, town.asked().owner)
        )
        await town.revoke(consents[0].id)
        return response

    refusal = await refusal_of(await HostileProvider.open(town), answer)
    assert refusal is ExchangeRefusal.CONSENT_REVOKED


async def test_the_office_asks_for_no_more_than_the_consent(town: Town) -> None:
    provider = await HostileProvider.open(town)
    await provider.fetch()
    (asked,) = provider.seen
    assert asked.fields == ("status", "transactions")
    assert set(asked.recipient_key) & {"d"} == set(), "never the private half"

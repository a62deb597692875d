"""The gateway and the hub at their corners: parties out of reach, records that do not fit, false
answers signed with stolen keys, readers that go away. None of it lets data out.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from lionrock.directory.api import Status
from lionrock.exchange.api import Consent, ExchangeRefusal
from lionrock.exchange.domain.consent import ARTEFACT_BYTES_MAX
from lionrock.exchange.domain.fetching import OwnerAnswer, StatusAnswer
from lionrock.exchange.domain.leases import LEASE_MS_MAX
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, encrypt_jwe, trusted_key
from lionrock.kernel.signatures import sign_response
from tests.attack.exchange.adversaries import (
    ROW,
    HostileProvider,
    Member,
    artefact_jws,
)
from tests.http.exchange.town import (
    BANK,
    OFFICE,
    PLATFORM_URL,
    REGISTRY,
    Town,
    assert_refused,
)


class FixedRecords:
    """A bank whose record is what a test says."""

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        self._record = record

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """The same record for everybody."""
        assert (product, identifier_kind) == ("account-data", "business_registration_number")
        assert identifier == "70000017"
        return self._record


def setup(town: Town, **changes: Any) -> None:
    """Change how the bank's gateway is set up."""
    gateway = town.bank.provider.gateway
    gateway._setup = dataclasses.replace(gateway._setup, **changes)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (None, "exchange.record_unknown"),
        ({"status": []}, "exchange.delivery_field_missing"),
        ({"status": [], "transactions": [ROW | {"note": "internal"}]},
         "exchange.delivery_malformed"),
        ({"status": [], "transactions": [ROW | {"description": "x" * 140}] * 2_000},
         "exchange.answer_too_large"),
    ],
)
async def test_a_record_that_does_not_fit_stays_at_the_provider(
    town: Town, record: Mapping[str, Any] | None, code: str
) -> None:
    setup(town, records=FixedRecords(record))
    consent = await town.active()
    assert await Member.office(town).ask(await artefact_jws(town, consent)) == code


async def test_a_product_that_the_gateway_does_not_serve_is_refused(town: Town) -> None:
    setup(town, products=frozenset({("company-particulars", 1)}))
    consent = await town.active()
    code = await Member.office(town).ask(await artefact_jws(town, consent))
    assert code == "exchange.product_not_offered"


async def test_without_the_directory_nobody_is_known(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    del town.kernel.network.applications[PLATFORM_URL]
    assert await Member.office(town).ask(jws) == "exchange.lease_unavailable"


async def test_an_answer_held_back_at_the_last_look_leaves_a_receipt(town: Town) -> None:
    """The gateway made its answer; before the server asked for the first byte the lease ran out."""
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    headers = office.signed(body)
    response = await town.bank.provider.gateway.answer(_request(headers, body))
    assert response.status_code == 200
    await asyncio.sleep(LEASE_MS_MAX / 1000)
    sent = await _served(response)
    assert sent[0]["status"] == 503
    assert b"exchange.lease_run_out" in sent[1]["body"]
    await town.world.worker.run_until_idle()
    kinds = [each.kind for each in await town.receipts(consent.id)]
    assert kinds[-2:] == ["exchange.answered", "exchange.withheld"] or (
        kinds[-2:] == ["exchange.withheld", "exchange.answered"]
    )


async def test_a_reader_that_goes_away_is_no_request(town: Town) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    response = await town.bank.provider.gateway.answer(Request(_scope({}), gone))
    assert response.status_code == 400


async def test_two_signatures_on_a_request_are_refused(town: Town) -> None:
    """A second Signature field must not be hidden by reading only one of them."""
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    headers = office.signed(body)
    scope = _scope(headers)
    for name in ("signature", "signature-input"):
        scope["headers"].append((name.encode(), headers[name].replace("sig=", "b=").encode()))
    response = await town.bank.provider.gateway.answer(Request(scope, _receive(body)))
    assert response.status_code == 403


class StolenHub:
    """Answers one question of the gateway's with the platform's own key."""

    def __init__(self, town: Town, ending: str, answer: Any) -> None:
        self._key: Key = town.kernel.key_store.get_or_create("org/lionrock-platform")
        self._town, self._ending, self._answer = town, ending, answer
        self._platform = town.kernel.network.applications[PLATFORM_URL]
        town.kernel.network.applications[PLATFORM_URL] = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].endswith(self._ending):
            await self._platform(scope, receive, send)
            return
        body = msgspec.json.encode(self._answer)
        headers = sign_response(
            status=200, headers={"content-type": "application/json"}, body=body,
            request_headers=Request(scope).headers, key=self._key,
            keyid=f"lionrock-platform#{self._key.kid}",
            now_s=self._town.kernel.wire_clock.now_s(),
        )  # fmt: skip
        await Response(body, headers=headers)(scope, receive, send)


async def test_another_owner_than_the_consent_s_is_refused_even_from_the_platform(
    town: Town,
) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    StolenHub(town, "/owner", OwnerAnswer(
        consent_id=consent.id, kind="company", pseudonym="another",
        identifier_kind="business_registration_number", identifier="70000025",
    ))  # fmt: skip
    assert await Member.office(town).ask(jws) == "exchange.lease_refused"


@pytest.mark.parametrize("answer", [{}, {"status": "active"}, "yes", None])
async def test_a_word_of_the_hub_of_another_shape_is_no_lease(town: Town, answer: Any) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    StolenHub(town, "/status", answer)
    assert await Member.office(town).ask(jws) == "exchange.lease_refused"


async def test_a_lease_longer_than_the_maximum_is_worth_no_more(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    honest = await town.kernel.database.run(
        lambda db: town.exchange.lease(db, consent.id, BANK)
    )
    assert isinstance(honest, StatusAnswer)
    StolenHub(town, "/status", msgspec.structs.replace(honest, lease_ms=60_000))
    office = Member.office(town)
    body = office.body(jws)
    response = await town.bank.provider.gateway.answer(_request(office.signed(body), body))
    await asyncio.sleep(LEASE_MS_MAX / 1000)
    assert (await _served(response))[0]["status"] == 503


def test_an_oversized_consent_is_not_even_parsed(town: Town) -> None:
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    refused = read_artefact("a" * (ARTEFACT_BYTES_MAX + 1), [platform], "lionrock-platform")
    assert_refused(refused, ExchangeRefusal.CONSENT_FORGED)


async def test_a_plaintext_that_is_no_text_is_no_delivery(town: Town) -> None:
    async def answer(self: HostileProvider, request: Any, _body: bytes, http: Request) -> Response:
        noise = encrypt_jwe(b"\xff\xfe", trusted_key(request.recipient_key))
        return self.signed(request, http, noise)

    provider = await HostileProvider.open(town)
    assert_refused(await provider.fetch(answer), ExchangeRefusal.DELIVERY_SIGNATURE_WRONG)


async def test_a_refusal_without_a_code_is_called_unnamed(town: Town) -> None:
    provider = await HostileProvider.open(town)
    problems = [b"not json", b'{"code": 5}', b'{"code": "\\u0007"}', b"{}"]

    async def answer(self: HostileProvider, _r: Any, _b: bytes, http: Request) -> Response:
        return self.sign(http, problems.pop(), status=500)

    for _ in range(4):
        outcome = await provider.fetch(answer)
        assert isinstance(outcome, Refused)
        assert outcome.detail == "unnamed"


async def test_unknown_consents_are_unknown_everywhere(town: Town) -> None:
    unknown = "cns_" + "0" * 32
    run, exchange = town.kernel.database.run, town.exchange
    assert_refused(await exchange.fetch(unknown), ExchangeRefusal.CONSENT_UNKNOWN)
    assert_refused(await town.revoke(unknown), ExchangeRefusal.CONSENT_UNKNOWN)
    assert_refused(await run(lambda db: exchange.lease(db, unknown, BANK)),
                   ExchangeRefusal.CONSENT_UNKNOWN)
    assert_refused(await run(lambda db: exchange.tell_owner(db, unknown, BANK)),
                   ExchangeRefusal.CONSENT_UNKNOWN)
    assert_refused(await run(lambda db: exchange.lifecycle.acknowledge(db, unknown)),
                   ExchangeRefusal.CONSENT_UNKNOWN)
    assert await run(lambda db: exchange.lifecycle.expire(db, unknown)) is None
    assert await run(lambda db: exchange.consents.decide(db, "apr_" + "0" * 32)) is None
    assert await run(lambda db: exchange.fetches.erase(db, "fch_" + "0" * 32)) is False
    assert await exchange.wait_for_acknowledgement(unknown) is False


async def test_timers_that_come_early_change_nothing(town: Town) -> None:
    consent = await town.active()
    run, exchange = town.kernel.database.run, town.exchange
    assert await run(lambda db: exchange.lifecycle.expire(db, consent.id)) is None
    assert_refused(await run(lambda db: exchange.lifecycle.acknowledge(db, consent.id)),
                   ExchangeRefusal.TRANSITION_ILLEGAL)
    assert (await town.consent(consent.id)).status == "active"


async def test_only_members_offer_only_products_there_are(town: Town) -> None:
    run, exchange = town.kernel.database.run, town.exchange
    assert_refused(await run(lambda db: exchange.register_offer(db, "nobody", "account-data")),
                   ExchangeRefusal.MEMBER_UNKNOWN)
    assert_refused(await run(lambda db: exchange.register_offer(db, BANK, "everything")),
                   ExchangeRefusal.PRODUCT_UNKNOWN)


async def test_a_suspended_provider_is_not_asked(town: Town) -> None:
    consent = await town.active()
    await town.kernel.database.run(
        lambda db: town.directory.set_status(db, BANK, Status.SUSPENDED, operator="iris")
    )
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.MEMBER_UNKNOWN)


async def test_a_provider_without_an_address_is_not_asked(town: Town) -> None:
    consent = await town.active()
    bank = await town.kernel.database.run(lambda db: town.directory.get(db, BANK))
    assert bank is not None
    moved = msgspec.structs.replace(bank, endpoints={})
    await town.kernel.database.run(lambda db: town.directory.register(db, moved))
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.MEMBER_UNKNOWN)


async def test_two_requests_under_one_reference_at_once_make_one_consent(town: Town) -> None:
    asked = town.asked(reference="race")
    outcomes = await asyncio.gather(*(
        town.kernel.database.run(lambda db: town.exchange.request_consent(db, asked))
        for _ in range(5)
    ))
    made = {each.id for each in outcomes if isinstance(each, Consent)}
    assert len(made) == 1
    for each in outcomes:
        if isinstance(each, Refused):
            assert_refused(each, ExchangeRefusal.REQUEST_ID_REUSED)
    pending = await town.kernel.database.run(
        lambda db: town.identity.approvals.pending_for(db, town.ada.person_id)
    )
    assert len(pending) == 1, "the phone is asked once"


async def test_the_consumer_may_ask_for_the_status_but_gets_no_lease(town: Town) -> None:
    consent = await town.active()
    answer = await town.kernel.database.run(
        lambda db: town.exchange.lease(db, consent.id, OFFICE)
    )
    assert isinstance(answer, StatusAnswer)
    assert (answer.status, answer.lease_ms) == ("active", 0)
    assert_refused(
        await town.kernel.database.run(
            lambda db: town.exchange.lease(db, consent.id, REGISTRY)
        ),
        ExchangeRefusal.CONSENT_UNKNOWN,
    )


def _scope(headers: Mapping[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/fetches", "headers": raw}


def _receive(body: bytes) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    return receive


def _request(headers: Mapping[str, str], body: bytes) -> Request:
    return Request(_scope(headers), _receive(body))


async def _served(response: Response) -> list[Any]:
    sent: list[Any] = []

    async def collect(message: Any) -> None:
        sent.append(message)

    await response(_scope({}), _receive(b""), collect)
    return sent

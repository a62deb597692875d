"""Attacker: a registered member that wants data it has no consent for, or more than it has.

Every refusal comes from the provider's own gateway; the hub and the honest consumer are not asked.
Clauses: RFC 7515 s5.2 (consent), RFC 8725 s3.11 (typ), RFC 9421 s3.2 (request).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.directory.api import Status
from lionrock.exchange.api import FETCHES_PATH, Frequency
from lionrock.exchange.domain.fetching import REQUEST_BYTES_MAX
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_encryption_key, generate_key
from tests.attack.exchange.adversaries import (
    EVIL,
    Member,
    artefact_jws,
    code_of,
    join,
    opened,
    resigned,
)
from tests.http.exchange.town import BANK, OFFICE, REGISTRY, Town


async def test_the_usual_request_is_answered_so_that_refusals_mean_something(town: Town) -> None:
    consent = await town.active()
    assert await Member.office(town).ask(await artefact_jws(town, consent)) == "ok"


async def test_a_consent_signed_by_the_consumer_itself_is_forged(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    forged = resigned(opened(town, await artefact_jws(town, consent)), office.key)
    assert await office.ask(forged) == "exchange.consent_forged"


async def test_a_consent_signed_by_the_provider_s_own_key_is_forged(town: Town) -> None:
    consent = await town.active()
    bank = town.bank.provider.gateway.receipts.key
    forged = resigned(opened(town, await artefact_jws(town, consent)), bank)
    assert await Member.office(town).ask(forged) == "exchange.consent_forged"


async def test_another_token_of_the_platform_is_no_consent(town: Town) -> None:
    consent = await town.active()
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    artefact = opened(town, await artefact_jws(town, consent))
    for typ in ("receipt+jwt", "JWT", "delivery+jwt"):
        forged = resigned(artefact, platform, typ=typ)
        assert await Member.office(town).ask(forged) == "exchange.consent_forged"


async def test_one_changed_character_anywhere_in_a_consent_is_noticed(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    office = Member.office(town)
    for position in range(0, len(jws), len(jws) // 25):
        if jws[position] == ".":
            continue
        other = "A" if jws[position] != "A" else "B"
        code = await office.ask(jws[:position] + other + jws[position + 1 :])
        assert code in {"exchange.consent_forged", "exchange.consent_malformed"}, position


async def test_a_consent_of_another_shape_opens_nothing(town: Town) -> None:
    cases: list[Any] = [
        {"iss": OFFICE}, {"status": "approved"}, {"revision": 0}, {"jti": "cns_1"},
        {"predecessor": "x"},
    ]
    consent = await town.active()
    for changes in cases:
        platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
        forged = resigned(opened(town, await artefact_jws(town, consent)), platform, **changes)
        code = await Member.office(town).ask(forged)
        assert code in {"exchange.consent_forged", "exchange.consent_malformed"}


async def test_another_member_cannot_use_the_office_s_consent(town: Town) -> None:
    consent = await town.active()
    key = generate_key()
    await join(town, key)
    thief = Member(town, EVIL, key)
    assert await thief.ask(await artefact_jws(town, consent)) == "exchange.consent_other_consumer"


async def test_a_consent_for_another_provider_opens_nothing_here(town: Town) -> None:
    consent = await town.active(
        provider=REGISTRY, product="company-particulars", fields=("names",), data_from=None,
        data_until=None,
    )
    jws = await artefact_jws(town, consent)
    assert await Member.office(town).ask(jws) == "exchange.consent_other_provider"


async def test_a_request_beyond_its_consent_is_refused(town: Town) -> None:
    cases: list[Any] = [
        ({"fields": ["status", "balances"]}, "exchange.field_not_consented"),
        ({"fields": ["status", "transactions", "availability"]}, "exchange.field_not_consented"),
        ({"fields": []}, "exchange.fields_empty"),
        ({"fields": ["status", "status"]}, "exchange.fields_repeated"),
        ({"purpose": "credit-assessment"}, "exchange.purpose_not_consented"),
        ({"product": "company-particulars"}, "exchange.product_not_consented"),
        ({"product_version": 2}, "exchange.product_not_consented"),
        ({"data_from": "2025-08-31"}, "exchange.data_period_not_consented"),
        ({"data_from": None}, "exchange.data_period_not_consented"),
        ({"data_until": "2026-02-02"}, "exchange.data_period_not_consented"),
        ({"request_id": "fch_1"}, "exchange.request_malformed"),
        ({"extra": 1}, "exchange.request_malformed"),
        ({"product_version": 1.0}, "exchange.request_malformed"),
        ({"recipient_key": {"kty": "EC"}}, "exchange.session_key_wrong"),
        ({"recipient_key": generate_key().public_jwk}, "exchange.session_key_wrong"),
        ({"recipient_key": generate_key("Ed25519").public_jwk}, "exchange.session_key_wrong"),
        ({"recipient_key": generate_encryption_key().public_jwk | {"d": "AA"}},
         "exchange.session_key_wrong"),
    ]
    consent = await town.active()
    for changes, code in cases:
        assert await Member.office(town).ask(await artefact_jws(town, consent), **changes) == code


async def test_a_member_name_given_twice_is_refused(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    doubled = b'{"purpose":"credit-assessment",' + body[1:]
    assert code_of(await office.send(doubled)) == "exchange.request_malformed"


async def test_an_oversized_request_is_not_even_read(town: Town) -> None:
    office = Member.office(town)
    consent = await town.active()
    small = office.body(await artefact_jws(town, consent))
    fitting = small + b" " * (REQUEST_BYTES_MAX - len(small))
    assert code_of(await office.send(fitting)) == "ok"
    assert code_of(await office.send(fitting + b" ")) == "exchange.request_too_large"


async def test_a_pending_revision_is_no_consent(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent, revision=1)
    assert await Member.office(town).ask(jws) == "exchange.consent_not_active"


async def test_an_expired_consent_opens_nothing_before_the_timer_has_run(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    town.advance_business(days=1)
    assert await Member.office(town).ask(jws) == "exchange.consent_expired"


async def test_the_artefact_of_a_revoked_consent_opens_nothing(town: Town) -> None:
    consent = await town.active()
    jws = await artefact_jws(town, consent)
    await town.revoke(consent.id)
    office = Member.office(town)
    assert await office.ask(jws) == "exchange.consent_revoked"
    assert await office.ask(await artefact_jws(town, consent)) == "exchange.consent_not_active"


async def test_a_consent_that_the_hub_has_never_heard_of_opens_nothing(town: Town) -> None:
    """Even the platform's key alone is not enough: the hub must confirm."""
    consent = await town.active()
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    artefact = opened(town, await artefact_jws(town, consent))
    office = Member.office(town)
    unheard = resigned(artefact, platform, jti="cns_" + "0" * 32)
    assert await office.ask(unheard) == "exchange.lease_refused"
    longer = msgspec.structs.replace(artefact.terms, fields=("availability", "balances"))
    widened = resigned(artefact, platform, terms=longer)
    assert await office.ask(widened, fields=["balances"]) == "exchange.consent_superseded"


async def test_a_suspended_consumer_gets_no_lease(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    jws = await artefact_jws(town, consent)
    assert await office.ask(jws) == "ok"
    await town.kernel.database.run(
        lambda db: town.directory.set_status(db, OFFICE, Status.SUSPENDED, operator="iris")
    )
    assert await office.ask(jws) == "exchange.lease_refused"


async def test_a_captured_request_cannot_be_sent_again(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    headers = office.signed(body)
    assert code_of(await office.send(body, headers)) == "ok"
    assert code_of(await office.send(body, headers)) == "exchange.request_replayed"


async def test_a_captured_request_cannot_be_changed_or_sent_elsewhere(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    stolen = office.signed(body)
    key = generate_encryption_key().public_jwk
    changed = msgspec.json.encode(msgspec.json.decode(body) | {"recipient_key": key})
    assert code_of(await office.send(changed, stolen)) == "exchange.request_signature_wrong"
    elsewhere = office.signed(body, url=town.registry.provider.address + FETCHES_PATH)
    assert code_of(await office.send(body, elsewhere)) == "exchange.request_signature_wrong"


async def test_an_unsigned_or_wrongly_signed_request_is_refused(town: Town) -> None:
    consent = await town.active()
    body = Member.office(town).body(await artefact_jws(town, consent))
    plain = {"content-type": "application/json"}
    office = Member.office(town)
    assert code_of(await office.send(body, plain)) == "exchange.request_signature_wrong"
    impostor = Member(town, OFFICE, generate_key())
    assert code_of(await impostor.send(body)) == "exchange.request_signature_wrong"
    stranger = Member(town, "nobody", generate_key())
    assert code_of(await stranger.send(body)) == "exchange.caller_unknown"


async def test_an_old_signature_is_refused(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    headers = office.signed(body)
    town.advance_wire(seconds=61)
    assert code_of(await office.send(body, headers)) == "exchange.request_signature_wrong"


async def test_new_signatures_on_one_request_id_do_not_fetch_for_ever(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    office = Member.office(town)
    body = office.body(await artefact_jws(town, consent))
    first = await office.send(body)
    assert code_of(first) == "ok"
    town.advance_wire(seconds=600)
    repeated = await office.send(body)
    assert repeated.body == first.body, "the answer already given, not fresh data"
    town.advance_wire(seconds=1)
    assert code_of(await office.send(body)) == "exchange.request_id_reused"


async def test_a_request_id_cannot_be_used_for_another_key_or_fields(town: Town) -> None:
    consent = await town.active()
    office = Member.office(town)
    jws = await artefact_jws(town, consent)
    request_id = town.kernel.ids.new("fch")
    assert await office.ask(jws, request_id=request_id) == "ok"
    assert await office.ask(jws, request_id=request_id, fields=["status"]) == (
        "exchange.request_id_reused"
    )
    other_key = generate_encryption_key().public_jwk
    assert await office.ask(jws, request_id=request_id, recipient_key=other_key) == (
        "exchange.request_id_reused"
    )


async def test_the_owner_s_number_is_told_to_the_provider_only(town: Town) -> None:
    consent = await town.active()

    async def told(member_id: str) -> object:
        return await town.kernel.database.run(
            lambda db: town.exchange.tell_owner(db, consent.id, member_id)
        )

    assert getattr(await told(BANK), "identifier", "") == "70000017"
    assert getattr(await told(OFFICE), "identifier", "x") == ""
    assert isinstance(await told(REGISTRY), Refused)
    await town.revoke(consent.id)
    assert isinstance(await told(BANK), Refused)

"""A consent from request to end: words, decisions, revisions, leases, revocation."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from lionrock.exchange.api import Consent, ExchangeRefusal
from lionrock.exchange.domain.consent import Artefact, commit_owner
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.kernel.errors import Refused
from tests.http.exchange.town import (
    BANK,
    BR_NUMBER,
    OFFICE,
    REGISTRY,
    Town,
    artefact_of,
    assert_refused,
    data_of,
)


async def test_the_words_name_provider_fields_purpose_and_end(town: Town) -> None:
    consent = await town.request()
    for part in (BANK, OFFICE, "Harbour Robotics Limited", "status of the accounts",
                 "to assess an application for public funding", "21 Feb 2026", "30 days"):
        assert part in consent.words
    in_chinese = await town.request(language="zh-Hant")
    for part in ("海港機械人有限公司", "帳戶狀況", "評審公共資助申請", "2026年2月21日"):
        assert part in in_chinese.words
    assert (await artefact_of(town, in_chinese)).shown.language == "zh-Hant"


async def test_a_pending_or_rejected_consent_opens_nothing(town: Town) -> None:
    consent = await town.request()
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_NOT_ACTIVE)
    await town.answer(consent, "rejected")
    rejected = await town.consent(consent.id)
    assert (rejected.status, rejected.ended_by) == ("rejected", "owner")
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_NOT_ACTIVE)


async def test_a_false_event_activates_nothing(town: Town) -> None:
    consent = await town.request()
    await town.kernel.database.run(
        lambda db: town.exchange.consents.decide(db, consent.approval_id)
    )
    assert (await town.consent(consent.id)).status == "pending"


async def test_an_event_that_comes_twice_activates_once(town: Town) -> None:
    consent = await town.active()
    await town.kernel.database.run(
        lambda db: town.exchange.consents.decide(db, consent.approval_id)
    )
    assert await town.consent(consent.id) == consent


async def test_the_revisions_form_a_chain_signed_by_the_platform(town: Town) -> None:
    consent = await town.active()
    await town.revoke(consent.id)
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    assert [each.status for each in revisions] == ["pending", "active", "revoked"]
    assert revisions[0].predecessor is None
    for before, after in itertools.pairwise(revisions):
        assert after.predecessor == before.sha256
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    for each in revisions:
        read = read_artefact(each.artefact, [platform], "lionrock-platform")
        assert isinstance(read, Artefact)
        assert (read.revision, read.predecessor) == (each.revision, each.predecessor)
    active = read_artefact(revisions[1].artefact, [platform], "lionrock-platform")
    assert isinstance(active, Artefact)
    assert active.shown.mandate is not None
    assert active.terms.purpose_dpv == "dpv:EstablishContractualAgreement"


async def test_no_identifier_of_the_owner_is_in_the_artefact(town: Town) -> None:
    one, other = await town.active(), await town.active()
    texts = [msgspec.json.encode(await artefact_of(town, each)).decode() for each in (one, other)]
    for text in texts:
        for secret in (town.company_id, town.ada.person_id, town.mandate_id, BR_NUMBER, "Ada"):
            assert secret not in text
    owners = [(await artefact_of(town, each)).owner for each in (one, other)]
    assert owners[0].to_consumer != owners[1].to_consumer, "two consents look unlike"
    told = await town.kernel.database.run(
        lambda db: town.exchange.tell_owner(db, one.id, OFFICE)
    )
    assert not isinstance(told, Refused)
    assert (told.identifier, told.identifier_kind) == ("", "")
    assert commit_owner(one.id, OFFICE, told.pseudonym) == owners[0].to_consumer


async def test_the_same_reference_returns_the_same_consent(town: Town) -> None:
    first = await town.request(reference="case-1")
    assert await town.request(reference="case-1") == first
    asked = town.asked(reference="case-1", fields=("balances",))
    refused = await town.kernel.database.run(
        lambda db: town.exchange.request_consent(db, asked)
    )
    assert_refused(refused, ExchangeRefusal.REQUEST_ID_REUSED)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"provider": "nobody"}, ExchangeRefusal.MEMBER_UNKNOWN),
        ({"consumer": "nobody"}, ExchangeRefusal.MEMBER_UNKNOWN),
        ({"provider": OFFICE}, ExchangeRefusal.PARTIES_SAME),
        ({"provider": REGISTRY}, ExchangeRefusal.PRODUCT_NOT_OFFERED),
        ({"fields": ("directors",)}, ExchangeRefusal.FIELD_UNKNOWN),
        ({"purpose": "marketing"}, ExchangeRefusal.PURPOSE_UNKNOWN),
        ({"person_ids": ("per_" + "0" * 32,)}, ExchangeRefusal.APPROVAL_REFUSED),
    ],
)
async def test_a_consent_that_cannot_be_is_not_asked_for(
    town: Town, changes: dict[str, object], refusal: ExchangeRefusal
) -> None:
    asked = town.asked(**changes)
    assert_refused(
        await town.kernel.database.run(lambda db: town.exchange.request_consent(db, asked)),
        refusal,
    )


async def test_an_unknown_company_has_no_data(town: Town) -> None:
    owner = msgspec.structs.replace(town.asked().owner, id="com_" + "0" * 32)
    asked = town.asked(owner=owner)
    assert_refused(
        await town.kernel.database.run(lambda db: town.exchange.request_consent(db, asked)),
        ExchangeRefusal.OWNER_UNKNOWN,
    )


async def test_the_timer_ends_a_consent_and_says_so(town: Town) -> None:
    consent = await town.active()
    town.advance_business(days=1)
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_EXPIRED)
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "expired"
    assert_refused(await town.revoke(consent.id), ExchangeRefusal.TRANSITION_ILLEGAL)


async def test_revoking_a_pending_consent_withdraws_what_the_phone_shows(town: Town) -> None:
    consent = await town.request()
    revoked = await town.revoke(consent.id)
    assert isinstance(revoked, Consent)
    pending = await town.kernel.database.run(
        lambda db: town.identity.approvals.pending_for(db, town.ada.person_id)
    )
    assert pending == []
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "revoked"


async def test_a_revocation_without_leases_is_acknowledged_at_once(town: Town) -> None:
    consent = await town.active()
    await town.revoke(consent.id)
    assert await town.exchange.wait_for_acknowledgement(consent.id)
    acknowledged = await town.consent(consent.id)
    assert acknowledged.acknowledged_at is not None
    assert "exchange.revocation_acknowledged" in [
        each.kind for each in await town.receipts(consent.id)
    ]


async def test_a_revocation_waits_for_the_leases_and_no_longer(town: Town) -> None:
    consent = await town.active()
    data_of(await town.exchange.fetch(consent.id))
    await town.revoke(consent.id)

    async def acknowledge() -> int | Refused:
        return await town.kernel.database.run(
            lambda db: town.exchange.lifecycle.acknowledge(db, consent.id)
        )

    assert await acknowledge() == 500
    town.advance_wire(milliseconds=499)
    assert await acknowledge() == 1
    town.advance_wire(milliseconds=1)
    assert await acknowledge() == 0
    assert await acknowledge() == 0


async def test_a_revoked_consent_opens_nothing_at_either_side(town: Town) -> None:
    consent = await town.active()
    await town.revoke(consent.id)
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_REVOKED)
    answer = await town.kernel.database.run(
        lambda db: town.exchange.lease(db, consent.id, BANK)
    )
    assert not isinstance(answer, Refused)
    assert (answer.status, answer.lease_ms) == ("revoked", 0)


async def test_an_officer_without_mandate_closes_the_consent_that_she_gave(town: Town) -> None:
    consent = await town.active()
    await town.kernel.database.run(
        lambda db: town.identity.revoke_mandate(db, town.mandate_id, town.company_id, "test")
    )
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.MANDATE_ENDED)
    answer = await town.kernel.database.run(
        lambda db: town.exchange.lease(db, consent.id, BANK)
    )
    assert not isinstance(answer, Refused)
    assert (answer.lease_ms, answer.reason) == (0, "mandate_ended")


async def test_a_mandate_that_ended_before_the_answer_makes_no_consent(town: Town) -> None:
    consent = await town.request()
    await town.answer_only(consent, "approved")
    await town.kernel.database.run(
        lambda db: town.identity.revoke_mandate(db, town.mandate_id, town.company_id, "test")
    )
    await town.worker.run_until_idle()
    ended = await town.consent(consent.id)
    assert (ended.status, ended.ended_by) == ("rejected", "mandate_ended")


async def test_an_approval_that_nobody_answers_ends_the_request(town: Town) -> None:
    consent = await town.request(approval_expires_in_s=60)
    town.advance_business(seconds=60)
    await town.identity_worker.run_until_idle()
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "expired"

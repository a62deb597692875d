"""The honest way: ask, approve, fetch, revoke; what each side keeps; what is erased."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections import Counter

import msgspec
import pytest

from lionrock.exchange.api import Consent, Delivery, ExchangeRefusal, Frequency
from lionrock.exchange.domain.consent import Artefact, commit_owner
from lionrock.exchange.gateway.artefacts import read_artefact
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import verify_jws
from tests.http.exchange.town import BANK, BR_NUMBER, OFFICE, REGISTRY, Town


def data_of(outcome: Delivery | Refused) -> Delivery:
    assert isinstance(outcome, Delivery), outcome
    return outcome


def assert_refused(outcome: object, refusal: ExchangeRefusal) -> None:
    assert isinstance(outcome, Refused), outcome
    assert outcome.refusal is refusal, outcome


async def artefact_of(town: Town, consent: Consent) -> Artefact:
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    platform = town.kernel.key_store.get_or_create("org/lionrock-platform")
    read = read_artefact(revisions[-1].artefact, [platform], "lionrock-platform")
    assert isinstance(read, Artefact)
    return read


async def test_an_approved_consent_brings_exactly_the_consented_data(town: Town) -> None:
    consent = await town.active()
    assert consent.status == "active"
    delivery = data_of(await town.exchange.fetch(consent.id))
    assert delivery.data.keys() == {"status", "transactions"}
    assert all("2025-09-01" <= row["booked_on"] < "2026-02-01"
               for row in delivery.data["transactions"])
    assert len(delivery.data["transactions"]) > 10
    assert (delivery.provider, consent.consumer) == (BANK, OFFICE)


async def test_company_particulars_come_from_the_registry(town: Town) -> None:
    consent = await town.active(
        provider=REGISTRY, product="company-particulars", data_from=None, data_until=None,
        fields=("names", "incorporated_under", "incorporated_on", "staff"),
    )
    data = data_of(await town.exchange.fetch(consent.id)).data
    assert data["names"] == {"en": "Harbour Robotics Limited", "zh_hant": "海港機械人有限公司"}
    assert data["incorporated_under"] == "Cap. 622"
    assert data["incorporated_on"] == "2019-04-08"
    assert set(data) == {"names", "incorporated_under", "incorporated_on", "staff"}


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


async def test_the_same_fetch_again_gives_the_same_delivery_and_counts_once(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    first = data_of(await town.exchange.fetch(consent.id, "case-1"))
    again = data_of(await town.exchange.fetch(consent.id, "case-1"))
    assert again == first
    assert_refused(await town.exchange.fetch(consent.id, "case-2"),
                   ExchangeRefusal.PROVIDER_REFUSED)


async def test_the_frequency_is_the_provider_s_to_enforce(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=2, per="day"), valid_for_s=172_800)
    for reference in ("a", "b"):
        data_of(await town.exchange.fetch(consent.id, reference))
    third = await town.exchange.fetch(consent.id, "c")
    assert isinstance(third, Refused)
    assert third.detail == ExchangeRefusal.FREQUENCY_EXCEEDED.value
    town.advance_business(days=1)
    data_of(await town.exchange.fetch(consent.id, "d"))


async def test_both_sides_leave_receipts_that_fit_together(town: Town) -> None:
    consent = await town.active()
    delivery = data_of(await town.exchange.fetch(consent.id))
    await town.world.worker.run_until_idle()
    receipts = {(each.issuer, each.kind): each for each in await town.receipts(consent.id)}
    received = receipts[OFFICE, "exchange.received"]
    answered = receipts[BANK, "exchange.answered"]
    assert received.digests == answered.digests
    assert received.digests["delivery"] == delivery.delivery_sha256
    assert received.references["fetch_id"] == answered.references["fetch_id"]
    assert ("lionrock-platform", "exchange.consent_pending") in receipts
    assert ("lionrock-platform", "exchange.consent_active") in receipts
    active = receipts["lionrock-platform", "exchange.consent_active"]
    assert active.digests["consent"] == received.digests["consent"]


async def test_a_receipt_that_the_platform_missed_comes_later(town: Town) -> None:
    consent = await town.active()
    data_of(await town.exchange.fetch(consent.id))
    platform = town.kernel.network.applications.pop("http://platform.test")
    await town.world.worker.run_due()
    town.kernel.network.applications["http://platform.test"] = platform
    assert Counter(each.issuer for each in await town.receipts(consent.id))[BANK] == 0
    town.advance_wire(seconds=30)
    await town.world.worker.run_until_idle()
    assert Counter(each.issuer for each in await town.receipts(consent.id))[BANK] == 1


async def test_the_provider_s_signature_over_the_data_can_be_shown_later(town: Town) -> None:
    consent = await town.active()
    delivery = data_of(await town.exchange.fetch(consent.id))
    bank = town.bank.provider.gateway.receipts.key
    verified = verify_jws(delivery.signed, bank.public_only(), typ="delivery+jwt")
    assert not isinstance(verified, Refused)
    assert verified.claims["data"] == delivery.data
    assert verified.claims["aud"] == OFFICE


async def test_the_platform_s_database_never_holds_a_delivery_in_the_clear(town: Town) -> None:
    consent = await town.active()
    delivery = data_of(await town.exchange.fetch(consent.id))
    secrets = {row["transaction_reference"] for row in delivery.data["transactions"]}
    secrets |= {row["description"] for row in delivery.data["transactions"]}

    async def dump(db: Connection) -> str:
        tables = await db.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [str(await db.fetch(f"SELECT t::text FROM {row['name']} t")) for row in tables]
        return "\n".join(rows)

    everything = await town.kernel.database.run(dump)
    assert consent.id in everything, "the dump sees the tables"
    assert not [secret for secret in secrets if secret in everything]


async def test_at_the_end_of_the_retention_the_data_cannot_be_read_any_more(town: Town) -> None:
    consent = await town.active(retention_days=5)
    data_of(await town.exchange.fetch(consent.id))
    town.advance_business(days=5)
    await town.worker.run_until_idle()
    fetches = await town.kernel.database.run(lambda db: town.exchange.uses(db, consent.id))
    assert [(each.state, each.delivery, each.session_key) for each in fetches] == [
        ("erased", None, None)
    ]
    kinds = [each.kind for each in await town.receipts(consent.id)]
    assert "exchange.erased" in kinds


async def test_an_erased_delivery_is_not_fetched_again_under_its_reference(town: Town) -> None:
    consent = await town.active(retention_days=1, valid_for_s=30 * 86_400)
    data_of(await town.exchange.fetch(consent.id))
    town.advance_business(days=1)
    await town.worker.run_until_idle()
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.DELIVERY_ERASED)


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
            lambda db: town.exchange.consents.acknowledge(db, consent.id)
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


async def test_a_provider_out_of_reach_leaves_the_fetch_to_be_taken_up_again(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    world = town.kernel.network.applications.pop("http://world.test")
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.PROVIDER_UNREACHABLE)
    town.kernel.network.applications["http://world.test"] = world
    data_of(await town.exchange.fetch(consent.id))
    uses = await town.kernel.database.run(lambda db: town.exchange.uses(db, consent.id))
    assert len(uses) == 1


async def test_a_fetch_asked_for_at_the_same_instant_twice_is_one_fetch(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    outcomes = await asyncio.gather(*(town.exchange.fetch(consent.id) for _ in range(6)))
    deliveries = [data_of(each) for each in outcomes]
    assert len({each.fetch_id for each in deliveries}) == 1
    assert len({each.delivery_sha256 for each in deliveries}) == 1
    receipts = Counter(each.kind for each in await town.receipts(consent.id))
    assert receipts["exchange.received"] == 1


async def test_history_is_the_same_whenever_it_is_asked_for(town: Town) -> None:
    first = await town.bank.record("account-data", "business_registration_number", BR_NUMBER)
    town.advance_business(days=40)
    later = await town.bank.record("account-data", "business_registration_number", BR_NUMBER)
    assert first is not None
    assert later is not None
    start = datetime.date(2025, 9, 1).isoformat()
    old = [row for row in first["transactions"] if row["booked_on"] >= start]
    assert [row for row in later["transactions"] if start <= row["booked_on"] <= "2026-02-20"] == (
        old
    )
    assert len(later["transactions"]) > len(old)

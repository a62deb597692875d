"""The honest way: ask, approve, fetch, revoke; what each side keeps; what is erased."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections import Counter
from typing import Any

from lionrock.exchange.api import ExchangeRefusal, Frequency
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import verify_jws
from tests.http.exchange.town import (
    BANK,
    BR_NUMBER,
    OFFICE,
    REGISTRY,
    Town,
    assert_refused,
    data_of,
)


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


async def test_a_provider_out_of_reach_leaves_the_fetch_to_be_taken_up_again(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    world = town.kernel.network.applications.pop("http://world.test")
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.PROVIDER_UNREACHABLE)
    town.kernel.network.applications["http://world.test"] = world
    data_of(await town.exchange.fetch(consent.id))
    uses = await town.kernel.database.run(lambda db: town.exchange.uses(db, consent.id))
    assert len(uses) == 1


async def test_an_answer_lost_on_the_way_is_given_again_and_counts_once(town: Town) -> None:
    """As after a crash between the call and the saved outcome: same id, same answer, one use."""
    consent = await town.active(frequency=Frequency(count_max=1, per="total"))
    world = town.kernel.network.applications["http://world.test"]
    answered: list[int] = []

    async def lossy(scope: Any, receive: Any, send: Any) -> None:
        async def lose(message: Any) -> None:
            answered.append(message.get("status", 0))
            raise ConnectionResetError

        if answered:
            await world(scope, receive, send)
        else:
            await world(scope, receive, lose)

    town.kernel.network.applications["http://world.test"] = lossy
    with contextlib.suppress(ConnectionResetError):
        lost = await town.exchange.fetch(consent.id)
        assert isinstance(lost, Refused), lost
    assert answered == [200]
    delivery = data_of(await town.exchange.fetch(consent.id))
    await town.world.worker.run_until_idle()
    digests = [each.digests["delivery"] for each in await town.receipts(consent.id)
               if each.kind in {"exchange.answered", "exchange.received"}]
    assert digests == [delivery.delivery_sha256] * 2


async def test_a_lost_answer_asked_for_too_late_needs_a_new_reference(town: Town) -> None:
    consent = await town.active()
    world = town.kernel.network.applications["http://world.test"]

    async def deaf(scope: Any, receive: Any, _send: Any) -> None:
        async def swallow(_message: Any) -> None:
            return None

        await world(scope, receive, swallow)

    town.kernel.network.applications["http://world.test"] = deaf
    with contextlib.suppress(AssertionError):  # the in-process transport wants a response
        await town.exchange.fetch(consent.id)
    town.kernel.network.applications["http://world.test"] = world
    town.advance_wire(seconds=601)
    for _ in range(2):
        late = await town.exchange.fetch(consent.id)
        assert_refused(late, ExchangeRefusal.PROVIDER_REFUSED)
        assert isinstance(late, Refused)
        assert late.detail == ExchangeRefusal.REQUEST_ID_REUSED.value
    uses = await town.kernel.database.run(lambda db: town.exchange.uses(db, consent.id))
    assert [use.state for use in uses] == ["refused"]
    data_of(await town.exchange.fetch(consent.id, "another"))


async def test_a_provider_s_no_of_today_is_asked_again_tomorrow(town: Town) -> None:
    consent = await town.active(valid_for_s=172_800, frequency=Frequency(count_max=1, per="day"))
    data_of(await town.exchange.fetch(consent.id, "a"))
    assert_refused(await town.exchange.fetch(consent.id, "b"), ExchangeRefusal.PROVIDER_REFUSED)
    town.advance_business(days=1)
    data_of(await town.exchange.fetch(consent.id, "b"))


async def test_the_platform_fetches_for_those_it_hosts_only(town: Town) -> None:
    consent = await town.active(consumer=REGISTRY)
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSUMER_NOT_HOSTED)


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

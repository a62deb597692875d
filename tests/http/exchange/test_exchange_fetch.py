"""The honest way: ask, approve, fetch, revoke."""

from __future__ import annotations

from tests.http.exchange.town import BANK, OFFICE, Town

from lionrock.exchange.api import Delivery


async def test_an_approved_consent_brings_exactly_the_consented_data(town: Town) -> None:
    consent = await town.active()
    assert consent.status == "active"
    delivery = await town.exchange.fetch(consent.id)
    assert isinstance(delivery, Delivery), delivery
    assert delivery.data.keys() == {"status", "transactions"}
    assert all("2025-09-01" <= row["booked_on"] < "2026-02-01"
               for row in delivery.data["transactions"])
    assert len(delivery.data["transactions"]) > 10
    assert (delivery.provider, consent.consumer) == (BANK, OFFICE)

"""Other terms for a running consent: asked by its consumer, decided by its owner."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from lionrock.exchange.api import Consent, ExchangeRefusal, Frequency
from lionrock.exchange.domain.consent import REVISIONS_CHANGED_MAX
from lionrock.kernel.errors import Refused
from tests.http.exchange.town import (
    BANK,
    OFFICE,
    REGISTRY,
    Town,
    artefact_of,
    assert_refused,
    data_of,
)
from tests.http.exchange.voices import Voice


def wanted(town: Town, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "fields": ["status", "balances", "transactions"],
        "frequency": {"count_max": 5, "per": "day"}, "retention_days": 60,
        "data_from": "2025-09-01", "data_until": "2026-02-01",
        "reference": town.kernel.ids.new("ref"),
    }  # fmt: skip
    return base | changes


async def ask(
    town: Town, consent: Consent, member: str = OFFICE, **changes: Any
) -> httpx.Response:
    body = wanted(town, **changes)
    return await Voice.of(town, member).post(f"/consents/{consent.id}/amendments", body)


async def answer(town: Town, asked: httpx.Response, decision: str = "approved") -> None:
    """Ada answers what the phone shows of an amendment."""
    assert asked.status_code == 202, asked.text
    pending = await town.kernel.database.run(
        lambda db: town.identity.approvals.pending_for(db, town.ada.person_id)
    )
    approval = next(each for each in pending if each.reference == asked.json()["id"])
    await town.answer_approval(approval.id, decision)


async def test_an_agreed_amendment_is_the_next_revision_and_opens_the_new_data(
    town: Town,
) -> None:
    consent = await town.active()
    assert "balances" not in data_of(await town.exchange.fetch(consent.id, "before")).data
    asked = await ask(town, consent)
    assert (await town.consent(consent.id)).terms == consent.terms, "not before the yes"
    await answer(town, asked)
    amended = await town.consent(consent.id)
    assert (amended.status, amended.revision) == ("active", 3)
    assert amended.terms.fields == ("status", "balances", "transactions")
    assert amended.terms.frequency == Frequency(count_max=5, per="day")
    assert (amended.terms.starts_at, amended.terms.expires_at) == (
        consent.terms.starts_at, consent.terms.expires_at)
    assert amended.words.startswith("Change what")
    assert amended.approval_id != consent.approval_id
    after = data_of(await town.exchange.fetch(consent.id, "after")).data
    assert set(after) == {"status", "balances", "transactions"}
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    for before, later in itertools.pairwise(revisions):
        assert later.predecessor == before.sha256
    artefact = await artefact_of(town, amended)
    assert artefact.terms == amended.terms
    assert artefact.shown.words_sha256 == asked.json()["words_sha256"]
    kinds = [each.kind for each in await town.receipts(consent.id)]
    assert "exchange.consent_amended" in kinds


async def test_a_rejected_amendment_changes_nothing(town: Town) -> None:
    consent = await town.active()
    await answer(town, await ask(town, consent), "rejected")
    assert await town.consent(consent.id) == consent
    data_of(await town.exchange.fetch(consent.id))
    # And another may be asked for.
    await answer(town, await ask(town, consent))
    assert (await town.consent(consent.id)).revision == 3


async def test_the_gateway_refuses_the_revision_before_an_amendment(town: Town) -> None:
    consent = await town.active()
    world = town.kernel.network.applications.pop("http://world.test")
    refused = await town.exchange.fetch(consent.id, "case-1")
    assert_refused(refused, ExchangeRefusal.PROVIDER_UNREACHABLE)
    town.kernel.network.applications["http://world.test"] = world
    await answer(town, await ask(town, consent, fields=["status"]))
    narrowed = data_of(await town.exchange.fetch(consent.id, "case-1"))
    assert set(narrowed.data) == {"status"}, "asked anew under the narrower terms"


async def test_what_was_delivered_is_not_handed_out_beyond_narrower_terms(town: Town) -> None:
    consent = await town.active()
    data_of(await town.exchange.fetch(consent.id, "case-1"))
    await answer(town, await ask(town, consent, fields=["status"]))
    assert_refused(
        await town.exchange.fetch(consent.id, "case-1"), ExchangeRefusal.FIELD_NOT_CONSENTED
    )


async def test_an_extension_moves_the_end_and_its_timer(town: Town) -> None:
    consent = await town.active()
    await answer(town, await ask(town, consent, valid_for_s=3 * 86_400))
    town.advance_business(days=1)
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "active"
    data_of(await town.exchange.fetch(consent.id))
    town.advance_business(days=2)
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "expired"


async def test_a_paused_consent_stays_paused_when_it_is_amended(town: Town) -> None:
    consent = await town.active()
    await town.kernel.database.run(lambda db: town.exchange.pause(db, consent.id))
    await answer(town, await ask(town, consent))
    assert (await town.consent(consent.id)).status == "paused"
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_PAUSED)
    await town.kernel.database.run(lambda db: town.exchange.resume(db, consent.id))
    assert "balances" in data_of(await town.exchange.fetch(consent.id)).data


async def test_a_revocation_takes_the_pending_amendment_off_the_phone(town: Town) -> None:
    consent = await town.active()
    assert (await ask(town, consent)).status_code == 202
    await town.revoke(consent.id)
    pending = await town.kernel.database.run(
        lambda db: town.identity.approvals.pending_for(db, town.ada.person_id)
    )
    assert pending == []
    await town.worker.run_until_idle()
    ended = await town.consent(consent.id)
    assert (ended.status, ended.revision) == ("revoked", 3)


async def test_a_yes_after_the_consent_s_end_brings_nothing_back(town: Town) -> None:
    consent = await town.active(valid_for_s=300)
    asked = await ask(town, consent, valid_for_s=86_400)
    town.advance_business(seconds=300)
    await answer(town, asked)
    ended = await town.consent(consent.id)
    assert ended.status == "expired"
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_EXPIRED)


async def test_an_amendment_that_nobody_answers_expires(town: Town) -> None:
    consent = await town.active()
    assert (await ask(town, consent)).status_code == 202
    town.advance_business(seconds=600)
    await town.identity_worker.run_until_idle()
    await town.worker.run_until_idle()
    assert await town.consent(consent.id) == consent
    await answer(town, await ask(town, consent))


async def test_only_the_consumer_asks_for_an_amendment(town: Town) -> None:
    consent = await town.active()
    for member in (BANK, REGISTRY):
        got = await ask(town, consent, member)
        assert (got.status_code, got.json()["code"]) == (404, "exchange.consent_unknown")


async def test_one_amendment_waits_at_a_time(town: Town) -> None:
    consent = await town.active()
    body = wanted(town)
    office = Voice.of(town, OFFICE)
    path = f"/consents/{consent.id}/amendments"
    first = await office.post(path, body)
    assert (await office.post(path, body)).json() == first.json(), "the same reference again"
    got = await office.post(path, body | {"retention_days": 61})
    assert got.json()["code"] == "exchange.request_id_reused"
    got = await ask(town, consent)
    assert (got.status_code, got.json()["code"]) == (409, "exchange.amendment_pending")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fields": ["directors"]}, "exchange.field_unknown"),
        ({"fields": ["status", "status"]}, "exchange.fields_repeated"),
        ({"retention_days": 0}, "exchange.retention_out_of_range"),
        ({"valid_for_s": 1}, "exchange.validity_out_of_range"),
        ({"data_until": "2025-09-01"}, "exchange.data_period_wrong"),
        ({"language": "fr"}, "exchange.language_unknown"),
        ({"fields": ["transactions", "status"], "retention_days": 30,
          "frequency": {"count_max": 2, "per": "day"}}, "exchange.amendment_empty"),
        ({"purpose": "credit-assessment"}, "kernel.body_malformed"),
        ({"frequency": {"count_max": 0, "per": "day"}}, "kernel.body_malformed"),
    ],
)
async def test_an_amendment_keeps_to_the_rules_of_a_consent(
    town: Town, changes: dict[str, Any], code: str
) -> None:
    consent = await town.active()
    got = await ask(town, consent, **changes)
    assert got.json()["code"] == code, got.text


@pytest.mark.parametrize("state", ["pending", "revoked", "expired"])
async def test_only_a_living_consent_can_be_amended(town: Town, state: str) -> None:
    consent = await town.request()
    if state != "pending":
        await town.answer(consent)
    if state == "revoked":
        await town.revoke(consent.id)
    if state == "expired":
        town.advance_business(days=1)
    got = await ask(town, consent)
    assert (got.status_code, got.json()["code"]) == (409, "exchange.transition_illegal")


async def test_a_consent_changed_too_often_can_still_be_ended(town: Town) -> None:
    consent = await town.active()
    run = town.kernel.database.run
    refused: Consent | Refused | None = None
    for _ in range(REVISIONS_CHANGED_MAX):
        refused = await run(lambda db: town.exchange.pause(db, consent.id))
        if isinstance(refused, Refused):
            break
        await run(lambda db: town.exchange.resume(db, consent.id))
    assert_refused(refused, ExchangeRefusal.REVISIONS_TOO_MANY)
    assert (await town.consent(consent.id)).revision == REVISIONS_CHANGED_MAX
    got = await ask(town, consent)
    assert (got.status_code, got.json()["code"]) == (409, "exchange.revisions_too_many")
    latest = await artefact_of(town, consent)
    assert (latest.revision, latest.status) == (REVISIONS_CHANGED_MAX, "active")
    data_of(await town.exchange.fetch(consent.id))
    assert isinstance(await town.revoke(consent.id), Consent)

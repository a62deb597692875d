"""A consent rests and ends from every side: pausing, resuming, members' withdrawal, officers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.exchange.api import Consent, ExchangeRefusal, Frequency
from lionrock.identity import api as identity_api
from lionrock.identity.api import MandateDraft, PersonDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jose import sign_jws
from tests.http.exchange.town import (
    BANK,
    BR_NUMBER,
    OFFICE,
    REGISTRY,
    Officer,
    Town,
    artefact_of,
    assert_refused,
    data_of,
    enrol,
)
from tests.http.exchange.voices import Voice


async def pause(town: Town, consent_id: str) -> Consent | Refused:
    return await town.kernel.database.run(lambda db: town.exchange.pause(db, consent_id))


async def resume(town: Town, consent_id: str) -> Consent | Refused:
    return await town.kernel.database.run(lambda db: town.exchange.resume(db, consent_id))


async def test_a_paused_consent_opens_nothing_at_either_side(town: Town) -> None:
    consent = await town.active()
    paused = await pause(town, consent.id)
    assert isinstance(paused, Consent)
    assert (paused.status, (await artefact_of(town, paused)).status) == ("paused", "paused")
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_PAUSED)
    answer = await town.kernel.database.run(
        lambda db: town.exchange.lease(db, consent.id, BANK)
    )
    assert not isinstance(answer, Refused)
    assert (answer.status, answer.lease_ms) == ("paused", 0)


async def test_a_resumed_consent_opens_the_same_data_again(town: Town) -> None:
    consent = await town.active()
    first = data_of(await town.exchange.fetch(consent.id, "first"))
    await pause(town, consent.id)
    assert_refused(await town.exchange.fetch(consent.id, "first"), ExchangeRefusal.CONSENT_PAUSED)
    resumed = await resume(town, consent.id)
    assert isinstance(resumed, Consent)
    assert (resumed.status, resumed.ended_by, resumed.acknowledged_at) == ("active", None, None)
    assert data_of(await town.exchange.fetch(consent.id, "first")) == first
    assert data_of(await town.exchange.fetch(consent.id, "second")).data == first.data
    kinds = [each.kind for each in await town.receipts(consent.id)]
    assert kinds.index("exchange.consent_paused") < kinds.index("exchange.consent_resumed")


async def test_a_fetch_that_a_pause_interrupted_is_taken_up_after_it(town: Town) -> None:
    consent = await town.active(frequency=Frequency(count_max=3, per="day"))
    world = town.kernel.network.applications.pop("http://world.test")
    refused = await town.exchange.fetch(consent.id, "case-1")
    assert_refused(refused, ExchangeRefusal.PROVIDER_UNREACHABLE)
    town.kernel.network.applications["http://world.test"] = world
    await pause(town, consent.id)
    await resume(town, consent.id)
    data_of(await town.exchange.fetch(consent.id, "case-1"))
    uses = await town.kernel.database.run(lambda db: town.exchange.uses(db, consent.id))
    ended = {each.state: each.refusal for each in uses}
    assert ended == {"delivered": None, "refused": "exchange.consent_superseded"}


async def test_pausing_waits_for_the_leases_as_a_revocation_does(town: Town) -> None:
    consent = await town.active()
    data_of(await town.exchange.fetch(consent.id))
    await pause(town, consent.id)

    async def acknowledge() -> int | Refused:
        return await town.kernel.database.run(
            lambda db: town.exchange.lifecycle.acknowledge(db, consent.id)
        )

    assert await acknowledge() == 500
    town.advance_wire(milliseconds=500)
    assert await acknowledge() == 0
    kinds = [each.kind for each in await town.receipts(consent.id)]
    assert "exchange.pause_acknowledged" in kinds
    assert "exchange.revocation_acknowledged" not in kinds


@pytest.mark.parametrize("state", ["pending", "rejected", "revoked", "expired"])
async def test_only_what_is_active_can_be_paused_and_only_what_is_paused_resumed(
    town: Town, state: str
) -> None:
    consent = await town.request()
    if state == "rejected":
        await town.answer(consent, "rejected")
    if state == "revoked":
        await town.revoke(consent.id)
    if state == "expired":
        await town.answer(consent)
        town.advance_business(days=1)
    assert_refused(await pause(town, consent.id), ExchangeRefusal.TRANSITION_ILLEGAL)
    assert_refused(await resume(town, consent.id), ExchangeRefusal.TRANSITION_ILLEGAL)


async def test_pausing_and_resuming_twice_is_the_same_as_once(town: Town) -> None:
    consent = await town.active()
    assert await resume(town, consent.id) == consent
    paused = await pause(town, consent.id)
    assert await pause(town, consent.id) == paused
    unknown = "cns_" + "0" * 32
    assert_refused(await pause(town, unknown), ExchangeRefusal.CONSENT_UNKNOWN)
    assert_refused(await resume(town, unknown), ExchangeRefusal.CONSENT_UNKNOWN)


async def test_a_paused_consent_ends_when_its_time_is_over(town: Town) -> None:
    consent = await town.active()
    await pause(town, consent.id)
    town.advance_business(days=1)
    assert_refused(await resume(town, consent.id), ExchangeRefusal.TRANSITION_ILLEGAL)
    await town.worker.run_until_idle()
    assert (await town.consent(consent.id)).status == "expired"


async def test_whose_mandate_ended_resumes_nothing(town: Town) -> None:
    consent = await town.active()
    await pause(town, consent.id)
    await town.kernel.database.run(
        lambda db: town.identity.revoke_mandate(db, town.mandate_id, town.company_id, "test")
    )
    assert_refused(await resume(town, consent.id), ExchangeRefusal.MANDATE_ENDED)


@pytest.mark.parametrize(("side", "member"), [("provider", BANK), ("consumer", OFFICE)])
async def test_each_member_can_withdraw_from_its_own_side(
    town: Town, side: str, member: str
) -> None:
    consent = await town.active()
    got = await Voice.of(town, member).post(f"/consents/{consent.id}/withdrawal")
    assert got.status_code == 200, got.text
    assert got.json() == {"id": consent.id, "status": "revoked", "acknowledged": True}
    ended = await town.consent(consent.id)
    assert (ended.status, ended.ended_by) == ("revoked", side)
    assert_refused(await town.exchange.fetch(consent.id), ExchangeRefusal.CONSENT_REVOKED)


async def test_who_is_no_party_withdraws_and_reads_nothing(town: Town) -> None:
    consent = await town.active()
    stranger = Voice.of(town, REGISTRY)
    for got in (await stranger.post(f"/consents/{consent.id}/withdrawal"),
                await stranger.get(f"/consents/{consent.id}/revision")):
        assert (got.status_code, got.json()["code"]) == (404, "exchange.consent_unknown")
    assert (await town.consent(consent.id)).status == "active"


async def test_a_party_reads_the_revision_that_it_needs_to_fetch(town: Town) -> None:
    consent = await town.active()
    got = await Voice.of(town, OFFICE).get(f"/consents/{consent.id}/revision")
    assert got.headers["content-type"] == "application/consent+jwt"
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    assert got.text == revisions[-1].artefact
    assert "signature" in got.headers


def asked_by_member(town: Town, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "business_registration_number": BR_NUMBER, "provider": REGISTRY,
        "product": "company-particulars", "fields": ["names"], "purpose": "account-opening",
        "valid_for_s": 86_400, "frequency": {"count_max": 1, "per": "total"},
        "retention_days": 30, "reference": town.kernel.ids.new("ref"),
    }  # fmt: skip
    return base | changes


async def test_a_member_asks_a_company_and_its_officer_decides(town: Town) -> None:
    bank, body = Voice.of(town, BANK), asked_by_member(town)
    got = await bank.post("/consents", body)
    assert got.status_code == 202, got.text
    asked = got.json()
    assert (asked["status"], asked["quorum"], asked["officers"]) == ("pending", 1, 1)
    assert (await bank.post("/consents", body)).json() == asked, "the same reference is the same"
    await town.answer(await town.consent(asked["id"]))
    consent = await town.consent(asked["id"])
    assert (consent.status, consent.consumer) == ("active", BANK)
    artefact = await artefact_of(town, consent)
    assert (artefact.terms.jurisdiction, artefact.terms.deletion) == ("HK", "erase-and-confirm")
    assert "Used in Hong Kong only" in consent.words


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"business_registration_number": "70000009"}, "exchange.owner_unknown"),
        ({"jurisdiction": "CN-GD"}, "exchange.jurisdiction_not_allowed"),
        ({"jurisdiction": "elsewhere"}, "exchange.jurisdiction_unknown"),
        ({"provider": BANK}, "exchange.parties_same"),
        ({"purpose": "curiosity"}, "exchange.purpose_unknown"),
        ({"retention_days": 0}, "exchange.retention_out_of_range"),
        ({"reference": "with spaces"}, "kernel.body_malformed"),
        ({"consumer": OFFICE}, "kernel.body_malformed"),
    ],
)
async def test_what_a_member_may_not_ask_is_refused_for_its_reason(
    town: Town, changes: dict[str, Any], code: str
) -> None:
    got = await Voice.of(town, BANK).post("/consents", asked_by_member(town, **changes))
    assert got.json()["code"] == code, got.text


@pytest.mark.parametrize(
    "changes",
    [{"retention_days": 31}, {"frequency": {"count_max": 2, "per": "total"}},
     {"data_from": "2025-01-01"}, {"purpose": "credit-assessment"}],
)
async def test_a_reference_used_for_other_terms_is_refused(
    town: Town, changes: dict[str, Any]
) -> None:
    body = asked_by_member(town)
    bank = Voice.of(town, BANK)
    assert (await bank.post("/consents", body)).status_code == 202
    got = await bank.post("/consents", body | changes)
    assert got.json()["code"] == "exchange.request_id_reused"


async def test_a_company_without_officers_cannot_be_asked(town: Town) -> None:
    await town.kernel.database.run(
        lambda db: town.identity.revoke_mandate(db, town.mandate_id, town.company_id, "test")
    )
    got = await Voice.of(town, BANK).post("/consents", asked_by_member(town))
    assert (got.status_code, got.json()["code"]) == (409, "exchange.officers_too_few")


class Board:
    """Three officers of whom two must sign together; Ada's sole mandate is over."""

    def __init__(self, town: Town, officers: list[Officer], mandate_ids: list[str]) -> None:
        self.town, self.officers, self.mandate_ids = town, officers, mandate_ids

    @classmethod
    async def seat(cls, town: Town) -> Board:
        """Appoint two more officers and make all three joint."""

        async def use_case(db: Connection) -> tuple[list[Officer], list[str]]:
            ended = await town.identity.revoke_mandate(
                db, town.mandate_id, town.company_id, "test"
            )
            assert not isinstance(ended, Refused), ended
            officers, mandates = [town.ada], []
            for number, digits in enumerate(("683365", "683366"), 2):
                officer = await enrol(town.kernel, town.identity, db, PersonDraft(
                    names=Text(f"Officer {number}", "職員", "职员"),
                    identity_number="Z" + digits + identity_api.identity_check_digit("Z", digits),
                    phone=f"+8525123000{number}", email=f"o{number}@example.test",
                    handle=f"officer{number}",
                ))  # fmt: skip
                assert not isinstance(officer, Refused), officer
                officers.append(officer)
            for officer in officers:
                mandate = await town.identity.grant_mandate(db, MandateDraft(
                    person_id=officer.person_id, company_id=town.company_id,
                    role="responsible_person", scopes=frozenset({"exchange"}),
                    valid_from=town.kernel.business_clock.now(), signatures_needed=2,
                ), "test")  # fmt: skip
                assert not isinstance(mandate, Refused), mandate
                mandates.append(mandate.id)
            return officers, mandates

        return cls(town, *await town.kernel.database.run(use_case))

    async def answer(self, number: int, consent: Consent, decision: str = "approved") -> None:
        """One officer answers; the worker carries it over."""
        town, officer = self.town, self.officers[number]

        async def use_case(db: Connection) -> Any:
            approval = await town.identity.approval(db, consent.approval_id)
            assert not isinstance(approval, Refused)
            claims = {
                "approval_id": approval.id, "words_hash": approval.words_hash,
                "decision": decision, "iat": town.kernel.wire_clock.now_s(),
            }  # fmt: skip
            jws = sign_jws(officer.key, claims, typ=identity_api.ANSWER_TYPE)
            return await town.identity.approvals.answer(db, officer.device, approval.id, jws)

        answered = await town.kernel.database.run(use_case)
        assert not isinstance(answered, Refused), answered
        await town.worker.run_until_idle()

    async def end(self, number: int) -> None:
        """One officer's mandate ends."""
        await self.town.kernel.database.run(lambda db: self.town.identity.revoke_mandate(
            db, self.mandate_ids[number], self.town.company_id, "test"
        ))  # fmt: skip

    async def asked(self) -> Consent:
        """A member asks the company."""
        got = await Voice.of(self.town, BANK).post("/consents", asked_by_member(self.town))
        assert got.status_code == 202, got.text
        assert (got.json()["quorum"], got.json()["officers"]) == (2, 3)
        return await self.town.consent(got.json()["id"])


async def test_a_joint_company_s_consent_needs_its_quorum(town: Town) -> None:
    board = await Board.seat(town)
    consent = await board.asked()
    await board.answer(0, consent)
    assert (await town.consent(consent.id)).status == "pending"
    await board.answer(2, consent)
    active = await town.consent(consent.id)
    assert active.status == "active"
    assert set(active.approved_by) == {board.officers[0].person_id, board.officers[2].person_id}
    shown = (await artefact_of(town, active)).shown
    assert (shown.quorum, shown.officers) == (2, 3)


async def test_an_officer_who_never_agreed_does_not_carry_the_consent(town: Town) -> None:
    """Three were asked, two agreed; when one of the two goes, the third does not stand in."""
    board = await Board.seat(town)
    consent = await board.asked()
    await board.answer(0, consent)
    await board.answer(1, consent)

    async def lease() -> tuple[int, str]:
        answer = await town.kernel.database.run(
            lambda db: town.exchange.lease(db, consent.id, REGISTRY)
        )
        assert not isinstance(answer, Refused)
        return answer.lease_ms, answer.reason

    assert await lease() == (400, "")
    await board.end(2)
    assert await lease() == (400, ""), "who did not agree is not missed"
    await board.end(1)
    assert await lease() == (0, "mandate_ended")


async def test_of_two_members_who_withdraw_at_once_one_is_told_as_the_cause(town: Town) -> None:
    consent = await town.active()
    got = await asyncio.gather(*(
        Voice.of(town, member).post(f"/consents/{consent.id}/withdrawal")
        for member in (BANK, OFFICE)
    ))
    assert [each.status_code for each in got] == [200, 200]
    ended = await town.consent(consent.id)
    assert ended.ended_by in ("provider", "consumer")
    revisions = await town.kernel.database.run(
        lambda db: town.exchange.revisions(db, consent.id)
    )
    assert [each.status for each in revisions] == ["pending", "active", "revoked"]


async def test_the_artefact_says_what_was_agreed_word_for_word(town: Town) -> None:
    consent = await town.active()
    artefact = await artefact_of(town, consent)
    assert artefact.terms == consent.terms
    plain = msgspec.to_builtins(artefact)
    assert set(plain["terms"]) == {
        "product", "product_version", "fields", "data_classes", "purpose", "purpose_dpv",
        "legal_basis", "legal_basis_dpv", "starts_at", "expires_at", "frequency",
        "retention_days", "data_from", "data_until", "jurisdiction", "deletion",
    }  # fmt: skip
    assert artefact.shown.words_sha256 == consent.shown.words_sha256
    assert (artefact.shown.quorum, artefact.shown.officers) == (1, 1)

"""A bank joins over HTTP: application, review by two, settings, tests without money, live."""

from __future__ import annotations

import msgspec
import pytest

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.payments.api import TEST_CASES, CandidateState, OnboardingRefusal
from lionrock.payments.store import members
from tests.unit.payments.city import HARBOUR, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.joining import ANN, BEN, CYN, PEAK, PEAK_CODE, Joining


@pytest.fixture
def joining(city: PaymentsCity) -> Joining:
    return Joining(city)


async def money_rows(city: PaymentsCity) -> tuple[int, ...]:
    """How many rows live money has made, and what the banks can spend."""
    tables = ("payments", "messages", "fundings")

    async def count(db: Connection) -> list[int]:
        return [await db.fetchval(f"SELECT count(*) FROM payments.{name}") for name in tables]

    counts = await city.kernel.database.read(count)
    banks = [await city.available(await city.settlement_id(bank)) for bank in (HARBOUR, LANTAU)]
    return (*counts, *banks)


async def test_a_simulated_bank_comes_on_over_http_and_is_paid(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.go_live()
    assert set(held.limits.payment.items()) == {("HKD", 50_000_00)}
    participant = await city.kernel.database.read(
        lambda db: city.payments.participant(db, PEAK)
    )
    assert participant is not None and participant.account("HKD") is not None
    assert await city.available(await city.settlement_id(PEAK)) == 0, "prefunding is to come"
    await joining.bank.books.open_account("1-1", "Peak Customer", opening={"HKD": 0})
    reply = await city.world.context.network.send(
        "POST", f"http://world.test/{LANTAU}/operator/transfers",
        {"content-type": "application/json"}, msgspec.json.encode({
            "account": TEA_ACCOUNT, "amount": "12.00", "currency": "HKD",
            "end_to_end_id": "WELCOME-1", "creditor_clearing_code": PEAK_CODE,
            "creditor_account": "1-1", "creditor_name": "Peak Customer",
        }))  # fmt: skip
    assert reply.status == 202
    await joining.settle()
    assert await city.available(await city.settlement_id(PEAK)) == 12_00


async def test_bundles_are_sent_to_who_asked_for_them(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.go_live()
    bundling = await city.kernel.database.read(
        lambda db: members.load_participants(db, [PEAK])
    )
    assert [each.takes_bundles for each in bundling] == [True], "as its application said"


async def test_an_application_that_says_nothing_of_bundles_takes_none(joining: Joining) -> None:
    status, said = await joining.said("", joining.application())
    assert (status, said["takes_bundles"]) == (201, False)
    status, said = await joining.said(f"/{said['id']}", joining.application(takes_bundles=True),
                                      method="PUT")
    assert (status, said["takes_bundles"]) == (200, True)


async def test_tests_move_no_money_and_leave_no_payment(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.open()
    before = await money_rows(city)
    results = await joining.test()
    assert results.keys() == TEST_CASES.keys()
    assert {state for state, _ in results.values()} == {"passed"}, results
    assert await money_rows(city) == before
    assert await city.available(await city.settlement_id(PEAK)) == 0
    assert await joining.bank.books.accounts() == [], "the bank's live books are untouched"


async def test_evidence_holds_what_was_sent_and_received(joining: Joining) -> None:
    held = await joining.open()
    await joining.test("closed_account_refused")
    [run] = (await joining.view()).runs
    status, shown = await joining.said(f"/{held.id}/runs/{run.id}", method="GET")
    assert status == 200 and shown["run"]["state"] == "passed"
    sent, answer = shown["exchanges"]
    assert (sent["direction"], sent["status"], sent["definition"]) == (
        "out", 202, "pacs.008.001.08"
    )
    assert "TEST-CLOSED" in sent["body"] and "LRTEST" in sent["body"]
    assert sent["url"].endswith("/payments/v1/test/messages") and "signature" in sent["headers"]
    assert answer["said"] == "RJCT AC04" and "AC04" in answer["body"]
    assert shown["expected"]["en"] == "pacs.002 RJCT with AC04"


async def test_a_failed_test_says_what_came_and_can_be_run_again(joining: Joining) -> None:
    await joining.open()
    books = joining.bank._desks[-1]._test.books  # type: ignore[attr-defined]  # the joining desk
    await books.open_account("TEST-CLOSED", "Opened by mistake", opening={"HKD": 0})
    results = await joining.test("closed_account_refused")
    state, came = results["closed_account_refused"]
    assert state == "failed" and came.startswith("ACCC after ")
    await books.open_account("TEST-CLOSED", "Closed", opening={"HKD": 0}, status="closed")
    assert (await joining.test("closed_account_refused"))["closed_account_refused"][0] == "passed"
    assert [run.state for run in (await joining.view()).runs] == ["passed", "failed"]


async def test_silence_ends_a_test_at_the_time_limit(joining: Joining) -> None:
    await joining.open()
    status, _ = await joining.said(
        f"/{(await joining.candidate()).id}/runs",
        {"cases": ["transfer_sent"]},
    )
    assert status == 202
    await joining.pass_seconds(119, step=60)
    assert (await joining.results())["transfer_sent"][0] == "running"
    await joining.pass_seconds(2)
    assert (await joining.results())["transfer_sent"] == ("failed", "no transfer in 120 s")


async def test_an_end_point_that_does_not_answer_fails_with_its_reason(joining: Joining) -> None:
    await joining.open()
    del joining.city.kernel.network.applications["http://peak.test"]
    status, _ = await joining.said(
        f"/{(await joining.candidate()).id}/runs", {"cases": ["credit_accepted"]}
    )
    assert status == 202
    await joining.settle()
    state, came = (await joining.results())["credit_accepted"]
    assert state == "failed" and came == "name_unknown"


async def test_go_live_needs_the_last_run_of_every_test(joining: Joining) -> None:
    await joining.open()
    status, said = await joining.desk("/go-live")
    assert (status, said["code"]) == (409, "payments.candidate_tests_missing")
    await joining.test()
    held = await joining.candidate()
    await joining.said(f"/{held.id}/runs", {"cases": ["transfer_sent"]})
    status, said = await joining.desk("/go-live")
    assert status == 409 and said["detail"] == "transfer_sent", "under way is not passed"


async def test_two_operators_and_not_one_decide_each_step(joining: Joining) -> None:
    await joining.apply()
    assert (await joining.say(ANN)).state is CandidateState.ASKED
    again = await joining.say(ANN)
    assert isinstance(again, Refused) and again.refusal is OnboardingRefusal.REVIEWED
    assert (await joining.say(BEN)).state is CandidateState.AGREED
    held = await joining.candidate()
    await joining.run(lambda db: joining.rooms.applications.propose_settings(
        db, held.id, ANN, version=held.version, limits={}, reasons="none"
    ))
    again = await joining.say(ANN)
    assert isinstance(again, Refused) and again.refusal is OnboardingRefusal.REVIEWED
    assert (await joining.say(CYN)).state is CandidateState.OPENING


async def test_until_it_is_live_nobody_can_pay_to_a_candidate(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.open()
    organisation = await city.kernel.database.read(lambda db: city.directory.get(db, PEAK))
    assert organisation is not None and not organisation.is_active
    exchange = await city.call(PEAK, "/payments/v1/messages", b"<x/>", key=joining.bank.key)
    assert exchange.reply.status == 403
    assert b"organisation_suspended" in exchange.reply.body


async def test_a_return_says_why_and_the_mended_application_is_reviewed_anew(
    joining: Joining,
) -> None:
    candidate_id = (await joining.apply())["id"]
    await joining.say(ANN)
    await joining.say(BEN, "return", "The contact is missing.")
    status, shown = await joining.said(f"/{candidate_id}", method="GET")
    assert (status, shown["state"]) == (200, "returned")
    assert shown["words"][-1]["reasons"] == "The contact is missing."
    assert "per_" not in msgspec.json.encode(shown).decode(), "who said it stays inside"
    status, shown = await joining.said(
        f"/{candidate_id}", joining.application(currencies=["HKD", "CNY"]), method="PUT"
    )
    assert (status, shown["state"], shown["version"]) == (200, "asked", 3)
    assert (await joining.say(ANN)).state is CandidateState.ASKED, "Ann's first word counts no more"
    assert (await joining.say(BEN)).state is CandidateState.AGREED


async def test_a_rejected_or_withdrawn_application_is_over(joining: Joining) -> None:
    candidate_id = (await joining.apply())["id"]
    assert (await joining.say(ANN, "reject", "No licence.")).state is CandidateState.REJECTED
    _, shown = await joining.said(f"/{candidate_id}", method="GET")
    assert (shown["state"], shown["words"][-1]["reasons"]) == ("rejected", "No licence.")
    status, said = await joining.said(
        f"/{candidate_id}", joining.application(), method="PUT"
    )
    assert (status, said["code"]) == (409, "payments.candidate_state")
    second = await joining.apply()
    assert second["id"] != candidate_id
    status, shown = await joining.desk("/withdrawal")
    assert (status, shown["state"]) == (200, "withdrawn")


async def test_suspension_bites_at_once_and_two_let_it_return(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.go_live()
    suspended = await joining.run(
        lambda db: joining.rooms.applications.suspend(db, held.id, CYN, "Fraud seen.")
    )
    assert suspended.state is CandidateState.SUSPENDED
    exchange = await city.call(PEAK, "/payments/v1/messages", b"<x/>", key=joining.bank.key)
    assert b"organisation_suspended" in exchange.reply.body
    asked = await joining.run(lambda db: joining.rooms.applications.ask_return(
        db, held.id, ANN, version=suspended.version, reasons="Mended."
    ))
    assert asked.state is CandidateState.RETURN_ASKED
    assert isinstance(await joining.say(ANN), Refused)
    assert (await joining.say(BEN)).state is CandidateState.LIVE


async def test_a_key_is_rotated_with_overlap_and_tests_become_stale(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.go_live()
    old, new = joining.bank.key, generate_key()
    changes = joining.rooms.changes

    async def agree(operator: str) -> object:
        [change, *_] = (await joining.view()).changes
        return await joining.run(lambda db: changes.say(
            db, held.id, change.id, operator, decision="agree", reasons="checked"
        ))

    status, _ = await joining.said(f"/{held.id}/keys", {"jwk": new.public_jwk})
    assert status == 202
    await agree(ANN)
    assert (await joining.said(f"/{held.id}", method="GET", key=new))[0] == 403, "one is not two"
    twice = await agree(ANN)
    assert isinstance(twice, Refused) and twice.refusal is OnboardingRefusal.REVIEWED
    await agree(BEN)
    for key in (old, new):
        assert (await joining.said(f"/{held.id}", method="GET", key=key))[0] == 200, "overlap"
    assert not any(each.is_current for each in (await joining.view()).standings)
    retirement = f"/{held.id}/key-retirements"
    status, said = await joining.said(retirement, {"kid": old.kid}, key=old)
    assert (status, said["code"]) == (409, "payments.candidate_key_signs")
    assert (await joining.said(retirement, {"kid": old.kid}, key=new))[0] == 202
    await agree(ANN)
    await agree(CYN)
    assert (await joining.said(f"/{held.id}", method="GET", key=old))[0] == 403
    assert (await joining.said(f"/{held.id}", method="GET", key=new))[0] == 200


async def test_an_opening_that_is_refused_goes_back_with_the_reason(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.apply()
    await joining.both_agree()
    held = await joining.candidate()
    await joining.run(lambda db: joining.rooms.applications.propose_settings(
        db, held.id, ANN, version=held.version, limits={}, reasons="none"
    ))
    await joining.both_agree(BEN)
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.participants SET clearing_code = $1 WHERE organisation_id = $2",
        PEAK_CODE, LANTAU,
    ))
    await joining.settle()
    held = await joining.candidate()
    assert held.state is CandidateState.AGREED
    assert held.words[-1].reasons.startswith("payments.participant_taken")


async def test_the_same_application_again_is_the_same_one(joining: Joining) -> None:
    first, second = await joining.apply(), await joining.apply()
    assert first["id"] == second["id"]
    status, said = await joining.said("", joining.application(currencies=["CNY"]))
    assert (status, said["code"]) == (409, "payments.candidate_organisation_taken")

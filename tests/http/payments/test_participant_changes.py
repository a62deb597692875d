"""What is in force for a participant changes only as it should: end points tried, limits by two."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.kernel.errors import Refused
from lionrock.payments.api import Candidate, CandidateState, OnboardingRefusal, sweep
from lionrock.payments.onboarding.service.testing import PROBE_VALID
from lionrock.payments.onboarding.store.runs import RUNS_KEPT_S
from tests.unit.payments.city import PaymentsCity
from tests.unit.payments.joining import ANN, BEN, PEAK, PEAK_HOME, Joining

MOVED_WORLD = "http://moved.test"
MOVED = f"{MOVED_WORLD}/{PEAK}"
UNTESTED = OnboardingRefusal.ENDPOINT_UNTESTED


@pytest.fixture
def joining(city: PaymentsCity) -> Joining:
    return Joining(city)


async def ask_move(joining: Joining, held: Candidate, endpoint: str = MOVED) -> tuple[int, Any]:
    """Ask for another end point, and let it be tried."""
    said = await joining.said(f"/{held.id}/endpoint", {"endpoint": endpoint})
    await joining.pass_seconds(2)
    return said


async def in_force(joining: Joining) -> str:
    """The end point in force."""
    return str((await joining.view()).organisation.endpoints["payments"])


async def tried(joining: Joining, held: Candidate) -> dict[str, Any]:
    """The last try of the newest change, as the candidate sees it."""
    _, shown = await joining.said(f"/{held.id}", method="GET")
    test: dict[str, Any] = shown["changes"][0]["test"]
    return test


async def test_another_end_point_of_a_live_participant_is_tried_first_and_then_agreed_by_two(
    joining: Joining,
) -> None:
    held = await joining.go_live()
    joining.answer_at(MOVED_WORLD)
    status, shown = await ask_move(joining, held)
    assert status == 202 and shown["changes"][0]["state"] == "asked"
    assert shown["changes"][0]["test"]["state"] == "running"
    assert (await tried(joining, held))["state"] == "passed"
    assert await in_force(joining) == PEAK_HOME, "nobody has agreed"
    assert (await joining.change(ANN)).state == "asked"
    assert await in_force(joining) == PEAK_HOME, "one is not two"
    assert (await joining.change(BEN)).state == "done"
    assert await in_force(joining) == MOVED
    assert (await joining.candidate()).state is CandidateState.LIVE
    assert not any(each.is_current for each in (await joining.view()).standings)


async def test_the_test_of_an_end_point_is_signed_and_kept_as_evidence(joining: Joining) -> None:
    held = await joining.open()
    joining.answer_at(MOVED_WORLD)
    await ask_move(joining, held)
    run_id = (await tried(joining, held))["id"]
    status, shown = await joining.said(f"/{held.id}/runs/{run_id}", method="GET")
    assert status == 200 and shown["run"]["case"] == "end_point_answers"
    sent, answer, forged = shown["exchanges"]
    assert sent["url"] == f"{MOVED}/payments/v1/test/messages" and "signature" in sent["headers"]
    assert (answer["direction"], answer["said"]) == ("in", "ACCC")
    assert (forged["url"], forged["status"]) == (sent["url"], 401)


async def test_an_end_point_that_does_not_answer_is_not_agreed_to_until_it_does(
    joining: Joining,
) -> None:
    held = await joining.go_live()
    assert (await ask_move(joining, held))[0] == 202
    assert (await tried(joining, held))["came"] == "name_unknown"
    for operator in (ANN, BEN):
        refused = await joining.change(operator)
        assert isinstance(refused, Refused) and refused.refusal is UNTESTED
        assert refused.detail == "The last try failed: name_unknown."
    assert await in_force(joining) == PEAK_HOME
    joining.answer_at(MOVED_WORLD)
    status, shown = await ask_move(joining, held)
    assert status == 202 and len(shown["changes"]) == 1, "the same change, tried again"
    await joining.change(ANN)
    await joining.change(BEN)
    assert await in_force(joining) == MOVED


async def test_an_end_point_under_test_is_not_agreed_to_and_not_tried_twice_at_once(
    joining: Joining,
) -> None:
    held = await joining.open()
    endpoint = {"endpoint": joining.answer_at(MOVED_WORLD)}
    assert (await joining.said(f"/{held.id}/endpoint", endpoint))[0] == 202
    refused = await joining.change(ANN)
    assert isinstance(refused, Refused) and refused.detail == "The last try is under way."
    status, said = await joining.said(f"/{held.id}/endpoint", endpoint)
    assert (status, said["code"]) == (409, "payments.test_under_way")
    status, said = await joining.said(f"/{held.id}/endpoint", {"endpoint": f"{MOVED_WORLD}/x"})
    assert (status, said["code"]) == (409, "payments.candidate_change_pending")


async def test_a_test_of_an_end_point_is_good_for_a_day(joining: Joining) -> None:
    held = await joining.open()
    joining.answer_at(MOVED_WORLD)
    await ask_move(joining, held)
    joining.city.clock.advance(seconds=PROBE_VALID.total_seconds() + 1)
    refused = await joining.change(ANN)
    assert isinstance(refused, Refused) and refused.refusal is UNTESTED
    assert "more than a day old" in refused.detail
    await ask_move(joining, held)
    assert (await joining.change(ANN)).state == "asked"


async def test_a_return_of_an_untested_end_point_needs_no_test(joining: Joining) -> None:
    held = await joining.open()
    await ask_move(joining, held)
    assert (await joining.change(ANN, "return")).state == "refused"
    assert await in_force(joining) == PEAK_HOME


@pytest.mark.parametrize("endpoint", [
    "http://platform.test/x", "http://0.0.0.0/x", "http://[ff02::1]/x", "ftp://moved.test/x",
    "http://moved.test/x?y=1",
])
async def test_an_end_point_that_may_not_be_called_is_never_tried(
    joining: Joining, endpoint: str
) -> None:
    held = await joining.open()
    status, said = await joining.said(f"/{held.id}/endpoint", {"endpoint": endpoint})
    assert (status, said["field"]) == (422, "endpoint"), said
    assert (await joining.view()).changes == [] and (await joining.view()).runs == []


async def propose(joining: Joining, operator: str, **limits: dict[str, str]) -> Any:
    """Limits proposed by an operator."""
    held = await joining.candidate()
    wanted: dict[str, dict[str, str]] = {"limits": {}, "daily_limits": {}} | limits
    return await joining.run(lambda db: joining.rooms.changes.propose_limits(
        db, held.id, operator, reasons="reviewed", **wanted
    ))


async def test_limits_of_a_live_participant_change_by_two_operators_and_are_shown(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.open({"HKD": "50000.00"})
    asked = {"limits": {"HKD": "100.00"}, "daily_limits": {"HKD": "1000.00"}}
    proposed = await propose(joining, ANN, **asked)
    assert not isinstance(proposed, Refused) and proposed.state == "asked"
    again = await joining.change(ANN)
    assert isinstance(again, Refused) and again.refusal is OnboardingRefusal.REVIEWED

    async def enforced() -> tuple[int | None, int | None]:
        found = await city.kernel.database.read(lambda db: city.payments.participant(db, PEAK))
        assert found is not None
        account = found.accounts["HKD"]
        return account.payment_minor_max, account.daily_minor_max

    assert await enforced() == (50_000_00, None), "one is not two"
    assert (await joining.change(BEN)).state == "done"
    assert await enforced() == (100_00, 1_000_00)
    _, shown = await joining.said(f"/{held.id}", method="GET")
    assert {name: shown[name] for name in asked} == asked and shown["sent_today"] == {}
    assert shown["changes"][0]["content"] == asked
    await propose(joining, BEN)
    assert (await joining.change(ANN)).state == "done"
    assert await enforced() == (None, None), "left out: none"


async def test_limits_of_a_day_are_set_with_the_settings(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.apply()
    await joining.both_agree()
    held = await joining.candidate()
    await joining.run(lambda db: joining.rooms.applications.propose_settings(
        db, held.id, ANN, version=held.version, limits={}, daily_limits={"HKD": "9.00"},
        reasons="as asked",
    ))
    await joining.both_agree(BEN)
    await joining.settle()
    found = await city.kernel.database.read(lambda db: city.payments.participant(db, PEAK))
    assert found is not None and found.accounts["HKD"].daily_minor_max == 9_00


async def test_limits_that_are_wrong_or_out_of_turn_are_refused(joining: Joining) -> None:
    await joining.apply()
    early = await propose(joining, ANN, limits={"HKD": "1.00"})
    assert isinstance(early, Refused) and early.refusal is OnboardingRefusal.STATE
    await joining.both_agree()
    held = await joining.candidate()
    await joining.run(lambda db: joining.rooms.applications.propose_settings(
        db, held.id, ANN, version=held.version, limits={}, reasons="none",
    ))
    await joining.both_agree(BEN)
    await joining.settle()
    for wrong in ({"limits": {"CNY": "1.00"}}, {"daily_limits": {"HKD": "0.00"}}):
        refused = await propose(joining, ANN, **wrong)
        assert isinstance(refused, Refused) and refused.refusal is OnboardingRefusal.LIMITS
        assert refused.field == next(iter(wrong))
    own = await propose(joining, PEAK, limits={"HKD": "1.00"})
    assert isinstance(own, Refused) and own.refusal is OnboardingRefusal.OWN
    assert not isinstance(await propose(joining, ANN), Refused)
    waits = await propose(joining, BEN)
    assert isinstance(waits, Refused) and waits.refusal is OnboardingRefusal.CHANGE_PENDING


async def runs_left(joining: Joining) -> list[str]:
    """What runs are on record after a sweep, by what became of them."""
    await sweep(joining.city.kernel)
    rows = await joining.city.kernel.database.read(lambda db: db.fetch(
        "SELECT state, (SELECT count(*) FROM payments.test_exchanges WHERE run_id = id) AS sent"
        " FROM payments.test_runs ORDER BY started_at"
    ))
    assert all(row["sent"] for row in rows)
    return [row["state"] for row in rows]


async def test_a_run_is_deleted_with_its_evidence_long_after_a_newer_one_and_the_last_is_kept(
    joining: Joining,
) -> None:
    held = await joining.open()
    for _ in range(2):
        await joining.test("credit_accepted")
    [last, first] = (await joining.view()).runs
    # It counted until the second began; 4 s have passed since.
    joining.city.clock.advance(seconds=RUNS_KEPT_S - 4)
    assert await runs_left(joining) == ["passed", "passed"]
    joining.city.clock.advance(seconds=1)
    assert await runs_left(joining) == ["passed"]
    status, said = await joining.said(f"/{held.id}/runs/{first.id}", method="GET")
    assert (status, said["code"]) == (404, "payments.test_run_unknown")
    joining.city.clock.advance(seconds=RUNS_KEPT_S * 4)
    assert await runs_left(joining) == ["passed"], "what counts has no end"
    assert (await joining.said(f"/{held.id}/runs/{last.id}", method="GET"))[0] == 200
    assert (await joining.results()).keys() == {"credit_accepted"}
    left = await joining.city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(DISTINCT run_id) FROM payments.test_exchanges")
    )
    assert left == 1


async def test_runs_of_an_application_that_has_ended_are_deleted_long_after_its_end(
    joining: Joining,
) -> None:
    held = await joining.open()
    await joining.test("credit_accepted")
    assert (await joining.said(f"/{held.id}/withdrawal"))[0] == 200
    joining.city.clock.advance(seconds=RUNS_KEPT_S)
    assert await runs_left(joining) == ["passed"]
    joining.city.clock.advance(seconds=1)
    assert await runs_left(joining) == []

"""Claims on proxies: portability and ownership, their parties, proofs and deadlines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.payments.test_addressing import (
    NUMBER,
    PROXIES,
    Answer,
    account,
    ask,
    look_up,
    register,
)
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity

CLAIMS = f"{PROXIES}/claims"
OWNER, OTHER = "HKID:A1234563", "HKID:B1111111"


async def claim(city: PaymentsCity, way: str, /, **changes: Any) -> Answer:
    """The other bank claims the number for an account of its own."""
    wanted = account(account_number="512-7", account_name="Chan Tai Man", owner=OWNER) | changes
    return await ask(city, LANTAU, CLAIMS, {"claim": way, **wanted})


async def act(city: PaymentsCity, bank: str, claim_id: str, action: str, **more: Any) -> Answer:
    """A party acts on a claim."""
    return await ask(city, bank, f"{CLAIMS}/{claim_id}/actions", {"action": action, **more})


async def state(city: PaymentsCity, claim_id: str) -> tuple[str, str]:
    """How a claim stands, and why."""
    shown = (await ask(city, HARBOUR, f"{CLAIMS}/{claim_id}", method="GET")).body
    return shown["state"], shown["reason"]


async def test_a_number_moves_to_another_bank_with_its_owner(city: PaymentsCity) -> None:
    await register(city, HARBOUR, owner=OWNER)
    opened = await claim(city, "portability")
    assert (opened.status, opened.body["state"], opened.body["donor"]) == (201, "open", HARBOUR)
    claim_id = opened.body["id"]
    for action, bank in (
        ("acknowledge", HARBOUR), ("confirm", HARBOUR), ("complete", LANTAU)
    ):  # fmt: skip
        assert (await look_up(city)).body["clearing_code"] == "307"
        assert (await act(city, bank, claim_id, action)).status == 200
    assert (await look_up(city)).body["clearing_code"] == "512"
    assert await state(city, claim_id) == ("completed", "")
    listed = await ask(city, LANTAU, CLAIMS, method="GET")
    assert [each["id"] for each in listed.body["claims"]] == [claim_id]
    after = await ask(city, LANTAU, f"{CLAIMS}?after={claim_id}", method="GET")
    assert after.body == {"claims": []}


async def test_both_parties_read_what_happened_and_only_the_claimer_sees_its_account(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, owner=OWNER)
    claim_id = (await claim(city, "portability")).body["id"]
    await act(city, HARBOUR, claim_id, "confirm")
    await act(city, LANTAU, claim_id, "complete")
    donor = await ask(city, HARBOUR, f"{PROXIES}/notices", method="GET")
    claimer = await ask(city, LANTAU, f"{PROXIES}/notices", method="GET")
    assert [n["topic"] for n in donor.body["notices"]] == [
        "claim_open", "claim_confirmed", "claim_completed",
    ]
    assert [n["topic"] for n in claimer.body["notices"]] == ["claim_confirmed", "claim_completed"]
    for bank, number in ((HARBOUR, ""), (LANTAU, "512-7")):
        shown = (await ask(city, bank, f"{CLAIMS}/{claim_id}", method="GET")).body
        assert shown["account_number"] == number


async def test_a_new_owner_proves_possession_and_gets_the_number(city: PaymentsCity) -> None:
    await register(city, HARBOUR, owner=OTHER)
    claim_id = (await claim(city, "ownership")).body["id"]
    await act(city, HARBOUR, claim_id, "confirm")
    unproved = await act(city, LANTAU, claim_id, "complete")
    assert (unproved.status, unproved.body["code"]) == (400, "payments.claim_proof_missing")
    proved = await act(city, LANTAU, claim_id, "complete", possession_verified=True)
    assert proved.body["state"] == "completed"
    assert (await look_up(city)).body["clearing_code"] == "512"


async def test_a_holder_keeps_a_number_by_proving_possession(city: PaymentsCity) -> None:
    await register(city, HARBOUR, owner=OTHER)
    claim_id = (await claim(city, "ownership")).body["id"]
    reason = {"reason": "holder_keeps_possession"}
    unproved = await act(city, HARBOUR, claim_id, "cancel", **reason)
    assert unproved.body["code"] == "payments.claim_proof_missing"
    kept = await act(city, HARBOUR, claim_id, "cancel", possession_verified=True, **reason)
    assert kept.body["state"] == "cancelled"
    assert (await look_up(city)).body["clearing_code"] == "307"
    late = await act(city, LANTAU, claim_id, "complete", possession_verified=True)
    assert late.body["code"] == "payments.claim_state_wrong"


@pytest.mark.parametrize(
    ("kind", "owner", "outcome"),
    [
        ("portability", OWNER, ("cancelled", "no_answer")),
        ("ownership", OTHER, ("confirmed", "no_answer")),
    ],
)
async def test_a_donor_that_never_answers_lets_the_deadline_decide(
    city: PaymentsCity, kind: str, owner: str, outcome: tuple[str, str]
) -> None:
    await register(city, HARBOUR, owner=owner)
    claim_id = (await claim(city, kind)).body["id"]
    await wait_days(city, 6.9)
    assert await state(city, claim_id) == ("open", "")
    await wait_days(city, 0.2)
    assert await state(city, claim_id) == outcome
    await wait_days(city, 7)
    assert (await state(city, claim_id))[0] == "cancelled"
    assert (await look_up(city)).body["clearing_code"] == "307"


async def wait_days(city: PaymentsCity, days: float) -> None:
    """Let both clocks go on, and the jobs that are due run."""
    city.clock.advance(days=days)
    city.kernel.business_clock.advance(days=days)  # type: ignore[attr-defined] # a frozen one
    await city.settle()
    city.clock.advance(seconds=2)
    await city.settle()


async def test_a_party_that_comes_after_the_deadline_is_told_so_before_the_job_runs(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, owner=OWNER)
    claim_id = (await claim(city, "portability")).body["id"]
    city.kernel.business_clock.advance(days=7)  # type: ignore[attr-defined] # a frozen one
    late = await act(city, HARBOUR, claim_id, "confirm")
    assert (late.status, late.body["code"]) == (409, "payments.claim_state_wrong")


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("portability", {"value": "51990009"}, "claim_needless"),
        ("portability", {"owner": OTHER}, "claim_kind_wrong"),
        ("ownership", {"owner": OWNER}, "claim_kind_wrong"),
        ("ownership", {"kind": "hkid", "value": "A1234563"}, "claim_kind_wrong"),
        ("portability", {"kind": "fps_id", "value": "1234567"}, "proxy_not_portable"),
        ("portability", {"value": "1"}, "proxy_malformed"),
        ("portability", {"account_number": ""}, "proxy_malformed"),
    ],
)
async def test_a_claim_that_cannot_be_is_refused(
    city: PaymentsCity, kind: str, changes: dict[str, str], code: str
) -> None:
    await register(city, HARBOUR, owner=OWNER)
    refused = await claim(city, kind, **changes)
    assert refused.body["code"] == f"payments.{code}"


async def test_ones_own_proxy_is_not_claimed_and_two_donors_are_claimed_one_by_one(
    city: PaymentsCity,
) -> None:
    await register(city, LANTAU, account_number="512-1")
    assert (await claim(city, "portability")).body["code"] == "payments.claim_needless"
    await register(city, HARBOUR)
    mine = account(account_number="307-000002", currencies=["HKD", "CNY"], value="51990003")
    await register(city, HARBOUR, value="51990003")
    both = await ask(city, LANTAU, CLAIMS, {"claim": "portability", **mine})
    assert both.status == 201


async def test_only_one_claim_on_a_proxy_is_pending_and_nobody_else_gets_it_meanwhile(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR, owner=OWNER)
    first = await claim(city, "portability")
    again = await claim(city, "portability")
    assert (again.status, again.body["code"]) == (409, "payments.claim_pending")
    taken = await register(city, LANTAU)
    assert (taken.status, taken.body["code"]) == (409, "payments.proxy_claimed")
    # The holder's own account may still change.
    assert (await register(city, HARBOUR, account_number="307-9")).status == 201
    gone = await act(city, LANTAU, first.body["id"], "cancel", reason="claimer_withdrew")
    assert gone.body["state"] == "cancelled"
    assert (await register(city, LANTAU)).status == 201


async def test_a_donor_that_withdraws_the_proxy_confirms_the_claim(city: PaymentsCity) -> None:
    await register(city, HARBOUR, owner=OWNER)
    claim_id = (await claim(city, "portability")).body["id"]
    await ask(city, HARBOUR, f"{PROXIES}/removals", NUMBER)
    assert await state(city, claim_id) == ("confirmed", "proxy_withdrawn")
    assert (await look_up(city)).status == 404
    assert (await act(city, LANTAU, claim_id, "complete")).status == 200
    assert (await look_up(city)).body["clearing_code"] == "512"


@pytest.mark.parametrize(
    ("bank", "action", "more", "code"),
    [
        (LANTAU, "acknowledge", {}, "claim_not_yours"), (LANTAU, "confirm", {}, "claim_not_yours"),
        (HARBOUR, "complete", {}, "claim_not_yours"),
        (LANTAU, "complete", {}, "claim_state_wrong"),
        (HARBOUR, "cancel", {"reason": "because"}, "claim_proof_missing"),
        (HARBOUR, "cancel", {"reason": "claimer_withdrew"}, "claim_proof_missing"),
        (LANTAU, "cancel", {"reason": "holder_refused"}, "claim_proof_missing"),
    ],
)
async def test_each_party_does_only_its_part(
    city: PaymentsCity, bank: str, action: str, more: dict[str, Any], code: str
) -> None:
    await register(city, HARBOUR, owner=OWNER)
    claim_id = (await claim(city, "portability")).body["id"]
    refused = await act(city, bank, claim_id, action, **more)
    assert refused.body["code"] == f"payments.{code}"


async def test_a_claim_is_not_found_by_others(city: PaymentsCity) -> None:
    absent = f"clm_{'0' * 32}"
    assert (await ask(city, HARBOUR, f"{CLAIMS}/{absent}", method="GET")).status == 404
    assert (await act(city, HARBOUR, absent, "confirm")).status == 404
    long = await ask(city, HARBOUR, f"{CLAIMS}?after={'x' * 65}", method="GET")
    assert long.status == 404

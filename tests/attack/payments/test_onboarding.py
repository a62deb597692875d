"""Whoever abuses onboarding: strangers, other candidates, replays, the wrong lane, one operator."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments.api import (
    TEST_ACCOUNT,
    TEST_MEMBER,
    CreditTransfer,
    Envelope,
    Header,
    OnboardingRefusal,
    PartyAccount,
    write_envelope,
)
from lionrock.payments.domain.payments import settlement_date_of, uetr_of
from lionrock.payments.onboarding.domain import cases
from tests.unit.payments.city import HARBOUR, PLATFORM, PaymentsCity
from tests.unit.payments.joining import ANN, API, BEN, PEAK, PEAK_CODE, PEAK_HOME, Joining

RIVAL = "bank-rival"
MESSAGES = "/payments/v1/messages"


@pytest.fixture
def joining(city: PaymentsCity) -> Joining:
    return Joining(city)


def transfer(city: PaymentsCity, *, to: str, end_to_end_id: str = "transfer-sent") -> bytes:
    """A transfer of the candidate's to the test lane or to the live switch."""
    now, name = city.kernel.business_clock.now(), city.kernel.ids.new("wpy")
    document = CreditTransfer(
        settlement_date=settlement_date_of(now), end_to_end_id=end_to_end_id,
        transaction_id=name[4:], uetr=uetr_of(name), amount=Money(1_00, "HKD"),
        debtor=PartyAccount(name="Peak", account="TEST-OPEN", member=PEAK_CODE),
        creditor=PartyAccount(name="Test", account=TEST_ACCOUNT, member=TEST_MEMBER),
    )
    header = Header(from_member=PEAK_CODE, to_member=to, message_id=name[4:], created_at=now)
    return write_envelope(Envelope(header, document))


async def rival(joining: Joining) -> tuple[str, Any]:
    """Another candidate: its application's id and its key."""
    key = generate_key()
    status, said = await joining.said("", joining.application(
        organisation_id=RIVAL, clearing_code="904", keys=[key.public_jwk],
    ), sender=RIVAL, key=key)  # fmt: skip
    assert status == 201, said
    return said["id"], key


async def post(
    city: PaymentsCity, path: str, headers: dict[str, str], body: bytes
) -> Reply:
    """The same bytes again, as they were."""
    return await city.world.context.network.send("POST", PLATFORM + path, headers, body)


async def test_an_application_is_signed_by_a_key_that_stands_in_it(joining: Joining) -> None:
    stranger = generate_key()
    status, said = await joining.said("", joining.application(), key=stranger)
    assert (status, said["code"]) == (403, "signature.key_unknown"), said
    status, _ = await joining.said(
        "", joining.application(organisation_id=RIVAL, keys=[stranger.public_jwk])
    )
    assert status == 403, "signed as another organisation"
    unsigned = await post(
        joining.city, API, {"content-type": "application/json"},
        msgspec.json.encode(joining.application()),
    )
    assert unsigned.status == 401 or unsigned.status == 400


async def test_a_replayed_call_is_refused(joining: Joining) -> None:
    body = joining.application()
    exchange = await joining.call("", body)
    assert exchange.reply.status == 201
    again = await post(joining.city, API, exchange.request_headers, msgspec.json.encode(body))
    assert again.status == 403 and b"replayed" in again.body


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"clearing_code": "LRS"}, 422, "payments.candidate_malformed"),
        ({"clearing_code": "307"}, 409, "payments.candidate_code_taken"),
        ({"organisation_id": HARBOUR}, 403, "signature.key_unknown"),
        ({"endpoint": "http://169.254.169.254/latest"}, 422,
         "payments.candidate_endpoint_refused"),
        ({"endpoint": PLATFORM}, 422, "payments.candidate_endpoint_refused"),
        ({"endpoint": "http://0.0.0.0/x"}, 422, "payments.candidate_endpoint_refused"),
        ({"kind": "charity"}, 400, "kernel.body_malformed"),
        ({"admin": True}, 400, "kernel.body_malformed"),
        ({"limits": {"HKD": 5}}, 400, "kernel.body_malformed"),
        ({"names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "x" * 70_000)}, 413,
         "kernel.body_too_large"),
    ],
)  # fmt: skip
async def test_what_is_malformed_taken_or_too_large_is_refused(
    joining: Joining, changes: dict[str, Any], status: int, code: str
) -> None:
    came, said = await joining.said("", joining.application(**changes))
    assert (came, said["code"]) == (status, code)


async def test_keys_of_others_are_refused_and_private_ones_too(joining: Joining) -> None:
    harbour = joining.city.world.context.key_store.get_or_create(HARBOUR)
    own = joining.bank.key.public_jwk
    for keys, code in (
        ([own, harbour.public_jwk], "payments.candidate_key_known"),
        ([own, {**generate_key().public_jwk, "d": "AAAA"}], "payments.candidate_key_private"),
        ([own, generate_key("Ed25519").public_jwk], "payments.candidate_key_not_es256"),
    ):
        _, said = await joining.said("", joining.application(keys=keys))
        assert said["code"] == code
    await joining.apply()
    key = generate_key()
    status, said = await joining.said("", joining.application(
        organisation_id=RIVAL, clearing_code="904", keys=[key.public_jwk, own],
    ), sender=RIVAL, key=key)  # fmt: skip
    assert (status, said["code"]) == (409, "payments.candidate_key_known")


async def test_anothers_application_and_runs_are_not_found(joining: Joining) -> None:
    held = await joining.open()
    await joining.said(f"/{held.id}/runs", {"cases": ["transfer_sent"]})
    [run] = (await joining.view()).runs
    _, key = await rival(joining)
    for method, path, body in (
        ("GET", "", None), ("GET", f"/runs/{run.id}", None), ("PUT", "", joining.application()),
        ("POST", "/withdrawal", None), ("POST", "/go-live", None), ("POST", "/runs", {}),
        ("POST", "/keys", {"jwk": key.public_jwk}), ("POST", "/key-retirements", {"kid": "x"}),
        ("POST", "/endpoint", {"endpoint": "https://rival.example"}),
    ):
        status, said = await joining.said(
            f"/{held.id}{path}", body, method=method, sender=RIVAL, key=key
        )
        assert (status, said["code"]) == (404, "payments.candidate_unknown"), path
    exchange = await joining.city.call(
        RIVAL, f"{API}/{held.id}/messages", transfer(joining.city, to=TEST_MEMBER), key=key
    )
    assert exchange.reply.status == 404
    assert (await joining.results())["transfer_sent"][0] == "running"


async def test_a_run_of_another_is_not_found_under_ones_own_application(joining: Joining) -> None:
    held = await joining.open()
    await joining.said(f"/{held.id}/runs", {"cases": ["transfer_sent"]})
    [run] = (await joining.view()).runs
    rival_id, key = await rival(joining)
    status, said = await joining.said(
        f"/{rival_id}/runs/{run.id}", method="GET", sender=RIVAL, key=key
    )
    assert (status, said["code"]) == (404, "payments.test_run_unknown")


async def test_deeds_out_of_turn_are_refused(joining: Joining) -> None:
    candidate_id = (await joining.apply())["id"]
    for path, body in (
        ("/go-live", None), ("/runs", {}), ("/keys", {"jwk": generate_key().public_jwk}),
        ("/endpoint", {"endpoint": "https://a.example"}),
    ):
        status, said = await joining.said(f"/{candidate_id}{path}", body)
        assert (status, said["code"]) == (409, "payments.candidate_state"), path
    early = await joining.run(lambda db: joining.rooms.applications.suspend(
        db, candidate_id, ANN, "Early."
    ))
    assert isinstance(early, Refused) and early.refusal is OnboardingRefusal.STATE
    held = await joining.open()
    status, said = await joining.said(f"/{held.id}", joining.application(), method="PUT")
    assert (status, said["code"]) == (409, "payments.candidate_state")


async def test_an_operators_word_counts_for_the_version_seen(joining: Joining) -> None:
    held_id = (await joining.apply())["id"]
    await joining.said(f"/{held_id}", joining.application(currencies=["CNY"]), method="PUT")
    stale = await joining.run(lambda db: joining.rooms.applications.say(
        db, held_id, ANN, version=1, decision="agree", reasons="Seen before."
    ))
    assert isinstance(stale, Refused) and stale.refusal is OnboardingRefusal.STALE


async def test_test_messages_are_refused_at_the_live_door_and_live_ones_in_the_lane(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.go_live()
    lane = f"{API}/{held.id}/messages"
    live = await city.call(PEAK, MESSAGES, transfer(city, to=TEST_MEMBER), key=joining.bank.key)
    assert live.reply.status == 400 and b"payments." in live.reply.body
    wrong = await city.call(PEAK, lane, transfer(city, to="LRSWITCH"), key=joining.bank.key)
    assert wrong.reply.status == 400 and b"payments." in wrong.reply.body
    body = transfer(city, to=TEST_MEMBER)
    unasked = await city.call(PEAK, lane, body, key=joining.bank.key)
    assert unasked.reply.status == 409 and b"test_message_unasked" in unasked.reply.body
    moved = await post(city, MESSAGES, unasked.request_headers, body)
    assert moved.status in (401, 403), "the signature covers the address"


async def test_the_bank_takes_nothing_of_the_lane_at_its_live_door(joining: Joining) -> None:
    await joining.open()
    await joining.test("credit_accepted")
    [run] = (await joining.view()).runs
    exchanges = (await joining.run(
        lambda db: joining.rooms.testing.run(db, run.candidate_id, run.id)
    ))[1]
    sent = exchanges[0]
    reply = await joining.city.kernel.network.send(
        "POST", PEAK_HOME + MESSAGES, sent.headers, sent.body
    )
    assert reply.status == 401, "the signature covers the address"
    assert await joining.bank.books.accounts() == []


async def test_a_run_takes_a_bounded_number_of_messages(
    city: PaymentsCity, joining: Joining
) -> None:
    held = await joining.open()
    await joining.said(f"/{held.id}/runs", {"cases": ["status_enquiry"]})
    statuses = []
    for _ in range(cases.EXCHANGES_MAX + 1):
        reply = (await city.call(
            PEAK, f"{API}/{held.id}/messages",
            transfer(city, to=TEST_MEMBER, end_to_end_id="status-enquiry"),
            key=joining.bank.key,
        )).reply
        statuses.append(reply.status)
    assert statuses == [202] * cases.EXCHANGES_MAX + [429]


async def test_runs_are_one_at_a_time_and_of_known_tests(joining: Joining) -> None:
    held = await joining.open()
    assert (await joining.said(f"/{held.id}/runs", {"cases": ["transfer_sent"]}))[0] == 202
    status, said = await joining.said(f"/{held.id}/runs", {"cases": ["transfer_sent"]})
    assert (status, said["code"]) == (409, "payments.test_under_way")
    status, said = await joining.said(f"/{held.id}/runs", {"cases": ["drop_tables"]})
    assert (status, said["code"]) == (422, "payments.test_case_unknown")


async def test_one_operator_under_two_deeds_is_still_one(joining: Joining) -> None:
    held = await joining.go_live()
    await joining.said(f"/{held.id}/keys", {"jwk": generate_key().public_jwk})
    [change] = (await joining.view()).changes

    async def say(operator: str) -> Any:
        return await joining.run(lambda db: joining.rooms.changes.say(
            db, held.id, change.id, operator, decision="agree", reasons="Checked."
        ))

    await say(BEN)
    again = await say(BEN)
    assert isinstance(again, Refused) and again.refusal is OnboardingRefusal.REVIEWED
    status, said = await joining.said(
        f"/{held.id}/keys", {"jwk": generate_key().public_jwk}
    )
    assert (status, said["code"]) == (409, "payments.candidate_change_pending")


async def test_contacts_and_test_messages_cannot_be_read_in_the_database(
    city: PaymentsCity, joining: Joining
) -> None:
    await joining.open()
    await joining.test("credit_accepted")
    for table in ("candidates", "test_exchanges"):
        query = f"SELECT * FROM payments.{table}"
        rows = await joining.run(lambda db: db.fetch(query))  # noqa: B023 - run at once
        text = "\n".join(str(dict(row)) for row in rows)
        assert rows and "desk@" not in text and "TEST-OPEN" not in text and "Envelope" not in text


@pytest.mark.parametrize("status", [202, 302, 401])
async def test_an_address_of_somebody_elses_passes_no_test_of_a_new_end_point(
    joining: Joining, status: int
) -> None:
    """Whoever has no key of the participant's can take messages, but not answer them."""
    held = await joining.open()
    asked: list[str] = []

    async def anybody(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        headers = [(b"location", b"http://peak.test/bank-peak/payments/v1/test/messages")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    joining.city.kernel.network.applications["http://anybody.test"] = anybody
    said, _ = await joining.said(f"/{held.id}/endpoint", {"endpoint": "http://anybody.test/bank"})
    assert said == 202
    await joining.pass_seconds(22)
    refused = await joining.change(ANN)
    assert isinstance(refused, Refused)
    assert refused.refusal is OnboardingRefusal.ENDPOINT_UNTESTED
    assert asked == ["/bank/payments/v1/test/messages"], "asked once, and nobody else"
    came = {202: "taken, then nothing in 20000 ms"}.get(status, f"HTTP {status}")
    assert came in refused.detail

"""Who sends messages is believed from one to the next, and found out in the round that takes them.

What an operator has decided (suspension, keys, limits) holds for the next message all the same.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from lionrock.directory.api import Status
from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key
from lionrock.payments.api import (
    BUNDLE_TYPE,
    BUNDLES_PATH,
    MESSAGES_PATH,
    CreditTransfer,
    Envelope,
    uetr_of,
    write_bundle,
    write_envelope,
)
from lionrock.payments.service import intake, roster
from lionrock.payments.service.intake import FALLEN, PACE_MS, Answered, Delivery, Intake
from lionrock.payments.service.plain import PlainMessages
from lionrock.payments.service.roster import ROSTER_AGE_MS_MAX, load_roster
from lionrock.payments.store.objections import Objections, find_objections
from tests.http.payments.test_ledger_first import send_bundle, transfer_message
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity

SUSPENDED, KEY_UNKNOWN = "directory.organisation_suspended", "signature.key_unknown"
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch) -> list[Answered]:
    """How each delivery was answered by the round that it came in."""
    found: list[Answered] = []
    take = Intake.take

    async def noted(self: Intake, delivery: Delivery) -> Answered:
        answered = await take(self, delivery)
        found.append(answered)
        return answered

    monkeypatch.setattr(Intake, "take", noted)
    return found


async def send(
    city: PaymentsCity, name: str, minor: int = 1_00, key: Key | None = None, sender: str = LANTAU
) -> int | str:
    """A transfer of a bank; the code that it is refused with, else the status."""
    envelope = transfer_message(city, name, uetr_of(f"pay_{name}"), minor)
    if sender == HARBOUR:
        transfer = envelope.document
        assert isinstance(transfer, CreditTransfer)
        envelope = Envelope(
            replace(envelope.header, from_member="307"),
            replace(
                transfer, debtor=replace(transfer.creditor), creditor=replace(transfer.debtor)
            ),
        )
    exchange = await city.call(sender, MESSAGES_PATH, write_envelope(envelope), key=key)
    code = exchange.reply.body.decode().partition("<RjctgPtyRsn>")[2].partition("<")[0]
    return code or exchange.reply.status


async def put_status(city: PaymentsCity, status: Status, who: str = LANTAU) -> None:
    """Suspend or reinstate a bank."""
    told = await city.kernel.database.run(
        lambda db: city.directory.set_status(db, who, status, operator="iris")
    )
    assert not isinstance(told, Refused), told


async def change_key(city: PaymentsCity, **change: Any) -> None:
    """A key is added or retired, by two operators."""

    async def use_case(db: Any) -> None:
        asked = await city.directory.request_key_change(
            db, organisation_id=LANTAU, operator="iris", **change
        )
        assert not isinstance(asked, Refused), asked
        done = await city.directory.approve_key_change(db, asked.id, operator="otto")
        assert not isinstance(done, Refused), done

    await city.kernel.database.run(use_case)


async def counted(city: PaymentsCity) -> tuple[int, int]:
    """Messages that came, and payments."""
    row = await city.kernel.database.run(lambda db: db.fetchrow(
        "SELECT (SELECT count(*) FROM payments.messages WHERE direction = 'in'),"
        " (SELECT count(*) FROM payments.payments)"))
    return row[0], row[1]


async def test_a_bank_is_read_once_and_then_believed(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = city.payments.addressing.callers.load

    async def noted(organisation_id: str) -> Any:
        read.append(organisation_id)
        return await load(organisation_id)

    monkeypatch.setattr(city.payments.addressing.callers, "load", noted)
    assert [await send(city, name) for name in ("a", "b", "c")] == [202] * 3
    assert read == [LANTAU]


async def test_a_suspended_bank_is_refused_at_its_next_message_and_heard_when_reinstated(
    city: PaymentsCity, deliveries: list[Answered]
) -> None:
    assert await send(city, "a") == 202
    await put_status(city, Status.SUSPENDED)
    before = await counted(city)
    assert await send(city, "b") == SUSPENDED
    assert deliveries[-1] == "fallen", "it was believed, and the round found out"
    assert await send(city, "b") == SUSPENDED
    assert len(deliveries) == 2, "it is not believed any more"
    assert await counted(city) == before
    await put_status(city, Status.ACTIVE)
    assert await send(city, "b") == 202


async def test_a_retired_key_is_refused_at_once_and_a_new_one_taken_at_once(
    city: PaymentsCity, deliveries: list[Answered]
) -> None:
    assert await send(city, "a") == 202
    old, new = city.world.context.key_store.get_or_create(LANTAU), generate_key()
    await change_key(city, kind="add", jwk=new.public_jwk)
    assert await send(city, "b", key=new) == 202, "what is remembered refuses nobody"
    await change_key(city, kind="retire", kid=old.kid)
    before = await counted(city)
    assert await send(city, "c", key=old) == KEY_UNKNOWN
    assert deliveries[-1] == "fallen"
    assert await counted(city) == before
    assert await send(city, "c", key=new) == 202


async def test_whoever_shares_a_round_with_a_fallen_bank_is_taken(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [await send(city, "a"), await send(city, "h", sender=HARBOUR)] == [202, 202]
    rounds: list[int] = []
    look = PlainMessages.look

    async def noted(self: PlainMessages, brought: Any, signers: Any, nonces: Any) -> Any:
        rounds.append(len(signers))
        return await look(self, brought, signers, nonces)

    monkeypatch.setattr(PlainMessages, "look", noted)
    await put_status(city, Status.SUSPENDED)
    before = await city.available(await city.settlement_id(LANTAU))
    await asyncio.sleep(2 * PACE_MS / 1000)
    # The one that the pace does not hold back is alone; those behind it share a round.
    told = await asyncio.gather(
        send(city, "i", sender=HARBOUR), send(city, "b"), send(city, "j", sender=HARBOUR),
        send(city, "c"),
    )
    assert list(told) == [202, SUSPENDED, 202, SUSPENDED]
    assert 2 in rounds, "they came in one round"
    assert await city.available(await city.settlement_id(LANTAU)) == before, "nothing was held"


async def test_a_fallen_bank_is_refused_where_each_is_taken_alone(
    city: PaymentsCity, deliveries: list[Answered], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = [transfer_message(city, n, uetr_of(n), 1_00) for n in "cd"]

    async def fail(*_args: object, **_more: object) -> None:
        raise ValueError("together they fail")

    for is_bundle in (False, True):
        assert await send(city, f"a{is_bundle}") == 202
        await put_status(city, Status.SUSPENDED)
        before = await counted(city)
        with monkeypatch.context() as broken:
            broken.setattr(PlainMessages, "look", fail)
            if is_bundle:
                body = write_bundle([write_envelope(each) for each in bundle])
                told = await city.call(LANTAU, BUNDLES_PATH, body, media_type=BUNDLE_TYPE)
                assert told.reply.status == 403
            else:
                assert await send(city, "b") == SUSPENDED
        assert deliveries[-1] == "fallen", "it was believed, and found out alone"
        assert await counted(city) == before
        await put_status(city, Status.ACTIVE)
    assert await send_bundle(city, LANTAU, bundle) == [202, 202]


async def test_a_fault_while_one_is_looked_at_alone_is_its_own(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [await send(city, "a"), await send(city, "h", sender=HARBOUR)] == [202, 202]

    async def fail(*_args: object, **_more: object) -> None:
        raise ValueError("together they fail")

    async def find(db: Connection, role: str, **asked: Any) -> Objections:
        if any(signer == LANTAU for signer, _ in asked["signers"]):
            raise asyncpg.QueryCanceledError("statement timeout")
        return await find_objections(db, role, **asked)

    monkeypatch.setattr(PlainMessages, "look", fail)
    monkeypatch.setattr(intake, "find_objections", find)
    told = await asyncio.gather(
        send(city, "i", sender=HARBOUR), send(city, "b"), send(city, "j", sender=HARBOUR)
    )
    assert (told[0], told[2]) == (202, 202)
    assert told[1] == 500, "it is not known: it comes again"


async def test_a_bank_that_is_no_participant_any_more_is_refused(
    city: PaymentsCity, deliveries: list[Answered]
) -> None:
    assert await send(city, "a") == 202
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE directory.organisations SET roles = '{}' WHERE id = $1", LANTAU))
    assert await send(city, "b") == "payments.not_a_participant"
    assert deliveries[-1] == "fallen"


async def test_a_caller_read_anew_meanwhile_is_not_forgotten(city: PaymentsCity) -> None:
    callers = city.payments.addressing.callers
    old = await callers.load(LANTAU)
    callers.remember(LANTAU, old)
    new = await callers.load(LANTAU)
    callers.remember(LANTAU, new)
    callers.forget(LANTAU, old)
    assert callers.believed(LANTAU) is new
    callers.forget(LANTAU, new)
    assert callers.believed(LANTAU) is None


async def test_limits_of_a_believed_bank_are_those_of_now(city: PaymentsCity) -> None:
    assert await send(city, "a", 5_00) == 202
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.settlement_accounts SET payment_minor_max = 100"
        " WHERE organisation_id = $1", LANTAU))
    assert await send(city, "b", 5_00) == 202, "it is taken, and rejected"
    states = await city.kernel.database.run(lambda db: db.fetch(
        "SELECT end_to_end_id, outcome, reason_code FROM payments.payments ORDER BY 1"))
    assert [tuple(row) for row in states][1:] == [("b", "reject", "AM02")]


async def test_a_forged_signature_does_not_make_a_believed_bank_be_forgotten(
    city: PaymentsCity
) -> None:
    assert await send(city, "a") == 202
    assert await send(city, "b", key=generate_key()) == KEY_UNKNOWN
    assert city.payments.addressing.callers.believed(LANTAU) is not None


async def test_a_bank_that_falls_twice_while_it_sends_is_refused(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await send(city, "a") == 202

    async def fallen(*_args: object) -> Answered:
        return FALLEN

    monkeypatch.setattr(Intake, "take", fallen)
    assert await send(city, "b") == KEY_UNKNOWN


async def test_each_objection_is_found_and_named(city: PaymentsCity) -> None:
    assert await send(city, "a") == 202
    key = city.world.context.key_store.get_or_create(LANTAU)
    at = city.kernel.wire_clock.now() + timedelta(minutes=1)
    new, used = (replay.value_of("test", text, at) for text in ("new", "used"))
    await city.kernel.database.run(lambda db: replay.remember_all(db, [[used]]))
    found = await city.kernel.database.run(lambda db: find_objections(
        db, "participant", signers=[(LANTAU, key.kid), (LANTAU, "zz")], nonces=[new, used],
        messages=[(HARBOUR, "a"), (LANTAU, "a")], transactions=[(HARBOUR, "a"), (LANTAU, "a")],
        uetrs=[uetr_of("pay_a"), uetr_of("pay_b")],
    ))
    names = frozenset({(LANTAU, "a")})
    assert found == Objections(
        fallen=frozenset({(LANTAU, "zz")}), nonces=frozenset({used.key}), messages=names,
        transactions=names, uetrs=frozenset({uetr_of("pay_a")}),
    )


async def test_a_roster_holds_for_a_moment_and_for_those_in_it(
    city: PaymentsCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = await city.kernel.database.run(
        lambda db: load_roster(db, city.directory, [LANTAU], ["307"])
    )
    assert read.participants.keys() == {LANTAU, HARBOUR}
    for age_ms, is_young in ((ROSTER_AGE_MS_MAX - 1, True), (ROSTER_AGE_MS_MAX, False)):
        monkeypatch.setattr(roster, "monotonic_ms", lambda at=read.read_ms + age_ms: at)
        assert read.holds_for([LANTAU, HARBOUR]) is is_young
        assert not read.holds_for([LANTAU, "somebody"])

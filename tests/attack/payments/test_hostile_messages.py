"""Participants and strangers who send what they may not: each is answered with admi.002."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.directory.api import Status
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.payments import api
from lionrock.payments.api import (
    Envelope,
    MessageReject,
    PartyAccount,
    StatusReport,
    StatusRequest,
    write_envelope,
)
from tests.attack.payments.hostile import UETR, header, reject_in, transfer, waiting_payment
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, PLATFORM, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas


async def test_a_report_from_another_bank_settles_nothing(city: PaymentsCity) -> None:
    payment, report = await waiting_payment(city)
    exchange = await city.post_message(LANTAU, Envelope(header(city, "512"), report))
    assert exchange.reply.status == 404
    assert reject_in(exchange.reply).reason == "payments.transaction_unknown"
    await city.settle()
    assert (await city.load(payment.id)).state == "sent"


async def test_another_banks_payment_and_none_at_all_look_the_same(city: PaymentsCity) -> None:
    payment, report = await waiting_payment(city)
    absent = msgspec.structs.replace(report, uetr=UETR)
    answers = [
        reject_in((await city.post_message(LANTAU, Envelope(header(city), each))).reply)
        for each in (report, absent)
    ]
    assert answers[0].reason == answers[1].reason
    assert answers[0].description == answers[1].description
    assert payment.id


async def test_a_bank_that_names_another_as_sender_is_refused(city: PaymentsCity) -> None:
    _, report = await waiting_payment(city)
    exchange = await city.post_message(LANTAU, Envelope(header(city, "307"), report))
    assert exchange.reply.status == 403
    assert reject_in(exchange.reply).reason == "payments.sender_differs"


async def test_a_message_for_another_receiver_is_refused(city: PaymentsCity) -> None:
    _, report = await waiting_payment(city)
    wrong = header(city, "307", to_member="512")
    exchange = await city.post_message(HARBOUR, Envelope(wrong, report))
    assert reject_in(exchange.reply).reason == "payments.receiver_differs"


async def test_a_suspended_bank_is_refused(city: PaymentsCity) -> None:
    _, report = await waiting_payment(city)
    await city.kernel.database.run(
        lambda db: city.directory.set_status(db, HARBOUR, Status.SUSPENDED, operator="iris")
    )
    exchange = await city.post_message(HARBOUR, Envelope(header(city, "307"), report))
    assert exchange.reply.status == 403
    assert reject_in(exchange.reply).reason == "directory.organisation_suspended"


async def test_a_member_that_is_no_participant_is_refused(city: PaymentsCity) -> None:
    from lionrock.directory.api import Organisation

    key = generate_key()
    await city.kernel.database.run(lambda db: city.directory.register(db, Organisation(
        id="department", names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "d"),
        roles=frozenset({"provider"}), endpoints={}, keys=(key.public_jwk,),
    )))
    raw = write_envelope(Envelope(header(city), transfer(city)))
    exchange = await city.call("department", api.MESSAGES_PATH, raw, key=key)
    assert exchange.reply.status == 403
    assert reject_in(exchange.reply).reason == "payments.not_a_participant"


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"", 400, "payments.not_well_formed"),
        (b"<a/>", 400, "payments.not_valid"),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", 400,
         "payments.doctype_forbidden"),
        (b"<a>" + b" " * (32 * 1024) + b"</a>", 413, "payments.message_too_large"),
        ("<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16"), 400,
         "payments.encoding_wrong"),
    ],
    ids=["empty", "shape", "doctype", "size", "encoding"],
)
async def test_a_signed_message_that_cannot_be_read_is_answered_kept_and_does_nothing(
    city: PaymentsCity, raw: bytes, status: int, reason: str, shared: Any
) -> None:
    exchange = await city.call(
        LANTAU, api.MESSAGES_PATH, raw
    ) if raw else await _empty(city)
    assert exchange.reply.status == status
    if raw:
        assert reject_in(exchange.reply).reason == reason
        assert OfficialSchemas(shared).problems(exchange.reply.body, "admi.002.001.01") == []
        assert await _refusals(city) == [reason]


async def _empty(city: PaymentsCity) -> Any:
    """An empty body, with the media type that messages have."""
    from lionrock.directory.api import Sender, send_signed

    key = city.world.context.key_store.get_or_create(LANTAU)
    return await send_signed(
        city.world.context.network, city.clock, Sender(LANTAU, key), method="POST",
        url=PLATFORM + api.MESSAGES_PATH, body=b"", headers={"content-type": "application/xml"},
    )


async def _refusals(city: PaymentsCity) -> list[str]:
    rows = await city.kernel.database.read(
        lambda db: db.fetch("SELECT refusal FROM payments.messages WHERE refusal <> ''")
    )
    return [row["refusal"] for row in rows]


@pytest.mark.parametrize("media_type", ["text/xml", "application/json", "application/xml; q=1",
                                        "application/xml; charset=utf-16"])
async def test_another_media_type_is_refused(city: PaymentsCity, media_type: str) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city)))
    exchange = await city.call(LANTAU, api.MESSAGES_PATH, raw, media_type=media_type)
    assert exchange.reply.status == 415
    assert reject_in(exchange.reply).reason == "payments.media_type_wrong"


async def test_a_body_beyond_every_limit_is_refused_by_the_kernel(city: PaymentsCity) -> None:
    exchange = await city.call(LANTAU, api.MESSAGES_PATH, b" " * (64 * 1024 + 1))
    assert exchange.reply.status == 413


async def test_the_same_msgid_with_the_same_content_acts_once(city: PaymentsCity) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city)))
    replies = [(await city.call(LANTAU, api.MESSAGES_PATH, raw)).reply.status for _ in range(3)]
    assert replies == [202, 202, 202]
    await city.settle()
    assert await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.payments")
    ) == 1
    assert await city.available(await city.settlement_id(LANTAU)) == 3_000_00 - 10_00


async def test_the_same_msgid_with_another_content_is_refused(city: PaymentsCity) -> None:
    head = header(city)
    await city.post_message(LANTAU, Envelope(head, transfer(city)))
    other = transfer(city, amount=Money(20_00, "HKD"))
    exchange = await city.post_message(LANTAU, Envelope(head, other))
    assert exchange.reply.status == 409
    assert reject_in(exchange.reply).reason == "payments.message_id_reused"
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == 3_000_00 - 10_00


async def test_two_banks_may_use_the_same_msgid(city: PaymentsCity) -> None:
    head = header(city)
    own = transfer(
        city, uetr=UETR.replace("6f", "7f"),
        debtor=PartyAccount(name="Firm", account=FIRM_ACCOUNT, member="307"),
        creditor=PartyAccount(name="Tea", account="512-000009", member="512"),
    )
    first = await city.post_message(LANTAU, Envelope(head, transfer(city)))
    second = await city.post_message(
        HARBOUR, Envelope(msgspec.structs.replace(head, from_member="307"), own)
    )
    assert (first.reply.status, second.reply.status) == (202, 202)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Money(20_00, "HKD")},
        {"end_to_end_id": "OTHER"},
        {"uetr": UETR.replace("6f", "7f")},
        {"transaction_id": "tx2"},
        {"remittance": "changed"},
    ],
)
async def test_a_txid_or_uetr_used_for_another_payment_is_refused(
    city: PaymentsCity, change: dict[str, Any]
) -> None:
    await city.post_message(LANTAU, Envelope(header(city), transfer(city)))
    exchange = await city.post_message(LANTAU, Envelope(header(city), transfer(city, **change)))
    assert exchange.reply.status == 409
    assert reject_in(exchange.reply).reason == "payments.transaction_id_reused"
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == 3_000_00 - 10_00


async def test_a_bank_cannot_debit_another_banks_customers(city: PaymentsCity) -> None:
    theirs = transfer(
        city, debtor=PartyAccount(name="Firm", account=FIRM_ACCOUNT, member="307"),
        creditor=PartyAccount(name="Tea", account="512-000009", member="512"),
    )
    exchange = await city.post_message(LANTAU, Envelope(header(city), theirs))
    assert exchange.reply.status == 400
    assert reject_in(exchange.reply).reason == "payments.agent_differs"
    await city.settle()
    assert await city.available(await city.settlement_id(HARBOUR)) == 3_000_00


@pytest.mark.parametrize(
    "change",
    [
        {"original_message_id": "other"}, {"transaction_id": "other"}, {"end_to_end_id": "other"},
        {"amount": Money(9_11, "HKD")}, {"amount": Money(9_10, "CNY")},
    ],
)
async def test_a_report_that_says_something_else_than_was_sent_is_refused(
    city: PaymentsCity, change: dict[str, Any]
) -> None:
    payment, report = await waiting_payment(city)
    wrong = msgspec.structs.replace(report, **change)
    exchange = await city.post_message(HARBOUR, Envelope(header(city, "307"), wrong))
    assert exchange.reply.status == 409
    assert reject_in(exchange.reply).reason == "payments.original_differs"
    assert (await city.load(payment.id)).state == "sent"


async def test_a_report_before_the_message_went_is_refused(city: PaymentsCity) -> None:
    payment = await city.initiate(city.order())
    report = StatusReport(
        original_message_id="x", original_definition="pacs.008.001.08",
        end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
        uetr=payment.uetr, status="ACCC", amount=payment.amount,
    )
    exchange = await city.post_message(HARBOUR, Envelope(header(city, "307"), report))
    assert exchange.reply.status == 409
    assert reject_in(exchange.reply).reason == "payments.status_not_asked"


async def test_a_refused_message_may_be_corrected_under_its_msgid(city: PaymentsCity) -> None:
    payment, report = await waiting_payment(city)
    head = header(city, "307")
    wrong = msgspec.structs.replace(report, amount=Money(1, "HKD"))
    assert (await city.post_message(HARBOUR, Envelope(head, wrong))).reply.status == 409
    assert (await city.post_message(HARBOUR, Envelope(head, report))).reply.status == 202
    await city.settle()
    assert (await city.load(payment.id)).state == "settled"


async def test_a_reject_of_another_banks_message_changes_nothing(city: PaymentsCity) -> None:
    payment, _ = await waiting_payment(city)
    reject = MessageReject(
        related_reference=payment.sent_message_id, reason="no", rejected_at=city.clock.now(),
        description="no",
    )
    exchange = await city.post_message(LANTAU, Envelope(header(city), reject))
    assert exchange.reply.status == 202
    assert (await city.load(payment.id)).state == "sent"


async def test_asking_for_the_status_of_anothers_payment_costs_and_tells_nothing(
    city: PaymentsCity,
) -> None:
    payment, report = await waiting_payment(city)
    question = StatusRequest(
        original_message_id=payment.sent_message_id, original_definition="pacs.008.001.08",
        transaction_id=payment.transaction_id, uetr=payment.uetr,
    )
    statuses = []
    for _ in range(12):
        exchange = await city.post_message(LANTAU, Envelope(header(city), question))
        statuses.append(exchange.reply.status)
    assert statuses == [404] * 10 + [429] * 2
    city.pass_business_time(seconds=6)
    exchange = await city.post_message(HARBOUR, Envelope(header(city, "307"), question))
    assert exchange.reply.status == 202
    assert report.status == "ACCC"

"""Participants and strangers who send what they may not: each is answered with admi.002."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.directory.api import Status
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, generate_key
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments import api
from lionrock.payments.api import (
    CreditTransfer,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Payment,
    StatusReport,
    StatusRequest,
    envelope_schema,
    read_envelope,
    write_envelope,
)
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, PLATFORM, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas

UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"


def header(city: PaymentsCity, sender: str = "512", **changes: Any) -> Header:
    """A header from a bank to the switch, with a new MsgId."""
    made = Header(
        from_member=sender, to_member=api.SWITCH_MEMBER,
        message_id=city.kernel.ids.new("tst")[4:], created_at=city.clock.now(),
    )
    return msgspec.structs.replace(made, **changes)


def transfer(city: PaymentsCity, **changes: Any) -> CreditTransfer:
    """A transfer from the tea house to the firm."""
    made = CreditTransfer(
        settlement_date=api.settlement_date_of(city.clock.now()), end_to_end_id="TEA-1",
        transaction_id="tx1", uetr=UETR, amount=Money(10_00, "HKD"),
        debtor=PartyAccount(name="Little Tea House", account="512-000009", member="512"),
        creditor=PartyAccount(name="Harbour Robotics", account=FIRM_ACCOUNT, member="307"),
    )
    return msgspec.structs.replace(made, **changes)


def reject_in(reply: Reply) -> MessageReject:
    """The admi.002 in a reply."""
    assert reply.headers["content-type"] == "application/xml", reply
    envelope = read_envelope(reply.body, envelope_schema())
    assert isinstance(envelope, Envelope), envelope
    assert isinstance(envelope.document, MessageReject)
    assert envelope.header.from_member == api.SWITCH_MEMBER
    return envelope.document


async def waiting_payment(city: PaymentsCity) -> tuple[Payment, StatusReport]:
    """A payment whose bank is silent, and the report that would settle it."""
    payment = await city.initiate(city.order(Money(9_10, "HKD")))
    await city.settle()
    payment = await city.load(payment.id)
    assert payment.state == "sent"
    return payment, StatusReport(
        original_message_id=payment.sent_message_id, original_definition="pacs.008.001.08",
        end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
        uetr=payment.uetr, status="ACCC", amount=payment.amount,
    )


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


async def test_a_forged_signature_moves_nothing(city: PaymentsCity) -> None:
    payment, report = await waiting_payment(city)
    raw = write_envelope(Envelope(header(city, "307"), report))
    unknown = await city.call(HARBOUR, api.MESSAGES_PATH, raw, key=generate_key())
    assert reject_in(unknown.reply).reason == "signature.key_unknown"
    known = city.banks[HARBOUR].key
    native = generate_key().private
    assert native is not None
    claimed = Key(native, kid=known.kid)
    forged = await city.call(HARBOUR, api.MESSAGES_PATH, raw, key=claimed)
    assert reject_in(forged.reply).reason == "signature.wrong"
    await city.settle()
    assert (await city.load(payment.id)).state == "sent"


async def test_a_stranger_gets_a_reject_that_tells_nothing(city: PaymentsCity) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city)))
    network = city.world.context.network
    reply = await network.send(
        "POST", PLATFORM + api.MESSAGES_PATH, {"content-type": "application/xml"}, raw
    )
    assert "signature" not in reply.headers
    assert reject_in(reply).reason == "signature.missing"


async def replayed(
    city: PaymentsCity, sender: str, raw: bytes, **changes: str
) -> tuple[Reply, Reply]:
    """Send once, then the same request again with some headers or the body changed."""
    first = await city.call(sender, api.MESSAGES_PATH, raw)
    headers = {k: v for k, v in first.request_headers.items() if k != "host"}
    body = changes.pop("body", None)
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    again = await city.world.context.network.send(
        "POST", PLATFORM + api.MESSAGES_PATH, headers, body.encode() if body else raw
    )
    return first.reply, again


async def test_a_recorded_request_sent_again_is_refused(city: PaymentsCity) -> None:
    payment, report = await waiting_payment(city)
    raw = write_envelope(Envelope(header(city, "307"), report))
    first, again = await replayed(city, HARBOUR, raw)
    assert first.status == 202
    assert reject_in(again).reason == "signature.replayed"
    await city.settle()
    assert (await city.load(payment.id)).state == "settled"


async def test_a_body_exchanged_under_a_good_signature_is_refused(city: PaymentsCity) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city)))
    more = raw.decode().replace("10.00", "9000.00")
    _, again = await replayed(city, LANTAU, raw, body=more)
    assert reject_in(again).reason == "signature.digest_wrong"


async def test_a_digest_exchanged_with_the_body_is_refused(city: PaymentsCity) -> None:
    from lionrock.kernel.signatures import content_digest

    raw = write_envelope(Envelope(header(city), transfer(city)))
    more = raw.decode().replace("10.00", "9000.00")
    _, again = await replayed(
        city, LANTAU, raw, body=more, content_digest=content_digest(more.encode())
    )
    assert reject_in(again).reason == "signature.wrong"


async def test_a_signature_that_does_not_cover_the_digest_is_refused(city: PaymentsCity) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city)))
    first = await city.call(LANTAU, api.MESSAGES_PATH, raw)
    given = first.request_headers["signature-input"]
    _, again = await replayed(
        city, LANTAU, raw, signature_input=given.replace('"content-digest" ', "")
    )
    assert reject_in(again).reason == "signature.component_not_covered"


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
    for _ in range(52):
        exchange = await city.post_message(LANTAU, Envelope(header(city), question))
        statuses.append(exchange.reply.status)
    assert statuses[:50] == [404] * 50
    assert statuses[50:] == [429, 429]
    exchange = await city.post_message(HARBOUR, Envelope(header(city, "307"), question))
    assert exchange.reply.status == 202
    assert report.status == "ACCC"


async def test_the_register_cannot_be_listed_by_asking(city: PaymentsCity) -> None:
    answers = []
    for number in range(52):
        body = msgspec.json.encode({"kind": "mobile", "value": f"+852520000{number:02d}"})
        exchange = await city.call(
            LANTAU, "/payments/v1/proxies/lookups", body, media_type="application/json"
        )
        answers.append(exchange.reply.status)
    assert answers == [404] * 50 + [429] * 2
    city.clock.advance(seconds=1)
    body = msgspec.json.encode({"kind": "mobile", "value": "51230001"})
    exchange = await city.call(
        LANTAU, "/payments/v1/proxies/lookups", body, media_type="application/json"
    )
    assert exchange.reply.status == 200


async def test_a_copy_of_the_database_shows_no_names_numbers_or_proxies(
    city: PaymentsCity,
) -> None:
    await city.initiate(city.order())
    await city.settle()
    secrets = ("Harbour Robotics", "51230001", "307-000001", "First milestone", "Programme Off")

    async def dump(db: Any) -> str:
        tables = await db.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'payments'"
        )
        rows = [
            row["t"] for table in tables
            for row in await db.fetch(
                f"SELECT t::text AS t FROM payments.{table['table_name']} t"
            )
        ]
        return "\n".join(rows)

    text = await city.kernel.database.read(dump)
    assert "PAYOUT-1" in text
    for secret in secrets:
        assert secret not in text
        assert secret.encode().hex() not in text


async def test_a_sealed_value_moved_to_another_row_does_not_open(city: PaymentsCity) -> None:
    from cryptography.exceptions import InvalidTag

    first = await city.initiate(city.order())
    second = await city.initiate(city.order(end_to_end_id="PAYOUT-2"))

    async def move(db: Any) -> None:
        await db.execute(
            "UPDATE payments.payments SET sealed_parties = (SELECT sealed_parties FROM"
            " payments.payments WHERE id = $1) WHERE id = $2", first.id, second.id,
        )

    await city.kernel.database.run(move)
    with pytest.raises(InvalidTag):
        await city.load(second.id)
    assert not isinstance(first, Refused)

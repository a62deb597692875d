"""Bundles made to do harm: one bad message spoils no other, one bad signature spoils all."""

from __future__ import annotations

import msgspec
import pytest

from lionrock.kernel.jose import generate_key
from lionrock.kernel.network import Reply
from lionrock.payments import api
from lionrock.payments.api import (
    CreditTransfer,
    Envelope,
    Told,
    read_answers,
    write_bundle,
    write_envelope,
)
from lionrock.payments.domain.bundles import BUNDLE_BYTES_MAX, BUNDLE_MESSAGES_MAX
from tests.attack.payments.hostile import header, reject_in, transfer
from tests.unit.payments.city import HARBOUR, LANTAU, PLATFORM, PaymentsCity

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    b"<a>&c;&c;&c;</a>"
)


def transfers(city: PaymentsCity, count: int) -> list[CreditTransfer]:
    """As many different transfers."""
    return [
        transfer(
            city, transaction_id=f"tx{number}", end_to_end_id=f"TEA-{number}",
            uetr=f"6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b{number:02x}",
        )
        for number in range(count)
    ]


def written(city: PaymentsCity, document: CreditTransfer, sender: str = "512") -> bytes:
    """A message to the switch."""
    return write_envelope(Envelope(header(city, sender), document))


async def send(
    city: PaymentsCity, contents: list[bytes], sender: str = LANTAU
) -> list[Told]:
    """Send a bundle that is taken as one; returns the answers."""
    body = write_bundle(contents)
    exchange = await city.call(sender, api.BUNDLES_PATH, body, media_type=api.BUNDLE_TYPE)
    assert exchange.reply.status == 200, exchange.reply
    assert exchange.reply.headers["content-type"] == api.BUNDLE_TYPE
    told = read_answers(exchange.reply.body, len(contents))
    assert told is not None
    return told


def reason_in(told: Told) -> str:
    """The stable code in the admi.002 that one message was answered with."""
    reply = Reply(told.status, {"content-type": "application/xml"}, told.content)
    return reject_in(reply).reason


async def states(city: PaymentsCity) -> dict[str, str]:
    """How the payments stand, by EndToEndId."""
    rows = await city.kernel.database.read(
        lambda db: db.fetch("SELECT end_to_end_id, state FROM payments.payments")
    )
    return {row["end_to_end_id"]: row["state"] for row in rows}


async def test_a_hostile_message_among_good_ones_is_refused_by_itself(city: PaymentsCity) -> None:
    first, second, forged, third = transfers(city, 4)
    good = [written(city, each) for each in (first, second, third)]
    half = good[0][: len(good[0]) // 2]
    contents = [
        good[0], good[1], BOMB, half,
        b"<?xml version='1.0' encoding='UTF-16'?><a/>", b"", b"\x00\xff",
        b"a" * (api.MESSAGE_BYTES_MAX + 1),
        # Another bank's transfer, another bank's header, and a header for somebody else.
        written(city, msgspec.structs.replace(
            forged, debtor=msgspec.structs.replace(forged.debtor, member="307")
        )),
        written(city, forged, "307"),
        write_envelope(Envelope(header(city, to_member="307"), forged)),
        good[2],
    ]  # fmt: skip
    told = await send(city, contents)
    assert [each.is_taken for each in told] == [True, True, *[False] * 9, True]
    assert [(each.status, reason_in(each)) for each in told if not each.is_taken] == [
        (400, "payments.doctype_forbidden"), (400, "payments.not_well_formed"),
        (400, "payments.encoding_wrong"), (400, "payments.not_well_formed"),
        (400, "payments.encoding_wrong"), (413, "payments.message_too_large"),
        (400, "payments.agent_differs"), (403, "payments.sender_differs"),
        (400, "payments.receiver_differs"),
    ]  # fmt: skip
    await city.settle()
    assert await states(city) == {
        each.end_to_end_id: "settled" for each in (first, second, third)
    }


async def test_a_transfer_doubled_inside_a_bundle_pays_once(city: PaymentsCity) -> None:
    [one, other] = transfers(city, 2)
    raw = written(city, one)
    named = header(city, message_id="same-id")
    twice = [write_envelope(Envelope(named, each)) for each in (one, other)]
    told = await send(city, [raw, raw, *twice, written(city, one)])
    assert [each.status for each in told] == [202, 202, 202, 409, 202]
    assert reason_in(told[3]) == "payments.message_id_reused"
    await city.settle()
    assert await states(city) == {"TEA-0": "settled"}


async def test_a_bundle_sent_again_is_refused_and_brought_again_pays_nothing_more(
    city: PaymentsCity,
) -> None:
    contents = [written(city, each) for each in transfers(city, 3)]
    body = write_bundle(contents)
    first = await city.call(LANTAU, api.BUNDLES_PATH, body, media_type=api.BUNDLE_TYPE)
    again = await city.world.context.network.send(
        "POST", PLATFORM + api.BUNDLES_PATH,
        {k: v for k, v in first.request_headers.items() if k != "host"}, body,
    )
    assert reject_in(again).reason == "signature.replayed"
    assert [each.status for each in await send(city, contents)] == [202] * 3
    # What came in a bundle may come alone, and the other way round.
    alone = await city.call(LANTAU, api.MESSAGES_PATH, contents[0])
    assert alone.reply.status == 202
    await city.settle()
    assert await states(city) == {f"TEA-{number}": "settled" for number in range(3)}


async def test_a_bundle_under_a_wrong_signature_is_refused_whole(city: PaymentsCity) -> None:
    body = write_bundle([written(city, each) for each in transfers(city, 2)])
    exchange = await city.call(
        LANTAU, api.BUNDLES_PATH, body, media_type=api.BUNDLE_TYPE, key=generate_key()
    )
    assert reject_in(exchange.reply).reason == "signature.key_unknown"
    good = await city.call(LANTAU, api.BUNDLES_PATH, write_bundle([b"a"]),
                           media_type=api.BUNDLE_TYPE)
    headers = {k: v for k, v in good.request_headers.items() if k != "host"}
    moved = await city.world.context.network.send(
        "POST", PLATFORM + api.BUNDLES_PATH, headers, body
    )
    assert reject_in(moved).reason == "signature.digest_wrong"
    other = await city.call(LANTAU, api.MESSAGES_PATH, body, media_type=api.BUNDLE_TYPE)
    assert reject_in(other.reply).reason == "payments.media_type_wrong"
    assert await states(city) == {}


@pytest.mark.parametrize(("body", "media_type", "status", "code"), [
    (b"3\nab", api.BUNDLE_TYPE, 400, "payments.bundle_malformed"),
    (b"1\na\n" * (BUNDLE_MESSAGES_MAX + 1), api.BUNDLE_TYPE, 413, "payments.bundle_too_large"),
    (b"1\na\n", api.MEDIA_TYPE, 415, "payments.bundle_type_wrong"),
    (b"1\na\n", f"{api.BUNDLE_TYPE}; x=1", 415, "payments.bundle_type_wrong"),
])  # fmt: skip
async def test_what_is_no_bundle_is_refused_whole_and_not_kept(
    city: PaymentsCity, body: bytes, media_type: str, status: int, code: str
) -> None:
    exchange = await city.call(HARBOUR, api.BUNDLES_PATH, body, media_type=media_type)
    assert (exchange.reply.status, reject_in(exchange.reply).reason) == (status, code)
    count = await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.messages WHERE direction = 'in'")
    )
    assert count == 0


async def test_a_bundle_beyond_the_limit_of_bytes_is_not_read(city: PaymentsCity) -> None:
    body = b"1\n" + b"a" * BUNDLE_BYTES_MAX
    exchange = await city.call(HARBOUR, api.BUNDLES_PATH, body, media_type=api.BUNDLE_TYPE)
    assert exchange.reply.status == 413
    assert msgspec.json.decode(exchange.reply.body)["code"] == "kernel.body_too_large"


async def test_a_stranger_brings_no_bundle(city: PaymentsCity) -> None:
    reply = await city.world.context.network.send(
        "POST", PLATFORM + api.BUNDLES_PATH, {"content-type": api.BUNDLE_TYPE}, b"1\na\n"
    )
    assert reject_in(reply).reason == "signature.missing"

"""Forged, moved, replayed and uncovered signatures on messages: none moves money."""

from __future__ import annotations

from lionrock.kernel.jose import Key, generate_key
from lionrock.kernel.network import Reply
from lionrock.payments import api
from lionrock.payments.api import (
    Envelope,
    write_envelope,
)
from tests.attack.payments.hostile import header, reject_in, transfer, waiting_payment
from tests.unit.payments.city import HARBOUR, LANTAU, PLATFORM, PaymentsCity


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

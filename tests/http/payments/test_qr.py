"""Payment codes over HTTP: read, made and drawn, and refused in words."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from lionrock.kernel.network import Reply
from tests.unit.payments.city import PLATFORM, PaymentsCity

SIMPLE = "00020101021126270012hk.com.hkicl020712345675204000053033445802HK5902NA6002HK63042E94"


async def post(city: PaymentsCity, path: str, body: dict[str, Any]) -> Reply:
    """A plain call from outside."""
    return await city.world.context.network.send(
        "POST", f"{PLATFORM}/payments/v1/qr/{path}", {"content-type": "application/json"},
        msgspec.json.encode(body),
    )


async def picture(city: PaymentsCity, query: str) -> Reply:
    """Ask for a picture."""
    return await city.world.context.network.send("GET", f"{PLATFORM}/payments/v1/qr/image?{query}")


async def test_a_code_is_read_over_http(city: PaymentsCity) -> None:
    reply = await post(city, "decode", {"payload": SIMPLE})
    assert reply.status == 200
    shown = msgspec.json.decode(reply.body)
    assert shown["payload"] == SIMPLE
    assert shown["content"]["fps"]["fps_id"] == "1234567"
    assert shown["content"]["currency"] == "HKD"


async def test_a_code_is_made_over_http_and_reads_back(city: PaymentsCity) -> None:
    wanted = {
        "is_dynamic": True, "currency": "HKD", "amount": "88.80",
        "fps": {"mobile": "+852-51230001"}, "additional": {"bill": "INV-1", "reference": "R-1"},
        "language": {"language": "zh", "name": "測試商店"},
    }
    made = msgspec.json.decode((await post(city, "encode", wanted)).body)
    read = msgspec.json.decode((await post(city, "decode", {"payload": made["payload"]})).body)
    assert read["content"] == made["content"]
    assert read["content"]["amount"] == "88.80"


async def test_a_broken_code_is_refused_with_code_tag_and_sentence(city: PaymentsCity) -> None:
    reply = await post(city, "decode", {"payload": SIMPLE[:-1] + "0"})
    problem = msgspec.json.decode(reply.body)
    assert (reply.status, problem["code"], problem["field"]) == (400, "payments.qr_crc_wrong", "63")
    reply = await post(city, "encode", {"is_dynamic": True, "amount": "-5",
                                        "fps": {"fps_id": "1234567"}})
    assert msgspec.json.decode(reply.body)["code"] == "payments.qr_amount_negative"


async def test_a_code_is_drawn_with_a_quiet_zone_and_nothing_else_is_drawn(
    city: PaymentsCity,
) -> None:
    drawn = await picture(city, f"payload={quote(SIMPLE)}&format=png&scale=2")
    assert (drawn.status, drawn.headers["content-type"]) == (200, "image/png")
    assert drawn.body.startswith(b"\x89PNG")
    drawn = await picture(city, f"payload={quote(SIMPLE)}")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert b"<script" not in drawn.body
    assert (await picture(city, "payload=https%3A%2F%2Fevil.example")).status == 400
    for wrong in ("format=gif", "scale=0", "scale=21", "scale=x"):
        refused = await picture(city, f"payload={quote(SIMPLE)}&{wrong}")
        assert msgspec.json.decode(refused.body)["code"] == "payments.qr_picture_malformed"

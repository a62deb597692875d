"""A look-up that was captured, asked again when the database has crashed and lost its nonce."""

from __future__ import annotations

import msgspec

from lionrock.directory.api import Sender
from lionrock.kernel.signatures import sign_request
from tests.http.payments.test_addressing import NUMBER, PROXIES, register
from tests.unit.payments.city import HARBOUR, LANTAU, PLATFORM, PaymentsCity

LOOKUPS = f"{PROXIES}/lookups"


async def test_what_was_signed_before_the_memory_of_nonces_was_lost_is_refused_and_free(
    city: PaymentsCity,
) -> None:
    await register(city, HARBOUR)
    body = msgspec.json.encode({**NUMBER, "payer": "512-1"})
    key = city.world.context.key_store.get_or_create(LANTAU)

    def signed() -> dict[str, str]:
        return sign_request(
            method="POST", url=PLATFORM + LOOKUPS, body=body, key=key,
            keyid=Sender(LANTAU, key).keyid, now_s=city.clock.now_s(),
            headers={"content-type": "application/json"},
        )  # fmt: skip

    async def send(headers: dict[str, str]) -> tuple[int, str]:
        reply = await city.world.context.network.send("POST", PLATFORM + LOOKUPS, headers, body)
        return reply.status, msgspec.json.decode(reply.body).get("code", "")

    async def tokens() -> int:
        return int(await city.kernel.database.read(lambda db: db.fetchval(
            "SELECT tokens FROM payments.asking_buckets WHERE organisation_id = $1"
            " AND payer_key = ''", LANTAU,
        )))

    old = signed()
    assert await send(old) == (200, "")
    # What a server does that recovers from a crash; it may have lost the nonce besides.
    await city.kernel.database.run(lambda db: db.execute("TRUNCATE payments.nonces_known"))
    await city.kernel.database.run(lambda db: db.execute("TRUNCATE kernel.replays"))
    assert await send(old) == (403, "signature.created_too_old")
    assert await send(signed()) == (403, "signature.created_too_old")
    assert await tokens() == 999
    city.clock.advance(seconds=1)
    new = signed()
    assert await send(new) == (200, "")
    assert await send(new) == (403, "signature.replayed")
    assert await send(old) == (403, "signature.created_too_old")

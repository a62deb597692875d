"""The register of proxies under scanning, and a stolen copy of the database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from tests.unit.payments.city import LANTAU, PaymentsCity


async def test_the_register_cannot_be_listed_by_asking(city: PaymentsCity) -> None:
    answers = []
    for number in range(52):
        body = msgspec.json.encode({
            "kind": "mobile", "value": f"+852520000{number:02d}", "payer": f"512-{number % 20}",
        })
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

"""Messages as they are kept: compressed and sealed, and given back verbatim."""

from __future__ import annotations

import os

import pytest

from lionrock.payments.sealing import Vault
from lionrock.payments.store import messages
from tests.http.payments.test_transfers import only_payment, pay
from tests.unit.payments.city import LANTAU, PaymentsCity


async def test_a_message_is_kept_smaller_and_read_as_it_came(city: PaymentsCity) -> None:
    await pay(city)
    await city.settle()
    payment = await only_payment(city)
    rows = await city.kernel.database.run(lambda db: db.fetch(
        "SELECT length(sealed_content) AS size, digest, content_coding FROM payments.messages"
        " WHERE payment_id = $1 ORDER BY id", payment.id))
    contents = [raw for _, raw in await city.messages(payment.id)]
    assert len(rows) == len(contents) == 5
    for row, raw in zip(rows, contents, strict=True):
        assert raw.startswith(b"<")
        assert row["content_coding"] == "deflate"
        assert row["size"] < len(raw) * 0.6


@pytest.mark.parametrize("content", [b"", b"\x00", os.urandom(70_000), b"<" * 70_000])
async def test_any_bytes_are_kept_also_those_of_before_there_was_a_coding(
    city: PaymentsCity, content: bytes
) -> None:
    vault = Vault(city.kernel.key_store)
    row_id = city.kernel.ids.new("msg")
    made = messages.Message(
        id=row_id, payment_id=None, direction="in", organisation_id=LANTAU, definition="",
        message_id=row_id, digest=bytes(32), recorded_at=city.kernel.business_clock.now(),
    )  # fmt: skip

    async def load() -> bytes:
        found = await city.kernel.database.run(
            lambda db: messages.load_content(db, vault, row_id)
        )
        assert found is not None
        return found[1]

    await city.kernel.database.run(
        lambda db: messages.insert_message(db, vault, made, content)
    )
    assert await load() == content
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.messages SET sealed_content = $2, content_coding = '' WHERE id = $1",
        row_id, vault.seal("messages.sealed_content", row_id, content),
    ))
    assert await load() == content

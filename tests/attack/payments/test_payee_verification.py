"""Banks that skip verification where they may not, or say the flag in two readings."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.payments import api
from lionrock.payments.api import Envelope, Proxy, write_envelope
from tests.attack.payments.hostile import header, reject_in, transfer
from tests.unit.payments.city import LANTAU, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas

FLAGGED = b"<SvcLvl><Prtry>C1</Prtry></SvcLvl><LclInstrm><Prtry>PERFORM_PYE_VRF</Prtry></LclInstrm>"


async def send(city: PaymentsCity, **changes: Any) -> tuple[int, str]:
    """Send a transfer; the status, and why it was refused."""
    envelope = Envelope(header(city), transfer(city, **changes))
    reply = (await city.post_message(LANTAU, envelope)).reply
    return reply.status, "" if reply.status == 202 else reject_in(reply).reason


async def count(city: PaymentsCity) -> int:
    """How many payments there are."""
    question = "SELECT count(*) FROM payments.payments"
    return int(await city.kernel.database.read(lambda db: db.fetchval(question)))


async def test_an_instant_transfer_to_a_typed_account_cannot_skip_verification(
    city: PaymentsCity,
) -> None:
    assert await send(city, payee_verification="SKIP") == (409, "payments.verification_skipped")
    assert await count(city) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"service_class": "C2"}, {"request_id": "0192f0c4d5e6"},
        {"proxy": Proxy(kind="mobile", value="+852-51230001"),
         "creditor": api.PartyAccount(name="Anybody", account="NOTPROVIDED", member="307")},
    ],
)  # fmt: skip
async def test_verification_may_be_skipped_where_the_payee_is_known_otherwise(
    city: PaymentsCity, changes: dict[str, Any]
) -> None:
    assert (await send(city, payee_verification="SKIP", **changes))[0] == 202


async def test_a_transfer_repeated_under_another_flag_is_another_transfer(
    city: PaymentsCity,
) -> None:
    assert await send(city, payee_verification="PERFORM") == (202, "")
    assert await send(city) == (409, "payments.transaction_id_reused")
    assert await send(city, payee_verification="PERFORM") == (202, "")
    assert await count(city) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"<SvcLvl><Prtry>C1</Prtry></SvcLvl><LclInstrm><Prtry>C2</Prtry></LclInstrm>",
        b"<SvcLvl><Prtry>C1</Prtry></SvcLvl>",
        b"<SvcLvl><Prtry>SKIP_PYE_VRF</Prtry></SvcLvl><LclInstrm><Prtry>C1</Prtry></LclInstrm>",
        b"<LclInstrm><Prtry>SKIP_PYE_VR</Prtry></LclInstrm>",
        b"<LclInstrm><Prtry>perform_pye_vrf</Prtry></LclInstrm>",
        b"<LclInstrm><Prtry>PERFORM_PYE_VRF</Prtry><Prtry>SKIP_PYE_VRF</Prtry></LclInstrm>",
        b"<LclInstrm><Prtry>PERFORM_PYE_VRF</Prtry></LclInstrm>"
        b"<LclInstrm><Prtry>SKIP_PYE_VRF</Prtry></LclInstrm>",
        b"<LclInstrm><Prtry>PERFORM_PYE_VRF</Prtry></LclInstrm><SvcLvl><Prtry>C1</Prtry></SvcLvl>",
    ],
)
async def test_a_flag_with_two_readings_is_refused_unread(city: PaymentsCity, said: bytes) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city, payee_verification="PERFORM")))
    assert FLAGGED in raw
    exchange = await city.call(LANTAU, api.MESSAGES_PATH, raw.replace(FLAGGED, said))
    assert (exchange.reply.status, reject_in(exchange.reply).reason) == (400, "payments.not_valid")


async def test_a_flag_without_a_class_is_of_an_instant_transfer(
    city: PaymentsCity, shared: Any
) -> None:
    raw = write_envelope(Envelope(header(city), transfer(city, payee_verification="PERFORM")))
    bare = raw.replace(b"<SvcLvl><Prtry>C1</Prtry></SvcLvl>", b"")
    assert OfficialSchemas(shared).problems(bare, "pacs.008.001.08") == []
    assert (await city.call(LANTAU, api.MESSAGES_PATH, bare)).reply.status == 202
    row = await city.kernel.database.read(
        lambda db: db.fetchrow("SELECT service_class FROM payments.payments")
    )
    assert row["service_class"] == "C1"

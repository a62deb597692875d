"""The simulated bank by itself: in whatever order messages come, it credits a payment once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Sender,
    organisation_key,
    send_signed,
)
from lionrock.kernel.jose import generate_key
from lionrock.kernel.money import Money
from lionrock.payments import api
from lionrock.payments.api import CreditTransfer, Document, Envelope, Header, StatusReport
from tests.http.payments.test_transfers import pay
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
)
from tests.unit.payments.samples import TRANSFER

OPENING = {"HKD": "1000.00"}
CREDITED = {"HKD": "1012.34"}


def transfer(**changes: Any) -> CreditTransfer:
    """A transfer of 12.34 to the firm."""
    creditor = msgspec.structs.replace(TRANSFER.creditor, account=FIRM_ACCOUNT)
    made = msgspec.structs.replace(TRANSFER, amount=Money(12_34, "HKD"), creditor=creditor)
    return msgspec.structs.replace(made, **changes)


def outcome(status: str) -> StatusReport:
    """The switch's last word about it."""
    return StatusReport(
        original_message_id="m1", original_definition="pacs.008.001.08",
        end_to_end_id=TRANSFER.end_to_end_id, transaction_id=TRANSFER.transaction_id,
        uetr=TRANSFER.uetr, status="ACSC" if status == "ACSC" else "RJCT",
        amount=Money(12_34, "HKD"), reason_code="" if status == "ACSC" else "AB05",
    )


async def send(
    city: PaymentsCity, document: Document, message_id: str, *, to_member: str = "307",
    sender: Sender | None = None,
) -> int:
    """Send a message to the bank as the switch; returns the HTTP status."""
    header = Header(
        from_member=api.SWITCH_MEMBER, to_member=to_member, message_id=message_id,
        created_at=city.clock.now(),
    )
    switch = sender or Sender(
        PLATFORM_ORGANISATION, organisation_key(city.kernel, PLATFORM_ORGANISATION)
    )
    exchange = await send_signed(
        city.kernel.network, city.clock, switch, method="POST",
        url=f"{WORLD}/{HARBOUR}{api.MESSAGES_PATH}",
        body=api.write_envelope(Envelope(header, document)),
        headers={"content-type": "application/xml"},
    )
    return exchange.reply.status


async def books(city: PaymentsCity) -> tuple[dict[str, str], list[str]]:
    """Balance and statuses."""
    shown = await city.statement(HARBOUR, FIRM_ACCOUNT)
    return shown["balances"], [entry["status"] for entry in shown["entries"]]


async def test_a_repeated_transfer_is_credited_once(city: PaymentsCity) -> None:
    for message_id in ("m1", "m1", "m2"):
        assert await send(city, transfer(), message_id) == 202
    assert await books(city) == (CREDITED, ["credited"])


async def test_a_repeat_after_the_confirmation_changes_nothing(city: PaymentsCity) -> None:
    await send(city, transfer(), "m1")
    await send(city, outcome("ACSC"), "m2")
    await send(city, transfer(), "m1")
    assert await books(city) == (CREDITED, ["confirmed"])


async def test_a_credit_that_was_reversed_is_never_credited_again(city: PaymentsCity) -> None:
    await send(city, transfer(), "m1")
    for message_id in ("m2", "m2", "m3"):
        await send(city, outcome("RJCT"), message_id)
    await send(city, transfer(), "m1")
    assert await books(city) == (OPENING, ["reversed"])


async def test_a_rejection_that_overtakes_the_transfer_is_remembered(city: PaymentsCity) -> None:
    await send(city, outcome("RJCT"), "m2")
    await send(city, transfer(), "m1")
    assert await books(city) == (OPENING, [])


async def test_a_confirmation_does_not_take_back_a_reversal(city: PaymentsCity) -> None:
    await send(city, transfer(), "m1")
    await send(city, outcome("RJCT"), "m2")
    await send(city, outcome("ACSC"), "m3")
    assert await books(city) == (OPENING, ["reversed"])


async def test_only_the_switch_may_send_and_only_to_this_bank(city: PaymentsCity) -> None:
    forged = Sender(PLATFORM_ORGANISATION, generate_key())
    other = Sender(HARBOUR, city.banks[HARBOUR].key)
    assert await send(city, transfer(), "m1", sender=forged) == 401
    assert await send(city, transfer(), "m1", sender=other) == 401
    assert await send(city, transfer(), "m1", to_member="512") == 400
    assert await books(city) == (OPENING, [])


async def test_a_message_that_is_not_valid_or_too_large_is_refused(city: PaymentsCity) -> None:
    switch = Sender(PLATFORM_ORGANISATION, organisation_key(city.kernel, PLATFORM_ORGANISATION))
    for body, status in ((b"<a/>", 400), (b" " * (api.MESSAGE_BYTES_MAX + 1), 413)):
        exchange = await send_signed(
            city.kernel.network, city.clock, switch, method="POST",
            url=f"{WORLD}/{HARBOUR}{api.MESSAGES_PATH}", body=body,
            headers={"content-type": "application/xml"},
        )
        assert exchange.reply.status == status


@pytest.mark.parametrize("status", ["closed", "blocked"])
async def test_an_account_that_is_not_open_is_not_credited(
    city: PaymentsCity, status: str
) -> None:
    reply = await city.world.context.network.send(
        "PUT", f"{WORLD}/{HARBOUR}/operator/accounts/307-7", {"content-type": "application/json"},
        msgspec.json.encode({"name": "N", "opening": {"HKD": "1.00"}, "status": status}),
    )
    assert reply.status == 200
    creditor = msgspec.structs.replace(TRANSFER.creditor, account="307-7")
    await send(city, transfer(creditor=creditor), "m1")
    shown = await city.statement(HARBOUR, "307-7")
    assert shown["balances"] == {"HKD": "1.00"}
    expected = {"closed": "AC04", "blocked": "AC06"}[status]
    assert [(e["status"], e["reason"]) for e in shown["entries"]] == [("refused", expected)]


async def test_the_magic_amounts_are_listed_and_bad_operator_input_is_refused(
    city: PaymentsCity,
) -> None:
    network = city.world.context.network
    magic = await network.send("GET", f"{WORLD}/{HARBOUR}/magic")
    amounts = msgspec.json.decode(magic.body)["amounts"]
    # The desks beside the payments desk list theirs too.
    assert {"9.02", "9.10", "9.15", "9.20", "9.30", "9.40"} <= set(amounts)
    listed = await network.send("GET", f"{WORLD}/{HARBOUR}/accounts")
    assert len(msgspec.json.decode(listed.body)["accounts"]) == 1
    for body in (b"", b"{}", b'{"name": "N", "opening": {"USD": "1.00"}}', b"x" * 20_000):
        reply = await network.send(
            "PUT", f"{WORLD}/{HARBOUR}/operator/accounts/1", {"content-type": "application/json"},
            body,
        )
        assert reply.status == 400


async def test_a_payment_that_the_switch_refuses_unread_comes_back_with_its_reason(
    city: PaymentsCity,
) -> None:
    order = {"proxy_kind": "", "creditor_clearing_code": "307", "creditor_account": FIRM_ACCOUNT,
             "creditor_name": "Harbour", "payee_verification": "SKIP"}
    for number in range(3):  # together: they go in a bundle
        assert (await pay(city, end_to_end_id=f"SKIP-{number}", **order)).status == 202
    await city.settle()
    shown = await city.statement(LANTAU, TEA_ACCOUNT)
    assert shown["balances"]["HKD"] == "5000.00"
    assert {(entry["status"], entry["reason"]) for entry in shown["entries"]} == {
        ("returned", "payments.verification_skipped"),
    }

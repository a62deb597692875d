"""What tests of direct debits do in a payments city: ask, collect, look."""

from __future__ import annotations

from typing import Any

import msgspec

from lionrock.directory.api import Organisation
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply
from lionrock.payments.api import (
    SWITCH_MEMBER,
    DirectDebit,
    Document,
    Enrolment,
    Envelope,
    Header,
    PartyAccount,
    Payment,
    settlement_date_of,
    uetr_of,
)

from .city import FIRM_ACCOUNT, HARBOUR, LANTAU, TEA_ACCOUNT, WORLD, PaymentsCity


async def operate(city: PaymentsCity, bank_id: str, path: str, body: dict[str, Any]) -> Reply:
    """A call at a bank's counter."""
    return await city.world.context.network.send(
        "POST", f"{WORLD}/{bank_id}/operator/{path}", {"content-type": "application/json"},
        msgspec.json.encode(body),
    )


async def ask(city: PaymentsCity, **changes: Any) -> Reply:
    """The firm's bank asks the tea house for an authorisation."""
    body = {
        "account": FIRM_ACCOUNT, "debtor_clearing_code": "512", "debtor_account": TEA_ACCOUNT,
        "debtor_name": "Little Tea House", "request_id": "REQ-1", "currency": "HKD",
        "max_amount": "500.00", "period_max_amount": "800.00", "collections_per_period": 2,
    } | changes
    return await operate(city, HARBOUR, "mandates", body)


async def start_mandate(city: PaymentsCity, **changes: Any) -> str:
    """Ask, and let the banks talk; returns the MndtId."""
    assert (await ask(city, **changes)).status == 202
    await city.settle()
    [row] = await city.kernel.database.read(
        lambda db: db.fetch("SELECT id FROM payments.mandates ORDER BY id DESC LIMIT 1")
    )
    return str(row["id"]).removeprefix("mdt_")


async def collect(
    city: PaymentsCity, mandate_id: str, amount: str, sequence: str = "FRST",
    end_to_end_id: str = "RENT-1", currency: str = "HKD",
) -> str:
    """The firm's bank collects, and the banks talk; returns the UETR."""
    reply = await operate(city, HARBOUR, "collections", {
        "mandate_id": mandate_id, "amount": amount, "currency": currency,
        "sequence": sequence, "end_to_end_id": end_to_end_id,
    })
    assert reply.status == 202, reply.body
    await city.settle()
    return str(msgspec.json.decode(reply.body)["uetr"])


async def outcome_of(city: PaymentsCity, uetr: str) -> Payment:
    """The payment of a UETR."""
    row = await city.kernel.database.read(
        lambda db: db.fetchrow("SELECT id FROM payments.payments WHERE uetr = $1", uetr)
    )
    assert row is not None
    return await city.load(row["id"])


async def mandate_shown(city: PaymentsCity, bank_id: str, mandate_id: str) -> dict[str, Any]:
    """An authorisation as the switch shows it to a bank."""
    exchange = await city.call(
        bank_id, f"/payments/v1/mandates/{mandate_id}", b"", method="GET"
    )
    assert exchange.reply.status == 200, exchange.reply
    shown: dict[str, Any] = msgspec.json.decode(exchange.reply.body)
    return shown


async def shown(city: PaymentsCity, bank_id: str) -> list[dict[str, Any]]:
    """The authorisations in a bank's own files."""
    reply = await city.world.context.network.send("GET", f"{WORLD}/{bank_id}/mandates")
    found: list[dict[str, Any]] = msgspec.json.decode(reply.body)["mandates"]
    return found


def raw_debit(city: PaymentsCity, under: str, **changes: Any) -> DirectDebit:
    """A collection as the firm's bank would write it, to be changed."""
    today = settlement_date_of(city.kernel.business_clock.now())
    transaction_id = city.kernel.ids.new("tst")[4:]
    made = DirectDebit(
        settlement_date=today, end_to_end_id="RENT-1", transaction_id=transaction_id,
        uetr=uetr_of(transaction_id), amount=Money(5_00, "HKD"), sequence="FRST",
        collection_date=today, mandate_id=under,
        creditor=PartyAccount(name="Harbour Robotics", account=FIRM_ACCOUNT, member="307"),
        debtor=PartyAccount(name="Little Tea House", account=TEA_ACCOUNT, member="512"),
    )
    return msgspec.structs.replace(made, **changes)


async def post(
    city: PaymentsCity, bank_id: str, document: Document, message_id: str = ""
) -> Reply:
    """A message of a bank, beside its own systems; returns the switch's answer."""
    member = {HARBOUR: "307", LANTAU: "512"}.get(bank_id, "777")
    header = Header(
        from_member=member, to_member=SWITCH_MEMBER,
        message_id=message_id or city.kernel.ids.new("tst")[4:], created_at=city.clock.now(),
    )
    return (await city.post_message(bank_id, Envelope(header, document))).reply


async def join_third_bank(city: PaymentsCity) -> None:
    """Enrol a bank that has no business with the others, with a key that tests can sign with."""
    key = city.world.context.key_store.get_or_create("bank-third")
    await city.kernel.database.run(lambda db: city.directory.register(db, Organisation(
        id="bank-third", names=dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "third"),
        roles=frozenset({"participant"}), endpoints={"payments": f"{WORLD}/bank-third"},
        keys=(key.public_jwk,),
    )))
    enrolled = await city.payments.enrol_participant(
        Enrolment(organisation_id="bank-third", clearing_code="777")
    )
    assert not isinstance(enrolled, Refused), enrolled

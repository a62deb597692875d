"""A transfer says whether its payee is verified; switch and creditor's bank do as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from lionrock.payments import api
from lionrock.payments.api import Payment
from tests.http.payments.test_transfers import only_payment, pay
from tests.unit.payments.city import FIRM_ACCOUNT, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas

HOLDER = "Harbour Robotics Limited"


async def pay_account(city: PaymentsCity, name: str, **changes: str) -> Payment:
    """A customer types the firm's account and a name; the payment at its end."""
    reply = await pay(city, **({
        "proxy_kind": "", "proxy": "", "creditor_clearing_code": "307",
        "creditor_account": FIRM_ACCOUNT, "creditor_name": name, "payee_verification": "PERFORM",
    } | changes))  # fmt: skip
    assert reply.status == 202, reply
    await city.settle()
    return await only_payment(city)


async def pay_proxy(city: PaymentsCity, name: str, verification: Any) -> Payment:
    """A bank sends a transfer to the firm's number, and names the payee."""
    transfer = api.CreditTransfer(
        settlement_date=api.settlement_date_of(city.clock.now()), end_to_end_id="TEA-1",
        transaction_id="tx1", uetr="6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c",
        amount=Money(10_00, "HKD"),
        debtor=api.PartyAccount(name="Little Tea House", account=TEA_ACCOUNT, member="512"),
        creditor=api.PartyAccount(name=name, account="NOTPROVIDED", member="307"),
        proxy=api.Proxy(kind="mobile", value="+852-51230001"), payee_verification=verification,
    )
    header = api.Header(
        from_member="512", to_member=api.SWITCH_MEMBER, message_id="m1",
        created_at=city.clock.now(),
    )
    exchange = await city.post_message(LANTAU, api.Envelope(header, transfer))
    assert exchange.reply.status == 202, exchange.reply.body
    await city.settle()
    return await only_payment(city)


@pytest.mark.parametrize(
    ("name", "is_paid"),
    [
        (HOLDER, True), ("HARBOUR ROBOTICS LTD", True), ("Harbour Robotic Limited", True),
        ("Chan Tai Man", False), ("Harbor Trading", False),
    ],
)
async def test_the_creditors_bank_refuses_an_account_in_another_name(
    city: PaymentsCity, name: str, is_paid: bool
) -> None:
    payment = await pay_account(city, name)
    expected = ("settled", "") if is_paid else ("rejected", "BE01")
    assert (payment.state, payment.reason_code) == expected
    balance = (await city.statement("bank-harbour", FIRM_ACCOUNT))["balances"]["HKD"]
    assert balance == ("1250.00" if is_paid else "1000.00")


@pytest.mark.parametrize("verification", ["", "SKIP"])
async def test_a_name_is_not_compared_where_verification_is_skipped_or_not_spoken_of(
    city: PaymentsCity, verification: str
) -> None:
    payment = await pay_account(
        city, "Chan Tai Man", payee_verification=verification, service_class="C2"
    )
    await city.pass_seconds(11)
    assert (await city.load(payment.id)).state == "settled"


@pytest.mark.parametrize(
    ("name", "verification", "code"),
    [
        (HOLDER, "PERFORM", ""), ("harbour robotics", "PERFORM", ""),
        ("Chan Tai Man", "PERFORM", "BE01"), ("Chan Tai Man", "SKIP", ""),
        ("Chan Tai Man", msgspec.UNSET, ""),
    ],
)
async def test_the_switch_compares_the_name_itself_where_it_knows_it(
    city: PaymentsCity, name: str, verification: Any, code: str
) -> None:
    payment = await pay_proxy(city, name, verification)
    assert (payment.state, payment.reason_code) == ("rejected" if code else "settled", code)
    kinds = [kind for kind, _ in await city.messages(payment.id)]
    # A payment that is refused for its name was never sent to the creditor's bank.
    assert kinds.count("pacs.008.001.08") == (1 if code else 2)


async def test_the_masked_name_that_a_look_up_shows_is_the_payees(city: PaymentsCity) -> None:
    payment = await pay_proxy(city, api.mask_name(HOLDER), "PERFORM")
    assert payment.state == "settled"


@pytest.mark.parametrize(
    ("verification", "word"), [("PERFORM", b"PERFORM_PYE_VRF"), ("SKIP", b"SKIP_PYE_VRF")]
)
async def test_the_flag_is_handed_on_in_messages_that_both_validators_take(
    city: PaymentsCity, shared: Path, verification: str, word: bytes
) -> None:
    payment = await pay_account(
        city, HOLDER, payee_verification=verification, service_class="C2"
    )
    await city.pass_seconds(11)
    official = OfficialSchemas(shared)
    messages = await city.messages(payment.id)
    transfers = [raw for kind, raw in messages if kind == "pacs.008.001.08"]
    assert len(transfers) == 2
    for raw in transfers:
        assert b"<LclInstrm><Prtry>" + word + b"</Prtry></LclInstrm>" in raw
        assert b"<SvcLvl><Prtry>C2</Prtry></SvcLvl>" in raw
        assert official.problems(raw, "pacs.008.001.08") == []

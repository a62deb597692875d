"""Direct debits from authorisation to settlement, between two banks over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    PaymentsCity,
)
from tests.unit.payments.debit_city import (
    ask,
    collect,
    mandate_shown,
    operate,
    outcome_of,
    post,
    raw_debit,
    shown,
    start_mandate,
)
from tests.unit.payments.samples import OfficialSchemas

FUNDED_MINOR = 3_000_00


async def test_an_authorisation_is_asked_for_agreed_and_known_to_both_banks(
    city: PaymentsCity, shared: Path
) -> None:
    mandate_id = await start_mandate(city)
    for bank in (HARBOUR, LANTAU):
        seen = await mandate_shown(city, bank, mandate_id)
        assert (seen["state"], seen["terms"]["max_amount"]) == ("active", "500.00")
    assert [m["status"] for m in await shown(city, HARBOUR)] == ["asked", "active"]
    assert [m["status"] for m in await shown(city, LANTAU)] == ["active"]
    messages = await city.subject_messages(f"mdt_{mandate_id}")
    kinds = [kind for kind, _ in messages]
    assert kinds == ["pain.009.001.05"] * 2 + ["pain.012.001.05"] * 2
    official = OfficialSchemas(shared)
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * 4


async def test_a_collection_moves_the_money_from_the_debtors_bank_once(
    city: PaymentsCity, shared: Path
) -> None:
    mandate_id = await start_mandate(city)
    uetr = await collect(city, mandate_id, "300.00")
    payment = await outcome_of(city, uetr)
    assert (payment.state, payment.kind) == ("settled", "debit")
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 300_00
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 300_00
    tea, firm = await city.statement(LANTAU, TEA_ACCOUNT), await city.statement(
        HARBOUR, FIRM_ACCOUNT
    )
    assert (tea["balances"]["HKD"], tea["entries"][0]["status"]) == ("4700.00", "paid")
    assert (firm["balances"]["HKD"], firm["entries"][0]["status"]) == ("1300.00", "confirmed")
    messages = await city.messages(payment.id)
    assert [kind for kind, _ in messages] == ["pacs.003.001.08"] * 2 + ["pacs.002.001.10"] * 3
    official = OfficialSchemas(shared)
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * 5
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert [c["state"] for c in seen["collections"]] == ["settled"]


async def test_a_collection_in_renminbi_moves_renminbi(city: PaymentsCity) -> None:
    for number, bank in enumerate((HARBOUR, LANTAU)):
        await city.payments.fund_participant(
            f"fnd_{number + 9:032x}", bank, Money(500_00, "CNY")
        )
    await city.banks[HARBOUR].books.open_account(
        "307-000002", "Harbour Robotics Limited", opening={"CNY": 0}
    )
    mandate_id = await start_mandate(
        city, account="307-000002", currency="CNY", max_amount="80.00", period_max_amount=""
    )
    uetr = await collect(city, mandate_id, "60.00", currency="CNY")
    assert (await outcome_of(city, uetr)).state == "settled"
    assert (await city.statement(LANTAU, TEA_ACCOUNT))["balances"]["CNY"] == "40.00"
    assert await city.available(await city.settlement_id(LANTAU, "CNY")) == 440_00


async def test_a_customer_who_refuses_an_authorisation_is_not_collected_from(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city, max_amount="9.20", period_max_amount="")
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert (seen["state"], seen["reason_code"]) == ("refused", "MS02")
    payment = await outcome_of(city, await collect(city, mandate_id, "5.00"))
    assert (payment.state, payment.reason_code) == ("rejected", "MD01")


async def test_nothing_is_collected_before_the_customer_has_answered(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city, max_amount="9.21", period_max_amount="")
    assert (await mandate_shown(city, LANTAU, mandate_id))["state"] == "pending"
    debit = raw_debit(city, mandate_id)
    assert (await post(city, HARBOUR, debit)).status == 202
    early = await outcome_of(city, debit.uetr)
    assert early.reason_code == "MD01"
    answered = await operate(
        city, LANTAU, f"mandates/{mandate_id}/answers", {"accepted": True}
    )
    assert answered.status == 202
    await city.settle()
    assert (await mandate_shown(city, LANTAU, mandate_id))["state"] == "active"
    later = await outcome_of(city, await collect(city, mandate_id, "5.00"))
    assert later.state == "settled"


async def test_an_authorisation_nobody_answers_expires(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, max_amount="9.21", period_max_amount="")
    city.pass_business_time(days=8)
    await city.settle()
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert (seen["state"], seen["reason_code"]) == ("expired", "MD01")
    late = await operate(city, LANTAU, f"mandates/{mandate_id}/answers", {"accepted": True})
    assert late.status == 202
    await city.settle()
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "expired"


async def test_an_authorisation_ends_after_its_final_date(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, final_date="2026-02-22")
    assert (await outcome_of(city, await collect(city, mandate_id, "5.00"))).state == "settled"
    city.pass_business_time(days=3)
    await city.settle()
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "expired"
    payment = await outcome_of(city, await collect(city, mandate_id, "5.00", "RCUR", "B"))
    assert (payment.state, payment.reason_code) == ("rejected", "MD01")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "500.01"}, "AM02"),
        ({"amount": "5.00", "currency": "CNY"}, "AM03"),
        ({"amount": "5.00", "sequence": "RCUR"}, "AG02"),
        ({"amount": "5.00", "sequence": "OOFF"}, "AG02"),
        ({"amount": "9.22"}, "MD07"),
        ({"amount": "9.23"}, "MD01"),
    ],
    ids=["limit", "currency", "not_first", "once", "deceased", "unknown_at_bank"],
)
async def test_a_collection_that_is_not_allowed_is_rejected_with_its_reason(
    city: PaymentsCity, changes: dict[str, str], reason: str
) -> None:
    mandate_id = await start_mandate(city)
    payment = await outcome_of(city, await collect(city, mandate_id, **changes))
    assert (payment.state, payment.reason_code) == ("rejected", reason)
    tea = await city.statement(LANTAU, TEA_ACCOUNT)
    assert tea["balances"] == {"HKD": "5000.00", "CNY": "100.00"}
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR
    firm = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert [(e["status"], e["reason"]) for e in firm["entries"]] == [("refused", reason)]


@pytest.mark.parametrize(("status", "reason"), [("closed", "AC04"), ("blocked", "AC06")])
async def test_a_collection_from_a_closed_or_blocked_account_is_rejected(
    city: PaymentsCity, status: Any, reason: str
) -> None:
    mandate_id = await start_mandate(city)
    await city.banks[LANTAU].books.open_account(
        TEA_ACCOUNT, "Little Tea House", opening={}, status=status
    )
    payment = await outcome_of(city, await collect(city, mandate_id, "5.00"))
    assert (payment.state, payment.reason_code) == ("rejected", reason)


async def test_a_collection_above_the_customers_money_is_rejected(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, max_amount="6000.00", period_max_amount="")
    broke_bank = await outcome_of(city, await collect(city, mandate_id, "5500.00"))
    assert (broke_bank.state, broke_bank.reason_code) == ("rejected", "AM04")


async def test_a_period_allows_so_many_collections_and_so_much_money(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, collections_per_period=3)
    assert (await outcome_of(city, await collect(city, mandate_id, "450.00"))).state == "settled"
    above = await outcome_of(city, await collect(city, mandate_id, "350.01", "RCUR", "B"))
    assert above.reason_code == "AM14"
    assert (
        await outcome_of(city, await collect(city, mandate_id, "100.00", "RCUR", "C"))
    ).state == "settled"
    assert (
        await outcome_of(city, await collect(city, mandate_id, "100.00", "RCUR", "D"))
    ).state == "settled"
    fourth = await outcome_of(city, await collect(city, mandate_id, "1.00", "RCUR", "E"))
    assert fourth.reason_code == "AM14"
    # A new month begins: the limits are whole again.
    city.pass_business_time(days=10)
    assert (
        await outcome_of(city, await collect(city, mandate_id, "450.00", "FNAL", "F"))
    ).state == "settled"
    after_final = await outcome_of(city, await collect(city, mandate_id, "1.00", "RCUR", "G"))
    assert after_final.reason_code == "AG02"


async def test_a_collection_of_one_name_is_made_once_and_after_a_rejection_again(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city, collections_per_period=5)
    refused = await outcome_of(city, await collect(city, mandate_id, "9.22"))
    assert refused.reason_code == "MD07"
    assert (await outcome_of(city, await collect(city, mandate_id, "50.00"))).state == "settled"
    again = await outcome_of(city, await collect(city, mandate_id, "50.00", "RCUR"))
    assert (again.state, again.reason_code) == ("rejected", "AM05")
    first_again = await outcome_of(city, await collect(city, mandate_id, "50.00", "FRST", "B"))
    assert first_again.reason_code == "AM05"
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 50_00


async def test_the_debtor_suspends_resumes_and_cancels(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, collections_per_period=5)
    path = f"mandates/{mandate_id}/amendments"
    await operate(city, LANTAU, path, {"reason": "SUSPEND"})
    await city.settle()
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "suspended"
    suspended = await outcome_of(city, await collect(city, mandate_id, "5.00"))
    assert suspended.reason_code == "SL01"
    await operate(city, LANTAU, path, {"reason": "RESUME"})
    await city.settle()
    assert (await outcome_of(city, await collect(city, mandate_id, "5.00"))).state == "settled"
    await operate(city, LANTAU, f"mandates/{mandate_id}/cancellations", {})
    await city.settle()
    assert (await mandate_shown(city, HARBOUR, mandate_id))["state"] == "cancelled"
    assert [m["status"] for m in await shown(city, HARBOUR)] == ["asked", "cancelled"]
    ended = await outcome_of(city, await collect(city, mandate_id, "5.00", "RCUR", "B"))
    assert ended.reason_code == "MD01"


async def test_other_terms_hold_once_the_debtor_has_agreed(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city, collections_per_period=5)
    path = f"mandates/{mandate_id}/amendments"
    await operate(city, HARBOUR, path, {"reason": "AMEND", "max_amount": "9.21"})
    await city.settle()
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert seen["terms"]["max_amount"] == "500.00"
    assert seen["proposed_terms"]["max_amount"] == "9.21"
    assert (await outcome_of(city, await collect(city, mandate_id, "400.00"))).state == "settled"
    await operate(city, LANTAU, f"mandates/{mandate_id}/answers", {"accepted": True})
    await city.settle()
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert (seen["terms"]["max_amount"], seen["proposed_terms"]) == ("9.21", None)
    above = await outcome_of(city, await collect(city, mandate_id, "9.24", "RCUR", "B"))
    assert above.reason_code == "AM02"


async def test_a_proposal_nobody_answers_is_forgotten_and_the_old_terms_stay(
    city: PaymentsCity,
) -> None:
    mandate_id = await start_mandate(city)
    await operate(city, HARBOUR, f"mandates/{mandate_id}/amendments", {
        "reason": "AMEND", "max_amount": "9.21",
    })
    await city.settle()
    city.pass_business_time(days=8)
    await city.settle()
    seen = await mandate_shown(city, HARBOUR, mandate_id)
    assert (seen["state"], seen["proposed_terms"]) == ("active", None)
    assert seen["terms"]["max_amount"] == "500.00"


async def test_the_magic_page_lists_what_the_desk_understands(city: PaymentsCity) -> None:
    reply = await city.world.context.network.send("GET", f"http://world.test/{LANTAU}/magic")
    amounts = msgspec.json.decode(reply.body)["amounts"]
    assert {"9.20", "9.21", "9.22", "9.23"} <= set(amounts)


async def test_an_account_that_is_not_there_asks_for_nothing(city: PaymentsCity) -> None:
    assert (await ask(city, account="307-404")).status == 404
    assert (await ask(city, max_amount="1.234")).status == 400

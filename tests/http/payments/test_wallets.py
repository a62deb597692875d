"""e-CNY-style wallets over the real switch: quotes, top-ups in two currencies, limits."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import TransferDraft
from lionrock.payments.api import start
from lionrock.payments.wallets.domain import price_of, read_rate, show_rate
from lionrock.payments.wallets.errors import ERRORS, WalletRefusal
from lionrock.payments.wallets.packaged import wallet_limits
from tests.conftest import SEED
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.treasury import settle_slowly

MOBILE = "+852 9123 4567"
RATE = "1.083500"
RMB_MINOR = 20_000_00
HKD_MINOR = 3_000_00
PARTY = {"debtor_name": "Chan Tai Man", "debtor_account": "512-000009"}


async def ask(
    city: PaymentsCity, method: str, path: str, body: Any = None, sender: str = LANTAU
) -> tuple[int, Any]:
    """A signed call; status and decoded body."""
    raw = msgspec.json.encode(body) if body is not None else b""
    exchange = await city.call(
        sender, f"/payments/v1/wallets{path}", raw, method=method, media_type="application/json"
    )
    return exchange.reply.status, msgspec.json.decode(exchange.reply.body)


async def open_wallet(city: PaymentsCity, hkd_minor: int = 20_000_00) -> str:
    """A wallet at Harbour with a rate, RMB to sell, and HKD at Lantau; returns its id."""
    for bank, amount in ((HARBOUR, Money(RMB_MINOR, "CNY")), (LANTAU, Money(hkd_minor, "HKD"))):
        done = await city.payments.fund_participant(city.kernel.ids.new("fnd"), bank, amount)
        assert not isinstance(done, Refused), done
    status, wallet = await ask(city, "POST", "", {"mobile": MOBILE}, HARBOUR)
    assert status == 202, wallet
    status, rate = await ask(city, "PUT", "/rates", {"hkd_per_cny": RATE}, HARBOUR)
    assert (status, rate) == (200, {"hkd_per_cny": RATE})
    await city.settle()
    found: str = wallet["id"]
    return found


async def quote(city: PaymentsCity, amount: str, sender: str = LANTAU) -> Any:
    """A quote that is not refused."""
    status, made = await ask(
        city, "POST", "/quotes", {"mobile": MOBILE, "amount": amount}, sender
    )
    assert status == 201, made
    return made


async def top_up(
    city: PaymentsCity, amount: str, name: str = "TOP-1", sender: str = LANTAU
) -> Any:
    """A top-up, carried out; as its bank reads it."""
    made = await quote(city, amount, sender)
    body = {"quote_id": made["id"], "end_to_end_id": name, **PARTY}
    status, taken = await ask(city, "POST", "/top-ups", body, sender)
    assert status == 202, taken
    await city.settle()
    return (await ask(city, "GET", f"/movements/{taken['id']}", sender=sender))[1]


async def pay(city: PaymentsCity, wallet_id: str, amount: str, **changes: str) -> tuple[int, Any]:
    """A payment to a merchant at Lantau, carried out if taken."""
    body = {
        "amount": amount, "end_to_end_id": "SHOP-1", "payee_kind": "merchant",
        "payee_clearing_code": "512", "payee_name": "Little Tea House",
        "payee_account": "512-000009", **changes,
    }
    status, taken = await ask(city, "POST", f"/{wallet_id}/payments", body, HARBOUR)
    await city.settle()
    if status != 202:
        return status, taken
    return await ask(city, "GET", f"/movements/{taken['id']}", sender=HARBOUR)


async def holds(city: PaymentsCity, wallet_id: str) -> tuple[str, str]:
    """Balance and room of a wallet."""
    status, shown = await ask(city, "GET", f"/{wallet_id}", sender=HARBOUR)
    assert status == 200, shown
    return shown["balance"], shown["room"]


async def test_a_top_up_moves_both_currencies_in_one_chain(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    done = await top_up(city, "1000.00")
    assert (done["state"], done["pay_amount"], done["simulated"]) == ("settled", "1083.50", True)
    assert await holds(city, wallet_id) == ("1000.00", "9000.00")
    hkd = [await city.available(await city.settlement_id(b, "HKD")) for b in (HARBOUR, LANTAU)]
    assert hkd == [HKD_MINOR + 1083_50, HKD_MINOR + 20_000_00 - 1083_50]
    rmb = await city.available(await city.settlement_id(HARBOUR, "CNY"))
    assert rmb == RMB_MINOR - 1000_00


@pytest.mark.parametrize("amount", ["7000.00", "0.01"])
async def test_without_the_money_on_one_side_nothing_moves_on_any(
    city: PaymentsCity, amount: str
) -> None:
    wallet_id = await open_wallet(city, hkd_minor=1)
    [account] = await city.ledger.lookup_accounts([await city.settlement_id(HARBOUR, "CNY")])
    if amount == "0.01":
        # The other side: the institution has sold all its RMB.
        await drain(city, account.debits_available)
    done = await top_up(city, amount)
    assert (done["state"], done["reason_code"]) == ("rejected", "AM04")
    assert await holds(city, wallet_id) == ("0.00", "10000.00")
    assert await city.available(await city.settlement_id(LANTAU, "HKD")) == HKD_MINOR + 1


async def drain(city: PaymentsCity, amount_minor: int) -> None:
    """Take an institution's RMB away."""


    await city.ledger.create_transfers([TransferDraft(
        id=city.kernel.ids.new_u128(), ledger=156, code=1, amount=amount_minor,
        debit_account_id=await city.settlement_id(HARBOUR, "CNY"),
        credit_account_id=await city.settlement_id(LANTAU, "CNY"),
    )])


async def test_within_one_bank_only_the_rmb_move(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    done = await top_up(city, "100.00", sender=HARBOUR)
    assert done["state"] == "settled"
    assert await holds(city, wallet_id) == ("100.00", "9900.00")
    assert await city.available(await city.settlement_id(HARBOUR, "HKD")) == HKD_MINOR


async def test_a_wallet_never_holds_more_than_its_limit(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    await top_up(city, "9999.99")
    status, refused = await ask(city, "POST", "/quotes", {"mobile": MOBILE, "amount": "0.02"})
    assert (status, refused["code"]) == (409, "payments.wallet_balance_limit")
    assert (await top_up(city, "0.01", "TOP-2"))["state"] == "settled"
    assert await holds(city, wallet_id) == ("10000.00", "0.00")


async def test_two_quotes_at_once_cannot_pass_the_limit_together(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    quotes = [await quote(city, "6000.00") for _ in range(2)]
    ids = []
    for number, made in enumerate(quotes):
        body = {"quote_id": made["id"], "end_to_end_id": f"TOP-{number}", **PARTY}
        ids.append((await ask(city, "POST", "/top-ups", body))[1]["id"])
    await city.settle()
    ended = [(await ask(city, "GET", f"/movements/{each}"))[1] for each in ids]
    assert sorted(each["state"] for each in ended) == ["rejected", "settled"]
    assert {each["reason_code"] for each in ended} == {"", "AM02"}
    assert await holds(city, wallet_id) == ("6000.00", "4000.00")
    hkd = await city.available(await city.settlement_id(LANTAU, "HKD"))
    assert hkd == HKD_MINOR + 20_000_00 - 6501_00, "the second chain took nothing"


async def test_a_payment_goes_to_the_merchant_and_makes_room(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    await top_up(city, "3000.00")
    status, done = await pay(city, wallet_id, "2000.00")
    assert (status, done["state"]) == (200, "settled")
    assert await holds(city, wallet_id) == ("1000.00", "9000.00")
    assert await city.available(await city.settlement_id(LANTAU, "CNY")) == 2000_00


@pytest.mark.parametrize(("amount", "changes", "code"), [
    ("2000.01", {}, "payments.wallet_payment_limit"),
    ("1.00", {"payee_kind": "person"}, "payments.wallet_person"),
    ("0.00", {}, "payments.wallet_amount_malformed"),
    ("1.001", {}, "payments.wallet_amount_malformed"),
    ("1.00", {"payee_clearing_code": "999"}, "payments.wallet_payee_malformed"),
    ("1.00", {"payee_account": "no spaces"}, "payments.wallet_payee_malformed"),
    ("1.00", {"end_to_end_id": "no spaces"}, "payments.wallet_name_malformed"),
])
async def test_a_payment_beyond_a_limit_is_refused_for_that_limit(
    city: PaymentsCity, amount: str, changes: dict[str, str], code: str
) -> None:
    wallet_id = await open_wallet(city)
    await top_up(city, "3000.00")
    _status, refused = await pay(city, wallet_id, amount, **changes)
    assert refused["code"] == code
    assert await holds(city, wallet_id) == ("3000.00", "7000.00")


async def test_a_payment_without_the_money_is_rejected(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    _status, done = await pay(city, wallet_id, "1.00")
    assert (done["state"], done["reason_code"]) == ("rejected", "AM04")


async def test_a_name_and_a_quote_count_once(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    made = await quote(city, "10.00")
    body = {"quote_id": made["id"], "end_to_end_id": "TOP-1", **PARTY}
    first = await ask(city, "POST", "/top-ups", body)
    await city.settle()
    again = await ask(city, "POST", "/top-ups", body)
    assert (first[1]["id"], again[1]["state"]) == (again[1]["id"], "settled")
    used = await ask(city, "POST", "/top-ups", {**body, "end_to_end_id": "TOP-2"})
    assert used[1]["code"] == "payments.wallet_quote_used"
    other = await ask(city, "POST", "/top-ups", {**body, "debtor_name": "Another"})
    assert other[1]["code"] == "payments.wallet_name_reused"
    assert await holds(city, wallet_id) == ("10.00", "9990.00")


async def test_a_quote_ends_with_its_time_and_is_its_asker_s(
    city: PaymentsCity, business_clock: FrozenClock
) -> None:
    await open_wallet(city)
    made = await quote(city, "10.00")
    body = {"quote_id": made["id"], "end_to_end_id": "TOP-1", **PARTY}
    stranger = await ask(city, "POST", "/top-ups", body, HARBOUR)
    assert stranger[1]["code"] == "payments.wallet_quote_not_found"
    business_clock.advance(seconds=made["life_s"])
    late = await ask(city, "POST", "/top-ups", body)
    assert late[1]["code"] == "payments.wallet_quote_expired"


@pytest.mark.parametrize(("mobile", "code"), [
    ("+86 138 0013 8000", "payments.wallet_mobile_malformed"),
    ("someone@example.com", "payments.wallet_mobile_malformed"),
    ("+852 2123 4567", "payments.wallet_mobile_malformed"),
])
async def test_a_wallet_is_for_a_hong_kong_mobile_number(
    city: PaymentsCity, mobile: str, code: str
) -> None:
    _status, refused = await ask(city, "POST", "", {"mobile": mobile}, HARBOUR)
    assert refused["code"] == code


async def test_a_number_has_one_wallet(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    status, again = await ask(city, "POST", "", {"mobile": "91234567"}, HARBOUR)
    assert (status, again["id"]) == (202, wallet_id)
    _status, refused = await ask(city, "POST", "", {"mobile": MOBILE}, LANTAU)
    assert refused["code"] == "payments.wallet_mobile_taken"


async def test_a_quote_needs_a_wallet_that_is_open_and_a_rate(city: PaymentsCity) -> None:
    async def refusal(amount: str = "1.00") -> str:
        _status, refused = await ask(
            city, "POST", "/quotes", {"mobile": MOBILE, "amount": amount}
        )
        code: str = refused["code"]
        return code

    assert await refusal() == "payments.wallet_not_found"
    await ask(city, "POST", "", {"mobile": MOBILE}, HARBOUR)
    assert await refusal() == "payments.wallet_opening"
    await city.settle()
    assert await refusal() == "payments.wallet_rate_unknown"
    assert await refusal("0.00") == "payments.wallet_amount_malformed"


@pytest.mark.parametrize("rate", ["0.000000", "1", "1.0000001", "101.0", "-1.0", "x"])
async def test_a_rate_that_is_none_is_refused(city: PaymentsCity, rate: str) -> None:
    _status, refused = await ask(city, "PUT", "/rates", {"hkd_per_cny": rate}, HARBOUR)
    assert refused["code"] == "payments.wallet_rate_malformed"


async def test_wallets_and_movements_of_others_are_not_found(city: PaymentsCity) -> None:
    wallet_id = await open_wallet(city)
    done = await top_up(city, "1.00", sender=HARBOUR)
    _status, refused = await ask(city, "GET", f"/{wallet_id}", sender=LANTAU)
    assert refused["code"] == "payments.wallet_not_found"
    _status, refused = await ask(city, "GET", f"/movements/{done['id']}", sender=LANTAU)
    assert refused["code"] == "payments.wallet_movement_not_found"


async def test_wallets_reconcile_with_both_currencies_statements(
    city: PaymentsCity, business_clock: FrozenClock
) -> None:
    await city.kernel.database.run(lambda db: start(db, city.payments))
    await city.settle()
    wallet_id = await open_wallet(city)
    await top_up(city, "3000.00")
    await top_up(city, "10.00", "TOP-2", HARBOUR)
    await pay(city, wallet_id, "20.00")
    business_clock.advance(seconds=8 * 3600)
    await settle_slowly(city)
    found = await city.kernel.database.read(
        lambda db: city.payments.settlement.reconciliations(db, date(2026, 2, 20))
    )
    assert not isinstance(found, Refused), found
    made = {each.currency: each for each in found[1]}
    assert {currency: each.differences for currency, each in made.items()} == {
        "HKD": (), "CNY": (),
    }
    # RMB: funding, two top-ups, and the payment. HKD: three fundings and both sides of one top-up.
    assert (made["CNY"].entries_checked, made["HKD"].entries_checked) == (4, 5)


def test_hkd_are_rounded_up_so_that_the_rate_is_never_undercut() -> None:
    chance = random.Random(SEED)
    for _ in range(2_000):
        amount = Money(chance.randint(1, 1_000_000), "CNY")
        micros = chance.randint(1, 5_000_000)
        pay_minor = price_of(amount, micros).amount_minor
        assert pay_minor * 1_000_000 >= amount.amount_minor * micros, SEED
        assert (pay_minor - 1) * 1_000_000 < amount.amount_minor * micros, SEED


@pytest.mark.parametrize(("text", "micros"), [
    ("1.083500", 1_083_500), ("1.0", 1_000_000), ("0.000001", 1), ("100.000000", 100_000_000),
    ("100.000001", None), ("01.0", None), ("1.", None), ("1e3", None),
])
def test_rates_are_read_exactly(text: str, micros: int | None) -> None:
    assert read_rate(text) == micros
    if micros is not None:
        assert read_rate(show_rate(micros)) == micros


def test_the_packaged_limits_say_where_they_come_from() -> None:
    limits = wallet_limits()
    assert (limits.payment_minor_max, limits.balance_minor_max) == (2_000_00, 10_000_00)
    assert limits.source and limits.as_of == "2026-02-20" and not limits.person_to_person


def test_every_refusal_of_wallets_has_a_row() -> None:
    assert set(ERRORS) == set(WalletRefusal)


async def test_an_institution_without_rmb_opens_no_wallet(city: PaymentsCity) -> None:
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.settlement_accounts SET is_open = false WHERE currency = 'CNY'"
    ))
    _status, refused = await ask(city, "POST", "", {"mobile": MOBILE}, HARBOUR)
    assert refused["code"] == "payments.wallet_operator_no_rmb"


async def test_a_bank_without_hkd_tops_nothing_up(city: PaymentsCity) -> None:
    await open_wallet(city)
    made = await quote(city, "1.00")
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.settlement_accounts SET is_open = false"
        " WHERE currency = 'HKD' AND organisation_id = $1", LANTAU,
    ))
    body = {"quote_id": made["id"], "end_to_end_id": "TOP-1", **PARTY}
    _status, refused = await ask(city, "POST", "/top-ups", body)
    assert refused["code"] == "payments.wallet_payer_no_hkd"

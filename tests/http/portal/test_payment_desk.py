"""The operator's pages of payments: positions, search by any name, a payment's life, statements."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import LANGUAGES
from lionrock.payments.api import Payment
from lionrock.payments.settlement.domain import Cut, Difference
from lionrock.payments.settlement.store import statements
from lionrock.payments.settlement.store.statements import Reconciliation
from tests.http.portal.conftest import Opened
from tests.whole.conftest import WORLD, WholeCity

PAGE = "/portal/payments"
JSON = {"content-type": "application/json"}


async def call(city: WholeCity, method: str, path: str, body: object) -> int:
    """Ask a simulated bank's counter for something."""
    reply = await city.world.context.network.send(
        method, f"{WORLD}{path}", JSON, msgspec.json.encode(body)
    )
    return reply.status


async def paid(city: WholeCity, amount: str = "12.34") -> Payment:
    """A customer of one bank pays a customer of the other one; the payment at its end."""
    for bank, number in (("bank-lantau", "99-1"), ("bank-harbour", "99-2")):
        opened = {"name": "Chan Tai Man", "opening": {"HKD": "500.00"}}
        assert await call(city, "PUT", f"/{bank}/operator/accounts/{number}", opened) == 200
    assert await call(city, "POST", "/bank-lantau/operator/transfers", {
        "account": "99-1", "amount": amount, "currency": "HKD", "end_to_end_id": "DESK-1",
        "creditor_clearing_code": "901", "creditor_account": "99-2", "creditor_name": "Chan",
    }) == 202  # fmt: skip
    await city.settle_down()
    oversight = city.platform.payments.oversight
    [payment, *_] = await city.platform.kernel.database.run(lambda db: oversight.recent(db, 1))
    return payment


async def test_a_payment_is_found_by_each_of_its_names(opened: Opened, city: WholeCity) -> None:
    payment = await paid(city)
    assert payment.state == "settled"
    iris = await opened("iris")
    names = (
        payment.id, payment.end_to_end_id, payment.transaction_id, payment.uetr,
        payment.uetr.upper(), payment.original_message_id, payment.sent_message_id,
        f"{payment.hold_id:032x}", str(payment.hold_id), f"{payment.post_id:032x}",
    )
    for name in names:
        page = await iris.get(f"{PAGE}?q={name}")
        assert f'href="{PAGE}/{payment.id}"' in page.text, name
    for absent in ("DESK", "%20", "%27%20OR%201=1", "x" * 141):
        page = await iris.get(f"{PAGE}?q={absent}")
        assert page.status_code == 200 and payment.id not in page.text, absent


async def test_a_payments_life_shows_its_messages_and_receipts(
    opened: Opened, city: WholeCity
) -> None:
    payment = await paid(city)
    iris = await opened("iris")
    page = await iris.get(f"{PAGE}/{payment.id}")
    for shown in (payment.uetr, payment.sent_message_id, "pacs.008.001.08", "pacs.002.001.10",
                  "payments.payment_settled", "<svg"):
        assert shown in page.text, shown
    assert "99-2" not in page.text and "Chan Tai Man" not in page.text, "parties are not shown"
    assert "<script" not in page.text and " style=" not in page.text
    link = re.search(rf'href="({PAGE}/{payment.id}/messages/[^"]+)"', page.text)
    assert link is not None
    message = await iris.get(link.group(1))
    assert message.headers["content-type"].startswith("application/xml")
    assert payment.uetr in message.text
    other = link.group(1).replace(payment.id, "pay_" + "0" * 32)
    assert (await iris.get(other)).status_code == 404


async def test_positions_are_the_ledgers_and_drawn(opened: Opened, city: WholeCity) -> None:
    await paid(city)
    iris = await opened("iris")
    for language in LANGUAGES:
        page = await iris.get(f"{PAGE}?lang={language}")
        assert page.status_code == 200 and page.text.count("<rect") >= 4
    holdings = await city.platform.payments.oversight.holdings()
    for holding in holdings:
        for position in holding.positions:
            shown = f"{position.balance.amount_minor / 100:,.2f}"
            assert shown in page.text, shown
        path = f"{PAGE}/participants/{holding.participant.organisation_id}"
        assert holding.participant.clearing_code in (await iris.get(path)).text


async def test_proxies_are_shown_masked(opened: Opened, city: WholeCity) -> None:
    body = {"name": "Wong Siu Ming", "opening": {"HKD": "1.00"},
            "proxies": [["mobile", "+85251234567"]]}
    assert await call(city, "PUT", "/bank-harbour/operator/accounts/99-3", body) == 200
    await city.settle_down()
    page = await (await opened("iris")).get(f"{PAGE}?q=%2B85251234567")
    assert "W***" in page.text or "*" in page.text
    assert "Wong Siu Ming" not in page.text and "99-3" not in page.text


async def test_the_pages_are_there_for_operators_only(opened: Opened, city: WholeCity) -> None:
    payment = await paid(city)
    paths = (
        PAGE, f"{PAGE}/{payment.id}", f"{PAGE}/participants/bank-harbour",
        f"{PAGE}/participants/bank-harbour/statements/stm_1", f"{PAGE}/{payment.id}/messages/msg_1",
    )
    karen, nobody = await opened("karen"), await opened()
    for path in paths:
        assert (await karen.get(path)).status_code == 404, path
        assert (await nobody.get(path)).status_code == 303, path
    iris = await opened("iris")
    for path in (f"{PAGE}/pay_unknown", f"{PAGE}/participants/unknown", *paths[3:]):
        assert (await iris.get(path)).status_code == 404, path


async def test_the_page_says_how_far_the_ledgers_copies_are_behind(
    opened: Opened, city: WholeCity
) -> None:
    iris = await opened("iris")
    await city.platform.projection.catch_up()
    for language, level in (("en", "Copies level"), ("zh-Hant", "副本已同步")):
        page = await iris.get(f"{PAGE}?lang={language}")
        assert level in page.text and 'id="copies"' in page.text
    reader = city.platform.ledger_reader
    written = await reader.journal_sequence()
    assert f"第 {written} 行" in page.text


async def test_days_show_where_they_were_cut_and_what_does_not_agree(
    opened: Opened, city: WholeCity
) -> None:
    iris = await opened("iris")
    assert 'id="days"' in (await iris.get(PAGE)).text
    at = datetime(2026, 2, 20, 16, tzinfo=UTC)
    difference = Difference(
        kind="record_not_on_statements", organisation_id="", subject="pay_<b>", expected="12.34",
        found="0.00",
    )

    async def cut_days(db: Connection) -> None:
        for number, differences in ((901, ()), (902, (difference,))):
            await statements.insert_cut(db, Cut(
                id=f"cut_{number}", number=number, business_date=date(2025, 1, number - 900),
                marker_id=number, created_at=at, state="stated", ledger_sequence=number,
                after_sequence=0, finished_at=at,
            ))  # fmt: skip
            await statements.save_reconciliation(db, Reconciliation(
                cut_id=f"cut_{number}", currency="HKD", entries_checked=5, payments_checked=3,
                statements_checked=2, done_at=at, differences=differences,
            ))  # fmt: skip

    await city.platform.kernel.database.run(cut_days)
    for language in LANGUAGES:
        page = await iris.get(f"{PAGE}?lang={language}")
        days = page.text.partition('id="days"')[2]
        for shown in ("2025-01-01", "2025-01-02", "901", "record_not_on_statements", "12.34",
                      "pay_&lt;b&gt;"):  # fmt: skip
            assert shown in days, (language, shown)
        assert days.index("2025-01-02") < days.index("2025-01-01"), "the newest first"

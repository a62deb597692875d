"""Settlement's decisions: hours, alerts, legs; and that a statement page is valid camt.053."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from lionrock.kernel.money import Money
from lionrock.payments.settlement.domain import (
    PAGE_ENTRIES_MAX,
    Cut,
    Known,
    Liquidity,
    LiquidityKind,
    Statement,
    StatementEntry,
    Threshold,
    alert_step,
    day_end,
    is_central_open,
    is_weekday,
    next_opening,
)
from lionrock.payments.settlement.packaged import central_hours
from lionrock.payments.settlement.service.central import CentralAccounts
from lionrock.payments.settlement.service.exports import (
    StatementPage,
    as_camt_053,
    as_camt_054,
    as_csv,
    as_json,
)
from lionrock.payments.settlement.service.liquidity import legs
from tests.unit.payments.official import problems

AT = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
ACCOUNTS = CentralAccounts(
    issue_id=1, pool_id=2, repo_id=3, participant_id=4, reserve_id=5, settlement_id=6
)


@pytest.mark.parametrize(("hour", "minute", "is_open"), [
    (0, 29, False), (0, 30, True), (10, 29, True), (10, 30, False), (16, 0, False),
])
def test_the_central_institution_works_from_half_past_eight_to_half_past_six(
    hour: int, minute: int, is_open: bool
) -> None:
    instant = datetime(2026, 2, 20, hour, minute, tzinfo=UTC)
    assert is_central_open(instant, central_hours(), is_weekday) is is_open


def test_the_central_institution_is_closed_on_days_that_are_no_business_days() -> None:
    assert not is_central_open(AT, central_hours(), lambda _day: False)


def test_after_friday_evening_the_next_opening_is_on_monday() -> None:
    evening = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
    opening = next_opening(evening, central_hours(), is_weekday)
    assert opening == datetime(2026, 2, 23, 0, 30, tzinfo=UTC)


def test_a_day_ends_at_midnight_in_hong_kong() -> None:
    assert day_end(date(2026, 2, 20)) == datetime(2026, 2, 20, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(("available_minor", "is_alerted", "step"), [
    (99, False, "raise"), (100, False, "none"), (149, False, "none"), (0, True, "none"),
    (100, True, "none"), (149, True, "none"), (150, True, "clear"), (10_000, False, "none"),
])
def test_an_alert_begins_below_the_lower_amount_and_ends_at_the_higher(
    available_minor: int, is_alerted: bool, step: str
) -> None:
    threshold = Threshold(organisation_id="b", currency="HKD", low_minor=100, clear_minor=150)
    assert alert_step(threshold, available_minor, is_alerted=is_alerted) == step


@pytest.mark.parametrize(("kind", "central", "switch"), [
    ("in", (4, 2), (5, 6)), ("out", (2, 4), (6, 5)),
    ("repo", (3, 2), (5, 6)), ("repayment", (2, 3), (6, 5)),
])
def test_a_liquidity_transfer_moves_the_same_amount_on_both_books_in_one_chain(
    kind: LiquidityKind, central: tuple[int, int], switch: tuple[int, int]
) -> None:
    first, second = legs(Liquidity(
        id="liq_1", organisation_id="b", kind=kind, amount=Money(5, "HKD"), central_leg_id=11,
        switch_leg_id=12, end_to_end_id="e", transaction_id="t", uetr="u", digest=b"",
        created_at=AT,
    ), ACCOUNTS)
    assert (first.id, first.debit_account_id, first.credit_account_id) == (11, *central)
    assert (second.id, second.debit_account_id, second.credit_account_id) == (12, *switch)
    assert (first.amount, second.amount, first.flags, second.flags) == (5, 5, 1, 0)


def page_of(count: int, page: int = 1) -> StatementPage:
    """A page of a statement with `count` entries in all: credits of 3, every third a debit."""
    amounts = [-2 if number % 3 == 0 else 3 for number in range(1, count + 1)]
    credits = [each for each in amounts if each > 0]
    debits = [-each for each in amounts if each < 0]
    statement = Statement(
        id=f"stm_{1:032x}", cut_id="cut_1", organisation_id="b", currency="HKD",
        ledger_account_id=6, number=1, state="issued", opening_minor=-10,
        closing_minor=-10 + sum(amounts), credits_minor=sum(credits), credit_count=len(credits),
        debits_minor=sum(debits), debit_count=len(debits), before_ns=0,
    )
    first = (page - 1) * PAGE_ENTRIES_MAX
    entries = tuple(
        StatementEntry(
            transfer_id=number + 1, timestamp_ns=1_771_578_000_000_000_000 + number,
            amount_minor=amount, code=2101,
        )
        for number, amount in enumerate(amounts)
    )[first:first + PAGE_ENTRIES_MAX]
    known = Known(
        transfer_id=1, kind="credit_transfer", subject_id="pay_1", amount=Money(3, "HKD"),
        end_to_end_id="E-1", transaction_id="T-1", uetr="6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c",
    )
    cut = Cut(
        id="cut_1", number=1, business_date=date(2026, 2, 20), marker_id=9, created_at=AT,
        state="stated", ledger_sequence=77, after_sequence=0,
    )
    return StatementPage(
        statement=statement, cut=cut, from_at=AT, clearing_code="307", page=page,
        first=first + 1, entries=entries, known={1: known},
    )


@pytest.mark.parametrize("page", [page_of(0), page_of(5), page_of(PAGE_ENTRIES_MAX + 1, page=2)])
def test_a_statement_page_is_valid_against_the_official_camt_053(
    page: StatementPage, shared: Path
) -> None:
    assert problems(shared, "camt.053.001.08", as_camt_053(page)) == []


def test_a_notification_is_valid_against_the_official_camt_054(shared: Path) -> None:
    page = page_of(1)
    raw = as_camt_054(page.entries[0], page.known[1], "307", now=AT)
    assert problems(shared, "camt.054.001.08", raw) == []


def test_the_pages_of_a_statement_hold_every_entry_once_in_every_format() -> None:
    pages = [page_of(PAGE_ENTRIES_MAX + 1), page_of(PAGE_ENTRIES_MAX + 1, page=2)]
    numbers = [entry.number for page in pages for entry in as_json(page).entries]
    assert numbers == list(range(1, PAGE_ENTRIES_MAX + 2))
    assert [page.statement.page_count for page in pages] == [2, 2]
    lines = b"".join(as_csv(page) for page in pages).split(b"\r\n")
    assert len(lines) == PAGE_ENTRIES_MAX + 1 + 2 + 1, "a heading a page, an end of file"
    entries = [
        element.text
        for page in pages
        for element in etree.fromstring(as_camt_053(page)).iterfind(".//{*}Ntry/{*}NtryRef")
    ]
    assert entries == [str(number) for number in numbers]

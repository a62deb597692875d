"""Settlement as values and decisions: hours, liquidity legs, alerts, what a posting does.

Pure. Not for: money itself (the ledger), SQL (store), messages (domain.iso20022.settlement).
The central institution is simulated: its books are accounts of our own ledger, so that both legs of
a liquidity transfer are one linked chain. Source: ISO 20022 pacs.009, camt.053; TigerBeetle
reference (linked events). Invariants: a liquidity transfer moves the same amount on both books; the
pool at the central institution is what came in less what went out; an alert that began below `low`
ends at `clear` or above, never between.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal, Protocol

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.domain.payments import HONG_KONG

LiquidityKind = Literal["in", "out", "repo", "repayment"]
LiquidityState = Literal["accepted", "settled", "rejected"]
StatementState = Literal["begun", "collecting", "issued", "differs"]
CENTRAL_ACCOUNT_CODE = 2003
CENTRAL_OWN_CODE = 2004
CUT_ACCOUNT_CODE = 2005
LIQUIDITY_TRANSFER_CODE = 2103
CENTRAL_CREDIT_CODE = 2104
CUT_MARKER_CODE = 2105
SATURDAY = 5
DAYS_SEARCHED_MAX = 31
PAGE_ENTRIES_MAX = 1_000


class BusinessDays(Protocol):
    """Which days the central institution works; bound by the composition."""

    def __call__(self, day: date) -> bool:
        """Say whether a Hong Kong day is a business day."""
        ...


def is_weekday(day: date) -> bool:
    """Monday to Friday: what holds where no calendar of holidays is bound."""
    return day.weekday() < SATURDAY


class Hours(msgspec.Struct, frozen=True):
    """When the simulated central institution works, and how much it lends after hours."""

    origin: str
    as_of: date
    mark: str
    time_zone: str
    opens: str
    closes: str
    repo_minor_max: dict[str, int]
    repo_origin: str


def is_central_open(instant: datetime, hours: Hours, is_business_day: BusinessDays) -> bool:
    """Say whether the central institution works at a business instant."""
    assert instant.tzinfo is not None, "instants are timezone-aware"
    there = instant.astimezone(HONG_KONG)
    opens, closes = time.fromisoformat(hours.opens), time.fromisoformat(hours.closes)
    return is_business_day(there.date()) and opens <= there.time() < closes


def next_opening(instant: datetime, hours: Hours, is_business_day: BusinessDays) -> datetime:
    """Return the first instant after this one at which the central institution opens."""
    there = instant.astimezone(HONG_KONG)
    opens = time.fromisoformat(hours.opens)
    for days in range(DAYS_SEARCHED_MAX):
        day = there.date() + timedelta(days=days)
        opening = datetime.combine(day, opens, HONG_KONG)
        if opening > instant and is_business_day(day):
            return opening
    raise AssertionError(f"no business day within {DAYS_SEARCHED_MAX} days of {instant}")


def day_end(day: date) -> datetime:
    """Return the midnight in Hong Kong that ends a day."""
    return datetime.combine(day + timedelta(days=1), time(0), HONG_KONG)


class Liquidity(msgspec.Struct, frozen=True, kw_only=True):
    """A liquidity transfer as stored: `in` to the switch, `out` of it, `repo` lent, repaid.

    `repaid_id` names the repo that a repayment gives back, "" otherwise; `message_id` the pacs.009
    that asked, "" where a call of our own API did.
    """

    id: str
    organisation_id: str
    kind: LiquidityKind
    amount: Money
    central_leg_id: int
    switch_leg_id: int
    end_to_end_id: str
    transaction_id: str
    uetr: str
    digest: bytes
    created_at: datetime
    message_id: str = ""
    repaid_id: str = ""
    state: LiquidityState = "accepted"
    reason_code: str = ""
    reason_text: str = ""
    finished_at: datetime | None = None

    @property
    def is_inward(self) -> bool:
        """Whether the participant has more at the switch afterwards."""
        return self.kind in {"in", "repo"}


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """When a participant is warned: below `low_minor`, until `clear_minor` is there again."""

    organisation_id: str
    currency: str
    low_minor: int
    clear_minor: int


AlertStep = Literal["raise", "clear", "none"]


def alert_step(threshold: Threshold, available_minor: int, *, is_alerted: bool) -> AlertStep:
    """Say what an available amount does to the alert; between the two amounts nothing."""
    assert threshold.low_minor < threshold.clear_minor, "the two are apart"
    if not is_alerted and available_minor < threshold.low_minor:
        return "raise"
    if is_alerted and available_minor >= threshold.clear_minor:
        return "clear"
    return "none"


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the journal at which everything is stated: `after_sequence` is the cut before."""

    id: str
    number: int
    business_date: date
    marker_id: int
    created_at: datetime
    state: Literal["begun", "cut", "stated"]
    ledger_sequence: int
    after_sequence: int
    finished_at: datetime | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement account between two cuts; amounts in minor units, debits counted positive."""

    id: str
    cut_id: str
    organisation_id: str
    currency: str
    ledger_account_id: int
    number: int
    state: StatementState
    opening_minor: int
    closing_minor: int
    credits_minor: int
    credit_count: int
    debits_minor: int
    debit_count: int
    before_ns: int

    @property
    def adds_up(self) -> bool:
        """Whether opening balance and entries make the closing balance."""
        booked = self.opening_minor + self.credits_minor - self.debits_minor
        return booked == self.closing_minor

    @property
    def page_count(self) -> int:
        """How many pages of PAGE_ENTRIES_MAX entries it has, one at least."""
        return max(1, -(-(self.credit_count + self.debit_count) // PAGE_ENTRIES_MAX))


class StatementEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One posting on a statement: positive is a credit, negative a debit."""

    transfer_id: int
    timestamp_ns: int
    amount_minor: int
    code: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What payments know of a posting: `transfer_id` in the ledger, and what it was for."""

    transfer_id: int
    kind: str
    subject_id: str
    amount: Money
    end_to_end_id: str = ""
    transaction_id: str = ""
    uetr: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not agree: `subject` is the id of what, in whichever book it stands."""

    kind: str
    organisation_id: str
    subject: str
    expected: str
    found: str


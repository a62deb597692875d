"""Direct-debit authorisations: their life, their limits, and what may be collected under them.

    pending -> active | refused | cancelled | expired
    active <-> suspended;  active, suspended -> cancelled | expired

The debtor's bank alone makes an authorisation active; either bank ends it; the debtor's bank
suspends and resumes it. Other terms are a proposal until the debtor has agreed; the old ones hold
meanwhile. A period is one of the calendar (day, ISO week, month, quarter, year) in Hong Kong.
Pure. Source: ISO 20022 pain.009 to pain.012, pacs.003; ExternalStatusReason1Code.
Invariants: TRANSITIONS is the only table of moves; what is collected and not rejected, also what is
under way, counts in every limit.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.debits.errors import DebitRefusal
from lionrock.payments.domain.iso20022 import DirectDebit, MandateTerms, PartyAccount
from lionrock.payments.domain.iso20022.mandates import Period
from lionrock.payments.domain.payments import Subject

MandateState = Literal["pending", "active", "suspended", "refused", "cancelled", "expired"]
CollectionState = Literal["under_way", "settled", "rejected"]
TRANSITIONS: dict[MandateState, frozenset[MandateState]] = {
    "pending": frozenset({"active", "refused", "cancelled", "expired"}),
    "active": frozenset({"suspended", "cancelled", "expired"}),
    "suspended": frozenset({"active", "cancelled", "expired"}),
    "refused": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
# A collection may come a few days after the day that it is for, never before.
COLLECTION_DAYS_LATE_MAX = 5

NO_MANDATE = "MD01"
NOT_DUE = "MD05"
SUSPENDED = "SL01"
AMOUNT_ABOVE_MAX = "AM02"
CURRENCY_DIFFERS = "AM03"
DUPLICATE = "AM05"
PERIOD_EXCEEDED = "AM14"
SEQUENCE_WRONG = "AG02"
DATE_WRONG = "DT01"
AGENT_OFFLINE = "AB07"
REASONS: dict[str, str] = {
    NO_MANDATE: "There is no authorisation for this collection: none, not agreed, or ended.",
    NOT_DUE: "The authorisation allows no collection now.",
    SUSPENDED: "The debtor has suspended the authorisation.",
    AMOUNT_ABOVE_MAX: "The amount is above what the authorisation allows at once.",
    CURRENCY_DIFFERS: "The authorisation is in another currency.",
    DUPLICATE: "This collection was made before.",
    PERIOD_EXCEEDED: "The authorisation allows no more in this period.",
    SEQUENCE_WRONG: "The sequence type does not follow from the collections before.",
    DATE_WRONG: "The collection date is in the future or too long ago.",
    AGENT_OFFLINE: "The debtor's bank takes no messages now.",
}


class MandateParties(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorisation says about people; kept sealed."""

    creditor: PartyAccount
    debtor: PartyAccount
    contract: str = ""


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """An authorisation as stored.

    `asked_message_id` is the message of the creditor's bank that waits for an answer or had one,
    `sent_message_id` ours to the debtor's bank about the same.
    """

    id: str
    state: MandateState
    creditor_organisation_id: str
    debtor_organisation_id: str
    request_id: str
    request_digest: bytes
    terms: MandateTerms
    parties: MandateParties
    asked_message_id: str
    sent_message_id: str
    created_at: datetime
    proposed_terms: MandateTerms | None = None
    answer_due_at: datetime | None = None
    ended_at: datetime | None = None
    reason_code: str = ""

    @property
    def wire_id(self) -> str:
        """MndtId: the 32 hex digits of its id."""
        return self.id.rpartition("_")[2]

    @property
    def subject(self) -> Subject:
        """It as what a message or a receipt is about."""
        return Subject(id=self.id, references={"mandate_id": self.id})

    def other_bank(self, organisation_id: str) -> str:
        """The bank on the other side."""
        assert organisation_id in {self.creditor_organisation_id, self.debtor_organisation_id}
        is_creditors = organisation_id == self.creditor_organisation_id
        return self.debtor_organisation_id if is_creditors else self.creditor_organisation_id


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What was collected and not rejected: in all by sequence type, and in one period."""

    sequences: frozenset[str]
    is_named_before: bool
    period_count: int
    period_minor: int


def may_move(before: MandateState, after: MandateState) -> bool:
    """Say whether an authorisation may go from one state to another."""
    return after in TRANSITIONS[before]


def check_terms(terms: MandateTerms, today: date) -> Refused | None:
    """The terms can be kept: dates in order and not over, one currency, limits in order."""
    if terms.final_date is not None and terms.final_date < max(terms.first_date, today):
        return _malformed("The final date is over, or before the first one.", "FnlColltnDt")
    if terms.occurrence == "OOFF" and terms.collections_per_period != 1:
        return _malformed("What is collected once has one collection a period.", "CntPerPrd")
    period_max = terms.period_max_amount
    if period_max is not None and period_max.currency != terms.max_amount.currency:
        return _malformed("Both limits are in one currency.", "PrdMaxAmt")
    if period_max is not None and period_max.amount_minor < terms.max_amount.amount_minor:
        return _malformed("A period allows at least one collection of MaxAmt.", "PrdMaxAmt")
    return None


def period_of(period: Period, day: date) -> tuple[date, date]:
    """The calendar period of a day, as [first, first of the next)."""
    if period == "DAIL":
        return day, day + timedelta(days=1)
    if period == "WEEK":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=7)
    if period == "YEAR":
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    months = 1 if period == "MNTH" else 3
    first_month = (day.month - 1) // months * months + 1
    years, month = divmod(first_month - 1 + months, 12)
    return date(day.year, first_month, 1), date(day.year + years, month + 1, 1)


def reason_against_parties(mandate: Mandate | None, sender_id: str, debit: DirectDebit) -> str:
    """NO_MANDATE unless the authorisation is the sender's and names these two accounts."""
    if mandate is None or mandate.creditor_organisation_id != sender_id:
        return NO_MANDATE
    for ours, theirs in (
        (mandate.parties.creditor, debit.creditor), (mandate.parties.debtor, debit.debtor),
    ):
        if (ours.account, ours.member) != (theirs.account, theirs.member):
            return NO_MANDATE
    return ""


def reason_against_debit(
    mandate: Mandate, debit: DirectDebit, today: date, collected: Collected
) -> str:
    """The reason code for which a collection is rejected, "" when it is allowed."""
    terms = mandate.terms
    if mandate.state == "suspended":
        return SUSPENDED
    is_over = terms.final_date is not None and max(today, debit.collection_date) > terms.final_date
    if mandate.state != "active" or is_over:
        return NO_MANDATE
    if not today - timedelta(days=COLLECTION_DAYS_LATE_MAX) <= debit.collection_date <= today:
        return DATE_WRONG
    if debit.collection_date < terms.first_date:
        return NOT_DUE
    return (
        _against_amount(terms, debit.amount)
        or _against_sequence(terms, debit, collected)
        or _against_period(terms, debit.amount, collected)
    )


def _against_amount(terms: MandateTerms, amount: Money) -> str:
    if amount.currency != terms.max_amount.currency:
        return CURRENCY_DIFFERS
    return AMOUNT_ABOVE_MAX if amount.amount_minor > terms.max_amount.amount_minor else ""


def _against_sequence(terms: MandateTerms, debit: DirectDebit, collected: Collected) -> str:
    """One name once; OOFF alone; FRST first and once; RCUR and FNAL after it; FNAL last."""
    if collected.is_named_before:
        return DUPLICATE
    before = collected.sequences
    if terms.occurrence == "OOFF":
        if debit.sequence != "OOFF":
            return SEQUENCE_WRONG
        return DUPLICATE if before else ""
    if debit.sequence == "OOFF" or "FNAL" in before:
        return SEQUENCE_WRONG
    if debit.sequence == "FRST":
        return DUPLICATE if before else ""
    return "" if "FRST" in before else SEQUENCE_WRONG


def _against_period(terms: MandateTerms, amount: Money, collected: Collected) -> str:
    if collected.period_count >= terms.collections_per_period:
        return PERIOD_EXCEEDED
    limit = terms.period_max_amount
    if limit is not None and collected.period_minor + amount.amount_minor > limit.amount_minor:
        return PERIOD_EXCEEDED
    return ""


def _malformed(detail: str, field: str) -> Refused:
    return Refused(DebitRefusal.TERMS_MALFORMED, detail, field)

"""What a look-up answers: bank and masked name for each currency, and a warning.

Never the account number. A warning has words that the payer must be shown before paying; whether
to pay is still the payer's decision. Source: the suspicious-proxy alert of Hong Kong's FPS (since
26 November 2023), in our own words; not the operator's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.i18n import Text
from lionrock.payments.addressing.domain.entries import ProxyTarget
from lionrock.payments.addressing.domain.names import mask_name

PAYER_LENGTH_MAX = 64
HOME_CURRENCY = "HKD"
HIGH_RISK = "high_risk"
# "" or why there is no answer. "fallen": the caller may not ask any more, as was believed.
# "forgotten": it was signed before the database crashed, so that it may have been answered before.
Why = Literal["", "fallen", "forgotten", "replayed", "exhausted"]
HIGH_RISK_TEXT = Text(
    "Warning: this payee is listed as high risk for fraud. Do not pay unless you are sure who it "
    "is.",
    "警告：此收款人被列為高風險，或涉及詐騙。除非你能確定對方身份，否則請勿付款。",
    "警告：此收款人被列为高风险，或涉及诈骗。除非你能确定对方身份，否则请勿付款。",
)


class FoundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a registration in one currency, with its bank and the oldest warning."""

    lookup_key: bytes
    currency: str
    organisation_id: str
    clearing_code: str
    target: ProxyTarget
    warning_source: str | None
    warned_at: datetime | None


class LookedUp(msgspec.Struct, frozen=True):
    """What is registered; nothing of a look-up that is not answered, for the reason `why`."""

    why: Why
    there: tuple[FoundEntry, ...] = ()


class FoundAccount(msgspec.Struct, frozen=True):
    """Who is paid in one currency."""

    currency: str
    clearing_code: str
    masked_name: str


class Warned(msgspec.Struct, frozen=True):
    """The proxy is listed by `source`; `text` must be shown to the payer."""

    code: str
    source: str
    listed_on: str
    text: Text


class Found(msgspec.Struct, frozen=True):
    """What a payer's bank may know before it pays.

    `clearing_code` and `masked_name` are those of the currency asked for, else of HKD, else of the
    first; `currencies` are those that go to the same bank; `accounts` holds all.
    """

    clearing_code: str
    masked_name: str
    currencies: tuple[str, ...]
    accounts: tuple[FoundAccount, ...]
    warning: Warned | None


def answer_of(found: Sequence[FoundEntry], currency: str) -> Found | None:
    """Return the answer; None when nobody is registered, or not in the currency asked for."""
    entries = _in_order(found)
    chosen = chosen_of(found, currency)
    if chosen is None:
        return None
    accounts = tuple(
        FoundAccount(e.currency, e.clearing_code, mask_name(e.target.account_name))
        for e in entries
    )
    shown = next(account for account in accounts if account.currency == chosen.currency)
    same_bank = tuple(
        e.currency for e in entries if e.organisation_id == chosen.organisation_id
    )
    return Found(
        shown.clearing_code, shown.masked_name, same_bank, accounts, warning_of(chosen),
    )


def chosen_of(found: Sequence[FoundEntry], currency: str) -> FoundEntry | None:
    """The registration that an answer is about: in the currency asked for, else HKD, else any."""
    return next((e for e in _in_order(found) if currency in ("", e.currency)), None)


def _in_order(found: Sequence[FoundEntry]) -> list[FoundEntry]:
    return sorted(found, key=lambda entry: (entry.currency != HOME_CURRENCY, entry.currency))


def warning_of(entry: FoundEntry) -> Warned | None:
    """The warning of a registration, None when no source lists it."""
    if entry.warning_source is None or entry.warned_at is None:
        return None
    return Warned(
        HIGH_RISK, entry.warning_source, entry.warned_at.date().isoformat(), HIGH_RISK_TEXT
    )


def is_payer(payer: str) -> bool:
    """Say whether a text can name the payer that a question is for; empty: nobody is named."""
    return len(payer) <= PAYER_LENGTH_MAX and payer.isascii() and (
        not payer or (payer.isprintable() and payer == payer.strip())
    )

"""Product `account-data` version 1: deposit accounts at a bank, in the four IADS categories.

Availability, status, balances and transactions are the data categories of Hong Kong's Interbank
Account Data Sharing pilot ("IADS-style": the pilot's paths and fields are not public, so the
members are ours). Amounts are decimal strings of major units with two decimals; never JSON numbers.

Invariants: an account is named by a reference that is stable for one owner and is not the account
number; transactions carry their booking date, by which a consent's data period cuts them.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

ACCOUNTS_MAX = 50
TRANSACTIONS_MAX = 2_000

AccountReference = Annotated[str, Meta(pattern=r"^[a-z0-9-]{4,64}$")]
SignedAmount = Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]{0,15})\.[0-9]{2}$")]
PositiveAmount = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,15})\.[0-9]{2}$")]
Currency = Literal["HKD", "CNY"]
Text = Annotated[str, Meta(min_length=1, max_length=140)]


class AvailableAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Category availability: that the account exists and what it is."""

    account_reference: AccountReference
    account_type: Literal["current", "savings", "time_deposit"]
    currency: Currency
    masked_number: Annotated[str, Meta(pattern=r"^\*{4,}[0-9]{3,4}$")]
    opened_on: datetime.date


class AccountStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Category status."""

    account_reference: AccountReference
    status: Literal["active", "dormant", "closed"]


class AccountBalance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Category balances, at an instant."""

    account_reference: AccountReference
    currency: Currency
    ledger_balance: SignedAmount
    available_balance: SignedAmount
    as_of: datetime.datetime


class AccountTransaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Category transactions: one booked entry."""

    account_reference: AccountReference
    transaction_reference: AccountReference
    booked_on: datetime.date
    direction: Literal["credit", "debit"]
    amount: PositiveAmount
    currency: Currency
    description: Text


class AccountData(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The payload; only consented members are present."""

    availability: Annotated[list[AvailableAccount], Meta(max_length=ACCOUNTS_MAX)] | UnsetType = (
        UNSET
    )
    status: Annotated[list[AccountStatus], Meta(max_length=ACCOUNTS_MAX)] | UnsetType = UNSET
    balances: Annotated[list[AccountBalance], Meta(max_length=ACCOUNTS_MAX)] | UnsetType = UNSET
    transactions: (
        Annotated[list[AccountTransaction], Meta(max_length=TRANSACTIONS_MAX)] | UnsetType
    ) = UNSET

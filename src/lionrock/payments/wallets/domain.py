"""Wallets as values and decisions: limits, rates, quotes, the legs of a movement.

Pure. Not for: e-CNY itself, which these wallets only resemble. SIMULATED: the RMB is a balance in
our ledger at the wallet's institution, and the rate is what that institution posts.
Source: the published limits in wallets/limits.json. Invariants: a wallet's balance and its room
always add up to its limit; HKD are rounded up to the cent, so that the payer's bank never gives
less than the rate says; both currencies of a top-up move in one chain or not at all.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.money import Money

MovementKind = Literal["top_up", "payment"]
MovementState = Literal["accepted", "settled", "rejected"]
QUOTE_LIFE_S = 120
RATE_DECIMALS = 6
RATE_UNIT = 10**RATE_DECIMALS
RATE_MICROS_MAX = 100 * RATE_UNIT
# A ledger of its own, numbered beside RMB's 156: room is no money and must not add up with it.
ROOM_LEDGER = 1_156
WALLET_ACCOUNT_CODE, ROOM_ACCOUNT_CODE = 2_201, 2_202
TOP_UP_CODE, WALLET_PAYMENT_CODE, ROOM_CODE = 2_211, 2_212, 2_213
_RATE = re.compile(r"(0|[1-9][0-9]{0,2})\.([0-9]{1,6})")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The published limits, with where and when they were read."""

    payment_minor_max: int
    balance_minor_max: int
    currency: str
    source: str
    as_of: str
    mark: str
    person_to_person: bool
    person_to_person_source: str


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet as stored; `mobile` in E.164."""

    id: str
    operator_id: str
    mobile: str
    ledger_account_id: int
    room_account_id: int
    room_transfer_id: int
    balance_minor_max: int
    is_open: bool
    opened_at: datetime


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """`amount` RMB for `pay` HKD, until `expires_at` of the business clock."""

    id: str
    wallet_id: str
    organisation_id: str
    amount: Money
    pay: Money
    rate_micros: int
    made_at: datetime
    expires_at: datetime


class WalletParty(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays a top-up, or whom a payment pays; kept sealed."""

    name: str
    account: str


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up or a payment; `organisation_id` asked for it, `counterpart_id` is paid by it."""

    id: str
    kind: MovementKind
    wallet_id: str
    organisation_id: str
    quote_id: str | None
    amount: Money
    pay: Money
    pay_leg_id: int
    wallet_leg_id: int
    room_leg_id: int
    end_to_end_id: str
    party: WalletParty
    digest: bytes
    counterpart_id: str
    created_at: datetime
    state: MovementState = "accepted"
    reason_code: str = ""
    finished_at: datetime | None = None


def read_rate(text: str) -> int | None:
    """Return HKD for one RMB in millionths; None for what is no such rate."""
    match = _RATE.fullmatch(text)
    if match is None:
        return None
    micros = int(match.group(1)) * RATE_UNIT + int(match.group(2).ljust(RATE_DECIMALS, "0"))
    return micros if 0 < micros <= RATE_MICROS_MAX else None


def show_rate(rate_micros: int) -> str:
    """Write a rate with all its places."""
    whole, part = divmod(rate_micros, RATE_UNIT)
    return f"{whole}.{part:0{RATE_DECIMALS}d}"


def price_of(amount: Money, rate_micros: int) -> Money:
    """Return what an RMB amount costs in HKD, rounded up to the cent."""
    assert amount.currency == "CNY" and amount.amount_minor > 0, "RMB are bought"
    pay_minor = -(-amount.amount_minor * rate_micros // RATE_UNIT)
    assert pay_minor > 0, "nothing is given away"
    return Money(pay_minor, "HKD")

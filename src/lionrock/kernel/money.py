"""Money: integer minor units inside, a decimal string on the wire; never a float.

Source: ISO 4217 minor units. Invariants: amounts of different currencies never mix; a wire string
has exactly the currency's number of decimals.
"""

from __future__ import annotations

import re
from fractions import Fraction

import msgspec

CURRENCY_DECIMALS = {"HKD": 2, "CNY": 2}
AMOUNT_MINOR_MAX = 10**17  # fits a signed 64-bit integer and ISO 20022's 18 digits
_WIRE = re.compile(r"^(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,5}))?$")


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount in minor units (cents, fen) of one currency."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in CURRENCY_DECIMALS:
            raise ValueError(f"unknown currency {self.currency!r}; known: HKD, CNY")
        if abs(self.amount_minor) > AMOUNT_MINOR_MAX:
            raise ValueError("amount beyond the ledger's range")

    def wire(self) -> str:
        """Return the decimal string, e.g. "123.45"."""
        return format_minor(self.amount_minor, self.currency)

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError("amounts of different currencies never mix")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError("amounts of different currencies never mix")
        return Money(self.amount_minor - other.amount_minor, self.currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a non-negative decimal string; ValueError says what was expected.

        More decimals than the currency has are refused, also when they are zero: a sender who
        writes them counts in other units than we do.
        """
        if currency not in CURRENCY_DECIMALS:
            raise ValueError(f"unknown currency {currency!r}; known: HKD, CNY")
        match = _WIRE.fullmatch(text)
        decimals_max = CURRENCY_DECIMALS[currency]
        if match is None:
            raise ValueError(f"{text[:40]!r} is not a decimal amount such as 1234.50")
        decimals = match.group(2) or ""
        if len(decimals) > decimals_max:
            raise ValueError(f"{currency} has {decimals_max} decimals, {text[:40]!r} has more")
        return cls(int(match.group(1) + decimals.ljust(decimals_max, "0")), currency)


def format_minor(amount_minor: int, currency: str) -> str:
    """Return minor units as a decimal string with the currency's decimals."""
    decimals = CURRENCY_DECIMALS[currency]
    sign = "-" if amount_minor < 0 else ""
    whole, part = divmod(abs(amount_minor), 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}d}"


def share_rounded_down(amount_minor: int, share: Fraction) -> int:
    """Return `amount x share` rounded down to the minor unit (payouts round down to the cent)."""
    assert amount_minor >= 0, "shares are taken of non-negative amounts"
    assert 0 <= share <= 1, "a share lies between nothing and all"
    return (amount_minor * share.numerator) // share.denominator

"""Money is integer minor units inside and a decimal string on the wire."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.money import AMOUNT_MINOR_MAX, Money, share_rounded_down


@given(st.integers(min_value=0, max_value=AMOUNT_MINOR_MAX))
def test_wire_and_parse_are_inverse(amount_minor: int) -> None:
    money = Money(amount_minor, "HKD")
    assert Money.parse(money.wire(), "HKD") == money


@pytest.mark.parametrize(
    "text", ["", "1.234", "1.000", "-1", "+1", "01", "1e3", "1,000", ".5", "1.", "NaN", "١", " 1"]
)
def test_what_is_not_a_two_decimal_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal|decimals"):
        Money.parse(text, "HKD")


def test_currencies_never_mix() -> None:
    with pytest.raises(ValueError, match="never mix"):
        Money(1, "HKD") + Money(1, "CNY")
    with pytest.raises(ValueError, match="never mix"):
        Money(1, "HKD") - Money(1, "CNY")
    with pytest.raises(ValueError, match="unknown currency"):
        Money.parse("1", "USD")


def test_the_largest_amount_is_taken_and_one_more_is_not() -> None:
    assert Money(AMOUNT_MINOR_MAX, "HKD").amount_minor == AMOUNT_MINOR_MAX
    with pytest.raises(ValueError, match="range"):
        Money(AMOUNT_MINOR_MAX + 1, "HKD")


def test_one_third_is_rounded_down_to_the_cent() -> None:
    assert share_rounded_down(20_000_000_000, Fraction(1, 3)) == 6_666_666_666

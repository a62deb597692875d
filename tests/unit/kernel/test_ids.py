"""Prefixed UUIDv7 ids (RFC 9562 s5.7)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.ids import Ids, is_id, u128

START = datetime(2026, 2, 20, tzinfo=UTC)


def test_ids_of_one_process_strictly_increase() -> None:
    ids = Ids(FrozenClock(START), seed=1)
    made = [ids.new_u128() for _ in range(5_000)]
    assert all(a < b for a, b in itertools.pairwise(made))


def test_an_id_carries_version_variant_and_time() -> None:
    value = Ids(FrozenClock(START), seed=2).new_u128()
    assert (value >> 76) & 0xF == 7
    assert (value >> 62) & 0b11 == 0b10
    assert value >> 80 == int(START.timestamp() * 1000)


def test_the_same_seed_makes_the_same_ids() -> None:
    first = [Ids(FrozenClock(START), seed=3).new("pay") for _ in range(1)]
    again = [Ids(FrozenClock(START), seed=3).new("pay") for _ in range(1)]
    assert first == again


def test_u128_returns_the_integer_of_the_id() -> None:
    ids = Ids(FrozenClock(START), seed=4)
    identifier = ids.new("pay")
    assert f"{u128(identifier):032x}" == identifier.removeprefix("pay_")


@pytest.mark.parametrize(
    "text",
    ["", "pay_", "pay_xyz", "PAY_" + "0" * 32, "pay_" + "0" * 33, "pay_" + "0" * 32 + "\n"],
)
def test_what_is_not_an_id_is_refused(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(ValueError, match="not a prefixed id"):
        u128(text)

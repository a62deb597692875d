"""Secrets: enough randomness, the promised shapes, comparison of both types."""

from __future__ import annotations

import re

import pytest

from lionrock.kernel import secrets


def test_a_token_is_unpadded_base64url_of_the_length_asked_for() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secrets.token())
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", secrets.token(16))


def test_a_thousand_tokens_are_all_different() -> None:
    assert len({secrets.token(16) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("count", [secrets.TOKEN_BYTES_MIN - 1, secrets.TOKEN_BYTES_MAX + 1])
def test_a_token_too_short_or_too_long_is_not_made(count: int) -> None:
    with pytest.raises(AssertionError):
        secrets.token(count)


@pytest.mark.parametrize("count", [secrets.TOKEN_BYTES_MIN, secrets.TOKEN_BYTES_MAX])
def test_a_token_at_either_limit_is_made(count: int) -> None:
    assert secrets.token(count)


def test_digits_keep_their_leading_zeros() -> None:
    drawn = [secrets.digits(2) for _ in range(2000)]
    assert all(re.fullmatch("[0-9]{2}", text) for text in drawn)
    assert len(set(drawn)) == 100
    assert len(secrets.digits(secrets.DIGITS_MAX)) == secrets.DIGITS_MAX


@pytest.mark.parametrize("count", [0, secrets.DIGITS_MAX + 1])
def test_digits_outside_the_limits_are_not_made(count: int) -> None:
    with pytest.raises(AssertionError):
        secrets.digits(count)


def test_a_salt_has_32_bytes_and_is_new_each_time() -> None:
    assert len(secrets.salt()) == 32
    assert secrets.salt() != secrets.salt()


def test_equal_compares_text_and_bytes() -> None:
    assert secrets.equal("a", "a")
    assert secrets.equal(b"a", b"a")
    assert secrets.equal("ä", "ä".encode())
    assert not secrets.equal("a", "b")
    assert not secrets.equal("a", "aa")


def test_octets_have_the_length_asked_for() -> None:
    assert len(secrets.octets(1)) == 1
    assert len(secrets.octets(secrets.TOKEN_BYTES_MAX)) == secrets.TOKEN_BYTES_MAX
    assert secrets.octets(12) != secrets.octets(12)


@pytest.mark.parametrize("count", [0, secrets.TOKEN_BYTES_MAX + 1])
def test_octets_outside_the_limits_are_not_made(count: int) -> None:
    with pytest.raises(AssertionError):
        secrets.octets(count)

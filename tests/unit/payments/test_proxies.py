"""Proxies: normal form, masks, and the price of asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import Proxy
from lionrock.payments.domain.proxies import (
    BUCKET_TOKENS_MAX,
    COST_NOT_FOUND,
    VALUE_LENGTH_MAX,
    Bucket,
    charged,
    check_may_ask,
    given_back,
    lookup_text,
    mask_name,
    mask_value,
    normal_proxy,
    refilled,
    wire_value,
)
from lionrock.payments.domain.refusals import PaymentRefusal

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "spelling", ["51230001", "5123 0001", "+85251230001", "+852-51230001", "(+852) 5123-0001"]
)
def test_all_spellings_of_a_mobile_number_are_one_proxy(spelling: str) -> None:
    assert normal_proxy("mobile", spelling) == Proxy(kind="mobile", value="+85251230001")


def test_all_spellings_of_an_email_are_one_proxy() -> None:
    assert normal_proxy("email", " Pay@Firm.EXAMPLE ") == Proxy(
        kind="email", value="pay@firm.example"
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("mobile", ""),
        ("mobile", "21234567890123456789"),
        ("mobile", "+852-2123 4567"),  # a fixed line
        ("mobile", "5123 0001 ext. 5"),
        ("mobile", "not a number"),
        ("mobile", "+852-5123\u202e0001"),
        ("mobile", "５１２３０００１"),
        ("email", "no-at-sign.example"),
        ("email", "two@@firm.example"),
        ("email", "a@b"),
        ("email", ".a@firm.example"),
        ("email", "a b@firm.example"),
        ("email", "a@firm.example\x00"),
        ("email", "pay@fïrm.example"),
        ("email", "a" * 65 + "@firm.example"),
        ("email", "a" * 60 + "@" + "b." * 110 + "example"),
        ("hkid", "A1234563"),
        ("fps_id", "1234567"),
    ],
)
def test_what_is_no_proxy_is_refused(kind: str, value: str) -> None:
    refused = normal_proxy(kind, value)
    assert isinstance(refused, Refused)
    assert refused.refusal is PaymentRefusal.PROXY_MALFORMED


def test_a_value_of_the_greatest_length_is_taken_and_one_longer_not() -> None:
    domain = ".".join(["b" * 60] * 3) + ".example"
    local = "a" * (VALUE_LENGTH_MAX - len(domain) - 1)
    assert isinstance(normal_proxy("email", f"{local}@{domain}"), Proxy)
    assert isinstance(normal_proxy("email", f"a{local}@{domain}"), Refused)


@given(st.integers(5_100_0000, 5_999_9999).map(str))
def test_the_normal_form_is_its_own_normal_form_and_so_is_the_wire_form(number: str) -> None:
    proxy = normal_proxy("mobile", number)
    if isinstance(proxy, Refused):
        return
    assert normal_proxy("mobile", proxy.value) == proxy
    assert normal_proxy("mobile", wire_value(proxy)) == proxy
    assert wire_value(proxy) == f"+852-{number}"


def test_a_number_and_an_email_never_share_a_look_up_key() -> None:
    same = "x"
    assert lookup_text(Proxy(kind="mobile", value=same)) != lookup_text(
        Proxy(kind="email", value=same)
    )


def test_masks_show_little_and_never_the_length_of_a_name() -> None:
    assert mask_value(Proxy(kind="mobile", value="+85251230001")) == "+852-5123****"
    assert mask_value(Proxy(kind="email", value="pay@firm.example")) == "p***@firm.example"
    assert mask_name("Chan Tai Man") == "C*** T*** M***"
    assert mask_name("陳大文") == "陳***"
    assert len(mask_name("Bo")) == len(mask_name("Bartholomew"))
    assert mask_name("X Ltd") == "X L***"


def test_an_empty_bucket_refuses_and_fills_one_token_a_second() -> None:
    bucket = Bucket(0, NOW)
    refused = check_may_ask(bucket)
    assert refused is not None
    assert refused.refusal is PaymentRefusal.LOOKUPS_EXHAUSTED
    assert check_may_ask(refilled(bucket, NOW + timedelta(milliseconds=999))) is not None
    assert check_may_ask(refilled(bucket, NOW + timedelta(seconds=1))) is None


def test_fractions_of_a_second_add_up_to_tokens() -> None:
    bucket, now = Bucket(0, NOW), NOW
    for _ in range(10):
        now += timedelta(milliseconds=400)
        bucket = refilled(bucket, now)
    assert bucket.tokens == 4


def test_a_bucket_never_holds_more_than_the_maximum() -> None:
    full = refilled(None, NOW)
    assert full.tokens == BUCKET_TOKENS_MAX
    assert refilled(full, NOW + timedelta(days=1)).tokens == BUCKET_TOKENS_MAX
    assert given_back(full).tokens == BUCKET_TOKENS_MAX
    assert given_back(Bucket(3, NOW)).tokens == 4


def test_a_clock_that_stepped_back_takes_nothing_away() -> None:
    assert refilled(Bucket(5, NOW), NOW - timedelta(hours=1)) == Bucket(5, NOW)


def test_the_last_question_may_overdraw_and_is_paid_back_by_waiting() -> None:
    bucket = charged(Bucket(1, NOW), COST_NOT_FOUND)
    assert bucket.tokens == 1 - COST_NOT_FOUND
    assert check_may_ask(refilled(bucket, NOW + timedelta(seconds=19))) is not None
    assert check_may_ask(refilled(bucket, NOW + timedelta(seconds=20))) is None

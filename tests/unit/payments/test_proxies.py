"""Proxies: normal form, masks, and the price of asking."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.buckets import (
    BUCKET_TOKENS_MAX,
    COST_NOT_FOUND,
    Bucket,
    charged,
    check_may_ask,
    given_back,
    refilled,
)
from lionrock.payments.addressing.domain.kinds import (
    VALUE_LENGTH_MAX,
    Address,
    lookup_text,
    mask_value,
    normal_proxy,
    wire_value,
)
from lionrock.payments.addressing.domain.names import compare_names, mask_name
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "spelling", ["51230001", "5123 0001", "+85251230001", "+852-51230001", "(+852) 5123-0001"]
)
def test_all_spellings_of_a_mobile_number_are_one_proxy(spelling: str) -> None:
    assert normal_proxy("mobile", spelling) == Address(kind="mobile", value="+85251230001")


def test_all_spellings_of_an_email_are_one_proxy() -> None:
    assert normal_proxy("email", " Pay@Firm.EXAMPLE ") == Address(
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
        ("email", "pay@xn--frm-yla.example"),  # looks like firm.example
        ("email", "pay@firm.xn--p1ai"),
        ("email", "pay@fi\u0433m.example"),
        ("email", "a@firm\n.example"),
        ("email", "pay@firm.example" + " " * 1_000_000),
        ("hkid", "A1234567"),  # another check digit
        ("hkid", "A123456"),
        ("hkid", "ABC123456(3)"),
        ("hkid", "\uff21123456(3)"),
        ("fps_id", "12345678"),
        ("fps_id", "123456"),
        ("fps_id", "+1234567"),
        ("fps_id", "\u0661234567"),
        ("account", "1234567"),
    ],
)
def test_what_is_no_proxy_is_refused(kind: str, value: str) -> None:
    refused = normal_proxy(kind, value)
    assert isinstance(refused, Refused)
    assert refused.refusal is AddressingRefusal.PROXY_MALFORMED


@pytest.mark.parametrize("spelling", ["A123456(3)", "a1234563", " A1234563 "])
def test_all_spellings_of_an_identity_card_number_are_one_proxy(spelling: str) -> None:
    assert normal_proxy("hkid", spelling) == Address(kind="hkid", value="A1234563")


@pytest.mark.parametrize("value", ["1234567", "012345678"])
def test_an_fps_id_has_seven_or_nine_digits(value: str) -> None:
    assert normal_proxy("fps_id", value) == Address(kind="fps_id", value=value)


def test_a_value_of_the_greatest_length_is_taken_and_one_longer_not() -> None:
    domain = ".".join(["b" * 60] * 3) + ".example"
    local = "a" * (VALUE_LENGTH_MAX - len(domain) - 1)
    assert isinstance(normal_proxy("email", f"{local}@{domain}"), Address)
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
    assert lookup_text(Address(kind="mobile", value=same)) != lookup_text(
        Address(kind="email", value=same)
    )


def test_masks_show_little_and_never_the_length_of_a_name() -> None:
    assert mask_value(Address(kind="mobile", value="+85251230001")) == "+852-5123****"
    assert mask_value(Address(kind="email", value="pay@firm.example")) == "p***@firm.example"
    assert mask_name("Chan Tai Man") == "C*** T*** M***"
    assert mask_name("陳大文") == "陳***"
    assert len(mask_name("Bo")) == len(mask_name("Bartholomew"))
    assert mask_name("X Ltd") == "X L***"
    assert mask_value(Address(kind="hkid", value="A1234563")) == "A***"
    assert mask_value(Address(kind="fps_id", value="7123456")) == "7***"


@given(st.text(min_size=1, max_size=140).filter(lambda name: name.strip()))
def test_a_mask_always_hides_something_and_shows_at_most_the_first_of_each_word(name: str) -> None:
    masked, words = mask_name(name), unicodedata.normalize("NFC", name).split()
    assert "***" in masked
    assert masked != " ".join(words)
    assert len(masked.split()) == len(words)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("X", "***"), ("X Y", "X ***"), ("\u6b50\u967d\u5a1c\u5a1c", "\u6b50***"),
        ("\u9673 \u5927\u6587", "\u9673 \u5927***"), ("E\u0301lodie Chan", "\u00c9*** C***"),
        ("  Chan   Tai  ", "C*** T***"),
    ],
)
def test_masks_of_single_letters_chinese_names_and_accents(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("given_name", "registered", "result"),
    [
        ("CHAN TAI MAN", "Chan Tai Man", "match"),
        ("Tai Man Chan", "Chan Tai Man", "match"),
        ("Mr. Chan, Tai-Man", "Chan Tai Man", "match"),
        ("Chan Taiman", "Chan Tai Man", "match"),
        ("Harbour Robotics Ltd.", "Harbour Robotics Limited", "match"),
        ("Elodie Martin", "\u00c9lodie Martin", "match"),
        ("\u9673\u5927\u6587", "\u9673 \u5927\u6587", "match"),
        ("Chan Man", "Chan Tai Man", "close_match"),
        ("T M Chan", "Chan Tai Man", "close_match"),
        ("Harbour Robotic Limited", "Harbour Robotics Limited", "close_match"),
        ("Chen Tai Man", "Chan Tai Man", "close_match"),
        ("Chan", "Chan Tai Man", "no_match"),
        ("Wong Siu Ming", "Chan Tai Man", "no_match"),
        ("T M C", "Chan Tai Man", "no_match"),
        ("\u9673\u5c0f\u6587", "\u9673\u5927\u6587", "no_match"),
        ("***", "Chan Tai Man", "cannot_tell"),
    ],
)
def test_names_are_compared_as_a_clerk_would(
    given_name: str, registered: str, result: str
) -> None:
    assert compare_names(given_name, registered) == result
    assert compare_names(registered, given_name) == result


@given(st.text(max_size=140), st.text(max_size=140))
def test_comparing_any_two_names_gives_one_of_four_answers(first: str, second: str) -> None:
    assert compare_names(first, second) in {"match", "close_match", "no_match", "cannot_tell"}


def test_an_empty_bucket_refuses_and_fills_one_token_a_second() -> None:
    bucket = Bucket(0, NOW)
    refused = check_may_ask(bucket)
    assert refused is not None
    assert refused.refusal is AddressingRefusal.LOOKUPS_EXHAUSTED
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

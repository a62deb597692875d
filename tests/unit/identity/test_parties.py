"""Identifiers have one spelling, and wrong ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.identity.domain.parties import (
    identity_check_digit,
    normal_business_number,
    normal_email,
    normal_handle,
    normal_identity_number,
    normal_phone,
    read_identifier,
)
from lionrock.kernel.errors import Refused


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("A123456(3)", "A1234563"), ("a1234563", "A1234563"), (" A 123456 (3) ", "A1234563"),
        ("G123456(A)", "G123456A"), ("AB987654(3)", "AB9876543"),
    ],
)  # fmt: skip
def test_identity_number_has_one_spelling(text: str, normal: str) -> None:
    assert normal_identity_number(text) == normal


@pytest.mark.parametrize(
    "text",
    ["", "A123456(4)", "A123456", "1234567(3)", "ABC123456(3)", "A1234563\n2", "Ａ123456(3)"],
)
def test_wrong_identity_number_is_refused(text: str) -> None:
    assert isinstance(normal_identity_number(text), Refused)


@given(letters=st.from_regex(r"\A[A-Z]{1,2}\Z"), digits=st.from_regex(r"\A[0-9]{6}\Z"),
       position=st.integers(0, 5))  # fmt: skip
def test_one_wrong_digit_is_always_noticed(letters: str, digits: str, position: int) -> None:
    check = identity_check_digit(letters, digits)
    assert normal_identity_number(letters + digits + check) == letters + digits + check
    other = str((int(digits[position]) + 1) % 10)
    changed = digits[:position] + other + digits[position + 1 :]
    assert isinstance(normal_identity_number(letters + changed + check), Refused)


@pytest.mark.parametrize("text", ["5900 0001", "+852 5900 0001", "+85259000001", "5900-0001"])
def test_phone_number_has_one_spelling(text: str) -> None:
    assert normal_phone(text) == "+85259000001"


@pytest.mark.parametrize("text", ["", "12", "abc", "+", "+852", "9" * 40])
def test_wrong_phone_number_is_refused(text: str) -> None:
    assert isinstance(normal_phone(text), Refused)


def test_email_is_lower_case_and_bounded() -> None:
    assert normal_email(" Ada@Harbour.Example ") == "ada@harbour.example"
    for wrong in ("ada", "ada@", "@x.example", "a b@x.example", "a@x", "a@x.example\nb",
                  "a" * 65 + "@x.example", "a@" + "x." * 130 + "example"):  # fmt: skip
        assert isinstance(normal_email(wrong), Refused), wrong


def test_handle_and_business_number_have_their_form() -> None:
    assert normal_handle(" Ada ") == "ada"
    assert normal_business_number("70000017-000-01") == "70000017"
    for wrong in ("", "a", "1a", "ada_b", "a" * 32, "ada\nb"):
        assert isinstance(normal_handle(wrong), Refused), wrong
    for wrong in ("", "7000001", "700000170", "7000001a", "7000001\n7"):
        assert isinstance(normal_business_number(wrong), Refused), wrong


def test_what_a_person_types_is_recognised() -> None:
    assert read_identifier("ada") == ("handle", "ada")
    assert read_identifier("Ada@x.example") == ("email", "ada@x.example")
    assert read_identifier("5900 0001") == ("phone", "+85259000001")
    for nothing in ("", "?", "x@", "+"):
        assert read_identifier(nothing) is None


@given(st.text(max_size=300))
def test_any_text_is_read_or_not_without_breaking(text: str) -> None:
    read_identifier(text)
    normal_identity_number(text)
    normal_business_number(text)

"""The strict parser against another one: whatever ours accepts, http_sf reads the same way."""

from __future__ import annotations

from typing import Any

import http_sf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionrock.kernel.structured_fields import (
    COMPONENTS_MAX,
    FIELD_CHARACTERS_MAX,
    MEMBERS_MAX,
    PARAMETERS_MAX,
    Component,
    FieldMalformed,
    parse_byte_sequences,
    parse_inner_lists,
    serialize_bytes,
    serialize_string,
)

PIECES = [
    "sig", "a", "*b", "=", "(", ")", '"', '"@method"', '"content-type"', ";req", ";", " ", ",",
    "created", "=1", "=-1", "=1.5", '="x"', '="a\\"b"', "\\", ":", ":AAAA:", ":AA==:", ":AB==:",
    "?1", "?0", "token", "\t", "é", "9" * 16, "=:YQ==:", "A",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
GOOD = [
    'sig=("@method" "@target-uri" "signature";req);created=1;keyid="a\\"b";tag="t"',
    'sig=("@method" "content-type");created=1;nonce="x";tag="t"', "sha-256=:YWJj:",
    'a=(), b=( "x"  "y" );p=-5;q', "a=:YWJj:, b=:YQ==:", "sha-256=:AAAA:\t,sha-512=::",
]  # fmt: skip


@st.composite
def nearly_good(draw: st.DrawFn) -> str:
    """A good field with up to two characters replaced, removed or put in."""
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + draw(st.integers(0, 2)) :]
    return text


FIELDS = st.one_of(SOUP, nearly_good(), nearly_good())


def theirs(text: str) -> dict[str, Any] | None:
    def refuse(_key: str, _context: str) -> None:
        raise ValueError("duplicate")

    try:
        parsed = http_sf.parse(text.encode(), tltype="dictionary", on_duplicate_key=refuse)
    except (ValueError, KeyError):
        return None
    assert isinstance(parsed, dict)
    return parsed


@settings(max_examples=4000, deadline=None, derandomize=True)
@given(FIELDS)
def test_every_inner_list_we_accept_is_read_the_same_by_another_parser(text: str) -> None:
    try:
        ours = parse_inner_lists(text)
    except FieldMalformed:
        return
    reading = theirs(text)
    assert reading is not None, "we accept what the standard refuses"
    assert list(ours) == list(reading)
    for label, inner in ours.items():
        items, parameters = reading[label]
        assert [c.name for c in inner.components] == [str(item[0]) for item in items]
        assert [{"req": True} if c.is_of_request else {} for c in inner.components] == [
            dict(item[1]) for item in items
        ]
        assert inner.parameters == dict(parameters)


@settings(max_examples=4000, deadline=None, derandomize=True)
@given(FIELDS)
def test_every_byte_sequence_we_accept_is_read_the_same_by_another_parser(text: str) -> None:
    try:
        ours = parse_byte_sequences(text)
    except FieldMalformed:
        return
    reading = theirs(text)
    assert reading is not None, "we accept what the standard refuses"
    assert ours == {label: bytes(value[0]) for label, value in reading.items()}


@given(st.binary(max_size=80))
def test_bytes_survive_writing_and_reading(value: bytes) -> None:
    assert parse_byte_sequences(f"a={serialize_bytes(value)}") == {"a": value}


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_strings_survive_writing_and_reading(value: str) -> None:
    parsed = parse_inner_lists(f"s=();keyid={serialize_string(value)}")
    assert parsed["s"].parameters == {"keyid": value}


def test_a_string_outside_ascii_is_not_written() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        serialize_string("香港")


def test_a_signature_input_is_taken_apart_and_its_spelling_kept() -> None:
    text = '("@method"  "signature";req);created=1;keyid="a\\"b";x'
    (parsed,) = parse_inner_lists(f"sig1={text}").values()
    assert parsed.components == (Component("@method"), Component("signature", is_of_request=True))
    assert parsed.parameters == {"created": 1, "keyid": 'a"b', "x": True}
    assert parsed.text == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a", "a=", "a=()b=()", "a=(),", "a=(),,b=()", "a=(),a=()", "A=()", "1=()",
        'a=("x""y")', 'a=("x";req=?1)', 'a=("x";sf)', 'a=("x";req;req)', 'a=("x"', 'a=("x)',
        'a=("é")', 'a=("x\\y")', "a=(x)", "a=(1)", "a=();b=1.5", "a=();b=tok", "a=();b=:AA==:",
        "a=();b=?1", "a=();b=@1", "a=();b=1;b=2", "a=();B=1", "a=();=1", "a=()b", "a=:AA==:",
        "a=();b=" + "9" * 16, "a = ()", "a=() ;b=1", "a=();b=--1",
    ],
)  # fmt: skip
def test_what_is_no_list_of_components_is_refused(text: str) -> None:
    with pytest.raises(FieldMalformed):
        parse_inner_lists(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a=", "a=:", "a=:A:", "a=:AA:", "a=:AA=:", "a=:AB==:", "a=:AAA=A:", "a=:AA_-:",
        "a=:AA==:;p=1", "a=:AA==:,a=:AA==:", "a=(:AA==:)", "a=AA==", "a=: AA==:",
        "a=:AA==: b=:AA==:",
    ],
)  # fmt: skip
def test_what_is_no_byte_sequence_is_refused(text: str) -> None:
    with pytest.raises(FieldMalformed):
        parse_byte_sequences(text)


def test_each_limit_holds_at_its_value_and_not_beyond() -> None:
    def members(count: int) -> str:
        return ",".join(f"m{i}=()" for i in range(count))

    def components(count: int) -> str:
        return "a=(" + " ".join(f'"c{i}"' for i in range(count)) + ")"

    def parameters(count: int) -> str:
        return "a=()" + "".join(f";p{i}=1" for i in range(count))

    for make, limit in (
        (members, MEMBERS_MAX), (components, COMPONENTS_MAX), (parameters, PARAMETERS_MAX),
    ):  # fmt: skip
        assert parse_inner_lists(make(limit))
        with pytest.raises(FieldMalformed, match="too many"):
            parse_inner_lists(make(limit + 1))
    longest = 'a=("' + "x" * (FIELD_CHARACTERS_MAX - 6) + '")'
    assert len(longest) == FIELD_CHARACTERS_MAX
    assert parse_inner_lists(longest)
    with pytest.raises(FieldMalformed, match="too long"):
        parse_inner_lists(longest + " ")

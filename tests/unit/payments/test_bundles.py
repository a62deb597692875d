"""The frames of a bundle: one text is one bundle, and nothing else is."""

from __future__ import annotations

import random

import pytest

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.bundles import (
    BUNDLE_BYTES_MAX,
    BUNDLE_MESSAGES_MAX,
    FRAME_BYTES_MAX,
    TAKEN,
    Told,
    read_answers,
    read_bundle,
    split,
    write_answers,
    write_bundle,
)
from lionrock.payments.domain.iso20022 import MESSAGE_BYTES_MAX
from lionrock.payments.domain.refusals import PaymentRefusal

SEED = 20260220


def test_what_was_written_is_read_again_whatever_the_messages_hold() -> None:
    drawn = random.Random(SEED)
    print("seed", SEED)
    for _ in range(200):
        contents = [
            drawn.randbytes(drawn.randrange(0, 60)) for _ in range(drawn.randrange(1, 9))
        ]
        assert read_bundle(write_bundle(contents)) == contents
        told = [Told(drawn.choice((202, 400, 503)), content) for content in contents]
        assert read_answers(write_answers(told), len(told)) == told


@pytest.mark.parametrize("raw", [
    b"", b"\n", b"3\nabc", b"3\nabcd\n", b"03\nabc\n", b"+3\nabc\n", b" 3\nabc\n", b"3 \nabc\n",
    b"3\r\nabc\n", b"-1\n\n", b"3\nabc\nx", b"3\nabc\n2\nab", b"\xd9\xa3\nabc\n", b"00\n\n",
    b"99999999\nabc\n", b"0x3\nabc\n", b"<Envelope/>",
])  # fmt: skip
def test_what_is_no_bundle_is_refused_whole(raw: bytes) -> None:
    refused = read_bundle(raw)
    assert isinstance(refused, Refused)
    assert refused.refusal is PaymentRefusal.BUNDLE_MALFORMED


def test_a_bundle_has_so_many_messages_and_bytes_and_no_more() -> None:
    assert read_bundle(b"1\na\n" * BUNDLE_MESSAGES_MAX) == [b"a"] * BUNDLE_MESSAGES_MAX
    more = read_bundle(b"1\na\n" * (BUNDLE_MESSAGES_MAX + 1))
    assert isinstance(more, Refused) and more.refusal is PaymentRefusal.BUNDLE_TOO_LARGE
    room = BUNDLE_BYTES_MAX - len(b"524280\n\n")
    full = b"%d\n%b\n" % (room, b"a" * room)
    assert len(full) == BUNDLE_BYTES_MAX
    assert read_bundle(full) == [b"a" * room]
    larger = read_bundle(full + b"0\n\n")
    assert isinstance(larger, Refused) and larger.refusal is PaymentRefusal.BUNDLE_TOO_LARGE
    with pytest.raises(ValueError, match="1 to 64"):
        write_bundle([b"a"] * (BUNDLE_MESSAGES_MAX + 1))
    with pytest.raises(ValueError, match="bytes"):
        write_bundle([b"a" * BUNDLE_BYTES_MAX])


def test_messages_are_split_in_their_order_into_bundles_that_can_be_written() -> None:
    drawn = random.Random(SEED)
    print("seed", SEED)
    assert MESSAGE_BYTES_MAX + FRAME_BYTES_MAX <= BUNDLE_BYTES_MAX
    assert split([]) == []
    for _ in range(50):
        contents = [
            b"a" * drawn.randrange(0, MESSAGE_BYTES_MAX + 1) for _ in range(drawn.randrange(1, 150))
        ]
        parts = split(contents)
        assert [position for part in parts for position in part] == list(range(len(contents)))
        for part in parts:
            some = contents[part.start : part.stop]
            assert read_bundle(write_bundle(some)) == some


@pytest.mark.parametrize("raw", [
    b"", b"202 0\n\n", b"202 0\n\n202 0\n\n202 0\n\n", b"202 0\n\n202 1\n\n", b"0\n\n0\n\n",
    b"202 0\n\n99 0\n\n", b"202 0\n\n2020 0\n\n", b"202 0\n\n202  0\n\n", b"202 0\n\n202 0\n",
])  # fmt: skip
def test_answers_that_are_not_one_for_each_message_are_none(raw: bytes) -> None:
    assert read_answers(raw, 2) is None


def test_only_a_success_is_taken() -> None:
    taken = {status for status in (202, 200, 400, 409, 429, 503) if Told(status).is_taken}
    assert taken == {TAKEN, 200}

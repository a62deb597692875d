"""Bundles: many messages in one HTTP body, each byte for byte as it would go alone.

A frame is the content's length in decimal digits, a line feed, the content, a line feed; a bundle
is frames, one after the other. An answer has a frame for each message, in their order, with an HTTP
status and a space before the length. Nothing inside a message is looked at here, so that one that
is cut off, forged or hostile is refused by itself and its neighbours go on.
Ours, not ISO 20022's: head.002 (business file header) would put all messages in one XML document,
where one that is not well-formed spoils all, and the bytes that a receipt stands for are not clear.
Not for: what a message says (iso20022). Invariants: one text is one bundle (no signs, spaces or
leading zeros in a length); nothing is left over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.refusals import PaymentRefusal

BUNDLE_TYPE = "application/vnd.lionrock.message-bundle"
BUNDLE_MESSAGES_MAX = 64
BUNDLE_BYTES_MAX = 512 * 1024
# What a frame may need beside its content: a status, a length and two line feeds.
FRAME_BYTES_MAX = 16
TAKEN = 202
# The message was not decided on: it is to be sent again, alone.
UNDECIDED = 503
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,6})\n")
_ANSWER = re.compile(rb"([2-5][0-9]{2}) (0|[1-9][0-9]{0,6})\n")


class Told(msgspec.Struct, frozen=True):
    """What one message of a bundle was answered: the status and body that it would get alone."""

    status: int
    content: bytes = b""

    @property
    def is_taken(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300


def write_bundle(contents: Sequence[bytes]) -> bytes:
    """Return messages as one body; ValueError beyond the limits (`split` keeps them)."""
    if not 0 < len(contents) <= BUNDLE_MESSAGES_MAX:
        raise ValueError(f"a bundle has 1 to {BUNDLE_MESSAGES_MAX} messages")
    raw = b"".join(b"%d\n%b\n" % (len(content), content) for content in contents)
    if len(raw) > BUNDLE_BYTES_MAX:
        raise ValueError(f"a bundle has at most {BUNDLE_BYTES_MAX} bytes")
    return raw


def split(contents: Sequence[bytes]) -> list[range]:
    """Split messages, in their order, into bundles within the limits; returns their positions."""
    parts: list[range] = []
    start, size = 0, 0
    for position, content in enumerate(contents):
        assert len(content) + FRAME_BYTES_MAX <= BUNDLE_BYTES_MAX, "a message fits into a bundle"
        size += len(content) + FRAME_BYTES_MAX
        if size > BUNDLE_BYTES_MAX or position - start == BUNDLE_MESSAGES_MAX:
            parts.append(range(start, position))
            start, size = position, len(content) + FRAME_BYTES_MAX
    return [*parts, range(start, len(contents))] if contents else []


def read_bundle(raw: bytes) -> list[bytes] | Refused:
    """Return the messages of a body; BUNDLE_MALFORMED, BUNDLE_TOO_LARGE refuse all of them."""
    if len(raw) > BUNDLE_BYTES_MAX:
        return Refused(
            PaymentRefusal.BUNDLE_TOO_LARGE, f"At most {BUNDLE_BYTES_MAX} bytes are taken."
        )
    contents: list[bytes] = []
    at = 0
    while at < len(raw):
        matched = _LENGTH.match(raw, at)
        if matched is None:
            return _malformed("Expected a length and a line feed", at)
        start, end = matched.end(), matched.end() + int(matched[1])
        if raw[end : end + 1] != b"\n":
            return _malformed("The message does not end where its length says", at)
        if len(contents) == BUNDLE_MESSAGES_MAX:
            return Refused(
                PaymentRefusal.BUNDLE_TOO_LARGE, f"At most {BUNDLE_MESSAGES_MAX} are taken."
            )
        contents.append(raw[start:end])
        at = end + 1
    return contents or _malformed("Expected a message", 0)


def write_answers(answers: Sequence[Told]) -> bytes:
    """Return the answer to a bundle."""
    return b"".join(
        b"%d %d\n%b\n" % (told.status, len(told.content), told.content) for told in answers
    )


def read_answers(raw: bytes, count: int) -> list[Told] | None:
    """Return the answers to `count` messages; None when they are not exactly that."""
    answers: list[Told] = []
    at = 0
    while at < len(raw) and len(answers) < count:
        matched = _ANSWER.match(raw, at)
        if matched is None:
            return None
        end = matched.end() + int(matched[2])
        if raw[end : end + 1] != b"\n":
            return None
        answers.append(Told(int(matched[1]), raw[matched.end() : end]))
        at = end + 1
    return answers if at == len(raw) and len(answers) == count else None


def _malformed(expected: str, at: int) -> Refused:
    return Refused(PaymentRefusal.BUNDLE_MALFORMED, f"{expected}, at byte {at}.")

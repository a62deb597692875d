"""The outer form of a payment code: items of tag, length and value, and the checksum at the end.

A text is a sequence of items: two digits of tag, two digits of length (01 to 99), the value. Values
of templates are such sequences again. Item 63 is the last one and holds CRC-16 (polynomial 0x1021,
initial value 0xFFFF, no final XOR) over the UTF-8 bytes of everything before its value, in four
upper-case hexadecimal digits.

Lengths count characters; some writers count UTF-8 bytes instead. The two differ only beyond ASCII,
so the caller says which counting it reads by (codes.decode tries both and refuses what holds under
both with different meanings).

Pure. Not for: what the values mean (codes, fields).
Source: EMV QR Code Specification for Payment Systems, merchant-presented mode; the facts that we
could verify are in testdata/hkqr. Invariant: join(split(x)) = x under the same counting.
"""

from __future__ import annotations

import binascii
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.qr.domain.refusals import QrRefusal

Counting = Literal["characters", "bytes"]
COUNTINGS: tuple[Counting, ...] = ("characters", "bytes")
PAYLOAD_LENGTH_MAX = 512
VALUE_LENGTH_MAX = 99
HEAD_LENGTH = 4
CRC_TAG = "63"
CRC_HEAD = "6304"
CRC_LENGTH = 4
_DIGITS = frozenset("0123456789")
_CRC_DIGITS = frozenset("0123456789ABCDEF")
# Control, format (they turn the direction of writing), surrogate, private, unassigned.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Item(msgspec.Struct, frozen=True):
    """One tag with its value, as it stands in the text."""

    tag: str
    value: str


def check_characters(payload: str) -> Refused | None:
    """EMPTY, TOO_LONG (more than 512 UTF-8 bytes), CHARACTER_FORBIDDEN."""
    if not payload:
        return Refused(QrRefusal.EMPTY)
    for position, character in enumerate(payload):
        if unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
            return Refused(
                QrRefusal.CHARACTER_FORBIDDEN, f"U+{ord(character):04X} at {position}."
            )
    if len(payload.encode()) > PAYLOAD_LENGTH_MAX:
        return Refused(QrRefusal.TOO_LONG, f"At most {PAYLOAD_LENGTH_MAX} bytes.")
    return None


def split(text: str, counting: Counting, where: str = "") -> list[Item] | Refused:
    """Split a text into its items; `where` names the template it is the value of, for refusals.

    Refused: TAG_NOT_DIGITS, LENGTH_NOT_DIGITS, LENGTH_ZERO, LENGTH_PAST_END.
    """
    # Latin-1 keeps one character for each byte, so that one reader serves both countings.
    units = text if counting == "characters" else text.encode().decode("latin-1")
    items: list[Item] = []
    at = 0
    while at < len(units):
        item = _item_at(units, at, where)
        if isinstance(item, Refused):
            return item
        at += HEAD_LENGTH + len(item.value)
        readable = _characters(item, counting)
        if readable is None:
            return Refused(
                QrRefusal.LENGTH_PAST_END, "The length ends inside a character.",
                _name(where, item.tag),
            )
        items.append(readable)
    return items


def _item_at(units: str, at: int, where: str) -> Item | Refused:
    tag, length = units[at : at + 2], units[at + 2 : at + HEAD_LENGTH]
    if not _is_digits(tag):
        return Refused(QrRefusal.TAG_NOT_DIGITS, f"At position {at}.", where)
    if not _is_digits(length):
        return Refused(QrRefusal.LENGTH_NOT_DIGITS, f"At position {at + 2}.", _name(where, tag))
    size = int(length)
    if size == 0:
        return Refused(QrRefusal.LENGTH_ZERO, "", _name(where, tag))
    value = units[at + HEAD_LENGTH : at + HEAD_LENGTH + size]
    if len(value) < size:
        return Refused(
            QrRefusal.LENGTH_PAST_END, f"{size} announced, {len(value)} there.", _name(where, tag)
        )
    return Item(tag, value)


def _characters(item: Item, counting: Counting) -> Item | None:
    if counting == "characters":
        return item
    try:
        return Item(item.tag, item.value.encode("latin-1").decode("utf-8"))
    except UnicodeDecodeError:
        return None


def join(items: Iterable[Item], counting: Counting) -> str:
    """Write items one after the other; each value must fit its two digits of length."""
    parts: list[str] = []
    for item in items:
        size = length_of(item.value, counting)
        assert 0 < size <= VALUE_LENGTH_MAX, f"{item.tag} has {size}"
        assert _is_digits(item.tag), item.tag
        parts.append(f"{item.tag}{size:02d}{item.value}")
    return "".join(parts)


def length_of(value: str, counting: Counting) -> int:
    """The length of a value as the counting has it."""
    return len(value) if counting == "characters" else len(value.encode())


def crc_of(text: str) -> str:
    """CRC-16 of a text that ends in "6304", as four upper-case hexadecimal digits."""
    assert text.endswith(CRC_HEAD), "the checksum covers its own tag and length"
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def with_crc(body: str) -> str:
    """Close a text with its checksum."""
    covered = body + CRC_HEAD
    return covered + crc_of(covered)


def split_payload(payload: str, counting: Counting) -> list[Item] | Refused:
    """Split a whole payload and check its checksum; returns all items but the checksum.

    Refused, besides what `split` refuses: CRC_MISSING, CRC_NOT_LAST, DATA_AFTER_CRC,
    CRC_LOWER_CASE, CRC_WRONG. The policy: lower case is refused, and so is a single character
    behind the checksum, white space too.
    """
    items = _until_crc(payload, counting)
    if isinstance(items, Refused):
        return items
    covered = join(items, counting) + CRC_HEAD
    spelled = payload[len(covered) : len(covered) + CRC_LENGTH]
    rest = payload[len(covered) + CRC_LENGTH :]
    if rest:
        following = split(rest, counting)
        is_items = not isinstance(following, Refused)
        return Refused(QrRefusal.CRC_NOT_LAST if is_items else QrRefusal.DATA_AFTER_CRC, "", "63")
    expected = crc_of(covered)
    if spelled == expected:
        return items
    if spelled.upper() == expected:
        return Refused(QrRefusal.CRC_LOWER_CASE, f"{spelled} should be {expected}.", CRC_TAG)
    return Refused(QrRefusal.CRC_WRONG, f"{spelled} should be {expected}.", CRC_TAG)


def _until_crc(payload: str, counting: Counting) -> list[Item] | Refused:
    """The items before the first one of tag 63, which is four hexadecimal digits."""
    units = payload if counting == "characters" else payload.encode().decode("latin-1")
    at = 0
    while at < len(units) and not units.startswith(CRC_HEAD, at):
        item = _item_at(units, at, "")
        if isinstance(item, Refused):
            return item
        if item.tag == CRC_TAG:
            return Refused(QrRefusal.CRC_WRONG, "Expected a length of 04.", CRC_TAG)
        at += HEAD_LENGTH + len(item.value)
    if at >= len(units):
        return Refused(QrRefusal.CRC_MISSING, "", CRC_TAG)
    spelled = units[at + HEAD_LENGTH : at + HEAD_LENGTH + CRC_LENGTH]
    if len(spelled) < CRC_LENGTH:
        return Refused(QrRefusal.LENGTH_PAST_END, f"{len(spelled)} of 4 digits.", CRC_TAG)
    if not frozenset(spelled.upper()) <= _CRC_DIGITS:
        return Refused(QrRefusal.CRC_WRONG, "Expected four hexadecimal digits.", CRC_TAG)
    before = units[:at]
    return split(before if counting == "characters" else _text_of(before), counting)


def _text_of(units: str) -> str:
    # It ends where an ASCII digit begins, so that it cannot end inside a character.
    return units.encode("latin-1").decode("utf-8")


def check_once(items: Sequence[Item], where: str = "") -> Refused | None:
    """TAG_TWICE when a tag stands there more than once: nobody knows which one counts."""
    seen: set[str] = set()
    for item in items:
        if item.tag in seen:
            return Refused(QrRefusal.TAG_TWICE, "", _name(where, item.tag))
        seen.add(item.tag)
    return None


def _is_digits(text: str) -> bool:
    return len(text) == 2 and frozenset(text) <= _DIGITS


def _name(where: str, tag: str) -> str:
    return f"{where}.{tag}" if where else tag

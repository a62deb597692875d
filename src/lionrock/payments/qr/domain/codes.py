"""Reading, checking and writing payment codes.

`decode` reads strictly: every broken rule has its own refusal. What is merely unusual is read with
a warning: identifier_variant, mobile_as_fps_id, fps_id_length (neither 7 nor 9 digits),
static_amount, text_not_ascii (outside the language template), lengths_in_bytes, no_fps_account,
point_absent.

Pure. Not for: drawing (pictures), or whether the proxy exists (addressing).
Invariants: encode(decode(x)) = x; decode(compose(c)).content = c.
"""

from __future__ import annotations

import re
from typing import Any

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.qr.domain import layout
from lionrock.payments.qr.domain.content import (
    AdditionalData,
    Code,
    Content,
    FpsAccount,
    LanguageTemplate,
    Tip,
)
from lionrock.payments.qr.domain.fps import fps_account, is_fps
from lionrock.payments.qr.domain.items import (
    COUNTINGS,
    Counting,
    Item,
    check_characters,
    check_once,
    join,
    split,
    split_payload,
    with_crc,
)
from lionrock.payments.qr.domain.refusals import QrRefusal

AMOUNT_LENGTH_MAX = 13
_AMOUNT = re.compile(r"[0-9]+(?:\.([0-9]*))?")
_EXPONENT = re.compile(r"[0-9.]+[eE][+-]?[0-9]+")


def decode(payload: str) -> Code | Refused:
    """Read a payment code; Refused with one of QrRefusal and the tag as `field`.

    Lengths are read as characters, then as UTF-8 bytes; LENGTH_AMBIGUOUS when both hold and say
    different things.
    """
    refused = check_characters(payload)
    if refused is not None:
        return refused
    first = _read(payload, "characters")
    if payload.isascii():
        return first
    second = _read(payload, "bytes")
    if isinstance(second, Refused):
        return first
    if isinstance(first, Refused):
        return second
    if first.items != second.items:
        return Refused(QrRefusal.LENGTH_AMBIGUOUS)
    return first


def encode(code: Code) -> str:
    """Write a code that was read, exactly as it was written."""
    return with_crc(join(code.items, code.counting))


def _read(payload: str, counting: Counting) -> Code | Refused:
    assert counting in COUNTINGS, counting
    items = split_payload(payload, counting)
    if isinstance(items, Refused):
        return items
    return read_items(items, counting)


def read_items(items: list[Item], counting: Counting) -> Code | Refused:
    """Read the items of a payload, its checksum taken off and checked."""
    refused = _check_frame(items) or check_once(items) or _check_required(items)
    if refused is None:
        refused = layout.check_values(items)
    if refused is not None:
        return refused
    values = {item.tag: item.value for item in items}
    content = _content(items, values, counting)
    if isinstance(content, Refused):
        return content
    found, warnings = content
    return Code(
        content=found, items=tuple(items), counting=counting,
        warnings=(*warnings, *_warnings(items, values, found, counting)),
    )  # fmt: skip


def _check_frame(items: list[Item]) -> Refused | None:
    if not items or items[0].tag != layout.FORMAT:
        return Refused(QrRefusal.FORMAT_NOT_FIRST, "", layout.FORMAT)
    if items[0].value != layout.FORMAT_VALUE:
        return Refused(QrRefusal.FORMAT_UNKNOWN, "Expected 01.", layout.FORMAT)
    return None


def _check_required(items: list[Item]) -> Refused | None:
    there = {item.tag for item in items}
    for tag in layout.REQUIRED:
        if tag not in there:
            return Refused(QrRefusal.TAG_MISSING, "", tag)
    if not there & layout.ACCOUNT_TAGS:
        return Refused(QrRefusal.TAG_MISSING, "An account: one of 02 to 51.", layout.FPS)
    return None


def _content(
    items: list[Item], values: dict[str, str], counting: Counting
) -> tuple[Content, tuple[str, ...]] | Refused:
    point = values.get(layout.POINT, "11")
    if point not in layout.POINTS:
        return Refused(QrRefusal.FIELD_MALFORMED, "Expected 11 or 12.", layout.POINT)
    if values[layout.COUNTRY] != layout.COUNTRY_VALUE:
        return Refused(QrRefusal.COUNTRY_WRONG, "Expected HK.", layout.COUNTRY)
    currency = layout.CURRENCIES.get(values[layout.CURRENCY])
    if currency is None:
        return Refused(QrRefusal.CURRENCY_UNKNOWN, "Expected 344 or 156.", layout.CURRENCY)
    amount = read_amount(values[layout.AMOUNT], currency) if layout.AMOUNT in values else None
    if isinstance(amount, Refused):
        return amount
    tip = _tip(values)
    if isinstance(tip, Refused):
        return tip
    fps = _fps(values, counting)
    if isinstance(fps, Refused):
        return fps
    account, warnings = fps
    additional = _template(values, layout.ADDITIONAL, counting, AdditionalData)
    if isinstance(additional, Refused):
        return additional
    language = _template(values, layout.LANGUAGE, counting, LanguageTemplate)
    if isinstance(language, Refused):
        return language
    understood = layout.UNDERSTOOD if account else layout.UNDERSTOOD - {layout.FPS}
    return Content(
        is_dynamic=layout.POINTS[point], currency=currency,  # type: ignore[arg-type]  # of a table
        fps=account, amount=amount, name=values[layout.NAME], city=values[layout.CITY],
        category=values[layout.CATEGORY], postal_code=values.get(layout.POSTAL_CODE, ""), tip=tip,
        additional=additional, language=language,
        others=tuple(item for item in items if item.tag not in understood),
    ), warnings  # fmt: skip


def read_amount(text: str, currency: str) -> Money | Refused:
    """Read tag 54: digits with at most two decimals, above zero, at most 13 characters."""
    if text.startswith("-"):
        return Refused(QrRefusal.AMOUNT_NEGATIVE, "", layout.AMOUNT)
    if _EXPONENT.fullmatch(text):
        return Refused(QrRefusal.AMOUNT_EXPONENT, "", layout.AMOUNT)
    match = _AMOUNT.fullmatch(text)
    if match is None or len(text) > AMOUNT_LENGTH_MAX:
        return Refused(QrRefusal.AMOUNT_MALFORMED, "Expected such as 88.80.", layout.AMOUNT)
    whole, _, decimals = text.partition(".")
    if len(decimals) > 2:
        return Refused(QrRefusal.AMOUNT_DECIMALS, "Expected two at most.", layout.AMOUNT)
    amount_minor = int(whole + decimals.ljust(2, "0"))
    if amount_minor == 0:
        return Refused(QrRefusal.AMOUNT_ZERO, "", layout.AMOUNT)
    return Money(amount_minor, currency)


def _tip(values: dict[str, str]) -> Tip | Refused | None:
    """Tags 55 to 57: 02 goes with a fixed fee and 03 with a percentage, nothing else does."""
    indicator = values.get(layout.TIP)
    fixed, percentage = values.get(layout.TIP_FIXED), values.get(layout.TIP_PERCENTAGE)
    expected = {None: (False, False), "01": (False, False), "02": (True, False),
                "03": (False, True)}  # fmt: skip
    if expected.get(indicator) != (fixed is not None, percentage is not None):
        return Refused(
            QrRefusal.TIP_INCONSISTENT, "02 goes with 56, 03 with 57, 01 with neither.", layout.TIP
        )
    if indicator is None:
        return None
    return Tip(layout.TIPS[indicator], fixed or percentage or "")  # type: ignore[arg-type]  # table


def _fps(
    values: dict[str, str], counting: Counting
) -> tuple[FpsAccount | None, tuple[str, ...]] | Refused:
    if layout.FPS not in values:
        return None, ("no_fps_account",)
    items = _inner(values[layout.FPS], layout.FPS, counting)
    if isinstance(items, Refused):
        return items
    return fps_account(items) if is_fps(items) else (None, ("no_fps_account",))


def _inner(value: str, tag: str, counting: Counting) -> list[Item] | Refused:
    items = split(value, counting, tag)
    if isinstance(items, Refused):
        return items
    return check_once(items, tag) or layout.check_values(items, tag) or items


_NAMES = {layout.ADDITIONAL: layout.ADDITIONAL_TAGS, layout.LANGUAGE: layout.LANGUAGE_TAGS}
_NEEDED: dict[str, tuple[str, ...]] = {layout.ADDITIONAL: (), layout.LANGUAGE: ("00", "01")}


def _template(
    values: dict[str, str], tag: str, counting: Counting, shape: type[Any]
) -> Any | Refused | None:
    if tag not in values:
        return None
    items = _inner(values[tag], tag, counting)
    if isinstance(items, Refused):
        return items
    names = _NAMES[tag]
    named = {names[item.tag]: item.value for item in items if item.tag in names}
    for needed in _NEEDED[tag]:
        if names[needed] not in named:
            return Refused(QrRefusal.TAG_MISSING, "", f"{tag}.{needed}")
    return shape(**named, others=tuple(item for item in items if item.tag not in names))


def _warnings(
    items: list[Item], values: dict[str, str], content: Content, counting: Counting
) -> tuple[str, ...]:
    plain = "".join(item.value for item in items if item.tag != layout.LANGUAGE)
    found = {
        "point_absent": layout.POINT not in values,
        "static_amount": content.amount is not None and not content.is_dynamic,
        "text_not_ascii": not plain.isascii(),
        "lengths_in_bytes": counting == "bytes",
    }
    return tuple(name for name, is_so in found.items() if is_so)

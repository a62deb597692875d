"""From content to a code: items in the order of their tags, each checked as if it had been read.

Pure. Invariant: what compose writes decode reads as the same content.
"""

from __future__ import annotations

from typing import Any

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.qr.domain import layout
from lionrock.payments.qr.domain.codes import decode, encode, read_items
from lionrock.payments.qr.domain.content import Code, Content, FpsAccount, Tip
from lionrock.payments.qr.domain.fps import check_account
from lionrock.payments.qr.domain.items import (
    VALUE_LENGTH_MAX,
    Counting,
    Item,
    check_characters,
    join,
    length_of,
)
from lionrock.payments.qr.domain.refusals import QrRefusal

_TIP_CODES = {name: code for code, name in layout.TIPS.items()}
_TIP_TAGS = {"fixed": layout.TIP_FIXED, "percentage": layout.TIP_PERCENTAGE}


def compose(content: Content, counting: Counting = "characters") -> Code | Refused:
    """Make a code that says this; Refused as decode would refuse it.

    Lengths count characters unless asked otherwise. LENGTH_AMBIGUOUS when a reader that counts the
    other way would read something else.
    """
    items = _items(content, counting)
    if isinstance(items, Refused):
        return items
    for item in items:
        if not 0 < length_of(item.value, counting) <= VALUE_LENGTH_MAX:
            return Refused(
                QrRefusal.FIELD_MALFORMED, f"At most {VALUE_LENGTH_MAX} characters.", item.tag
            )
    code = read_items(items, counting)
    if isinstance(code, Refused):
        return code
    payload = encode(code)
    refused = check_characters(payload)
    if refused is not None:
        return refused
    # Read by the same rules as everybody else's.
    again = decode(payload)
    if isinstance(again, Refused):
        return again
    assert again.items == code.items, "what was written is what is read"
    return again


def wire_amount(amount: Money) -> str:
    """An amount as tag 54 holds it: two decimals, as people write prices."""
    return amount.wire()


def _items(content: Content, counting: Counting) -> list[Item] | Refused:
    fps = _fps_item(content.fps, counting)
    if isinstance(fps, Refused):
        return fps
    additional = _template(content.additional, layout.ADDITIONAL_TAGS, layout.ADDITIONAL, counting)
    if isinstance(additional, Refused):
        return additional
    language = _template(content.language, layout.LANGUAGE_TAGS, layout.LANGUAGE, counting)
    if isinstance(language, Refused):
        return language
    plain = {
        layout.POINT: "12" if content.is_dynamic else "11",
        layout.FPS: fps,
        layout.CATEGORY: content.category,
        layout.CURRENCY: layout.CURRENCY_NUMBERS[content.currency],
        layout.AMOUNT: wire_amount(content.amount) if content.amount else "",
        layout.COUNTRY: layout.COUNTRY_VALUE,
        layout.NAME: content.name,
        layout.CITY: content.city,
        layout.POSTAL_CODE: content.postal_code,
        layout.ADDITIONAL: additional,
        layout.LANGUAGE: language,
        **_tip_values(content.tip),
    }
    items = [Item(tag, value) for tag, value in plain.items() if value]
    items = sorted((*items, *content.others), key=lambda item: item.tag)
    return [Item(layout.FORMAT, layout.FORMAT_VALUE), *items]


def _tip_values(tip: Tip | None) -> dict[str, str]:
    if tip is None:
        return {}
    values = {layout.TIP: _TIP_CODES[tip.kind]}
    if tip.kind in _TIP_TAGS:
        values[_TIP_TAGS[tip.kind]] = tip.value
    return values


def _fps_item(account: FpsAccount | None, counting: Counting) -> str | Refused:
    if account is None:
        return ""
    refused = check_account(account)
    if refused is not None:
        return refused
    return _template(account, layout.FPS_TAGS, layout.FPS, counting)


def _template(
    value: Any, names: dict[str, str], tag: str, counting: Counting
) -> str | Refused:
    """The inner sequence of a template, "" when there is nothing in it."""
    if value is None:
        return ""
    items = [Item(inner, getattr(value, name)) for inner, name in names.items()]
    items = [item for item in items if item.value] + list(value.others)
    for item in items:
        if not 0 < length_of(item.value, counting) <= VALUE_LENGTH_MAX:
            return Refused(
                QrRefusal.FIELD_MALFORMED, f"At most {VALUE_LENGTH_MAX} characters.",
                f"{tag}.{item.tag}",
            )
    return join(sorted(items, key=lambda item: item.tag), counting)

"""The rules for each tag: which are required, how long a value may be, what it may hold.

Pure. Source: as in content.py; the lengths are EMV's, the dummy values ("0000", "NA") Hong Kong's.
"""

from __future__ import annotations

import re

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.qr.domain.items import Item
from lionrock.payments.qr.domain.refusals import QrRefusal

FORMAT, POINT, FPS, CATEGORY, CURRENCY, AMOUNT = "00", "01", "26", "52", "53", "54"
TIP, TIP_FIXED, TIP_PERCENTAGE, COUNTRY, NAME, CITY = "55", "56", "57", "58", "59", "60"
POSTAL_CODE, ADDITIONAL, LANGUAGE = "61", "62", "64"
FORMAT_VALUE = "01"
COUNTRY_VALUE = "HK"
POINTS = {"11": False, "12": True}
CURRENCIES = {"344": "HKD", "156": "CNY"}
CURRENCY_NUMBERS = {name: number for number, name in CURRENCIES.items()}
TIPS = {"01": "prompt", "02": "fixed", "03": "percentage"}
ACCOUNT_TAGS = frozenset(f"{tag:02d}" for tag in range(2, 52))
# Those that every code has, in the order of their numbers; 63 is checked with the checksum.
REQUIRED = (CATEGORY, CURRENCY, COUNTRY, NAME, CITY)
# Those that this codec understands; whatever else there is, is carried along.
UNDERSTOOD = frozenset({
    FORMAT, POINT, FPS, CATEGORY, CURRENCY, AMOUNT, TIP, TIP_FIXED, TIP_PERCENTAGE, COUNTRY, NAME,
    CITY, POSTAL_CODE, ADDITIONAL, LANGUAGE,
})  # fmt: skip
FPS_TAGS = {
    "00": "identifier", "01": "clearing_code", "02": "fps_id", "03": "mobile", "04": "email",
    "05": "timeout",
}  # fmt: skip
ADDITIONAL_TAGS = {
    "01": "bill", "02": "mobile", "03": "store", "04": "loyalty", "05": "reference",
    "06": "customer", "07": "terminal", "08": "purpose", "09": "data_request",
}  # fmt: skip
LANGUAGE_TAGS = {"00": "language", "01": "name", "02": "city"}


class Rule(msgspec.Struct, frozen=True):
    """How long a value may be, and its form where there is one."""

    length_max: int
    form: str = ""
    expected: str = ""


RULES = {
    CATEGORY: Rule(4, "[0-9]{4}", "four digits"),
    NAME: Rule(25),
    CITY: Rule(15),
    POSTAL_CODE: Rule(10),
    TIP_FIXED: Rule(13, r"(?=.*[1-9])[0-9]{1,10}(\.[0-9]{0,2})?", "an amount above zero"),
    TIP_PERCENTAGE: Rule(
        5, r"(?=.*[1-9])[0-9]{1,2}(\.[0-9]{0,2})?", "a percentage from 0.01 to 99.99"
    ),
    "26.01": Rule(3, "[0-9]{3}", "three digits"),
    "64.00": Rule(2, "[a-zA-Z]{2}", "two letters (ISO 639)"),
    "64.01": Rule(25),
    "64.02": Rule(15),
    **{f"62.{tag}": Rule(25) for tag in ADDITIONAL_TAGS},
    "62.09": Rule(3, "[AME]{1,3}", "letters A, M and E"),
}  # fmt: skip


def check_value(where: str, value: str) -> Refused | None:
    """FIELD_MALFORMED when a value breaks the rule of its place ("59", "62.05")."""
    rule = RULES.get(where)
    if rule is None:
        return None
    if not 0 < len(value) <= rule.length_max:
        return Refused(
            QrRefusal.FIELD_MALFORMED, f"At most {rule.length_max} characters.", where
        )
    if rule.form and not re.fullmatch(rule.form, value):
        return Refused(QrRefusal.FIELD_MALFORMED, f"Expected {rule.expected}.", where)
    return None


def check_values(items: list[Item], where: str = "") -> Refused | None:
    """The first of a sequence's values that breaks its rule."""
    for item in items:
        refused = check_value(f"{where}.{item.tag}" if where else item.tag, item.value)
        if refused is not None:
            return refused
    return None

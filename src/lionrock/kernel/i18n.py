"""Three languages for whatever a person reads: en, zh-Hant, zh-Hans.

A text is a `Text` with all three; there is no text without one. Numbers, money and dates are
formatted by babel for the Hong Kong locales.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

from lionrock.kernel.money import CURRENCY_DECIMALS

Language = Literal["en", "zh-Hant", "zh-Hans"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-Hant", "zh-Hans")
_LOCALES = {"en": "en_HK", "zh-Hant": "zh_Hant_HK", "zh-Hans": "zh_Hans_HK"}
HONG_KONG = ZoneInfo("Asia/Hong_Kong")


class Text(msgspec.Struct, frozen=True, rename={"zh_hant": "zh-Hant", "zh_hans": "zh-Hans"}):
    """One text in three languages; on the wire {"en", "zh-Hant", "zh-Hans"}."""

    en: str
    zh_hant: str
    zh_hans: str

    def in_language(self, language: str) -> str:
        """Return the text in a language; English for an unknown one."""
        return {"zh-Hant": self.zh_hant, "zh-Hans": self.zh_hans}.get(language, self.en)

    def format(self, **values: str) -> Text:
        """Fill in named values, in all three languages."""
        return Text(
            self.en.format(**values), self.zh_hant.format(**values), self.zh_hans.format(**values)
        )


def show_money(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount as people write it, e.g. HK$1,234.50."""
    # A Decimal, because a float shows amounts above 2**53 minor units wrongly.
    whole = Decimal(amount_minor).scaleb(-CURRENCY_DECIMALS[currency])
    return str(format_currency(whole, currency, locale=_LOCALES.get(language, "en_HK")))


def show_number(number: int, language: str) -> str:
    """Return a whole number with grouping."""
    return str(format_decimal(number, locale=_LOCALES.get(language, "en_HK")))


def show_date(day: date, language: str) -> str:
    """Return a date as people write it, e.g. 20 February 2026."""
    return str(format_date(day, format="long", locale=_LOCALES.get(language, "en_HK")))


def show_instant(instant: datetime, language: str) -> str:
    """Return an instant in Hong Kong time."""
    local = instant.astimezone(HONG_KONG)
    return str(format_datetime(local, format="medium", locale=_LOCALES.get(language, "en_HK")))

"""The words by which a consent is shown: structured values in the person's language.

The sentence itself is the approval template of identity ("the words come from our own templates");
what is filled in comes from here, so that provider, product, fields, purpose and dates read the
same on the phone, in the portal and in the catalogue. Nothing of it is a requester's free text.
"""

from __future__ import annotations

from lionrock.exchange.domain.consent import Frequency, Terms
from lionrock.exchange.domain.products import PRODUCTS
from lionrock.exchange.domain.purposes import JURISDICTIONS, LEGAL_BASES, PURPOSES
from lionrock.kernel.i18n import Text, show_date, show_instant

_JOIN = Text(", ", "、", "、")
_UNIT = {
    "total": Text("in total", "合共", "合共"),
    "hour": Text("per hour", "每小時", "每小时"),
    "day": Text("per day", "每日", "每日"),
    "month": Text("per 30 days", "每三十日", "每三十日"),
}
_ONCE = Text("once", "一次", "一次")
_TIMES = Text("at most {count} times {unit}", "{unit}最多{count}次", "{unit}最多{count}次")
_DAYS = Text(
    "{days} days, then deleted with a receipt", "{days}日，其後刪除並留下收據",
    "{days}日，其后删除并留下收据",
)
_NO_PERIOD = Text("not limited by date", "不限日期", "不限日期")
_FROM = Text("from {start}", "由{start}起", "由{start}起")
_BEFORE = Text("before {end}", "{end}之前", "{end}之前")
_BETWEEN = Text("from {start} and before {end}", "由{start}起至{end}之前", "由{start}起至{end}之前")


def show_terms(
    terms: Terms, *, provider_name: str, consumer_name: str, language: str
) -> dict[str, str]:
    """Return each term as text in one language, by the names of the approval template."""
    product = PRODUCTS[terms.product, terms.product_version]
    fields = [f.words.in_language(language) for f in product.fields if f.name in terms.fields]
    return {
        "provider": provider_name,
        "consumer": consumer_name,
        "product": product.words.in_language(language),
        "fields": _JOIN.in_language(language).join(fields),
        "purpose": PURPOSES[terms.purpose].words.in_language(language),
        "legal_basis": LEGAL_BASES[terms.legal_basis].words.in_language(language),
        "until": show_instant(terms.expires_at, language),
        "frequency": show_frequency(terms.frequency).in_language(language),
        "retention": _DAYS.format(days=str(terms.retention_days)).in_language(language),
        "data_period": _show_data_period(terms, language),
        "jurisdiction": JURISDICTIONS[terms.jurisdiction].in_language(language),
    }


def show_frequency(frequency: Frequency) -> Text:
    """Return how often a consent may be used, in three languages."""
    if frequency.per == "total" and frequency.count_max == 1:
        return _ONCE
    unit, count = _UNIT[frequency.per], str(frequency.count_max)
    return Text(
        *(_TIMES.in_language(language).format(count=count, unit=unit.in_language(language))
          for language in ("en", "zh-Hant", "zh-Hans"))
    )


def _show_data_period(terms: Terms, language: str) -> str:
    start = show_date(terms.data_from, language) if terms.data_from else ""
    end = show_date(terms.data_until, language) if terms.data_until else ""
    if start and end:
        return _BETWEEN.format(start=start, end=end).in_language(language)
    if start:
        return _FROM.format(start=start).in_language(language)
    if end:
        return _BEFORE.format(end=end).in_language(language)
    return _NO_PERIOD.in_language(language)

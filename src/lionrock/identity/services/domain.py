"""The single portal's directory: which services there are, found by words in three languages.

A listing says what a service is for, whose it is, where it is, and how one signs in there. Search
is over folded text: width, case and the common simplified forms do not matter.
Not for: clients and their policies (domain/clients.py), onboarding (onboarding.py).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from lionrock.identity.domain.words import is_safe_line
from lionrock.identity.services.errors import ServicesRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import LANGUAGES, Text

Audience = Literal["persons", "companies", "both"]
SignInWay = Literal["none", "lionrock", "own"]
ServiceStatus = Literal["live", "retired"]

CATEGORIES: dict[str, Text] = {
    "business": Text("Business and trade", "工商及貿易", "工商及贸易"),
    "funding": Text("Funding and innovation", "資助及創科", "资助及创科"),
    "employment": Text("Work and training", "就業及培訓", "就业及培训"),
    "education": Text("Education", "教育", "教育"),
    "health": Text("Health", "醫療衞生", "医疗卫生"),
    "housing": Text("Housing and land", "房屋及土地", "房屋及土地"),
    "transport": Text("Transport and driving", "交通及駕駛", "交通及驾驶"),
    "immigration": Text("Identity and travel", "身份證明及出入境", "身份证明及出入境"),
    "tax": Text("Tax and duties", "稅務", "税务"),
    "welfare": Text("Welfare and family", "福利及家庭", "福利及家庭"),
    "environment": Text("Environment", "環境", "环境"),
    "culture": Text("Culture, leisure and sport", "文化、康樂及體育", "文化、康乐及体育"),
    "law": Text("Law and order", "法律及治安", "法律及治安"),
    "finance": Text("Banking and insurance", "銀行及保險", "银行及保险"),
}
NAME_LENGTH_MAX = 120
SUMMARY_LENGTH_MAX = 400
ADDRESS_LENGTH_MAX = 512
QUERY_LENGTH_MAX = 80
WORDS_MAX = 6
PAGE_ROWS_MAX = 100
SERVICES_PER_IMPORT_MAX = 20_000
_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
_WORD = re.compile(r"[^\s,;/，、；。：:()（）]+")


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One listed service. `client_id` when it signs people in here; `source` and `as_of` say
    whose word the listing is and of which day."""

    id: str
    names: Text
    summaries: Text
    category: str
    organisation: Text
    address: str
    audience: Audience
    sign_in: SignInWay
    source: str
    as_of: date
    client_id: str | None = None
    status: ServiceStatus = "live"
    is_simulated: bool = False


class ServiceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for: every word must occur; empty members do not narrow."""

    words: tuple[str, ...] = ()
    category: str | None = None
    audience: str | None = None
    sign_in: str | None = None
    offset: int = 0
    limit: int = 24


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a search. `categories` counts what the words find in each category."""

    services: tuple[Service, ...]
    total: int
    categories: dict[str, int]


def fold(text: str) -> str:
    """Bring a text into the spelling that search compares: NFKC, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def searchable(service: Service) -> str:
    """Everything that a search may hit, folded: names, summaries and organisation in three
    languages, and the category's own words."""
    texts = (service.names, service.organisation, service.summaries, CATEGORIES[service.category])
    return fold(" ".join(text.in_language(language) for text in texts for language in LANGUAGES))


def read_query(
    *, words: str = "", category: str = "", audience: str = "", sign_in: str = "",
    offset: str = "", limit: str = "",
) -> ServiceQuery | Refused:
    """Read a search as it came over HTTP; SERVICES_QUERY names the parameter that is wrong."""
    refusal = ServicesRefusal.SERVICES_QUERY
    if len(words) > QUERY_LENGTH_MAX:
        return Refused(refusal, f"At most {QUERY_LENGTH_MAX} characters.", "q")
    if category and category not in CATEGORIES:
        return Refused(refusal, f"Known: {', '.join(CATEGORIES)}.", "category")
    if audience not in ("", "persons", "companies"):
        return Refused(refusal, "persons or companies.", "audience")
    if sign_in not in ("", "none", "lionrock", "own"):
        return Refused(refusal, "none, lionrock or own.", "sign_in")
    numbers = []
    for name, text, low, high in (
        ("offset", offset, 0, 100_000), ("limit", limit, 1, PAGE_ROWS_MAX),
    ):  # fmt: skip
        if text and not (text.isascii() and text.isdigit() and low <= int(text[:7]) <= high):
            return Refused(refusal, f"A number from {low} to {high}.", name)
        numbers.append(int(text) if text else None)
    found = tuple(dict.fromkeys(_WORD.findall(fold(words))))[:WORDS_MAX]
    return ServiceQuery(
        words=found, category=category or None, audience=audience or None,
        sign_in=sign_in or None, offset=numbers[0] or 0, limit=numbers[1] or 24,
    )  # fmt: skip


def check_service(service: Service) -> Refused | None:
    """Check a listing before it is shown to anybody; SERVICE_DRAFT names the field."""
    refusal = ServicesRefusal.SERVICE_DRAFT
    if not _ID.fullmatch(service.id):
        return Refused(refusal, "Lower-case letters, digits and hyphens.", "id")
    if service.category not in CATEGORIES:
        return Refused(refusal, f"Known: {', '.join(CATEGORIES)}.", "category")
    for field, text, longest in (
        ("names", service.names, NAME_LENGTH_MAX),
        ("organisation", service.organisation, NAME_LENGTH_MAX),
        ("summaries", service.summaries, SUMMARY_LENGTH_MAX),
    ):
        for language in LANGUAGES:
            if not is_safe_line(text.in_language(language), longest):
                return Refused(refusal, f"{language}: 1 to {longest} characters, one line.", field)
    if not service.is_simulated and not is_web_address(service.address):
        return Refused(refusal, "An absolute https address without credentials.", "address")
    if (service.sign_in == "lionrock") != (service.client_id is not None):
        return Refused(refusal, "Services that sign people in here name their client.", "client_id")
    if not is_safe_line(service.source, NAME_LENGTH_MAX):
        return Refused(refusal, "Say whose word the listing is.", "source")
    return None


def is_web_address(address: str) -> bool:
    """Absolute, https (or http on loopback, as in the sandbox), printable, no credentials."""
    if len(address) > ADDRESS_LENGTH_MAX or not address.isascii() or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "@" in parts.netloc or " " in address or not host:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and host in ("127.0.0.1", "localhost", "::1")
    )

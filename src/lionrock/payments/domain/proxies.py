"""Proxies: an address that stands for an account. Normal form, masking, and the cost of asking.

Two spellings of one number are one proxy; a name is shown to others masked; asking for what does
not exist costs more than asking for what does, so that nobody can list the register.
Not for: where proxies are kept (store) or who may register one (service).
Source: ITU-T E.164 by phonenumbers; token bucket after the Pix DICT API (found 1, not found 20, a
payment gives 1 back). Invariant: normal(normal(x)) = normal(x).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec
import phonenumbers

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import Proxy
from lionrock.payments.domain.refusals import PaymentRefusal

VALUE_LENGTH_MAX = 254
REGION = "HK"
BUCKET_TOKENS_MAX = 1_000
REFILL_MS = 1_000
COST_FOUND = 1
COST_NOT_FOUND = 20
GIFT_PAYMENT = 1
_EMAIL = re.compile(
    r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$"
)
_LOCAL_PART_MAX = 64


class Bucket(msgspec.Struct, frozen=True):
    """A participant's right to ask; `tokens` as of the wire instant `at`."""

    tokens: int
    at: datetime


def normal_proxy(kind: str, value: str) -> Proxy | Refused:
    """Return the proxy in normal form: E.164 for a mobile number, lower case for an e-mail.

    PROXY_MALFORMED names what was expected. A number without country code is a Hong Kong one.
    """
    text = value.strip()
    if not 0 < len(text) <= VALUE_LENGTH_MAX or not text.isascii() or not text.isprintable():
        return _malformed("value", f"1 to {VALUE_LENGTH_MAX} printable ASCII characters")
    if kind == "mobile":
        return _normal_mobile(text)
    if kind == "email":
        return _normal_email(text)
    return _malformed("kind", '"mobile" or "email"')


def _normal_mobile(text: str) -> Proxy | Refused:
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return _malformed("value", "a telephone number such as +852-51230001")
    kinds = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if number.extension or not phonenumbers.is_valid_number(number):
        return _malformed("value", "a valid number without extension")
    if phonenumbers.number_type(number) not in kinds:
        return _malformed("value", "the number of a mobile telephone")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Proxy(kind="mobile", value=e164)


def _normal_email(text: str) -> Proxy | Refused:
    lower = text.lower()
    if not _EMAIL.match(lower) or len(lower.partition("@")[0]) > _LOCAL_PART_MAX:
        return _malformed("value", "an e-mail address such as pay@firm.example")
    return Proxy(kind="email", value=lower)


def _malformed(field: str, expected: str) -> Refused:
    return Refused(PaymentRefusal.PROXY_MALFORMED, f"Expected {expected}.", field=field)


def wire_value(proxy: Proxy) -> str:
    """Write a normal proxy as messages carry it: +852-51230001 (ISO 20022 PhoneNumber)."""
    if proxy.kind == "email":
        return proxy.value
    number = phonenumbers.parse(proxy.value, None)
    national = phonenumbers.national_significant_number(number)
    return f"+{number.country_code}-{national}"


def lookup_text(proxy: Proxy) -> bytes:
    """The bytes whose keyed hash is the register's key; the kind keeps two kinds apart."""
    return f"{proxy.kind}\n{proxy.value}".encode()


def mask_value(proxy: Proxy) -> str:
    """Show enough of a proxy to recognise one's own: +852-5123****, a***@firm.example."""
    if proxy.kind == "mobile":
        return wire_value(proxy)[:-4] + "****"
    local, _, domain = proxy.value.partition("@")
    return f"{local[0]}***@{domain}"


def mask_name(name: str) -> str:
    """Show the first letter of each word; the number of stars says nothing about the length."""
    return " ".join(word[0] + "***" if len(word) > 1 else word for word in name.split())


def refilled(bucket: Bucket | None, now: datetime) -> Bucket:
    """Return the bucket with what time has given back: one token a second, up to the maximum."""
    if bucket is None:
        return Bucket(BUCKET_TOKENS_MAX, now)
    elapsed_ms = max(0, int((now - bucket.at).total_seconds() * 1000))
    gained = elapsed_ms // REFILL_MS
    # The instant moves by what was counted, so that fractions of a second add up to tokens.
    counted_until = bucket.at + timedelta(milliseconds=gained * REFILL_MS)
    return Bucket(min(BUCKET_TOKENS_MAX, bucket.tokens + gained), counted_until)


def check_may_ask(bucket: Bucket) -> Refused | None:
    """LOOKUPS_EXHAUSTED when nothing is left. The last look-up may overdraw: its cost is known
    only when it has been done."""
    return None if bucket.tokens > 0 else Refused(PaymentRefusal.LOOKUPS_EXHAUSTED)


def charged(bucket: Bucket, cost: int) -> Bucket:
    """Take the cost of one question."""
    assert cost > 0, "a question costs something"
    return Bucket(bucket.tokens - cost, bucket.at)


def given_back(bucket: Bucket) -> Bucket:
    """Return the bucket after a payment: the look-up before it was meant."""
    return Bucket(min(BUCKET_TOKENS_MAX, bucket.tokens + GIFT_PAYMENT), bucket.at)

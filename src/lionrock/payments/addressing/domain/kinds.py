"""Proxies: an address that stands for an account. Kinds, normal form, what is shown of one.

Two spellings of one number are one proxy. Not for: where proxies are kept (store) or who may
register one (service). Source: ITU-T E.164 by phonenumbers; the check digit of Hong Kong identity
cards as identity has it. Invariant: normal(normal(x)) = normal(x).
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import phonenumbers

from lionrock.identity.api import identity_check_digit
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

VALUE_LENGTH_MAX = 254
REGION = "HK"
FPS_ID_DIGITS = (7, 9)
Kind = Literal["mobile", "email", "fps_id", "hkid"]
KINDS: tuple[Kind, ...] = ("mobile", "email", "fps_id", "hkid")
_LOCAL_PART_MAX = 64
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
# An internationalised label can look like another domain (RFC 5891 s4.4, UTS 39): none is taken.
_LOOKALIKE = re.compile(r"[@.]xn--")
_FPS_ID = re.compile(r"[0-9]{7}(?:[0-9]{2})?")
_HKID = re.compile(r"([A-Z]{1,2})([0-9]{6})\(?([0-9A])\)?")


def _pattern_of_mobiles(region: str) -> str:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    mobile = metadata.mobile if metadata is not None else None
    assert mobile is not None and mobile.national_number_pattern, "every region has mobiles"
    return str(mobile.national_number_pattern)


# The usual spellings of the region's own numbers need no search through all countries' metadata;
# the pattern is the library's, and whatever does not fit it goes the long way.
_LOCAL_SPELLING = re.compile(r"(?:\+852-?)?([0-9]{8})")
_LOCAL_MOBILE = re.compile(_pattern_of_mobiles(REGION))
_MOBILES = {
    phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy of any kind in normal form."""

    kind: Kind
    value: str


def normal_proxy(kind: str, value: str) -> Address | Refused:
    """Return the proxy in normal form: E.164, lower-case e-mail, digits, HKID without brackets.

    PROXY_MALFORMED names what was expected. A number without country code is a Hong Kong one.
    """
    # By the pieces before the whole: a megabyte is not stripped only to be refused.
    text = value.strip() if len(value) <= 2 * VALUE_LENGTH_MAX else ""
    if not 0 < len(text) <= VALUE_LENGTH_MAX or not text.isascii() or not text.isprintable():
        return _malformed("value", f"1 to {VALUE_LENGTH_MAX} printable ASCII characters")
    if kind == "mobile":
        return _normal_mobile(text)
    if kind == "email":
        return _normal_email(text)
    if kind == "fps_id":
        return _normal_fps_id(text)
    if kind == "hkid":
        return _normal_hkid(text)
    return _malformed("kind", f"one of {', '.join(KINDS)}")


def _normal_mobile(text: str) -> Address | Refused:
    plain = _LOCAL_SPELLING.fullmatch(text)
    if plain is not None and _LOCAL_MOBILE.fullmatch(plain[1]):
        return Address(kind="mobile", value=f"+852{plain[1]}")
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return _malformed("value", "a telephone number such as +852-51230001")
    # A type is given to valid numbers only: one search of the metadata answers both questions.
    if number.extension or phonenumbers.number_type(number) not in _MOBILES:
        return _malformed("value", "the valid number of a mobile telephone, without extension")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Address(kind="mobile", value=e164)


def _normal_email(text: str) -> Address | Refused:
    lower = text.lower()
    if not _EMAIL.fullmatch(lower) or len(lower.partition("@")[0]) > _LOCAL_PART_MAX:
        return _malformed("value", "an e-mail address such as pay@firm.example")
    if _LOOKALIKE.search(lower):
        return _malformed("value", "a domain without internationalised (xn--) labels")
    return Address(kind="email", value=lower)


def _normal_fps_id(text: str) -> Address | Refused:
    if not _FPS_ID.fullmatch(text):
        return _malformed("value", "7 or 9 digits")
    return Address(kind="fps_id", value=text)


def _normal_hkid(text: str) -> Address | Refused:
    found = _HKID.fullmatch(text.upper())
    if found is None or identity_check_digit(found[1], found[2]) != found[3]:
        return _malformed("value", "an identity card number with its check digit")
    return Address(kind="hkid", value="".join(found.groups()))


def _malformed(field: str, expected: str) -> Refused:
    return Refused(AddressingRefusal.PROXY_MALFORMED, f"Expected {expected}.", field=field)


def wire_value(proxy: Address) -> str:
    """Write a normal proxy as messages carry it: +852-51230001 (ISO 20022 PhoneNumber)."""
    if proxy.kind != "mobile":
        return proxy.value
    number = phonenumbers.parse(proxy.value, None)
    national = phonenumbers.national_significant_number(number)
    return f"+{number.country_code}-{national}"


def lookup_text(proxy: Address) -> bytes:
    """The bytes whose keyed hash is the register's key; the kind keeps two kinds apart."""
    return f"{proxy.kind}\n{proxy.value}".encode()


def mask_value(proxy: Address) -> str:
    """Show enough of a proxy to recognise one's own: +852-5123****, p***@firm.example, 7***."""
    if proxy.kind == "mobile":
        return wire_value(proxy)[:-4] + "****"
    if proxy.kind == "email":
        local, _, domain = proxy.value.partition("@")
        return f"{local[0]}***@{domain}"
    return proxy.value[0] + "***"

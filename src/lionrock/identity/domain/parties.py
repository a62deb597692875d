"""Persons and companies, and the identifiers that they are found by.

Identifiers are brought into one spelling here, before the service keys them (HMAC) for look-up:
two spellings of one phone number must be one row. Not for: storage, encryption, mandates.
Source of the HKID check digit: the published modulus 11 rule (weights 9 to 2, A=10, blank=36).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

import msgspec
import phonenumbers

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

PersonStatus = Literal["active", "suspended"]
DeviceKind = Literal["key", "passkey"]
CompanyStatus = Literal["live", "suspended", "ceased"]
StaffRole = Literal["assessor", "committee", "operator"]
STAFF_ROLES: tuple[StaffRole, ...] = ("assessor", "committee", "operator")

NAME_LENGTH_MAX = 120
DEVICES_PER_PERSON_MAX = 5
EMAIL_LENGTH_MAX = 254
_HKID = re.compile(r"([A-Z]{1,2})([0-9]{6})([0-9A])")
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}"
)
_HANDLE = re.compile(r"[a-z][a-z0-9-]{1,30}")
_BUSINESS_NUMBER = re.compile(r"[0-9]{8}")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A natural person who holds an identity. The identity number never leaves the store."""

    id: str
    names: Text
    status: PersonStatus
    phone: str
    email: str
    handle: str | None = None


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A legal person, known by its business registration number (UBI, 8 digits)."""

    id: str
    business_number: str
    names: Text
    status: CompanyStatus


class PersonDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator enters for a new person, identifiers in any usual spelling."""

    names: Text
    identity_number: str
    phone: str
    email: str
    handle: str | None = None


class CompanyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator enters for a new company."""

    business_number: str
    names: Text
    status: CompanyStatus = "live"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A person's device with its own key: a phone ("key") or a passkey.

    `id` is the RFC 9421 keyid. Until `trusted_from` (business clock) it waits: it reaches the
    lowest level of assurance only. `notice_id` is the approval that asks the older devices about
    it.
    """

    id: str
    person_id: str
    public_jwk: dict[str, str]
    enrolled_at: datetime
    trusted_from: datetime
    kind: DeviceKind = "key"
    credential_id: bytes | None = None
    sign_count: int = 0
    notice_id: str | None = None

    def is_trusted(self, now: datetime) -> bool:
        """Say whether its waiting period is over at a business instant."""
        return now >= self.trusted_from


def normal_identity_number(text: str) -> str | Refused:
    """Return an HKID as letters, digits and check digit, e.g. "A1234563"; or IDENTITY_NUMBER."""
    compact = text.strip().upper().replace("(", "").replace(")", "").replace(" ", "")
    match = _HKID.fullmatch(compact)
    if match is None:
        return Refused(IdentityRefusal.IDENTITY_NUMBER, field="identity_number")
    letters, digits, check = match.groups()
    if identity_check_digit(letters, digits) != check:
        return Refused(
            IdentityRefusal.IDENTITY_NUMBER, "The check digit is wrong.", field="identity_number"
        )
    return compact


def identity_check_digit(letters: str, digits: str) -> str:
    """Return the check digit of an HKID: "0" to "9" or "A" for ten."""
    padded = letters.rjust(2)
    values = [36 if c == " " else ord(c) - 55 for c in padded] + [int(c) for c in digits]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    remainder = (11 - total % 11) % 11
    return "A" if remainder == 10 else str(remainder)


def normal_phone(text: str) -> str | Refused:
    """Return a phone number in E.164 (Hong Kong without a country code); or PHONE_NUMBER."""
    try:
        number = phonenumbers.parse(text[:32], "HK")
    except phonenumbers.NumberParseException:
        return Refused(IdentityRefusal.PHONE_NUMBER, field="phone")
    if not phonenumbers.is_possible_number(number):
        return Refused(IdentityRefusal.PHONE_NUMBER, field="phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str) -> str | Refused:
    """Return an e-mail address in lower case; else EMAIL_ADDRESS.

    RFC 5321 s2.4 lets local parts differ in case; no provider of note does, and two accounts that
    differ in case only would be a trap.
    """
    address = text.strip()
    # An encoded word (RFC 2047) is read by mailers as another address than it is written.
    is_encoded = "=?" in address
    if len(address) > EMAIL_LENGTH_MAX or is_encoded or not _EMAIL.fullmatch(address):
        return Refused(IdentityRefusal.EMAIL_ADDRESS, field="email")
    return address.lower()


def normal_handle(text: str) -> str | Refused:
    """Return a short sign-in name such as "ada"; else HANDLE."""
    handle = text.strip().lower()
    if not _HANDLE.fullmatch(handle):
        return Refused(IdentityRefusal.HANDLE, field="handle")
    return handle


def normal_business_number(text: str) -> str | Refused:
    """Return the 8 digits of a business registration number; a branch suffix is cut off."""
    digits = text.strip().replace(" ", "").split("-", 1)[0]
    if not _BUSINESS_NUMBER.fullmatch(digits):
        return Refused(IdentityRefusal.BUSINESS_NUMBER, field="business_number")
    return digits


def read_identifier(text: str) -> tuple[str, str] | None:
    """Say what a person typed to sign in: ("email"|"phone"|"handle", normal spelling), or None."""
    if "@" in text:
        found, kind = normal_email(text), "email"
    elif text.strip()[:1].isalpha():
        found, kind = normal_handle(text), "handle"
    else:
        found, kind = normal_phone(text), "phone"
    return None if isinstance(found, Refused) else (kind, found)

"""What a would-be participant asks with, and the checks that need no register.

Pure. Not for: whether a key, code or organisation is known (service), or its truth (reviewers).
Source: clearing codes of three digits as HKQR tag 26 sub-tag 01 has them; ISO 9362 (BIC); RFC 7517,
RFC 7638 (keys); RFC 7518 s3.4 (ES256).
Invariant: what passes here can be registered in the directory as it is.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from lionrock.directory.api import Organisation, keyid
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import JoseRefusal, Key, key_from_jwk, thumbprint
from lionrock.kernel.money import AMOUNT_MINOR_MAX, CURRENCY_DECIMALS, Money, format_minor
from lionrock.payments.domain.orders import is_shown_text
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal

Kind = Literal["bank", "stored_value_facility"]
LANGUAGES = ("en", "zh-Hant", "zh-Hans")
NAME_LENGTH_MAX = 140
ENDPOINT_LENGTH_MAX = 400
EMAIL_LENGTH_MAX = 254
KEYS_MAX = 4
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_CLEARING_CODE = re.compile(r"[0-9]{3}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+[0-9]{8,15}")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,33}")


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask about the end point and the keys."""

    name: str
    email: str
    phone: str


class TestAccounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of two accounts of the candidate's test books: one open, one closed."""

    __test__ = False

    open: str
    closed: str


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank or stored-value facility asks with; limits are wishes, decimal strings.

    `limits` are of one payment, `daily_limits` of all that it sends on a day. `takes_bundles`: many
    messages in one exchange may be sent to it (payments/domain/bundles.py).
    """

    organisation_id: str
    names: dict[str, str]
    kind: Kind
    clearing_code: str
    currencies: tuple[str, ...]
    endpoint: str
    keys: tuple[dict[str, Any], ...]
    contact: Contact
    test_accounts: TestAccounts
    bic: str = ""
    limits: dict[str, str] = {}
    daily_limits: dict[str, str] = {}
    simulated: bool = False
    takes_bundles: bool = False

    def digest(self) -> bytes:
        """SHA-256 of what is asked."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()

    def organisation(self, role: str) -> Organisation:
        """The candidate as a member of the directory would be."""
        return Organisation(
            id=self.organisation_id, names=self.names, roles=frozenset({role}),
            endpoints={"payments": self.endpoint}, keys=tuple(map(public_jwk, self.keys)),
            simulated=self.simulated,
        )

    def keyids(self) -> tuple[str, ...]:
        """The keyids under which its calls are signed."""
        return tuple(keyid(self.organisation_id, kid) for kid in self.kids())

    def kids(self) -> tuple[str, ...]:
        """The names of its keys; the application was checked."""
        return tuple(public_jwk(jwk)["kid"] for jwk in self.keys)


def public_jwk(jwk: dict[str, Any]) -> dict[str, Any]:
    """The key as the directory keeps it; the JWK was checked."""
    key = key_from_jwk(jwk)
    assert isinstance(key, Key), "checked before it was kept"
    return key.public_jwk


def check_application(application: Application) -> Refused | None:
    """Check all fields; the refusal names the first wrong one."""
    problem = (
        _check_names(application) or _check_codes(application)
        or _check_currencies(application) or _check_contact(application)
        or check_endpoint(application.endpoint)
    )
    if problem is not None:
        return problem
    if not 1 <= len(application.keys) <= KEYS_MAX:
        return _malformed("keys", f"1 to {KEYS_MAX} public keys")
    kids = set()
    for jwk in application.keys:
        key = check_key(jwk)
        if isinstance(key, Refused):
            return key
        if key.kid in kids:
            return Refused(OnboardingRefusal.KEY_KNOWN, "It stands there twice.", "keys")
        kids.add(key.kid)
    return None


def check_key(jwk: dict[str, Any]) -> Key | Refused:
    """Read a signing key: public, P-256 for ES256, named by its thumbprint or not at all."""
    key = key_from_jwk(jwk)
    if isinstance(key, Refused):
        is_private = key.refusal is JoseRefusal.KEY_PRIVATE
        code = OnboardingRefusal.KEY_PRIVATE if is_private else OnboardingRefusal.KEY_MALFORMED
        return Refused(code, key.detail, "keys")
    if key.alg != "ES256" or key.use != "sig":
        return Refused(OnboardingRefusal.KEY_NOT_ES256, f"It is {key.alg}, {key.use}.", "keys")
    if key.kid != thumbprint(key.bare_jwk):
        return Refused(OnboardingRefusal.KEY_MALFORMED, "kid must be the thumbprint.", "keys")
    return key


def check_endpoint(endpoint: str) -> Refused | None:
    """An absolute http(s) address without credentials, query, fragment or a slash at its end.

    Whether it may be reached, and whether plain http is taken at all, the service says.
    """
    is_good = (
        len(endpoint) <= ENDPOINT_LENGTH_MAX and endpoint.isascii() and endpoint.isprintable()
        and not any(sign in endpoint for sign in "\\ \"<>'`{}|^?#@%")
    )
    if is_good:
        try:
            parts = urlsplit(endpoint)
            is_good = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            )
        except ValueError:
            is_good = False
    segments = endpoint.split("/")[3:]
    if not is_good or any(segment in ("", ".", "..") for segment in segments):
        return _malformed("endpoint", "an absolute address such as https://bank.example/switch")
    return None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one payment and of all that is sent on a day, minor units by currency."""

    payment: dict[str, int] = {}
    daily: dict[str, int] = {}

    def wire(self) -> dict[str, dict[str, str]]:
        """As decimal strings."""
        return {
            "limits": {c: format_minor(minor, c) for c, minor in self.payment.items()},
            "daily_limits": {c: format_minor(minor, c) for c, minor in self.daily.items()},
        }


def read_limits(
    limits: dict[str, str], daily_limits: dict[str, str], currencies: tuple[str, ...]
) -> Limits | Refused:
    """Read limits by currency into minor units; LIMITS names the one that is wrong."""
    payment = _read_amounts(limits, currencies, "limits")
    if isinstance(payment, Refused):
        return payment
    daily = _read_amounts(daily_limits, currencies, "daily_limits")
    return daily if isinstance(daily, Refused) else Limits(payment=payment, daily=daily)


def _read_amounts(
    limits: dict[str, str], currencies: tuple[str, ...], field: str
) -> dict[str, int] | Refused:
    read: dict[str, int] = {}
    for currency, text in limits.items():
        if currency not in currencies:
            detail = f"{currency[:8]!r} is not asked for."
            return Refused(OnboardingRefusal.LIMITS, detail, field)
        try:
            money = Money.parse(text, currency)
        except ValueError:
            return Refused(OnboardingRefusal.LIMITS, f"{currency}: such as 50000.00.", field)
        if not 0 < money.amount_minor < AMOUNT_MINOR_MAX:
            return Refused(OnboardingRefusal.LIMITS, f"{currency}: out of range.", field)
        read[currency] = money.amount_minor
    return read


def _check_names(application: Application) -> Refused | None:
    slug = application.organisation_id
    if len(slug) > 64 or not _SLUG.fullmatch(slug):
        return _malformed("organisation_id", "a slug such as bank-harbour")
    if set(application.names) != set(LANGUAGES):
        return _malformed("names", f"one name in each of {', '.join(LANGUAGES)}")
    for name in application.names.values():
        if not is_shown_text(name, NAME_LENGTH_MAX) or name != name.strip():
            return _malformed("names", f"one line of 1 to {NAME_LENGTH_MAX} characters each")
    return None


def _check_codes(application: Application) -> Refused | None:
    if not _CLEARING_CODE.fullmatch(application.clearing_code):
        return _malformed("clearing_code", "three digits")
    if application.bic and not _BIC.fullmatch(application.bic):
        return _malformed("bic", "8 or 11 characters (ISO 9362)")
    if application.kind == "bank" and not application.bic:
        return _malformed("bic", "the BIC of the bank (ISO 9362)")
    accounts = application.test_accounts
    if not _ACCOUNT.fullmatch(accounts.open) or not _ACCOUNT.fullmatch(accounts.closed):
        return _malformed("test_accounts", "1 to 34 letters, digits and hyphens each")
    if accounts.open == accounts.closed:
        return _malformed("test_accounts", "two different accounts")
    return None


def _check_currencies(application: Application) -> Refused | None:
    currencies = application.currencies
    if not currencies or len(set(currencies)) != len(currencies) or not (
        set(currencies) <= set(CURRENCY_DECIMALS)
    ):
        return _malformed("currencies", "HKD, CNY or both, each once")
    limits = read_limits(application.limits, application.daily_limits, currencies)
    return limits if isinstance(limits, Refused) else None


def _check_contact(application: Application) -> Refused | None:
    contact = application.contact
    if not is_shown_text(contact.name, NAME_LENGTH_MAX):
        return _malformed("contact.name", f"one line of 1 to {NAME_LENGTH_MAX} characters")
    if len(contact.email) > EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(contact.email):
        return _malformed("contact.email", "an e-mail address")
    if not _PHONE.fullmatch(contact.phone):
        return _malformed("contact.phone", "a number such as +85221230000")
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(OnboardingRefusal.MALFORMED, f"Expected {expected}.", field)

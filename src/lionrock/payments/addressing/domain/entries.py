"""Registrations: which account a proxy stands for in one currency, and who may change that.

A proxy stands for one account in each currency (its default account there); a new registration
takes the place of the old one. Where both registrations name the owner and the owners differ, it
does not: that takes a claim. An FPS id is given by the switch and stays with its participant.
Not for: claims (claims.py), where entries are kept (store).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import CURRENCY_DECIMALS
from lionrock.payments.addressing.domain.kinds import Address, Kind, normal_proxy
from lionrock.payments.addressing.domain.names import NAME_LENGTH_MAX
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.domain.orders import is_account_number, is_shown_text

ACCOUNT_NAME_LENGTH_MAX = NAME_LENGTH_MAX
BATCH_MAX = 1_000
_OWNER = re.compile(r"[A-Z]{2,12}:[A-Za-z0-9][A-Za-z0-9()/.-]{0,39}")


class ProxyRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant registers: this proxy stands for this account of its customer.

    `value` is empty for a new FPS id (`fps_id_digits` long). `owner` is a document of the owner,
    such as HKID:A1234563 or BR:12345678; it is kept as a keyed hash only. Without `replace` a proxy
    that another participant has is left alone.
    """

    kind: Kind
    value: str = ""
    account_number: str
    account_name: str
    currencies: tuple[str, ...] = ("HKD",)
    owner: str = ""
    replace: bool = True
    fps_id_digits: Literal[7, 9] = 9


class ProxyTarget(msgspec.Struct, frozen=True):
    """Whose account a proxy stands for, and the proxy itself in normal form; kept sealed."""

    account_number: str
    account_name: str
    proxy: str


class ProxyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One registration in one currency."""

    lookup_key: bytes
    currency: str
    kind: Kind
    organisation_id: str
    account_key: bytes
    owner_key: bytes | None
    fingerprint: bytes
    target: ProxyTarget
    registered_at: datetime

    @property
    def address(self) -> Address:
        """The proxy it is about."""
        return Address(kind=self.kind, value=self.target.proxy)


class Registered(msgspec.Struct, frozen=True):
    """A registration that stands; `is_replacement` when it took another's place.

    `value` is the FPS id that was given, empty for other kinds.
    """

    masked_proxy: str
    is_replacement: bool
    value: str = ""


class Holding(msgspec.Struct, frozen=True):
    """What a decision needs to know of an entry that is there."""

    currency: str
    organisation_id: str
    owner_key: bytes | None


def check_registration(registration: ProxyRegistration) -> Refused | None:
    """Account number and name fit into messages; at least one known currency; owner as shown."""
    if not is_account_number(registration.account_number):
        return _malformed("account_number", "1 to 34 of A-Z a-z 0-9 -")
    if not is_shown_text(registration.account_name, ACCOUNT_NAME_LENGTH_MAX):
        return _malformed("account_name", "1 to 140 printable characters")
    if not registration.currencies or not set(registration.currencies) <= set(CURRENCY_DECIMALS):
        return _malformed("currencies", "HKD, CNY or both")
    if registration.owner and not _OWNER.fullmatch(registration.owner):
        return _malformed("owner", "a document such as HKID:A1234563 or BR:12345678")
    return None


def registered_address(registration: ProxyRegistration) -> Address | Refused | None:
    """Return the proxy to register in normal form; None asks the switch for a new FPS id."""
    if registration.kind == "fps_id" and not registration.value:
        return None
    return normal_proxy(registration.kind, registration.value)


def decide_registration(
    registration: ProxyRegistration,
    holdings: Sequence[Holding],
    *,
    organisation_id: str,
    owner_key: bytes | None,
    is_claimed: bool,
) -> Refused | None:
    """Decide over a registration, given who holds the proxy in the currencies asked for.

    PROXY_NOT_FOUND (an FPS id that is not this participant's now), PROXY_CLAIMED, PROXY_HELD,
    PROXY_OF_ANOTHER_OWNER.
    """
    others = [held for held in holdings if held.organisation_id != organisation_id]
    if registration.kind == "fps_id" and registration.value and (others or not holdings):
        return Refused(AddressingRefusal.PROXY_NOT_FOUND, "The switch gives FPS ids.")
    if is_claimed and (others or not holdings):
        return Refused(AddressingRefusal.PROXY_CLAIMED)
    if others and not registration.replace:
        return Refused(AddressingRefusal.PROXY_HELD)
    for held in others:
        if owner_key is not None and held.owner_key not in (None, owner_key):
            return Refused(AddressingRefusal.PROXY_OF_ANOTHER_OWNER)
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(AddressingRefusal.PROXY_MALFORMED, f"Expected {expected}.", field=field)

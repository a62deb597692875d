"""The directory as a bundle carries it: who was who, and with which keys, signed by its own key.

Source: the directory pillar's `directory-snapshot+jwt`; periods are half-open, in wire time. Only
ids, keys and periods are read here; the rest of an organisation's entry is for people.
Invariants: a key without a readable period is no key; an organisation stands there once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from lionrock.evidence.domain.receipt import is_canonical_jws
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, key_from_jwk, verify_jws

TYPE = "directory-snapshot+jwt"
ORGANISATIONS_MAX = 10_000
KEYS_MAX = 256
CLOCK_SKEW_S_MAX = 60


class DatedKey(msgspec.Struct, frozen=True):
    """A key with its period [valid_from, retired_at); None: not retired."""

    key: Key
    valid_from: datetime
    retired_at: datetime | None

    def is_valid_at(self, iat: int) -> bool:
        """Say whether the key was valid at wire seconds, give or take the clocks' skew."""
        if iat + CLOCK_SKEW_S_MAX < self.valid_from.timestamp():
            return False
        return self.retired_at is None or iat - CLOCK_SKEW_S_MAX < self.retired_at.timestamp()


class Snapshot(msgspec.Struct, frozen=True):
    """Keys by organisation id, retired ones too."""

    city: str
    organisations: Mapping[str, tuple[DatedKey, ...]]

    def keys_of(self, organisation_id: str, iat: int) -> list[Key]:
        """Return the keys that an organisation had at wire seconds; [] for an unknown one."""
        dated = self.organisations.get(organisation_id, ())
        return [entry.key for entry in dated if entry.is_valid_at(iat)]

    def keys_ever_of(self, organisation_id: str) -> list[Key]:
        """Return every key that an organisation has or had."""
        return [entry.key for entry in self.organisations.get(organisation_id, ())]


class _Period(msgspec.Struct, frozen=True):
    kid: str
    valid_from: datetime
    retired_at: datetime | None


class _Entry(msgspec.Struct, frozen=True):
    id: str
    keys: list[dict[str, Any]]
    key_periods: list[_Period]


class _Claims(msgspec.Struct, frozen=True):
    iat: int
    city: str
    organisations: list[_Entry]


def open_snapshot(jws: str, directory_key: Key) -> Snapshot | str:
    """Check and read a snapshot; a sentence that says what is wrong when it does not hold."""
    if not is_canonical_jws(jws):
        return "It is no compact JWS in its one spelling."
    verified = verify_jws(jws, directory_key, typ=TYPE)
    if isinstance(verified, Refused):
        return f"The trusted directory key has not signed it ({verified.refusal.value})."
    try:
        claims = msgspec.convert(verified.claims, _Claims)
    except msgspec.ValidationError as error:
        return f"It cannot be read: {error}."
    if len(claims.organisations) > ORGANISATIONS_MAX:
        return f"It lists more than {ORGANISATIONS_MAX} organisations."
    organisations: dict[str, tuple[DatedKey, ...]] = {}
    for entry in claims.organisations:
        keys = _dated_keys(entry)
        if keys is None or entry.id in organisations:
            return f"The entry of {entry.id[:64]!r} cannot be read, or is there twice."
        organisations[entry.id] = keys
    return Snapshot(city=claims.city, organisations=organisations)


def _dated_keys(entry: _Entry) -> tuple[DatedKey, ...] | None:
    if len(entry.keys) > KEYS_MAX or len(entry.keys) != len(entry.key_periods):
        return None
    dated = []
    for jwk, period in zip(entry.keys, entry.key_periods, strict=True):
        key = key_from_jwk(jwk)
        if isinstance(key, Refused) or key.kid != period.kid or period.valid_from.tzinfo is None:
            return None
        if period.retired_at is not None and period.retired_at.tzinfo is None:
            return None
        dated.append(DatedKey(key, period.valid_from, period.retired_at))
    return tuple(dated)

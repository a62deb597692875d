"""What an organisation of the directory is, and when a change to its keys may take effect.

Pure. An organisation has names in three languages, roles, endpoints, public keys and a status. Its
keys say who it is, so after registration they change only by a proposal that a second operator
approves. Not for: persons and companies (identity), or what a role allows (the pillar using it).

Source: RFC 7517 (keys), RFC 7638 (a key's name is its thumbprint); two operators: NIST SP 800-57
part 1 s6.2 (dual control).
Invariants: every key's kid is its thumbprint; an organisation keeps at least one signing key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import Key, key_from_jwk, thumbprint, trusted_key

PLATFORM_ORGANISATION = "lionrock-platform"
PROGRAMME_OFFICE = "programme-office"
LANGUAGES = ("en", "zh-Hant", "zh-Hans")
ID_LENGTH_MAX = 64
NAME_LENGTH_MAX = 200
ROLES_MAX = 16
ENDPOINTS_MAX = 32
ENDPOINT_LENGTH_MAX = 512
KEYS_MAX = 8
PROPOSAL_LIFETIME = timedelta(days=7)
OPERATOR_LENGTH_MAX = 128
KEYS_READ_MAX = 4_096

_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class DirectoryRefusal(Refusal):
    """Why the directory did not do or accept something."""

    ORGANISATION_UNKNOWN = "directory.organisation_unknown"
    ORGANISATION_SUSPENDED = "directory.organisation_suspended"
    ORGANISATION_MALFORMED = "directory.organisation_malformed"
    KEYS_DIFFER = "directory.keys_differ"
    KEY_MALFORMED = "directory.key_malformed"
    KEY_TAKEN = "directory.key_taken"
    KEY_UNKNOWN = "directory.key_unknown"
    KEY_LAST = "directory.key_last"
    KEYS_TOO_MANY = "directory.keys_too_many"
    CHANGE_UNKNOWN = "directory.change_unknown"
    CHANGE_DECIDED = "directory.change_decided"
    CHANGE_EXPIRED = "directory.change_expired"
    CHANGE_PENDING = "directory.change_pending"
    OPERATOR_MALFORMED = "directory.operator_malformed"
    SAME_OPERATOR = "directory.same_operator"


class Status(Enum):
    """Whether an organisation may act."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the directory; `keys` are its active public JWKs, `endpoints` base addresses."""

    id: str
    names: dict[str, str]
    roles: frozenset[str]
    endpoints: dict[str, str] = {}
    keys: tuple[dict[str, Any], ...] = ()
    status: Status = Status.ACTIVE
    simulated: bool = False

    @property
    def is_active(self) -> bool:
        """Whether the organisation may act."""
        return self.status is Status.ACTIVE

    def name(self, language: str) -> str:
        """The name in a language, the English one when the language is unknown."""
        return self.names.get(language) or self.names["en"]

    def verification_key(self, kid: str) -> Key | None:
        """The active signing key of that name, None when there is none."""
        for jwk in self.keys:
            if jwk["kid"] == kid and jwk.get("use") == "sig":
                return _stored_key(msgspec.json.encode(jwk))
        return None

    def key_of(self, keyid: str) -> Key | None:
        """The active signing key behind an RFC 9421 keyid `<organisation>#<kid>`."""
        organisation_id, _, kid = keyid.partition("#")
        return self.verification_key(kid) if organisation_id == self.id else None


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is or was an organisation's; half-open [valid_from, retired_at)."""

    kid: str
    organisation_id: str
    jwk: dict[str, Any]
    valid_from: datetime
    retired_at: datetime | None = None


ChangeKind = Literal["add", "retire"]
ChangeStatus = Literal["pending", "approved", "rejected"]


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal to add or retire one key, and who decided it."""

    id: str
    organisation_id: str
    kind: ChangeKind
    kid: str
    jwk: dict[str, Any] | None
    requested_by: str
    requested_at: datetime
    status: ChangeStatus = "pending"
    decided_by: str = ""
    decided_at: datetime | None = None


@lru_cache(maxsize=KEYS_READ_MAX)
def _stored_key(jwk_json: bytes) -> Key:
    """Read a stored key once: the same members call again and again."""
    return trusted_key(msgspec.json.decode(jwk_json))


def keyid(organisation_id: str, kid: str) -> str:
    """The keyid of RFC 9421 signatures between organisations."""
    return f"{organisation_id}#{kid}"


def parse_keyid(text: str) -> tuple[str, str] | None:
    """Split `<organisation>#<kid>`; None when it is not of that form."""
    organisation_id, separator, kid = text.partition("#")
    if not separator or not kid or not is_slug(organisation_id):
        return None
    return organisation_id, kid


def is_slug(text: str) -> bool:
    """Say whether a text can be an organisation's id, role or endpoint name."""
    return len(text) <= ID_LENGTH_MAX and _SLUG.fullmatch(text) is not None


def check_organisation(organisation: Organisation) -> Refused | None:
    """Check all fields of a registration; ORGANISATION_MALFORMED names the first wrong one."""
    if not is_slug(organisation.id):
        return _malformed("id", "a slug such as bank-harbour")
    if set(organisation.names) != set(LANGUAGES):
        return _malformed("names", f"one name in each of {', '.join(LANGUAGES)}")
    if not all(n.strip() and len(n) <= NAME_LENGTH_MAX for n in organisation.names.values()):
        return _malformed("names", f"1 to {NAME_LENGTH_MAX} characters each")
    if len(organisation.roles) > ROLES_MAX or not all(map(is_slug, organisation.roles)):
        return _malformed("roles", f"at most {ROLES_MAX} slugs")
    return _check_endpoints(organisation.endpoints) or _check_keys(organisation.keys)


def check_key(jwk: Mapping[str, Any]) -> Key | Refused:
    """Read a public key offered for the directory; its kid must be its thumbprint or absent.

    A kid chosen freely could equal another key's, and then a statement would have two signers.
    """
    key = key_from_jwk(jwk)
    if isinstance(key, Refused):
        return Refused(DirectoryRefusal.KEY_MALFORMED, key.detail, field="jwk")
    if key.kid != thumbprint(key.bare_jwk):
        detail = "kid must be the RFC 7638 thumbprint, or left out"
        return Refused(DirectoryRefusal.KEY_MALFORMED, detail, field="jwk.kid")
    return key


def check_operator(operator: str) -> Refused | None:
    """An operator is named by a non-empty id of at most 128 printable ASCII characters."""
    is_good = 0 < len(operator) <= OPERATOR_LENGTH_MAX and operator.isascii()
    if is_good and operator.isprintable() and operator == operator.strip():
        return None
    return Refused(DirectoryRefusal.OPERATOR_MALFORMED, field="operator")


def decide_proposal(
    kind: ChangeKind, kid: str, use: str, active: tuple[KeyRecord, ...]
) -> Refused | None:
    """Say whether a change may be proposed (and, again, applied) given the active keys."""
    kids = {record.kid for record in active}
    if kind == "add":
        if kid in kids:
            return Refused(DirectoryRefusal.KEY_TAKEN)
        return Refused(DirectoryRefusal.KEYS_TOO_MANY) if len(active) >= KEYS_MAX else None
    if kid not in kids:
        return Refused(DirectoryRefusal.KEY_UNKNOWN)
    signing = {record.kid for record in active if record.jwk.get("use") == "sig"}
    if use == "sig" and signing == {kid}:
        return Refused(DirectoryRefusal.KEY_LAST)
    return None


def decide_decision(change: KeyChange, operator: str, at: datetime) -> Refused | None:
    """Say whether `operator` may decide a proposal at a business instant: dual control."""
    if change.status != "pending":
        return Refused(DirectoryRefusal.CHANGE_DECIDED)
    if at >= change.requested_at + PROPOSAL_LIFETIME:
        return Refused(DirectoryRefusal.CHANGE_EXPIRED)
    if operator.casefold() == change.requested_by.casefold():
        return Refused(DirectoryRefusal.SAME_OPERATOR)
    return None


def _check_endpoints(endpoints: Mapping[str, str]) -> Refused | None:
    if len(endpoints) > ENDPOINTS_MAX or not all(map(is_slug, endpoints)):
        return _malformed("endpoints", f"at most {ENDPOINTS_MAX}, each named by a slug")
    for name, address in endpoints.items():
        if not _is_address(address):
            return _malformed(f"endpoints.{name}", "an absolute http(s) address")
    return None


def _is_address(address: str) -> bool:
    if len(address) > ENDPOINT_LENGTH_MAX or not address.isascii() or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = not (parts.fragment or parts.query or "@" in parts.netloc or " " in address)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and has_port


def _check_keys(keys: tuple[dict[str, Any], ...]) -> Refused | None:
    if not 1 <= len(keys) <= KEYS_MAX:
        return _malformed("keys", f"1 to {KEYS_MAX} public keys")
    read = [check_key(jwk) for jwk in keys]
    for key in read:
        if isinstance(key, Refused):
            return key
    good = [key for key in read if isinstance(key, Key)]
    if len({key.kid for key in good}) != len(good):
        return _malformed("keys", "each key once")
    if all(key.use != "sig" for key in good):
        return _malformed("keys", "at least one signing key")
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(
        DirectoryRefusal.ORGANISATION_MALFORMED, f"{field}: expected {expected}", field=field
    )

"""A receipt: what happened, said by the organisation that did it, in a form that can be proven.

What for: one signed statement with the ids it is about and the digests of the documents it covers.
Not for: the documents themselves, or anything about a person: references are ids of things, texts
hold no names or numbers of people.

The log's entry is SHA-256(salt || receipt), so that an entry of the public log says nothing to who
lacks the salt; without it a receipt of few possible contents could be found by trying them all.

Source: RFC 7515 (JWS, typ "receipt+jwt"), RFC 8785 (payload), RFC 6962 s2.1 (leaves).
Invariants: the payload is canonical JSON and the three parts are canonical base64url, so that one
receipt has one spelling; a receipt never changes once it has an id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import msgspec

from lionrock.evidence.domain import canonical
from lionrock.evidence.domain.note import decode_base64url
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, read_unverified, verify_jws

TYPE = "receipt+jwt"
ID_PREFIX = "rct"
SALT_BYTES = 32
RECEIPT_CHARACTERS_MAX = 16 * 1024
KIND_LENGTH_MAX = 80
ABOUT_LENGTH_MAX = 200
REFERENCES_MAX = 16
DIGESTS_MAX = 32
FUTURE_S_MAX = 60
# Receipts of one second say the same instant.
INSTANTS_KEPT_MAX = 256

# Prefixes of ids that name people: a receipt points at an approval, never at a person.
PERSON_ID_PREFIXES = frozenset({"per", "psn", "person", "dev", "sub"})

_ID = re.compile(ID_PREFIX + r"_[0-9a-f]{32}")
_KIND = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z][a-z0-9_]*)+")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DIGEST_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
# A telephone number or an identity card number is no id of a thing.
_PERSONAL = re.compile(r"[0-9]{7,15}|[A-Z]{1,2}[0-9]{6}[0-9A]")
_ORGANISATION = re.compile(r"[a-z][a-z0-9-]{1,62}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload. `at` is the business instant, `iat` wire seconds; `digests` are SHA-256 hex."""

    id: str
    kind: str
    issuer: str
    at: str
    iat: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    references: dict[str, str]
    digests: dict[str, str]
    about: str = ""


class SignedReceipt(msgspec.Struct, frozen=True):
    """A receipt with the exact JWS it came in."""

    receipt: Receipt
    jws: str


def instant(at: datetime) -> str:
    """Return a business instant as written in receipts: UTC, whole seconds."""
    assert at.tzinfo is not None, "instants are timezone-aware"
    return at.astimezone(UTC).strftime(_INSTANT)


def entry_of(salt: bytes, jws: str) -> bytes:
    """Return the log entry of a receipt: SHA-256(salt || JWS), 32 bytes."""
    assert len(salt) == SALT_BYTES, "a salt has 32 bytes"
    return hashlib.sha256(salt + jws.encode("ascii")).digest()


def check_fields(receipt: Receipt) -> Refused | None:
    """Refuse a receipt with a field outside its documented form; names the field."""
    problems = (
        ("id", not _ID.fullmatch(receipt.id), "an id such as rct_<32 hex digits>"),
        ("kind", not _is_kind(receipt.kind), "pillar.what_happened"),
        ("issuer", not _ORGANISATION.fullmatch(receipt.issuer), "an organisation id"),
        ("at", not _is_instant(receipt.at), "a UTC instant such as 2026-02-20T08:00:00Z"),
        ("references", not _are_references(receipt.references), "names with ids of things"),
        ("digests", not _are_digests(receipt.digests), "names with SHA-256 in hex"),
        ("about", not _is_about(receipt.about), "one line of at most 200 characters"),
    )
    for field, is_wrong, expected in problems:
        if is_wrong:
            return Refused(EvidenceRefusal.RECEIPT_FIELD, f"Expected {expected}.", field=field)
    return None


def parse_payload(payload: bytes) -> Receipt | Refused:
    """Read a payload: canonical JSON, no unknown or repeated member, each field in its form."""
    receipt = canonical.decode(payload, Receipt)
    if receipt is None:
        return Refused(EvidenceRefusal.RECEIPT_MALFORMED, "The payload is not canonical JSON.")
    return check_fields(receipt) or receipt


def open_receipt(jws: str, keys: Iterable[Key]) -> SignedReceipt | Refused:
    """Check a receipt's spelling, signature (ES256) and fields against its issuer's keys."""
    if len(jws) > RECEIPT_CHARACTERS_MAX:
        return Refused(EvidenceRefusal.RECEIPT_TOO_LARGE)
    if not is_canonical_jws(jws):
        return Refused(EvidenceRefusal.RECEIPT_MALFORMED, "Not a canonical compact JWS.")
    verified = verify_jws(jws, list(keys), typ=TYPE, raw=True)
    if isinstance(verified, Refused):
        return Refused(EvidenceRefusal.RECEIPT_SIGNATURE, verified.refusal.value)
    receipt = parse_payload(verified.payload)
    return receipt if isinstance(receipt, Refused) else SignedReceipt(receipt, jws)


def claimed_key_id(jws: str) -> str | Refused:
    """Return the kid that the receipt names, before anything is checked: only to find the key."""
    if len(jws) > RECEIPT_CHARACTERS_MAX:
        return Refused(EvidenceRefusal.RECEIPT_TOO_LARGE)
    unverified = read_unverified(jws)
    kid = None if isinstance(unverified, Refused) else unverified.header.get("kid")
    if not isinstance(kid, str) or not kid:
        return Refused(EvidenceRefusal.RECEIPT_MALFORMED, "The header names no kid.", field="kid")
    return kid


def payload_of(jws: str) -> bytes:
    """Return the payload bytes of a JWS that was checked before."""
    return decode_base64url(jws.split(".")[1]) or b""


def is_canonical_jws(jws: str) -> bool:
    """Say whether the three parts are unpadded base64url in their one spelling (RFC 4648 s3.5).

    Without this, the unused bits at the end of a part could be flipped and the signature hold.
    """
    parts = jws.split(".")
    return len(parts) == 3 and all(part and decode_base64url(part) is not None for part in parts)


def _is_kind(kind: str) -> bool:
    return len(kind) <= KIND_LENGTH_MAX and _KIND.fullmatch(kind) is not None


@lru_cache(maxsize=INSTANTS_KEPT_MAX)
def _is_instant(text: str) -> bool:
    try:
        moment = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return False
    return instant(moment) == text


def is_reference(value: str) -> bool:
    """Say whether a value is an id of a thing, and not of a person or a person's number."""
    if not _REFERENCE.fullmatch(value) or _PERSONAL.fullmatch(value):
        return False
    prefix, underscore, _ = value.partition("_")
    return not (underscore and prefix in PERSON_ID_PREFIXES)


def _are_references(references: dict[str, str]) -> bool:
    if len(references) > REFERENCES_MAX:
        return False
    return all(
        _NAME.fullmatch(name) and is_reference(value) for name, value in references.items()
    )


def _are_digests(digests: dict[str, str]) -> bool:
    if len(digests) > DIGESTS_MAX:
        return False
    return all(
        _DIGEST_NAME.fullmatch(name) and _DIGEST.fullmatch(value)
        for name, value in digests.items()
    )


def _is_about(about: str) -> bool:
    return len(about) <= ABOUT_LENGTH_MAX and (about == "" or about.isprintable())

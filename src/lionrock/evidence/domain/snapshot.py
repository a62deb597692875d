"""The directory as a bundle carries it: who was who, signed by the directory's own key.

Source: the directory pillar's `directory-snapshot+jwt`. Only ids and keys are read here; the rest
of an organisation's entry is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lionrock.evidence.domain.receipt import is_canonical_jws
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, key_from_jwk, verify_jws

TYPE = "directory-snapshot+jwt"
ORGANISATIONS_MAX = 10_000
KEYS_MAX = 64


class Snapshot(msgspec.Struct, frozen=True):
    """Signing keys by organisation id."""

    organisations: Mapping[str, tuple[Key, ...]]


def open_snapshot(jws: str, directory_key: Key) -> Snapshot | str:
    """Check and read a snapshot; a sentence that says what is wrong when it does not hold."""
    if not is_canonical_jws(jws):
        return "It is no compact JWS in its one spelling."
    verified = verify_jws(jws, directory_key, typ=TYPE)
    if isinstance(verified, Refused):
        return f"The trusted directory key has not signed it ({verified.refusal.value})."
    entries = verified.claims.get("organisations")
    if not isinstance(entries, list) or len(entries) > ORGANISATIONS_MAX:
        return "It lists no organisations."
    organisations: dict[str, tuple[Key, ...]] = {}
    for entry in entries:
        read = _entry(entry)
        if read is None or read[0] in organisations:
            return "It lists an organisation that cannot be read, or one twice."
        organisations[read[0]] = read[1]
    return Snapshot(organisations=organisations)


def _entry(entry: Any) -> tuple[str, tuple[Key, ...]] | None:
    if not isinstance(entry, dict):
        return None
    identifier, jwks = entry.get("id"), entry.get("keys")
    if not isinstance(identifier, str) or not isinstance(jwks, list) or len(jwks) > KEYS_MAX:
        return None
    keys = [key_from_jwk(jwk) if isinstance(jwk, dict) else None for jwk in jwks]
    good = tuple(key for key in keys if isinstance(key, Key))
    return (identifier, good) if len(good) == len(keys) else None

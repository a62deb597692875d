"""Personal data at rest: sealed columns and keyed look-up hashes.

Names, account numbers and message texts are AES-256-GCM under a secret of the key store; proxies
are found by HMAC-SHA-256 under another, so that a copy of the database lists neither. A sealed
value is bound to its column and row: moved elsewhere it does not open.
Not for: keys themselves (kernel.keys). Source: NIST SP 800-38D; RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lionrock.kernel import secrets
from lionrock.kernel.keys import KeyStore

T = TypeVar("T")
SEALING_SECRET = "payments/sealed-columns"  # noqa: S105 - the secret's name in the key store
LOOKUP_SECRET = "payments/proxy-lookup"  # noqa: S105 - the secret's name in the key store
_NONCE_BYTES = 12


class Vault:
    """Seals and opens columns, and makes look-up keys."""

    def __init__(self, key_store: KeyStore) -> None:
        self._key_store = key_store
        self._cipher: AESGCM | None = None
        self._keyed: hmac.HMAC | None = None

    def seal(self, column: str, row: str, content: bytes) -> bytes:
        """Seal the content of one column of one row."""
        nonce = secrets.salt()[:_NONCE_BYTES]
        return nonce + self._aead().encrypt(nonce, content, _label(column, row))

    def open(self, column: str, row: str, sealed: bytes) -> bytes:
        """Open what `seal` made for the same column and row; InvalidTag for anything else."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._aead().decrypt(nonce, ciphertext, _label(column, row))

    def seal_value(self, column: str, row: str, value: object) -> bytes:
        """Seal a struct as JSON."""
        return self.seal(column, row, msgspec.json.encode(value))

    def open_value(self, column: str, row: str, sealed: bytes, kind: type[T]) -> T:
        """Open a struct."""
        return msgspec.json.decode(self.open(column, row, sealed), type=kind)

    def lookup_key(self, text: bytes) -> bytes:
        """Return the 32-byte keyed hash under which a value is found."""
        # Copied: taking the key in anew costs three times as much as the rest.
        if self._keyed is None:
            self._keyed = hmac.new(self._key_store.secret(LOOKUP_SECRET), digestmod=hashlib.sha256)
        keyed = self._keyed.copy()
        keyed.update(text)
        return keyed.digest()

    def _aead(self) -> AESGCM:
        # On first use: deriving the key store's key takes a moment, and not every process seals.
        if self._cipher is None:
            self._cipher = AESGCM(self._key_store.secret(SEALING_SECRET))
        return self._cipher


def _label(column: str, row: str) -> bytes:
    return f"{column}\n{row}".encode()

"""What a browser's session holds, sealed at rest; and the form tokens that prove a form is ours.

A sealed value is bound to its row, so that one session's cannot be put in another's place. Form
tokens are an HMAC over the session's secret: nothing to store, nothing that another site knows.
Source: NIST SP 800-38D (GCM), RFC 2104 (HMAC), RFC 9700 s4.7 (CSRF).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lionrock.kernel import secrets
from lionrock.kernel.keys import KeyStore

_NONCE_BYTES = 12
T = TypeVar("T", bound=msgspec.Struct)


class Seals:
    """Seals of one city's portal."""

    def __init__(self, key_store: KeyStore) -> None:
        self._key_store = key_store

    def seal(self, value: msgspec.Struct, row: bytes) -> bytes:
        """Encrypt a value for its row."""
        nonce = secrets.octets(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, msgspec.json.encode(value), row)

    def open(self, sealed: bytes, row: bytes, kind: type[T]) -> T | None:
        """Decrypt a row's value; None when it is not this row's, damaged, or of an older shape."""
        try:
            plain = self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], row)
            return msgspec.json.decode(plain, type=kind)
        except (InvalidTag, msgspec.DecodeError):
            return None

    def form_token(self, session_secret: str) -> str:
        """Return the token that every form of a session carries."""
        key = self._key_store.secret("portal/forms")
        digest = hmac.digest(key, f"form\n{session_secret}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _cipher(self) -> AESGCM:
        return AESGCM(self._key_store.secret("portal/sessions"))


def hash_of(secret: str) -> bytes:
    """SHA-256 of a random secret, by which its row is found."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()

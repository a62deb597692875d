"""Personal values at rest: keyed for look-up, sealed for reading, named pairwise for others.

Three independent secrets of the key store. A look-up key cannot be computed without the first, so a
stolen table cannot be searched by trying all 26 million identity numbers; a sealed value names its
column and its row, so that one cannot be moved to another.
Source: NIST SP 800-38D (GCM), RFC 2104 (HMAC).
"""

from __future__ import annotations

import hmac
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lionrock.identity.domain.subjects import pairwise_subject
from lionrock.kernel import secrets
from lionrock.kernel.keys import KeyStore

_NONCE_BYTES = 12
Column = Literal["identity_number", "phone", "email", "ciba", "message", "operation", "form"]


class Vault:
    """Keys and seals the personal values of one city."""

    def __init__(self, key_store: KeyStore) -> None:
        self._key_store = key_store

    def look_up_key(self, column: str, value: str) -> bytes:
        """Return the HMAC by which a value (in normal spelling) is found."""
        key = self._key_store.secret("identity/look-up")
        return hmac.digest(key, f"{column}\n{value}".encode(), "sha256")

    def seal(self, column: Column, row_id: str, value: str) -> bytes:
        """Encrypt a value for its column and row."""
        # Random nonces: far below 2**32 values will ever be sealed under one key.
        nonce = secrets.salt()[:_NONCE_BYTES]
        label = f"{column}\n{row_id}".encode()
        return nonce + self._cipher().encrypt(nonce, value.encode(), label)

    def unseal(self, column: Column, row_id: str, sealed: bytes) -> str:
        """Decrypt a value; InvalidTag when it is damaged or was moved (a bug or an attack)."""
        label = f"{column}\n{row_id}".encode()
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher().decrypt(nonce, ciphertext, label).decode()

    def subject(self, sector: str, kind: Literal["person", "company"], holder_id: str) -> str:
        """Return a holder's pairwise subject towards a sector (OIDC Core s8.1)."""
        key = self._key_store.secret("identity/pairwise")
        return pairwise_subject(key, sector=sector, kind=kind, holder_id=holder_id)

    def form_token(self, browser_secret: str, purpose: str) -> str:
        """Return the token that a page's form carries: bound to the browser and to one purpose."""
        key = self._key_store.secret("identity/forms")
        return hmac.digest(key, f"{browser_secret}\n{purpose}".encode(), "sha256").hex()

    def seal_answer(self, browser_secret: str, sign_in_id: str, answer: str) -> bytes:
        """Encrypt how a sign-in ended for the browser that began it: nobody else can read it."""
        nonce = secrets.salt()[:_NONCE_BYTES]
        cipher = self._answer_cipher(browser_secret, sign_in_id)
        return nonce + cipher.encrypt(nonce, answer.encode(), None)

    def open_answer(self, browser_secret: str, sign_in_id: str, sealed: bytes) -> str:
        """Decrypt what `seal_answer` made with the same browser's secret; InvalidTag otherwise."""
        cipher = self._answer_cipher(browser_secret, sign_in_id)
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()

    def _answer_cipher(self, browser_secret: str, sign_in_id: str) -> AESGCM:
        # Half of the key is the browser's: a stolen table and key store still hold no live code.
        return AESGCM(self.look_up_key("sign_in_answer", f"{browser_secret}\n{sign_in_id}"))

    def _cipher(self) -> AESGCM:
        return AESGCM(self._key_store.secret("identity/seal"))

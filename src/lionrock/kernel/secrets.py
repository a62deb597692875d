"""Secret values: tokens, salts, one-time digits, and comparing them without leaking.

Always the operating system's randomness and never injectable: a seeded test must not be able to
make a production token predictable. Not for identifiers (kernel.ids) nor for simulation.
Source: RFC 4086; NIST SP 800-63B s3.2.12 (entropy of secrets).
"""

from __future__ import annotations

import base64
import hmac
import secrets

TOKEN_BYTES_MIN = 16
TOKEN_BYTES_MAX = 256
SALT_BYTES = 32
DIGITS_MAX = 12


def token(bytes_count: int = 32) -> str:
    """Return `bytes_count` (16..256) random bytes as unpadded base64url."""
    assert TOKEN_BYTES_MIN <= bytes_count <= TOKEN_BYTES_MAX, "a token has 16 to 256 bytes"
    return base64.urlsafe_b64encode(secrets.token_bytes(bytes_count)).rstrip(b"=").decode()


def salt() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(SALT_BYTES)


def octets(count: int) -> bytes:
    """Return `count` (1..256) random bytes, for nonces and raw keys."""
    assert 1 <= count <= TOKEN_BYTES_MAX, "ask for 1 to 256 bytes"
    return secrets.token_bytes(count)


def digits(count: int) -> str:
    """Return `count` (1..12) random decimal digits, leading zeros kept."""
    assert 1 <= count <= DIGITS_MAX, "ask for 1 to 12 digits"
    return f"{secrets.randbelow(10**count):0{count}d}"


def equal(a: str | bytes, b: str | bytes) -> bool:
    """Compare two secrets in time that depends on their length only."""
    return hmac.compare_digest(_bytes(a), _bytes(b))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

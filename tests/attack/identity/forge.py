"""JOSE objects that no honest library makes, signed with other code than the server's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lionrock.kernel.jose import Key


def b64(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(header: dict[str, Any], claims: dict[str, Any], sign: Any) -> str:
    """A compact JWS over any header and claims."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(sign(text.encode()))}"


def es256(key: Key) -> Any:
    """A raw ES256 signer."""

    def sign(data: bytes) -> bytes:
        assert isinstance(key.private, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def rs256() -> tuple[Any, dict[str, str]]:
    """An RS256 signer with its public JWK."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    jwk = {
        "kty": "RSA", "n": b64(numbers.n.to_bytes(256, "big")), "e": b64(b"\x01\x00\x01"),
    }  # fmt: skip
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256()), jwk


def hs256(secret: bytes) -> Any:
    """An HS256 signer."""

    def sign(data: bytes) -> bytes:
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(data)
        return mac.finalize()

    return sign


def unsigned(_data: bytes) -> bytes:
    """No signature."""
    return b""


def marked(cases: Iterable[str], behaviours: Mapping[str, str]) -> list[Any]:
    """Cases as parameters, each with the mark of the behaviour that it proves, if any."""
    return [
        pytest.param(
            case, marks=pytest.mark.behaviour(behaviours[case]) if case in behaviours else ()
        )
        for case in cases
    ]

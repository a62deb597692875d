"""Asymmetric keys as JOSE sees them: generate, read from and write to JWK and PKCS#8.

One value, `Key`, holds a public key and perhaps its private half. Public JWKs that come from
outside are read by `key_from_jwk`, which refuses private members, other curves and contradicting
`alg` or `use`. `sign_bytes` and `verify_bytes` are the bare signatures under RFC 9421.
Not for storing keys (kernel.keys).
Source: RFC 7517 (JWK), RFC 7638 (thumbprint), RFC 8037 and RFC 9864 (Ed25519), RFC 7518 s6.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from lionrock.kernel.errors import Refusal, Refused

KeyKind = Literal["ES256", "Ed25519", "RSA-2048", "RSA-3072"]
KeyUse = Literal["sig", "enc"]
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
JoseKey = ECKey | OKPKey | RSAKey

KID_LENGTH_MAX = 128
BARE_MEMBERS = frozenset({"kty", "crv", "x", "y"})
BARE_KEYS_MAX = 4_096
JWK_MEMBERS_MAX = 24
RSA_BITS = {"RSA-2048": 2048, "RSA-3072": 3072}
SIGNATURE_BYTES = 64
# Any of them in a key that should be public means that the sender has published its private key
# (RFC 7518 s6.2.2, s6.3.2, s6.4.1).
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ES256 = ec.ECDSA(hashes.SHA256())
_REQUIRED_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("e", "n")}


class JoseRefusal(Refusal):
    """Why a JOSE object or key from outside was refused."""

    TOO_LARGE = "jose.too_large"
    MALFORMED = "jose.malformed"
    CRITICAL_HEADER = "jose.critical_header"
    ALGORITHM = "jose.algorithm"
    TYPE = "jose.type"
    KEY_UNKNOWN = "jose.key_unknown"
    KEY_MALFORMED = "jose.key_malformed"
    KEY_PRIVATE = "jose.key_private"
    KEY_USE = "jose.key_use"
    SIGNATURE = "jose.signature"
    CLAIMS_MALFORMED = "jose.claims_malformed"
    DECRYPTION = "jose.decryption"


class Key:
    """A key pair, or only its public half; immutable.

    `kid` is the RFC 7638 thumbprint unless the owner's JWK named another; `alg` the only JWS
    algorithm the key signs with ("ES256", "Ed25519", "RS256"); `private` and `public` are the keys
    of the `cryptography` library; `private` is None for a public key.
    """

    __slots__ = ("_jose", "_public_jwk", "_thumbprint", "alg", "kid", "private", "public", "use")

    kid: str
    alg: str
    use: KeyUse
    private: PrivateKey | None
    public: PublicKey

    def __init__(
        self, native: PrivateKey | PublicKey, *, use: KeyUse = "sig", kid: str | None = None
    ) -> None:
        jose = _jose_key(native)
        members = {str(name): value for name, value in jose.as_dict(private=False).items()}
        core = {name: members[name] for name in ("kty", *_REQUIRED_MEMBERS[str(members["kty"])])}
        self.alg = _algorithm(native)
        self.use = use
        self._thumbprint = thumbprint(core)
        self.kid = kid if kid is not None else self._thumbprint
        self.private = native if isinstance(native, PrivateKey) else None
        self.public = native.public_key() if isinstance(native, PrivateKey) else native
        self._jose = jose
        self._public_jwk = core | {"kid": self.kid, "use": use}
        if use == "sig":
            self._public_jwk["alg"] = self.alg

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public JWK with kid, use and (for signing keys) alg; a fresh copy."""
        return dict(self._public_jwk)

    @property
    def bare_jwk(self) -> dict[str, Any]:
        """Only the members that make the thumbprint, for a DPoP header (RFC 9449 s4.2)."""
        required = _REQUIRED_MEMBERS[str(self._public_jwk["kty"])]
        return {name: self._public_jwk[name] for name in ("kty", *required)}

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint, whatever kid the key goes by."""
        return self._thumbprint

    @property
    def is_private(self) -> bool:
        """Whether the key can sign or decrypt."""
        return self.private is not None

    @property
    def jose(self) -> JoseKey:
        """The same key as joserfc takes it (for kernel.jose only)."""
        return self._jose

    def public_only(self) -> Key:
        """Return the key without its private half."""
        return Key(self.public, use=self.use, kid=self.kid)

    def pkcs8(self) -> bytes:
        """Return the private key as unencrypted PKCS#8 DER; ValueError for a public key."""
        if self.private is None:
            raise ValueError("this key has no private half")
        return self.private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, alg={self.alg!r}, is_private={self.is_private})"


def generate_key(kind: KeyKind = "ES256", *, use: KeyUse = "sig") -> Key:
    """Make a new key pair from the operating system's randomness."""
    if kind == "ES256":
        return Key(ec.generate_private_key(ec.SECP256R1()), use=use)
    if kind == "Ed25519":
        return Key(ed25519.Ed25519PrivateKey.generate(), use=use)
    return Key(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS[kind]), use=use)


def generate_encryption_key() -> Key:
    """Make a P-256 pair for ECDH-ES: a recipient's long-lived key or one session's."""
    return generate_key("ES256", use="enc")


def key_from_pkcs8(der: bytes, *, use: KeyUse = "sig", kid: str | None = None) -> Key:
    """Read an unencrypted PKCS#8 DER private key; ValueError when it is none of our kinds."""
    native = serialization.load_der_private_key(der, password=None)
    if not isinstance(native, PrivateKey):
        raise ValueError("not a P-256, Ed25519 or RSA key")  # noqa: TRY004 - damaged data, not a type
    return Key(native, use=use, kid=kid)


def key_from_jwk(jwk: Mapping[str, Any]) -> Key | Refused:
    """Read a public JWK from outside; P-256 and Ed25519 only.

    Refused: KEY_PRIVATE with private members, KEY_USE when `use`, `key_ops` or `alg` contradict,
    KEY_MALFORMED otherwise (RFC 7517 s4, RFC 7518 s6.2.1, RFC 8037 s2).
    """
    if len(jwk) == len(BARE_MEMBERS) and jwk.keys() == BARE_MEMBERS:
        return _bare_key(*(_text(jwk[name]) for name in ("kty", "crv", "x", "y")))
    return _read_jwk(jwk)


def _text(value: Any) -> str:
    """What is no text is no member's value; nothing else has a length of 0 here."""
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=BARE_KEYS_MAX)
def _bare_key(kty: str, crv: str, x: str, y: str) -> Key | Refused:
    """A key as DPoP proofs show it: read once, as the same clients come again and again."""
    return _read_jwk({"kty": kty, "crv": crv, "x": x, "y": y})


def _read_jwk(jwk: Mapping[str, Any]) -> Key | Refused:
    if len(jwk) > JWK_MEMBERS_MAX:
        return Refused(JoseRefusal.KEY_MALFORMED, "the JWK has too many members")
    if PRIVATE_MEMBERS & jwk.keys():
        return Refused(JoseRefusal.KEY_PRIVATE, "the JWK holds private members")
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= KID_LENGTH_MAX):
        return Refused(JoseRefusal.KEY_MALFORMED, "kid must be a string of 1 to 128 characters")
    use = jwk.get("use", "sig")
    if use not in ("sig", "enc"):
        return Refused(JoseRefusal.KEY_USE, "use must be sig or enc")
    native = _native_public(jwk)
    if native is None:
        return Refused(JoseRefusal.KEY_MALFORMED, "not a P-256 or Ed25519 public key")
    key = Key(native, use=use, kid=kid)
    problem = _contradiction(jwk, key)
    return Refused(JoseRefusal.KEY_USE, problem) if problem else key


def trusted_key(jwk: Mapping[str, Any]) -> Key:
    """Read a public JWK that we stored ourselves; ValueError means that the store is damaged."""
    key = key_from_jwk(jwk)
    if isinstance(key, Refused):
        message = f"a stored public key is damaged: {key.detail}"
        raise ValueError(message)  # noqa: TRY004 - damaged content, not a wrong type
    return key


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a JWK, base64url (RFC 7638 s3); KeyError when incomplete."""
    members = {name: jwk[name] for name in ("kty", *_REQUIRED_MEMBERS[jwk["kty"]])}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return b64url(hashlib.sha256(canonical.encode()).digest())


def sign_bytes(key: Key, data: bytes) -> bytes:
    """Sign bytes: 64 octets r || s for P-256 with SHA-256, 64 octets for Ed25519.

    ValueError without a private half or for an RSA or encryption key (RFC 7518 s3.4, RFC 8032).
    """
    if key.use != "sig":
        raise ValueError("an encryption key signs nothing")
    if isinstance(key.private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.private.sign(data, _ES256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if isinstance(key.private, ed25519.Ed25519PrivateKey):
        return key.private.sign(data)
    raise ValueError("this key cannot sign here")


def verify_bytes(key: Key, signature: bytes, data: bytes) -> bool:
    """Say whether `signature` (64 octets) is the key's over `data`; never raises on bad input."""
    if len(signature) != SIGNATURE_BYTES or key.use != "sig":
        return False
    try:
        if key.alg == "ES256" and isinstance(key.public, ec.EllipticCurvePublicKey):
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.public.verify(encode_dss_signature(r, s), data, _ES256)
            return True
        if isinstance(key.public, ed25519.Ed25519PublicKey):
            key.public.verify(signature, data)
            return True
    except InvalidSignature:
        return False
    return False


def b64url(data: bytes) -> str:
    """Return unpadded base64url (RFC 7515 s2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _native_public(jwk: Mapping[str, Any]) -> PublicKey | None:
    kty, curve = jwk.get("kty"), jwk.get("crv")
    if (kty, curve) not in (("EC", "P-256"), ("OKP", "Ed25519")):
        return None
    core = {name: jwk.get(name) for name in ("kty", *_REQUIRED_MEMBERS[str(kty)])}
    # Coordinates of P-256 and the Ed25519 key are 32 octets each, that is 43 characters: another
    # length is another spelling of the key, hence another thumbprint (RFC 7518 s6.2.1.2).
    if not all(isinstance(core[n], str) and len(str(core[n])) == 43 for n in core if n in "xy"):
        return None
    reader: Any = ECKey if kty == "EC" else OKPKey
    try:
        native = reader.import_key(core).public_key
    except (JoseError, ValueError, TypeError):
        return None
    return native if isinstance(native, PublicKey) else None


def _contradiction(jwk: Mapping[str, Any], key: Key) -> str:
    operations = jwk.get("key_ops")
    wanted = "verify" if key.use == "sig" else "deriveKey"
    if operations is not None and not (isinstance(operations, list) and wanted in operations):
        return f"key_ops does not allow {wanted}"
    algorithm = jwk.get("alg")
    if algorithm is None:
        return ""
    if key.use == "enc":
        return "" if algorithm == "ECDH-ES" else "alg must be ECDH-ES for an encryption key"
    return "" if algorithm == key.alg else f"alg must be {key.alg} for this key"


def _jose_key(native: PrivateKey | PublicKey) -> JoseKey:
    if isinstance(native, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return ECKey.import_key(native)
    if isinstance(native, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return OKPKey.import_key(native)
    return RSAKey.import_key(native)


def _algorithm(native: PrivateKey | PublicKey) -> str:
    if isinstance(native, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        if native.curve.name != "secp256r1":
            raise ValueError("only the curve P-256 is supported")
        return "ES256"
    if isinstance(native, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return "Ed25519"
    return "RS256"

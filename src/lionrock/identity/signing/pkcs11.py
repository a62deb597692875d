"""Signing keys inside a PKCS#11 token (a hardware module; SoftHSM in tests).

A key is made in the token, marked sensitive and not extractable, and only signs: `TokenKey` looks
like a P-256 private key of the `cryptography` library and `TokenRsaKey` like an RSA one, so that
nothing else changes. Needs the package python-pkcs11, imported only when a token is configured. Not
for: storing certificates, secrets or the authorization server's keys (kernel.keys).

Source: PKCS #11 v2.40 s2.3.1 (ECDSA signatures are r || s), RFC 3279 s2.2.3 (DER), s2.1.6 there
(CKM_RSA_PKCS signs a DigestInfo, RFC 8017 s9.2).
Invariants: one label, one pair (two are refused, never chosen from); nothing is exported. PKCS#11
cannot make a label unique: whoever makes keys holds the database's lock of that subject.
"""

from __future__ import annotations

import threading
from typing import Any, NoReturn

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from lionrock.identity.signing.keys import SigningKeyKind
from lionrock.kernel.jose_keys import RSA_BITS, Key
from lionrock.kernel.keys import KeyStoreError

_SIDE_BYTES = 32
# DigestInfo of a SHA-256 without the digest (RFC 8017 s9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class TokenKey(ec.EllipticCurvePrivateKey):
    """A P-256 private key that stays in its token."""

    def __init__(
        self, handle: Any, public: ec.EllipticCurvePublicKey, lock: threading.Lock
    ) -> None:
        self._handle = handle
        self._public = public
        self._lock = lock

    def sign(
        self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """Sign data or its SHA-256 with ECDSA; ValueError for any other algorithm."""
        digest = _sha256_of(data, signature_algorithm.algorithm)
        # A PKCS#11 session does one thing at a time (s11.2 of v2.40).
        with self._lock:
            raw = bytes(self._handle.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
        r, s = raw[:_SIDE_BYTES], raw[_SIDE_BYTES:]
        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """256."""
        return self._public.key_size

    def exchange(self, algorithm: object, peer_public_key: object) -> NoReturn:
        """Refuse: the key was made for signing."""
        raise ValueError("a token key only signs")

    def private_numbers(self) -> NoReturn:
        """Refuse: the key does not leave its token."""
        raise ValueError("a token key is not exported")

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the key does not leave its token."""
        raise ValueError("a token key is not exported")

    def __copy__(self) -> TokenKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenKey:
        return self


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA private key that stays in its token."""

    def __init__(self, handle: Any, public: rsa.RSAPublicKey, lock: threading.Lock) -> None:
        self._handle = handle
        self._public = public
        self._lock = lock

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """Sign data or its SHA-256 with PKCS #1 v1.5; ValueError for anything else."""
        if not isinstance(padding, PKCS1v15):
            raise ValueError("a token key signs with PKCS #1 v1.5 only")  # noqa: TRY004 - as above
        prefixed = _DIGEST_INFO + _sha256_of(data, algorithm)
        with self._lock:
            return bytes(self._handle.sign(prefixed, mechanism=pkcs11.Mechanism.RSA_PKCS))

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    @property
    def key_size(self) -> int:
        """The modulus in bits."""
        return self._public.key_size

    def decrypt(self, ciphertext: object, padding: object) -> NoReturn:
        """Refuse: the key was made for signing."""
        raise ValueError("a token key only signs")

    def private_numbers(self) -> NoReturn:
        """Refuse: the key does not leave its token."""
        raise ValueError("a token key is not exported")

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the key does not leave its token."""
        raise ValueError("a token key is not exported")

    def __copy__(self) -> TokenRsaKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenRsaKey:
        return self


def _sha256_of(data: Any, algorithm: Any) -> bytes:
    """Return the SHA-256 to be signed: hashed here, or given as it is; ValueError for others."""
    name = "prehashed" if isinstance(algorithm, Prehashed) else algorithm.name
    if name not in ("prehashed", hashes.SHA256.name):
        raise ValueError("a token key signs with SHA-256 only")
    digest = bytes(data)
    if name != "prehashed":
        hasher = hashes.Hash(hashes.SHA256())
        hasher.update(digest)
        digest = hasher.finalize()
    if len(digest) != _SIDE_BYTES:
        raise ValueError("a SHA-256 has 32 octets")
    return digest


class Pkcs11Keys:
    """The port of signing keys over one token; safe between threads."""

    def __init__(self, module_path: str, token_label: str, pin: str) -> None:
        """Log in to the token; KeyStoreError says what to do when that fails."""
        self._lock = threading.Lock()
        self._cache: dict[str, Key] = {}
        try:
            token = pkcs11.lib(module_path).get_token(token_label=token_label)
            self._session = token.open(rw=True, user_pin=pin)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            kind = type(error).__name__
            message = f"the PKCS#11 token {token_label!r} cannot be opened ({kind}); see pkcs11_*"
            raise KeyStoreError(message) from error

    def get_or_create(self, name: str, kind: SigningKeyKind = "ES256") -> Key:
        """Return the pair with a label; it is made in the token on first use.

        KeyStoreError when the label's pair is of another kind.
        """
        with self._lock:
            held = self._cache.get(name)
            if held is None:
                held = self._cache[name] = self._find(name) or self._make(name, kind)
        if (held.alg == "RS256") is not (kind == "RSA-3072"):
            raise KeyStoreError(f"the PKCS#11 token holds another kind of pair as {name!r}")
        return held

    def close(self) -> None:
        """Log out; a token takes one log-in a process."""
        self._session.close()

    def _find(self, name: str) -> Key | None:
        public = self._objects(name, pkcs11.ObjectClass.PUBLIC_KEY)
        private = self._objects(name, pkcs11.ObjectClass.PRIVATE_KEY)
        if not public and not private:
            return None
        if len(public) != 1 or len(private) != 1:
            raise KeyStoreError(f"the PKCS#11 token holds not exactly one pair {name!r}")
        return self._key(public[0], private[0])

    def _make(self, name: str, kind: SigningKeyKind) -> Key:
        kept = {
            pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False,
            pkcs11.Attribute.SIGN: True,
        }  # fmt: skip
        if kind == "RSA-3072":
            kept[pkcs11.Attribute.DECRYPT] = False
            public, private = self._session.generate_keypair(
                pkcs11.KeyType.RSA, RSA_BITS[kind], label=name, store=True, private_template=kept
            )
            return self._key(public, private)
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = self._session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        public, private = parameters.generate_keypair(
            label=name, store=True, private_template=kept
        )
        return self._key(public, private)

    def _key(self, public: Any, private: Any) -> Key:
        if public.key_type is pkcs11.KeyType.RSA:
            return self._rsa_key(public, private)
        native = load_der_public_key(encode_ec_public_key(public))
        assert isinstance(native, ec.EllipticCurvePublicKey), "a P-256 pair was asked for"
        # Made from the public half: the JOSE library would ask a private one for its number.
        key = Key(native)
        key.private = TokenKey(private, native, self._lock)
        return key

    def _rsa_key(self, public: Any, private: Any) -> Key:
        exponent, modulus = (
            int.from_bytes(bytes(public[name]), "big")
            for name in (pkcs11.Attribute.PUBLIC_EXPONENT, pkcs11.Attribute.MODULUS)
        )
        native = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        key = Key(native)
        key.private = TokenRsaKey(private, native, self._lock)
        return key

    def _objects(self, name: str, kind: Any) -> list[Any]:
        wanted = {pkcs11.Attribute.LABEL: name, pkcs11.Attribute.CLASS: kind}
        return list(self._session.get_objects(wanted))

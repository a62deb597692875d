"""WebAuthn on the relying party's side: what a browser hands back is read and checked here.

One check, one function, in the order of the standard's own steps. A challenge is no random number
but the SHA-256 of a *statement* (canonical JSON) that holds one: so an assertion is a signature
over the statement, and can be checked again years later from the stored bytes alone.
Not for: storing challenges, sessions, counters (passkeys/). Attestation is neither asked for nor
looked at: any authenticator may be enrolled, who enrols it is what matters.
Source: W3C Web Authentication Level 2, s7.1 (registration) and s7.2 (authentication); RFC 9053 s2.1
(ES256).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.webauthn import AttestationObject, AuthenticatorData

from lionrock.identity.domain.words import canonical_json
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.jose import strict_json_object
from lionrock.kernel.jose_keys import b64url

ES256_COSE = -7
CREDENTIAL_ID_BYTES_MAX = 1023
FIELD_BYTES_MAX = 4096
# What the reader of CBOR raises on bytes that are none; it has no error of its own.
_UNREADABLE = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error, RecursionError,
)  # fmt: skip


class PasskeyRefusal(Refusal):
    """Why a passkey's answer was not believed, or not asked for."""

    MALFORMED = "identity.passkey_malformed"
    TYPE = "identity.passkey_type"
    CHALLENGE = "identity.passkey_challenge"
    ORIGIN = "identity.passkey_origin"
    CROSS_ORIGIN = "identity.passkey_cross_origin"
    RELYING_PARTY = "identity.passkey_relying_party"
    USER_PRESENCE = "identity.passkey_user_presence"
    USER_VERIFICATION = "identity.passkey_user_verification"
    BACKUP_FLAGS = "identity.passkey_backup_flags"
    ALGORITHM = "identity.passkey_algorithm"
    SIGNATURE = "identity.passkey_signature"
    COUNTER = "identity.passkey_counter"
    CREDENTIAL = "identity.passkey_credential"
    SESSION = "identity.passkey_session"
    FORGED = "identity.passkey_forged"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where ceremonies may happen: the page's origin, and its host as relying party id."""

    origin: str
    rp_id: str


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What an authenticator signed, as bytes: kept as they came, they prove for ever."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


class NewCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential read from a registration: its id, its key (ES256), its counter."""

    credential_id: bytes
    public_jwk: dict[str, str]
    sign_count: int


class StoredProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An assertion on record, with the statement that its challenge is the hash of."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    statement: dict[str, Any]


def site_of(public_url: str) -> Site:
    """Return the site of a platform's public address."""
    address = urlsplit(public_url)
    return Site(origin=f"{address.scheme}://{address.netloc}", rp_id=address.hostname or "")


def statement_challenge(statement: Mapping[str, Any]) -> bytes:
    """Return the challenge of a statement: SHA-256 over its canonical JSON."""
    assert len(str(statement.get("nonce", ""))) >= 22, "a statement holds 128 random bits or more"
    return hashlib.sha256(canonical_json(dict(statement))).digest()


def from_b64url(text: str) -> bytes | None:
    """Return the bytes of unpadded base64url, at most FIELD_BYTES_MAX; None when it is none."""
    if len(text) > FIELD_BYTES_MAX * 4 // 3 + 4 or "=" in text:
        return None
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Two spellings of the same bytes would be two proofs of one answer.
    return found if b64url(found) == text else None


def client_challenge(client_data: bytes) -> bytes | None:
    """Return the challenge that client data names, to look its statement up by; else None."""
    value = strict_json_object(client_data)
    challenge = value.get("challenge") if value is not None else None
    return from_b64url(challenge) if isinstance(challenge, str) else None


def check_client_data(
    client_data: bytes, *, kind: str, challenge: bytes, site: Site
) -> Refused | None:
    """Check what the browser says (s7.1 steps 7 to 10, s7.2 steps 11 to 14).

    `kind`: "webauthn.create" or "webauthn.get". A frame of another site is never ours.
    """
    value = strict_json_object(client_data)
    if value is None:
        return Refused(PasskeyRefusal.MALFORMED, field="client_data")
    if value.get("type") != kind:
        return Refused(PasskeyRefusal.TYPE, field="client_data")
    if value.get("challenge") != b64url(challenge):
        return Refused(PasskeyRefusal.CHALLENGE, field="client_data")
    if value.get("origin") != site.origin:
        return Refused(PasskeyRefusal.ORIGIN, field="client_data")
    if value.get("crossOrigin", False) is not False or "topOrigin" in value:
        return Refused(PasskeyRefusal.CROSS_ORIGIN, field="client_data")
    return None


def read_registration(
    attestation: bytes, client_data: bytes, *, challenge: bytes, site: Site
) -> NewCredential | Refused:
    """Check a registration (s7.1) and return its credential."""
    problem = check_client_data(
        client_data, kind="webauthn.create", challenge=challenge, site=site
    )
    if problem is not None:
        return problem
    try:
        shown = AttestationObject(attestation).auth_data
    except _UNREADABLE:
        return Refused(PasskeyRefusal.MALFORMED, field="attestation")
    problem = _check_authenticator(shown, site)
    if problem is not None:
        return problem
    credential = shown.credential_data
    if credential is None or not 1 <= len(credential.credential_id) <= CREDENTIAL_ID_BYTES_MAX:
        return Refused(PasskeyRefusal.MALFORMED, "There is no credential.", "attestation")
    jwk = _es256_jwk(credential.public_key)
    if isinstance(jwk, Refused):
        return jwk
    return NewCredential(
        credential_id=credential.credential_id, public_jwk=jwk, sign_count=shown.counter
    )


def check_assertion(
    assertion: Assertion, public_jwk: Mapping[str, str], *, challenge: bytes, site: Site
) -> int | Refused:
    """Check an assertion by a credential's key (s7.2); returns its counter, to be compared."""
    problem = check_client_data(
        assertion.client_data, kind="webauthn.get", challenge=challenge, site=site
    )
    if problem is not None:
        return problem
    try:
        shown = AuthenticatorData(assertion.authenticator_data)
    except _UNREADABLE:
        return Refused(PasskeyRefusal.MALFORMED, field="authenticator_data")
    problem = _check_authenticator(shown, site)
    if problem is not None:
        return problem
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    try:
        _public_key(public_jwk).verify(assertion.signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return Refused(PasskeyRefusal.SIGNATURE, field="signature")
    return int(shown.counter)


def check_counter(before: int, now: int) -> Refused | None:
    """Refuse a counter that did not rise: the authenticator was copied (s7.2 step 21).

    Authenticators without a counter show 0 for ever; one that had a counter keeps it.
    """
    if (before, now) != (0, 0) and now <= before:
        return Refused(PasskeyRefusal.COUNTER, f"It was {before} and is {now}.")
    return None


def proof_text(assertion: Assertion, statement: Mapping[str, Any]) -> str:
    """Return an assertion and its statement as the text that is stored."""
    proof = StoredProof(
        credential_id=b64url(assertion.credential_id), client_data=b64url(assertion.client_data),
        authenticator_data=b64url(assertion.authenticator_data),
        signature=b64url(assertion.signature), statement=dict(statement),
    )  # fmt: skip
    return canonical_json(msgspec.to_builtins(proof)).decode()


def read_proof(
    text: str, public_jwk: Mapping[str, str], *, site: Site
) -> dict[str, Any] | Refused:
    """Check a stored proof again, from its bytes and the credential's key; returns the statement.

    It says that this key, with its user verified, signed this statement on this site; not when.
    """
    try:
        proof = msgspec.json.decode(text, type=StoredProof)
    except msgspec.DecodeError:
        return Refused(PasskeyRefusal.MALFORMED, field="proof")
    parts = [
        from_b64url(part)
        for part in (
            proof.credential_id, proof.client_data, proof.authenticator_data, proof.signature,
        )
    ]  # fmt: skip
    found = [part for part in parts if part is not None]
    if len(found) != len(parts) or len(str(proof.statement.get("nonce", ""))) < 22:
        return Refused(PasskeyRefusal.MALFORMED, field="proof")
    assertion = Assertion(
        credential_id=found[0], client_data=found[1], authenticator_data=found[2],
        signature=found[3],
    )  # fmt: skip
    checked = check_assertion(
        assertion, public_jwk, challenge=statement_challenge(proof.statement), site=site
    )
    return checked if isinstance(checked, Refused) else proof.statement


def _check_authenticator(shown: AuthenticatorData, site: Site) -> Refused | None:
    """Relying party, presence, verification (s7.1 steps 13 to 15; s7.2 steps 15 to 17)."""
    if shown.rp_id_hash != hashlib.sha256(site.rp_id.encode()).digest():
        return Refused(PasskeyRefusal.RELYING_PARTY, field="authenticator_data")
    if not shown.is_user_present():
        return Refused(PasskeyRefusal.USER_PRESENCE, field="authenticator_data")
    if not shown.is_user_verified():
        return Refused(PasskeyRefusal.USER_VERIFICATION, field="authenticator_data")
    if shown.is_backed_up() and not shown.is_backup_eligible():
        return Refused(PasskeyRefusal.BACKUP_FLAGS, field="authenticator_data")
    return None


def _es256_jwk(cose: Mapping[int, Any]) -> dict[str, str] | Refused:
    """Return a COSE key as JWK: EC2, P-256, ES256, and a point on the curve (RFC 9053 s7.1.1)."""
    x, y = cose.get(-2), cose.get(-3)
    is_es256 = cose.get(1) == 2 and cose.get(3) == ES256_COSE and cose.get(-1) == 1
    if not is_es256 or not isinstance(x, bytes) or not isinstance(y, bytes):
        return Refused(PasskeyRefusal.ALGORITHM, field="attestation")
    if (len(x), len(y)) != (32, 32):
        return Refused(PasskeyRefusal.MALFORMED, "The key is no point.", "attestation")
    jwk = {"kty": "EC", "crv": "P-256", "x": b64url(x), "y": b64url(y)}
    try:
        _public_key(jwk)
    except ValueError:
        return Refused(PasskeyRefusal.MALFORMED, "The key is no point.", "attestation")
    return jwk


def _public_key(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    x, y = from_b64url(jwk["x"]), from_b64url(jwk["y"])
    assert x is not None and y is not None, "a key on record was checked when it came"
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()
    )
    return numbers.public_key()

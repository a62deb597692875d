"""Signed HTTP messages between organisations, on one profile of RFC 9421 and RFC 9530.

A request covers @method, @target-uri, content-digest (also of empty content), content-type and
authorization or dpop when there, and what the caller names. A response covers @status,
content-digest, content-type when there, and the request's signature (`"signature";req`), so that an
answer to one request cannot be shown as the answer to another. Parameters: created, expires, nonce,
keyid, tag="lionrock"; algorithms: the key's own (ecdsa-p256-sha256, ed25519).

The caller finds the key for the keyid, and remembers the nonce until `Checked.remember_until`
(directory does both). Not for: deciding whether the signer may do what it asks.
Source: RFC 9421 s2.5 (signature base), s3.1, s3.2, s2.4 (binding), RFC 9530 s2.
Invariants: exactly one signature; the base is built from the message received and the parameters'
exact spelling; nothing is accepted that is not covered and required.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import Key, sign_bytes, verify_bytes
from lionrock.kernel.signature_base import (
    CombinedFields,
    Headers,
    Message,
    build_base,
    combined_fields,
    derived_of_request,
    target_uri,
)
from lionrock.kernel.signature_refusals import SIGNATURE_ERRORS, SignatureRefusal
from lionrock.kernel.structured_fields import (
    Component,
    FieldMalformed,
    InnerList,
    parse_byte_sequences,
    parse_inner_lists,
    serialize_bytes,
    serialize_string,
    serialized,
)

__all__ = [
    "SIGNATURE_ERRORS", "Checked", "CombinedFields", "SignatureRefusal", "check_request",
    "check_response", "combined_fields", "content_digest", "sign_request", "sign_response",
    "signature_keyid", "target_uri",
]  # fmt: skip

TAG = "lionrock"
LABEL = "sig"
LIFETIME_S = 60
LIFETIME_S_MAX = 300
SKEW_S_MAX = 60
NONCE_LENGTH_MIN = 16
NONCE_LENGTH_MAX = 128
KEYID_LENGTH_MAX = 256
# Messages whose signature fields are kept parsed: as many as may be under way at once.
PARSED_MAX = 128
# Fields that change what a request means: whoever sends one must cover it.
SENSITIVE_FIELDS = ("content-type", "authorization", "dpop")
_DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_ALGORITHM_NAMES = {"ES256": "ecdsa-p256-sha256", "Ed25519": "ed25519"}
_PARAMETERS = frozenset({"created", "expires", "nonce", "keyid", "tag", "alg"})

KeyOf = Callable[[str], Key | None]


class Checked(msgspec.Struct, frozen=True):
    """A signature that holds: who signed (keyid, key), when, and what it covered."""

    keyid: str
    nonce: str
    created_s: int
    expires_s: int
    covered: tuple[str, ...]
    key: Key

    @property
    def remember_until(self) -> datetime:
        """Until when the nonce must be remembered: later the signature is too old by itself."""
        return datetime.fromtimestamp(self.created_s + SKEW_S_MAX + 1, UTC)


class _Parsed(msgspec.Struct, frozen=True):
    inner: InnerList
    signature: bytes
    keyid: str
    nonce: str
    created_s: int
    expires_s: int


def content_digest(body: bytes) -> str:
    """Return the Content-Digest value of a body with sha-256 (RFC 9530 s2)."""
    return f"sha-256={serialize_bytes(hashlib.sha256(body).digest())}"


def sign_request(
    *,
    method: str,
    url: str,
    headers: Headers | None = None,
    body: bytes = b"",
    key: Key,
    keyid: str,
    now_s: int,
    also: Sequence[str] = (),
    lifetime_s: int = LIFETIME_S,
) -> dict[str, str]:
    """Return all headers to send: the given ones, Content-Digest, Signature-Input and Signature.

    `url` must be sent as given. `also` names further fields to cover. ValueError when a field named
    is absent, when content has no Content-Type, or when the key cannot sign.
    """
    fields = combined_fields(headers or {})
    if body and "content-type" not in fields:
        raise ValueError("content needs a content-type")
    fields["content-digest"] = content_digest(body)
    names = ["@method", "@target-uri", "content-digest"]
    names += [name for name in SENSITIVE_FIELDS if name in fields]
    names += [name.lower() for name in also if name.lower() not in names]
    message = Message(derived_of_request(method, url), fields)
    components = tuple(Component(name) for name in names)
    return fields | _signed(message, components, key, keyid, now_s, lifetime_s)


def sign_response(
    *,
    status: int,
    headers: Headers | None = None,
    body: bytes,
    request_headers: Headers,
    key: Key,
    keyid: str,
    now_s: int,
) -> dict[str, str]:
    """Return all headers of a response bound to the signed request whose headers are given.

    ValueError when that request carried no signature (RFC 9421 s2.4).
    """
    fields = combined_fields(headers or {}) | {"content-digest": content_digest(body)}
    request = Message({}, combined_fields(request_headers))
    message = Message({"@status": str(status)}, fields, request)
    names = ["@status", "content-digest", *(n for n in ("content-type",) if n in fields)]
    components = (*(Component(n) for n in names), Component("signature", is_of_request=True))
    return fields | _signed(message, components, key, keyid, now_s, LIFETIME_S)


def signature_keyid(headers: Headers) -> str | Refused:
    """Read the keyid of a message's one signature, unchecked: only for finding the key."""
    parsed = _parse(combined_fields(headers))
    return parsed if isinstance(parsed, Refused) else parsed.keyid


def check_request(
    *,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    key_of: KeyOf,
    now_s: int,
    required: Sequence[str] = (),
) -> Checked | Refused:
    """Check a signed request; `required` names fields to be covered beyond the profile.

    Outcomes: a member of `SignatureRefusal` for each way to fail. REPLAYED is the caller's.
    """
    fields = combined_fields(headers)
    try:
        message = Message(derived_of_request(method, url), fields)
    except ValueError:
        return Refused(SignatureRefusal.FIELD_MALFORMED, "@target-uri")
    must = ["@method", "@target-uri", "content-digest", *(name.lower() for name in required)]
    must += [name for name in SENSITIVE_FIELDS if name in fields]
    return _check(message, _components(tuple(must)), body, key_of, now_s)


@lru_cache(maxsize=PARSED_MAX)
def _components(names: tuple[str, ...]) -> tuple[Component, ...]:
    return tuple(Component(name) for name in names)


def check_response(
    *,
    status: int,
    headers: Headers,
    body: bytes,
    request_headers: Headers,
    key_of: KeyOf,
    now_s: int,
) -> Checked | Refused:
    """Check a signed response to the request whose sent headers are given; outcomes as above."""
    fields = combined_fields(headers)
    request = Message({}, combined_fields(request_headers))
    message = Message({"@status": str(status)}, fields, request)
    must = ["@status", "content-digest", *(n for n in ("content-type",) if n in fields)]
    components = (*(Component(n) for n in must), Component("signature", is_of_request=True))
    return _check(message, components, body, key_of, now_s)


def _check(
    message: Message, must: tuple[Component, ...], body: bytes, key_of: KeyOf, now_s: int
) -> Checked | Refused:
    parsed = _parse(message.fields)
    if isinstance(parsed, Refused):
        return parsed
    if body and "content-type" not in message.fields:
        return Refused(SignatureRefusal.CONTENT_TYPE_MISSING)
    for component in must:
        if component not in parsed.inner.components:
            return Refused(SignatureRefusal.COMPONENT_NOT_COVERED, component.serialized())
    problem = _check_time(parsed, now_s) or _check_digest(message.fields, body)
    if problem is not None:
        return problem
    key = key_of(parsed.keyid)
    if key is None:
        return Refused(SignatureRefusal.KEY_UNKNOWN)
    if parsed.inner.parameters.get("alg", algorithm_name(key)) != algorithm_name(key):
        return Refused(SignatureRefusal.ALGORITHM_WRONG)
    base = build_base(message, parsed.inner.components, parsed.inner.text)
    if isinstance(base, Refused):
        return base
    if not verify_bytes(key, parsed.signature, base):
        return Refused(SignatureRefusal.WRONG)
    covered = serialized(parsed.inner.components)
    return Checked(parsed.keyid, parsed.nonce, parsed.created_s, parsed.expires_s, covered, key)


def algorithm_name(key: Key) -> str:
    """The key's name in the HTTP Signature Algorithms registry (RFC 9421 s6.2.2)."""
    return _ALGORITHM_NAMES.get(key.alg, "")


def _signed(
    message: Message,
    components: tuple[Component, ...],
    key: Key,
    keyid: str,
    now_s: int,
    lifetime_s: int,
) -> dict[str, str]:
    assert 0 < lifetime_s <= LIFETIME_S_MAX, "a signature lives 1 to 300 s"
    parameters = (
        f";created={now_s};expires={now_s + lifetime_s};nonce={serialize_string(secrets.token(16))}"
        f";keyid={serialize_string(keyid)};tag={serialize_string(TAG)}"
    )
    text = f"({' '.join(c.serialized() for c in components)}){parameters}"
    base = build_base(message, components, text)
    if isinstance(base, Refused):
        # The caller asked to cover what is not there: a bug on our side, not an outcome.
        raise ValueError(  # noqa: TRY004 - the type tells the outcome, the value is what is wrong
            f"cannot sign this message: {base.refusal.value} {base.detail}"
        )
    return {
        "signature-input": f"{LABEL}={text}",
        "signature": f"{LABEL}={serialize_bytes(sign_bytes(key, base))}",
    }


def _parse(fields: Mapping[str, str]) -> _Parsed | Refused:
    """Find the one signature and its parameters; everything about their shape is checked here."""
    if "signature" not in fields or "signature-input" not in fields:
        return Refused(SignatureRefusal.MISSING)
    return _parse_texts(fields["signature-input"], fields["signature"])


@lru_cache(maxsize=PARSED_MAX)
def _parse_texts(input_text: str, signature_text: str) -> _Parsed | Refused:
    """Parse once what is read twice: for the keyid, and then with the key."""
    try:
        inputs = parse_inner_lists(input_text)
        signatures = parse_byte_sequences(signature_text)
    except FieldMalformed as error:
        return Refused(SignatureRefusal.MALFORMED, str(error))
    if len(inputs) != 1 or len(signatures) != 1:
        return Refused(SignatureRefusal.SEVERAL)
    if inputs.keys() != signatures.keys():
        return Refused(SignatureRefusal.LABELS_DIFFER)
    inner, signature = next(iter(inputs.values())), next(iter(signatures.values()))
    if len(set(inner.components)) != len(inner.components):
        return Refused(SignatureRefusal.COMPONENT_REPEATED)
    return _parse_parameters(inner, signature)


def _parse_parameters(inner: InnerList, signature: bytes) -> _Parsed | Refused:
    given = inner.parameters
    for name in ("created", "expires", "nonce", "keyid", "tag"):
        if name not in given:
            return Refused(SignatureRefusal.PARAMETER_MISSING, name)
    for name in given:
        if name not in _PARAMETERS:
            return Refused(SignatureRefusal.PARAMETER_MALFORMED, f"{name} is not understood")
    created_s, expires_s = given["created"], given["expires"]
    nonce, keyid = given["nonce"], given["keyid"]
    # bool is an int to Python: `created` without a value parses as true.
    if type(created_s) is not int or type(expires_s) is not int:
        return Refused(SignatureRefusal.PARAMETER_MALFORMED, "created and expires are integers")
    if not (isinstance(nonce, str) and NONCE_LENGTH_MIN <= len(nonce) <= NONCE_LENGTH_MAX):
        return Refused(SignatureRefusal.PARAMETER_MALFORMED, "nonce has 16 to 128 characters")
    if not (isinstance(keyid, str) and 0 < len(keyid) <= KEYID_LENGTH_MAX):
        return Refused(SignatureRefusal.PARAMETER_MALFORMED, "keyid has 1 to 256 characters")
    if given["tag"] != TAG:
        return Refused(SignatureRefusal.TAG_WRONG)
    return _Parsed(inner, signature, keyid, nonce, created_s, expires_s)


def _check_time(parsed: _Parsed, now_s: int) -> Refused | None:
    if parsed.created_s > now_s + SKEW_S_MAX:
        return Refused(SignatureRefusal.CREATED_IN_FUTURE)
    if parsed.created_s < now_s - SKEW_S_MAX:
        return Refused(SignatureRefusal.CREATED_TOO_OLD)
    if not 0 < parsed.expires_s - parsed.created_s <= LIFETIME_S_MAX:
        return Refused(SignatureRefusal.LIFETIME_TOO_LONG)
    if parsed.expires_s <= now_s:
        return Refused(SignatureRefusal.EXPIRED)
    return None


def _check_digest(fields: Mapping[str, str], body: bytes) -> Refused | None:
    """Every digest that we can compute must fit, and sha-256 must be among them (RFC 9530 s2)."""
    if "content-digest" not in fields:
        return Refused(SignatureRefusal.DIGEST_MISSING)
    try:
        digests = parse_byte_sequences(fields["content-digest"])
    except FieldMalformed as error:
        return Refused(SignatureRefusal.DIGEST_MALFORMED, str(error))
    if "sha-256" not in digests:
        return Refused(SignatureRefusal.DIGEST_MISSING, "sha-256")
    for name, digest in digests.items():
        if name not in _DIGESTS:
            continue
        expected = _DIGESTS[name](body).digest()
        if len(digest) != len(expected):
            return Refused(SignatureRefusal.DIGEST_MALFORMED, name)
        if digest != expected:
            return Refused(SignatureRefusal.DIGEST_WRONG, name)
    return None

"""Signed HTTP messages: the standard's own examples, and agreement with another implementation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import http_message_signatures as other
import pytest

from lionrock.kernel import jose
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, KeyKind
from lionrock.kernel.jose_keys import verify_bytes
from lionrock.kernel.signature_base import signature_base
from lionrock.kernel.signature_refusals import SignatureRefusal
from lionrock.kernel.signatures import (
    Checked,
    check_request,
    check_response,
    content_digest,
    sign_request,
    sign_response,
    signature_keyid,
    target_uri,
)
from lionrock.kernel.structured_fields import parse_byte_sequences

BODY = b'{"amount":"100.00"}'
URL = "https://bank.example/payments/v1/messages?x=1&y=%20"
NOW = 1_771_578_000

# RFC 9421 appendix B.1.3 and B.1.4: test-key-ecc-p256 and test-key-ed25519.
P256 = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "test-key-ecc-p256",
    "x": "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
    "y": "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
}
ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "test-key-ed25519",
    "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
}
SHA512_GOOD_DOG = (
    "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfL"
    "Q==:"
)


def test_rfc9421_b2_4_the_response_signed_with_p256_verifies() -> None:
    text = (
        '("@status" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-ecc-p256"'
    )
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": SHA512_GOOD_DOG,
        "Content-Length": "23",
    }
    signature = (
        "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj"
        "+32oiasw==:"
    )
    check_vector(P256, {"@status": "200"}, headers, text, signature)


def test_rfc9421_b2_6_the_request_signed_with_ed25519_verifies() -> None:
    text = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    headers = {
        "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "Content-Type": "application/json",
        "Content-Length": "18",
    }
    derived = {"@method": "POST", "@path": "/foo", "@authority": "example.com"}
    signature = (
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5"
        "WPpBKRCw==:"
    )
    check_vector(ED25519, derived, headers, text, signature)


def check_vector(
    jwk: dict[str, str], derived: dict[str, str], headers: dict[str, str], text: str, signature: str
) -> None:
    base = signature_base(derived, headers, text)
    assert isinstance(base, bytes)
    (raw,) = parse_byte_sequences(signature).values()
    key = jose.trusted_key(jwk)
    assert verify_bytes(key, raw, base)
    assert not verify_bytes(key, raw, base + b" ")


def test_the_digest_is_the_one_that_rfc_9530_prints() -> None:
    """RFC 9530 appendix B.1: the digest of {"hello": "world"} and a line feed."""
    expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert content_digest(b'{"hello": "world"}\n') == expected


def signed(key: Key, *, method: str = "POST", body: bytes = BODY, **options: Any) -> dict[str, str]:
    headers = options.pop("headers", {"Content-Type": "application/json"} if body else {})
    return sign_request(
        method=method, url=options.pop("url", URL), headers=headers, body=body, key=key,
        keyid=f"bank#{key.kid}", now_s=options.pop("now_s", NOW), **options,
    )  # fmt: skip


def checked(key: Key, headers: Any, **options: Any) -> Checked | Refused:
    return check_request(
        method=options.pop("method", "POST"), url=options.pop("url", URL), headers=headers,
        body=options.pop("body", BODY), key_of=lambda _keyid: key,
        now_s=options.pop("now_s", NOW), **options,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
def test_a_signed_request_is_accepted(kind: KeyKind) -> None:
    key = jose.generate_key(kind)
    result = checked(key.public_only(), signed(key))
    assert isinstance(result, Checked), result
    assert result.keyid == f"bank#{key.kid}"
    assert result.covered == ('"@method"', '"@target-uri"', '"content-digest"', '"content-type"')
    assert result.remember_until == datetime.fromtimestamp(NOW + 61, UTC)


def test_a_request_without_content_is_signed_with_the_digest_of_nothing() -> None:
    key = jose.generate_key()
    headers = signed(key, method="GET", body=b"")
    assert "content-digest" in headers
    assert isinstance(checked(key, headers, method="GET", body=b""), Checked)


def test_named_and_sensitive_fields_are_covered() -> None:
    key = jose.generate_key()
    headers = {
        "content-type": "a/b", "Authorization": "DPoP t", "DPoP": "proof", "Idempotency-Key": "k",
    }  # fmt: skip
    sent = signed(key, headers=headers, also=("Idempotency-Key",))
    result = checked(key, sent, required=("idempotency-key",))
    assert isinstance(result, Checked)
    assert {'"authorization"', '"dpop"', '"idempotency-key"'} <= set(result.covered)


def test_each_signature_has_a_new_nonce() -> None:
    key = jose.generate_key()
    nonces = set()
    for _ in range(50):
        result = checked(key, signed(key))
        assert isinstance(result, Checked)
        nonces.add(result.nonce)
    assert len(nonces) == 50


def test_the_keyid_can_be_read_before_the_key_is_known() -> None:
    key = jose.generate_key()
    assert signature_keyid(signed(key)) == f"bank#{key.kid}"
    missing = signature_keyid({})
    assert isinstance(missing, Refused)
    assert missing.refusal is SignatureRefusal.MISSING


@pytest.mark.parametrize(
    ("sent_to", "received_as"),
    [
        ("HTTPS://BANK.example:443/a", "https://bank.example/a"),
        ("http://bank:80", "http://bank/"),
        ("http://bank:8080?q=1", "http://bank:8080/?q=1"),
        ("http://[::1]:8701/a", "http://[::1]:8701/a"),
    ],
)
def test_spellings_of_one_origin_are_one(sent_to: str, received_as: str) -> None:
    key = jose.generate_key()
    assert isinstance(checked(key, signed(key, url=sent_to), url=received_as), Checked)


@pytest.mark.parametrize(
    ("sent_to", "received_as"),
    [
        ("https://bank/a", "http://bank/a"),
        ("https://bank/a", "https://bank:8443/a"),
        ("https://bank/a", "https://bank/A"),
        ("https://bank/a", "https://bank/a/"),
        ("https://bank/a", "https://bank/a?x"),
        ("https://bank/a%2Fb", "https://bank/a/b"),
        ("https://bank/a%2Fb", "https://bank/a%2fb"),
        ("https://bank/?a=1&b=2", "https://bank/?b=2&a=1"),
    ],
)
def test_different_targets_stay_different(sent_to: str, received_as: str) -> None:
    key = jose.generate_key()
    result = checked(key, signed(key, url=sent_to), url=received_as)
    assert isinstance(result, Refused)
    assert result.refusal is SignatureRefusal.WRONG


def test_a_server_builds_its_target_from_its_own_address() -> None:
    assert target_uri("https://a.example/", b"/x%20y", b"q=1") == "https://a.example/x%20y?q=1"
    assert target_uri("https://a.example", "/x") == "https://a.example/x"


def test_a_message_that_cannot_be_signed_is_a_bug() -> None:
    key = jose.generate_key()
    with pytest.raises(ValueError, match="field_absent"):
        signed(key, also=("x-absent",))
    with pytest.raises(ValueError, match="content-type"):
        signed(key, headers={})
    with pytest.raises(ValueError, match="field_malformed"):
        signed(key, headers={"content-type": "a/b\r\nx: y"})
    for url in ("bank/a", "ftp://bank/a", "http://bank/ä", "http://bank/a b", "http://bank/#a"):
        with pytest.raises(ValueError, match="absolute"):
            signed(key, url=url)


def test_a_signed_answer_is_accepted_for_its_request_only() -> None:
    caller, answerer = jose.generate_key(), jose.generate_key()
    request, another = signed(caller), signed(caller)
    headers = sign_response(
        status=200, headers={"Content-Type": "a/b"}, body=b"ok", request_headers=request,
        key=answerer, keyid="office#1", now_s=NOW,
    )  # fmt: skip

    def check(request_headers: dict[str, str], **options: Any) -> Checked | Refused:
        return check_response(
            status=options.get("status", 200), headers=options.get("headers", headers),
            body=options.get("body", b"ok"), request_headers=request_headers,
            key_of=lambda _keyid: answerer, now_s=NOW,
        )  # fmt: skip

    assert isinstance(check(request), Checked)
    for result in (
        check(another),
        check(request, status=201),
        check(request, headers=headers | {"content-type": "c/d"}),
    ):
        assert isinstance(result, Refused)
        assert result.refusal is SignatureRefusal.WRONG
    swapped = check(request, body=b"no")
    assert isinstance(swapped, Refused)
    assert swapped.refusal is SignatureRefusal.DIGEST_WRONG
    unbound = check({})
    assert isinstance(unbound, Refused)
    assert unbound.refusal is SignatureRefusal.FIELD_ABSENT


def test_an_answer_to_an_unsigned_request_cannot_be_signed() -> None:
    key = jose.generate_key()
    with pytest.raises(ValueError, match="field_absent"):
        sign_response(
            status=200, body=b"", request_headers={}, key=key, keyid="a#1", now_s=NOW
        )


def test_a_request_signature_is_no_answer_and_an_answer_no_request() -> None:
    key = jose.generate_key()
    request = signed(key)
    as_answer = check_response(
        status=200, headers=request, body=BODY, request_headers=request,
        key_of=lambda _keyid: key, now_s=NOW,
    )  # fmt: skip
    assert isinstance(as_answer, Refused)
    assert as_answer.refusal is SignatureRefusal.COMPONENT_NOT_COVERED
    answer = sign_response(
        status=200, headers={"content-type": "application/json"}, body=BODY,
        request_headers=request, key=key, keyid="a#1", now_s=NOW,
    )  # fmt: skip
    as_request = checked(key, answer)
    assert isinstance(as_request, Refused)
    assert as_request.refusal is SignatureRefusal.COMPONENT_NOT_COVERED


@dataclass
class Message:
    """A request as the other library reads it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """A response as the other library reads it."""

    status_code: int
    headers: dict[str, str]
    request: Message


ALGORITHMS = {"ES256": other.algorithms.ECDSA_P256_SHA256, "Ed25519": other.algorithms.ED25519}


def resolver(key: Key) -> Any:
    keyid = f"bank#{key.kid}"
    return other.MappingKeyResolver(
        public_keys={keyid: key.public}, private_keys={keyid: key.private}
    )


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
def test_another_library_accepts_what_we_sign(kind: KeyKind) -> None:
    key = jose.generate_key(kind)
    headers = signed(key, now_s=int(time.time()), headers={"content-type": "a/b", "x-a": " 1 "},
                     also=("x-a",))
    verifier = other.HTTPMessageVerifier(
        signature_algorithm=ALGORITHMS[kind], key_resolver=resolver(key)
    )
    (result,) = verifier.verify(
        Message("POST", URL, headers), expect_tag="lionrock", body=BODY,
        require_components=("@method", "@target-uri", "content-digest", "content-type", "x-a"),
    )  # fmt: skip
    assert result.body == BODY


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
@pytest.mark.parametrize("include_alg", [True, False])
def test_we_accept_what_another_library_signs(kind: KeyKind, include_alg: bool) -> None:
    key = jose.generate_key(kind)
    message = Message("POST", URL, {"content-type": "application/json"})
    now_s = int(time.time())
    signer = other.HTTPMessageSigner(
        signature_algorithm=ALGORITHMS[kind], key_resolver=resolver(key)
    )
    signer.sign(
        message, key_id=f"bank#{key.kid}", created=datetime.fromtimestamp(now_s, UTC),
        expires=datetime.fromtimestamp(now_s + 60, UTC), nonce="n" * 16, tag="lionrock",
        label="theirs", include_alg=include_alg, body=BODY,
        covered_component_ids=(
            "content-type", "@target-uri", "@method", "@authority", "@path", "@query", "@scheme",
        ),
    )  # fmt: skip
    result = checked(key, message.headers, now_s=now_s)
    assert isinstance(result, Checked), result


def test_another_library_accepts_our_bound_answers() -> None:
    caller, key = jose.generate_key(), jose.generate_key()
    now_s = int(time.time())
    request = Message("POST", URL, signed(caller, now_s=now_s))
    headers = sign_response(
        status=202, headers={"content-type": "a/b"}, body=b"ok", request_headers=request.headers,
        key=key, keyid=f"bank#{key.kid}", now_s=now_s,
    )  # fmt: skip
    verifier = other.HTTPMessageVerifier(
        signature_algorithm=ALGORITHMS["ES256"], key_resolver=resolver(key)
    )
    required = ("@status", "content-digest", "content-type", '"signature";req')
    verifier.verify(Answer(202, headers, request), body=b"ok", require_components=required)
    with pytest.raises(other.InvalidSignature):
        verifier.verify(Answer(200, headers, request), body=b"ok")

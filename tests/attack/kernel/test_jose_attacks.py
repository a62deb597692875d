"""Forged, confused and oversized JOSE objects. Each is made by hand, not by the code under test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwe
from joserfc.jwk import ECKey

from lionrock.kernel import jose
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import JoseRefusal, Key

KEY = jose.generate_key()
ED = jose.generate_key("Ed25519")
SEALED = jose.generate_encryption_key()
SEED = 7515


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: bytes | dict[str, Any], payload: bytes = b"{}", key: Key = KEY) -> str:
    """A JWS with any header at all, honestly signed with P-256."""
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    text = f"{b64(header)}.{b64(payload)}"
    r, s = decode_dss_signature(key.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def refusal(result: object) -> JoseRefusal:
    assert isinstance(result, Refused), f"accepted: {result!r}"
    assert isinstance(result.refusal, JoseRefusal)
    return result.refusal


def header(**members: Any) -> dict[str, Any]:
    return {"alg": "ES256", "typ": "x", "kid": KEY.kid} | members


def verify(token: str, **options: Any) -> object:
    return jose.verify_jws(token, options.pop("keys", KEY), typ="x", **options)


def test_the_forger_makes_tokens_that_are_accepted_when_nothing_is_wrong() -> None:
    assert not isinstance(verify(forge(header())), Refused)


@pytest.mark.parametrize("alg", ["none", "None", "", "HS256", "RS256", "ES384", "ES256K", "EdDSA"])
def test_rfc8725_3_1_an_algorithm_outside_the_list_is_refused(alg: str) -> None:
    assert refusal(verify(forge(header(alg=alg)))) is JoseRefusal.ALGORITHM


def test_rfc8725_2_1_a_token_without_signature_is_refused() -> None:
    unsigned = f"{b64(header(alg='none'))}.{b64(b'{}')}."
    assert refusal(verify(unsigned)) in {JoseRefusal.MALFORMED, JoseRefusal.ALGORITHM}


def test_rfc8725_2_1_the_public_key_is_no_hmac_secret() -> None:
    text = f"{b64(header(alg='HS256'))}.{b64(b'{}')}"
    for secret in (json.dumps(KEY.public_jwk).encode(), KEY.kid.encode()):
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        assert refusal(verify(f"{text}.{b64(mac)}")) is JoseRefusal.ALGORITHM


def test_a_list_of_weak_algorithms_is_a_bug_and_not_obeyed() -> None:
    with pytest.raises(AssertionError):
        verify(forge(header()), algs=("none",))
    with pytest.raises(AssertionError):
        verify(forge(header()), algs=())


def test_an_allowed_algorithm_must_still_be_the_keys_own() -> None:
    token = forge(header(alg="Ed25519"))
    result = verify(token, algs=("ES256", "Ed25519"))
    assert refusal(result) is JoseRefusal.ALGORITHM


@pytest.mark.parametrize(
    "extra",
    [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}],
)
def test_rfc7515_4_1_11_every_critical_extension_is_refused(extra: dict[str, Any]) -> None:
    assert refusal(verify(forge(header(**extra)))) is JoseRefusal.CRITICAL_HEADER


@pytest.mark.parametrize("typ", ["y", "xx", "application/y", "jwt", ""])
def test_rfc8725_3_11_a_token_of_another_type_is_refused(typ: str) -> None:
    assert refusal(verify(forge(header(typ=typ)))) is JoseRefusal.TYPE


def test_rfc8725_3_11_a_token_without_type_is_refused_unless_asked_for() -> None:
    untyped = forge({"alg": "ES256", "kid": KEY.kid})
    assert refusal(verify(untyped)) is JoseRefusal.TYPE
    assert not isinstance(jose.verify_jws(untyped, KEY, typ=("x", "")), Refused)


def test_a_single_key_does_not_verify_a_token_naming_another() -> None:
    assert refusal(verify(forge(header(kid="other")))) is JoseRefusal.KEY_UNKNOWN


def test_a_set_is_not_tried_key_by_key_for_a_token_without_kid() -> None:
    nameless = forge({"alg": "ES256", "typ": "x"})
    assert refusal(verify(nameless, keys=[KEY, ED])) is JoseRefusal.KEY_UNKNOWN
    assert refusal(verify(forge(header()), keys=[])) is JoseRefusal.KEY_UNKNOWN


def test_two_keys_of_one_name_are_not_chosen_between() -> None:
    assert refusal(verify(forge(header()), keys=[KEY, KEY])) is JoseRefusal.KEY_UNKNOWN


def test_the_key_inside_the_header_is_not_trusted() -> None:
    attacker = jose.generate_key()
    token = forge(header(jwk=attacker.bare_jwk), key=attacker)
    assert refusal(verify(token)) is JoseRefusal.SIGNATURE


def test_an_encryption_key_verifies_no_signature() -> None:
    token = forge(header(kid=SEALED.kid), key=SEALED)
    assert refusal(jose.verify_jws(token, SEALED, typ="x")) is JoseRefusal.KEY_USE


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    head, payload, signature = forge(header()).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << (bit % 8)
        result = verify(f"{head}.{payload}.{b64(bytes(flipped))}")
        assert refusal(result) is JoseRefusal.SIGNATURE, bit


def test_random_changes_of_a_token_are_never_accepted() -> None:
    chance = random.Random(SEED)
    token = forge(header(), b'{"amount":"100.00"}')
    for _ in range(2_000):
        at = chance.randrange(len(token))
        other = chance.choice("ABCDabcd0123-_.=+/ \n\x00é")
        if token[at] != other:
            refusal(verify(token[:at] + other + token[at + 1 :]))


@pytest.mark.parametrize("raw", [b"\0" * 64, b"\1" * 64, b"\xff" * 64])
def test_cve_2022_21449_a_constant_signature_is_refused(raw: bytes) -> None:
    head, payload, _ = forge(header()).split(".")
    assert refusal(verify(f"{head}.{payload}.{b64(raw)}")) is JoseRefusal.SIGNATURE


def test_a_der_encoded_signature_is_refused() -> None:
    assert isinstance(KEY.private, ec.EllipticCurvePrivateKey)
    text = f"{b64(header())}.{b64(b'{}')}"
    der = KEY.private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(verify(f"{text}.{b64(der)}")) is JoseRefusal.SIGNATURE


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + ".",
        lambda t: "." + t,
        lambda t: t + "=",
        lambda t: t + " ",
        lambda t: t + "\n",
        lambda t: t.replace(".", "=.", 1),
        lambda t: t.replace(".", "..", 1),
        lambda t: t.split(".", maxsplit=1)[0],
        lambda t: ".".join(t.split(".")[:2]),
        lambda t: ".".join(["", *t.split(".")[1:]]),
        lambda t: t.rsplit(".", maxsplit=1)[0] + ".",
        lambda t: "",
        lambda t: "é" + t,
        lambda t: json.dumps({"payload": t}),
    ],
)
def test_another_spelling_of_a_good_token_is_refused(change: Any) -> None:
    assert refusal(verify(change(forge(header())))) is JoseRefusal.MALFORMED


def test_unused_bits_at_the_end_of_a_part_give_no_second_spelling() -> None:
    token = forge(header())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    assert last % 16 == 0, "64 octets leave four bits unused"
    for extra in range(1, 16):
        assert refusal(verify(token[:-1] + alphabet[last + extra])) is JoseRefusal.MALFORMED


@pytest.mark.parametrize(
    "raw_header",
    [
        b"", b"null", b"[]", b'"x"', b"{", b"\xff", b'{"alg":"ES256","alg":"none","typ":"x"}',
        b'{"alg":1,"typ":"x"}', b'{"alg":"ES256","typ":1}', b'{"alg":"ES256","typ":"x","kid":1}',
        b'{"alg":"ES256","typ":"x","a":NaN}', b'{"alg":"ES256","typ":"x","cty":[]}',
        b"[" * 4000, b'\xef\xbb\xbf{"alg":"ES256"}',
    ],
)  # fmt: skip
def test_a_header_that_is_no_plain_object_is_refused(raw_header: bytes) -> None:
    assert refusal(verify(forge(raw_header))) is JoseRefusal.MALFORMED
    assert refusal(jose.read_unverified(forge(raw_header))) is JoseRefusal.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"[]", b"null", b"1", b'"x"', b'{"sub":"a","sub":"b"}', b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}', b'{"a":Infinity}', b"\xff\xfe", b"{}{}", b'{"a":' * 5000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_claims_with_two_readings_are_refused(payload: bytes) -> None:
    token = forge(header(), payload)
    assert refusal(verify(token)) is JoseRefusal.CLAIMS_MALFORMED
    assert refusal(jose.read_unverified(token)) is JoseRefusal.CLAIMS_MALFORMED


def test_nesting_is_taken_up_to_its_limit() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert jose.strict_json_object(nested(jose.JSON_DEPTH_MAX)) is not None
    assert jose.strict_json_object(nested(jose.JSON_DEPTH_MAX + 1)) is None
    lists = b'{"a":' + b"[" * jose.JSON_DEPTH_MAX + b"]" * jose.JSON_DEPTH_MAX + b"}"
    assert jose.strict_json_object(lists) is None


def test_an_oversized_token_is_refused_before_it_is_decoded() -> None:
    limits = (
        jose.JWS_HEADER_CHARACTERS_MAX, jose.JWS_PAYLOAD_CHARACTERS_MAX,
        jose.JWS_SIGNATURE_CHARACTERS_MAX,
    )  # fmt: skip
    for part, limit in enumerate(limits):
        parts = forge(header()).split(".")
        parts[part] = "A" * (limit + 1)
        assert refusal(verify(".".join(parts))) is JoseRefusal.TOO_LARGE
        parts[part] = "A" * limit
        assert refusal(verify(".".join(parts))) is not JoseRefusal.TOO_LARGE
    assert refusal(verify("A" * (jose.JWS_CHARACTERS_MAX + 1))) is JoseRefusal.TOO_LARGE


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_rfc9449_4_3_a_private_member_in_a_public_key_is_refused(member: str) -> None:
    assert refusal(jose.key_from_jwk(KEY.bare_jwk | {member: "AA"})) is JoseRefusal.KEY_PRIVATE


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "RSA"}, {"kty": "oct"}, {"kty": None}, {"crv": "P-384"}, {"crv": "secp256k1"},
        {"crv": "Ed25519"}, {"x": ""}, {"x": None}, {"x": 5}, {"y": "A" * 43}, {"x": "A" * 43},
        {"x": "A" * 42}, {"x": "AA" + "A" * 43}, {"y": "+" * 43}, {"x": "é" * 43},
        {"kid": 5}, {"kid": ""}, {"kid": "k" * 129},
    ],
)  # fmt: skip
def test_a_malformed_public_key_is_refused(change: dict[str, Any]) -> None:
    result = jose.key_from_jwk(KEY.public_jwk | change)
    assert refusal(result) is JoseRefusal.KEY_MALFORMED


def test_a_point_off_the_curve_is_refused() -> None:
    """Invalid-curve attack: y of another point with the same length."""
    other = jose.generate_key().public_jwk["y"]
    assert refusal(jose.key_from_jwk(KEY.public_jwk | {"y": other})) is JoseRefusal.KEY_MALFORMED


@pytest.mark.parametrize(
    "change",
    [
        {"use": "other"}, {"use": 1}, {"alg": "ES384"}, {"alg": "none"}, {"alg": 1},
        {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"use": "enc", "alg": "ES256"},
        {"use": "enc", "alg": "ECDH-ES", "key_ops": ["verify"]},
    ],
)  # fmt: skip
def test_a_key_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    assert refusal(jose.key_from_jwk(KEY.public_jwk | change)) is JoseRefusal.KEY_USE


def test_a_key_with_too_many_members_is_refused() -> None:
    few = {f"m{i}": i for i in range(24 - len(KEY.bare_jwk))}
    assert isinstance(jose.key_from_jwk(KEY.bare_jwk | few), Key)
    assert refusal(jose.key_from_jwk(KEY.bare_jwk | few | {"z": 1})) is JoseRefusal.KEY_MALFORMED


def test_a_damaged_stored_key_is_an_error_and_no_outcome() -> None:
    with pytest.raises(ValueError, match="damaged"):
        jose.trusted_key({"kty": "EC"})


def sealed(**members: Any) -> str:
    return jose.encrypt_jwe(b"secret", SEALED, members)


def reheaded(token: str, **members: Any) -> str:
    parts = token.split(".")
    old = json.loads(base64.urlsafe_b64decode(parts[0] + "=="))
    return ".".join([b64(old | members), *parts[1:]])


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"alg": "dir"}, JoseRefusal.ALGORITHM),
        ({"alg": "RSA1_5"}, JoseRefusal.ALGORITHM),
        ({"alg": "ECDH-ES+A256KW"}, JoseRefusal.ALGORITHM),
        ({"alg": "PBES2-HS256+A128KW", "p2c": 2**31}, JoseRefusal.ALGORITHM),
        ({"enc": "A128GCM"}, JoseRefusal.ALGORITHM),
        ({"zip": "DEF"}, JoseRefusal.ALGORITHM),
        ({"crit": ["zip"]}, JoseRefusal.CRITICAL_HEADER),
        ({"kid": "other"}, JoseRefusal.KEY_UNKNOWN),
        ({"kid": 1}, JoseRefusal.MALFORMED),
        ({"epk": None}, JoseRefusal.DECRYPTION),
        ({"epk": {}}, JoseRefusal.DECRYPTION),
        ({"epk": {"kty": "oct", "k": "AA"}}, JoseRefusal.DECRYPTION),
        ({"epk": ED.bare_jwk}, JoseRefusal.DECRYPTION),
        ({"epk": KEY.bare_jwk | {"y": "A" * 43}}, JoseRefusal.DECRYPTION),
        ({"epk": jose.generate_key().bare_jwk}, JoseRefusal.DECRYPTION),
        ({"cty": "other"}, JoseRefusal.DECRYPTION),
        ({"apu": "QQ"}, JoseRefusal.DECRYPTION),
    ],
)
def test_a_changed_jwe_header_is_refused(members: dict[str, Any], expected: JoseRefusal) -> None:
    assert refusal(jose.decrypt_jwe(reheaded(sealed(), **members), SEALED)) is expected


def test_every_changed_part_of_a_jwe_is_noticed() -> None:
    parts = sealed().split(".")
    for at in (2, 3, 4):
        raw = bytearray(base64.urlsafe_b64decode(parts[at] + "=="))
        raw[0] ^= 1
        changed = ".".join([*parts[:at], b64(bytes(raw)), *parts[at + 1 :]])
        assert refusal(jose.decrypt_jwe(changed, SEALED)) is JoseRefusal.DECRYPTION


@pytest.mark.parametrize("kept", [0, 4, 8, 12, 15])
def test_a_truncated_authentication_tag_is_refused(kept: int) -> None:
    """A short GCM tag is easier to guess: 4 octets take 2^32 tries."""
    parts = sealed().split(".")
    tag = base64.urlsafe_b64decode(parts[4] + "==")
    token = ".".join([*parts[:4], b64(tag[:kept])])
    assert refusal(jose.decrypt_jwe(token, SEALED)) is JoseRefusal.DECRYPTION


def test_a_jwe_for_another_key_is_refused() -> None:
    token = reheaded(sealed(), kid=None)
    assert refusal(jose.decrypt_jwe(token, SEALED)) is JoseRefusal.MALFORMED
    other = jose.generate_encryption_key()
    assert refusal(jose.decrypt_jwe(sealed(), other)) is JoseRefusal.KEY_UNKNOWN
    nameless = jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A256GCM"}, b"x", ECKey.import_key(other.bare_jwk),
        algorithms=["ECDH-ES", "A256GCM"],
    )  # fmt: skip
    assert refusal(jose.decrypt_jwe(nameless, SEALED)) is JoseRefusal.DECRYPTION


@pytest.mark.parametrize("token", ["a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", "", "....", "A.Q.A.A.A"])
def test_a_malformed_jwe_is_refused(token: str) -> None:
    assert refusal(jose.decrypt_jwe(token, SEALED)) is JoseRefusal.MALFORMED


def test_an_oversized_jwe_is_refused_before_a_key_is_used() -> None:
    parts = sealed().split(".")
    parts[3] = "A" * (jose.JWE_CIPHERTEXT_CHARACTERS_MAX + 4096 + 257)
    assert refusal(jose.decrypt_jwe(".".join(parts), SEALED)) is JoseRefusal.TOO_LARGE
    parts[0] = "A" * 4097
    parts[3] = ""
    assert refusal(jose.decrypt_jwe(".".join(parts), SEALED)) is JoseRefusal.MALFORMED


def test_compressed_content_is_refused_although_it_decrypts() -> None:
    """A decompression bomb: 10 MB of zeros are sent as 10 kB."""
    token = jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A256GCM", "kid": SEALED.kid, "zip": "DEF"}, b"\0" * 100_000,
        ECKey.import_key(SEALED.bare_jwk), algorithms=["ECDH-ES", "A256GCM", "DEF"],
    )  # fmt: skip
    assert refusal(jose.decrypt_jwe(token, SEALED)) is JoseRefusal.ALGORITHM

"""JOSE on the good side: what we sign others accept, what the standards print we accept."""

from __future__ import annotations

import json

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey

from lionrock.kernel import jose
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, KeyKind, Unverified, Verified
from lionrock.kernel.jose_keys import sign_bytes, verify_bytes

# RFC 7515 appendix A.3: the key and the token signed with it.
RFC7515_A3_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC7515_A3_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q"
)
# RFC 7638 s3.1: a key and its thumbprint.
RFC7638_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def good(result: Verified | Refused) -> Verified:
    assert isinstance(result, Verified), result
    return result


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
def test_what_a_key_signs_it_verifies(kind: KeyKind) -> None:
    key = jose.generate_key(kind)
    token = jose.sign_jws(key, {"a": 1, "名": "香港"}, typ="thing+jwt")
    verified = good(jose.verify_jws(token, key.public_only(), typ="thing+jwt", algs=(key.alg,)))
    assert verified.claims == {"a": 1, "名": "香港"}
    assert verified.header == {"alg": key.alg, "typ": "thing+jwt", "kid": key.kid}


def test_raw_bytes_are_signed_as_they_are() -> None:
    key = jose.generate_key()
    content = bytes(range(256))
    verified = good(
        jose.verify_jws(jose.sign_jws(key, content, typ="x"), key, typ="x", raw=True)
    )
    assert (verified.payload, verified.claims) == (content, {})


def test_the_example_of_rfc_7515_appendix_a3_verifies() -> None:
    key = jose.trusted_key(RFC7515_A3_JWK)
    assert good(jose.verify_jws(RFC7515_A3_TOKEN, key, typ="")).claims["iss"] == "joe"


def test_the_thumbprint_of_rfc_7638_is_computed() -> None:
    jwk = {"kty": "RSA", "n": RFC7638_N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert jose.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_another_library_verifies_what_we_sign() -> None:
    key = jose.generate_key()
    token = jose.sign_jws(key, {"a": 1}, typ="x")
    other = ECKey.import_key(key.public_jwk)
    assert json.loads(jws.deserialize_compact(token, other, ["ES256"]).payload) == {"a": 1}


def test_an_unknown_header_member_is_ignored() -> None:
    """RFC 7515 s4: header parameters that are not understood are ignored."""
    key = jose.generate_key()
    token = jose.sign_jws(key, {}, typ="x", headers={"novel": [1]})
    assert good(jose.verify_jws(token, key, typ="x")).header["novel"] == [1]


@pytest.mark.parametrize("written", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_types_are_compared_as_media_types(written: str) -> None:
    key = jose.generate_key()
    good(jose.verify_jws(jose.sign_jws(key, {}, typ=written), key, typ="at+jwt"))


def test_a_set_of_keys_is_searched_by_kid() -> None:
    keys = [jose.generate_key() for _ in range(3)]
    token = jose.sign_jws(keys[1], {}, typ="x")
    assert good(jose.verify_jws(token, keys, typ="x")).key is keys[1]


def test_a_header_key_replaces_the_kid_and_is_read_back() -> None:
    """RFC 9449 s4.2: a DPoP proof carries its public key."""
    key = jose.generate_key()
    token = jose.sign_jws(key, {"jti": "1"}, typ="dpop+jwt", headers={"jwk": key.bare_jwk})
    unverified = jose.read_unverified(token)
    assert isinstance(unverified, Unverified)
    assert "kid" not in unverified.header
    read = jose.key_from_jwk(unverified.header["jwk"])
    assert isinstance(read, Key)
    assert read.kid == key.kid
    good(jose.verify_jws(token, read, typ="dpop+jwt"))


def test_a_client_may_name_its_key_itself() -> None:
    key = jose.generate_key()
    named = jose.key_from_jwk(key.public_jwk | {"kid": "my-key"})
    assert isinstance(named, Key)
    assert (named.kid, named.public_jwk["kid"]) == ("my-key", "my-key")


def test_a_private_key_survives_pkcs8() -> None:
    kinds: tuple[KeyKind, ...] = ("ES256", "Ed25519", "RSA-2048")
    for kind in kinds:
        key = jose.generate_key(kind)
        again = jose.key_from_pkcs8(key.pkcs8())
        assert (again.kid, again.alg, again.is_private) == (key.kid, key.alg, True)


def test_a_public_key_has_no_private_bytes_and_signs_nothing() -> None:
    public = jose.generate_key().public_only()
    with pytest.raises(ValueError, match="no private half"):
        public.pkcs8()
    with pytest.raises(ValueError, match="cannot sign"):
        jose.sign_jws(public, {}, typ="x")
    with pytest.raises(ValueError, match="cannot sign"):
        sign_bytes(public, b"x")


def test_what_is_shown_of_a_key_is_not_its_private_half() -> None:
    key = jose.generate_key()
    assert key.private is not None
    secret = key.private.private_numbers().private_value  # type: ignore[union-attr]  # P-256 key
    assert str(secret) not in repr(key)
    assert not jose_private_members(key.public_jwk)
    assert not jose_private_members(key.bare_jwk)


def jose_private_members(jwk: dict[str, object]) -> set[str]:
    return {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & jwk.keys()


def test_changing_a_returned_jwk_does_not_change_the_key() -> None:
    key = jose.generate_key()
    key.public_jwk["x"] = "changed"
    assert key.public_jwk["x"] != "changed"


@pytest.mark.parametrize("headers", [{"alg": "none"}, {"crit": ["a"]}, {"b64": False}, {"typ": ""}])
def test_a_caller_cannot_override_what_the_signer_sets(headers: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="set here"):
        jose.sign_jws(jose.generate_key(), {}, typ="x", headers=headers)


def test_an_rsa_key_signs_no_jws() -> None:
    with pytest.raises(ValueError, match="cannot sign"):
        jose.sign_jws(jose.generate_key("RSA-2048"), {}, typ="x")
    assert not verify_bytes(jose.generate_key("RSA-2048"), b"\0" * 64, b"")


def test_content_encrypted_to_a_session_key_is_read_by_its_holder() -> None:
    session = jose.generate_encryption_key()
    token = jose.encrypt_jwe(b"account data", session.public_jwk, {"cty": "json"})
    assert jose.decrypt_jwe(token, session) == b"account data"


def test_another_library_decrypts_what_we_encrypt() -> None:
    key = jose.generate_encryption_key()
    native = ECKey.import_key(key.private)  # type: ignore[arg-type]  # a P-256 private key
    token = jose.encrypt_jwe(b"x", key)
    algorithms = ["ECDH-ES", "A256GCM"]
    assert jwe.decrypt_compact(token, native, algorithms=algorithms).plaintext == b"x"


def test_two_encryptions_of_the_same_content_share_nothing() -> None:
    key = jose.generate_encryption_key()
    first, second = (jose.encrypt_jwe(b"x", key).split(".") for _ in range(2))
    assert first[0] != second[0]
    assert first[2:] != second[2:]


def test_a_nested_token_is_signed_and_then_encrypted() -> None:
    signer, recipient = jose.generate_key(), jose.generate_encryption_key()
    signed = jose.sign_jws(signer, {"balance": "1.00"}, typ="data+jwt")
    sealed = jose.encrypt_jwe(signed.encode(), recipient, {"cty": "data+jwt"})
    opened = jose.decrypt_jwe(sealed, recipient)
    assert isinstance(opened, bytes)
    verified = good(jose.verify_jws(opened.decode(), signer, typ="data+jwt"))
    assert verified.claims == {"balance": "1.00"}


def test_a_signing_key_neither_encrypts_nor_decrypts() -> None:
    signing = jose.generate_key()
    with pytest.raises(ValueError, match="use enc"):
        jose.encrypt_jwe(b"x", signing)
    with pytest.raises(ValueError, match="cannot decrypt"):
        jose.decrypt_jwe("a.b.c.d.e", signing)


def test_an_encryption_key_neither_signs_nor_verifies() -> None:
    key = jose.generate_encryption_key()
    with pytest.raises(ValueError, match="cannot sign"):
        jose.sign_jws(key, {}, typ="x")
    with pytest.raises(ValueError, match="signs nothing"):
        sign_bytes(key, b"x")
    assert not verify_bytes(key, b"\0" * 64, b"x")


def test_more_than_a_reader_takes_is_not_written() -> None:
    key, sealed = jose.generate_key(), jose.generate_encryption_key()
    with pytest.raises(ValueError, match="larger"):
        jose.sign_jws(key, b"x" * jose.JWS_PAYLOAD_CHARACTERS_MAX, typ="x")
    with pytest.raises(ValueError, match="larger"):
        jose.encrypt_jwe(b"x" * jose.JWE_CIPHERTEXT_CHARACTERS_MAX, sealed)


def test_content_at_the_limit_is_written_and_read() -> None:
    key, sealed = jose.generate_key(), jose.generate_encryption_key()
    most = b"x" * (jose.JWS_PAYLOAD_CHARACTERS_MAX * 3 // 4)
    token = jose.sign_jws(key, most, typ="x")
    assert good(jose.verify_jws(token, key, typ="x", raw=True)).payload == most
    most = b"x" * (jose.JWE_CIPHERTEXT_CHARACTERS_MAX * 3 // 4)
    assert jose.decrypt_jwe(jose.encrypt_jwe(most, sealed), sealed) == most

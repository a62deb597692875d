"""Signed requests changed in every way that matters; each refusal is named by its own code.

The forger below builds and signs its base by itself, so that a wrong idea of the signature base in
the code under test would show.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from lionrock.kernel import jose
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import sign_bytes
from lionrock.kernel.signature_refusals import SIGNATURE_ERRORS
from lionrock.kernel.signatures import (
    KEYID_LENGTH_MAX,
    LIFETIME_S_MAX,
    NONCE_LENGTH_MAX,
    NONCE_LENGTH_MIN,
    SKEW_S_MAX,
    Checked,
    SignatureRefusal,
    check_request,
    sign_request,
)

KEY = jose.generate_key()
NOW = 1_771_578_000
URL = "https://city.example/evidence/v1/receipts"
BODY = b'{"receipt":"..."}'
PARAMETERS = {
    "created": str(NOW), "expires": str(NOW + 60), "nonce": '"nonce-of-16-chars"',
    "keyid": '"bank#k"', "tag": '"lionrock"',
}  # fmt: skip
COVERED = ['"@method"', '"@target-uri"', '"content-digest"', '"content-type"']


def digest(body: bytes = BODY) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def forge(
    covered: list[str] | None = None,
    values: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    label: str = "sig",
    changed: dict[str, str | None] | None = None,
    **parameters: str,
) -> dict[str, str]:
    """An honestly signed request with any components and parameters; None leaves one out."""
    sent = {"content-type": "application/json", "content-digest": digest()} | (headers or {})
    known = {'"@method"': "POST", '"@target-uri"': URL} | {f'"{n}"': v for n, v in sent.items()}
    known |= values or {}
    names = COVERED if covered is None else covered
    given = {n: v for n, v in (PARAMETERS | parameters | (changed or {})).items() if v is not None}
    text = f"({' '.join(names)})" + "".join(f";{n}={v}" if v else f";{n}" for n, v in given.items())
    lines = [f"{name}: {known.get(name, '')}" for name in names]
    base = "\n".join([*lines, f'"@signature-params": {text}'])
    signature = base64.b64encode(sign_bytes(KEY, base.encode("latin-1"))).decode()
    return sent | {"signature-input": f"{label}={text}", "signature": f"{label}=:{signature}:"}


def check(headers: Any, **options: Any) -> Checked | Refused:
    return check_request(
        method=options.get("method", "POST"), url=options.get("url", URL), headers=headers,
        body=options.get("body", BODY), key_of=options.get("key_of", lambda _keyid: KEY),
        now_s=options.get("now_s", NOW), required=options.get("required", ()),
    )  # fmt: skip


def refusal(result: Checked | Refused) -> SignatureRefusal:
    assert isinstance(result, Refused), "accepted"
    assert isinstance(result.refusal, SignatureRefusal)
    return result.refusal


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {n: v for n, v in headers.items() if n != name}


def test_the_forger_makes_requests_that_are_accepted_when_nothing_is_wrong() -> None:
    assert isinstance(check(forge()), Checked)


def test_every_refusal_has_its_own_code_and_sentence() -> None:
    assert set(SIGNATURE_ERRORS) == set(SignatureRefusal)
    assert len({row.title for row in SIGNATURE_ERRORS.values()}) == len(SignatureRefusal)


@pytest.mark.parametrize("name", ["signature", "signature-input"])
def test_an_unsigned_request_is_refused(name: str) -> None:
    assert refusal(check(without(forge(), name))) is SignatureRefusal.MISSING


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""}, {"signature": "sig"}, {"signature": "sig=AAAA"},
        {"signature-input": ""}, {"signature-input": "sig=1"}, {"signature-input": "sig=:AAAA:"},
        {"signature-input": 'sig=("@method";bs);created=1'},
        {"signature-input": 'sig=("@method");created=1.5'},
        {"signature-input": "sig=(" + '"a" ' * 2000 + ")"},
    ],
)  # fmt: skip
def test_fields_that_do_not_parse_are_refused(change: dict[str, str]) -> None:
    assert refusal(check(forge() | change)) is SignatureRefusal.MALFORMED


def test_two_signatures_are_refused_although_one_is_good() -> None:
    first, second = forge(), forge(label="other")
    both = first | {n: f"{first[n]}, {second[n]}" for n in ("signature", "signature-input")}
    assert refusal(check(both)) is SignatureRefusal.SEVERAL


def test_two_header_lines_count_as_two_signatures() -> None:
    """An intermediary may join the lines; a parser of the first line only would be misled."""
    lines = [*forge().items(), ("Signature", "x=:AAAA:"), ("Signature-Input", 'x=("@method")')]
    assert refusal(check(lines)) is SignatureRefusal.SEVERAL


def test_a_signature_under_another_label_is_refused() -> None:
    headers = forge() | {"signature": forge(label="other")["signature"]}
    assert refusal(check(headers)) is SignatureRefusal.LABELS_DIFFER


@pytest.mark.parametrize("name", COVERED)
def test_rfc9421_7_2_1_a_required_component_must_be_covered(name: str) -> None:
    kept = [each for each in COVERED if each != name]
    assert refusal(check(forge(kept))) is SignatureRefusal.COMPONENT_NOT_COVERED


@pytest.mark.parametrize("name", ["authorization", "dpop"])
def test_a_token_pasted_beside_a_signature_is_refused(name: str) -> None:
    headers = forge() | {name: "DPoP stolen"}
    assert refusal(check(headers)) is SignatureRefusal.COMPONENT_NOT_COVERED


def test_a_field_the_caller_requires_must_be_covered() -> None:
    result = check(forge(headers={"idempotency-key": "1"}), required=("Idempotency-Key",))
    assert refusal(result) is SignatureRefusal.COMPONENT_NOT_COVERED


def test_a_component_covered_twice_is_refused() -> None:
    assert refusal(check(forge([*COVERED, COVERED[0]]))) is SignatureRefusal.COMPONENT_REPEATED


@pytest.mark.parametrize(
    "name", ['"@status"', '"@request-target"', '"@nonsense"', '"signature";req', '"Content-Type"']
)
def test_a_component_without_meaning_here_is_refused(name: str) -> None:
    assert refusal(check(forge([*COVERED, name]))) is SignatureRefusal.COMPONENT_UNKNOWN


def test_a_covered_field_that_is_absent_is_refused() -> None:
    """Else it would count as empty, and a stripped field would go unnoticed."""
    assert refusal(check(forge([*COVERED, '"x-limit"']))) is SignatureRefusal.FIELD_ABSENT


@pytest.mark.parametrize("value", ['a\n"@method": GET', "a\rb", "a\0b", "ä", "a\x7f"])
def test_rfc9421_7_5_2_a_value_cannot_forge_a_line_of_the_base(value: str) -> None:
    headers = forge([*COVERED, '"x-note"'], headers={"x-note": value})
    assert refusal(check(headers)) is SignatureRefusal.FIELD_MALFORMED


@pytest.mark.parametrize("url", ["https://city.example/a b", "https://city.example/ä", "/relative"])
def test_a_target_that_no_client_can_have_signed_is_refused(url: str) -> None:
    assert refusal(check(forge(), url=url)) is SignatureRefusal.FIELD_MALFORMED


@pytest.mark.parametrize("name", ["created", "expires", "nonce", "keyid", "tag"])
def test_each_parameter_is_needed(name: str) -> None:
    assert refusal(check(forge(changed={name: None}))) is SignatureRefusal.PARAMETER_MISSING


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created", '"1"'), ("created", ""), ("expires", '"1"'), ("expires", ""), ("nonce", "1"),
        ("nonce", '"' + "n" * (NONCE_LENGTH_MIN - 1) + '"'),
        ("nonce", '"' + "n" * (NONCE_LENGTH_MAX + 1) + '"'),
        ("keyid", '""'), ("keyid", "5"), ("keyid", '"' + "k" * (KEYID_LENGTH_MAX + 1) + '"'),
        ("unknown", '"x"'),
    ],
)  # fmt: skip
def test_a_parameter_of_another_type_or_length_is_refused(name: str, value: str) -> None:
    assert refusal(check(forge(changed={name: value}))) is SignatureRefusal.PARAMETER_MALFORMED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonce", '"' + "n" * NONCE_LENGTH_MIN + '"'),
        ("nonce", '"' + "n" * NONCE_LENGTH_MAX + '"'),
        ("keyid", '"' + "k" * KEYID_LENGTH_MAX + '"'),
    ],
)
def test_a_parameter_at_its_limit_is_taken(name: str, value: str) -> None:
    assert isinstance(check(forge(changed={name: value})), Checked)


@pytest.mark.parametrize("tag", ['"other"', '""', "5", '"LionRock"'])
def test_rfc9421_7_3_7_a_signature_for_another_application_is_refused(tag: str) -> None:
    assert refusal(check(forge(tag=tag))) is SignatureRefusal.TAG_WRONG


@pytest.mark.parametrize("alg", ['"ed25519"', '"hmac-sha256"', '"rsa-v1_5-sha256"', '""', "1"])
def test_rfc9421_7_3_6_an_algorithm_that_is_not_the_keys_is_refused(alg: str) -> None:
    assert refusal(check(forge(alg=alg))) is SignatureRefusal.ALGORITHM_WRONG


def test_a_named_algorithm_that_is_the_keys_is_taken() -> None:
    assert isinstance(check(forge(alg='"ecdsa-p256-sha256"')), Checked)


def test_created_is_taken_within_sixty_seconds_either_way() -> None:
    def at(age_s: int) -> Checked | Refused:
        created = NOW - age_s
        return check(forge(created=str(created), expires=str(created + LIFETIME_S_MAX)))

    assert isinstance(at(SKEW_S_MAX), Checked)
    assert isinstance(at(-SKEW_S_MAX), Checked)
    assert refusal(at(SKEW_S_MAX + 1)) is SignatureRefusal.CREATED_TOO_OLD
    assert refusal(at(-SKEW_S_MAX - 1)) is SignatureRefusal.CREATED_IN_FUTURE


@pytest.mark.parametrize(
    ("lifetime_s", "expected"),
    [
        (0, SignatureRefusal.LIFETIME_TOO_LONG),
        (-1, SignatureRefusal.LIFETIME_TOO_LONG),
        (LIFETIME_S_MAX + 1, SignatureRefusal.LIFETIME_TOO_LONG),
        (10, SignatureRefusal.EXPIRED),
        (20, SignatureRefusal.EXPIRED),
    ],
)
def test_expires_is_held_to(lifetime_s: int, expected: SignatureRefusal) -> None:
    created = NOW - 20
    headers = forge(created=str(created), expires=str(created + lifetime_s))
    assert refusal(check(headers)) is expected


def test_a_remembered_nonce_outlives_every_moment_at_which_it_is_accepted() -> None:
    """Else a replay would pass between forgetting and expiry."""
    for ahead_s in (-SKEW_S_MAX, 0, SKEW_S_MAX):
        created = NOW + ahead_s
        headers = forge(created=str(created), expires=str(created + LIFETIME_S_MAX))
        result = check(headers)
        assert isinstance(result, Checked)
        forgotten_s = int(result.remember_until.timestamp())
        assert refusal(check(headers, now_s=forgotten_s)) is SignatureRefusal.CREATED_TOO_OLD


def test_an_unknown_key_is_refused() -> None:
    assert refusal(check(forge(), key_of=lambda _keyid: None)) is SignatureRefusal.KEY_UNKNOWN


def test_another_key_is_refused() -> None:
    other = jose.generate_key()
    assert refusal(check(forge(), key_of=lambda _keyid: other)) is SignatureRefusal.WRONG


def test_an_encryption_key_verifies_no_request() -> None:
    other = jose.generate_encryption_key()
    assert refusal(check(forge(), key_of=lambda _keyid: other)) is SignatureRefusal.WRONG


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"}, {"method": "post"}, {"url": URL + "/"}, {"url": URL + "?a"},
        {"url": URL.replace("https", "http")}, {"url": URL.replace("city", "bank")},
    ],
)  # fmt: skip
def test_a_request_sent_elsewhere_is_refused(change: dict[str, str]) -> None:
    assert refusal(check(forge(), **change)) is SignatureRefusal.WRONG


@pytest.mark.parametrize("content_type", ["text/plain", "application/json;charset=utf-8"])
def test_another_content_type_is_refused(content_type: str) -> None:
    assert refusal(check(forge() | {"content-type": content_type})) is SignatureRefusal.WRONG


def test_changed_parameters_are_refused() -> None:
    headers = forge()
    for old, new in ((str(NOW), str(NOW + 1)), ("bank#k", "bank#j"), ("nonce-of", "nonce+of")):
        changed = headers | {"signature-input": headers["signature-input"].replace(old, new, 1)}
        assert refusal(check(changed)) is SignatureRefusal.WRONG
    reordered = headers["signature-input"].replace(
        '"@method" "@target-uri"', '"@target-uri" "@method"'
    )
    assert refusal(check(headers | {"signature-input": reordered})) is SignatureRefusal.WRONG


def test_another_spelling_of_the_same_parameters_is_refused() -> None:
    headers = forge()
    spaced = headers["signature-input"].replace(";created", "; created")
    assert refusal(check(headers | {"signature-input": spaced})) is SignatureRefusal.WRONG


@pytest.mark.parametrize("raw", [b"", b"\0" * 64, b"\0" * 63, b"\0" * 65, b"\xff" * 64])
def test_a_signature_of_nothing_is_refused(raw: bytes) -> None:
    value = f"sig=:{base64.b64encode(raw).decode()}:"
    assert refusal(check(forge() | {"signature": value})) is SignatureRefusal.WRONG


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    headers = forge()
    raw = base64.b64decode(headers["signature"][5:-1])
    for bit in range(512):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << (bit % 8)
        value = f"sig=:{base64.b64encode(bytes(flipped)).decode()}:"
        assert refusal(check(headers | {"signature": value})) is SignatureRefusal.WRONG, bit


def test_swapped_content_is_refused() -> None:
    assert refusal(check(forge(), body=b"other")) is SignatureRefusal.DIGEST_WRONG
    swapped = forge() | {"content-digest": digest(b"other")}
    assert refusal(check(swapped, body=b"other")) is SignatureRefusal.WRONG
    assert refusal(check(forge(), body=b"")) is SignatureRefusal.DIGEST_WRONG


def test_content_added_to_a_request_without_any_is_refused() -> None:
    key_of = {"key": KEY, "keyid": "bank#k", "now_s": NOW}
    headers = sign_request(method="GET", url=URL, **key_of)  # type: ignore[arg-type]  # one dict
    assert isinstance(check(headers, method="GET", body=b""), Checked)
    result = check(headers, method="GET", body=b"x")
    assert refusal(result) is SignatureRefusal.CONTENT_TYPE_MISSING


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", SignatureRefusal.DIGEST_MALFORMED),
        ("sha-256=AAAA", SignatureRefusal.DIGEST_MALFORMED),
        ("sha-256=:AAAA:", SignatureRefusal.DIGEST_MALFORMED),
        ("md5=:AAAA:", SignatureRefusal.DIGEST_MISSING),
        (f"{digest()}, {digest(b'other')}", SignatureRefusal.DIGEST_MALFORMED),
        (f"{digest()}, sha-512=:AAAA:", SignatureRefusal.DIGEST_MALFORMED),
        (f"{digest()}, sha-512=:{'A' * 86}==:", SignatureRefusal.DIGEST_WRONG),
    ],
)
def test_rfc9530_2_a_digest_that_says_something_else_is_refused(
    value: str, expected: SignatureRefusal
) -> None:
    assert refusal(check(forge(headers={"content-digest": value}))) is expected


def test_a_digest_of_an_unknown_kind_beside_a_good_one_is_ignored() -> None:
    assert isinstance(check(forge(headers={"content-digest": f"{digest()}, md5=:AAAA:"})), Checked)


def test_a_request_without_digest_is_refused() -> None:
    result = check(without(forge(), "content-digest"))
    assert refusal(result) is SignatureRefusal.DIGEST_MISSING


def test_every_refusal_but_the_replay_is_shown_in_this_file() -> None:
    """REPLAYED needs memory: see the directory's tests."""
    text = Path(__file__).read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:is|,) SignatureRefusal\.([A-Z_]+)", text))
    assert {each.name for each in SignatureRefusal} - shown == {"REPLAYED"}

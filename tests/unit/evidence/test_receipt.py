"""Receipts: one spelling, the issuer's signature, ids of things and never of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lionrock.evidence.domain import canonical, receipt
from lionrock.evidence.domain.receipt import Receipt
from lionrock.evidence.domain.refusals import EvidenceRefusal
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, sign_jws
from tests.unit.evidence.paper_city import CASE, NOW_S, receipt_id

KEY = generate_key()
GOOD: dict[str, Any] = {
    "id": receipt_id(1), "kind": "payments.payment_settled", "issuer": "bank-harbour",
    "at": "2026-02-20T09:00:00Z", "iat": NOW_S, "references": {"case_id": CASE},
    "digests": {"pacs.002": "ab" * 32}, "about": "",
}  # fmt: skip


def refusal(jws: str) -> EvidenceRefusal | None:
    opened = receipt.open_receipt(jws, [KEY])
    if not isinstance(opened, Refused):
        return None
    assert isinstance(opened.refusal, EvidenceRefusal)
    return opened.refusal


def signed(payload: bytes | dict[str, Any], typ: str = receipt.TYPE) -> str:
    encoded = payload if isinstance(payload, bytes) else canonical.encode(payload)
    return sign_jws(KEY, encoded, typ=typ)


def test_a_receipt_opens_with_its_issuers_key() -> None:
    opened = receipt.open_receipt(signed(GOOD), [generate_key(), KEY])
    assert isinstance(opened, receipt.SignedReceipt)
    assert opened.receipt == Receipt(**GOOD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "rct_1"), ("id", "pay_" + "0" * 32), ("id", "rct_" + "G" * 32), ("id", ""),
        ("kind", ""), ("kind", "payments"), ("kind", "Payments.settled"), ("kind", "a." + "b" * 90),
        ("kind", "payments.settled\n"), ("issuer", ""), ("issuer", "Bank"),
        ("issuer", "bank harbour"),
        ("issuer", "a" * 70), ("at", ""), ("at", "2026-02-20"), ("at", "2026-02-20T09:00:00"),
        ("at", "2026-02-20T09:00:00+00:00"), ("at", "2026-02-30T09:00:00Z"),
        ("at", "2026-2-20T09:00:00Z"), ("references", {"Case": CASE}),
        ("references", {"case_id": ""}),
        ("references", {"case_id": "two words"}), ("references", {"case_id": "x" * 129}),
        ("references", {f"r{i}": CASE for i in range(17)}),
        ("digests", {"doc": "AB" * 32}), ("digests", {"doc": "ab" * 31}),
        ("digests", {"": "ab" * 32}),
        ("digests", {f"d{i}": "ab" * 32 for i in range(33)}), ("about", "x" * 201),
        ("about", "two\nlines"), ("about", "a\u202eb"),
    ],
)  # fmt: skip
def test_a_field_outside_its_form_is_refused_by_name(field: str, value: object) -> None:
    opened = receipt.open_receipt(signed(GOOD | {field: value}), [KEY])
    assert isinstance(opened, Refused)
    assert (opened.refusal, opened.field) == (EvidenceRefusal.RECEIPT_FIELD, field)


@pytest.mark.parametrize(
    "value", ["per_" + "0" * 32, "psn_1", "91234567", "85291234567", "A1234563", "AB1234567"]
)
def test_a_reference_to_a_person_is_refused(value: str) -> None:
    assert not receipt.is_reference(value)
    assert refusal(signed(GOOD | {"references": {"who": value}})) is EvidenceRefusal.RECEIPT_FIELD


@pytest.mark.parametrize("value", [CASE, "nifs", "bank-harbour", "NIFS-2026-001",
"urn:lionrock:x/1"])
def test_a_reference_to_a_thing_is_taken(value: str) -> None:
    assert refusal(signed(GOOD | {"references": {"thing": value}})) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"{" * 5000, canonical.encode(GOOD)[:-1],
        b" " + canonical.encode(GOOD), canonical.encode(GOOD) + b"\n",
        canonical.encode(GOOD).replace(b'"about":""', b'"about":"","about":""'),
        canonical.encode(GOOD).replace(b'"about":""', b'"about": ""'),
        canonical.encode(GOOD).replace(b"bank-harbour", b"bank\\u002dharbour"),
        canonical.encode(GOOD).replace(b'"iat":', b'"iat":1e0,"iat":'),
        canonical.encode(GOOD).replace(str(NOW_S).encode(), b"1.0"),
        canonical.encode(GOOD | {"extra": "member"}), canonical.encode(GOOD | {"iat": -1}),
        canonical.encode(GOOD | {"iat": True}), canonical.encode(GOOD | {"references": {"a": 1}}),
        canonical.encode({k: v for k, v in GOOD.items() if k != "issuer"}),
        canonical.encode({k: v for k, v in GOOD.items() if k != "about"}),
    ],
)  # fmt: skip
def test_a_payload_that_is_not_the_canonical_one_is_refused(payload: bytes) -> None:
    assert refusal(signed(payload)) is EvidenceRefusal.RECEIPT_MALFORMED


def test_another_key_type_or_algorithm_is_refused() -> None:
    assert refusal(signed(GOOD, typ="JWT")) is EvidenceRefusal.RECEIPT_SIGNATURE
    other = sign_jws(generate_key(), canonical.encode(GOOD), typ=receipt.TYPE)
    assert refusal(other) is EvidenceRefusal.RECEIPT_SIGNATURE
    edwards = generate_key("Ed25519")
    opened = receipt.open_receipt(
        sign_jws(edwards, canonical.encode(GOOD), typ=receipt.TYPE), [edwards]
    )
    assert isinstance(opened, Refused)
    assert opened.refusal is EvidenceRefusal.RECEIPT_SIGNATURE


def test_the_unused_bits_of_base64url_are_not_free() -> None:
    jws = signed(GOOD)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(jws[-1])
    for bit in range(4):
        flipped = jws[:-1] + alphabet[last ^ (1 << bit)]
        assert refusal(flipped) is EvidenceRefusal.RECEIPT_MALFORMED
    for spelling in (jws + "=", jws + "\n", " " + jws, jws.replace(".", "..", 1), jws[:-2], ""):
        assert refusal(spelling) is not None


def test_a_receipt_at_the_size_limit_is_read_and_one_larger_is_refused() -> None:
    jws = signed(GOOD)
    too_large = jws + "A" * (receipt.RECEIPT_CHARACTERS_MAX + 1 - len(jws))
    assert refusal(too_large) is EvidenceRefusal.RECEIPT_TOO_LARGE
    assert refusal(too_large[:-1]) is not EvidenceRefusal.RECEIPT_TOO_LARGE
    claimed = receipt.claimed_key_id(too_large)
    assert isinstance(claimed, Refused)
    assert claimed.refusal is EvidenceRefusal.RECEIPT_TOO_LARGE


def test_the_largest_receipt_that_its_fields_allow_fits_the_limit() -> None:
    largest = GOOD | {
        "references": {f"r{'x' * 36}{i:02d}": "v" * 128 for i in range(16)},
        "digests": {f"d{'x' * 61}{i:02d}": "ab" * 32 for i in range(32)},
        "about": "字" * 200,
    }
    assert refusal(signed(largest)) is None


def test_the_key_id_is_found_before_anything_is_checked() -> None:
    assert receipt.claimed_key_id(signed(GOOD)) == KEY.kid
    for broken in ("", "a.b.c", "x" * 100):
        claimed = receipt.claimed_key_id(broken)
        assert isinstance(claimed, Refused)
        assert claimed.refusal is EvidenceRefusal.RECEIPT_MALFORMED


def test_the_entry_hides_the_receipt_behind_its_salt() -> None:
    jws = signed(GOOD)
    entries = {receipt.entry_of(bytes([i]) * 32, jws) for i in range(50)}
    assert len(entries) == 50
    assert all(len(entry) == 32 for entry in entries)


def test_instants_are_written_in_utc_whole_seconds() -> None:
    hong_kong = timezone(timedelta(hours=8))
    at = datetime(2026, 2, 20, 17, 0, 0, 999_999, tzinfo=hong_kong)
    assert receipt.instant(at) == "2026-02-20T09:00:00Z"
    assert receipt.instant(datetime(2026, 2, 20, 9, tzinfo=UTC)) == "2026-02-20T09:00:00Z"


@pytest.mark.parametrize("value", [1.5, None, {"ä": 1}, 2**53, [1.0], {"a": None}])
def test_a_value_without_a_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical"):
        canonical.encode(value)

"""The PDF of a fee's receipt: two languages, text that can be found, the signed receipt itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lionrock.identity.signing.pdf import check_pdf
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, sign_jws, verify_jws
from lionrock.payments.links.documents import render_receipt

KEY = generate_key()


def receipt(**changes: Any) -> str:
    """A signed receipt as the platform makes it."""
    names = {"en": "Licensing Office", "zh-Hant": "牌照處", "zh-Hans": "牌照处"}
    titles = {"en": "Food <b>licence</b> & more", "zh-Hant": "食物牌照", "zh-Hans": "食品牌照"}
    return sign_jws(KEY, {
        "iss": "lionrock", "jti": "int_1", "iat": 1_771_000_000, "service": "food-licence",
        "department": {"id": "licensing-office", "names": names}, "titles": titles,
        "number": "F0123456789ABCDE", "reference": "LIC-7", "payer_reference": "ME-1",
        "amount": "1250.00", "currency": "HKD", "paid_at": "2026-02-20T17:30:00+00:00",
        "payment_id": "pay_" + "1" * 32, "uetr": "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c",
    } | changes, typ="fee-receipt+jwt")  # fmt: skip


def words(pdf: bytes, folder: Path) -> str:
    """The text that a reader's search finds."""
    (folder / "receipt.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-layout", "receipt.pdf", "-"], cwd=folder, capture_output=True, check=True,
        timeout=60,
    )
    assert not done.stderr, done.stderr[:300]
    return done.stdout.decode()


@pytest.mark.interop
@pytest.mark.parametrize(
    ("language", "chinese"),
    [("en", ("收據", "牌照處", "食物牌照", "金額")), ("zh-Hant", ("收據", "牌照處", "數碼指紋")),
     ("zh-Hans", ("收据", "牌照处", "食品牌照", "数字指纹"))],
)  # fmt: skip
def test_a_receipt_is_found_by_its_words_in_both_languages(
    language: str, chinese: tuple[str, ...], tmp_path: Path
) -> None:
    found = words(render_receipt(receipt(), language, "City"), tmp_path)
    for shown in ("Receipt", "Licensing Office", "Food <b>licence</b> & more", "HK$1,250.00",
                  "F0123456789ABCDE", "LIC-7", "ME-1", "21 Feb 2026", "Simulated, for testing",
                  *chinese):  # fmt: skip
        assert shown in found, shown


@pytest.mark.interop
def test_the_signed_receipt_is_on_the_page_and_can_be_checked(tmp_path: Path) -> None:
    jws = receipt()
    found = words(render_receipt(jws, "en", "City"), tmp_path)
    _, _, printed = found.partition("平台公布的密鑰核實。")
    joined = "".join(printed.split())
    assert joined == jws
    assert not isinstance(verify_jws(joined, KEY, typ="fee-receipt+jwt"), Refused)


def test_equal_receipts_are_equal_files() -> None:
    jws = receipt()
    made = render_receipt(jws, "en", "City")
    assert made == render_receipt(jws, "en", "City")
    assert made != render_receipt(jws, "zh-Hans", "City")


@pytest.mark.interop
def test_an_absent_reference_is_not_shown(tmp_path: Path) -> None:
    made = render_receipt(receipt(payer_reference=""), "en", "City")
    assert "payer's" not in words(made, tmp_path)


def test_a_receipt_is_one_page_and_carries_nothing_active() -> None:
    long = {"en": "x" * 100, "zh-Hant": "食" * 100, "zh-Hans": "食" * 100}
    made = render_receipt(receipt(titles=long, reference="R" * 35), "en", "City")
    assert check_pdf(made) is None
    assert made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") == 1

"""Attacks on signed PDFs: flipped bits, added revisions, foreign CAs, swapped signatures.

ISO 32000-2 s12.8, ETSI EN 319 142-1; the published attack classes on PDF signatures (universal
forgery, incremental saving, signature wrapping, shadow documents) by their shape.
"""

from __future__ import annotations

import io
import random
import re

import pytest
from reportlab.pdfgen.canvas import Canvas

from lionrock.identity.signing import SignedPdf, SigningRefusal, validate_pdf
from lionrock.identity.signing.pdf import PDF_BYTES_MAX, check_pdf
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from tests.unit.identity.signing.signing_world import PERSON, SEAL, plain_pdf, signing_for

SEED = 20260220
FLIPS = 250


async def _signed(kernel: Kernel) -> tuple[bytes, bytes, list[str]]:
    """Once signed, twice signed, CA."""
    service, books = signing_for(kernel)
    books.grant()
    pdf = plain_pdf()
    first = await kernel.database.run(
        lambda db: service.sign_pdf(
            db, pdf, PERSON, books.approve(PERSON, pdf), chain="application"
        )
    )
    assert isinstance(first, SignedPdf)
    second = await kernel.database.run(
        lambda db: service.sign_pdf(
            db, first.pdf, SEAL, books.approve(SEAL, first.pdf), chain="application"
        )
    )
    assert isinstance(second, SignedPdf)
    ca = await kernel.database.run(service.ca_certificates)
    return first.pdf, second.pdf, ca


def _all_valid(pdf: bytes, ca: list[str], count: int = 2) -> bool:
    reports = validate_pdf(pdf, ca)
    return len(reports) == count and all(report.is_valid for report in reports)


async def test_any_flipped_bit_breaks_a_signature(kernel: Kernel) -> None:
    _, pdf, ca = await _signed(kernel)
    assert _all_valid(pdf, ca)
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(pdf)), chance.randrange(8)
        changed = bytearray(pdf)
        changed[place] ^= 1 << bit
        assert not _all_valid(bytes(changed), ca), f"byte {place}, bit {bit}"


@pytest.mark.parametrize("broken", [b"-", b".", b"+", b"\x00", b"R"])
async def test_a_number_that_is_none_breaks_a_signature(kernel: Kernel, broken: bytes) -> None:
    """The reader raises decimal.InvalidOperation on "5-5", which is no ValueError."""
    _, pdf, ca = await _signed(kernel)
    numbers = list(re.finditer(rb"(?<=[ \[])\d(?=[\d.]+[ \]])", pdf))
    assert numbers
    for match in numbers[:: max(1, len(numbers) // 12)]:
        changed = bytearray(pdf)
        changed[match.end() : match.end() + 1] = broken
        assert not _all_valid(bytes(changed), ca), match.end()


async def test_bytes_after_the_last_signature_are_noticed(kernel: Kernel) -> None:
    _, pdf, ca = await _signed(kernel)
    for tail in (b"\n", b" ", b"% note\n", b"%%EOF\n"):
        assert not _all_valid(pdf + tail, ca), tail


async def test_added_revision_is_noticed(kernel: Kernel) -> None:
    """Incremental saving: a new page content in an update after both signatures."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    _, pdf, ca = await _signed(kernel)
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page[generic.NameObject("/Rotate")] = generic.NumberObject(180)
    writer.mark_update(writer.root["/Pages"]["/Kids"].raw_get(0).reference)
    output = io.BytesIO()
    writer.write(output)
    assert not _all_valid(output.getvalue(), ca)


async def test_truncated_to_the_first_signature_is_only_the_first(kernel: Kernel) -> None:
    once, twice, ca = await _signed(kernel)
    assert twice.startswith(once)
    assert _all_valid(once, ca, count=1)
    assert not _all_valid(twice[: len(once) + 200], ca)


async def test_other_citys_ca_is_not_trusted(kernel: Kernel) -> None:
    from lionrock.identity.signing.certificates import build_ca, pem
    from lionrock.kernel.jose_keys import generate_key

    _, pdf, _ = await _signed(kernel)
    other = build_ca(generate_key(), kernel.settings.city, kernel.wire_clock.now())
    reports = validate_pdf(pdf, [pem(other)])
    assert [report.is_trusted for report in reports] == [False, False]
    assert all(report.is_intact for report in reports)


async def test_signature_made_by_another_subjects_key_is_not_trusted(kernel: Kernel) -> None:
    """A certificate of the same CA must not state somebody else's id."""
    from lionrock.identity.signing import Statement
    from lionrock.identity.signing import certificates as profile
    from lionrock.identity.signing.domain import SignerKind, sha256_hex
    from lionrock.identity.signing.pdf import add_signature
    from lionrock.kernel.jose_keys import generate_key

    pdf, ca_key, key = plain_pdf(), generate_key(), generate_key()
    now = kernel.wire_clock.now()
    ca = profile.build_ca(ca_key, "X", now)
    certificate = profile.issue(PERSON, key, ca=ca, ca_key=ca_key, now=now)
    statement = Statement(
        kind=SignerKind.COMPANY_SEAL, subject_id=SEAL.company_id, approval_id="apr_" + "0" * 32,
        mandate_id="", document_sha256=sha256_hex(pdf), document_bytes=len(pdf),
    )
    signed = await add_signature(
        pdf, statement, key=key, certificate=certificate, signed_at=now, field_name="x",
        signer_name="x", place="x",
    )
    (report,) = validate_pdf(signed, [profile.pem(ca)])
    assert report.is_intact
    assert not report.is_trusted


async def test_statement_about_other_bytes_is_not_bound(kernel: Kernel) -> None:
    """A shadow document: the hash shown is that of another file than the one signed."""
    from lionrock.identity.signing import Statement
    from lionrock.identity.signing import certificates as profile
    from lionrock.identity.signing.domain import SignerKind
    from lionrock.identity.signing.pdf import add_signature
    from lionrock.kernel.jose_keys import generate_key

    pdf, ca_key, key = plain_pdf(), generate_key(), generate_key()
    now = kernel.wire_clock.now()
    ca = profile.build_ca(ca_key, "X", now)
    certificate = profile.issue(PERSON, key, ca=ca, ca_key=ca_key, now=now)
    statement = Statement(
        kind=SignerKind.PERSON, subject_id=PERSON.person_id, approval_id="apr_" + "0" * 32,
        mandate_id="", document_sha256="00" * 32, document_bytes=len(pdf),
    )
    signed = await add_signature(
        pdf, statement, key=key, certificate=certificate, signed_at=now, field_name="x",
        signer_name="x", place="x",
    )
    (report,) = validate_pdf(signed, [profile.pem(ca)])
    assert report.is_intact
    assert report.is_trusted
    assert not report.is_bound


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.4\n", b"not a pdf", b"%PDF-1.7\n" + b"\xff" * 500, b"%PDF-1.4\n1 0 obj\n<<"],
)
def test_rubbish_is_reported_and_refused_not_raised(content: bytes) -> None:
    reports = validate_pdf(content, [])
    assert [report.is_valid for report in reports] == [False]
    refused = check_pdf(content)
    assert isinstance(refused, Refused)
    assert refused.refusal is SigningRefusal.PDF_MALFORMED


def test_size_limit_holds_at_its_edge() -> None:
    at_max = check_pdf(b"%PDF-" + b" " * (PDF_BYTES_MAX - 5))
    assert isinstance(at_max, Refused)
    assert at_max.refusal is SigningRefusal.PDF_MALFORMED
    above = check_pdf(b"%PDF-" + b" " * (PDF_BYTES_MAX - 4))
    assert isinstance(above, Refused)
    assert above.refusal is SigningRefusal.PDF_TOO_LARGE
    (report,) = validate_pdf(b"%PDF-" + b" " * (PDF_BYTES_MAX - 4), [])
    assert "larger" in report.problem


def test_active_content_is_refused() -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    for name in ("/OpenAction", "/AA"):
        writer = IncrementalPdfFileWriter(io.BytesIO(plain_pdf()))
        action = generic.DictionaryObject(
            {
                generic.NameObject("/S"): generic.NameObject("/JavaScript"),
                generic.NameObject("/JS"): generic.TextStringObject("app.alert(1)"),
            }
        )
        writer.root[generic.NameObject(name)] = action
        writer.update_root()
        output = io.BytesIO()
        writer.write(output)
        refused = check_pdf(output.getvalue())
        assert isinstance(refused, Refused)
        assert refused.refusal is SigningRefusal.PDF_ACTIVE_CONTENT


def test_encrypted_pdf_is_refused() -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption

    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption("", "owner", strength=128))
    canvas.drawString(72, 720, "secret")
    canvas.save()
    refused = check_pdf(buffer.getvalue())
    assert isinstance(refused, Refused)
    assert refused.refusal is SigningRefusal.PDF_ENCRYPTED
    assert not validate_pdf(buffer.getvalue(), [])[0].is_valid


def test_city_name_is_in_the_ca() -> None:
    assert "Sandbox" in Settings().city

"""Signing on a real database and key store; validated by pyHanko, openssl and poppler."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from lionrock.identity.signing import (
    Appearance,
    PersonSigner,
    SignedPdf,
    Signer,
    SignerKind,
    Signing,
    SigningRefusal,
    read_reason,
    validate_pdf,
)
from lionrock.identity.signing.domain import sha256_hex
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.unit.identity.signing.signing_world import (
    ADA,
    BEN,
    OFFICE,
    PERSON,
    SEAL,
    plain_pdf,
    signing_for,
)


async def _sign(
    kernel: Kernel, service: Signing, pdf: bytes, signer: Signer, approval_id: str, chain: str,
    appearance: Appearance | None = None,
) -> SignedPdf | Refused:
    return await kernel.database.run(
        lambda db: service.sign_pdf(
            db, pdf, signer, approval_id, chain=chain, appearance=appearance
        )
    )


async def _application(kernel: Kernel) -> tuple[bytes, list[str], bytes]:
    """An application signed by the person, then sealed; with the CA and the unsigned bytes."""
    service, books = signing_for(kernel)
    books.grant()
    unsigned = plain_pdf()
    first = await _sign(
        kernel, service, unsigned, PERSON, books.approve(PERSON, unsigned), "application"
    )
    assert isinstance(first, SignedPdf), first
    second = await _sign(
        kernel, service, first.pdf, SEAL, books.approve(SEAL, first.pdf), "application"
    )
    assert isinstance(second, SignedPdf), second
    ca = await kernel.database.run(service.ca_certificates)
    return second.pdf, ca, unsigned


def _refusal(result: object) -> SigningRefusal:
    assert isinstance(result, Refused), result
    assert isinstance(result.refusal, SigningRefusal)
    return result.refusal


async def test_person_then_seal_are_both_valid_and_say_what_they_cover(kernel: Kernel) -> None:
    pdf, ca, unsigned = await _application(kernel)
    reports = validate_pdf(pdf, ca)
    assert [report.kind for report in reports] == ["person", "company-seal"]
    assert all(report.is_valid for report in reports), reports
    assert reports[0].document_sha256 == sha256_hex(unsigned)
    assert reports[0].mandate_id == ""
    assert reports[1].mandate_id.startswith("mdt_")
    assert reports[0].signer == "Ada Chan 陳雅達"
    assert reports[0].signed_at == kernel.wire_clock.now()
    assert pdf.startswith(unsigned)


async def test_agreement_is_sealed_by_company_then_office(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant()
    pdf = plain_pdf("An agreement")
    early = await _sign(kernel, service, pdf, OFFICE, books.approve(OFFICE, pdf), "agreement")
    assert _refusal(early) is SigningRefusal.CHAIN_ORDER
    first = await _sign(kernel, service, pdf, SEAL, books.approve(SEAL, pdf), "agreement")
    assert isinstance(first, SignedPdf)
    second = await _sign(
        kernel, service, first.pdf, OFFICE, books.approve(OFFICE, first.pdf, persons=(BEN,)),
        "agreement",
    )
    assert isinstance(second, SignedPdf)
    third = await _sign(
        kernel, service, second.pdf, OFFICE, books.approve(OFFICE, second.pdf), "agreement"
    )
    assert _refusal(third) is SigningRefusal.CHAIN_COMPLETE
    ca = await kernel.database.run(service.ca_certificates)
    assert all(report.is_valid for report in validate_pdf(second.pdf, ca))


@pytest.mark.interop
async def test_openssl_verifies_both_signatures_and_their_chain(
    kernel: Kernel, tmp_path: Path
) -> None:
    pdf, ca, _ = await _application(kernel)
    (tmp_path / "ca.pem").write_text("".join(ca))
    ranges = _byte_ranges(pdf)
    assert len(ranges) == 2
    for a, b, c, d in ranges:
        (tmp_path / "signature.der").write_bytes(bytes.fromhex(pdf[a + b + 1 : c - 1].decode()))
        (tmp_path / "content").write_bytes(pdf[a : a + b] + pdf[c : c + d])
        at = str(int(kernel.wire_clock.now().timestamp()))
        command = [
            "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature.der",
            "-content", "content", "-CAfile", "ca.pem", "-attime", at, "-out", "out",
        ]
        done = _run(command, tmp_path)
        assert done.returncode == 0, done.stderr
        (tmp_path / "content").write_bytes(b"x" + pdf[1:b] + pdf[c : c + d])
        assert _run(command, tmp_path).returncode != 0


@pytest.mark.interop
async def test_poppler_finds_both_signatures_valid(kernel: Kernel, tmp_path: Path) -> None:
    pdf, _, _ = await _application(kernel)
    (tmp_path / "signed.pdf").write_bytes(pdf)
    done = _run(["pdfsig", "-nocert", "signed.pdf"], tmp_path)
    assert done.stdout.count("Signature is Valid.") == 2, done.stdout
    assert done.stdout.count("ETSI.CAdES.detached") == 2
    assert done.stdout.count("Total document signed") == 1


async def test_another_document_than_the_one_shown_is_not_signed(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    shown, other = plain_pdf("Shown"), plain_pdf("Other")
    result = await _sign(kernel, service, other, PERSON, books.approve(PERSON, shown), "single")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_OTHER_DOCUMENT


@pytest.mark.parametrize("state", ["pending", "rejected", "expired"])
async def test_approval_not_given_releases_nothing(kernel: Kernel, state: str) -> None:
    service, books = signing_for(kernel)
    pdf = plain_pdf()
    approval_id = books.approve(PERSON, pdf, state=state)  # type: ignore[arg-type]  # parametrised
    result = await _sign(kernel, service, pdf, PERSON, approval_id, "single")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_MISSING


async def test_unknown_approval_releases_nothing(kernel: Kernel) -> None:
    service, _ = signing_for(kernel)
    result = await _sign(kernel, service, plain_pdf(), PERSON, "apr_" + "0" * 32, "single")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_UNKNOWN


async def test_one_approval_releases_one_signature(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    pdf = plain_pdf()
    approval_id = books.approve(PERSON, pdf)
    assert isinstance(await _sign(kernel, service, pdf, PERSON, approval_id, "single"), SignedPdf)
    again = await _sign(kernel, service, pdf, PERSON, approval_id, "single")
    assert _refusal(again) is SigningRefusal.SIGNING_APPROVAL_USED


async def test_approval_to_sign_does_not_release_the_seal(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant()
    pdf = plain_pdf()
    result = await _sign(kernel, service, pdf, SEAL, books.approve(PERSON, pdf), "agreement")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_OTHER_DEED


async def test_approval_of_another_person_or_company_releases_nothing(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant()
    pdf = plain_pdf()
    ben = PersonSigner(person_id=BEN, name="Ben")
    result = await _sign(kernel, service, pdf, ben, books.approve(PERSON, pdf), "single")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER
    for_company = PersonSigner(person_id=ADA, name="Ada", company_id=SEAL.company_id)
    result = await _sign(kernel, service, pdf, for_company, books.approve(PERSON, pdf), "single")
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER
    result = await _sign(
        kernel, service, pdf, SEAL, books.approve(SEAL, pdf, persons=(BEN,)), "agreement"
    )
    assert _refusal(result) is SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER


async def test_mandate_revoked_between_approval_and_signature_stops_the_seal(
    kernel: Kernel,
) -> None:
    service, books = signing_for(kernel)
    mandate = books.grant()
    pdf = plain_pdf()
    approval_id = books.approve(SEAL, pdf)
    books.revoke(mandate)
    result = await _sign(kernel, service, pdf, SEAL, approval_id, "agreement")
    assert _refusal(result) is SigningRefusal.SIGNING_MANDATE


async def test_joint_mandate_needs_as_many_approvals(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant(ADA, signatures_needed=2)
    pdf = plain_pdf()
    alone = await _sign(kernel, service, pdf, SEAL, books.approve(SEAL, pdf), "agreement")
    assert _refusal(alone) is SigningRefusal.SIGNING_MANDATE_JOINT
    both = books.approve(SEAL, pdf, persons=(ADA, BEN), quorum=2)
    assert isinstance(await _sign(kernel, service, pdf, SEAL, both, "agreement"), SignedPdf)


async def test_person_who_signs_for_a_company_states_the_mandate(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    mandate = books.grant()
    signer = PersonSigner(person_id=ADA, name="Ada", company_id=SEAL.company_id)
    pdf = plain_pdf()
    signed = await _sign(kernel, service, pdf, signer, books.approve(signer, pdf), "single")
    assert isinstance(signed, SignedPdf)
    assert signed.statement.mandate_id == mandate.id
    assert read_reason(signed.statement.reason()) == signed.statement


async def test_document_changed_after_the_first_signature_gets_no_second(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant()
    pdf = plain_pdf()
    first = await _sign(kernel, service, pdf, PERSON, books.approve(PERSON, pdf), "application")
    assert isinstance(first, SignedPdf)
    changed = first.pdf.replace(b"\n%%EOF", b"\n%%EOF\n% more", 1)
    approval_id = books.approve(SEAL, changed)
    result = await _sign(kernel, service, changed, SEAL, approval_id, "application")
    assert _refusal(result) in {SigningRefusal.SIGNATURE_BROKEN, SigningRefusal.PDF_MALFORMED}


async def test_certificate_is_reused_then_renewed_and_old_signatures_stay_valid(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    service, books = signing_for(kernel)
    pdf = plain_pdf()
    one = await _sign(kernel, service, pdf, PERSON, books.approve(PERSON, pdf), "single")
    two = await _sign(kernel, service, pdf, PERSON, books.approve(PERSON, pdf), "single")
    wire_clock.advance(days=705)
    three = await _sign(kernel, service, pdf, PERSON, books.approve(PERSON, pdf), "single")
    assert isinstance(one, SignedPdf)
    assert isinstance(two, SignedPdf)
    assert isinstance(three, SignedPdf)
    assert one.certificate_serial == two.certificate_serial != three.certificate_serial
    ca = await kernel.database.run(service.ca_certificates)
    assert len(ca) == 1
    for signed in (one, two, three):
        assert all(report.is_valid for report in validate_pdf(signed.pdf, ca))


async def test_certificates_say_that_they_are_simulated(kernel: Kernel) -> None:
    service, _ = signing_for(kernel)
    for signer in (PERSON, SEAL, OFFICE):
        text = await kernel.database.run(partial(_certificate, service, signer))
        certificate = x509.load_pem_x509_certificate(text.encode())
        assert "Simulated" in certificate.subject.rfc4514_string()
        assert "Simulated test CA" in certificate.issuer.rfc4514_string()
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.content_commitment
        assert not usage.key_cert_sign


async def _certificate(service: Signing, signer: Signer, db: Connection) -> str:
    return await service.certificate(db, signer)


async def test_visible_signature_is_valid_too(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    pdf = plain_pdf(pages=2)
    box = Appearance(
        page=1, left=72, bottom=100, right=300, top=150, lines=("Signed 100%", "Ada Chan")
    )
    signed = await _sign(
        kernel, service, pdf, PERSON, books.approve(PERSON, pdf), "single", appearance=box
    )
    assert isinstance(signed, SignedPdf)
    ca = await kernel.database.run(service.ca_certificates)
    assert [report.is_valid for report in validate_pdf(signed.pdf, ca)] == [True]


def test_every_kind_of_signer_has_an_approval_and_a_reason_that_reads_back() -> None:
    from lionrock.identity.domain.templates import TEMPLATES
    from lionrock.identity.signing import APPROVAL_KINDS, Statement

    assert set(APPROVAL_KINDS) == set(SignerKind)
    assert set(APPROVAL_KINDS.values()) <= set(TEMPLATES)
    for kind in SignerKind:
        statement = Statement(
            kind=kind, subject_id="prs_" + "0" * 32, approval_id="apr_" + "1" * 32,
            mandate_id="", document_sha256="ab" * 32, document_bytes=10,
        )
        assert read_reason(statement.reason()) == statement
        assert read_reason(statement.reason() + " ") is None


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _byte_ranges(pdf: bytes) -> list[tuple[int, int, int, int]]:
    found = re.findall(rb"/ByteRange ?\[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", pdf)
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in found]

"""The baseline levels B-B to B-LTA, alone and in a chain; checked by pyHanko, openssl, poppler."""

from __future__ import annotations

import io
import random
import subprocess
from pathlib import Path

import pytest
from asn1crypto.crl import CertificateList
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import (
    CertValidationPolicySpec,
    ValidationTimingInfo,
)
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer

from lionrock.identity.signing import (
    Level,
    SignedPdf,
    Signer,
    SignerKind,
    Signing,
    Statement,
    validate_pdf,
)
from lionrock.identity.signing.domain import sha256_hex
from lionrock.identity.signing.levels import Lasting
from lionrock.identity.signing.pdf import add_signature
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from tests.unit.identity.signing.signing_world import (
    PERSON,
    SEAL,
    Books,
    plain_pdf,
    signing_for,
)

LEVELS = list(Level)
SEED = 20260220
FLIPS = 12
# By level: a document is bytes, and so are the certificates it is checked with.
_SIGNED: dict[Level, tuple[bytes, list[str]]] = {}


async def sign(
    kernel: Kernel, service: Signing, books: Books, pdf: bytes, signer: Signer, level: Level
) -> bytes:
    """One more signature of the chain "application"."""
    approval_id = books.approve(signer, pdf)
    signed = await kernel.database.run(
        lambda db: service.sign_pdf(
            db, pdf, signer, approval_id, chain="application", level=level
        )
    )
    assert isinstance(signed, SignedPdf), signed
    return signed.pdf


async def application(kernel: Kernel, level: Level) -> tuple[bytes, list[str]]:
    """An application signed by a person, then sealed, both at one level."""
    service, books = signing_for(kernel)
    books.grant()
    once = await sign(kernel, service, books, plain_pdf(), PERSON, level)
    twice = await sign(kernel, service, books, once, SEAL, level)
    return twice, await kernel.database.run(service.ca_certificates)


async def signed_application(kernel: Kernel, level: Level) -> tuple[bytes, list[str]]:
    """Such an application and the authority's certificates, signed once in this process."""
    if level not in _SIGNED:
        _SIGNED[level] = await application(kernel, level)
    return _SIGNED[level]


@pytest.mark.parametrize("level", LEVELS)
async def test_person_then_seal_are_valid_at_each_level(kernel: Kernel, level: Level) -> None:
    pdf, ca = await application(kernel, level)
    reports = validate_pdf(pdf, ca)
    assert [report.kind for report in reports] == ["person", "company-seal"]
    assert all(report.is_valid for report in reports), reports
    assert [report.level for report in reports] == [level.value] * 2
    if level is not Level.B:
        assert reports[0].timestamped_at == kernel.wire_clock.now()


async def test_pyhanko_finds_the_long_term_signature_valid_after_its_certificates_ended(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    """ETSI EN 319 102-1 s5.6.3 by pyHanko's own process; revocation information is required.

    The authority's own certificate lives on, and its present list is at hand.
    """
    pdf, ca = await application(kernel, Level.LTA)
    service, _ = signing_for(kernel)
    roots = [c for pem in ca for c in load_certs_from_pemder_data(pem.encode())]
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(roots),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    for days in (0, 3 * 365):
        wire_clock.advance(seconds=1, days=days)
        present = await kernel.database.run(service.authority.revocation_list)
        known = LocalKnowledge(known_crls=[CRLContainer(CertificateList.load(present))])
        specification = PdfSignatureValidationSpec(
            SignatureValidationSpec(policy, local_knowledge=known), DEFAULT_DIFF_POLICY
        )
        now = wire_clock.now()
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures:
            result = await ades_lta_validation(
                signature, specification, timing_info=ValidationTimingInfo(now, now, False)
            )
            assert result.ades_subindic == AdESPassed.OK, (days, result.ades_subindic)


@pytest.mark.interop
async def test_openssl_and_poppler_accept_each_level(kernel: Kernel, tmp_path: Path) -> None:
    at = str(int(kernel.wire_clock.now().timestamp()))
    for level in LEVELS:
        pdf, ca = await signed_application(kernel, level)
        (tmp_path / "ca.pem").write_text("".join(ca))
        (tmp_path / "signed.pdf").write_bytes(pdf)
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures:
            a, b, c, d = (int(n) for n in signature.byte_range)
            (tmp_path / "cms").write_bytes(bytes(signature.pkcs7_content))
            (tmp_path / "content").write_bytes(pdf[a : a + b] + pdf[c : c + d])
            done = _run(
                ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content",
                 "content", "-CAfile", "ca.pem", "-attime", at, "-out", "out"], tmp_path,
            )  # fmt: skip
            assert done.returncode == 0, (level, done.stderr)
        shown = _run(["pdfsig", "-nocert", "signed.pdf"], tmp_path)
        # A document time-stamp is a signature to poppler, but not one that it validates.
        assert shown.stdout.count("Signature is Valid.") >= 2, (level, shown.stdout)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


async def test_levels_mix_in_one_chain(kernel: Kernel) -> None:
    service, books = signing_for(kernel)
    books.grant()
    for first, second in ((Level.B, Level.LTA), (Level.LTA, Level.B), (Level.LT, Level.T)):
        once = await sign(kernel, service, books, plain_pdf(), PERSON, first)
        twice = await sign(kernel, service, books, once, SEAL, second)
        reports = validate_pdf(twice, await kernel.database.run(service.ca_certificates))
        assert all(report.is_valid for report in reports), (first, second, reports)


@pytest.mark.parametrize("level", [Level.T, Level.LTA])
async def test_any_flipped_bit_is_noticed_up_to_the_last_time_stamp(
    kernel: Kernel, level: Level
) -> None:
    pdf, ca = await signed_application(kernel, level)
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(pdf)), chance.randrange(8)
        changed = bytearray(pdf)
        changed[place] ^= 1 << bit
        reports = validate_pdf(bytes(changed), ca)
        assert not (len(reports) == 2 and all(r.is_valid for r in reports)), (place, bit)


async def test_certificate_revoked_before_the_time_stamp_is_not_trusted(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    """Somebody with the key of a revoked certificate signs on; the stored list tells."""
    service, _ = signing_for(kernel)
    authority, pdf = service.authority, plain_pdf()

    async def misuse(db: Connection) -> bytes:
        certificate, key = await authority.certificate(db, PERSON)
        await authority.revoke(db, f"{certificate.serial_number:x}", "key_compromise", "operator")
        wire_clock.advance(seconds=10)
        lasting = Lasting(
            level=Level.LT, time_stamper=await authority.time_stamper(db),
            ca=(await authority.ca(db))[0], revocation_list=await authority.revocation_list(db),
        )
        statement = Statement(
            kind=SignerKind.PERSON, subject_id=PERSON.person_id, approval_id="apr_" + "0" * 32,
            mandate_id="", document_sha256=sha256_hex(pdf), document_bytes=len(pdf),
        )
        return await add_signature(
            pdf, statement, key=key, certificate=certificate, signed_at=wire_clock.now(),
            field_name="x", signer_name="x", place="x", lasting=lasting,
        )

    signed = await kernel.database.run(misuse)
    (revoked,) = validate_pdf(signed, await kernel.database.run(service.ca_certificates))
    assert revoked.is_intact
    assert not revoked.is_trusted
    assert "revoked" in revoked.problem


async def test_junk_after_a_long_term_signature_is_noticed(kernel: Kernel) -> None:
    for level in (Level.LT, Level.LTA):
        pdf, ca = await signed_application(kernel, level)
        for junk in (b"% more\n", b"\n1 0 obj\n<<>>\nendobj\n", pdf[-300:]):
            reports = validate_pdf(pdf + junk, ca)
            assert not all(report.is_valid for report in reports), (level, junk)

"""Offline verification composed: the evidence verifier with the PDF check of identity's signing."""

from __future__ import annotations

from lionrock.evidence.api import PdfFinding, Verdict, verify_bundle
from lionrock.identity.api import validate_pdf


def verify_files(bundle: bytes, trust: bytes) -> Verdict:
    """Judge a bundle against trust anchors; pure, with no server and no database."""
    return verify_bundle(bundle, trust, pdf_check=check_pdf)


def check_pdf(document: bytes, ca_certificates: tuple[str, ...]) -> PdfFinding:
    """Say whether every signature of a PDF holds under the given authorities."""
    if not ca_certificates:
        return PdfFinding(ok=False, sentence="the trust file names no certification authority")
    reports = validate_pdf(document, ca_certificates)
    if not reports:
        return PdfFinding(ok=False, sentence="the document is not signed")
    bad = [report for report in reports if not report.is_valid]
    if bad:
        return PdfFinding(ok=False, sentence=f"signature {bad[0].field_name}: {bad[0].problem}")
    signers = " and ".join(report.signer for report in reports)
    return PdfFinding(ok=True, sentence=f"{len(reports)} signatures hold: {signers}")

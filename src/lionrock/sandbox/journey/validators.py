"""Independent validation of signed PDFs: poppler's pdfsig where installed, else openssl.

Neither shares code with what signed. pdfsig checks everything; openssl checks each signature's CMS
over the bytes that its ByteRange names, against the city's authority.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
TIMEOUT_S = 20


class PdfVerdict(msgspec.Struct, frozen=True):
    """What another tool says of a PDF's signatures."""

    tool: str
    count: int
    is_valid: bool
    text: str


def check_pdf(pdf: bytes, trust: bytes) -> PdfVerdict | None:
    """Validate all signatures of a PDF with a tool that is not ours; None without such a tool."""
    with tempfile.TemporaryDirectory(prefix="lionrock-pdf-") as name:
        folder = Path(name)
        (folder / "document.pdf").write_bytes(pdf)
        (folder / "ca.pem").write_text("".join(msgspec.json.decode(trust)["ca_certificates"]))
        if shutil.which("openssl"):
            openssl = _openssl(pdf, folder)
            if shutil.which("pdfsig") and openssl.is_valid:
                return _pdfsig(folder, openssl)
            return openssl
        if shutil.which("pdfsig"):
            return _pdfsig(folder, None)
    return None


def _openssl(pdf: bytes, folder: Path) -> PdfVerdict:
    outputs = []
    is_valid = True
    ranges = list(_BYTE_RANGE.finditer(pdf))
    for match in ranges:
        start, length, again, rest = (int(group) for group in match.groups())
        (folder / "content").write_bytes(pdf[start : start + length] + pdf[again : again + rest])
        hexadecimal = pdf[start + length : again].strip().strip(b"<>")
        (folder / "cms.der").write_bytes(_without_padding(bytes.fromhex(hexadecimal.decode())))
        result = subprocess.run(
            ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "cms.der",
             "-content", "content", "-CAfile", "ca.pem", "-purpose", "any", "-out", "/dev/null"],
            cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        is_valid = is_valid and result.returncode == 0
        outputs.append(result.stderr.strip())
    return PdfVerdict("openssl cms", len(ranges), is_valid and bool(ranges), "; ".join(outputs))


def _pdfsig(folder: Path, openssl: PdfVerdict | None) -> PdfVerdict:
    result = subprocess.run(
        ["pdfsig", "-nocert", "document.pdf"], cwd=folder, capture_output=True, text=True,
        check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    valid = result.stdout.count("Signature is Valid")
    count = result.stdout.count("Signature #")
    tool = "pdfsig and openssl cms" if openssl else "pdfsig"
    return PdfVerdict(tool, count, valid == count and count > 0, result.stdout + result.stderr)


def _without_padding(der: bytes) -> bytes:
    """Cut the zero bytes after the outer DER element (the hole in the PDF is larger)."""
    first = der[1]
    if first < 0x80:
        return der[: 2 + first]
    size = first & 0x7F
    return der[: 2 + size + int.from_bytes(der[2 : 2 + size], "big")]

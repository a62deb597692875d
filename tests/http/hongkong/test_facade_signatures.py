"""Signatures of a facade as openssl sees them: the key asked for, certified by the city's CA."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lionrock.kernel.context import Kernel
from tests.http.hongkong.facade_city import FacadeCity, open_facade
from tests.http.hongkong.facade_client import FacadeCaller

DIGEST = bytes(range(32))


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """Both wires on, one service."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened


async def signed(facade: FacadeCity, caller: FacadeCaller, algorithm: str) -> dict[str, str]:
    """What a signature without log-in brings."""
    fields = {
        "businessID": f"deed-{algorithm}", "source": "PC_Browser", "state": "act-1",
        "redirectURI": facade.service.redirect_uri, "sigAlgo": algorithm,
        "hashCode": base64.b64encode(DIGEST).decode(), "documentName": "Deed",
    }  # fmt: skip
    ticket = (await caller.call("/anonymous/signing/initiateRequest", fields)).content["ticketID"]
    page = await facade.open_in_browser(caller.qr_url(ticketID=ticket, state="act-1"))
    await facade.approve("carmen", page.number, "approve")
    fetch = {"businessID": fields["businessID"], "ticketID": ticket}
    answer = await caller.call("/anonymous/signing/getResult", fetch)
    assert answer.code == "D00000", answer
    return dict(answer.content)


def openssl(*arguments: str) -> str:
    """Run openssl; its words, whichever way it goes."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.interop
async def test_each_algorithm_gives_its_own_kind_of_signature(
    facade: FacadeCity, tmp_path: Path
) -> None:
    caller = FacadeCaller(facade)
    await caller.get_key()
    roots = await facade.city.kernel.database.run(facade.signing.ca_certificates)
    (tmp_path / "ca.pem").write_text("".join(roots))
    (tmp_path / "digest").write_bytes(DIGEST)
    serials = set()
    for algorithm, kind in (
        ("SHA256withRSA", "(3072 bit)"), ("SHA256withECDSA", "(256 bit)"),
        ("NONEwithECDSA", "(256 bit)"),
    ):  # fmt: skip
        result = await signed(facade, caller, algorithm)
        certificate = x509.load_der_x509_certificate(base64.b64decode(result["cert"]))
        serials.add(certificate.serial_number)
        (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        public = certificate.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        (tmp_path / "key.pem").write_bytes(public)
        (tmp_path / "signature").write_bytes(base64.b64decode(result["signature"]))
        shown = openssl("x509", "-in", str(tmp_path / "cert.pem"), "-noout", "-text")
        assert kind in shown, algorithm
        chain = openssl(
            "verify", "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "cert.pem")
        )
        assert chain.strip().endswith("OK"), chain
        verified = openssl(
            "pkeyutl", "-verify", "-pubin", "-inkey", str(tmp_path / "key.pem"),
            "-in", str(tmp_path / "digest"), "-sigfile", str(tmp_path / "signature"),
            "-pkeyopt", "digest:sha256",
        )  # fmt: skip
        assert "Verified Successfully" in verified, verified
        assert result["sigAlgo"] == algorithm
    assert len(serials) == 2, "one certificate for each kind of key, used again"

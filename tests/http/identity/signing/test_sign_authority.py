"""The city's CA and time-stamp authority over HTTP, checked by openssl and cryptography."""

from __future__ import annotations

import hashlib
import subprocess
from functools import partial
from pathlib import Path

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from lionrock.identity.signing.authority import TIME_STAMP_PATH
from lionrock.identity.signing.domain import PersonSigner, SigningRefusal
from lionrock.identity.signing.timestamps import POLICY, REQUEST_BYTES_MAX
from lionrock.kernel.errors import Refused
from tests.http.identity.signing.conftest import SigningCity

QUERY = {"content-type": "application/timestamp-query"}
ADA = PersonSigner(person_id="prs_" + "a" * 32, name="Ada")


def openssl(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run openssl."""
    return subprocess.run(
        ["openssl", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


async def stamp(city: SigningCity, request: bytes) -> bytes:
    """What the authority answers."""
    async with city.http() as http:
        answer = await http.post(TIME_STAMP_PATH, content=request, headers=QUERY)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/timestamp-reply"
    return answer.content


async def fetch(city: SigningCity, path: str) -> bytes:
    """What is published at a path."""
    async with city.http() as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    return answer.content


def question(digest: bytes = b"\1" * 32, algorithm: str = "sha256", **more: object) -> bytes:
    """A TimeStampReq."""
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    given = {"version": "v1", "message_imprint": imprint, "cert_req": True} | more
    return bytes(tsp.TimeStampReq(given).dump())


@pytest.mark.interop
async def test_openssl_verifies_a_time_stamp_and_notices_another_document(
    signing_city: SigningCity, tmp_path: Path
) -> None:
    (tmp_path / "document").write_bytes(b"what existed")
    (tmp_path / "other").write_bytes(b"what did not")
    made = openssl("ts", "-query", "-data", "document", "-sha256", "-cert", "-out", "q.tsq",
                   cwd=tmp_path)  # fmt: skip
    assert made.returncode == 0, made.stderr
    reply = await stamp(signing_city, (tmp_path / "q.tsq").read_bytes())
    (tmp_path / "r.tsr").write_bytes(reply)
    ca = await signing_city.city.kernel.database.run(signing_city.signing.ca_certificates)
    (tmp_path / "ca.pem").write_text("".join(ca))
    at = str(int(signing_city.city.wire_clock.now().timestamp()))
    verify = ("ts", "-verify", "-in", "r.tsr", "-CAfile", "ca.pem", "-attime", at)
    by_query = openssl(*verify, "-queryfile", "q.tsq", cwd=tmp_path)
    assert by_query.returncode == 0, by_query.stderr
    assert openssl(*verify, "-data", "document", cwd=tmp_path).returncode == 0
    assert openssl(*verify, "-data", "other", cwd=tmp_path).returncode != 0
    shown = openssl("ts", "-reply", "-in", "r.tsr", "-text", cwd=tmp_path).stdout
    assert f"Policy OID: {POLICY}" in shown
    assert "Accuracy: 0x01 seconds" in shown


async def test_nonce_comes_back_and_no_serial_number_comes_twice(
    signing_city: SigningCity,
) -> None:
    serials = set()
    for nonce in (7, 2**160 - 1, None):
        request = question() if nonce is None else question(nonce=nonce)
        reply = tsp.TimeStampResp.load(await stamp(signing_city, request))
        content = reply["time_stamp_token"]["content"]
        info = content["encap_content_info"]["content"].parsed.native
        assert info["nonce"] == nonce
        assert info["gen_time"] == signing_city.city.wire_clock.now()
        serials.add(info["serial_number"])
    assert len(serials) == 3


async def test_certificate_travels_only_when_asked_for(signing_city: SigningCity) -> None:
    for wanted in (True, False):
        reply = tsp.TimeStampResp.load(await stamp(signing_city, question(cert_req=wanted)))
        content = reply["time_stamp_token"]["content"]
        assert bool(content["certificates"].native) is wanted


async def test_time_stampers_certificate_has_one_purpose_and_it_is_critical(
    signing_city: SigningCity,
) -> None:
    maker = await signing_city.city.kernel.database.run(
        signing_city.signing.authority.time_stamper
    )
    extension = maker.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert extension.critical
    assert list(extension.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


@pytest.mark.parametrize(
    ("request_bytes", "failure"),
    [
        (b"", "bad_data_format"),
        (b"not DER at all", "bad_data_format"),
        (question() + b"\0", "bad_data_format"),
        (question()[:-1], "bad_data_format"),
        (b"\x30\x80" * 1_000, "bad_data_format"),
        (question(b"\1" * 31), "bad_data_format"),
        (question(b"\1" * 20, "sha1"), "bad_alg"),
        (question(b"\1" * 16, "md5"), "bad_alg"),
        (question(version=2), "bad_request"),
        (question(nonce=2**300), "bad_request"),
        (question(req_policy="1.2.3.4"), "unaccepted_policy"),
        (question(extensions=[{"extn_id": "1.2.3.4", "extn_value": b"x"}]),
         "unaccepted_extensions"),
        (b"\x30" * (REQUEST_BYTES_MAX + 1), "bad_request"),
    ],
)  # fmt: skip
async def test_request_that_is_not_exactly_understood_gets_a_reason_and_no_token(
    signing_city: SigningCity, request_bytes: bytes, failure: str
) -> None:
    raw = await stamp(signing_city, request_bytes)
    status = tsp.PKIStatusInfo.load(raw[2:] if raw[1] < 0x80 else raw[3:])
    assert status["status"].native == "rejection"
    assert status["fail_info"].native == {failure}


async def test_other_media_type_is_not_taken(signing_city: SigningCity) -> None:
    async with signing_city.http() as http:
        answer = await http.post(TIME_STAMP_PATH, content=question(),
                                 headers={"content-type": "application/json"})  # fmt: skip
    assert answer.status_code == 415


@pytest.mark.interop
async def test_revoked_certificate_is_on_the_list_and_openssl_refuses_it(
    signing_city: SigningCity, tmp_path: Path
) -> None:
    run = signing_city.city.kernel.database.run
    pem = await run(lambda db: signing_city.signing.certificate(db, ADA))
    certificate = x509.load_pem_x509_certificate(pem.encode())
    serial = f"{certificate.serial_number:x}"
    (tmp_path / "ada.pem").write_text(pem)
    ca = await run(signing_city.signing.ca_certificates)
    (tmp_path / "ca.pem").write_text("".join(ca))
    point = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = point[0].full_name
    assert names is not None
    path = str(names[0].value).removeprefix("http://platform.test")
    at = str(int(signing_city.city.wire_clock.now().timestamp()))

    async def check() -> int:
        listed = x509.load_der_x509_crl(await fetch(signing_city, path))
        (tmp_path / "crl.pem").write_bytes(listed.public_bytes(Encoding.PEM))
        done = openssl("verify", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "-crl_check",
                       "-attime", at, "ada.pem", cwd=tmp_path)  # fmt: skip
        return done.returncode

    assert await check() == 0
    authority = signing_city.signing.authority
    revoke = partial(authority.revoke, serial=serial, reason="key_compromise", revoked_by="op")
    first = await run(revoke)
    signing_city.city.wire_clock.advance(seconds=5)
    assert await run(revoke) == first, "the first instant stands"
    assert await check() != 0
    unknown = await run(
        lambda db: authority.revoke(db, "abc", "key_compromise", "op")
    )
    assert isinstance(unknown, Refused)
    assert unknown.refusal is SigningRefusal.CERTIFICATE_UNKNOWN
    again = x509.load_pem_x509_certificate(
        (await run(lambda db: signing_city.signing.certificate(db, ADA))).encode()
    )
    assert again.public_key() != certificate.public_key(), "a revoked key is never certified again"


async def test_responder_says_good_then_revoked_and_nothing_of_strangers(
    signing_city: SigningCity,
) -> None:
    run = signing_city.city.kernel.database.run
    pem = await run(lambda db: signing_city.signing.certificate(db, ADA))
    certificate = x509.load_pem_x509_certificate(pem.encode())
    (ca_pem,) = await run(signing_city.signing.ca_certificates)
    ca = x509.load_pem_x509_certificate(ca_pem.encode())

    async def ask(content: bytes) -> ocsp.OCSPResponse:
        async with signing_city.http() as http:
            answer = await http.post("/identity/ca/v1/ocsp", content=content,
                                     headers={"content-type": "application/ocsp-request"})  # fmt: skip
        return ocsp.load_der_ocsp_response(answer.content)

    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, ca, hashes.SHA256())
    request = builder.build().public_bytes(Encoding.DER)
    good = await ask(request)
    assert good.certificate_status is ocsp.OCSPCertStatus.GOOD
    authority = signing_city.signing.authority
    serial = f"{certificate.serial_number:x}"
    await run(lambda db: authority.revoke(db, serial, "superseded", "op"))
    assert (await ask(request)).certificate_status is ocsp.OCSPCertStatus.REVOKED
    never = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        good.issuer_name_hash, good.issuer_key_hash, 4711, hashes.SHA256()
    )
    stranger = await ask(never.build().public_bytes(Encoding.DER))
    assert stranger.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    other = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        hashlib.sha256(b"x").digest(), hashlib.sha256(b"y").digest(), 4711, hashes.SHA256()
    )
    for content in (b"", b"junk", other.build().public_bytes(Encoding.DER)):
        answer = await ask(content)
        assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST

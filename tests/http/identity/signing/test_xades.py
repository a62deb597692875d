"""XML documents: signed through remote signing, checked by verification, attacked in between."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from lxml import etree
from signxml import CanonicalizationMethod
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from lionrock.identity.signing.verification.domain import VerificationRefusal
from lionrock.identity.signing.xades import XML_BYTES_MAX, check_xml
from lionrock.kernel.errors import Refused
from tests.http.identity.signing.conftest import SigningCity
from tests.http.identity.signing.csc_client import SigningClient, client_of
from tests.http.identity.signing.test_csc import code
from tests.http.identity.signing.test_verification import post, verified

INVOICE = b'<invoice xmlns="urn:test:invoice"><payee>Harbour</payee><total>5</total></invoice>'
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture
async def client(signing_city: SigningCity) -> SigningClient:
    """A client of remote signing."""
    return await client_of(signing_city)


async def signed(client: SigningClient, level: str = "Ades-B-B", prefix: str = "person.") -> bytes:
    """The invoice, signed by Ada or sealed for her company."""
    token = await client.signing_token()
    if prefix == "seal.":
        token = await client.company_token(token)
    credential, sad = await client.authorized_documents(token, {"invoice.xml": INVOICE}, prefix)
    answer = await client.sign_doc(token, credential, sad, [INVOICE], level, "X")
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["DocumentWithSignature"][0])


@pytest.mark.parametrize("level", ["Ades-B-B", "Ades-B-T"])
async def test_signed_invoice_is_valid_at_its_level_and_binds_the_company(
    signing_city: SigningCity, client: SigningClient, level: str
) -> None:
    xml = await signed(client, level, "seal.")
    verdict = await verified(signing_city, xml)
    assert (verdict["is_valid"], verdict["format"]) == (True, "xml"), verdict
    (signature,) = verdict["signatures"]
    assert signature["level"] == level.removeprefix("Ades-")
    assert signature["kind"] == "company-seal"
    assert signature["approval_id"].startswith("apr_")
    assert signature["entitlement"]["is_entitled"]


async def test_signxml_itself_accepts_what_we_sign(client: SigningClient) -> None:
    xml = await signed(client)
    root = etree.fromstring(xml)
    text = root.findtext(f".//{DS}X509Certificate") or ""
    certificate = x509.load_der_x509_certificate(base64.b64decode(text))
    results = XAdESVerifier().verify(
        xml, x509_cert=certificate,
        expect_config=XAdESSignatureConfiguration(
            expect_references=3,
            default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_1,
        ),
    )
    assert any(result.signed_data == INVOICE for result in results)


def xmlsec1(city: SigningCity, ca: str, xml: bytes, folder: Path) -> int:
    """What another implementation's own tool says of a signature: 0 when it verifies."""
    (folder / "ca.pem").write_text(ca)
    (folder / "signed.xml").write_bytes(xml)
    at = city.city.wire_clock.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    done = subprocess.run(
        ["xmlsec1", "--verify", "--trusted-pem", "ca.pem", "--verification-time", at,
         "--enabled-key-data", "x509", "--id-attr:Id", "SignedProperties",
         "--id-attr:Id", "KeyInfo", "signed.xml"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stderr)
    return done.returncode


@pytest.mark.interop
@pytest.mark.parametrize("level", ["Ades-B-B", "Ades-B-T"])
async def test_xmlsec1_accepts_what_we_sign_and_notices_a_changed_amount(
    signing_city: SigningCity, client: SigningClient, tmp_path: Path, level: str
) -> None:
    xml = await signed(client, level)
    (ca,) = await client.city.kernel.database.run(signing_city.signing.ca_certificates)
    assert xmlsec1(signing_city, ca, xml, tmp_path) == 0
    for changed in (
        xml.replace(b"<total>5</total>", b"<total>6</total>"),
        re.sub(rb"(SigningTime>)\d{4}", rb"\g<1>2001", xml, count=1),
    ):
        assert changed != xml
        assert xmlsec1(signing_city, ca, changed, tmp_path) != 0


def _replace(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(xml: bytes) -> bytes:
        assert old in xml
        return xml.replace(old, new, 1)

    return change


def _wrap(xml: bytes) -> bytes:
    """Signature wrapping: the signed invoice moves inside, another one stands outside."""
    inner: Any = etree.fromstring(xml)
    signature = inner.find(f"{DS}Signature")
    outer: Any = etree.fromstring(INVOICE.replace(b">5<", b">5000<"))
    holder = etree.SubElement(outer, "holder")
    inner.remove(signature)
    holder.append(inner)
    outer.append(signature)
    return bytes(etree.tostring(outer))


def _bury(xml: bytes) -> bytes:
    """The signature goes one level down."""
    root: Any = etree.fromstring(xml)
    signature = root.find(f"{DS}Signature")
    root.remove(signature)
    root[0].append(signature)
    return bytes(etree.tostring(root))


def _twice(xml: bytes) -> bytes:
    """A second copy of the signature."""
    root: Any = etree.fromstring(xml)
    root.append(etree.fromstring(etree.tostring(root.find(f"{DS}Signature"))))
    return bytes(etree.tostring(root))


def _stow(xml: bytes) -> bytes:
    """Something hidden inside the signature, where no reference covers it."""
    root: Any = etree.fromstring(xml)
    holder = etree.SubElement(root.find(f"{DS}Signature"), f"{DS}Object")
    holder.append(etree.fromstring(INVOICE.replace(b">5<", b">5000<")))
    return bytes(etree.tostring(root))


@pytest.mark.parametrize(
    ("attack", "problem"),
    [
        (_replace(b"<total>5<", b"<total>5000<"), "changed"),
        (_replace(b"<payee>", b"<payee a='b'>"), "changed"),
        (_replace(b"</payee>", b"</payee> "), "changed"),
        (_replace(b"SigningTime>2026-02-20", b"SigningTime>2025-02-20"), "changed"),
        (_wrap, "changed"),
        (_bury, "structure"),
        (_twice, "structure"),
        (_stow, "structure"),
    ],
)
async def test_changed_or_wrapped_document_is_not_valid(
    signing_city: SigningCity, client: SigningClient, attack: Callable[[bytes], bytes],
    problem: str,
) -> None:
    verdict = await verified(signing_city, attack(await signed(client)))
    assert not verdict["is_valid"]
    (signature,) = verdict["signatures"]
    assert problem in signature["problems"]
    assert signature["entitlement"] is None


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'
)
HOSTILE = [
    BOMB,
    b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
    b"<?hidden instruction?><a/>",
    b"<a/><!-- after -->",
    b"<a><b></a>",
    b"<" + b"a" * 100,
    BOMB.decode().encode("utf-16"),
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
async def test_document_types_entities_and_what_stands_outside_are_refused(
    signing_city: SigningCity, content: bytes
) -> None:
    assert isinstance(check_xml(content), Refused)
    answer = await post(signing_city, content)
    assert answer.status_code == 422
    assert answer.json()["code"] in {
        VerificationRefusal.MALFORMED.value, VerificationRefusal.NOT_A_DOCUMENT.value,
    }


async def test_xml_that_must_not_be_signed_says_why(client: SigningClient) -> None:
    token = await client.signing_token()
    for content, level in ((BOMB, "Ades-B-B"), (INVOICE, "Ades-B-LT"), (b"<a>", "Ades-B-B")):
        credential, sad = await client.authorized_documents(token, {"a.xml": content})
        answer = await client.sign_doc(token, credential, sad, [content], level, "X")
        assert code(answer) == "identity.csc_document_refused"


async def test_signed_xml_is_not_signed_again(client: SigningClient) -> None:
    assert isinstance(check_xml(await signed(client)), Refused)
    assert isinstance(check_xml(b"<a>" + b" " * XML_BYTES_MAX + b"</a>"), Refused)
    assert check_xml(INVOICE) is None


async def test_unsigned_xml_is_not_valid(signing_city: SigningCity) -> None:
    verdict = await verified(signing_city, INVOICE)
    assert (verdict["is_valid"], verdict["signatures"]) == (False, [])

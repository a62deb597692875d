"""XAdES signatures of XML documents: one, enveloped, over the whole document; B-B and B-T.

Signing and checking with signxml; what surrounds it is stricter than the standard asks: no DTD, so
no entities; exactly one signature, a child of the root; and the bytes that the signature covers are
compared with the document without its signature, so that nothing can be wrapped around or beside
what was signed. Not for: who may sign (csc/), levels LT and LTA of XML.

Source: ETSI EN 319 132-1 (XAdES baseline B-B, B-T), W3C XML Signature 1.1 s4.4 and s8.1,
Canonical XML 1.1.
Invariant: what is signed is the parsed document; comments and processing instructions outside the
root are not, and documents that hold any are refused.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from asn1crypto.cms import ContentInfo
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    InvalidInput,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.xades import XAdESSignatureConfiguration, XAdESSigner, XAdESVerifier

from lionrock.identity.signing.certificates import pem
from lionrock.identity.signing.domain import SigningRefusal
from lionrock.identity.signing.timestamps import TimeStampMaker
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import Key

XML_BYTES_MAX = 1024 * 1024
_DS = "http://www.w3.org/2000/09/xmldsig#"
_XADES = "http://uri.etsi.org/01903/v1.3.2#"
_SIGNATURE = f"{{{_DS}}}Signature"
# The method that a reference without transforms means (XML Signature 1.1 s4.4.3.2).
_C14N = CanonicalizationMethod.CANONICAL_XML_1_1
# The document and the signed properties; signxml adds the key information as the third.
_REFERENCES = 3
_UNREADABLE = (SignXMLException, InvalidInput, etree.LxmlError, ValueError, TypeError, KeyError,
               IndexError, AttributeError)  # fmt: skip


class SignedXml(msgspec.Struct, frozen=True, kw_only=True):
    """A signed document and the SHA-256 (hex) of its canonical SignedInfo: what the key signed."""

    xml: bytes
    signed_hash: str


class XmlFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What checking an XML signature gave; `problems` are stable words."""

    certificate: x509.Certificate | None
    signed_at: datetime | None
    timestamped_at: datetime | None
    signed_hash: str
    is_trusted: bool
    is_revoked: bool
    problems: tuple[str, ...]


class _Signer(XAdESSigner):  # type: ignore[misc]  # signxml is not followed by mypy here
    """signxml's signer with the kernel's time instead of the operating system's."""

    def __init__(self, signed_at: datetime) -> None:
        super().__init__(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=SignatureMethod.ECDSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256, c14n_algorithm=_C14N,
        )  # fmt: skip
        self._signed_at = signed_at

    def add_signing_time(self, properties: Any, sig_root: Any, signing_settings: Any) -> None:
        """State the signing time."""
        stated = etree.SubElement(properties, f"{{{_XADES}}}SigningTime", nsmap=self.namespaces)
        stated.text = self._signed_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_xml(content: bytes) -> Any | Refused:
    """Parse an XML document for signing or checking; PDF_TOO_LARGE, XML_MALFORMED, XML_ACTIVE.

    Refused with a DTD (entities, default attributes) or anything outside the root element.
    """
    if len(content) > XML_BYTES_MAX:
        return Refused(SigningRefusal.PDF_TOO_LARGE, f"At most {XML_BYTES_MAX} bytes are taken.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser=parser)
    except (etree.LxmlError, ValueError) as error:
        return Refused(SigningRefusal.XML_MALFORMED, str(error)[:200])
    about: Any = root.getroottree().docinfo
    if about.doctype or about.internalDTD is not None:
        return Refused(SigningRefusal.XML_ACTIVE, "It has a document type definition.")
    if root.getprevious() is not None or root.getnext() is not None:
        return Refused(SigningRefusal.XML_ACTIVE, "Something stands outside the root element.")
    return root


def check_xml(content: bytes) -> Refused | None:
    """Refuse what must not be signed: as read_xml, and what holds a signature already."""
    root = read_xml(content)
    if isinstance(root, Refused):
        return root
    if next(root.iter(_SIGNATURE), None) is not None:
        return Refused(SigningRefusal.SIGNATURES_TOO_MANY, "It holds a signature.")
    return None


def sign_xml(
    content: bytes,
    *,
    key: Key,
    certificate: x509.Certificate,
    signed_at: datetime,
    time_stamper: TimeStampMaker | None = None,
) -> SignedXml:
    """Return the document with an enveloped signature; with a time-stamper at level B-T.

    `content` has passed check_xml.
    """
    root = read_xml(content)
    assert not isinstance(root, Refused), "the document was checked"
    assert isinstance(key.private, ec.EllipticCurvePrivateKey), "signers hold P-256 pairs"
    signed = _Signer(signed_at).sign(
        root, key=key.private, cert=pem(certificate).decode(), always_add_key_value=False
    )
    signature = signed.find(_SIGNATURE)
    if time_stamper is not None:
        _add_time_stamp(signature, time_stamper)
    xml = etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
    # What the key signed is read from the bytes handed out, as a verifier will read it.
    return SignedXml(xml=xml, signed_hash=_signed_hash(etree.fromstring(xml).find(_SIGNATURE)))


async def check_signed_xml(
    content: bytes, roots: Sequence[Any], lists: Sequence[Any], now: datetime
) -> XmlFinding | Refused | None:
    """Check a document's signature; None when it has none. `roots` and `lists` are asn1crypto's."""
    root = read_xml(content)
    if isinstance(root, Refused):
        return root
    held = list(root.iter(_SIGNATURE))
    if not held:
        return None
    signature = held[0]
    if len(held) != 1 or signature.getparent() is not root or not _is_plain(signature):
        return _broken("structure")
    try:
        certificate = _certificate_in(signature)
        problems = _problems(content, root, signature, certificate)
        signed_at = _signing_time(signature)
        stamped_at = await _time_stamp(signature, roots, lists)
    except _UNREADABLE:
        return _broken("changed")
    if stamped_at is None and _stamps(signature):
        problems.append("changed")
    moment = stamped_at or signed_at or now
    trusted, revoked = await _trust(certificate, roots, lists, moment)
    if revoked:
        problems.append("revoked")
    elif not trusted:
        problems.append("not_trusted")
    return XmlFinding(
        certificate=certificate, signed_at=signed_at, timestamped_at=stamped_at,
        signed_hash=_signed_hash(signature), is_trusted=trusted, is_revoked=revoked,
        problems=tuple(problems),
    )  # fmt: skip


def _problems(
    content: bytes, root: Any, signature: Any, certificate: x509.Certificate
) -> list[str]:
    """Verify the signature, and that it covers the document and nothing else (XMLDSig s8.1)."""
    configuration = XAdESSignatureConfiguration(
        require_x509=True, location="./", expect_references=_REFERENCES,
        default_reference_c14n_method=_C14N,
        signature_methods=frozenset({SignatureMethod.ECDSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )  # fmt: skip
    try:
        results = XAdESVerifier().verify(
            content, x509_cert=certificate, expect_config=configuration
        )
    except _UNREADABLE:
        return ["changed"]
    bare = etree.fromstring(etree.tostring(root))
    inner = bare.find(_SIGNATURE)
    assert inner is not None, "the caller found it"
    before, tail = inner.getprevious(), inner.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        bare.text = (bare.text or "") + tail
    bare.remove(inner)
    expected = etree.tostring(bare, method="c14n", with_comments=False)
    return [] if any(r.signed_data == expected for r in results) else ["structure"]


def _add_time_stamp(signature: Any, maker: TimeStampMaker) -> None:
    """Add SignatureTimeStamp over the canonical SignatureValue (ETSI EN 319 132-1 s5.3)."""
    canonical = _canonical(signature.find(f"{{{_DS}}}SignatureValue"))
    token = maker.stamp(hashlib.sha256(canonical).digest(), "sha256")
    qualifying = signature.find(f".//{{{_XADES}}}QualifyingProperties")
    unsigned = etree.SubElement(qualifying, f"{{{_XADES}}}UnsignedProperties")
    held = etree.SubElement(unsigned, f"{{{_XADES}}}UnsignedSignatureProperties")
    stamp = etree.SubElement(held, f"{{{_XADES}}}SignatureTimeStamp")
    method = etree.SubElement(stamp, f"{{{_DS}}}CanonicalizationMethod")
    method.set("Algorithm", _C14N.value)
    encapsulated = etree.SubElement(stamp, f"{{{_XADES}}}EncapsulatedTimeStamp")
    encapsulated.text = base64.b64encode(token).decode()


async def _time_stamp(
    signature: Any, roots: Sequence[Any], lists: Sequence[Any]
) -> datetime | None:
    """Return the time of a valid signature time-stamp; None when there is none or it is not."""
    found = _stamps(signature)
    if len(found) != 1:
        return None
    token = ContentInfo.load(base64.b64decode(found[0].text or "", validate=True))
    stated: datetime = token["content"]["encap_content_info"]["content"].parsed["gen_time"].native
    context = ValidationContext(
        trust_roots=list(roots), crls=list(lists), allow_fetching=False, moment=stated,
        retroactive_revinfo=True,
    )  # fmt: skip
    canonical = _canonical(signature.find(f"{{{_DS}}}SignatureValue"))
    found_out = await validate_tst_signed_data(
        token["content"], context, lambda algorithm: hashlib.new(algorithm, canonical).digest()
    )
    status = TimestampSignatureStatus(**found_out)
    return stated if status.intact and status.valid and status.trusted else None


async def _trust(
    certificate: x509.Certificate, roots: Sequence[Any], lists: Sequence[Any], moment: datetime
) -> tuple[bool, bool]:
    """Say whether a certificate was trusted at a moment, and whether it had been revoked."""
    context = ValidationContext(
        trust_roots=list(roots), crls=list(lists), allow_fetching=False, moment=moment,
        retroactive_revinfo=True,
    )  # fmt: skip
    loaded = Certificate.load(_der(certificate))
    try:
        await CertificateValidator(loaded, validation_context=context).async_validate_usage(
            {"non_repudiation"}
        )
    except RevokedError:
        return False, True
    except (PathBuildingError, PathValidationError, ValidationError):
        return False, False
    return True, False


def _stamps(signature: Any) -> list[Any]:
    return list(signature.iter(f"{{{_XADES}}}EncapsulatedTimeStamp"))


def _is_plain(signature: Any) -> bool:
    """Say whether the signature holds its own parts only: what it carries besides is not covered.

    So nothing can hide in it that a careless reader of the document would find.
    """
    parts = [child.tag for child in signature]
    names = ("SignedInfo", "SignatureValue", "KeyInfo", "Object")
    if parts != [f"{{{_DS}}}{name}" for name in names]:
        return False
    held = list(signature[3])
    if [child.tag for child in held] != [f"{{{_XADES}}}QualifyingProperties"]:
        return False
    wanted = [f"{{{_XADES}}}SignedProperties", f"{{{_XADES}}}UnsignedProperties"]
    return [child.tag for child in held[0]] in (wanted[:1], wanted)


def _certificate_in(signature: Any) -> x509.Certificate:
    text = signature.findtext(f"{{{_DS}}}KeyInfo/{{{_DS}}}X509Data/{{{_DS}}}X509Certificate")
    return x509.load_der_x509_certificate(base64.b64decode("".join((text or "").split())))


def _signing_time(signature: Any) -> datetime | None:
    text = signature.findtext(f".//{{{_XADES}}}SigningTime")
    if not text:
        return None
    stated = datetime.fromisoformat(text)
    return stated if stated.tzinfo is not None else None


def _signed_hash(signature: Any) -> str:
    return hashlib.sha256(_canonical(signature.find(f"{{{_DS}}}SignedInfo"))).hexdigest()


def _canonical(element: Any) -> bytes:
    canonical: bytes = etree.tostring(element, method="c14n", with_comments=False)
    return canonical


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _broken(problem: str) -> XmlFinding:
    return XmlFinding(
        certificate=None, signed_at=None, timestamped_at=None, signed_hash="", is_trusted=False,
        is_revoked=False, problems=(problem,),
    )  # fmt: skip

"""The city's certification authority for signatures: simulated, and named so in every certificate.

One self-signed root per city issues end-entity certificates to persons, company seals and office
seals. Names say "simulated" so that nobody takes one for a recognised certificate (Cap. 553).
The root also certifies the city's time-stamp authority. Not for: TLS; the lists of revoked
certificates (revocation.py).

Source: RFC 5280 (profile), RFC 9336 (document signing purpose), ETSI EN 319 412-3
(organizationIdentifier of legal persons).
Invariants: the CA may not have CAs below it; an end entity may not issue; non-repudiation is set.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from lionrock.identity.signing.domain import (
    CompanySealSigner,
    PersonSigner,
    Signer,
)
from lionrock.kernel.jose_keys import Key

CA_DAYS = 3_650
CERTIFICATE_DAYS = 730
TIME_STAMPER_DAYS = 1_825
# A new certificate is issued this long before the old one ends.
RENEWAL_DAYS = 30
NAME_LENGTH_MAX = 64  # ub-common-name, RFC 5280 appendix A.1
RSA_BITS_MIN = 3072
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # id-kp-documentSigning
_BACKDATED = timedelta(minutes=5)  # clocks of verifiers may be a little behind ours


class RevocationPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """The public addresses of the CA's list, its responder (OCSP) and its own certificate."""

    list_url: str
    responder_url: str
    ca_url: str


def build_ca(key: Key, city: str, now: datetime) -> x509.Certificate:
    """Return a self-signed root for a city; `key` is a private P-256 key, `now` wire time."""
    assert isinstance(key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    assert now.tzinfo is not None, "instants are timezone-aware"
    name = _name(
        country="HK",
        organisation=f"{city} (simulated)",
        common=f"Simulated test CA, {city}",
    )
    public = key.private.public_key()
    builder = _builder(name, name, public, now, CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(is_ca=True), critical=True)
    return builder.sign(key.private, hashes.SHA256())


def issue(
    signer: Signer,
    subject_key: Key,
    *,
    ca: x509.Certificate,
    ca_key: Key,
    now: datetime,
    places: RevocationPlaces | None = None,
) -> x509.Certificate:
    """Return an end-entity certificate for a signer's public key, valid CERTIFICATE_DAYS.

    `places` says in the certificate where its revocation is published. The key is P-256, or RSA of
    RSA_BITS_MIN or more.
    """
    assert isinstance(ca_key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    public = subject_key.public
    assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey), "P-256 or RSA keys"
    if isinstance(public, rsa.RSAPublicKey):
        assert public.key_size >= RSA_BITS_MIN, "RSA as strong as P-256"
    builder = _builder(_subject(signer), ca.subject, public, now, CERTIFICATE_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(is_ca=False), critical=True)
    builder = builder.add_extension(
        # E-mail protection beside document signing: openssl and NSS know only the older purpose.
        x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
        critical=False,
    )
    return _certify(builder, ca_key, places)


def issue_time_stamper(
    subject_key: Key,
    city: str,
    *,
    ca: x509.Certificate,
    ca_key: Key,
    now: datetime,
    places: RevocationPlaces | None = None,
) -> x509.Certificate:
    """Return the time-stamp authority's certificate (RFC 3161 s2.3: one purpose, critical)."""
    assert isinstance(subject_key.public, ec.EllipticCurvePublicKey), "the authority's P-256 key"
    name = _name(
        country="HK", organisation=f"{city} (simulated)",
        common=f"Simulated time-stamp authority, {city}",
    )  # fmt: skip
    builder = _builder(name, ca.subject, subject_key.public, now, TIME_STAMPER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(is_ca=False), critical=True)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
    )
    return _certify(builder, ca_key, places)


def _certify(
    builder: x509.CertificateBuilder, ca_key: Key, places: RevocationPlaces | None
) -> x509.Certificate:
    """Add who issued it and where its revocation is published, and sign."""
    assert isinstance(ca_key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.private.public_key()),
        critical=False,
    )
    if places is not None:
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(places.list_url)], None, None, None
        )
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        access = [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
            for method, url in (
                (AuthorityInformationAccessOID.OCSP, places.responder_url),
                (AuthorityInformationAccessOID.CA_ISSUERS, places.ca_url),
            )
        ]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return builder.sign(ca_key.private, hashes.SHA256())


def is_usable(certificate: x509.Certificate, key: Key, now: datetime) -> bool:
    """Say whether a certificate fits the key and lasts beyond the renewal period."""
    if now < certificate.not_valid_before_utc:
        return False
    is_lasting = now + timedelta(days=RENEWAL_DAYS) < certificate.not_valid_after_utc
    return is_lasting and certificate.public_key() == key.public


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def serial_hex(certificate: x509.Certificate) -> str:
    """Return the serial number in lower-case hexadecimal."""
    return f"{certificate.serial_number:x}"


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    starts = now.replace(microsecond=0) - _BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(signer: Signer) -> x509.Name:
    """Persons are named by id beside their name; no identity number goes into a certificate."""
    if isinstance(signer, PersonSigner):
        return _name(country="HK", common=signer.name, subject_id=signer.person_id)
    if isinstance(signer, CompanySealSigner):
        return _name(
            country="HK", organisation=signer.name, identifier=f"NTRHK-{signer.business_number}",
            common=f"Seal of {signer.name}", subject_id=signer.company_id,
        )  # fmt: skip
    return _name(
        country="HK", organisation=signer.name, common=f"Seal of {signer.name}",
        subject_id=signer.organisation_id,
    )  # fmt: skip


def _name(
    *, country: str, common: str, organisation: str = "", identifier: str = "", subject_id: str = ""
) -> x509.Name:
    parts = [(NameOID.COUNTRY_NAME, country)]
    if organisation:
        parts.append((NameOID.ORGANIZATION_NAME, organisation[:NAME_LENGTH_MAX]))
    if identifier:
        parts.append((NameOID.ORGANIZATION_IDENTIFIER, identifier))
    parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, "Simulated identity, for testing only"))
    parts.append((NameOID.COMMON_NAME, common[:NAME_LENGTH_MAX]))
    if subject_id:
        parts.append((NameOID.USER_ID, subject_id))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])

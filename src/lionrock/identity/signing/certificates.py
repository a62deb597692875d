"""The city's certification authority for signatures: simulated, and named so in every certificate.

One self-signed root per city issues end-entity certificates to persons, company seals and office
seals. Names say "simulated" so that nobody takes one for a recognised certificate (Cap. 553).
Not for: TLS, revocation lists (certificates are short-lived; a lost key is replaced), time-stamps.

Source: RFC 5280 (profile), RFC 9336 (document signing purpose), ETSI EN 319 412-3
(organizationIdentifier of legal persons).
Invariants: the CA may not have CAs below it; an end entity may not issue; non-repudiation is set.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lionrock.identity.signing.domain import (
    CompanySealSigner,
    PersonSigner,
    Signer,
)
from lionrock.kernel.jose_keys import Key

CA_DAYS = 3_650
CERTIFICATE_DAYS = 730
# A new certificate is issued this long before the old one ends.
RENEWAL_DAYS = 30
NAME_LENGTH_MAX = 64  # ub-common-name, RFC 5280 appendix A.1
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # id-kp-documentSigning
_BACKDATED = timedelta(minutes=5)  # clocks of verifiers may be a little behind ours


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
    signer: Signer, subject_key: Key, *, ca: x509.Certificate, ca_key: Key, now: datetime
) -> x509.Certificate:
    """Return an end-entity certificate for a signer's public key, valid CERTIFICATE_DAYS."""
    assert isinstance(ca_key.private, ec.EllipticCurvePrivateKey), "the CA key is a P-256 pair"
    assert isinstance(subject_key.public, ec.EllipticCurvePublicKey), "signers hold P-256 keys"
    builder = _builder(_subject(signer), ca.subject, subject_key.public, now, CERTIFICATE_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(is_ca=False), critical=True)
    builder = builder.add_extension(
        # E-mail protection beside document signing: openssl and NSS know only the older purpose.
        x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
        critical=False,
    )
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.private.public_key()),
        critical=False,
    )
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
    public: ec.EllipticCurvePublicKey,
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

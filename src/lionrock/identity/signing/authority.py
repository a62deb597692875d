"""The city's certification and time-stamp authority as use cases: issue, revoke, publish, stamp.

Keys are made on first use and stay where the port keeps them (keys.py); certificates are rows. All
functions work in the caller's transaction. Simulated: every certificate says so.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from cryptography import x509

from lionrock.identity.signing import certificates, revocation, store
from lionrock.identity.signing.certificates import RevocationPlaces
from lionrock.identity.signing.domain import Signer, SignerKind, SigningRefusal, kind_of, subject_of
from lionrock.identity.signing.keys import SigningKeyKind, SigningKeys
from lionrock.identity.signing.revocation import Revoked
from lionrock.identity.signing.timestamps import TimeStampMaker
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import Key

CA_KEY = "identity/signing/ca"
CA_ID = "ca-1"
TIME_STAMPER_KEY = "identity/signing/tsa"
TIME_STAMPER_ID = "tsa-1"
CA_PATH = "/identity/ca/v1/ca.cer"
LIST_PATH = "/identity/ca/v1/revoked.crl"
RESPONDER_PATH = "/identity/ca/v1/ocsp"
TIME_STAMP_PATH = "/identity/tsa/v1"


class Authority:
    """The CA and the time-stamp authority of one city."""

    def __init__(self, kernel: Kernel, keys: SigningKeys) -> None:
        self._kernel = kernel
        self._keys = keys
        base = kernel.settings.public_url.rstrip("/")
        self._places = RevocationPlaces(
            list_url=base + LIST_PATH, responder_url=base + RESPONDER_PATH, ca_url=base + CA_PATH
        )

    async def ca(self, db: Connection) -> tuple[x509.Certificate, Key]:
        """Return the city's CA, made on first use; of two makers at once the first one stands."""
        pem = await store.authority(db, CA_ID)
        if pem is None:
            # A token cannot keep two makers from making two keys of one name; the lock can.
            await store.lock_name(db, CA_KEY)
            pem = await store.authority(db, CA_ID)
        key = self._keys.get_or_create(CA_KEY)
        if pem is None:
            now = self._kernel.wire_clock.now()
            made = certificates.build_ca(key, self._kernel.settings.city, now)
            pem = await store.save_authority(db, CA_ID, certificates.pem(made).decode(), now)
        ca = x509.load_pem_x509_certificate(pem.encode())
        assert ca.public_key() == key.public, "the key store and the database are of one city"
        return ca, key

    async def roots(self, db: Connection) -> list[str]:
        """Return the city's CA certificates as PEM, made on first use."""
        await self.ca(db)
        return await store.authorities(db)

    async def certificate(
        self, db: Connection, signer: Signer, key_kind: SigningKeyKind = "ES256"
    ) -> tuple[x509.Certificate, Key]:
        """Return a signer's current certificate and key; issue or renew when there is none fit.

        A signer has one for each kind of key that was asked for. A revoked certificate's key is
        never certified again: the next one gets a key of its own.
        """
        kind, subject_id = kind_of(signer), subject_of(signer)
        found = await self._usable(db, kind, subject_id, key_kind)
        if found is not None:
            return found
        await store.lock_subject(db, kind, subject_id)
        found = await self._usable(db, kind, subject_id, key_kind)
        if found is not None:
            return found
        key = await self._key(db, kind, subject_id, key_kind)
        ca, ca_key = await self.ca(db)
        now = self._kernel.wire_clock.now()
        issued = certificates.issue(
            signer, key, ca=ca, ca_key=ca_key, now=now, places=self._places
        )
        await store.save_certificate(
            db,
            store.CertificateRow(
                serial=certificates.serial_hex(issued), kind=kind, subject_id=subject_id,
                certificate=certificates.pem(issued).decode(),
                not_before=issued.not_valid_before_utc, not_after=issued.not_valid_after_utc,
                key_kind=key_kind,
            ),
        )  # fmt: skip
        return issued, key

    async def revoke(
        self, db: Connection, serial: str, reason: str, revoked_by: str
    ) -> Revoked | Refused:
        """Revoke a certificate as of now; it signs nothing any more. CERTIFICATE_UNKNOWN.

        Revoking again changes nothing: the first instant stands.
        """
        assert reason in revocation.REASONS, "the reasons are a closed list"
        row = Revoked(
            serial=serial, revoked_at=self._kernel.wire_clock.now().replace(microsecond=0),
            reason=reason,
        )  # fmt: skip
        if await store.certificate(db, serial) is None:
            return Refused(SigningRefusal.CERTIFICATE_UNKNOWN)
        return await store.save_revocation(db, row, revoked_by)

    async def revoke_known(
        self, db: Connection, serial: str, reason: str, revoked_by: str
    ) -> bool:
        """As `revoke`, for the operators: False when this CA never issued the certificate."""
        return not isinstance(await self.revoke(db, serial, reason, revoked_by), Refused)

    async def revocation_list(self, db: Connection) -> bytes:
        """Return the list of revoked certificates (CRL) as DER, made now."""
        ca, ca_key = await self.ca(db)
        return revocation.build_list(
            await store.revocations(db), ca=ca, ca_key=ca_key, now=self._kernel.wire_clock.now()
        )

    async def answer_status(self, db: Connection, request: bytes) -> bytes:
        """Answer an OCSP request (DER) about one certificate of this CA."""
        ca, ca_key = await self.ca(db)
        serial = revocation.read_question(request, ca)
        if serial is None:
            return revocation.malformed_answer()
        pem = await store.certificate(db, serial)
        if pem is None:
            return revocation.unauthorized_answer()
        return revocation.build_answer(
            x509.load_pem_x509_certificate(pem.encode()), await store.revocation_of(db, serial),
            ca=ca, ca_key=ca_key, now=self._kernel.wire_clock.now(),
        )  # fmt: skip

    async def time_stamper(self, db: Connection) -> TimeStampMaker:
        """Return the time-stamp authority as of now; certified on first use and renewed in time."""
        now = self._kernel.wire_clock.now()
        pem = await store.time_stamper(db, TIME_STAMPER_ID)
        if pem is None:
            await store.lock_name(db, TIME_STAMPER_KEY)
            pem = await store.time_stamper(db, TIME_STAMPER_ID)
        key = self._keys.get_or_create(TIME_STAMPER_KEY)
        if pem is not None:
            held = x509.load_pem_x509_certificate(pem.encode())
            if certificates.is_usable(held, key, now):
                return TimeStampMaker(key=key, certificate=held, now=now)
        ca, ca_key = await self.ca(db)
        made = certificates.issue_time_stamper(
            key, self._kernel.settings.city, ca=ca, ca_key=ca_key, now=now, places=self._places
        )
        await store.save_time_stamper(
            db, TIME_STAMPER_ID, certificates.pem(made).decode(), now
        )
        return TimeStampMaker(key=key, certificate=made, now=now)

    async def _usable(
        self, db: Connection, kind: SignerKind, subject_id: str, key_kind: SigningKeyKind
    ) -> tuple[x509.Certificate, Key] | None:
        row = await store.current_certificate(db, kind, subject_id, key_kind)
        if row is None or await store.revocation_of(db, row.serial) is not None:
            return None
        key = await self._key(db, kind, subject_id, key_kind)
        found = x509.load_pem_x509_certificate(row.certificate.encode())
        now: datetime = self._kernel.wire_clock.now()
        return (found, key) if certificates.is_usable(found, key, now) else None

    async def _key(
        self, db: Connection, kind: SignerKind, subject_id: str, key_kind: SigningKeyKind
    ) -> Key:
        """The subject's key: a new one for each certificate of theirs that was revoked."""
        revoked = await store.count_revoked(db, kind, subject_id, key_kind)
        generation = f"/{revoked + 1}" if revoked else ""
        name = f"identity/signing/{kind.value}/{subject_id}{generation}"
        if key_kind == "ES256":
            return self._keys.get_or_create(name)
        name = f"{name}/{key_kind.lower()}"
        # Primes are looked for beside the event loop; meanwhile others are served.
        return await asyncio.to_thread(self._keys.get_or_create, name, key_kind)

"""Remote signing as use cases, each in the caller's transaction.

The order of a signature: authorize (ask the phone) -> authorize_check (activation data, once the
answer is yes) -> sign_hashes or sign_documents. Approval, mandate and binding are checked again at
the moment of signing: revocation bites at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from lionrock.identity.domain.approvals import Approval
from lionrock.identity.domain.grants import Principal, secret_hash
from lionrock.identity.service.assurance import stands
from lionrock.identity.service.identity import Identity
from lionrock.identity.signing import certificates
from lionrock.identity.signing.csc import store
from lionrock.identity.signing.csc.domain import (
    COLLECTION_LIFE_S,
    SAD_LIFE_S,
    Authorization,
    AuthorizedHash,
    CscRefusal,
    Digest,
    approval_request,
    check_labels,
    choose_hashes,
    credential_ids,
)
from lionrock.identity.signing.domain import (
    SEAL_SCOPE,
    CompanySealSigner,
    Level,
    PersonSigner,
    Signer,
    SignerKind,
    Statement,
    kind_of,
    sha256_hex,
    subject_of,
)
from lionrock.identity.signing.keys import SigningKeyKind
from lionrock.identity.signing.service import Signing
from lionrock.identity.signing.xades import check_xml, sign_xml
from lionrock.identity.store import clients as client_store
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose_keys import Key


class Started(msgspec.Struct, frozen=True):
    """An authorization that waits for the phone; `number` is what the page must show."""

    authorization: Authorization
    approval: Approval


class Sent(msgspec.Struct, frozen=True):
    """A document to be signed; XML gets XAdES at B-B or B-T, anything else is taken for a PDF."""

    content: bytes
    level: Level
    is_xml: bool = False


class Granted(msgspec.Struct, frozen=True):
    """Activation data, and for how many seconds it may be used."""

    sad: str
    expires_in_s: int


class RemoteSigning:
    """Authorizations and signatures for clients that act with a person's token."""

    def __init__(self, kernel: Kernel, signing: Signing, identity: Identity) -> None:
        self._kernel = kernel
        self._signing = signing
        self._identity = identity

    async def signer(
        self, db: Connection, principal: Principal, credential_id: str
    ) -> Signer | Refused:
        """Return whose key a credential is: the person's own, or the seal of the token's company.

        CREDENTIAL_UNKNOWN when the token's bearer has no such credential.
        """
        kind = credential_ids(principal).get(credential_id)
        if kind is None:
            return Refused(CscRefusal.CREDENTIAL_UNKNOWN, field="credentialID")
        if kind is SignerKind.PERSON:
            person = await self._identity.person(db, principal.actor_person_id)
            assert not isinstance(person, Refused), "a live token's person exists"
            return PersonSigner(person_id=person.id, name=person.names.en)
        assert principal.company_id is not None, "the seal is of the token's company"
        company = await self._identity.company(db, principal.company_id)
        assert not isinstance(company, Refused), "a mandate's company exists"
        return CompanySealSigner(
            company_id=company.id, name=company.names.en,
            business_number=company.business_number, officer_id=principal.actor_person_id,
        )  # fmt: skip

    async def authorize(
        self,
        db: Connection,
        principal: Principal,
        signer: Signer,
        digests: Sequence[Digest],
        *,
        is_of_documents: bool,
        language: str,
    ) -> Started | Refused:
        """Ask the phone (for a seal: the officers' phones) to release these hashes.

        LABELS, MANDATE (seal), NOT_ASKED with the reason when the phone cannot be asked.
        """
        unfit = check_labels(digests)
        if unfit is not None:
            return unfit
        asked = await self._whom_to_ask(db, principal, signer)
        if isinstance(asked, Refused):
            return asked
        person_ids, quorum = asked
        handle = self._kernel.ids.new("sau")
        client = await client_store.client(db, principal.client_id)
        assert client is not None, "a live token's client is active"
        approval = await self._identity.request_approval(
            db,
            approval_request(
                signer, digests, is_of_documents=is_of_documents,
                service=client.names.in_language(language), person_ids=person_ids, quorum=quorum,
                language=language, requester_org=client.organisation_id, reference=handle,
            ),
        )  # fmt: skip
        if isinstance(approval, Refused):
            return Refused(CscRefusal.NOT_ASKED, approval.refusal.value)
        authorization = Authorization(
            id=handle, approval_id=approval.id, client_id=principal.client_id,
            person_id=principal.actor_person_id, company_id=principal.company_id,
            kind=kind_of(signer), subject_id=subject_of(signer), is_of_documents=is_of_documents,
            created_at=self._kernel.wire_clock.now(),
        )  # fmt: skip
        await store.insert_authorization(db, authorization, digests)
        return Started(authorization, approval)

    async def check(
        self, db: Connection, principal: Principal, handle: str
    ) -> Started | Granted | Refused:
        """Return activation data once the answer is yes; Started while it is awaited.

        Asked again, it gives fresh activation data and the older stops working; its end does not
        move. HANDLE_UNKNOWN, DENIED, EXPIRED.
        """
        found = await store.lock_by_handle(
            db, handle, principal.client_id, principal.actor_person_id
        )
        if found is None or found.company_id != principal.company_id:
            return Refused(CscRefusal.HANDLE_UNKNOWN, field="handle")
        approval = await self._identity.approval(db, found.approval_id)
        assert not isinstance(approval, Refused), "an authorization has its approval"
        state = approval.state_at(self._kernel.business_clock.now())
        now = self._kernel.wire_clock.now()
        if state == "pending":
            return Started(found, approval)
        if state == "rejected" or (state == "approved" and not await stands(db, approval)):
            return Refused(CscRefusal.DENIED)
        is_late = now >= found.created_at + timedelta(seconds=COLLECTION_LIFE_S)
        if state == "expired" or (found.sad_expires_at is None and is_late):
            return Refused(CscRefusal.EXPIRED)
        ends = found.sad_expires_at or now + timedelta(seconds=SAD_LIFE_S)
        if now >= ends:
            return Refused(CscRefusal.EXPIRED)
        sad = secrets.token(32)
        await store.save_sad(db, found.id, secret_hash(sad), ends)
        return Granted(sad, int((ends - now).total_seconds()))

    async def sign_hashes(
        self,
        db: Connection,
        principal: Principal,
        signer: Signer,
        sad: str,
        values: Sequence[bytes],
        key_kind: SigningKeyKind = "ES256",
    ) -> list[bytes] | Refused:
        """Sign authorized values: signatures in their order, all or none.

        ECDSA in DER, or with "RSA-3072" PKCS #1 v1.5 (RFC 8017 s8.2), for wires that ask for it.
        SAD_UNKNOWN, SAD_EXPIRED, OTHER_PURPOSE, HASH_NOT_AUTHORIZED, HASH_SIGNED, MANDATE.
        """
        released = await self._release(db, principal, signer, sad, values, is_of_documents=False)
        if isinstance(released, Refused):
            return released
        found, rows, mandate_id = released
        # From here the values must be signed.
        certificate, key = await self._signing.authority.certificate(db, signer, key_kind)
        signatures = [_signature(key, row.hash) for row in rows]
        serial = certificates.serial_hex(certificate)
        await store.save_releases(
            db, found.id, [self._made(row, serial, mandate_id, row.hash) for row in rows]
        )
        return signatures

    async def sign_documents(
        self,
        db: Connection,
        principal: Principal,
        signer: Signer,
        sad: str,
        documents: Sequence[Sent],
    ) -> list[bytes] | Refused:
        """Sign authorized documents at the level asked for each; all or none.

        As sign_hashes; DOCUMENT_REFUSED names why a document cannot be signed.
        """
        for sent in documents:
            unfit = await self._check_document(db, sent)
            if unfit is not None:
                detail = f"{unfit.refusal.value} {unfit.detail}".strip()
                return Refused(CscRefusal.DOCUMENT_REFUSED, detail, "documents")
        values = [bytes.fromhex(sha256_hex(sent.content)) for sent in documents]
        released = await self._release(db, principal, signer, sad, values, is_of_documents=True)
        if isinstance(released, Refused):
            return released
        found, rows, mandate_id = released
        # From here the documents must be signed.
        results: list[bytes] = []
        made: list[store.Release] = []
        for row, sent in zip(rows, documents, strict=True):
            if sent.is_xml:
                result, release = await self._sign_xml(db, signer, sent, row, mandate_id)
            else:
                result, release = await self._sign_pdf(db, signer, sent, row, mandate_id, found)
            results.append(result)
            made.append(release)
        await store.save_releases(db, found.id, made)
        return results

    async def _check_document(self, db: Connection, sent: Sent) -> Refused | None:
        if not sent.is_xml:
            return await self._signing.check_document(db, sent.content)
        if sent.level not in (Level.B, Level.T):
            return Refused(CscRefusal.FORMAT, "XML is signed at B-B or B-T.")
        return check_xml(sent.content)

    async def _sign_pdf(
        self,
        db: Connection,
        signer: Signer,
        sent: Sent,
        row: AuthorizedHash,
        mandate_id: str,
        found: Authorization,
    ) -> tuple[bytes, store.Release]:
        statement = Statement(
            kind=found.kind, subject_id=found.subject_id, approval_id=found.approval_id,
            mandate_id=mandate_id, document_sha256=row.hash.hex(),
            document_bytes=len(sent.content),
        )  # fmt: skip
        signed = await self._signing.sign_released(
            db, sent.content, signer, statement, sent.level
        )
        made = self._made(row, signed.certificate_serial, mandate_id, row.hash)
        return signed.pdf, made

    async def _sign_xml(
        self, db: Connection, signer: Signer, sent: Sent, row: AuthorizedHash, mandate_id: str
    ) -> tuple[bytes, store.Release]:
        authority = self._signing.authority
        certificate, key = await authority.certificate(db, signer)
        is_timed = sent.level is Level.T
        signed = sign_xml(
            sent.content, key=key, certificate=certificate,
            signed_at=self._kernel.wire_clock.now().replace(microsecond=0),
            time_stamper=await authority.time_stamper(db) if is_timed else None,
        )  # fmt: skip
        serial = certificates.serial_hex(certificate)
        made = self._made(row, serial, mandate_id, bytes.fromhex(signed.signed_hash))
        return signed.xml, made

    async def _release(
        self,
        db: Connection,
        principal: Principal,
        signer: Signer,
        sad: str,
        values: Sequence[bytes],
        *,
        is_of_documents: bool,
    ) -> tuple[Authorization, list[AuthorizedHash], str] | Refused:
        """Check that activation data frees these values now; the mandate's id comes with them."""
        found = await store.lock_by_sad(
            db, secret_hash(sad), principal.client_id, principal.actor_person_id
        )
        if found is None or found.company_id != principal.company_id:
            return Refused(CscRefusal.SAD_UNKNOWN, field="SAD")
        if (found.kind, found.subject_id) != (kind_of(signer), subject_of(signer)):
            return Refused(CscRefusal.SAD_UNKNOWN, field="SAD")
        if found.sad_expires_at is None or self._kernel.wire_clock.now() >= found.sad_expires_at:
            return Refused(CscRefusal.SAD_EXPIRED, field="SAD")
        if found.is_of_documents is not is_of_documents:
            return Refused(CscRefusal.OTHER_PURPOSE)
        approval = await self._identity.approval(db, found.approval_id)
        assert not isinstance(approval, Refused), "an authorization has its approval"
        assert approval.state == "approved", "activation data is given after approval only"
        if not await stands(db, approval):
            return Refused(CscRefusal.DENIED)
        mandate_id = await self._mandate(db, signer, approval)
        if isinstance(mandate_id, Refused):
            return mandate_id
        rows = choose_hashes(await store.authorized_hashes(db, found.id), values)
        return rows if isinstance(rows, Refused) else (found, rows, mandate_id)

    async def _mandate(
        self, db: Connection, signer: Signer, approval: Approval
    ) -> str | Refused:
        if not isinstance(signer, CompanySealSigner):
            return ""
        mandate = await self._identity.mandate(
            db, signer.officer_id, signer.company_id, SEAL_SCOPE
        )
        if isinstance(mandate, Refused):
            return Refused(CscRefusal.MANDATE, mandate.refusal.value)
        if mandate.signatures_needed > approval.quorum:
            return Refused(CscRefusal.MANDATE, f"{mandate.signatures_needed} must approve.")
        return mandate.id

    async def _whom_to_ask(
        self, db: Connection, principal: Principal, signer: Signer
    ) -> tuple[tuple[str, ...], int] | Refused:
        """The person alone, or as many officers as a joint mandate needs."""
        own = principal.actor_person_id
        if not isinstance(signer, CompanySealSigner):
            return (own,), 1
        mandate = await self._identity.mandate(db, own, signer.company_id, SEAL_SCOPE)
        if isinstance(mandate, Refused):
            return Refused(CscRefusal.MANDATE, mandate.refusal.value)
        if not mandate.is_joint:
            return (own,), 1
        held = await self._identity.officers(db, signer.company_id, SEAL_SCOPE)
        others = sorted({m.person_id for m in held} - {own})
        if len(others) + 1 < mandate.signatures_needed:
            return Refused(CscRefusal.MANDATE, f"{mandate.signatures_needed} officers are needed.")
        return (own, *others), mandate.signatures_needed

    def _made(
        self, row: AuthorizedHash, serial: str, mandate_id: str, signed_hash: bytes
    ) -> store.Release:
        return store.Release(
            position=row.position, serial=serial, mandate_id=mandate_id, signed_hash=signed_hash,
            signed_at=self._kernel.wire_clock.now().replace(microsecond=0),
            released_at=self._kernel.business_clock.now(),
        )  # fmt: skip


def _signature(key: Key, digest: bytes) -> bytes:
    """Sign a SHA-256 as it is with a signer's key."""
    algorithm = Prehashed(hashes.SHA256())
    if isinstance(key.private, rsa.RSAPrivateKey):
        return key.private.sign(digest, padding.PKCS1v15(), algorithm)
    assert isinstance(key.private, ec.EllipticCurvePrivateKey), "signers hold P-256 or RSA pairs"
    return key.private.sign(digest, ec.ECDSA(algorithm))

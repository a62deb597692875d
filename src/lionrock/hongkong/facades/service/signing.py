"""Signatures over a service's digests, by identity's remote signing and nothing else.

The key signs only what an approval released (SCAL2): the phone shows the digest in full (of several
the ends of each) and the documents' names, quoted. Who asks for RSA gets PKCS #1 v1.5 under an RSA
certificate, who asks for ECDSA gets it under the P-256 one.
Source: RFC 8017 s8.2; facts of the wire styles on `sigAlgo`.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from lionrock.hongkong.facades.domain import SIGN_ALGORITHMS, Asked, Request, read_digest
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.identity.api import (
    Granted,
    HashDigest,
    Identity,
    Principal,
    RemoteSigning,
    Signing,
    check_labels,
    credential_ids,
)
from lionrock.identity.api import SignerKind as Kind
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused


class Signatures:
    """Asking for and making signatures, each in the caller's transaction."""

    def __init__(self, kernel: Kernel, identity: Identity, signing: Signing) -> None:
        self._kernel = kernel
        self._identity = identity
        self._signing = signing
        self._remote = RemoteSigning(kernel, signing, identity)

    async def authorize(
        self, db: Connection, principal: Principal, asked: Asked, *, is_seal: bool
    ) -> tuple[str, str] | Refused:
        """Ask the phone to release digests; returns handle and approval. NO_SEAL, NOT_ASKED."""
        credential = _credential(principal, is_seal=is_seal)
        if credential is None:
            return Refused(FacadeRefusal.NO_SEAL)
        signer = await self._remote.signer(db, principal, credential)
        labelled = read_documents(asked)
        if isinstance(signer, Refused) or isinstance(labelled, Refused):
            return labelled if isinstance(labelled, Refused) else Refused(FacadeRefusal.NO_SEAL)
        started = await self._remote.authorize(
            db, principal, signer, labelled, is_of_documents=False, language=asked.language
        )
        if isinstance(started, Refused):
            return Refused(FacadeRefusal.NOT_ASKED, started.refusal.value)
        return started.authorization.id, started.approval.id

    async def sign(
        self, db: Connection, principal: Principal, asked: Asked, number: int, *, is_seal: bool
    ) -> dict[str, Any] | Refused:
        """Sign what an approval released; authority is checked again by identity. NOT_ASKED."""
        credential = _credential(principal, is_seal=is_seal)
        digests = read_digests(asked)
        assert credential is not None and not isinstance(digests, Refused), "checked when asked"
        signer = await self._remote.signer(db, principal, credential)
        assert not isinstance(signer, Refused), "the credential is the principal's own"
        granted = await self._remote.check(db, principal, asked.handles[number])
        if not isinstance(granted, Granted):
            return Refused(FacadeRefusal.NOT_ASKED, "Not approved, or too long ago.")
        kind = SIGN_ALGORITHMS[asked.algorithm]
        signed = await self._remote.sign_hashes(
            db, principal, signer, granted.sad, digests, kind
        )
        if isinstance(signed, Refused):
            return Refused(FacadeRefusal.NOT_ASKED, signed.refusal.value)
        certificate, _ = await self._signing.authority.certificate(db, signer, kind)
        return _shown(asked, [base64.b64encode(one).decode() for one in signed]) | {
            "timestamp": int(self._kernel.wire_clock.now().timestamp() * 1000),
            "cert": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
            "sigAlgo": asked.algorithm,
        }

    async def principal(
        self, db: Connection, request: Request, person_id: str
    ) -> Principal | Refused:
        """Return who signs for an action, with the authority of now; TOKEN when it has ended."""
        ended = Refused(FacadeRefusal.TOKEN)
        client = await self._identity.clients.find(db, request.client_id)
        person = await self._identity.person(db, person_id)
        if client is None or isinstance(person, Refused) or person.status != "active":
            return ended
        subject = self._identity.person_subject(client.sector, person.id)
        plain = Principal(
            subject=subject, actor_person_id=person.id, company_id=None, client_id=client.id,
            scopes=frozenset({"signing"}), staff_roles=frozenset(), client_policy=client.policy,
        )  # fmt: skip
        if request.company_id is None:
            return plain
        mandate = await self._identity.mandate(db, person.id, request.company_id, None)
        if isinstance(mandate, Refused):
            return ended
        return Principal(
            subject=self._identity.company_subject(client.sector, request.company_id),
            actor_person_id=person.id, company_id=request.company_id, client_id=client.id,
            scopes=plain.scopes, staff_roles=frozenset(), actor_subject=subject, mandate=mandate,
            client_policy=client.policy,
        )  # fmt: skip


def read_digests(asked: Asked) -> list[bytes] | Refused:
    """Read what is to be signed; REQUEST, also for a digest that is there twice."""
    found: list[bytes] = []
    for text in asked.digests:
        digest = read_digest(text, asked.digest_name, asked.algorithm)
        if isinstance(digest, Refused):
            return digest
        found.append(digest)
    if len(set(found)) != len(found):
        return Refused(FacadeRefusal.REQUEST, "One digest is there twice.", asked.digest_name)
    return found


def read_documents(asked: Asked) -> list[HashDigest] | Refused:
    """Read what is to be signed with its documents' names; REQUEST, also for an unfit name."""
    digests = read_digests(asked)
    if isinstance(digests, Refused):
        return digests
    named = [
        HashDigest(hash=digest, label=name)
        for digest, name in zip(digests, asked.documents, strict=True)
    ]
    unfit = check_labels(named)
    if unfit is not None:
        return Refused(FacadeRefusal.REQUEST, unfit.detail, "documentName")
    return named


def _shown(asked: Asked, signatures: list[str]) -> dict[str, Any]:
    if not asked.is_bulk:
        return {asked.digest_name: asked.digests[0], "signature": signatures[0]}
    rows = zip(asked.digests, asked.documents, signatures, strict=True)
    return {
        "results": [
            {asked.digest_name: digest, "documentName": name, "signature": signature}
            for digest, name, signature in rows
        ]
    }


def _credential(principal: Principal, *, is_seal: bool) -> str | None:
    wanted = Kind.COMPANY_SEAL if is_seal else Kind.PERSON
    return next(
        (name for name, kind in credential_ids(principal).items() if kind is wanted), None
    )

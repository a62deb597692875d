"""Signatures over a service's digests, by identity's remote signing and nothing else.

The key signs only what an approval released (SCAL2): the phone shows the digest in full and the
document's name, quoted. Keys here are P-256, so that the signature is ECDSA whatever algorithm was
asked for; the answer says which it is.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from lionrock.hongkong.facades.domain import SIGN_ALGORITHM_USED, Asked, Request, read_digest
from lionrock.hongkong.facades.errors import FacadeRefusal
from lionrock.identity.api import (
    Granted,
    HashDigest,
    Identity,
    Principal,
    RemoteSigning,
    Signing,
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
        """Ask the phone to release a digest; returns handle and approval. NO_SEAL, NOT_ASKED."""
        credential = _credential(principal, is_seal=is_seal)
        if credential is None:
            return Refused(FacadeRefusal.NO_SEAL)
        signer = await self._remote.signer(db, principal, credential)
        digest = read_digest(asked.digest, asked.digest_name)
        if isinstance(signer, Refused) or isinstance(digest, Refused):
            return digest if isinstance(digest, Refused) else Refused(FacadeRefusal.NO_SEAL)
        started = await self._remote.authorize(
            db, principal, signer, [HashDigest(hash=digest, label=asked.document)],
            is_of_documents=False, language=asked.language,
        )  # fmt: skip
        if isinstance(started, Refused):
            return Refused(FacadeRefusal.NOT_ASKED, started.refusal.value)
        return started.authorization.id, started.approval.id

    async def sign(
        self, db: Connection, principal: Principal, asked: Asked, number: int, *, is_seal: bool
    ) -> dict[str, Any] | Refused:
        """Sign what an approval released; authority is checked again by identity. NOT_ASKED."""
        credential = _credential(principal, is_seal=is_seal)
        digest = read_digest(asked.digest, asked.digest_name)
        assert credential is not None and not isinstance(digest, Refused), "checked when asked"
        signer = await self._remote.signer(db, principal, credential)
        assert not isinstance(signer, Refused), "the credential is the principal's own"
        granted = await self._remote.check(db, principal, asked.handles[number])
        if not isinstance(granted, Granted):
            return Refused(FacadeRefusal.NOT_ASKED, "Not approved, or too long ago.")
        signed = await self._remote.sign_hashes(db, principal, signer, granted.sad, [digest])
        if isinstance(signed, Refused):
            return Refused(FacadeRefusal.NOT_ASKED, signed.refusal.value)
        certificate, _ = await self._signing.authority.certificate(db, signer)
        return {
            "timestamp": int(self._kernel.wire_clock.now().timestamp() * 1000),
            "signature": base64.b64encode(signed[0]).decode(),
            "cert": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
            "sigAlgo": SIGN_ALGORITHM_USED,
        }

    async def principal(self, db: Connection, request: Request) -> Principal | Refused:
        """Return who asked for an action, with the authority of now; TOKEN when it has ended."""
        ended = Refused(FacadeRefusal.TOKEN)
        assert request.person_id is not None, "only a person's action is signed"
        client = await self._identity.clients.find(db, request.client_id)
        person = await self._identity.person(db, request.person_id)
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


def _credential(principal: Principal, *, is_seal: bool) -> str | None:
    wanted = Kind.COMPANY_SEAL if is_seal else Kind.PERSON
    return next(
        (name for name, kind in credential_ids(principal).items() if kind is wanted), None
    )

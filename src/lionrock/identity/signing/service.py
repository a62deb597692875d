"""Signing as a use case: an approval releases one signature of one key over one document.

The approval says which bytes (their SHA-256 was shown on the phone), who, and for which company;
the mandate is asked again at the moment of signing, because revocation bites at once. Keys and
certificates come from the authority (authority.py). Runs inside the caller's transaction: the
caller stores the signed bytes in the same one, so that a crash leaves either both or neither.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from lionrock.identity.domain.approvals import Approval, GivenAnswer
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.signing import certificates, store
from lionrock.identity.signing.authority import Authority
from lionrock.identity.signing.domain import (
    CHAINS,
    SEAL_SCOPE,
    SIGN_SCOPE,
    CompanySealSigner,
    Level,
    PersonSigner,
    SignatureReport,
    SignedPdf,
    Signer,
    SignerKind,
    SigningRefusal,
    Statement,
    check_approval,
    check_chain,
    check_mandate,
    kind_of,
    sha256_hex,
    subject_of,
)
from lionrock.identity.signing.keys import SigningKeys, signing_keys
from lionrock.identity.signing.levels import Lasting
from lionrock.identity.signing.pdf import Appearance, add_signature, check_pdf
from lionrock.identity.signing.validation import validate_pdf
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money


class ApprovalBook(Protocol):
    """Where approvals are looked up (identity's own service)."""

    async def approval(self, db: Connection, approval_id: str) -> Approval | Refused | None:
        """Return an approval by id."""
        ...

    async def approval_answers(self, db: Connection, approval_id: str) -> list[GivenAnswer]:
        """Return the signed answers of an approval."""
        ...


class MandateBook(Protocol):
    """Where mandates are looked up (identity's own service)."""

    async def mandate(
        self,
        db: Connection,
        person_id: str,
        company_id: str,
        scope: str,
        at: datetime | None = None,
        amount: Money | None = None,
    ) -> Mandate | Refused:
        """Return the mandate that entitles a person; without `at` now, and the company is live."""
        ...


class Signing:
    """The signing room: the city's CA, certificates, and PAdES signatures released by approvals."""

    def __init__(
        self,
        kernel: Kernel,
        approvals: ApprovalBook,
        mandates: MandateBook,
        keys: SigningKeys | None = None,
    ) -> None:
        """`keys` is where signing keys live; what the settings name unless said otherwise."""
        self._kernel = kernel
        self._approvals = approvals
        self._mandates = mandates
        self.authority = Authority(kernel, keys or signing_keys(kernel.settings, kernel.key_store))

    async def sign_pdf(
        self,
        db: Connection,
        pdf: bytes,
        signer: Signer,
        approval_id: str,
        *,
        chain: str = "single",
        appearance: Appearance | None = None,
        level: Level = Level.B,
    ) -> SignedPdf | Refused:
        """Add a signature to a PDF; any SigningRefusal says why not.

        `chain` names the order of signatures (domain.CHAINS). Signatures that are there already
        must be valid and of the chain's beginning. `level` says how long the signature must stay
        checkable.
        """
        unfit = check_pdf(pdf)
        if unfit is not None:
            return unfit
        out_of_turn = await self._check_chain(db, pdf, chain, kind_of(signer))
        if out_of_turn is not None:
            return out_of_turn
        digest = sha256_hex(pdf)
        mandate_id = await self._check_release(db, signer, approval_id, digest)
        if isinstance(mandate_id, Refused):
            return mandate_id
        # From here the signature is made; only a second use of the approval can still stop it.
        statement = Statement(
            kind=kind_of(signer), subject_id=subject_of(signer), approval_id=approval_id,
            mandate_id=mandate_id, document_sha256=digest, document_bytes=len(pdf),
        )  # fmt: skip
        signed = await self.sign_released(
            db, pdf, signer, statement, level, name=chain, appearance=appearance
        )
        released_at = self._kernel.business_clock.now()
        if not await store.save_signature(db, signed, level.value, released_at):
            return Refused(SigningRefusal.SIGNING_APPROVAL_USED)
        assert sha256_hex(signed.pdf[: len(pdf)]) == digest, "what was shown is what was signed"
        return signed

    async def ca_certificates(self, db: Connection) -> list[str]:
        """Return the city's CA certificates as PEM, made on first use; trust files carry them."""
        return await self.authority.roots(db)

    async def validate(self, db: Connection, pdf: bytes) -> list[SignatureReport]:
        """Check a PDF's signatures against this city's own CA."""
        return validate_pdf(pdf, await self.ca_certificates(db))

    async def certificate(self, db: Connection, signer: Signer) -> str:
        """Return the PEM of the certificate that a signer signs with, issued on first use."""
        certificate, _ = await self.authority.certificate(db, signer)
        return certificates.pem(certificate).decode()

    async def _check_chain(
        self, db: Connection, pdf: bytes, chain: str, kind: SignerKind
    ) -> Refused | None:
        reports = await self.validate(db, pdf)
        broken = next((report for report in reports if not report.is_valid), None)
        if broken is not None:
            return Refused(SigningRefusal.SIGNATURE_BROKEN, broken.problem)
        return check_chain(chain, [SignerKind(report.kind) for report in reports], kind)

    async def _check_release(
        self, db: Connection, signer: Signer, approval_id: str, digest: str
    ) -> str | Refused:
        """Return the id of the mandate used ("" when none is needed) once the approval fits."""
        approval = await self._approvals.approval(db, approval_id)
        if approval is None or isinstance(approval, Refused):
            return Refused(SigningRefusal.SIGNING_APPROVAL_UNKNOWN)
        misfit = check_approval(approval, signer, digest)
        if misfit is not None:
            return misfit
        if isinstance(signer, PersonSigner) and len(approval.person_ids) > 1:
            # A quorum may be reached without the signer: nobody signs in person by others' will.
            answers = await self._approvals.approval_answers(db, approval_id)
            if not any(
                a.person_id == signer.person_id and a.decision == "approved" for a in answers
            ):
                return Refused(SigningRefusal.SIGNING_APPROVAL_OTHER_SIGNER)
        mandate = await self._mandate(db, signer, approval.amount)
        if mandate is None:
            return ""
        if isinstance(mandate, Refused):
            return Refused(SigningRefusal.SIGNING_MANDATE, mandate.detail)
        joint = check_mandate(mandate, approval)
        return mandate.id if joint is None else joint

    async def _mandate(
        self, db: Connection, signer: Signer, amount: Money | None
    ) -> Mandate | Refused | None:
        """Ask without an instant: only then the company's present status counts too."""
        if isinstance(signer, CompanySealSigner):
            return await self._mandates.mandate(
                db, signer.officer_id, signer.company_id, SEAL_SCOPE, amount=amount
            )
        if isinstance(signer, PersonSigner) and signer.company_id is not None:
            return await self._mandates.mandate(
                db, signer.person_id, signer.company_id, SIGN_SCOPE, amount=amount
            )
        return None

    async def _lasting(self, db: Connection, level: Level) -> Lasting | None:
        if level is Level.B:
            return None
        ca, _ = await self.authority.ca(db)
        return Lasting(
            level=level, time_stamper=await self.authority.time_stamper(db), ca=ca,
            revocation_list=await self.authority.revocation_list(db),
        )  # fmt: skip

    async def check_document(self, db: Connection, pdf: bytes) -> Refused | None:
        """Refuse a PDF that must not be signed, or that holds a signature that is not valid."""
        unfit = check_pdf(pdf)
        if unfit is not None:
            return unfit
        broken = next((r for r in await self.validate(db, pdf) if not r.is_valid), None)
        return None if broken is None else Refused(SigningRefusal.SIGNATURE_BROKEN, broken.problem)

    async def sign_released(
        self,
        db: Connection,
        pdf: bytes,
        signer: Signer,
        statement: Statement,
        level: Level,
        *,
        name: str = "remote",
        appearance: Appearance | None = None,
    ) -> SignedPdf:
        """Add a signature that the caller has checked, and will record, as released.

        `pdf` has passed `check_document`. The field is called `name`, the signer's kind, and for
        remote signatures their place, because a document may hold several of one kind.
        """
        place = "" if name in CHAINS else f"-{statement.document_bytes}"
        certificate, key = await self.authority.certificate(db, signer)
        # Whole seconds: a PDF date has no smaller part.
        signed_at = self._kernel.wire_clock.now().replace(microsecond=0)
        result = await add_signature(
            pdf, statement, key=key, certificate=certificate, signed_at=signed_at,
            field_name=f"{name}-{statement.kind.value}{place}", signer_name=signer.name,
            place=f"{self._kernel.settings.city} (simulated)", appearance=appearance,
            lasting=await self._lasting(db, level),
        )  # fmt: skip
        return SignedPdf(
            pdf=result, sha256=sha256_hex(result), statement=statement,
            certificate_serial=certificates.serial_hex(certificate), signed_at=signed_at,
        )  # fmt: skip

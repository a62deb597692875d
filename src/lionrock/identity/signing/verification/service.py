"""Verification as a use case in three beats: read what to trust, check apart, read the history.

The check runs in a process of its own (checker.py) with no connection held, within time and memory;
at most CHECKS_MAX at once in this front.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.parties import Company
from lionrock.identity.service.identity import Identity
from lionrock.identity.signing import store as signing_store
from lionrock.identity.signing.domain import SEAL_SCOPE, SIGN_SCOPE, sha256_hex
from lionrock.identity.signing.service import Signing
from lionrock.identity.signing.verification import store
from lionrock.identity.signing.verification.checker import Question
from lionrock.identity.signing.verification.domain import (
    Entitlement,
    Examined,
    Finding,
    Limit,
    Release,
    SignatureVerdict,
    Verdict,
    VerificationRefusal,
    judge,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

CHECKS_MAX = 2
WAITING_MAX = 16
CHECK_S_MAX = 20.0


class Verification:
    """Checks documents for anybody."""

    def __init__(self, kernel: Kernel, signing: Signing, identity: Identity) -> None:
        self._kernel = kernel
        self._signing = signing
        self._identity = identity
        self._places = asyncio.Semaphore(CHECKS_MAX)
        self._waiting = 0

    async def verify(self, document: bytes, business_number: str = "") -> Verdict | Refused:
        """Check a document; with a business number also whether a person could bind that company.

        Any VerificationRefusal says why it was not checked.
        """
        if not document:
            return Refused(VerificationRefusal.NOT_SENT)
        question = await self._kernel.database.run(lambda db: self._question(db, document))
        examined = await self._examine(question)
        if isinstance(examined, Refused):
            return examined

        async def use_case(db: Connection) -> Verdict | Refused:
            return await self._verdict(db, document, examined, business_number)

        return await self._kernel.database.run(use_case)

    async def _question(self, db: Connection, document: bytes) -> Question:
        authority = self._signing.authority
        return Question(
            document=document, roots=tuple(await authority.roots(db)),
            revocation_list=await authority.revocation_list(db),
            now=self._kernel.wire_clock.now(),
        )  # fmt: skip

    async def _examine(self, question: Question) -> Examined | Refused:
        if self._waiting >= WAITING_MAX:
            return Refused(VerificationRefusal.BUSY)
        self._waiting += 1
        try:
            async with self._places:
                answer = await _run_checker(msgspec.msgpack.encode(question))
        finally:
            self._waiting -= 1
        if answer is None:
            return Refused(VerificationRefusal.TOO_COSTLY)
        examined = msgspec.msgpack.decode(answer, type=Examined)
        if examined.refusal:
            return Refused(VerificationRefusal(examined.refusal))
        return examined

    async def _verdict(
        self, db: Connection, document: bytes, examined: Examined, business_number: str
    ) -> Verdict | Refused:
        company: Company | None = None
        if business_number:
            found = await self._identity.company_by_business_number(db, business_number)
            if isinstance(found, Refused):
                return Refused(VerificationRefusal.COMPANY, field="company")
            company = found
        signatures = [await self._signature(db, f, company) for f in examined.findings]
        return Verdict(
            sha256=sha256_hex(document), format=examined.format,
            is_valid=bool(signatures) and all(s.is_valid for s in signatures), is_simulated=True,
            checked_at=self._kernel.wire_clock.now(), signatures=tuple(signatures),
        )  # fmt: skip

    async def _signature(
        self, db: Connection, finding: Finding, company: Company | None
    ) -> SignatureVerdict:
        revoked = None
        release = None
        kind = ""
        if finding.is_intact and (finding.is_trusted or finding.is_revoked):
            # Only now does the certificate say who it is.
            kind = await store.kind_of_certificate(db, finding.certificate_serial)
            revoked = await signing_store.revocation_of(db, finding.certificate_serial)
            release = await store.release_of(db, finding)
        if revoked is not None and finding.timestamped_at is None and release is None:
            # Whoever had the key after the revocation could have written any time into it.
            finding = msgspec.structs.replace(
                finding, problems=(*finding.problems, "revoked_untimed")
            )
        return SignatureVerdict(
            name=finding.name, kind=kind, signer=finding.signer,
            organisation=finding.organisation, certificate_serial=finding.certificate_serial,
            is_valid=finding.is_valid, is_intact=finding.is_intact,
            is_trusted=finding.is_trusted, is_revoked=finding.is_revoked, level=finding.level,
            signed_at=finding.signed_at, timestamped_at=finding.timestamped_at,
            problems=finding.problems, approval_id=release.approval_id if release else "",
            revoked_at=revoked.revoked_at if revoked else None,
            entitlement=(
                await self._entitlement(db, finding, kind, release, company)
                if finding.is_valid else None
            ),
        )  # fmt: skip

    async def _entitlement(
        self,
        db: Connection,
        finding: Finding,
        kind: str,
        release: Release | None,
        asked: Company | None,
    ) -> Entitlement | None:
        """Say whether a valid signature bound the company; None when no company is in question."""
        company, scope = asked, SIGN_SCOPE
        if kind == "company-seal":
            found = await self._identity.company(db, finding.subject_id)
            assert not isinstance(found, Refused), "a seal's company exists"
            if asked is not None and asked.id != found.id:
                return _entitlement(asked, "identity.mandate_missing")
            company, scope = found, SEAL_SCOPE
        if release is None:
            return None if company is None else _entitlement(company, "no_release")
        approval = await self._identity.approval(db, release.approval_id)
        assert not isinstance(approval, Refused), "a release has its approval"
        if company is None and approval.company_id is not None:
            found = await self._identity.company(db, approval.company_id)
            assert not isinstance(found, Refused), "an approval's company exists"
            company = found
        if company is None:
            return None
        as_of = release.released_at or approval.decided_at
        assert as_of is not None, "an approval that released something was decided"
        answers = await self._identity.approval_answers(db, approval.id)
        approvers = [a.person_id for a in answers if a.decision == "approved"]
        held: list[Mandate] = []
        refusal = "identity.mandate_missing"
        for person_id in approvers:
            mandate = await self._identity.mandate(
                db, person_id, company.id, scope, as_of, approval.amount
            )
            if isinstance(mandate, Refused):
                refusal = str(mandate.refusal.value)
            else:
                held.append(mandate)
        best, reason = judge(held, len(held))
        entitlement = _entitlement(company, reason if held else refusal)
        return _with_mandate(entitlement, best, len(approvers), as_of)


def _entitlement(company: Company, reason: str) -> Entitlement:
    names = company.names
    return Entitlement(
        company={"en": names.en, "zh-Hant": names.zh_hant, "zh-Hans": names.zh_hans},
        business_number=company.business_number, is_entitled=reason == "entitled", reason=reason,
    )  # fmt: skip


def _with_mandate(
    entitlement: Entitlement, mandate: Mandate | None, approved_by: int, as_of: object
) -> Entitlement:
    shown: dict[str, object] = {"approved_by": approved_by, "as_of": as_of}
    if mandate is not None:
        limit = mandate.amount_max
        shown |= {
            "role": mandate.role, "signatures_needed": mandate.signatures_needed,
            "amount_max": None if limit is None else Limit(limit.wire(), limit.currency),
        }  # fmt: skip
    return msgspec.structs.replace(entitlement, **shown)


async def _run_checker(question: bytes, command: Sequence[str] = ()) -> bytes | None:
    """Run the checker on a question; None when it took too much or broke."""
    process = await asyncio.create_subprocess_exec(
        *(command or (sys.executable, "-m", "lionrock.identity.signing.verification.checker")),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={},
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            output, _ = await process.communicate(question)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output if process.returncode == 0 and output else None

"""A small world for signing tests: approvals and mandates that a test puts in, and a plain PDF."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import msgspec
from reportlab.pdfgen.canvas import Canvas

from lionrock.identity.domain.approvals import Approval, GivenAnswer, State
from lionrock.identity.domain.mandates import Mandate, choose
from lionrock.identity.domain.templates import TEMPLATES
from lionrock.identity.domain.words import Rendered, render
from lionrock.identity.signing import (
    SEAL_SCOPE,
    SIGN_SCOPE,
    CompanySealSigner,
    OfficeSealSigner,
    PersonSigner,
    ReleaseRequest,
    Signer,
    Signing,
    approval_request,
)
from lionrock.identity.signing.domain import sha256_hex
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import Ids
from lionrock.kernel.money import Money

ADA = "prs_" + "a" * 32
BEN = "prs_" + "b" * 32
COMPANY = "com_" + "c" * 32
PERSON = PersonSigner(person_id=ADA, name="Ada Chan 陳雅達")
SEAL = CompanySealSigner(
    company_id=COMPANY, name="Harbour Robotics Limited", business_number="70000017", officer_id=ADA
)
OFFICE = OfficeSealSigner(organisation_id="programme-office", name="Programme Office")


def plain_pdf(text: str = "An application", pages: int = 1) -> bytes:
    """A deterministic PDF with a line of text on each page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    for number in range(pages):
        canvas.drawString(72, 720, f"{text}, page {number + 1}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class Books:
    """Approvals and mandates as identity's services would answer; a test writes them in."""

    def __init__(self, ids: Ids, now: datetime) -> None:
        self._ids = ids
        self._now = now
        self.approvals: dict[str, Approval] = {}
        self.mandates: list[Mandate] = []

    async def approval_answers(self, db: Connection, approval_id: str) -> list[GivenAnswer]:
        """No officer answered in person here."""
        return []

    async def approval(self, db: Connection, approval_id: str) -> Approval | None:
        return self.approvals.get(approval_id)

    async def mandate(
        self, db: Connection, person_id: str, company_id: str, scope: str,
        at: datetime | None = None, amount: Money | None = None,
    ) -> Mandate | Refused:
        of_pair = [
            m for m in self.mandates if m.person_id == person_id and m.company_id == company_id
        ]
        return choose(of_pair, scope=scope, at=at or self._now, amount=amount)

    def grant(self, person_id: str = ADA, *, signatures_needed: int = 1) -> Mandate:
        mandate = Mandate(
            id=self._ids.new("mdt"), person_id=person_id, company_id=COMPANY,
            role="responsible_person",
            scopes=frozenset({SEAL_SCOPE, SIGN_SCOPE}), valid_from=self._now - timedelta(days=1),
            valid_to=None, amount_max=None, signatures_needed=signatures_needed,
            granted_at=self._now - timedelta(days=1), granted_by="registry",
        )
        self.mandates.append(mandate)
        return mandate

    def revoke(self, mandate: Mandate) -> None:
        self.mandates.remove(mandate)
        self.mandates.append(msgspec.structs.replace(mandate, revoked_at=self._now))

    def approve(
        self, signer: Signer, pdf: bytes, *, persons: tuple[str, ...] = (ADA,),
        state: State = "approved", quorum: int = 1,
    ) -> str:
        """Record the approval that signing would have asked for; returns its id."""
        request = approval_request(
            ReleaseRequest(
                signer=signer, person_ids=persons, document_sha256=sha256_hex(pdf),
                title="Application", language="en", reference="cas_" + "0" * 32,
                requester_org="programme-office", quorum=quorum,
            )
        )
        shown = render(TEMPLATES[request.template], request.fields, "en", "salt")
        assert isinstance(shown, Rendered)
        assert sha256_hex(pdf) in shown.words
        approval = Approval(
            id=self._ids.new("apr"), kind=request.kind, reference=request.reference,
            requester_org=request.requester_org, company_id=request.company_id,
            person_ids=request.person_ids, quorum=request.quorum, shown=shown,
            words_hash=shown.words_hash, number="42", tries_left=3, state=state,
            created_at=self._now, expires_at=self._now + timedelta(minutes=10),
            decided_at=self._now, scope=request.scope,
        )
        self.approvals[approval.id] = approval
        return approval.id


def signing_for(kernel: Kernel) -> tuple[Signing, Books]:
    """The signing service over test books."""
    books = Books(kernel.ids, kernel.business_clock.now())
    return Signing(kernel, books, books), books

"""Getting a case's documents signed: ask on the phone, then sign what was shown.

Asking saves the approval's id with the document's SHA-256. When the approval is decided an event
comes, at least once; the signature, the new version and the receipt are one transaction.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.directory.api import PROGRAMME_OFFICE
from lionrock.identity.api import (
    SEAL_SCOPE,
    SIGN_SCOPE,
    Appearance,
    CompanySealSigner,
    OfficeSealSigner,
    PersonSigner,
    ReleaseRequest,
    SignedPdf,
    Signer,
    approval_request,
    next_in_chain,
)
from lionrock.identity.api import SignerKind as Kind
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.kernel.outbox import Event
from lionrock.programmes.cases.documents import SIGNATURE_BOXES, words
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.states import CaseState, Step
from lionrock.programmes.cases.domain.values import (
    CURRENCY,
    Case,
    Document,
    DocumentKind,
    Party,
    SignatureRequest,
)
from lionrock.programmes.cases.service.desk import COMMITTEE, Actor, Desk
from lionrock.programmes.cases.store import cases as store
from lionrock.programmes.cases.store import money

EXPIRES_IN_S = 900
# In which state each document is signed.
_OPEN_IN = {"application": CaseState.DRAFT, "agreement": CaseState.AWARDED}
_NAMES = {"application": words.APPLICATION, "agreement": words.AGREEMENT}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is now on somebody's phone; `number` is for the asker's own screen."""

    approval_id: str
    words: str
    number: str
    document_sha256: str
    expires_at: datetime


class Signatures:
    """Use cases of signing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(
        self, db: Connection, actor: Actor, case_id: str, document: DocumentKind, party: Party
    ) -> Asked | Refused:
        """Ask for the applicant's signature or the company's seal on its own case's document.

        Refused: CASE_NOT_FOUND, SIGNATURE_NOT_OPEN, SIGNATURE_PENDING, SIGNATURE_OTHER_PARTY,
        APPROVAL_NOT_TAKEN, MANDATE_MISSING.
        """
        case = await self._desk.locked_own_case(db, actor, case_id)
        if isinstance(case, Refused):
            return case
        if party == "office-seal":
            return Refused(CaseRefusal.SIGNATURE_OTHER_PARTY, "The office seals for itself.")
        if party == "person" and actor.person_id != case.applicant_id:
            return Refused(CaseRefusal.SIGNATURE_OTHER_PARTY, "The applicant signs in person.")
        return await self._ask(db, case, document, party, actor)

    async def ask_office(
        self, db: Connection, actor: Actor, case_id: str
    ) -> Asked | Refused:
        """Ask a member of the committee to put the office's seal on the agreement.

        Refused: NOT_STAFF, CASE_NOT_FOUND, SELF_REVIEW, and those of `ask`.
        """
        case = await self._desk.locked_staff_case(db, actor, COMMITTEE, case_id)
        if isinstance(case, Refused):
            return case
        is_own = await self._desk.holds_mandate(db, actor.person_id, case.company_id)
        if is_own or actor.person_id == case.applicant_id:
            return Refused(CaseRefusal.SELF_REVIEW)
        return await self._ask(db, case, "agreement", "office-seal", actor)

    async def on_approval_decided(self, event: Event) -> None:
        """Sign what was approved, or close the question; a repeat finds it closed."""
        approval_id = str(event.payload["approval_id"])
        is_approved = event.payload["decision"] == "approved"

        async def use_case(db: Connection) -> None:
            request = await store.request_by_approval(db, approval_id)
            if request is None:
                return  # an approval of somebody else
            case = await store.lock_case(db, request.case_id)
            request = await store.request_by_approval(db, approval_id)
            assert case is not None and request is not None, "requests belong to cases"
            if request.state != "asked":
                return
            if not is_approved:
                decision = str(event.payload["decision"])
                await store.close_request(db, approval_id, "refused", decision)
                return
            await self._sign(db, case, request)

        await self._desk.kernel.database.run(use_case)

    async def _ask(
        self, db: Connection, case: Case, kind: DocumentKind, party: Party, actor: Actor
    ) -> Asked | Refused:
        document = await self._open_document(db, case, kind, party)
        if isinstance(document, Refused):
            return document
        signer = self._signer(case, party, actor.person_id)
        amount_minor = await self._at_stake(db, case, kind)
        asked = await self._persons(db, case, party, actor, amount_minor)
        if isinstance(asked, Refused):
            return asked
        person_ids, quorum = asked
        approval = await self._desk.identity.request_approval(
            db,
            approval_request(
                ReleaseRequest(
                    signer=signer, person_ids=person_ids, quorum=quorum,
                    document_sha256=document.sha256,
                    title=f"{_NAMES[kind].in_language(case.language)}: {case.proposal.title}",
                    language=case.language, reference=case.id, requester_org=PROGRAMME_OFFICE,
                    expires_in_s=EXPIRES_IN_S, amount=Money(amount_minor, CURRENCY),
                )
            ),
        )  # fmt: skip
        if isinstance(approval, Refused):
            detail = f"{approval.refusal.value}: {approval.detail}".rstrip(": ")
            return Refused(CaseRefusal.APPROVAL_NOT_TAKEN, detail)
        request = SignatureRequest(
            approval_id=approval.id, case_id=case.id, document=kind, party=party,
            person_id=actor.person_id, document_sha256=document.sha256, state="asked",
        )  # fmt: skip
        if not await store.insert_request(db, request, self._desk.now()):
            return Refused(CaseRefusal.SIGNATURE_PENDING)
        return Asked(
            approval_id=approval.id, words=approval.words, number=approval.number or "",
            document_sha256=document.sha256, expires_at=approval.expires_at,
        )  # fmt: skip

    async def _open_document(
        self, db: Connection, case: Case, kind: DocumentKind, party: Party
    ) -> Document | Refused:
        """Return the document when this party signs it next."""
        document = await store.newest_document(db, case.id, kind)
        if document is None:
            return Refused(CaseRefusal.DOCUMENT_NOT_FOUND)
        wanted = next_in_chain(kind, [Kind(signed) for signed in document.signed_by])
        if wanted is None:
            return Refused(CaseRefusal.SIGNATURE_NOT_OPEN, "Everybody has signed it.")
        if wanted.value != party:
            return Refused(CaseRefusal.SIGNATURE_NOT_OPEN, f"Next to sign: {wanted.value}.")
        if case.state is not _OPEN_IN[kind]:
            return Refused(CaseRefusal.SIGNATURE_NOT_OPEN, f"The case is {case.state.value}.")
        if await store.open_request(db, case.id, kind) is not None:
            return Refused(CaseRefusal.SIGNATURE_PENDING)
        return document

    async def _at_stake(self, db: Connection, case: Case, kind: DocumentKind) -> int:
        """What the document binds the company to: the sum asked for, or the sum awarded."""
        if kind == "application":
            return case.proposal.requested_minor
        award = await money.newest_award(db, case.id)
        assert award is not None and award.state == "posted", "an agreement follows an award"
        return award.amount_minor

    async def _persons(
        self, db: Connection, case: Case, party: Party, actor: Actor, amount_minor: int
    ) -> tuple[tuple[str, ...], int] | Refused:
        """Say whom to ask and how many must agree: a joint mandate asks all who may do it."""
        if party == "office-seal":
            return (actor.person_id,), 1
        assert actor.company_id == case.company_id, "the case was locked as the company's own"
        scope = SEAL_SCOPE if party == "company-seal" else SIGN_SCOPE
        mandate = await self._desk.mandate_for(db, actor, scope, amount_minor)
        if isinstance(mandate, Refused):
            return mandate
        asked = await self._desk.identity.officers_to_ask(
            db, actor.person_id, case.company_id, scope, Money(amount_minor, CURRENCY)
        )
        if isinstance(asked, Refused):
            return Refused(CaseRefusal.APPROVAL_NOT_TAKEN, asked.refusal.value)
        return asked

    async def _sign(self, db: Connection, case: Case, request: SignatureRequest) -> None:
        document = await store.newest_document(db, case.id, request.document)
        assert document is not None, "a signature was asked for on it"
        if case.state is not _OPEN_IN[request.document]:
            reason = f"the case is {case.state.value}"
            await store.close_request(db, request.approval_id, "refused", reason)
            return
        signed = await self._desk.signing.sign_pdf(
            db, document.content, self._signer(case, request.party, request.person_id),
            request.approval_id, chain=request.document,
            appearance=self._appearance(request),
        )  # fmt: skip
        if isinstance(signed, Refused):
            await store.close_request(
                db, request.approval_id, "refused", signed.refusal.value
            )
            return
        # From here the signature is kept.
        await store.close_request(db, request.approval_id, "signed", "")
        await self._save_version(db, case, document, request, signed)

    async def _save_version(
        self, db: Connection, case: Case, before: Document, request: SignatureRequest,
        signed: SignedPdf,
    ) -> None:
        after = msgspec.structs.replace(
            before, version=before.version + 1, sha256=signed.sha256, content=signed.pdf,
            signed_by=(*before.signed_by, request.party),
        )  # fmt: skip
        await store.insert_document(db, after, self._desk.now())
        is_complete = next_in_chain(after.kind, [Kind(p) for p in after.signed_by]) is None
        references = {"approval_id": request.approval_id}
        if signed.statement.mandate_id:
            references["mandate_id"] = signed.statement.mandate_id
        if is_complete:
            kept = await self._desk.evidence.keep(db, after.content, "application/pdf")
            assert kept == after.sha256, "evidence keeps what was signed"
        await self._desk.note(
            db, case, f"{after.kind}_signed", request.person_id, references=references,
            digests={
                after.kind if is_complete else f"{after.kind}_in_part": after.sha256,
                f"{after.kind}_before": before.sha256,
            },
        )  # fmt: skip
        if is_complete and after.kind == "agreement":
            agreed = await self._desk.move(db, case, Step.AGREE)
            assert not isinstance(agreed, Refused), "the agreement was open"
            await self._desk.note(
                db, agreed, "case_agreed", request.person_id, digests={"agreement": after.sha256}
            )

    def _signer(self, case: Case, party: Party, person_id: str) -> Signer:
        if party == "person":
            name = case.parties.applicant_names.in_language(case.language)
            return PersonSigner(person_id=person_id, name=name, company_id=case.company_id)
        if party == "company-seal":
            return CompanySealSigner(
                company_id=case.company_id,
                name=case.parties.company_names.in_language(case.language),
                business_number=case.parties.business_number, officer_id=person_id,
            )  # fmt: skip
        name = words.OFFICE_NAME.in_language(case.language)
        return OfficeSealSigner(organisation_id=PROGRAMME_OFFICE, name=name)

    def _appearance(self, request: SignatureRequest) -> Appearance:
        left, bottom, right, top = SIGNATURE_BOXES[request.document][request.party]
        signed_at = self._desk.kernel.wire_clock.now()
        return Appearance(
            page=-1, left=left, bottom=bottom, right=right, top=top,
            lines=(
                "Electronic signature (PAdES B-B), simulated test CA",
                f"{signed_at:%Y-%m-%d %H:%M:%S} UTC",
                f"approval {request.approval_id}",
                f"SHA-256 shown {request.document_sha256[:32]}...",
            ),
        )  # fmt: skip

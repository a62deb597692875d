"""Applying: draft, submission with facts and judgement frozen, screening by rule, withdrawal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lionrock.identity.api import Company, Mandate, Person, canonical_json, next_in_chain
from lionrock.identity.api import SignerKind as Kind
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import HONG_KONG
from lionrock.programmes.cases.documents import render_application
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.rules import CASES_OPEN_MAX, check_proposal, sha256_hex
from lionrock.programmes.cases.domain.states import CaseState, Step
from lionrock.programmes.cases.domain.values import (
    Case,
    Document,
    DocumentKind,
    Judgement,
    Parties,
    Proposal,
)
from lionrock.programmes.cases.service.desk import APPLY_SCOPE, Actor, Desk
from lionrock.programmes.cases.store import cases as store


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an applicant sends to begin a case; `facts` as JSON states them."""

    programme_id: str
    language: str
    facts: dict[str, Any]
    proposal: Proposal


class Applications:
    """Use cases of the applicant's side before anybody decides."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def start(self, db: Connection, actor: Actor, draft: Draft) -> Case | Refused:
        """Begin a case and set its application, ready to be signed.

        Refused: NOT_FOR_COMPANY, MANDATE_MISSING, PROPOSAL_MALFORMED, PROGRAMME_UNKNOWN,
        FACTS_MALFORMED, CASES_TOO_MANY.
        """
        if actor.company_id is None:
            return Refused(CaseRefusal.NOT_FOR_COMPANY)
        malformed = check_proposal(draft.proposal)
        if malformed is not None:
            return malformed
        mandate = await self._desk.mandate_for(
            db, actor, APPLY_SCOPE, draft.proposal.requested_minor
        )
        if isinstance(mandate, Refused):
            return mandate
        judgement = self._judge(draft.programme_id, draft.facts, draft.language)
        if isinstance(judgement, Refused):
            return judgement
        await store.lock_company(db, actor.company_id)
        if await store.count_drafts(db, actor.company_id) >= CASES_OPEN_MAX:
            return Refused(CaseRefusal.CASES_TOO_MANY, f"At most {CASES_OPEN_MAX} drafts.")
        parties = await self._parties(db, actor.company_id, actor.person_id, mandate)
        # From here the case is begun.
        case = Case(
            id=self._desk.kernel.ids.new("cas"), programme_id=draft.programme_id,
            company_id=actor.company_id, applicant_id=actor.person_id, language=draft.language,
            state=CaseState.DRAFT, parties=parties, proposal=draft.proposal, facts=draft.facts,
            judgement=judgement, created_at=self._desk.now(),
        )  # fmt: skip
        await store.insert_case(db, case)
        pdf = render_application(case, self._desk.kernel.settings.city)
        digest = await self.save_document(db, case, "application", pdf)
        await self._desk.note(
            db, case, "application_prepared", actor.person_id,
            references={"mandate_id": mandate.id}, digests={"application_unsigned": digest},
        )  # fmt: skip
        return case

    async def submit(self, db: Connection, actor: Actor, case_id: str) -> Case | Refused:
        """Submit a signed application: freeze facts and judgement, then screen by the rules.

        Refused: CASE_NOT_FOUND, SUBMITTED_ALREADY, NOT_SIGNED, MANDATE_MISSING, DECISION_CHANGED.
        """
        draft = await self._desk.locked_own_case(db, actor, case_id)
        if isinstance(draft, Refused):
            return draft
        case = await self._desk.move(db, draft, Step.SUBMIT)
        if isinstance(case, Refused):
            return case
        document = await self._signed_application(db, case)
        if isinstance(document, Refused):
            return document
        mandate = await self._desk.mandate_for(
            db, actor, APPLY_SCOPE, case.proposal.requested_minor
        )
        if isinstance(mandate, Refused):
            return mandate
        judgement = self._judge(case.programme_id, case.facts, case.language)
        if isinstance(judgement, Refused) or not judgement.says_the_same(case.judgement):
            # What was signed shows another judgement than the one that would be frozen.
            return Refused(CaseRefusal.DECISION_CHANGED)
        # From here the case is submitted.
        case = msgspec.structs.replace(case, judgement=judgement, submitted_at=self._desk.now())
        await store.freeze(db, case.id, judgement, self._desk.now())
        decision = canonical_json(judgement.document)
        facts = canonical_json(case.facts)
        await self._desk.note(
            db, case, "case_submitted", actor.person_id,
            references={"mandate_id": mandate.id},
            digests={
                "application": document.sha256,
                "decision": await self._desk.evidence.keep(db, decision, "application/json"),
                "facts": await self._desk.evidence.keep(db, facts, "application/json"),
            },
        )  # fmt: skip
        return await self._screen(db, case)

    async def withdraw(self, db: Connection, actor: Actor, case_id: str) -> Case | Refused:
        """Withdraw a case that nobody has decided yet; NOT_WITHDRAWABLE afterwards.

        Whoever acts for the company in matters of programmes may, whatever the amount:
        MANDATE_MISSING.
        """
        before = await self._desk.locked_own_case(db, actor, case_id)
        if isinstance(before, Refused):
            return before
        mandate = await self._desk.mandate_for(db, actor, APPLY_SCOPE)
        if isinstance(mandate, Refused):
            return mandate
        case = await self._desk.move(db, before, Step.WITHDRAW)
        if isinstance(case, Refused):
            return case
        await self._desk.note(db, case, "case_withdrawn", actor.person_id)
        return case

    async def save_document(
        self, db: Connection, case: Case, kind: DocumentKind, pdf: bytes
    ) -> str:
        """Keep a document's first, unsigned version; returns its SHA-256."""
        digest = sha256_hex(pdf)
        document = Document(
            case_id=case.id, kind=kind, version=1, sha256=digest, content=pdf, signed_by=()
        )
        await store.insert_document(db, document, self._desk.now())
        return digest

    async def _screen(self, db: Connection, submitted: Case) -> Case | Refused:
        """The rules only screen out on a plain "no"; whatever they cannot tell, people judge."""
        step = Step.SCREEN_OUT if submitted.judgement.answer == "no" else Step.SCREEN_IN
        case = await self._desk.move(db, submitted, step)
        assert not isinstance(case, Refused), "a submitted case is screened"
        kind = "case_screened_out" if step is Step.SCREEN_OUT else "case_screened_in"
        await self._desk.note(db, case, kind, "")
        return case

    async def _signed_application(self, db: Connection, case: Case) -> Document | Refused:
        document = await store.newest_document(db, case.id, "application")
        assert document is not None, "a case begins with its application"
        present = [Kind(party) for party in document.signed_by]
        wanted = next_in_chain("application", present)
        if wanted is not None:
            return Refused(CaseRefusal.NOT_SIGNED, f"Next to sign: {wanted.value}.")
        reports = await self._desk.signing.validate(db, document.content)
        assert reports and all(report.is_valid for report in reports), "we made these signatures"
        return document

    async def _parties(
        self, db: Connection, company_id: str, person_id: str, mandate: Mandate
    ) -> Parties:
        company = await self._desk.identity.company(db, company_id)
        person = await self._desk.identity.person(db, person_id)
        assert isinstance(company, Company) and isinstance(person, Person), "the mandate joins them"
        return Parties(
            company_names=company.names, business_number=company.business_number,
            applicant_names=person.names, mandate_id=mandate.id,
        )  # fmt: skip

    def _judge(
        self, programme_id: str, facts: Mapping[str, Any], language: str
    ) -> Judgement | Refused:
        today = self._desk.now().astimezone(HONG_KONG).date()
        return self._desk.judge.judge(programme_id, facts, today, language)

"""Use cases of direct debits: authorisations between two banks, and collections under them.

The switch keeps the authorisation and passes each message on under its own header, so that both
banks know one MndtId and neither learns the other's MsgIds. A collection is a payment of kind
`debit`: it is held, asked for, and posted like any other (service.switch).
Not for: messages as XML, money. Runs in the request's transaction; jobs expire what was not
answered or is over. Invariants: nothing is collected but under an active authorisation and within
its terms, counted with its row locked; a bank sees its own authorisations only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

import msgspec

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.payments.debits import store
from lionrock.payments.debits.answers import Answers
from lionrock.payments.debits.collecting import Collecting
from lionrock.payments.debits.domain import (
    Mandate,
    MandateParties,
    MandateState,
    check_terms,
    may_move,
)
from lionrock.payments.debits.errors import DebitRefusal
from lionrock.payments.debits.parts import (
    ENDED_TOPIC,
    MANDATE_ID_PREFIX,
    MANDATE_QUEUE,
    Parts,
    mandate_id_of,
)
from lionrock.payments.domain.iso20022 import (
    DirectDebit,
    Header,
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
)
from lionrock.payments.domain.payments import (
    HONG_KONG,
    Subject,
    order_digest_of,
    settlement_date_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.inbox import Handling
from lionrock.payments.service.routing import check_limit
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

EXPIRED = "MD01"


class DirectDebits:
    """The room of direct debits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._answers = Answers(parts)
        self.collecting = Collecting(parts)
        parts.switch.listen(self.collecting.on_closed)

    def handlings(self) -> Mapping[type, Handling]:
        """The rows of the inbox that are about direct debits."""
        return {
            MandateInitiation: Handling(take=self.take_initiation),
            MandateAmendment: Handling(take=self.take_amendment),
            MandateCancellation: Handling(take=self.take_cancellation),
            MandateAcceptance: Handling(take=self._answers.take),
            DirectDebit: Handling(take=self.collecting.take, again=self.collecting.tell_again),
        }

    def handlers(self) -> Mapping[str, JobHandler]:
        """The room's background work by queue."""
        return {MANDATE_QUEUE: self.expire}

    async def take_initiation(
        self, db: Connection, sender: Participant, header: Header, request: MandateInitiation
    ) -> Subject | Refused:
        """pain.009: keep an authorisation that waits for the debtor, and ask the debtor's bank.

        The same request again (MndtReqId) is the same authorisation. Refused: AGENT_DIFFERS,
        MANDATE_ID_GIVEN, REQUEST_REUSED, TERMS_MALFORMED, DEBTOR_AGENT_WRONG and _OFFLINE.
        """
        if request.creditor.member != sender.clearing_code:
            return Refused(PaymentRefusal.AGENT_DIFFERS, "One asks for one's customers.", "CdtrAgt")
        if request.mandate_id:
            return Refused(DebitRefusal.MANDATE_ID_GIVEN, field="MndtId")
        vault = self._parts.core.vault
        digest = order_digest_of("pain.009/1", msgspec.json.encode(request).decode())
        before = await store.load_request(db, vault, sender.organisation_id, request.request_id)
        if before is not None:
            is_same = before.request_digest == digest
            return before.subject if is_same else Refused(DebitRefusal.REQUEST_REUSED)
        debtor_bank = await self._debtor_bank(db, sender, request)
        if isinstance(debtor_bank, Refused):
            return debtor_bank
        mandate = self._new(sender, header, request, digest, debtor_bank)
        if not await store.insert_mandate(db, vault, mandate):
            return Refused(DebitRefusal.REQUEST_REUSED)
        asked = msgspec.structs.replace(request, mandate_id=mandate.wire_id)
        sent = await self._parts.post.tell(
            db, mandate.subject, mandate.debtor_organisation_id, asked
        )
        await store.set_sent(db, mandate.id, sent.message_id)
        await self._watch(db, mandate)
        return mandate.subject

    async def _debtor_bank(
        self, db: Connection, sender: Participant, request: MandateInitiation
    ) -> Participant | Refused:
        today = settlement_date_of(self._parts.core.kernel.business_clock.now())
        refused = check_terms(request.terms, today) or check_limit(sender, request.terms.max_amount)
        if refused is not None:
            return refused
        found = await members.load_by_clearing_code(db, request.debtor.member)
        if found is None or found.organisation_id == sender.organisation_id:
            return Refused(DebitRefusal.DEBTOR_AGENT_WRONG, field="DbtrAgt")
        if found.account(request.terms.max_amount.currency) is None:
            return Refused(DebitRefusal.DEBTOR_AGENT_WRONG, "It lacks the currency.", "DbtrAgt")
        if not await self._parts.router.is_online(db, found):
            return Refused(DebitRefusal.DEBTOR_AGENT_OFFLINE, field="DbtrAgt")
        return found

    def _new(
        self, sender: Participant, header: Header, request: MandateInitiation, digest: bytes,
        debtor_bank: Participant,
    ) -> Mandate:
        kernel = self._parts.core.kernel
        now = kernel.business_clock.now()
        return Mandate(
            id=kernel.ids.new(MANDATE_ID_PREFIX), state="pending",
            creditor_organisation_id=sender.organisation_id,
            debtor_organisation_id=debtor_bank.organisation_id, request_id=request.request_id,
            request_digest=digest, terms=request.terms,
            parties=MandateParties(
                creditor=request.creditor, debtor=request.debtor, contract=request.contract
            ),
            asked_message_id=header.message_id, sent_message_id="", created_at=now,
            answer_due_at=self._due_at(now),
        )

    async def take_amendment(
        self, db: Connection, sender: Participant, header: Header, amendment: MandateAmendment
    ) -> Subject | Refused:
        """pain.010: other terms by the creditor's bank, to be agreed; suspend and resume by the
        debtor's, at once.

        Refused: MANDATE_UNKNOWN, NOT_FOR_SENDER, STATE_DIFFERS, TERMS_MALFORMED.
        """
        mandate = await self._parts.own(db, sender, amendment.mandate_id)
        if mandate is None:
            return Refused(DebitRefusal.MANDATE_UNKNOWN)
        is_creditors = sender.organisation_id == mandate.creditor_organisation_id
        if is_creditors != (amendment.reason == "AMEND"):
            return Refused(DebitRefusal.NOT_FOR_SENDER, field="AmdmntRsn")
        if amendment.reason == "AMEND":
            return await self._propose(db, header, mandate, amendment)
        after: MandateState = "suspended" if amendment.reason == "SUSPEND" else "active"
        if mandate.state == after:
            return mandate.subject
        if mandate.state == "pending" or not may_move(mandate.state, after):
            return Refused(DebitRefusal.STATE_DIFFERS, f"It is {mandate.state}.")
        moved = await store.move(db, mandate, after)
        assert moved, "its row is locked"
        await self._parts.post.tell(
            db, mandate.subject, mandate.creditor_organisation_id, amendment
        )
        await self._parts.record(db, mandate, f"payments.mandate_{after}")
        return mandate.subject

    async def _propose(
        self, db: Connection, header: Header, mandate: Mandate, amendment: MandateAmendment
    ) -> Subject | Refused:
        assert amendment.terms is not None, "AMEND has terms"
        if mandate.state not in {"active", "suspended"}:
            return Refused(DebitRefusal.STATE_DIFFERS, f"It is {mandate.state}.")
        now = self._parts.core.kernel.business_clock.now()
        refused = check_terms(amendment.terms, settlement_date_of(now))
        if refused is not None:
            return refused
        if amendment.terms.max_amount.currency != mandate.terms.max_amount.currency:
            return Refused(DebitRefusal.TERMS_MALFORMED, "The currency stays.", "MaxAmt")
        if amendment.terms.occurrence != mandate.terms.occurrence:
            return Refused(DebitRefusal.TERMS_MALFORMED, "Once or again and again stays.", "SeqTp")
        due_at = self._due_at(now)
        await store.propose(db, mandate, amendment.terms, header.message_id, due_at)
        sent = await self._parts.post.tell(
            db, mandate.subject, mandate.debtor_organisation_id, amendment
        )
        await store.set_sent(db, mandate.id, sent.message_id)
        await self._watch(db, msgspec.structs.replace(mandate, answer_due_at=due_at))
        return mandate.subject

    async def take_cancellation(
        self, db: Connection, sender: Participant, _header: Header,
        cancellation: MandateCancellation,
    ) -> Subject | Refused:
        """pain.011: either bank ends an authorisation, at once; the other one is told.

        What is under way is carried through. Refused: MANDATE_UNKNOWN, STATE_DIFFERS.
        """
        mandate = await self._parts.own(db, sender, cancellation.mandate_id)
        if mandate is None:
            return Refused(DebitRefusal.MANDATE_UNKNOWN)
        if mandate.state == "cancelled":
            return mandate.subject
        if not may_move(mandate.state, "cancelled"):
            return Refused(DebitRefusal.STATE_DIFFERS, f"It is {mandate.state}.")
        now = self._parts.core.kernel.business_clock.now()
        moved = await store.move(
            db, mandate, "cancelled", reason_code=cancellation.reason_code, ended_at=now
        )
        assert moved, "its row is locked"
        other = mandate.other_bank(sender.organisation_id)
        await self._parts.post.tell(db, mandate.subject, other, cancellation)
        await self._parts.record(db, mandate, "payments.mandate_cancelled")
        await self._emit_ended(db, mandate, "cancelled")
        return mandate.subject

    async def expire(self, job: jobs.Job) -> jobs.Done:
        """Job of an authorisation: end what was not answered in time, or is over."""
        await self._parts.core.kernel.database.run(lambda db: self._expire(db, job.key))
        return jobs.Done()

    async def _expire(self, db: Connection, mandate_id: str) -> None:
        mandate = await store.load_mandate(
            db, self._parts.core.vault, mandate_id, is_locking=True
        )
        assert mandate is not None, "authorisations are never deleted"
        now = self._parts.core.kernel.business_clock.now()
        is_unanswered = mandate.answer_due_at is not None and now >= mandate.answer_due_at
        final = mandate.terms.final_date
        is_over = final is not None and settlement_date_of(now) > final
        if may_move(mandate.state, "expired") and (
            is_over or (is_unanswered and mandate.state == "pending")
        ):
            await store.move(db, mandate, "expired", reason_code=EXPIRED, ended_at=now)
            for bank in (mandate.creditor_organisation_id, mandate.debtor_organisation_id):
                await self._parts.post.tell(db, mandate.subject, bank, MandateCancellation(
                    mandate_id=mandate.wire_id, reason_code=EXPIRED,
                    reason_text="The authorisation expired.",
                ))
            await self._parts.record(db, mandate, "payments.mandate_expired")
            await self._emit_ended(db, mandate, "expired")
            return
        if is_unanswered and mandate.proposed_terms is not None:
            await store.settle_proposal(db, mandate, is_accepted=False)
            mandate = msgspec.structs.replace(mandate, answer_due_at=None)
        await self._watch(db, mandate)

    async def _watch(self, db: Connection, mandate: Mandate) -> None:
        """Have the job look at the earliest of the answer's deadline and the final date's end."""
        due = [mandate.answer_due_at] if mandate.answer_due_at else []
        if mandate.terms.final_date is not None and may_move(mandate.state, "expired"):
            day_after = mandate.terms.final_date + timedelta(days=1)
            due.append(datetime.combine(day_after, time(), HONG_KONG))
        if due:
            await jobs.schedule(
                db, queue=MANDATE_QUEUE, key=mandate.id, business_due_at=min(due)
            )

    def _due_at(self, now: datetime) -> datetime:
        return now + timedelta(days=self._parts.core.kernel.settings.mandate_answer_days)

    async def _emit_ended(self, db: Connection, mandate: Mandate, how: str) -> None:
        await outbox.emit(db, self._parts.core.kernel.ids, ENDED_TOPIC, {
            "mandate_id": mandate.id, "how": how,
        })

    async def collections(
        self, db: Connection, mandate: Mandate, count_max: int
    ) -> list[store.CollectionRow]:
        """Return the newest collections under an authorisation."""
        return await store.list_collections(db, mandate.id, count_max)

    async def mandate(
        self, db: Connection, wire_id: str, organisation_id: str
    ) -> Mandate | Refused:
        """Return an authorisation to one of its two banks; to others there is none."""
        mandate = await store.load_mandate(db, self._parts.core.vault, mandate_id_of(wire_id))
        if mandate is None or organisation_id not in {
            mandate.creditor_organisation_id, mandate.debtor_organisation_id
        }:
            return Refused(DebitRefusal.MANDATE_UNKNOWN)
        return mandate

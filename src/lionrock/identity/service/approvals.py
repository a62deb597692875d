"""Approvals: asking, showing to a device, taking answers, expiring.

One transaction holds the approval's row while an answer is counted, so that two officers who answer
at once are counted one after the other and the decision falls exactly once. What one person is
asked for himself, and nobody is told of, needs no holding: it is decided by the one statement that
finds it as it was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from lionrock.identity.domain.approvals import (
    UNCOUNTED_KINDS,
    Answer,
    Approval,
    ApprovalRequest,
    Decision,
    GivenAnswer,
    State,
    answer_acr,
    check_answer,
    check_device,
    check_number,
    check_request,
    drafted,
    in_order,
    read_answer,
    tally,
)
from lionrock.identity.domain.chains import FirmMandate
from lionrock.identity.domain.details import joined_details, narrowed_details
from lionrock.identity.domain.mandates import Mandate
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.proofs import Proof, ProofKind, answer_claims
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.webauthn import site_of
from lionrock.identity.domain.words import Rendered, Template, render
from lionrock.identity.forms.domain import FormRefusal
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.receipts import (
    DECIDED_TOPIC,
    ReceiptRecorder,
    decision_rows,
)
from lionrock.identity.store import approvals as store
from lionrock.identity.store import firms as firms_store
from lionrock.kernel import jobs, outbox, secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.notes import save

EXPIRY_QUEUE = "identity.approval_expiry"
RECOUNT_QUEUE = "identity.approval_recount"
NUMBER_DIGITS = 2
DUE_MAX = 200
# Nobody but the sign-in's own browser waits for its decision, and that looks by itself.
_UNTOLD_KINDS = frozenset({"sign_in"})
RECENT_MAX = 50
# Told of a decision in the same transaction: (db, approval as it was asked, new state).
DecisionListener = Callable[[Connection, Approval, State], Awaitable[None]]


class Approvals:
    """The approval primitive. Every function works in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        mandates: Mandates,
        evidence: ReceiptRecorder,
        templates: Mapping[str, Template],
    ) -> None:
        self._kernel = kernel
        self._mandates = mandates
        self._evidence = evidence
        self._templates = templates
        self._listeners: dict[str, DecisionListener] = {}
        mandates.listen(self._mandate_revoked)

    def listen(self, kind: str, listener: DecisionListener) -> None:
        """Tell a part of this pillar of decisions of a kind, in their transaction."""
        assert kind not in {*self._listeners, *_UNTOLD_KINDS}, "one part owns a kind of approval"
        self._listeners[kind] = listener

    async def request(
        self, db: Connection, asked: ApprovalRequest, number: str | None = None, *,
        is_own_act: bool = False,
    ) -> Approval | Refused:  # fmt: skip
        """Ask persons for a decision; their devices see it at once.

        `number` is the number to match, when the page that shows it was there first. `is_own_act`:
        begun on an own device (a scan, a typed code), so that what others ask is not in its way.

        Refused: template and fields, persons (unknown, suspended), quorum, APPROVALS_PENDING (one
        person is asked too much at once), a missing or too small mandate.
        """
        approval = self.draft(asked, number)
        if isinstance(approval, Refused):
            return approval
        problem = await self._check_persons(
            db, asked, is_counted=not is_own_act and asked.kind not in UNCOUNTED_KINDS
        ) or await self._mandates.check_officers(db, asked)
        if problem is not None:
            return problem
        # From here the approval must be saved.
        await store.insert_approval(db, approval)
        return approval

    def draft(self, asked: ApprovalRequest, number: str | None = None) -> Approval | Refused:
        """Return the approval that a request makes, before anything of its persons is checked.

        Refused: template and fields, quorum.
        """
        problem = check_request(asked)
        if problem is not None:
            return problem
        template = self._templates.get(asked.template)
        if template is None:
            return Refused(IdentityRefusal.APPROVAL_TEMPLATE, field="template")
        shown = render(template, asked.fields, asked.language, secrets.token(32))
        if isinstance(shown, Refused):
            return shown
        to_match = (number or secrets.digits(NUMBER_DIGITS)) if asked.number_match else None
        now = self._kernel.business_clock.now()
        return drafted(asked, shown, self._kernel.ids.new("apr"), to_match, now)

    async def approval(self, db: Connection, approval_id: str) -> Approval | Refused:
        """Return an approval; ask `state_at` for its state, which time may have changed."""
        found = await store.approval(db, approval_id)
        return found or Refused(IdentityRefusal.APPROVAL_UNKNOWN)

    async def answers(self, db: Connection, approval_id: str) -> list[GivenAnswer]:
        """Return the signed answers given so far."""
        return await store.answers(db, approval_id)

    async def pending_for(self, db: Connection, person_id: str) -> list[Approval]:
        """Return what a person is asked now and has not answered, oldest first."""
        return await store.pending_for(db, person_id, self._kernel.business_clock.now())

    async def recent_of(
        self, db: Connection, person_id: str
    ) -> list[tuple[Approval, Decision | None]]:
        """Return what a person was asked lately, open ones first, with the person's own answer."""
        return await store.recent_of(db, person_id, RECENT_MAX)

    async def unanswered(
        self, db: Connection, person_ids: Sequence[str]
    ) -> list[tuple[str, str, str | None]]:
        """Return (person, approval, number to match) of what waits for these persons."""
        return await store.unanswered(db, person_ids, self._kernel.business_clock.now())

    async def answer(
        self,
        db: Connection,
        device: Device,
        approval_id: str,
        text: str,
        kind: ProofKind = "jws",
    ) -> Approval | Refused:
        """Count a device's signed answer; the same proof again returns the same outcome.

        Refused: APPROVAL_UNKNOWN (also when somebody else is asked), ANSWER_*, NUMBER_*,
        APPROVAL_EXPIRED, APPROVAL_DECIDED, APPROVAL_ANSWERED, DEVICE_WAITING, DEVICE_OWN_NOTICE,
        a mandate that ended meanwhile.
        """
        proof = Proof(kind, text)
        found = await store.with_answers(db, approval_id)
        if found is None or device.person_id not in found[0].person_ids:
            return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
        if found[0].is_of_one and found[0].kind in _UNTOLD_KINDS:
            outcome = await self._answer(db, device, found, proof)
            if outcome is not None:
                return outcome
        held = await store.lock_with_answers(db, approval_id)
        if held is None:
            return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
        outcome = await self._answer(db, device, held, proof)
        assert outcome is not None, "the approval's row is held, and this person had not answered"
        return outcome

    async def _answer(
        self, db: Connection, device: Device, read: tuple[Approval, list[GivenAnswer]],
        proof: Proof,
    ) -> Approval | Refused | None:  # fmt: skip
        """Count an answer; None when the approval is not as it was read any more."""
        approval, answered = read
        given = {a.person_id: a for a in answered}
        before = given.get(device.person_id)
        if before is not None and before.proof == proof:
            return approval
        answer = self._read(device, approval, proof)
        if isinstance(answer, Refused):
            return answer
        if before is not None:
            return Refused(IdentityRefusal.APPROVAL_ANSWERED)
        if answer.decision == "approved":
            problem = await self._mandates.check_officer(db, approval, device.person_id)
            if problem is not None:
                return problem
        problem = check_number(approval, answer)
        if problem is not None:
            return await self._refuse_number(db, read, problem)
        # From here the answer must be saved.
        now = self._kernel.business_clock.now()
        mine = GivenAnswer(
            person_id=device.person_id, device_id=device.id, decision=answer.decision,
            answered_at=now, proof=proof, acr=answer_acr(approval, device, now),
        )  # fmt: skip
        answers = in_order(approval, [*given.values(), mine])
        state = await self._count(db, approval, answers)
        told = decision_rows(self._evidence, approval, state, answers)
        if not await store.save_answer(db, approval, mine, state, told):
            return None
        return approval if state == "pending" else await self._tell(db, approval, state)

    async def narrow(
        self, db: Connection, device: Device, approval_id: str, chosen: Sequence[str]
    ) -> Approval | Refused:
        """Leave fields of a form out: words and hash are made anew, and only those are answered.

        Refused: APPROVAL_UNKNOWN, NO_FORM, ANSWERED (or out of time), CHOICE.
        """
        approval = await store.lock_approval(db, approval_id)
        if approval is None or device.person_id not in approval.person_ids:
            return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
        now = self._kernel.business_clock.now()
        is_open = approval.state_at(now) == "pending"
        if not is_open or await store.answers(db, approval_id):
            return Refused(FormRefusal.ANSWERED)
        granted = narrowed_details(approval.details, chosen)
        if isinstance(granted, Refused):
            return granted
        language = approval.shown.language
        fields = {**approval.shown.fields, "details": joined_details(granted, language)}
        template = self._templates[approval.shown.template]
        shown = render(template, fields, language, secrets.token(32))
        assert isinstance(shown, Rendered), "fewer fields of what was shown can be shown"
        await store.save_narrowed(db, approval.id, shown, granted)
        updated = await store.approval(db, approval.id)
        assert updated is not None, "it was just written"
        return updated

    async def withdraw(self, db: Connection, approval_id: str) -> Approval | Refused:
        """Reject an approval on the requester's behalf (the deed was called off)."""
        approval = await store.lock_approval(db, approval_id)
        if approval is None:
            return Refused(IdentityRefusal.APPROVAL_UNKNOWN)
        if approval.state == "pending":
            await self._decide(db, approval, "rejected")
        return await self.approval(db, approval_id)

    async def withdraw_unless_held(self, db: Connection, approval_id: str) -> None:
        """Withdraw an approval, but wait for nobody: one that is being answered now is left alone.

        For a deed that is over on record in this transaction, so that the answer changes nothing.
        """
        if await store.try_lock(db, approval_id):
            await self.withdraw(db, approval_id)

    async def expire(self, db: Connection, approval_id: str) -> bool:
        """Let a pending approval past its time expire; False when there is nothing to do."""
        approval = await store.lock_approval(db, approval_id)
        if approval is None or approval.state != "pending":
            return False
        if self._kernel.business_clock.now() < approval.expires_at:
            return False
        await self._decide(db, approval, "expired")
        return True

    async def due(self, db: Connection) -> list[str]:
        """Return ids of pending approvals past their time, earliest first, a bounded number."""
        return await store.due(db, self._kernel.business_clock.now(), DUE_MAX)

    async def recount(self, db: Connection, approval_id: str) -> bool:
        """End a company's pending approval whose quorum is out of reach; False when it is not.

        It never approves: a yes is counted when it is given.
        """
        held = await store.lock_with_answers(db, approval_id)
        if held is None or held[0].state != "pending":
            return False
        approval, given = held
        if await self._count(db, approval, given) != "rejected":
            return False
        await self._decide(db, approval, "rejected")
        return True

    async def _mandate_revoked(self, db: Connection, mandate: Mandate | FirmMandate) -> None:
        """Recount what the mandate's holder, or for a firm's all its officers, were asked.

        An approval that somebody answers at this very moment is recounted right after: waiting for
        its row here could be waiting for each other.
        """
        if isinstance(mandate, Mandate):
            pending = await store.pending_of_officer(db, mandate.person_id)
        else:
            links = await firms_store.links_from(db, [mandate.company_id])
            reached = sorted({mandate.company_id, *(link.company_id for link in links)})
            pending = await store.pending_of_companies(db, reached)
        for approval_id in pending:
            if await store.try_lock(db, approval_id):
                await self.recount(db, approval_id)
            else:
                await jobs.schedule(db, queue=RECOUNT_QUEUE, key=approval_id)

    async def _check_persons(
        self, db: Connection, asked: ApprovalRequest, *, is_counted: bool
    ) -> Refused | None:
        """Lock in one order (no deadlock), then count: the limit holds among parallel requests."""
        now = self._kernel.business_clock.now()
        for person_id in sorted(asked.person_ids):
            status, pending = await store.hold_person(db, person_id, now)
            if status != "active":
                return Refused(IdentityRefusal.PERSON_UNKNOWN, field="person_ids")
            limit = self._kernel.settings.limit_approvals_pending
            if is_counted and is_reached(limit, pending):
                return Refused(IdentityRefusal.APPROVALS_PENDING, field="person_ids")
        return None

    async def _count(
        self, db: Connection, approval: Approval, given: Sequence[GivenAnswer]
    ) -> State:
        """Count answers; a company's officer whose mandate ended meanwhile counts no longer."""
        rejected = {answer.person_id for answer in given if answer.decision == "rejected"}
        lost = {
            person_id for person_id in approval.person_ids
            if person_id not in rejected
            and await self._mandates.check_officer(db, approval, person_id) is not None
        }  # fmt: skip
        counted = [answer.decision for answer in given if answer.person_id not in lost]
        return tally(approval, counted, len(lost))

    def _read(self, device: Device, approval: Approval, proof: Proof) -> Answer | Refused:
        claims = answer_claims(proof, device, site_of(self._kernel.settings.public_url))
        if isinstance(claims, Refused):
            return claims
        answer = read_answer(claims)
        if isinstance(answer, Refused):
            return answer
        now = self._kernel.business_clock.now()
        problem = check_answer(
            approval, answer, person_id=device.person_id, now=now,
            wire_now_s=self._kernel.wire_clock.now_s(),
        ) or check_device(approval, answer.decision, device, now)  # fmt: skip
        return problem or answer

    async def _refuse_number(
        self, db: Connection, read: tuple[Approval, list[GivenAnswer]], refused: Refused
    ) -> Refused | None:
        """A wrong number is kept count of; the last one rejects the approval.

        It is counted the way that a right one is saved, so that many numbers given at once are
        tried one after the other. None when the approval is not as it was read any more.
        """
        if refused.refusal is not IdentityRefusal.NUMBER_WRONG:
            return refused
        assert refused.keep, "the counted try must survive the refusal"
        approval, answers = read
        state: State = "rejected" if approval.tries_left == 1 else "pending"
        now = self._kernel.business_clock.now()
        told = decision_rows(self._evidence, approval, state, answers)
        if not await store.use_try(db, approval, state, now, told):
            return None
        if state == "rejected":
            await self._tell(db, approval, state)
        return refused

    async def _decide(
        self, db: Connection, approval: Approval, state: State
    ) -> Approval:
        """Leave "pending" without an answer that decides: too late, called off, out of reach."""
        now = self._kernel.business_clock.now()
        is_first = await store.decide(db, approval.id, state, now)
        assert is_first, "the approval's row is held, and it was pending"
        answers = await store.answers(db, approval.id)
        await save(db, [((), decision_rows(self._evidence, approval, state, answers))])
        return await self._tell(db, approval, state)

    async def _tell(self, db: Connection, approval: Approval, state: State) -> Approval:
        """Tell of a decision that was saved with its receipt: listener, event."""
        assert state != "pending", "a decision leaves pending"
        now = self._kernel.business_clock.now()
        listener = self._listeners.get(approval.kind)
        if listener is not None:
            await listener(db, approval, state)
        if approval.kind not in _UNTOLD_KINDS:
            await outbox.emit(
                db, self._kernel.ids, DECIDED_TOPIC,
                {
                    "approval_id": approval.id, "kind": approval.kind,
                    "reference": approval.reference, "decision": state,
                },
            )  # fmt: skip
        return msgspec.structs.replace(approval, state=state, decided_at=now)

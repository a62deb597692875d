"""Payouts: the company claims a milestone, the office releases it, the switch pays it, once.

The payment is taken in the same transaction that marks the payout released; the switch's own job
drives it. What became of it comes as an event, at least once.
"""

from __future__ import annotations

import msgspec

from lionrock.directory.api import PROGRAMME_OFFICE
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.ids import u128
from lionrock.kernel.money import Money
from lionrock.kernel.outbox import Event
from lionrock.payments.api import CreditTransferOrder
from lionrock.programmes.cases.documents import words
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.rules import (
    REPORT_LENGTH_MAX,
    check_claim,
    is_prose,
    milestone_amounts,
    sha256_hex,
)
from lionrock.programmes.cases.domain.states import (
    CaseState,
    PayoutState,
    PayoutStep,
    Step,
    move_payout,
)
from lionrock.programmes.cases.domain.values import CURRENCY, Award, Case, Payout
from lionrock.programmes.cases.service.desk import APPLY_SCOPE, COMMITTEE, Actor, Desk
from lionrock.programmes.cases.store import cases, money

ATTEMPTS_MAX = 9


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a company claims: the milestone (from 1), its whole amount, and what was reached."""

    milestone: int
    amount_minor: int
    report: str


class Payouts:
    """Use cases of paying out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def claim(
        self, db: Connection, actor: Actor, case_id: str, claim: Claim
    ) -> Payout | Refused:
        """Claim a milestone of an agreed case.

        Refused: CASE_NOT_FOUND, NOT_AGREED, MILESTONE_UNKNOWN, MILESTONE_CLAIMED,
        PAYOUT_ABOVE_AWARD, PAYOUT_AMOUNT, MANDATE_MISSING.
        """
        case = await self._desk.locked_own_case(db, actor, case_id)
        if isinstance(case, Refused):
            return case
        if case.state is not CaseState.AGREED:
            return Refused(CaseRefusal.NOT_AGREED, f"The case is {case.state.value}.")
        if not is_prose(claim.report, REPORT_LENGTH_MAX):
            detail = f"1 to {REPORT_LENGTH_MAX} characters."
            return Refused(CaseRefusal.PROPOSAL_MALFORMED, detail, field="report")
        award = await self._award(db, case)
        amounts = milestone_amounts(award.amount_minor, case.proposal.milestones)
        before = await money.payouts(db, case.id)
        refused = check_claim(amounts, claim.milestone, claim.amount_minor, before)
        if refused is not None:
            return refused
        mandate = await self._desk.mandate_for(db, actor, APPLY_SCOPE, claim.amount_minor)
        if isinstance(mandate, Refused):
            return mandate
        # From here the claim is kept.
        payout = Payout(
            id=self._desk.kernel.ids.new("pyo"), case_id=case.id, milestone=claim.milestone,
            amount_minor=claim.amount_minor, state=PayoutState.CLAIMED, report=claim.report,
            claimed_by=actor.person_id, claimed_at=self._desk.now(),
        )  # fmt: skip
        is_first = await money.insert_payout(db, payout)
        assert is_first, "the case was locked and the milestone free"
        await self._desk.note(
            db, case, "payout_claimed", actor.person_id, references={"payout_id": payout.id},
            digests={"report": sha256_hex(claim.report.encode())},
        )  # fmt: skip
        return payout

    async def release(
        self, db: Connection, actor: Actor, case_id: str, payout_id: str
    ) -> Payout | Refused:
        """Release a claim, or a payout whose payment was rejected, to the switch.

        Refused: NOT_STAFF, CASE_NOT_FOUND, SELF_REVIEW, PAYOUT_NOT_FOUND,
        PAYOUT_RELEASED_ALREADY, PAYOUT_NOT_TAKEN (the switch's reason in the detail).
        """
        case = await self._desk.locked_staff_case(db, actor, COMMITTEE, case_id)
        if isinstance(case, Refused):
            return case
        is_own = await self._desk.holds_mandate(db, actor.person_id, case.company_id)
        if is_own or actor.person_id == case.applicant_id:
            return Refused(CaseRefusal.SELF_REVIEW)
        before = await money.payout(db, payout_id)
        if before is None or before.case_id != case.id:
            return Refused(CaseRefusal.PAYOUT_NOT_FOUND)
        state = move_payout(before.state, PayoutStep.RELEASE)
        if isinstance(state, Refused):
            return state
        if before.attempt >= ATTEMPTS_MAX:
            detail = f"{ATTEMPTS_MAX} payments were rejected."
            return Refused(CaseRefusal.PAYOUT_NOT_TAKEN, detail)
        attempt = before.attempt + 1
        award = await self._award(db, case)
        payment = await self._desk.payments.initiate_credit_transfer(
            db, self._order(case, award, before, attempt)
        )
        if isinstance(payment, Refused):
            detail = f"{payment.refusal.value}: {payment.detail}".rstrip(": ")
            return Refused(CaseRefusal.PAYOUT_NOT_TAKEN, detail)
        after = msgspec.structs.replace(
            before, state=state, attempt=attempt, payment_id=payment.id, reason_code="",
            released_by=actor.person_id,
        )  # fmt: skip
        await money.save_payout(db, before, after)
        await self._desk.note(
            db, case, "payout_released", actor.person_id,
            references={"payout_id": after.id, "payment_id": after.payment_id},
        )  # fmt: skip
        return after

    async def on_payment_settled(self, event: Event) -> None:
        """The switch has paid: the payout is paid, and the case complete with its last one."""
        await self._on_payment(event, PayoutStep.SETTLE)

    async def on_payment_rejected(self, event: Event) -> None:
        """The switch could not pay and no money moved: the payout may be released again."""
        await self._on_payment(event, PayoutStep.FAIL)

    async def _on_payment(self, event: Event, step: PayoutStep) -> None:
        payment_id = str(event.payload["payment_id"])
        payout_id = str(event.payload["reference"])
        reason_code = str(event.payload.get("reason_code", ""))
        if not payout_id:
            return  # a payment between banks: no pillar ordered it

        async def use_case(db: Connection) -> None:
            found = await money.payout(db, payout_id)
            if found is None:
                return  # a payment of somebody else
            case = await cases.lock_case(db, found.case_id)
            before = await money.payout(db, payout_id)
            assert case is not None and before is not None, "payouts belong to cases"
            if before.payment_id != payment_id or before.state is not PayoutState.RELEASED:
                return  # a repeat, or news of an earlier attempt
            await self._finish(db, case, before, step, reason_code)

        await self._desk.kernel.database.run(use_case)

    async def _finish(
        self, db: Connection, case: Case, before: Payout, step: PayoutStep, reason_code: str
    ) -> None:
        state = move_payout(before.state, step)
        assert not isinstance(state, Refused), "a released payout takes either outcome"
        is_paid = state is PayoutState.PAID
        after = msgspec.structs.replace(
            before, state=state, reason_code="" if is_paid else reason_code,
            paid_at=self._desk.now() if is_paid else None,
        )  # fmt: skip
        await money.save_payout(db, before, after)
        await self._desk.note(
            db, case, "payout_paid" if is_paid else "payout_failed", "",
            references={"payout_id": after.id, "payment_id": after.payment_id},
        )  # fmt: skip
        payouts = await money.payouts(db, case.id)
        is_all = len(payouts) == len(case.proposal.milestones)
        if is_all and all(payout.state is PayoutState.PAID for payout in payouts):
            completed = await self._desk.move(db, case, Step.COMPLETE)
            assert not isinstance(completed, Refused), "an agreed case is completed once"
            await self._desk.note(db, completed, "case_completed", "")

    async def _award(self, db: Connection, case: Case) -> Award:
        award = await money.newest_award(db, case.id)
        assert award is not None and award.state == "posted", "an agreed case has a standing award"
        return award

    def _order(
        self, case: Case, award: Award, payout: Payout, attempt: int
    ) -> CreditTransferOrder:
        """The end-to-end id names payout and attempt, so that a repeat is the same payment."""
        number = payout.id.rsplit("_", 1)[1]
        names = case.parties.company_names
        return CreditTransferOrder(
            debit_account_id=u128(award.account_id),
            debtor_name=words.OFFICE_NAME.en,
            amount=Money(payout.amount_minor, CURRENCY),
            creditor_proxy_kind=case.proposal.payout_proxy_kind,
            creditor_proxy=case.proposal.payout_proxy,
            end_to_end_id=f"{number}.{attempt}",
            initiator_org=PROGRAMME_OFFICE,
            remittance=f"Milestone {payout.milestone} of {case.id}",
            reference=payout.id,
            references={"case_id": case.id, "payout_id": payout.id},
            # The applicant wrote the proxy; the award is the company's, whoever that stands for.
            creditor_names=(names.en, names.zh_hant, names.zh_hans),
        )

"""Budgets and awards: three beats each, with ids that were saved before the ledger hears of them.

A budget is an account that cannot be overdrawn; an award is a posted transfer from it to the case's
own commitment account. So an over-commitment is refused by the ledger (exceeds_credits) and by
nothing else: two committees that decide at once cannot both spend the last dollar.
Source: docs/decisions/0001 (a budget is a ledger account).
"""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import HONG_KONG
from lionrock.kernel.ids import u128
from lionrock.kernel.jobs import Again, Done, Job
from lionrock.kernel.money import Money
from lionrock.ledger.api import (
    AccountDraft,
    AccountFlags,
    AccountResult,
    TransferDraft,
    TransferOutcome,
    TransferResult,
    Unavailable,
)
from lionrock.payments.api import LEDGER_OF_CURRENCY
from lionrock.programmes.cases.documents import render_agreement
from lionrock.programmes.cases.documents.agreement import AgreementTerms
from lionrock.programmes.cases.domain.refusals import CaseRefusal
from lionrock.programmes.cases.domain.rules import AMOUNT_MINOR_MAX, sha256_hex
from lionrock.programmes.cases.domain.states import CaseState, Step
from lionrock.programmes.cases.domain.values import (
    CURRENCY,
    Award,
    Budget,
    Case,
    Document,
    Funding,
)
from lionrock.programmes.cases.service.desk import Desk
from lionrock.programmes.cases.store import cases, money, review

LEDGER = LEDGER_OF_CURRENCY[CURRENCY]
SOURCE_ACCOUNT_CODE = 3001
BUDGET_ACCOUNT_CODE = 3002
COMMITMENT_ACCOUNT_CODE = 3003
FUNDING_TRANSFER_CODE = 3101
AWARD_TRANSFER_CODE = 3102
RETRY_MS = 500
PROGRAMMES_MAX = 200
_NOT_OVERDRAWN = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_OPENED = frozenset({AccountResult.OK, AccountResult.EXISTS})
_CARRIED_OUT = frozenset({TransferResult.OK, TransferResult.EXISTS})


class Awards:
    """Use cases of the office's money."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def fund_budget(
        self, programme_id: str, amount: Money, reference: str
    ) -> Funding | Refused:
        """Put money into a programme's budget, opening it first; the same reference funds once.

        Refused: BUDGET_MALFORMED, PROGRAMME_UNKNOWN. Raises Unavailable; the same call goes on.
        """
        done = await self.fund_budgets([programme_id], amount, reference)
        return done if isinstance(done, Refused) else done[0]

    async def fund_budgets(
        self, programme_ids: Sequence[str], amount: Money, reference: str
    ) -> list[Funding] | Refused:
        """Put the same sum into several budgets, in three beats for all; see fund_budget."""
        is_in_range = amount.currency == CURRENCY and 0 < amount.amount_minor <= AMOUNT_MINOR_MAX
        is_bounded = 0 < len(programme_ids) <= PROGRAMMES_MAX and 0 < len(reference) <= 128
        if not is_in_range or not is_bounded:
            return Refused(CaseRefusal.BUDGET_MALFORMED)
        if not all(self._desk.judge.knows(each) for each in programme_ids):
            return Refused(CaseRefusal.PROGRAMME_UNKNOWN, field="programme_id")

        async def save(db: Connection) -> list[tuple[Budget, Funding]]:
            return [
                await self._save_funding(db, programme_id, amount, reference)
                for programme_id in sorted(set(programme_ids))
            ]

        saved = await self._desk.kernel.database.run(save)
        if any(funding.amount_minor != amount.amount_minor for _, funding in saved):
            return Refused(CaseRefusal.BUDGET_MALFORMED, "The reference was used for another sum.")
        await self._open([account for budget, _ in saved for account in _accounts(budget)])
        outcomes = await self._desk.ledger.create_transfers([
            _transfer(
                funding.id, budget.source_account_id, budget.account_id, funding.amount_minor,
                FUNDING_TRANSFER_CODE,
            )
            for budget, funding in saved
        ])  # fmt: skip
        results = {outcome.result for outcome in outcomes}
        assert results <= _CARRIED_OUT, f"funding is without limit: {results}"

        async def finish(db: Connection) -> list[Funding]:
            for (_, funding), outcome in zip(saved, outcomes, strict=True):
                await money.finish_funding(db, funding.id, str(outcome.result))
            return [funding for _, funding in saved]

        return await self._desk.kernel.database.run(finish)

    async def post(self, award_id: str) -> None:
        """Second and third beat of an award: ask the ledger, save its answer. Repeats do nothing.

        Raises Unavailable when the ledger does not answer; the job tries again.
        """
        award, budget = await self._desk.kernel.database.run(
            lambda db: self._load_committing(db, award_id)
        )
        if award.state != "committing":
            return
        await self._open([_account(award.account_id, COMMITMENT_ACCOUNT_CODE, _NOT_OVERDRAWN)])
        (outcome,) = await self._desk.ledger.create_transfers([
            _transfer(
                award.id, budget.account_id, award.account_id, award.amount_minor,
                AWARD_TRANSFER_CODE,
            )
        ])  # fmt: skip
        await self._desk.kernel.database.run(lambda db: self._save_outcome(db, award, outcome))

    async def redrive(self, job: Job) -> Done | Again:
        """Job: carry an award through, however often it was interrupted."""
        try:
            await self.post(job.key)
        except Unavailable:
            return Again(after_ms=RETRY_MS)
        return Done()

    async def _save_funding(
        self, db: Connection, programme_id: str, amount: Money, reference: str
    ) -> tuple[Budget, Funding]:
        ids, now = self._desk.kernel.ids, self._desk.now()
        budget = Budget(
            programme_id=programme_id, account_id=ids.new("acc"),
            source_account_id=ids.new("acc"),
        )  # fmt: skip
        budget = await money.insert_budget(db, budget, now)
        funding = Funding(
            id=ids.new("fnd"), programme_id=programme_id, amount_minor=amount.amount_minor
        )
        return budget, await money.insert_funding(db, funding, reference, now)

    async def _load_committing(self, db: Connection, award_id: str) -> tuple[Award, Budget]:
        award = await money.award(db, award_id)
        assert award is not None, "an award is saved before it is committed"
        case = await cases.lock_case(db, award.case_id)
        assert case is not None, "awards belong to cases"
        budget = await money.budget_of(db, case.programme_id)
        assert budget is not None, "a case is approved only where there is a budget"
        return award, budget

    async def _open(self, drafts: list[AccountDraft]) -> None:
        results = await self._desk.ledger.create_accounts(drafts)
        assert set(results) <= _OPENED, f"ids of accounts are our own: {results}"

    async def _save_outcome(
        self, db: Connection, award: Award, outcome: TransferOutcome
    ) -> None:
        case = await cases.lock_case(db, award.case_id)
        assert case is not None, "awards belong to cases"
        is_posted = outcome.result in _CARRIED_OUT
        is_first = await money.finish_award(
            db, award.id, "posted" if is_posted else "refused", str(outcome.result),
            outcome.ledger_sequence, self._desk.now() if is_posted else None,
        )  # fmt: skip
        if not is_first:
            return
        assert case.state is CaseState.COMMITTING, "the award was under way"
        step = Step.COMMIT if is_posted else Step.REFUSE_COMMITMENT
        after = await self._desk.move(db, case, step)
        assert not isinstance(after, Refused), "a committing case takes either outcome"
        references = {"award_id": award.id, "ledger_result": str(outcome.result)}
        if not is_posted:
            await self._desk.note(db, after, "award_refused_by_ledger", "", references=references)
            return
        digest = await self._prepare_agreement(db, after, award)
        await self._desk.note(
            db, after, "award_posted", "", references=references,
            digests={"agreement_unsigned": digest},
        )  # fmt: skip

    async def _prepare_agreement(self, db: Connection, case: Case, award: Award) -> str:
        application = await cases.newest_document(db, case.id, "application")
        decisions = await review.decisions(db, case.id)
        assert application is not None and decisions, "an award follows an application's decision"
        terms = AgreementTerms(
            award_id=award.id, amount_minor=award.amount_minor,
            committed_on=self._desk.now().astimezone(HONG_KONG).date(),
            reasons=decisions[-1].reasons, application_sha256=application.sha256,
        )  # fmt: skip
        pdf = render_agreement(case, terms, self._desk.kernel.settings.city)
        document = Document(
            case_id=case.id, kind="agreement", version=1, sha256=sha256_hex(pdf), content=pdf,
            signed_by=(),
        )  # fmt: skip
        await cases.insert_document(db, document, self._desk.now())
        return document.sha256


def _account(account_id: str, code: int, flags: int) -> AccountDraft:
    return AccountDraft(id=u128(account_id), ledger=LEDGER, code=code, flags=flags)


def _accounts(budget: Budget) -> tuple[AccountDraft, AccountDraft]:
    return (
        _account(budget.source_account_id, SOURCE_ACCOUNT_CODE, 0),
        _account(budget.account_id, BUDGET_ACCOUNT_CODE, _NOT_OVERDRAWN),
    )


def _transfer(
    transfer_id: str, debit_id: str, credit_id: str, amount_minor: int, code: int
) -> TransferDraft:
    assert amount_minor > 0, "nothing is transferred for nothing"
    assert debit_id != credit_id, "money moves between two accounts"
    return TransferDraft(
        id=u128(transfer_id), debit_account_id=u128(debit_id), credit_account_id=u128(credit_id),
        amount=amount_minor, ledger=LEDGER, code=code,
    )  # fmt: skip

"""A simulated bank's side of the switch: what it does with each message, and how it pays.

It is a strict bank: it books each payment once, by UETR, answers from its own durable outbox, and
follows what the switch says in the end: confirmed stays, rejected is reversed. Where it misbehaves
it does so by a magic amount (bank_magic.py).
Not for: HTTP and pages (bank.py). Source: ISO 20022 pacs.008, pacs.002, admi.002 in the switch's
usage, through payments.api's codec.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    SWITCH_MEMBER,
    CreditTransfer,
    Document,
    Envelope,
    Header,
    MessageReject,
    PartyAccount,
    Proxy,
    StatusReport,
    compare_names,
    settlement_date_of,
    uetr_of,
    write_envelope,
)
from lionrock.sandbox.world.bank_books import Account, Books, Entry, EntryStatus
from lionrock.sandbox.world.bank_magic import LATE_S, REASONS, Behaviour, behaviour_of
from lionrock.sandbox.world.frame import WorldContext

ACCOUNT_UNKNOWN, CURRENCY_WRONG, DUPLICATION = "AC01", "AM03", "AM05"
NAME_WRONG = "BE01"
_REASON_OF_STATUS = {"closed": "AC04", "blocked": "AC06"}
NOT_PROVIDED = "NOTPROVIDED"
TRANSFER = "pacs.008.001.08"


_Take: TypeAlias = Callable[[Connection, Header, Any], Awaitable[None]]


ServiceClass: TypeAlias = Literal["C1", "C2"]
PayeeVerification: TypeAlias = Literal["PERFORM", "SKIP", ""]


class Payee(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer's payment goes, as the bank found out."""

    clearing_code: str
    name: str
    account: str = NOT_PROVIDED
    proxy: Proxy | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank does with a transfer: misbehave, refuse for a reason, answer later."""

    behaviour: Behaviour = Behaviour.NORMAL
    reason: str = ""
    delay_ms: int = 0


async def plan_by_amount(_db: Connection, transfer: CreditTransfer) -> Plan:
    """Misbehave by magic amounts only."""
    return Plan(behaviour=behaviour_of(transfer.amount.amount_minor))


class BankPayments:
    """The payments desk of one bank. Methods run in the caller's transaction."""

    def __init__(
        self, context: WorldContext, bank_id: str, clearing_code: str,
        switch_member: str = SWITCH_MEMBER,
    ) -> None:
        self._context = context
        self._code = clearing_code
        self._switch = switch_member
        self.books = Books(context, bank_id)
        self._takes: dict[type, _Take] = {
            CreditTransfer: self._take_transfer, StatusReport: self._take_report,
        }
        self._reports: dict[str, _Take] = {}
        # Set by the desk that simulates (bank_simulation.py).
        self.plan: Callable[[Connection, CreditTransfer], Awaitable[Plan]] = plan_by_amount

    def extend(self, takes: Mapping[type, _Take], reports: Mapping[str, _Take]) -> None:
        """Add what a further desk understands; reports are by the original's definition."""
        assert not self._takes.keys() & takes.keys(), "one desk for each kind of document"
        self._takes |= takes
        self._reports |= reports

    async def take(self, db: Connection, envelope: Envelope) -> None:
        """Take a message of the switch; what no desk understands is let be."""
        document = envelope.document
        if type(document) in self._takes:
            await self._takes[type(document)](db, envelope.header, document)

    async def _take_report(self, db: Connection, header: Header, report: StatusReport) -> None:
        """pacs.002: follow the outcome once, at the desk whose message it is about."""
        if not await self.books.is_first(db, header.message_id):
            return
        if report.original_definition in self._reports:
            await self._reports[report.original_definition](db, header, report)
        else:
            await self._take_status(db, report)

    async def _take_transfer(
        self, db: Connection, header: Header, transfer: CreditTransfer
    ) -> None:
        """pacs.008: credit once and answer; a repeat is answered again, never credited again."""
        there = await self.books.entry(db, transfer.uetr)
        plan = await self.plan(db, transfer)
        behaviour = plan.behaviour
        if behaviour is Behaviour.REJECT_MESSAGE:
            await self._reject_message(db, header, transfer)
            return
        if there is None:
            there = await self._book_credit(db, header, transfer, plan)
        elif there.direction == "in" and there.amount_minor != transfer.amount.amount_minor:
            await self._refuse_duplicate(db, header, transfer)
            return
        if there.direction != "in" or there.status == "ignored":
            return
        report = self.report(there)
        late_ms = LATE_S * 1_000 if behaviour is Behaviour.LATE else plan.delay_ms
        later = self._context.wire_clock.now() + timedelta(milliseconds=late_ms)
        due_at = later if late_ms else None
        await self.answer(db, f"a{transfer.uetr[:8]}", there, report, due_at)
        if behaviour is Behaviour.TWICE:
            await self.answer(db, f"b{transfer.uetr[:8]}", there, report, due_at)
        if behaviour is Behaviour.CONTRADICT:
            taken_back = msgspec.structs.replace(report, status="RJCT", reason_code="AC04")
            after = self._context.wire_clock.now() + timedelta(seconds=1)
            await self.answer(db, f"c{transfer.uetr[:8]}", there, taken_back, after)

    async def _book_credit(
        self, db: Connection, header: Header, transfer: CreditTransfer, plan: Plan
    ) -> Entry:
        account = await self.books.account(db, transfer.creditor.account)
        reason = _refusal(account, transfer, plan.behaviour) or plan.reason
        status: EntryStatus = "refused" if reason else "credited"
        if plan.behaviour is Behaviour.SILENT:
            status, reason = "ignored", ""
        entry = Entry(
            uetr=transfer.uetr, direction="in", status=status, account=transfer.creditor.account,
            amount_minor=transfer.amount.amount_minor, currency=transfer.amount.currency,
            counterparty=transfer.debtor.name, transaction_id=transfer.transaction_id,
            end_to_end_id=transfer.end_to_end_id, message_id=header.message_id,
            remittance=transfer.remittance, booked_at=self._context.business_clock.now(),
            reason=reason,
        )
        await self.books.book(db, entry)
        return entry

    async def _take_status(self, db: Connection, report: StatusReport) -> None:
        """pacs.002 of the switch: the outcome, which the books follow."""
        if report.status == "PDNG":
            return
        is_settled = report.status != "RJCT"

        def follow(entry: Entry) -> Entry:
            return msgspec.structs.replace(
                entry, status=_outcome(entry, is_settled=is_settled),
                reason=report.reason_code or entry.reason,
            )

        followed = await self.books.change_entry(db, report.uetr, follow)
        if followed is None and not is_settled:
            # The rejection overtook the transfer: remember it, so that it is never credited.
            await self.books.book(db, self._tombstone(report))

    async def take_refusal(self, db: Connection, uetr: str, reason: str) -> None:
        """The switch refused a customer's payment unread: the money is back on the account."""

        def give_back(entry: Entry) -> Entry:
            if (entry.direction, entry.status) != ("out", "pending"):
                return entry
            return msgspec.structs.replace(entry, status="returned", reason=reason)

        await self.books.change_entry(db, uetr, give_back)

    async def originate(
        self, db: Connection, account: Account, payee: Payee, amount: Money, *,
        end_to_end_id: str, remittance: str, service_class: ServiceClass = "C1",
        request_id: str = "", payee_verification: PayeeVerification = "",
    ) -> Entry | None:
        """Pay for a customer: debit the account and send a pacs.008; None without the money."""
        if not await self.books.has_funds(db, account.number, amount):
            return None
        payment_id = self._context.ids.new("wpy")
        transaction_id = payment_id.removeprefix("wpy_")
        entry = Entry(
            uetr=uetr_of(payment_id), direction="out", status="pending", account=account.number,
            amount_minor=amount.amount_minor, currency=amount.currency, counterparty=payee.name,
            transaction_id=transaction_id, end_to_end_id=end_to_end_id,
            message_id=transaction_id, remittance=remittance,
            booked_at=self._context.business_clock.now(),
        )
        transfer = CreditTransfer(
            settlement_date=settlement_date_of(entry.booked_at), end_to_end_id=end_to_end_id,
            transaction_id=transaction_id, uetr=entry.uetr, amount=amount,
            debtor=PartyAccount(name=account.name, account=account.number, member=self._code),
            creditor=PartyAccount(
                name=payee.name, account=payee.account, member=payee.clearing_code
            ),
            proxy=payee.proxy, remittance=remittance, service_class=service_class,
            request_id=request_id, payee_verification=payee_verification or msgspec.UNSET,
        )
        await self.books.book(db, entry)
        await self.send(db, transaction_id, transfer)
        return entry

    async def answer(
        self, db: Connection, prefix: str, entry: Entry, report: StatusReport,
        due_at: datetime | None = None,
    ) -> None:
        """Answer the switch; asked again, the same answer is sent again."""
        # The MsgId follows from the payment, so that answering again is the same message.
        message_id = f"{prefix}{entry.uetr.replace('-', '')[8:]}"
        outgoing = await self.books.outbox(db, message_id)
        if outgoing is None:
            await self.send(db, message_id, report, due_at)
        else:
            await self.books.repost(db, message_id)

    async def _refuse_duplicate(
        self, db: Connection, header: Header, transfer: CreditTransfer
    ) -> None:
        """Another transfer under ids that stand for one: refused, and the first one stands."""
        report = StatusReport(
            original_message_id=header.message_id, original_definition=TRANSFER,
            end_to_end_id=transfer.end_to_end_id, transaction_id=transfer.transaction_id,
            uetr=transfer.uetr, status="RJCT", amount=transfer.amount, reason_code=DUPLICATION,
        )
        await self.send(db, f"d{header.message_id}"[:35], report)

    async def _reject_message(
        self, db: Connection, header: Header, transfer: CreditTransfer
    ) -> None:
        reject = MessageReject(
            related_reference=header.message_id, reason="bank.magic",
            rejected_at=self._context.business_clock.now(),
            description="This amount makes the bank refuse the message.",
        )
        await self.send(db, f"r{transfer.uetr.replace('-', '')}", reject)

    async def send(
        self, db: Connection, message_id: str, document: Document, due_at: datetime | None = None
    ) -> None:
        """Put a message to the switch into the outbox."""
        header = Header(
            from_member=self._code, to_member=self._switch, message_id=message_id,
            created_at=self._context.business_clock.now(),
        )
        content = write_envelope(Envelope(header, document))
        await self.books.post(db, message_id, content, due_at)

    def report(self, entry: Entry, definition: str = TRANSFER) -> StatusReport:
        """The pacs.002 that answers a message about an entry."""
        is_refused = entry.status == "refused"
        return StatusReport(
            original_message_id=entry.message_id, original_definition=definition,
            end_to_end_id=entry.end_to_end_id, transaction_id=entry.transaction_id,
            uetr=entry.uetr, status="RJCT" if is_refused else "ACCC",
            amount=Money(entry.amount_minor, entry.currency),
            reason_code=entry.reason if is_refused else "",
        )

    def _tombstone(self, report: StatusReport) -> Entry:
        return Entry(
            uetr=report.uetr, direction="in", status="ignored", account=NOT_PROVIDED,
            amount_minor=report.amount.amount_minor, currency=report.amount.currency,
            counterparty="", transaction_id=report.transaction_id,
            end_to_end_id=report.end_to_end_id, message_id=report.original_message_id,
            remittance="", booked_at=self._context.business_clock.now(),
            reason=report.reason_code,
        )


def _refusal(account: Account | None, transfer: CreditTransfer, behaviour: Behaviour) -> str:
    """The reason code for which a bank refuses a credit, "" when it credits."""
    if behaviour in REASONS:
        return REASONS[behaviour]
    if account is None:
        return ACCOUNT_UNKNOWN
    if account.status != "open":
        return _REASON_OF_STATUS[account.status]
    if transfer.amount.currency not in account.balances:
        return CURRENCY_WRONG
    # The switch hands the wish on; only the bank knows in whose name the account is.
    is_asked = transfer.payee_verification == "PERFORM"
    is_another = is_asked and compare_names(transfer.creditor.name, account.name) == "no_match"
    return NAME_WRONG if is_another else ""


def _outcome(entry: Entry, *, is_settled: bool) -> EntryStatus:
    """What the switch's final word does to an entry; told again it changes nothing."""
    if entry.status == "refused":
        return entry.status
    if entry.status == "collecting":
        return "confirmed" if is_settled else "refused"
    if entry.direction == "out":
        return "paid" if is_settled else "returned"
    if entry.status == "credited":
        return "confirmed" if is_settled else "reversed"
    return entry.status


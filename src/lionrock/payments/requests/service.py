"""Use cases of requests to pay (pain.013, pain.014), and the transfers that pay them.

The switch passes a request on under its own identifier (PmtInfId), which the transfer names
(RltdRmtInf/RmtId). Runs in the request's transaction; a job expires what was not paid.
Invariants: one payment pays a request; who neither asked nor was asked learns nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.payments.domain.iso20022 import (
    CancellationAnswer,
    CancellationRequest,
    Header,
    PartyAccount,
    PaymentRequest,
    RequestReport,
)
from lionrock.payments.domain.iso20022.requests import PAYMENT_REQUEST, RequestStatus
from lionrock.payments.domain.payments import Payment, Subject, order_digest_of
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.requests import store
from lionrock.payments.requests.domain import (
    ALREADY_EXPIRED,
    REASONS,
    WITHDRAWAL_REASON_OF_STATE,
    Request,
    RequestState,
    check_acceptance,
    check_expiry,
    may_move,
    reason_against_payment,
)
from lionrock.payments.requests.errors import RequestRefusal
from lionrock.payments.service.inbox import Handling, Take
from lionrock.payments.service.orders import Claim
from lionrock.payments.service.parts import RoomParts
from lionrock.payments.service.routing import check_limit
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

REQUEST_PREFIX = "rtp"
REQUEST_QUEUE = "payments.requests"
PAID_TOPIC = "payments.request_paid"


class Requests:
    """The room of requests to pay."""

    def __init__(self, parts: RoomParts) -> None:
        self._parts = parts
        parts.orders.claims.append(Claim(
            is_borne=lambda payment: bool(payment.parties.request_id), ask=self.claim
        ))
        parts.switch.listen(self.on_closed)

    def handlings(self) -> Mapping[type, Handling]:
        """The rows of the inbox that are about requests to pay."""
        return {
            PaymentRequest: Handling(take=self.take_request),
            RequestReport: Handling(take=self.take_report),
        }

    def withdrawals(self) -> Mapping[str, Take]:
        """The camt.056 that is about a request to pay."""
        return {PAYMENT_REQUEST: self.withdraw}

    def handlers(self) -> Mapping[str, JobHandler]:
        """The room's background work by queue."""
        return {REQUEST_QUEUE: self.expire}

    async def take_request(
        self, db: Connection, sender: Participant, header: Header, asked: PaymentRequest
    ) -> Subject | Refused:
        """pain.013: keep the request and pass it on; the same one again (PmtInfId) is the same.

        Refused: AGENT_DIFFERS, REQUEST_REUSED, EXPIRY_WRONG, DEBTOR_AGENT_WRONG and _OFFLINE, and
        those of limits and proxies.
        """
        if asked.creditor.member != sender.clearing_code:
            return Refused(PaymentRefusal.AGENT_DIFFERS, "One asks for one's customers.", "CdtrAgt")
        vault, kernel = self._parts.core.vault, self._parts.core.kernel
        digest = order_digest_of("pain.013/1", msgspec.json.encode(asked).decode())
        before = await store.load_named(db, vault, sender.organisation_id, asked.request_id)
        if before is not None:
            is_same = before.request_digest == digest
            return before.subject if is_same else Refused(RequestRefusal.REQUEST_REUSED)
        now = kernel.business_clock.now()
        refused = check_expiry(asked, now) or check_limit(sender, asked.amount)
        if refused is not None:
            return refused
        found = await self._debtor(db, sender, asked)
        if isinstance(found, Refused):
            return found
        bank, debtor = found
        request = Request(
            id=kernel.ids.new(REQUEST_PREFIX), state="asked",
            creditor_organisation_id=sender.organisation_id,
            debtor_organisation_id=bank.organisation_id, request_id=asked.request_id,
            request_digest=digest, asked=asked, asked_message_id=header.message_id,
            sent_message_id="", created_at=now, expires_at=asked.expires_at,
        )
        if not await store.insert_request(db, vault, request):
            return Refused(RequestRefusal.REQUEST_REUSED, field="UETR")
        sent = await self._parts.post.tell(
            db, request.subject, bank.organisation_id,
            msgspec.structs.replace(asked, request_id=request.wire_id, debtor=debtor),
        )
        await store.set_sent(db, request.id, sent.message_id)
        await self._record(db, request, "payments.request_asked")
        await jobs.schedule(
            db, queue=REQUEST_QUEUE, key=request.id, business_due_at=request.expires_at
        )
        return request.subject

    async def _debtor(
        self, db: Connection, sender: Participant, asked: PaymentRequest
    ) -> tuple[Participant, PartyAccount] | Refused:
        """The debtor's bank and account: as named, or as registered under the proxy."""
        debtor = asked.debtor
        if asked.proxy is not None:
            found = await self._parts.router.to_proxy(
                db, asked.proxy.kind, asked.proxy.value, asked.amount
            )
            if isinstance(found, Refused):
                return found
            bank: Participant | None = found.participant
            debtor = found.creditor
        else:
            bank = await members.load_by_clearing_code(db, debtor.member)
        if bank is None or bank.clearing_code != asked.debtor.member:
            return Refused(RequestRefusal.DEBTOR_AGENT_WRONG, field="DbtrAgt")
        if bank.organisation_id == sender.organisation_id:
            return Refused(RequestRefusal.DEBTOR_AGENT_WRONG, field="DbtrAgt")
        refused = check_limit(bank, asked.amount)
        if refused is not None:
            return refused
        if not await self._parts.router.is_online(db, bank):
            return Refused(RequestRefusal.DEBTOR_AGENT_OFFLINE, field="DbtrAgt")
        return bank, debtor

    async def take_report(
        self, db: Connection, sender: Participant, _header: Header, report: RequestReport
    ) -> Subject | Refused:
        """pain.014: the debtor accepts, refuses, or has been asked; the creditor's bank is told.

        Refused: REQUEST_UNKNOWN (also another's), ORIGINAL_DIFFERS, STATUS_NOT_FOR_BANKS,
        REQUEST_OVER, AMOUNT_DIFFERS.
        """
        request = await store.load_request(
            db, self._parts.core.vault, f"{REQUEST_PREFIX}_{report.request_id}", is_locking=True
        )
        if request is None or request.debtor_organisation_id != sender.organisation_id:
            return Refused(RequestRefusal.REQUEST_UNKNOWN)
        said = (report.original_message_id, report.uetr, report.end_to_end_id)
        if said != (request.sent_message_id, request.asked.uetr, request.asked.end_to_end_id):
            return Refused(RequestRefusal.ORIGINAL_DIFFERS)
        if report.status == "ACSC":
            return Refused(RequestRefusal.STATUS_NOT_FOR_BANKS)
        if report.status == "ACCP" and request.state in {"accepted", "paying", "paid"}:
            # A repeat, or the payment overtook the word.
            return request.subject
        now = self._parts.core.kernel.business_clock.now()
        if request.state != "asked" or now >= request.expires_at:
            return Refused(RequestRefusal.REQUEST_OVER, f"It is {request.state}.")
        if report.status == "ACCP":
            refused = check_acceptance(request, report)
            if refused is not None:
                return refused
            assert report.accepted_amount is not None, "it was checked"
            await self._move(
                db, request, "accepted", accepted_minor=report.accepted_amount.amount_minor
            )
        elif report.status == "RJCT":
            await self._move(db, request, "refused", reason_code=report.reason_code)
        await self._tell(
            db, request, report.status, report.reason_code, report.reason_text,
            report=report,
        )
        return request.subject

    async def claim(self, db: Connection, payment: Payment) -> str:
        """Claim the request that a new transfer names; a reason code when it may not pay it."""
        request = await store.load_request(
            db, self._parts.core.vault, f"{REQUEST_PREFIX}_{payment.parties.request_id}",
            is_locking=True,
        )
        now = self._parts.core.kernel.business_clock.now()
        code = reason_against_payment(request, payment, now)
        if code:
            return code
        assert request is not None, "an unknown one has a reason"
        await self._move(
            db, request, "paying", payment_id=payment.id,
            accepted_minor=payment.amount.amount_minor,
        )
        return ""

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """A settled payment pays its request; after a rejected one it may be tried again."""
        if not payment.parties.request_id or payment.kind != "transfer":
            return
        request = await store.load_request(
            db, self._parts.core.vault, f"{REQUEST_PREFIX}_{payment.parties.request_id}",
            is_locking=True,
        )
        if request is None or request.payment_id != payment.id or request.state != "paying":
            return
        if payment.state == "settled":
            await self._move(db, request, "paid", payment_id=payment.id)
            await self._tell(db, request, "ACSC")
            await outbox.emit(db, self._parts.core.kernel.ids, PAID_TOPIC, {
                "request_id": request.id, "payment_id": payment.id,
            })
        elif self._parts.core.kernel.business_clock.now() >= request.expires_at:
            await self._expire(db, request)
        else:
            await self._move(db, request, "accepted")

    async def withdraw(
        self, db: Connection, sender: Participant, _header: Header, asked: CancellationRequest
    ) -> Subject | Refused:
        """camt.056 about a pain.013: the creditor's bank takes a request back, if it is not paid.

        Refused: REQUEST_UNKNOWN (also another's), ORIGINAL_DIFFERS. What comes too late is
        answered by camt.029 with the reason.
        """
        request = await store.load_named(
            db, self._parts.core.vault, sender.organisation_id, asked.transaction_id,
            is_locking=True,
        )
        if request is None:
            return Refused(RequestRefusal.REQUEST_UNKNOWN)
        said = (asked.original_message_id, asked.uetr, asked.amount)
        if said != (request.asked_message_id, request.asked.uetr, request.asked.amount):
            return Refused(RequestRefusal.ORIGINAL_DIFFERS)
        reason = WITHDRAWAL_REASON_OF_STATE.get(request.state, "")
        if not reason and request.state != "cancelled":
            await self._move(db, request, "cancelled", reason_code=asked.reason_code)
            await self._parts.post.tell(
                db, request.subject, request.debtor_organisation_id, msgspec.structs.replace(
                    asked, recall_id=request.wire_id, transaction_id=request.wire_id,
                    original_message_id=request.sent_message_id,
                ),
            )
        await self._parts.post.tell(db, request.subject, sender.organisation_id, CancellationAnswer(
            recall_id=asked.recall_id, original_message_id=asked.original_message_id,
            original_definition=asked.original_definition, end_to_end_id=asked.end_to_end_id,
            transaction_id=asked.transaction_id, uetr=asked.uetr,
            status="RJCR" if reason else "ACCR", reason_code=reason,
            reason_text=REASONS[reason] if reason else "",
        ))
        return request.subject

    async def expire(self, job: jobs.Job) -> jobs.Done:
        """Job of a request: what is not paid, nor being paid, ends when its time is over."""

        async def use_case(db: Connection) -> None:
            request = await store.load_request(
                db, self._parts.core.vault, job.key, is_locking=True
            )
            assert request is not None, "requests are never deleted"
            is_over = self._parts.core.kernel.business_clock.now() >= request.expires_at
            if is_over and request.state != "paying" and may_move(request.state, "expired"):
                await self._expire(db, request)

        await self._parts.core.kernel.database.run(use_case)
        return jobs.Done()

    async def _expire(self, db: Connection, request: Request) -> None:
        await self._move(db, request, "expired", reason_code=ALREADY_EXPIRED)
        await self._tell(db, request, "RJCT", ALREADY_EXPIRED, REASONS[ALREADY_EXPIRED])

    async def _move(
        self, db: Connection, request: Request, after: RequestState, *, reason_code: str = "",
        accepted_minor: int | None = None, payment_id: str | None = None,
    ) -> None:
        moved = await store.move(
            db, request, after, self._parts.core.kernel.business_clock.now(),
            reason_code=reason_code, accepted_minor=accepted_minor, payment_id=payment_id,
        )
        assert moved, "its row is locked"
        await self._record(db, request, f"payments.request_{after}")

    async def _tell(
        self, db: Connection, request: Request, status: RequestStatus, reason_code: str = "",
        reason_text: str = "", report: RequestReport | None = None,
    ) -> None:
        """Tell the creditor's bank, in its own words for the request."""
        asked = request.asked
        await self._parts.post.tell(
            db, request.subject, request.creditor_organisation_id, RequestReport(
                original_message_id=request.asked_message_id,
                original_definition=PAYMENT_REQUEST, request_id=request.request_id,
                end_to_end_id=asked.end_to_end_id, uetr=asked.uetr, status=status,
                accepted_amount=report.accepted_amount if report is not None else None,
                reason_code=reason_code, reason_text=reason_text,
            ),
        )

    async def _record(self, db: Connection, request: Request, kind: str) -> None:
        digests = {"request": request.request_digest.hex()}
        await self._parts.core.record(db, kind, request.subject, digests)

    async def request(
        self, db: Connection, name: str, organisation_id: str
    ) -> Request | Refused:
        """Return a request to its two banks: by its own name to who asked, by ours to who is
        asked; to others there is none."""
        vault = self._parts.core.vault
        found = await store.load_named(db, vault, organisation_id, name)
        if found is not None:
            return found
        found = await store.load_request(db, vault, f"{REQUEST_PREFIX}_{name}")
        if found is None or found.debtor_organisation_id != organisation_id:
            return Refused(RequestRefusal.REQUEST_UNKNOWN)
        return found

"""Fee intents, refunds and the daily report over HTTP, for departments; all calls are signed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.payments.links.documents import render_receipt
from lionrock.payments.links.domain.intents import Intent, IntentDraft, Refund, RefundWish
from lionrock.payments.links.domain.links import Link
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.service.desk import LinkDesk
from lionrock.payments.links.service.intents import DEPARTMENT_ROLE
from lionrock.payments.links.service.reports import Report, report_of
from lionrock.payments.links.store.intents import Collection
from lionrock.payments.service.payments import Payments

RECEIPT_MEDIA_TYPE = "application/fee-receipt+jwt"
DOCUMENT_MEDIA_TYPE = "application/pdf"


class IntentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fee; the amount is a decimal string, `due_on` a Hong Kong day."""

    reference: str
    service: str
    titles: Text
    amount: str
    due_on: date
    proxy_kind: str
    proxy: str
    currency: Literal["HKD", "CNY"] = "HKD"
    payer_reference: str = ""
    callback_url: str = ""
    return_url: str = ""


class RefundBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to give back, and which officer asks."""

    reference: str
    amount: str
    reason: str
    officer: str


class RefundReply(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: waiting, ordered, paid, failed, rejected or lapsed.

    `approval_id`: the question on the officers' phones. `reason_code`: ISO 20022's, or ours where
    it could not be ordered.
    """

    id: str
    state: str
    intent_id: str
    reference: str
    amount: str
    reason: str
    requested_by: str
    decided_by: str
    payment_id: str
    reason_code: str
    approval_id: str


class IntentReply(msgspec.Struct, frozen=True, kw_only=True):
    """A fee as its department sees it. `url` is secret; `code` is the payment code while open."""

    id: str
    state: str
    number: str
    reference: str
    service: str
    titles: Text
    amount: str
    currency: str
    due_on: str
    url: str
    code: str
    payment_id: str
    paid_at: str
    refunds: list[RefundReply]


class CollectionReply(msgspec.Struct, frozen=True, kw_only=True):
    """A settled payment to the department."""

    payment_id: str
    intent_id: str
    amount: str
    currency: str


class ReportReply(msgspec.Struct, frozen=True, kw_only=True):
    """One day: payments with and without a fee, fees without their payment, refunds.

    `refunded`: what was given back of the refunds ordered that day. `refunds_differing`: refunds
    that are not what their payment is. `refunds_waiting`: of any day, for officers' answers.
    """

    department_id: str
    day: str
    is_clean: bool
    collected: dict[str, str]
    matched: list[CollectionReply]
    unmatched: list[CollectionReply]
    paid_without_payment: list[str]
    due_unpaid: list[str]
    refunds: list[RefundReply]
    refunded: dict[str, str]
    refunds_differing: list[str]
    refunds_waiting: list[RefundReply]


class IntentCall(SignedCall[Payments, IntentBody]):
    """A department asks for a fee."""


class OwnIntentCall(SignedCall[Payments, None]):
    """A department's call about one fee, or one day."""


class RefundCall(SignedCall[Payments, RefundBody]):
    """An officer asks for a refund."""


class OwnRefundCall(SignedCall[Payments, None]):
    """A department's call about one refund."""


async def save_intent(call: IntentCall) -> Refused | Response:
    """Make the fee with its link, or find the one made from the same wish."""
    body = call.body
    amount = _amount(body.amount, body.currency)
    if isinstance(amount, Refused):
        return amount
    desk = call.room.links
    intent = await desk.intents.create(call.db, call.caller, IntentDraft(
        department_id=call.caller.id, reference=body.reference, service=body.service,
        titles=body.titles, amount=amount, due_on=body.due_on, proxy_kind=body.proxy_kind,
        proxy=body.proxy, payer_reference=body.payer_reference, callback_url=body.callback_url,
        return_url=body.return_url,
    ))
    if isinstance(intent, Refused):
        return intent
    return sign_reply(call, reply(await _shown(call, desk, intent), 201))


async def reply_intent(call: OwnIntentCall) -> Refused | Response:
    """Answer with the fee; another department's is not found."""
    desk = call.room.links
    intent = await desk.intents.own(call.db, call.caller.id, call.path_params["intent_id"])
    if isinstance(intent, Refused):
        return intent
    return sign_reply(call, reply(await _shown(call, desk, intent)))


async def save_intent_cancellation(call: OwnIntentCall) -> Refused | Response:
    """Call the fee and its link off, unless it is paid or being paid."""
    desk = call.room.links
    intent = await desk.intents.cancel(call.db, call.caller.id, call.path_params["intent_id"])
    if isinstance(intent, Refused):
        return intent
    return sign_reply(call, reply(await _shown(call, desk, intent)))


async def reply_receipt(call: OwnIntentCall) -> Refused | Response:
    """Answer with the receipt of a paid fee, signed by the platform (RFC 7515)."""
    intents = call.room.links.intents
    intent = await intents.own(call.db, call.caller.id, call.path_params["intent_id"])
    if isinstance(intent, Refused):
        return intent
    if not intent.receipt:
        return Refused(IntentRefusal.NOT_PAID)
    return sign_reply(call, Response(intent.receipt, media_type=RECEIPT_MEDIA_TYPE))


async def reply_receipt_document(call: OwnIntentCall) -> Refused | Response:
    """Answer with the receipt of a paid fee as PDF."""
    intents, kernel = call.room.links.intents, call.kernel
    intent = await intents.own(call.db, call.caller.id, call.path_params["intent_id"])
    if isinstance(intent, Refused):
        return intent
    if not intent.receipt:
        return Refused(IntentRefusal.NOT_PAID)
    content = render_receipt(intent.receipt, call.lang, kernel.settings.city)
    return sign_reply(call, Response(content, media_type=DOCUMENT_MEDIA_TYPE))


async def save_refund(call: RefundCall) -> Refused | Response:
    """Order the refund, or ask two officers on their phones above the limit."""
    desk, body = call.room.links, call.body
    intent = await desk.intents.own(call.db, call.caller.id, call.path_params["intent_id"])
    if isinstance(intent, Refused):
        return intent
    amount = _amount(body.amount, intent.draft.amount.currency)
    if isinstance(amount, Refused):
        return amount
    refund = await desk.refunds.ask(call.db, call.caller, RefundWish(
        intent_id=intent.id, reference=body.reference, amount=amount, reason=body.reason,
        officer=body.officer, language=call.lang,
    ))
    if isinstance(refund, Refused):
        return refund
    return sign_reply(call, reply(show_refund(refund), 201))


async def reply_refund(call: OwnRefundCall) -> Refused | Response:
    """Answer with the refund; another department's is not found."""
    refund = await call.room.links.refunds.own(
        call.db, call.caller.id, call.path_params["refund_id"]
    )
    if isinstance(refund, Refused):
        return refund
    return sign_reply(call, reply(show_refund(refund)))


async def save_refund_withdrawal(call: OwnRefundCall) -> Refused | Response:
    """Call a refund off that waits for its officers."""
    refund = await call.room.links.refunds.withdraw(
        call.db, call.caller, call.path_params["refund_id"]
    )
    if isinstance(refund, Refused):
        return refund
    return sign_reply(call, reply(show_refund(refund)))


async def reply_report(call: OwnIntentCall) -> Refused | Response:
    """Answer with the reconciliation of a day, of the department that asks."""
    if DEPARTMENT_ROLE not in call.caller.roles:
        return Refused(IntentRefusal.NOT_A_DEPARTMENT)
    try:
        day = date.fromisoformat(call.path_params["day"])
    except ValueError:
        return Refused(IntentRefusal.REPORT_DAY_MALFORMED, field="day")
    report = await report_of(call.db, call.caller.id, day)
    return sign_reply(call, reply(show_report(report)))


def show_refund(refund: Refund) -> RefundReply:
    """Show a refund."""
    return RefundReply(
        id=refund.id, state=refund.state, intent_id=refund.intent_id, reference=refund.reference,
        amount=Money(refund.amount_minor, refund.currency).wire(), reason=refund.reason,
        requested_by=refund.requested_by, decided_by=refund.decided_by,
        payment_id=refund.payment_id or "", reason_code=refund.reason_code,
        approval_id=refund.approval_id or "",
    )


def show_report(report: Report) -> ReportReply:
    """Show a report; sums by currency."""
    collected = _sums(each.amount for each in (*report.matched, *report.unmatched))
    refunded = _sums(
        Money(each.amount_minor, each.currency) for each in report.refunds if each.state == "paid"
    )
    return ReportReply(
        department_id=report.department_id, day=report.day.isoformat(), is_clean=report.is_clean,
        collected=collected, refunded=refunded, refunds_differing=report.refunds_differing,
        refunds_waiting=[show_refund(each) for each in report.refunds_waiting],
        matched=[_collection(each) for each in report.matched],
        unmatched=[_collection(each) for each in report.unmatched],
        paid_without_payment=report.paid_without_payment, due_unpaid=report.due_unpaid,
        refunds=[show_refund(each) for each in report.refunds],
    )


def _sums(amounts: Iterable[Money]) -> dict[str, str]:
    sums: dict[str, Money] = {}
    for amount in amounts:
        there = sums.get(amount.currency)
        sums[amount.currency] = there + amount if there else amount
    return {currency: total.wire() for currency, total in sorted(sums.items())}


def _collection(collection: Collection) -> CollectionReply:
    return CollectionReply(
        payment_id=collection.payment_id, intent_id=collection.intent_id or "",
        amount=collection.amount.wire(), currency=collection.amount.currency,
    )


async def _shown(
    call: SignedCall[Payments, Any], desk: LinkDesk, intent: Intent
) -> IntentReply:
    draft = intent.draft
    link = await desk.intents.link_of(call.db, intent)
    refunds = await desk.refunds.of_intent(call.db, intent.id)
    return IntentReply(
        id=intent.id, state=_state(desk, intent, link), number=intent.number,
        reference=draft.reference, service=draft.service, titles=draft.titles,
        amount=draft.amount.wire(), currency=draft.amount.currency,
        due_on=draft.due_on.isoformat(), url=desk.links.address(link),
        code=await desk.intents.code_of(call.db, intent) or "",
        payment_id=intent.payment_id or "",
        paid_at=intent.paid_at.isoformat() if intent.paid_at else "",
        refunds=[show_refund(each) for each in refunds],
    )


def _state(desk: LinkDesk, intent: Intent, link: Link) -> str:
    """open, paying or expired as the link stands; paid and cancelled are the fee's own."""
    return desk.links.state_now(link) if intent.state == "open" else intent.state


def _amount(text: str, currency: str) -> Money | Refused:
    try:
        return Money.parse(text, currency)
    except ValueError as error:
        return Refused(IntentRefusal.MALFORMED, f"{error}.", "amount")

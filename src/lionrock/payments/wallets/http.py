"""Wallets over HTTP, signed: by the institution that operates them, and by payers' banks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.directory.api import (
    SIGNED_CALL_ERRORS,
    SignedCall,
    check_signed_call,
    sign_reply,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Route, reply
from lionrock.kernel.http.application import PartyUnreachable
from lionrock.kernel.money import Money
from lionrock.ledger.api import Unavailable
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http.errors import ERRORS as PAYMENT_ERRORS
from lionrock.payments.http.messages import ParticipantCall, load_participant
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant
from lionrock.payments.wallets.domain import (
    QUOTE_LIFE_S,
    Limits,
    Movement,
    WalletParty,
    show_rate,
)
from lionrock.payments.wallets.errors import ERRORS, WalletRefusal
from lionrock.payments.wallets.packaged import wallet_limits
from lionrock.payments.wallets.service.wallets import MerchantPayment


class WalletBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Hong Kong mobile number for which a wallet is opened."""

    mobile: str


class WalletReply(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet; amounts in RMB as decimal strings."""

    id: str
    is_open: bool
    balance: str
    room: str
    limits: Limits
    simulated: bool = True


class RateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """HKD for one RMB, with six places at most."""

    hkd_per_cny: str


class QuoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many RMB to put into whose wallet."""

    mobile: str
    amount: str


class QuoteReply(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs, until when; HKD are rounded up to the cent."""

    id: str
    amount: str
    currency: str
    pay_amount: str
    pay_currency: str
    hkd_per_cny: str
    expires_at: str
    life_s: int = QUOTE_LIFE_S


class TopUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a quote; the debtor is the bank's own customer, whom it has debited."""

    quote_id: str
    end_to_end_id: str
    debtor_name: str
    debtor_account: str


class WalletPaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pay a merchant; `payee_kind` must be "merchant"."""

    amount: str
    end_to_end_id: str
    payee_kind: str
    payee_clearing_code: str
    payee_name: str
    payee_account: str


class MovementReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a top-up or a payment stands."""

    id: str
    kind: str
    wallet_id: str
    amount: str
    currency: str
    pay_amount: str
    pay_currency: str
    end_to_end_id: str
    state: str
    reason_code: str
    created_at: str
    finished_at: str | None
    simulated: bool = True


class WalletCall(SignedCall[Payments, WalletBody]):
    """A new wallet."""

    participant: Participant


class RateCall(SignedCall[Payments, RateBody]):
    """A new rate."""

    participant: Participant


class QuoteCall(SignedCall[Payments, QuoteBody]):
    """A wish for a quote."""

    participant: Participant


class TopUpCall(SignedCall[Payments, TopUpBody]):
    """A top-up."""

    participant: Participant


class WalletPaymentCall(SignedCall[Payments, WalletPaymentBody]):
    """A payment from a wallet."""

    participant: Participant


class BalanceCall(SignedCall[Payments, None]):
    """A question about a wallet of one's own."""

    participant: Participant


async def load_member(call: BalanceCall | QuoteCall) -> Refused | None:
    """Only participants may call; for routes that hold no connection."""
    found = await call.kernel.database.read(
        lambda db: call.room.participant(db, call.caller.id)
    )
    if found is None or ROLE not in call.caller.roles:
        return Refused(PaymentRefusal.NOT_A_PARTICIPANT)
    call.participant = found
    return None


async def save_wallet(call: WalletCall) -> Refused | Response:
    """Open the wallet; the job opens its accounts."""
    wallet = await call.room.wallets.open_wallet(call.db, call.participant, call.body.mobile)
    if isinstance(wallet, Refused):
        return wallet
    limit = Money(wallet.balance_minor_max, "CNY").wire()
    return sign_reply(call, reply(WalletReply(
        id=wallet.id, is_open=wallet.is_open, balance="0.00", room=limit, limits=wallet_limits()
    ), 202))


async def save_rate(call: RateCall) -> Refused | Response:
    """Post the rate."""
    rate = await call.room.wallets.post_rate(call.db, call.participant, call.body.hkd_per_cny)
    if isinstance(rate, Refused):
        return rate
    return sign_reply(call, reply(RateBody(show_rate(rate))))


async def save_quote(call: QuoteCall) -> Refused | Response:
    """Quote, after a look at what the wallet may still hold."""
    amount = _rmb(call.body.amount)
    if amount is None:
        return Refused(WalletRefusal.AMOUNT_MALFORMED, field="amount")
    try:
        quote = await call.room.wallets.quote(call.participant, call.body.mobile, amount)
    except Unavailable as error:
        raise PartyUnreachable("ledger") from error
    if isinstance(quote, Refused):
        return quote
    return sign_reply(call, reply(QuoteReply(
        id=quote.id, amount=quote.amount.wire(), currency=quote.amount.currency,
        pay_amount=quote.pay.wire(), pay_currency=quote.pay.currency,
        hkd_per_cny=show_rate(quote.rate_micros), expires_at=quote.expires_at.isoformat(),
    ), 201))


async def save_top_up(call: TopUpCall) -> Refused | Response:
    """Take the quote."""
    body = call.body
    movement = await call.room.wallets.top_up(
        call.db, call.participant, body.quote_id, body.end_to_end_id,
        WalletParty(name=body.debtor_name, account=body.debtor_account),
    )
    if isinstance(movement, Refused):
        return movement
    return sign_reply(call, reply(_reply_of(movement), 202))


async def save_payment(call: WalletPaymentCall) -> Refused | Response:
    """Pay the merchant."""
    body, amount = call.body, _rmb(call.body.amount)
    if amount is None:
        return Refused(WalletRefusal.AMOUNT_MALFORMED, field="amount")
    movement = await call.room.wallets.pay(call.db, call.participant, MerchantPayment(
        wallet_id=call.path_params["wallet_id"], amount=amount, payee_kind=body.payee_kind,
        payee_member=body.payee_clearing_code, payee_name=body.payee_name,
        payee_account=body.payee_account, end_to_end_id=body.end_to_end_id,
    ))
    if isinstance(movement, Refused):
        return movement
    return sign_reply(call, reply(_reply_of(movement), 202))


async def reply_wallet(call: BalanceCall) -> Refused | Response:
    """Answer with balance and room, as the ledger says now."""
    wallet = await call.kernel.database.read(
        lambda db: call.room.wallets.own(db, call.participant, call.path_params["wallet_id"])
    )
    if isinstance(wallet, Refused):
        return wallet
    try:
        balance, room = await call.room.wallets.balance(wallet)
    except Unavailable as error:
        raise PartyUnreachable("ledger") from error
    return sign_reply(call, reply(WalletReply(
        id=wallet.id, is_open=wallet.is_open, balance=balance.wire(), room=room.wire(),
        limits=wallet_limits(),
    )))


async def reply_movement(call: ParticipantCall) -> Refused | Response:
    """Answer with one movement."""
    assert call.participant is not None, "an earlier step loaded it"
    found = await call.room.wallets.movement(
        call.db, call.participant, call.path_params["movement_id"]
    )
    return found if isinstance(found, Refused) else sign_reply(call, reply(_reply_of(found)))


def _rmb(text: str) -> Money | None:
    try:
        return Money.parse(text, "CNY")
    except ValueError:
        return None


def _reply_of(movement: Movement) -> MovementReply:
    return MovementReply(
        id=movement.id, kind=movement.kind, wallet_id=movement.wallet_id,
        amount=movement.amount.wire(), currency=movement.amount.currency,
        pay_amount=movement.pay.wire(), pay_currency=movement.pay.currency,
        end_to_end_id=movement.end_to_end_id, state=movement.state,
        reason_code=movement.reason_code, created_at=movement.created_at.isoformat(),
        finished_at=movement.finished_at.isoformat() if movement.finished_at else None,
    )


_MEMBER: Mapping[str, Any] = {
    "errors": {
        **SIGNED_CALL_ERRORS, **ERRORS,
        PaymentRefusal.NOT_A_PARTICIPANT: PAYMENT_ERRORS[PaymentRefusal.NOT_A_PARTICIPANT],
    },
    "scope": "member",
    "clause": "RFC 9421",
}
ROUTES = (
    Route(
        method="POST", path="/payments/v1/wallets", name="open_wallet",
        summary="Open an e-CNY-style wallet (simulated) for a mobile number.",
        steps=(check_signed_call, load_participant, save_wallet), call=WalletCall,
        body=WalletBody, replies={202: WalletReply}, **_MEMBER,
    ),
    Route(
        method="PUT", path="/payments/v1/wallets/rates", name="post_wallet_rate",
        summary="Post one's rate for top-ups in HKD.",
        steps=(check_signed_call, load_participant, save_rate), call=RateCall, body=RateBody,
        replies={200: RateBody}, **_MEMBER,
    ),
    Route(
        method="POST", path="/payments/v1/wallets/quotes", name="quote_wallet_top_up",
        summary="Ask what an RMB top-up costs in HKD.",
        steps=(check_signed_call, load_member, save_quote), call=QuoteCall, body=QuoteBody,
        replies={201: QuoteReply}, mode="beats", **_MEMBER,
    ),
    Route(
        method="POST", path="/payments/v1/wallets/top-ups", name="top_wallet_up",
        summary="Take a quote: HKD to the institution and RMB to the wallet, both or neither.",
        steps=(check_signed_call, load_participant, save_top_up), call=TopUpCall,
        body=TopUpBody, replies={202: MovementReply}, **_MEMBER,
    ),
    Route(
        method="POST", path="/payments/v1/wallets/{wallet_id}/payments", name="pay_from_wallet",
        summary="Pay a merchant from a wallet of one's own.",
        steps=(check_signed_call, load_participant, save_payment), call=WalletPaymentCall,
        body=WalletPaymentBody, replies={202: MovementReply}, **_MEMBER,
    ),
    Route(
        method="GET", path="/payments/v1/wallets/{wallet_id}", name="wallet",
        summary="Read balance and room of a wallet of one's own.",
        steps=(check_signed_call, load_member, reply_wallet), call=BalanceCall,
        replies={200: WalletReply}, mode="beats", **_MEMBER,
    ),
    Route(
        method="GET", path="/payments/v1/wallets/movements/{movement_id}",
        name="wallet_movement", summary="Read how a top-up or a payment stands.",
        steps=(check_signed_call, load_participant, reply_movement), call=ParticipantCall,
        replies={200: MovementReply}, **_MEMBER,
    ),
)

"""One payment link: its states, what a payee may ask, and whether a transfer may pay it.

    open -> paying -> paid          a bank's transfer claimed it and settled
    open <- paying                  that transfer was rejected
    open -> cancelled | expired

A bank fetches a payment request, which is good for this bank, once, for minutes. Its transfer bears
the request's EndToEndId, "LNK" and 32 hexadecimal digits; the switch claims the link with it before
any money is held, so that of two transfers one is rejected.

Pure. Not for: addresses (addresses.py). Invariants: TRANSITIONS is the only table of moves; paid
means one settled payment of an amount that the link allowed, in its currency, to its payee.
Source: ISO 20022 external status reasons for the rejections.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.orders import check_amount, is_identifier, is_shown_text
from lionrock.payments.domain.payments import order_digest_of
from lionrock.payments.links.domain.refusals import LinkRefusal

State = Literal["open", "paying", "paid", "cancelled", "expired"]
TRANSITIONS: dict[State, frozenset[State]] = {
    "open": frozenset({"paying", "cancelled", "expired"}),
    "paying": frozenset({"open", "paid", "expired"}),
    "paid": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
DESCRIPTION_LENGTH_MAX = 140
LIFE_S_MIN = 60
LIFE_S_MAX = 400 * 24 * 3600
REQUEST_LIFE = timedelta(minutes=10)
REQUESTS_MAX = 20
END_TO_END_PREFIX = "LNK"
_HEX_LENGTH = 32


class LinkDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a payee asks for. `amount` None leaves it to the payer, up to `amount_minor_max`."""

    payee_id: str
    payee_reference: str
    proxy_kind: str
    proxy: str
    currency: str
    amount: Money | None
    amount_minor_max: int | None
    description: str
    life_s: int
    callback_url: str
    return_url: str

    def digest(self) -> bytes:
        """Digest of what is asked, to tell a repeat from another link under its reference."""
        return order_digest_of("link/1", msgspec.json.encode(self).decode())


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link as stored; `secret` is the unguessable part of its address."""

    id: str
    state: State
    draft: LinkDraft
    secret: str
    created_at: datetime
    expires_at: datetime
    payment_id: str | None = None
    paid_minor: int | None = None
    finished_at: datetime | None = None

    @property
    def paid(self) -> Money | None:
        """What was paid, once it was."""
        return None if self.paid_minor is None else Money(self.paid_minor, self.draft.currency)


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A payment request that one bank fetched, [created_at, expires_at)."""

    id: str
    link_id: str
    organisation_id: str
    created_at: datetime
    expires_at: datetime
    payment_id: str | None = None

    @property
    def end_to_end_id(self) -> str:
        """The name that the paying transfer bears (ISO 20022 EndToEndId, 35 characters)."""
        return END_TO_END_PREFIX + self.id.rpartition("_")[2]


class Rejection(msgspec.Struct, frozen=True):
    """Why a transfer may not pay: an ISO 20022 status reason and our sentence."""

    reason_code: str
    reason_text: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a payee is told; `id` is the same at each try."""

    id: str
    link_id: str
    payee_reference: str
    state: str
    currency: str
    amount: str | None
    payment_id: str | None
    at: str


REQUEST_FOREIGN = Rejection("AGNT", "Another bank fetched this payment request.")
REQUEST_USED = Rejection("AM05", "This payment request was used before.")
REQUEST_OVER = Rejection("TM01", "The payment request has expired. Fetch it again.")
LINK_EXPIRED = Rejection("TM01", "The payment link has expired.")
LINK_CANCELLED = Rejection("DS02", "The payee has cancelled the payment link.")
LINK_USED = Rejection("AM05", "The payment link is paid, or being paid.")
AMOUNT_DIFFERS = Rejection("AM09", "The amount is not what the payment link asks for.")
AMOUNT_ABOVE = Rejection("AM02", "The amount is above what the payment link takes.")
CURRENCY_DIFFERS = Rejection("AM03", "The currency is not the payment link's.")
PAYEE_DIFFERS = Rejection("AC03", "The account is not that of the payment link's payee.")


def check_draft(draft: LinkDraft) -> Refused | None:
    """Check all fields but the addresses and the proxy; MALFORMED names the first wrong one."""
    if not is_identifier(draft.payee_reference):
        return _malformed("payee_reference", "1 to 35 of A-Z a-z 0-9 . _ / -")
    if not is_shown_text(draft.description, DESCRIPTION_LENGTH_MAX):
        return _malformed("description", "1 to 140 printable characters")
    if not LIFE_S_MIN <= draft.life_s <= LIFE_S_MAX:
        return _malformed("life_s", f"{LIFE_S_MIN} to {LIFE_S_MAX} seconds")
    if draft.amount is not None and draft.amount_minor_max is not None:
        return _malformed("amount_max", "no maximum beside a fixed amount")
    if draft.amount is not None and check_amount(draft.amount) is not None:
        return _malformed("amount", "an amount above zero")
    if draft.amount_minor_max is not None and draft.amount_minor_max <= 0:
        return _malformed("amount_max", "a maximum above zero")
    return None


def may_move(before: State, after: State) -> bool:
    """Say whether a link may go from one state to another."""
    return after in TRANSITIONS[before]


def state_at(link: Link, now: datetime) -> State:
    """The state to go by at a business instant: an open link is over at its end, job or no job."""
    return "expired" if link.state == "open" and now >= link.expires_at else link.state


def check_open(link: Link, now: datetime) -> Refused | None:
    """A link that can be paid now; else EXPIRED, USED, CANCELLED or BEING_PAID."""
    refusals = {
        "expired": LinkRefusal.EXPIRED, "paid": LinkRefusal.USED,
        "cancelled": LinkRefusal.CANCELLED, "paying": LinkRefusal.BEING_PAID,
    }
    refusal = refusals.get(state_at(link, now))
    return None if refusal is None else Refused(refusal)


def request_id_of(end_to_end_id: str) -> str | None:
    """The payment request that an EndToEndId names; None when it has not that form."""
    digits = end_to_end_id.removeprefix(END_TO_END_PREFIX)
    is_ours = len(digits) == _HEX_LENGTH and end_to_end_id.startswith(END_TO_END_PREFIX)
    return f"lrq_{digits}" if is_ours and set(digits) <= set("0123456789abcdef") else None


def check_claim(
    link: Link, request: LinkRequest, payer_bank_id: str, amount: Money, now: datetime
) -> Rejection | None:
    """Say whether a bank's transfer may pay, in this order: whose, when, state, how much."""
    if request.organisation_id != payer_bank_id:
        return REQUEST_FOREIGN
    if request.payment_id is not None:
        return REQUEST_USED
    by_state = {
        "paid": LINK_USED, "paying": LINK_USED, "cancelled": LINK_CANCELLED,
        "expired": LINK_EXPIRED,
    }
    rejection = by_state.get(state_at(link, now))
    if rejection is not None:
        return rejection
    if now >= request.expires_at:
        return REQUEST_OVER
    return check_paid_amount(link.draft, amount)


def check_paid_amount(draft: LinkDraft, amount: Money) -> Rejection | None:
    """The currency, then the fixed amount or the maximum."""
    if amount.currency != draft.currency:
        return CURRENCY_DIFFERS
    if draft.amount is not None and amount != draft.amount:
        return AMOUNT_DIFFERS
    maximum = draft.amount_minor_max
    return AMOUNT_ABOVE if maximum is not None and amount.amount_minor > maximum else None


def result_of(link: Link) -> Result:
    """The result of a link that is over."""
    assert link.finished_at is not None, "only an end is called back"
    paid = link.paid
    return Result(
        id=f"res_{link.id.rpartition('_')[2]}", link_id=link.id,
        payee_reference=link.draft.payee_reference, state=link.state,
        currency=link.draft.currency, amount=paid.wire() if paid else None,
        payment_id=link.payment_id, at=link.finished_at.isoformat(),
    )


def secret_key(secret: str) -> bytes:
    """The hash under which a link is found by its address; the secret itself is kept sealed."""
    return hashlib.sha256(b"lionrock-link\n" + secret.encode()).digest()


def _malformed(field: str, expected: str) -> Refused:
    return Refused(LinkRefusal.MALFORMED, f"Expected {expected}.", field=field)

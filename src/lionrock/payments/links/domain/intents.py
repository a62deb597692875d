"""Government fee intents: what a department asks, and how much it may give back.

    open -> paid | cancelled             the intent
    waiting -> ordered | rejected        a refund above the limit waits for two officers' phones
    waiting -> lapsed | failed           nobody decided in time; it cannot be ordered any more
    ordered -> paid | failed             the switch carries it out; a failed one counts no more

Pure. Not for: how two officers decide (refunds). Invariant: the refunds that stand or may yet stand
are never more than what was paid.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.payments.domain.orders import check_amount, is_identifier, is_shown_text
from lionrock.payments.domain.payments import order_digest_of
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.qr.domain.codes import encode
from lionrock.payments.qr.domain.compose import compose
from lionrock.payments.qr.domain.content import AdditionalData, Content, FpsAccount

IntentState = Literal["open", "paid", "cancelled"]
RefundState = Literal["waiting", "ordered", "paid", "failed", "rejected", "lapsed"]
REFUND_MOVES: dict[RefundState, frozenset[RefundState]] = {
    "waiting": frozenset({"ordered", "rejected", "lapsed", "failed"}),
    "ordered": frozenset({"paid", "failed"}),
    "paid": frozenset(),
    "failed": frozenset(),
    "rejected": frozenset(),
    "lapsed": frozenset(),
}
STANDING: frozenset[RefundState] = frozenset({"waiting", "ordered", "paid"})
TITLE_LENGTH_MAX = 100
REASON_LENGTH_MAX = 140
OFFICER_LENGTH_MAX = 64
_NUMBER = re.compile(r"F[0-9A-F]{15}")


class IntentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A fee: for which service, how much, until the end of which Hong Kong day."""

    department_id: str
    reference: str
    service: str
    titles: Text
    amount: Money
    due_on: date
    proxy_kind: str
    proxy: str
    payer_reference: str
    callback_url: str
    return_url: str

    def digest(self) -> bytes:
        """Digest of what is asked, to tell a repeat from another fee under its reference."""
        return order_digest_of("intent/1", msgspec.json.encode(self).decode())


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A fee as stored. `number` is on the bill, in the code and in the remittance."""

    id: str
    state: IntentState
    draft: IntentDraft
    number: str
    link_id: str
    created_at: datetime
    payment_id: str | None = None
    paid_at: datetime | None = None
    receipt: str = ""


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back, or to be."""

    id: str
    state: RefundState
    intent_id: str
    department_id: str
    reference: str
    amount_minor: int
    currency: str
    reason: str
    requested_by: str
    created_at: datetime
    decided_by: str = ""
    payment_id: str | None = None
    reason_code: str = ""
    approval_id: str | None = None

    @property
    def order_name(self) -> str:
        """The EndToEndId of the transfer that gives it back."""
        return f"RFD{self.id.rpartition('_')[2]}"


class RefundWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a department's officer asks to be given back."""

    intent_id: str
    reference: str
    amount: Money
    reason: str
    officer: str
    # In which its officers are asked.
    language: str = "en"


def check_intent(draft: IntentDraft, today: date) -> Refused | None:
    """Check all fields but addresses and proxy; MALFORMED names the first wrong one."""
    if not is_identifier(draft.reference):
        return _malformed("reference", "1 to 35 of A-Z a-z 0-9 . _ / -")
    if not is_identifier(draft.service):
        return _malformed("service", "1 to 35 of A-Z a-z 0-9 . _ / -")
    titles = (draft.titles.en, draft.titles.zh_hant, draft.titles.zh_hans)
    if not all(is_shown_text(title, TITLE_LENGTH_MAX) for title in titles):
        return _malformed("titles", "1 to 100 printable characters in each language")
    if check_amount(draft.amount) is not None:
        return _malformed("amount", "an amount above zero")
    if draft.due_on < today:
        return _malformed("due_on", "today or a later day in Hong Kong")
    if draft.payer_reference and not is_identifier(draft.payer_reference):
        return _malformed("payer_reference", "1 to 35 of A-Z a-z 0-9 . _ / -")
    return None


def number_of(intent_id: str) -> str:
    """The number of a fee: F and the last 15 hexadecimal digits of its id, fit for a bill."""
    return f"F{intent_id[-15:].upper()}"


def numbers_in(text: str) -> list[str]:
    """The fee numbers that a remittance text holds."""
    return list(dict.fromkeys(_NUMBER.findall(text)))


def code_of_intent(intent: Intent, proxy: str) -> str | None:
    """The payment code (HKQR) of a fee; None when its proxy does not fit into one."""
    draft = intent.draft
    accounts = {
        "fps_id": FpsAccount(fps_id=proxy), "mobile": FpsAccount(mobile=proxy),
        "email": FpsAccount(email=proxy),
    }
    if draft.proxy_kind not in accounts:
        return None
    code = compose(Content(
        is_dynamic=True, currency=draft.amount.currency,  # type: ignore[arg-type]  # HKD or CNY
        fps=accounts[draft.proxy_kind], amount=draft.amount,
        additional=AdditionalData(bill=intent.number),
    ))
    return None if isinstance(code, Refused) else encode(code)


def check_refund(
    intent: Intent, wish: RefundWish, refunds: list[Refund]
) -> Refused | None:
    """The fee is paid, in this currency, and all refunds together are no more than what was."""
    if not is_identifier(wish.reference):
        return _malformed("reference", "1 to 35 of A-Z a-z 0-9 . _ / -")
    if not is_shown_text(wish.reason, REASON_LENGTH_MAX):
        return _malformed("reason", "1 to 140 printable characters")
    refused = check_officer(wish.officer)
    if refused is not None:
        return refused
    if intent.state != "paid":
        return Refused(IntentRefusal.NOT_PAID)
    if wish.amount.currency != intent.draft.amount.currency or wish.amount.amount_minor <= 0:
        return _malformed("amount", f"an amount above zero in {intent.draft.amount.currency}")
    standing = sum(each.amount_minor for each in refunds if each.state in STANDING)
    left = intent.draft.amount.amount_minor - standing
    assert left >= 0, "no more was given back than was paid"
    if wish.amount.amount_minor > left:
        shown = Money(left, wish.amount.currency).wire()
        return Refused(IntentRefusal.REFUND_TOO_LARGE, f"{shown} are left.", "amount")
    return None


def check_officer(officer: str) -> Refused | None:
    """An officer is named by a plain id."""
    is_plain = officer.isascii() and officer.isprintable() and officer == officer.strip()
    if 0 < len(officer) <= OFFICER_LENGTH_MAX and is_plain:
        return None
    return _malformed("officer", "1 to 64 printable ASCII characters")


def may_move_refund(before: RefundState, after: RefundState) -> bool:
    """Say whether a refund may go from one state to another."""
    return after in REFUND_MOVES[before]


def _malformed(field: str, expected: str) -> Refused:
    return Refused(IntentRefusal.MALFORMED, f"Expected {expected}.", field=field)

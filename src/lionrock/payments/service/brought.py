"""Messages that were brought, sorted out: those that can be taken together with others (plain.py).

Pure: they are sorted by what they say, and by what was read about them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import CreditTransfer, Envelope, StatusReport
from lionrock.payments.domain.iso20022.returns import PAYMENT_RETURN
from lionrock.payments.domain.payments import AnswerEffect, Payment, check_report, effect_of
from lionrock.payments.service.inbox import check_addresses
from lionrock.payments.service.orders import check_agent
from lionrock.payments.store.members import Participant


class Brought(msgspec.Struct, frozen=True, eq=False):
    """A message whose signature holds; `envelope` is a Refused where it could not be read.

    Of `sender`, who is believed, only the organisation and the clearing code hold.
    """

    sender: Participant
    envelope: Envelope | Refused
    raw: bytes


def named_ones(brought: Sequence[Brought]) -> dict[tuple[str, str], Brought]:
    """Messages with the right addresses by sender and MsgId; of those of one name the first."""
    named: dict[tuple[str, str], Brought] = {}
    for each in brought:
        if not isinstance(each.envelope, Refused) and not check_addresses(
            each.sender, each.envelope
        ):
            named.setdefault((each.sender.organisation_id, each.envelope.header.message_id), each)
    return named


def transfers_of(named: dict[tuple[str, str], Brought]) -> dict[Brought, CreditTransfer]:
    """Transfers that their own bank sends; of those of one TxId or UETR the first."""
    found: dict[tuple[str, str], tuple[Brought, CreditTransfer]] = {}
    uetrs: set[str] = set()
    for each in named.values():
        transfer = each.envelope.document if isinstance(each.envelope, Envelope) else None
        if isinstance(transfer, CreditTransfer) and check_agent(each.sender, transfer) is None:
            name = each.sender.organisation_id, transfer.transaction_id
            if transfer.uetr not in uetrs:
                uetrs.add(transfer.uetr)
                found.setdefault(name, (each, transfer))
    return dict(found.values())


def transactions_of(transfers: dict[Brought, CreditTransfer]) -> set[tuple[str, str]]:
    """The names of transfers: initiator and TxId."""
    return {
        (each.sender.organisation_id, transfer.transaction_id)
        for each, transfer in transfers.items()
    }


def reports_of(named: dict[tuple[str, str], Brought]) -> dict[Brought, StatusReport]:
    """Reports about payments; of those about one payment the first."""
    found: dict[str, tuple[Brought, StatusReport]] = {}
    for each in named.values():
        report = each.envelope.document if isinstance(each.envelope, Envelope) else None
        if isinstance(report, StatusReport) and report.original_definition != PAYMENT_RETURN:
            found.setdefault(report.uetr, (each, report))
    return dict(found.values())


def answered_by(payment: Payment | None, each: Brought, report: StatusReport) -> Payment | None:
    """A payment that waits for its bank, with the outcome that this report decides."""
    if payment is None or payment.answerer_id != each.sender.organisation_id:
        return None
    if payment.state != "sent" or check_report(payment, report) is not None:
        return None
    effect = effect_of(payment, report)
    if effect not in {AnswerEffect.ACCEPT, AnswerEffect.REJECT}:
        return None
    is_accepted = effect is AnswerEffect.ACCEPT
    assert is_accepted != bool(report.reason_code), "a rejection, and only it, has a reason"
    return msgspec.structs.replace(
        payment, state="answered", outcome="accept" if is_accepted else "reject",
        reason_code=report.reason_code, reason_text=report.reason_text,
    )

"""The message in which a payment's other bank is asked: one writer for each kind of payment.

Who instructs whom is in the header. Pure. Source: ISO 20022 pacs.008, pacs.003, pacs.004.
"""

from __future__ import annotations

from collections.abc import Callable

from lionrock.payments.domain.iso20022 import CreditTransfer, DirectDebit, Document, PaymentReturn
from lionrock.payments.domain.payments import Payment, PaymentKind


def outgoing(payment: Payment) -> Document:
    """Return the message that asks the other bank."""
    return _WRITERS[payment.kind](payment)


def _transfer(payment: Payment) -> CreditTransfer:
    return CreditTransfer(
        settlement_date=payment.settlement_date,
        end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id,
        uetr=payment.uetr,
        amount=payment.amount,
        debtor=payment.parties.debtor,
        creditor=payment.parties.creditor,
        proxy=payment.parties.proxy,
        remittance=payment.parties.remittance,
        service_class=payment.service_class,
        request_id=payment.parties.request_id,
        payee_verification=payment.parties.payee_verification,
    )


def _debit(payment: Payment) -> DirectDebit:
    collection = payment.parties.collection
    assert collection is not None, "a direct debit has an authorisation"
    return DirectDebit(
        settlement_date=payment.settlement_date,
        end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id,
        uetr=payment.uetr,
        amount=payment.amount,
        sequence=collection.sequence,
        collection_date=collection.collection_date,
        mandate_id=collection.mandate_id,
        creditor=payment.parties.creditor,
        debtor=payment.parties.debtor,
        remittance=payment.parties.remittance,
    )


def _return(payment: Payment) -> PaymentReturn:
    returned = payment.parties.returned
    assert returned is not None, "a return has an original"
    return PaymentReturn(
        settlement_date=payment.settlement_date,
        return_id=payment.transaction_id,
        original_message_id=returned.message_id,
        original_definition=returned.definition,
        end_to_end_id=payment.end_to_end_id,
        transaction_id=returned.transaction_id,
        uetr=returned.uetr,
        original_amount=returned.amount,
        amount=payment.amount,
        reason_code=returned.reason_code,
        reason_text=returned.reason_text,
    )


_WRITERS: dict[PaymentKind, Callable[[Payment], Document]] = {
    "transfer": _transfer, "debit": _debit, "return": _return,
}

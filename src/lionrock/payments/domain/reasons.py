"""Why a payment was rejected: the codes of ISO 20022's external status reason set that we use.

Not for: refused messages (domain.refusals). Source: ISO 20022 External Code Sets,
ExternalStatusReason1Code.
"""

from __future__ import annotations

from lionrock.ledger.api import TransferResult

ACCOUNT_INCORRECT = "AC01"
ACCOUNT_CLOSED = "AC04"
ACCOUNT_BLOCKED = "AC06"
AGENT_INCORRECT = "AGNT"
AGENT_OFFLINE = "AB08"
AMOUNT_NOT_ALLOWED = "AM02"
CURRENCY_NOT_ALLOWED = "AM03"
FUNDS_INSUFFICIENT = "AM04"
AGENT_TIMED_OUT = "AB05"
CUSTOMER_UNKNOWN = "BE06"
MESSAGE_REFUSED = "FF10"
SETTLEMENT_FAILED = "ED05"

REASON_TEXTS = {
    ACCOUNT_INCORRECT: "The creditor's account number is not known.",
    ACCOUNT_CLOSED: "The creditor's account is closed.",
    ACCOUNT_BLOCKED: "The creditor's account is blocked.",
    AGENT_INCORRECT: "The creditor's bank is not the one named.",
    AGENT_OFFLINE: "The creditor's bank takes no payments now.",
    AMOUNT_NOT_ALLOWED: "The amount is above the limit of a participant.",
    CURRENCY_NOT_ALLOWED: "The creditor's account does not take this currency.",
    FUNDS_INSUFFICIENT: "There is not enough money on the account to debit.",
    AGENT_TIMED_OUT: "The creditor's bank did not answer in time.",
    CUSTOMER_UNKNOWN: "Nobody is registered under this proxy.",
    MESSAGE_REFUSED: "The creditor's bank refused the message.",
    SETTLEMENT_FAILED: "The ledger did not take the transfer.",
}

_OF_LEDGER = {
    TransferResult.EXCEEDS_CREDITS: FUNDS_INSUFFICIENT,
    TransferResult.EXCEEDS_DEBITS: FUNDS_INSUFFICIENT,
    TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED: ACCOUNT_CLOSED,
}


def reason_of(result: TransferResult) -> str:
    """Return the reason code for a hold that the ledger refused.

    `id_already_failed` (a repeat after a crash) no longer says why: it is SETTLEMENT_FAILED.
    """
    assert result not in {TransferResult.OK, TransferResult.EXISTS}, "that is success"
    return _OF_LEDGER.get(result, SETTLEMENT_FAILED)

"""Why a payment was rejected: the codes of ISO 20022's external status reason set that we use.

Not for: refused messages (domain.refusals). Source: ISO 20022 External Code Sets,
ExternalStatusReason1Code.
"""

from __future__ import annotations

from lionrock.kernel.errors import Refusal, Refused
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.domain.refusals import PaymentRefusal

ACCOUNT_INCORRECT = "AC01"
ACCOUNT_CLOSED = "AC04"
ACCOUNT_BLOCKED = "AC06"
AGENT_INCORRECT = "AGNT"
AGENT_OFFLINE = "AB08"
AMOUNT_NOT_ALLOWED = "AM02"
CURRENCY_NOT_ALLOWED = "AM03"
FUNDS_INSUFFICIENT = "AM04"
DAY_LIMIT_PASSED = "AM23"
AGENT_TIMED_OUT = "AB05"
DEBTOR_AGENT_TIMED_OUT = "AB11"
ORDER_RECALLED = "DS02"
REQUEST_UNKNOWN = "IRNR"
REQUEST_PAID = "APAR"
REQUEST_EXPIRED = "AEXR"
REQUEST_REFUSED = "ARFR"
REQUEST_WITHDRAWN = "ARJR"
CUSTOMER_UNKNOWN = "BE06"
NAME_DIFFERS = "BE01"
ACCOUNT_NOT_PAYEES = "AC03"
DUPLICATE = "AM05"
AMOUNT_DIFFERS = "AM09"
CUT_OFF_PASSED = "TM01"
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
    DAY_LIMIT_PASSED: "The debtor's bank has sent what it may in a day, or would with this.",
    AGENT_TIMED_OUT: "The creditor's bank did not answer in time.",
    DEBTOR_AGENT_TIMED_OUT: "The debtor's bank did not answer in time.",
    REQUEST_UNKNOWN: "There is no request to pay of this identifier for this debtor's bank.",
    REQUEST_PAID: "The request to pay is paid, or being paid.",
    REQUEST_EXPIRED: "The request to pay has expired.",
    REQUEST_REFUSED: "The debtor has refused the request to pay.",
    REQUEST_WITHDRAWN: "The creditor has withdrawn the request to pay.",
    ORDER_RECALLED: "The payment was recalled or called off before it was sent.",
    NAME_DIFFERS: "The creditor's account is in another name.",
    CUSTOMER_UNKNOWN: "Nobody is registered under this proxy.",
    ACCOUNT_NOT_PAYEES: "The account is not that of the payee whose reference the transfer bears.",
    DUPLICATE: "What the transfer refers to is paid, or being paid, already.",
    AMOUNT_DIFFERS: "The amount is not what the reference stands for.",
    CUT_OFF_PASSED: "What the transfer refers to has expired.",
    MESSAGE_REFUSED: "The creditor's bank refused the message.",
    SETTLEMENT_FAILED: "The ledger did not take the transfer.",
}

_OF_REFUSAL: dict[Refusal, str] = {
    AddressingRefusal.PROXY_MALFORMED: CUSTOMER_UNKNOWN,
    AddressingRefusal.PROXY_NOT_FOUND: CUSTOMER_UNKNOWN,
    PaymentRefusal.CREDITOR_NAME_DIFFERS: NAME_DIFFERS,
    PaymentRefusal.CREDITOR_AGENT_WRONG: AGENT_INCORRECT,
    PaymentRefusal.CREDITOR_AGENT_OFFLINE: AGENT_OFFLINE,
    PaymentRefusal.CURRENCY_NOT_TAKEN: CURRENCY_NOT_ALLOWED,
    PaymentRefusal.AMOUNT_OUT_OF_RANGE: AMOUNT_NOT_ALLOWED,
}


def reason_of_route(refused: Refused) -> str:
    """Return the reason code for a payment that cannot be routed."""
    return _OF_REFUSAL[refused.refusal]

"""Everything that wallets refuse, as one closed enum, and how each looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class WalletRefusal(Refusal):
    """Why wallets did not do it."""

    MOBILE_MALFORMED = "payments.wallet_mobile_malformed"
    MOBILE_TAKEN = "payments.wallet_mobile_taken"
    OPERATOR_WITHOUT_RMB = "payments.wallet_operator_no_rmb"
    PAYER_WITHOUT_HKD = "payments.wallet_payer_no_hkd"
    WALLET_NOT_FOUND = "payments.wallet_not_found"
    WALLET_OPENING = "payments.wallet_opening"
    RATE_MALFORMED = "payments.wallet_rate_malformed"
    RATE_UNKNOWN = "payments.wallet_rate_unknown"
    AMOUNT_MALFORMED = "payments.wallet_amount_malformed"
    BALANCE_ABOVE_LIMIT = "payments.wallet_balance_limit"
    PAYMENT_ABOVE_LIMIT = "payments.wallet_payment_limit"
    PERSON_NOT_PAYABLE = "payments.wallet_person"
    PAYEE_MALFORMED = "payments.wallet_payee_malformed"
    QUOTE_NOT_FOUND = "payments.wallet_quote_not_found"
    QUOTE_EXPIRED = "payments.wallet_quote_expired"
    QUOTE_USED = "payments.wallet_quote_used"
    NAME_REUSED = "payments.wallet_name_reused"
    NAME_MALFORMED = "payments.wallet_name_malformed"
    MOVEMENT_NOT_FOUND = "payments.wallet_movement_not_found"


_R = WalletRefusal
_LIMITS = "Published limits of e-CNY wallets (wallets/limits.json)"
ERRORS: ErrorTable = {
    _R.MOBILE_MALFORMED: ErrorRow(
        400, "A wallet is opened for a Hong Kong mobile number.", "ITU-T E.164"
    ),
    _R.MOBILE_TAKEN: ErrorRow(409, "There is a wallet for this number at another institution."),
    _R.OPERATOR_WITHOUT_RMB: ErrorRow(
        409, "Whoever operates wallets has open HKD and RMB accounts at the switch."
    ),
    _R.PAYER_WITHOUT_HKD: ErrorRow(
        409, "A top-up is paid from an open HKD account at the switch; you have none."
    ),
    _R.WALLET_NOT_FOUND: ErrorRow(404, "There is no such wallet, or it is not yours to use."),
    _R.WALLET_OPENING: ErrorRow(409, "The wallet is being opened. Ask again shortly."),
    _R.RATE_MALFORMED: ErrorRow(400, "Give HKD for one RMB as a decimal with six places at most."),
    _R.RATE_UNKNOWN: ErrorRow(409, "The wallet's institution has not posted a rate."),
    _R.AMOUNT_MALFORMED: ErrorRow(400, "Give a positive RMB amount with two decimals."),
    _R.BALANCE_ABOVE_LIMIT: ErrorRow(
        409, "The wallet would hold more than it may. Top up less.", _LIMITS
    ),
    _R.PAYMENT_ABOVE_LIMIT: ErrorRow(
        409, "One payment from a wallet may not be larger than its limit.", _LIMITS
    ),
    _R.PERSON_NOT_PAYABLE: ErrorRow(
        409, "A wallet pays merchants; it does not pay persons.", "HKMA, e-CNY for Hong Kong"
    ),
    _R.PAYEE_MALFORMED: ErrorRow(
        400, "Name the merchant's bank by its clearing code, and its account there."
    ),
    _R.QUOTE_NOT_FOUND: ErrorRow(404, "There is no quote of yours with this id."),
    _R.QUOTE_EXPIRED: ErrorRow(409, "The quote has expired. Ask for a new one."),
    _R.QUOTE_USED: ErrorRow(409, "The quote was used for another top-up. Ask for a new one."),
    _R.NAME_REUSED: ErrorRow(
        409, "This end_to_end_id stands for another movement. Repeat that one, or take a new one."
    ),
    _R.NAME_MALFORMED: ErrorRow(400, "An end_to_end_id is 1 to 35 of A-Z a-z 0-9 . _ / -."),
    _R.MOVEMENT_NOT_FOUND: ErrorRow(404, "There is no movement of yours with this id."),
}

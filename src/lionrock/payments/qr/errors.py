"""The one table of how each refusal of a payment code looks on the wire."""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable
from lionrock.payments.qr.domain.refusals import QrRefusal

_R = QrRefusal
_EMV = "EMV QR merchant-presented mode"
_HK = "HK common QR code"


def _row(title: str, clause: str = _EMV) -> ErrorRow:
    return ErrorRow(400, title, clause)


QR_ERRORS: ErrorTable = {
    _R.EMPTY: _row("The payment code is empty. Scan it again."),
    _R.TOO_LONG: _row("The payment code is longer than 512 bytes, which no such code is."),
    _R.CHARACTER_FORBIDDEN: _row(
        "The payment code holds a control character or one that turns the direction of writing."
    ),
    _R.TAG_NOT_DIGITS: _row("A tag is not two digits: this is no payment code."),
    _R.LENGTH_NOT_DIGITS: _row("A length is not two digits: this is no payment code."),
    _R.LENGTH_ZERO: _row("A value is empty. Leave the tag out instead."),
    _R.LENGTH_PAST_END: _row("A length runs past the end: the code was cut off."),
    _R.LENGTH_AMBIGUOUS: _row(
        "The lengths hold for characters and for bytes, with different meanings. Ask for a new "
        "code."
    ),
    _R.CRC_MISSING: _row("The checksum (tag 63) is missing: the code was cut off."),
    _R.CRC_NOT_LAST: _row("Items follow the checksum, which does not cover them."),
    _R.DATA_AFTER_CRC: _row("Something follows the checksum. Take the code without it."),
    _R.CRC_LOWER_CASE: _row("Write the checksum in upper-case hexadecimal digits."),
    _R.CRC_WRONG: _row("The checksum is wrong: the code was misread or changed. Scan it again."),
    _R.FORMAT_NOT_FIRST: _row("A payment code begins with tag 00, the format indicator."),
    _R.FORMAT_UNKNOWN: _row("The code is of another version of the format than 01."),
    _R.TAG_TWICE: _row("A tag stands there twice, and nobody can say which one counts."),
    _R.TAG_MISSING: _row("A required tag is missing; the field says which."),
    _R.FIELD_MALFORMED: _row("A value is not as its tag demands; the field says which."),
    _R.COUNTRY_WRONG: _row("This is no code of Hong Kong: tag 58 is not HK.", _HK),
    _R.CURRENCY_UNKNOWN: _row("Only HKD (344) and CNY (156) are paid here.", "ISO 4217"),
    _R.AMOUNT_NEGATIVE: _row("The amount is negative. An amount is above zero."),
    _R.AMOUNT_EXPONENT: _row("The amount is in exponent notation. Write it in plain digits."),
    _R.AMOUNT_MALFORMED: _row("The amount is no decimal number such as 88.80."),
    _R.AMOUNT_DECIMALS: _row("The amount has more than two decimals.", "ISO 4217"),
    _R.AMOUNT_ZERO: _row("The amount is zero. Leave it out to let the payer choose."),
    _R.TIP_INCONSISTENT: _row("The tip's tags 55, 56 and 57 do not fit together."),
    _R.PROXY_MISSING: _row("The FPS account names nobody: give an FPS ID, mobile or e-mail.", _HK),
    _R.PROXIES_MANY: _row("The FPS account names more than one payee.", _HK),
    _R.FPS_ID_NOT_DIGITS: _row("An FPS ID is digits only.", _HK),
    _R.FPS_ID_TOO_SHORT: _row("An FPS ID has 7 or 9 digits; this one is shorter.", _HK),
    _R.MOBILE_MALFORMED: _row("A mobile number is written as +852-51230001.", _HK),
    _R.EMAIL_MALFORMED: _row("The e-mail address is none.", _HK),
    _R.TIMEOUT_MALFORMED: _row("The time-out is no instant of fourteen digits.", _HK),
    _R.PICTURE_MALFORMED: _row("A picture is svg or png, with a scale from 1 to 20.", "ISO 18004"),
}  # fmt: skip

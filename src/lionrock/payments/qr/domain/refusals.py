"""Everything for which a payment code is refused, one reason each."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class QrRefusal(Refusal):
    """Why a text is no payment code, or why a payment code cannot be made."""

    # The text as a whole.
    EMPTY = "payments.qr_empty"
    TOO_LONG = "payments.qr_too_long"
    CHARACTER_FORBIDDEN = "payments.qr_character_forbidden"
    TAG_NOT_DIGITS = "payments.qr_tag_not_digits"
    LENGTH_NOT_DIGITS = "payments.qr_length_not_digits"
    LENGTH_ZERO = "payments.qr_length_zero"
    LENGTH_PAST_END = "payments.qr_length_past_end"
    LENGTH_AMBIGUOUS = "payments.qr_length_ambiguous"
    CRC_MISSING = "payments.qr_crc_missing"
    CRC_NOT_LAST = "payments.qr_crc_not_last"
    DATA_AFTER_CRC = "payments.qr_data_after_crc"
    CRC_LOWER_CASE = "payments.qr_crc_lower_case"
    CRC_WRONG = "payments.qr_crc_wrong"
    FORMAT_NOT_FIRST = "payments.qr_format_not_first"
    TAG_TWICE = "payments.qr_tag_twice"
    TAG_MISSING = "payments.qr_tag_missing"
    # What stands in it.
    FIELD_MALFORMED = "payments.qr_field_malformed"
    FORMAT_UNKNOWN = "payments.qr_format_unknown"
    COUNTRY_WRONG = "payments.qr_country_wrong"
    CURRENCY_UNKNOWN = "payments.qr_currency_unknown"
    AMOUNT_NEGATIVE = "payments.qr_amount_negative"
    AMOUNT_EXPONENT = "payments.qr_amount_exponent"
    AMOUNT_MALFORMED = "payments.qr_amount_malformed"
    AMOUNT_DECIMALS = "payments.qr_amount_decimals"
    AMOUNT_ZERO = "payments.qr_amount_zero"
    TIP_INCONSISTENT = "payments.qr_tip_inconsistent"
    PROXY_MISSING = "payments.qr_proxy_missing"
    PROXIES_MANY = "payments.qr_proxies_many"
    FPS_ID_NOT_DIGITS = "payments.qr_fps_id_not_digits"
    FPS_ID_TOO_SHORT = "payments.qr_fps_id_too_short"
    MOBILE_MALFORMED = "payments.qr_mobile_malformed"
    EMAIL_MALFORMED = "payments.qr_email_malformed"
    TIMEOUT_MALFORMED = "payments.qr_timeout_malformed"
    # Drawing.
    PICTURE_MALFORMED = "payments.qr_picture_malformed"

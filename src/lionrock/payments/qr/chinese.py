"""What a person reads in Chinese when a text is no payment code, by stable code.

The English sentences stand in errors.py. Left out is what only a programme can ask wrongly
(PICTURE_MALFORMED).
"""

from __future__ import annotations

CHINESE: dict[str, tuple[str, str]] = {
    # The text as a whole.
    "payments.qr_empty": (
        "付款碼沒有內容。請重新掃描。", "付款码没有内容。请重新扫描。",
    ),
    "payments.qr_too_long": (
        "付款碼超過512位元組，並無此種付款碼。", "付款码超过512字节，并无此种付款码。",
    ),
    "payments.qr_character_forbidden": (
        "付款碼內有控制字元，或改變書寫方向的字元。", "付款码内有控制字符，或改变书写方向的字符。",
    ),
    "payments.qr_tag_not_digits": (
        "有標籤並非兩位數字：這不是付款碼。", "有标签并非两位数字：这不是付款码。",
    ),
    "payments.qr_length_not_digits": (
        "有長度並非兩位數字：這不是付款碼。", "有长度并非两位数字：这不是付款码。",
    ),
    "payments.qr_length_zero": (
        "有標籤的內容是空的。沒有內容的標籤應省去。", "有标签的内容是空的。没有内容的标签应省去。",
    ),
    "payments.qr_length_past_end": (
        "有長度超出付款碼的結尾：付款碼不完整。", "有长度超出付款码的结尾：付款码不完整。",
    ),
    "payments.qr_length_ambiguous": (
        "長度可按字元或位元組理解，意思各異。請索取新的付款碼。",
        "长度可按字符或字节理解，意思各异。请索取新的付款码。",
    ),
    "payments.qr_crc_missing": (
        "沒有校驗碼（標籤63）：付款碼不完整。", "没有校验码（标签63）：付款码不完整。",
    ),
    "payments.qr_crc_not_last": (
        "校驗碼之後另有項目，不受校驗碼保護。", "校验码之后另有项目，不受校验码保护。",
    ),
    "payments.qr_data_after_crc": (
        "校驗碼之後另有內容。請只取付款碼本身。", "校验码之后另有内容。请只取付款码本身。",
    ),
    "payments.qr_crc_lower_case": (
        "校驗碼須以大寫十六進位數字書寫。", "校验码须以大写十六进制数字书写。",
    ),
    "payments.qr_crc_wrong": (
        "校驗碼不符：付款碼讀取有誤或曾被更改。請重新掃描。",
        "校验码不符：付款码读取有误或曾被更改。请重新扫描。",
    ),
    "payments.qr_format_not_first": (
        "付款碼應以標籤00（格式）開始。", "付款码应以标签00（格式）开始。",
    ),
    "payments.qr_format_unknown": (
        "付款碼的格式版本並非01。", "付款码的格式版本并非01。",
    ),
    "payments.qr_tag_twice": (
        "有標籤出現兩次，無從知道以何者為準。", "有标签出现两次，无从知道以何者为准。",
    ),
    "payments.qr_tag_missing": (
        "欠缺必需的標籤，見所指的一欄。", "欠缺必需的标签，见所指的一栏。",
    ),
    # What stands in it.
    "payments.qr_field_malformed": (
        "有內容不合其標籤的要求，見所指的一欄。", "有内容不合其标签的要求，见所指的一栏。",
    ),
    "payments.qr_country_wrong": (
        "這不是香港的付款碼：標籤58並非HK。", "这不是香港的付款码：标签58并非HK。",
    ),
    "payments.qr_currency_unknown": (
        "此處只接受港元（344）及人民幣（156）。", "此处只接受港元（344）及人民币（156）。",
    ),
    "payments.qr_amount_negative": (
        "金額是負數。金額須大於零。", "金额是负数。金额须大于零。",
    ),
    "payments.qr_amount_exponent": (
        "金額以指數書寫。請以一般數字書寫。", "金额以指数书写。请以一般数字书写。",
    ),
    "payments.qr_amount_malformed": (
        "金額並非如88.80的小數。", "金额并非如88.80的小数。",
    ),
    "payments.qr_amount_decimals": (
        "金額多於兩位小數。", "金额多于两位小数。",
    ),
    "payments.qr_amount_zero": (
        "金額是零。如由付款人決定金額，應省去此項。", "金额是零。如由付款人决定金额，应省去此项。",
    ),
    "payments.qr_tip_inconsistent": (
        "小費的標籤55、56及57互相不符。", "小费的标签55、56及57互相不符。",
    ),
    "payments.qr_proxy_missing": (
        "轉數快式帳戶沒有指明收款人：須有識別碼、手提電話號碼或電郵地址。",
        "转数快式账户没有指明收款人：须有识别码、手机号码或电邮地址。",
    ),
    "payments.qr_proxies_many": (
        "轉數快式帳戶指明多於一名收款人。", "转数快式账户指明多于一名收款人。",
    ),
    "payments.qr_fps_id_not_digits": (
        "轉數快式識別碼只有數字。", "转数快式识别码只有数字。",
    ),
    "payments.qr_fps_id_too_short": (
        "轉數快式識別碼有7或9位數字；這個較短。", "转数快式识别码有7或9位数字；这个较短。",
    ),
    "payments.qr_mobile_malformed": (
        "手提電話號碼應寫成+852-51230001。", "手机号码应写成+852-51230001。",
    ),
    "payments.qr_email_malformed": (
        "電郵地址不正確。", "电邮地址不正确。",
    ),
    "payments.qr_timeout_malformed": (
        "限期並非十四位數字的時間。", "限期并非十四位数字的时间。",
    ),
}  # fmt: skip

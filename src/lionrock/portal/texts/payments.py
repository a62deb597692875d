"""Texts of the pay page."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

PAYMENT_TEXTS = {
    "pay_title": Text("Pay", "付款", "付款"),
    "link_open": Text("To be paid", "待付款", "待付款"),
    "link_paying": Text("Being paid", "付款處理中", "付款处理中"),
    "link_paid": Text("Paid", "已付款", "已付款"),
    "link_cancelled": Text("Called off by the payee", "收款方已取消", "收款方已取消"),
    "link_expired": Text("Expired", "已逾期", "已逾期"),
    "pay_any_amount": Text("You choose the amount", "金額由你決定", "金额由您决定"),
    "pay_number": Text("Number", "編號", "编号"),
    "pay_until": Text("Pay before", "付款期限", "付款期限"),
    "pay_with_app": Text("With your bank's app", "以銀行應用程式付款", "以银行应用程序付款"),
    "pay_with_app_text": Text(
        "Scan this with your bank's app, or open the address on the phone that has it.",
        "以銀行應用程式掃描，或在裝有該程式的手機開啟此網址。",
        "以银行应用程序扫描，或在装有该程序的手机打开此网址。",
    ),
    "pay_link_picture": Text("Code of this page's address", "本頁網址的二維碼", "本页网址的二维码"),
    "pay_with_code": Text("With a payment code", "以付款二維碼付款", "以付款二维码付款"),
    "pay_with_code_text": Text(
        "For apps that read payment codes only. Leave sum and bill number as they are.",
        "適用於只能讀取付款二維碼的應用程式。請勿更改金額及帳單編號。",
        "适用于只能读取付款二维码的应用程序。请勿更改金额及账单编号。",
    ),
    "pay_code_picture": Text("Payment code", "付款二維碼", "付款二维码"),
    "pay_check_payee": Text(
        "Before you agree, compare the payee and the sum that your bank shows with this page.",
        "確認前，請核對銀行顯示的收款方及金額是否與本頁相符。",
        "确认前，请核对银行显示的收款方及金额是否与本页相符。",
    ),
    "pay_receipt": Text("Receipt", "收據", "收据"),
    "pay_payment": Text("Payment", "付款參考", "付款参考"),
    "pay_receipt_digest": Text(
        "Fingerprint of the signed receipt", "已簽署收據的數碼指紋", "已签署收据的数字指纹"
    ),
    "pay_return": Text("Back to the payee", "返回收款方", "返回收款方"),
}  # fmt: skip

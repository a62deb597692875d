"""Texts of the pay page and of the page that reads payment codes."""

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
    "pay_on_this_device": Text(
        "On this device, open the app of", "在此裝置開啟應用程式", "在此装置打开应用程序"
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
    "pay_receipt_document": Text("Receipt (PDF)", "收據（PDF）", "收据（PDF）"),
    "pay_payment": Text("Payment", "付款參考", "付款参考"),
    "pay_receipt_digest": Text(
        "Fingerprint of the signed receipt", "已簽署收據的數碼指紋", "已签署收据的数字指纹"
    ),
    "code_title": Text("Read a payment code", "讀取付款二維碼", "读取付款二维码"),
    "code_lead": Text(
        "Paste the text of a scanned code to see whom it pays, or which rule it breaks.",
        "貼上掃描所得的文字，即可查看收款方，或其違反的規則。",
        "贴上扫描所得的文字，即可查看收款方，或其违反的规则。",
    ),
    "code_payload": Text("Text of the code", "二維碼內容", "二维码内容"),
    "code_read": Text("Read", "讀取", "读取"),
    "code_says": Text("It says", "內容", "内容"),
    "code_refused": Text("This is no payment code", "此非付款二維碼", "此非付款二维码"),
    "code_tag": Text("Tag", "標籤", "标签"),
    "code_detail": Text("Detail", "詳情", "详情"),
    "code_picture": Text("The code as a picture", "二維碼圖像", "二维码图像"),
    "code_fps_id": Text("FPS-style ID", "轉數快式識別碼", "转数快式识别码"),
    "code_mobile": Text("Mobile number", "手機號碼", "手机号码"),
    "code_email": Text("E-mail", "電郵地址", "电邮地址"),
    "code_scheme": Text("Scheme", "付款計劃", "付款计划"),
    "code_name": Text("Name", "名稱", "名称"),
    "code_bill": Text("Bill number", "帳單編號", "账单编号"),
    "code_reference": Text("Reference", "參考", "参考"),
    "code_timeout": Text("Valid until, as written", "有效期（原文）", "有效期（原文）"),
    "code_identifier_variant": Text(
        "The scheme's name is written in another way than usual.",
        "計劃名稱的寫法與慣常不同。", "计划名称的写法与惯常不同。",
    ),
    "code_mobile_as_fps_id": Text(
        "The mobile number stands where an ID is expected.",
        "手機號碼填於識別碼的位置。", "手机号码填于识别码的位置。",
    ),
    "code_fps_id_length": Text(
        "The ID has neither 7 nor 9 digits.", "識別碼並非7位或9位數字。",
        "识别码并非7位或9位数字。",
    ),
    "code_static_amount": Text(
        "A code for many payments that names an amount.", "可重複使用而列明金額的二維碼。",
        "可重复使用而列明金额的二维码。",
    ),
    "code_text_not_ascii": Text(
        "Text beyond plain letters stands outside its place.", "非拉丁文字未置於指定位置。",
        "非拉丁文字未置于指定位置。",
    ),
    "code_lengths_in_bytes": Text(
        "Its lengths count bytes.", "長度以位元組計算。", "长度以字节计算。"
    ),
    "code_no_fps_account": Text(
        "It is for other payment schemes only.", "只適用於其他付款計劃。", "只适用于其他付款计划。"
    ),
    "code_point_absent": Text(
        "It does not say whether it is for one payment or many.", "未列明是否只供一次付款。",
        "未列明是否只供一次付款。",
    ),
    "pay_return": Text("Back to the payee", "返回收款方", "返回收款方"),
}  # fmt: skip

"""What a phone says for the actions of the facades, in three languages, and the pages' own texts.

Templates over structured fields: a service's free text is quoted within `details` only.
"""

from __future__ import annotations

from lionrock.identity.api import Template
from lionrock.kernel.i18n import Text

FORM = "hongkong.form"
STEP_UP = "hongkong.step_up"
DOCUMENTS = "hongkong.documents"

TEMPLATES = {
    FORM: Template(
        name=FORM,
        words=Text(
            "{service} ({origin}) asks: {details}. It receives this once. "
            "Approve only if you started this yourself.",
            "{service}（{origin}）要求：{details}。它只會收到一次。如非由你本人發起，請拒絕。",
            "{service}（{origin}）要求：{details}。它只会收到一次。如非由您本人发起，请拒绝。",
        ),
        fields={"service": "plain", "origin": "plain", "details": "plain"},
    ),
    STEP_UP: Template(
        name=STEP_UP,
        words=Text(
            "Confirm to {service} ({origin}) that it is you. It receives nothing else.",
            "向{service}（{origin}）確認是你本人。它不會收到其他資料。",
            "向{service}（{origin}）确认是您本人。它不会收到其他资料。",
        ),
        fields={"service": "plain", "origin": "plain"},
    ),
    DOCUMENTS: Template(
        name=DOCUMENTS,
        words=Text(
            "{service} ({origin}) asks for documents of {company}: {documents}. It receives them "
            "once. Approve only if you started this yourself.",
            "{service}（{origin}）要求取得{company}的文件：{documents}。它只會收到一次。"
            "如非由你本人發起，請拒絕。",
            "{service}（{origin}）要求取得{company}的文件：{documents}。它只会收到一次。"
            "如非由您本人发起，请拒绝。",
        ),
        fields={"service": "plain", "origin": "plain", "company": "plain", "documents": "plain"},
    ),
}
DOCUMENT_NAMES = {
    "businessRegistration": Text("business registration", "商業登記", "商业登记"),
    "mandate": Text("your mandate for the company", "你代表公司的授權", "您代表公司的授权"),
}

SCAN = Text(
    "Scan this code with the app on your phone. It changes every few seconds.",
    "請用手機應用程式掃描此碼。此碼每隔數秒更新。",
    "请用手机应用程序扫描此码。此码每隔数秒更新。",
)
NUMBER = Text(
    "Enter this number on your phone, if you agree with what it says",
    "如同意手機所示內容，請輸入此號碼", "如同意手机所示内容，请输入此号码",
)
CHOOSE = Text(
    "For which company do you act?", "你代表哪間公司？", "您代表哪间公司？"
)

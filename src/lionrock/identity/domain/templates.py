"""The approval templates that this pillar ships: every sentence a phone may show.

A pillar above uses one by name; it cannot bring a sentence of its own. A new deed means a new
template here (or one handed to the service at start), reviewed in three languages.
"""

from __future__ import annotations

from collections.abc import Mapping

from lionrock.identity.domain.words import FieldKind, Template
from lionrock.kernel.i18n import Text


def _template(name: str, fields: str, words: Text) -> Template:
    """`fields`: names separated by blanks; one that ends in * is free text, shown quoted."""
    kinds: dict[str, FieldKind] = {
        field.rstrip("*"): "quoted" if field.endswith("*") else "plain" for field in fields.split()
    }
    return Template(name=name, words=words, fields=kinds)


_SIGN_IN = _template(
    "identity.sign_in",
    "service origin receives",
    Text(
        "Sign in to {service} ({origin}). It receives: {receives}. "
        "Approve only if you started this yourself.",
        "登入{service}（{origin}）。它會收到：{receives}。如非由你本人發起，請拒絕。",
        "登录{service}（{origin}）。它会收到：{receives}。如非由您本人发起，请拒绝。",
    ),
)
_SIGN_IN_DETAILS = _template(
    "identity.sign_in_details",
    "service origin receives details",
    Text(
        "Sign in to {service} ({origin}). It receives: {receives}. You also allow it: {details}. "
        "Approve only if you started this yourself.",
        "登入{service}（{origin}）。它會收到：{receives}。你亦准許它：{details}。"
        "如非由你本人發起，請拒絕。",
        "登录{service}（{origin}）。它会收到：{receives}。您亦准许它：{details}。"
        "如非由您本人发起，请拒绝。",
    ),
)
_CONSENT_FIELDS = (
    "owner provider consumer product fields purpose legal_basis data_period until frequency"
    " retention jurisdiction"
)
_CONSENT = _template(
    "exchange.consent",
    _CONSENT_FIELDS,
    Text(
        "Let {provider} give data of {owner} to {consumer}. Data: {product}: {fields}. "
        "Period of the data: {data_period}. Purpose: {purpose} ({legal_basis}). "
        "Allowed {frequency}, until {until}. Used in {jurisdiction} only. Kept {retention}. "
        "You can revoke this at any time.",
        "准許{provider}向{consumer}提供{owner}的資料。資料：{product}：{fields}。資料所屬期間：{data_period}。"
        "用途：{purpose}（{legal_basis}）。准許{frequency}，至{until}為止。只限在{jurisdiction}使用。"
        "保存{retention}。你可隨時撤回。",
        "准许{provider}向{consumer}提供{owner}的资料。资料：{product}：{fields}。资料所属期间：{data_period}。"
        "用途：{purpose}（{legal_basis}）。准许{frequency}，至{until}为止。只限在{jurisdiction}使用。"
        "保存{retention}。您可随时撤回。",
    ),
)
_CONSENT_AMENDMENT = _template(
    "exchange.consent_amendment",
    _CONSENT_FIELDS,
    Text(
        "Change what {provider} may give of {owner} to {consumer}. From now on: "
        "{product}: {fields}. Period of the data: {data_period}. Purpose: {purpose} "
        "({legal_basis}). Allowed {frequency}, until {until}. Used in {jurisdiction} only. "
        "Kept {retention}. If you reject this, what you agreed to before stays as it is.",
        "更改{provider}可向{consumer}提供的{owner}資料。由現在起：{product}：{fields}。"
        "資料所屬期間：{data_period}。用途：{purpose}（{legal_basis}）。准許{frequency}，至{until}為止。"
        "只限在{jurisdiction}使用。保存{retention}。如你拒絕，先前同意的內容維持不變。",
        "更改{provider}可向{consumer}提供的{owner}资料。由现在起：{product}：{fields}。"
        "资料所属期间：{data_period}。用途：{purpose}（{legal_basis}）。准许{frequency}，至{until}为止。"
        "只限在{jurisdiction}使用。保存{retention}。如您拒绝，先前同意的内容维持不变。",
    ),
)
_SIGN_DOCUMENT = _template(
    "signing.document",
    "title* document_sha256",
    Text(
        "Sign the document {title} as yourself. SHA-256 of what you sign: {document_sha256}.",
        "以本人名義簽署文件{title}。所簽內容的 SHA-256：{document_sha256}。",
        "以本人名义签署文件{title}。所签内容的 SHA-256：{document_sha256}。",
    ),
)
_SEAL_DOCUMENT = _template(
    "signing.company_seal",
    "company title* document_sha256",
    Text(
        "Put the seal of {company} on the document {title}. SHA-256 of what is sealed: "
        "{document_sha256}. This binds the company.",
        "在文件{title}上加蓋{company}的印章。所蓋內容的 SHA-256："
        "{document_sha256}。此舉對公司具約束力。",
        "在文件{title}上加盖{company}的印章。所盖内容的 SHA-256："
        "{document_sha256}。此举对公司具约束力。",
    ),
)
_OFFICE_SEAL = _template(
    "signing.office_seal",
    "office title* document_sha256",
    Text(
        "Put the seal of {office} on the document {title}. SHA-256 of what is sealed: "
        "{document_sha256}. You act for the office, not for yourself.",
        "在文件{title}上加蓋{office}的印章。所蓋內容的 SHA-256：{document_sha256}。"
        "你代表該機構行事，並非以個人名義。",
        "在文件{title}上加盖{office}的印章。所盖内容的 SHA-256：{document_sha256}。"
        "您代表该机构行事，并非以个人名义。",
    ),
)
# Several documents at once: each is listed by name with its SHA-256 in short form; `hashes` holds
# all of them in full, so that words_hash binds every one. "values": the service computed what is
# signed, so we cannot vouch for the names, and say so.
_SIGN_BATCH = _template(
    "signing.batch",
    "count documents hashes",
    Text(
        "Sign as yourself, documents: {count}: {documents}. You approve these and no other.",
        "以本人名義簽署{count}份文件：{documents}。你只批准這些文件。",
        "以本人名义签署{count}份文件：{documents}。您只批准这些文件。",
    ),
)
_SEAL_BATCH = _template(
    "signing.seal_batch",
    "company count documents hashes",
    Text(
        "Put the seal of {company} on documents: {count}: {documents}. This binds the company.",
        "在{count}份文件上加蓋{company}的印章：{documents}。此舉對公司具約束力。",
        "在{count}份文件上加盖{company}的印章：{documents}。此举对公司具约束力。",
    ),
)
_SIGN_VALUES = _template(
    "signing.values",
    "service count documents hashes",
    Text(
        "Sign as yourself, values prepared by {service}: {count}. It says that they stand for: "
        "{documents}. Approve only if you trust it to say so.",
        "以本人名義簽署由{service}擬備的{count}個數值。它聲稱代表：{documents}。信任該服務才批准。",
        "以本人名义签署由{service}拟备的{count}个数值。它声称代表：{documents}。信任该服务才批准。",
    ),
)
_SEAL_VALUES = _template(
    "signing.seal_values",
    "company service count documents hashes",
    Text(
        "Put the seal of {company} on values prepared by {service}: {count}. It says that they "
        "stand for: {documents}. This binds the company.",
        "在由{service}擬備的{count}個數值上加蓋{company}的印章。它聲稱代表：{documents}。"
        "此舉對公司具約束力。",
        "在由{service}拟备的{count}个数值上加盖{company}的印章。它声称代表：{documents}。"
        "此举对公司具约束力。",
    ),
)
_PAYMENT = _template(
    "payments.credit_transfer",
    "debtor amount creditor remittance*",
    Text(
        "Pay {amount} from {debtor} to {creditor}, with the message {remittance}. "
        "A payment cannot be taken back.",
        "由{debtor}向{creditor}支付{amount}，附言{remittance}。付款不能撤回。",
        "由{debtor}向{creditor}支付{amount}，附言{remittance}。付款不能撤回。",
    ),
)
_FEE_REFUND = _template(
    "payments.fee_refund",
    "department amount number title* reason* officer",
    Text(
        "Give {amount} of the fee {number} ({title}) of {department} back to the account that paid "
        "it. Reason: {reason}. Asked for in the name of {officer}. You act for the department; "
        "approve only if you have checked it yourself.",
        "將{department}費用{number}（{title}）中的{amount}退回原付款帳戶。理由：{reason}。"
        "以{officer}的名義提出。你代表該部門行事；如未經你親自核實，請拒絕。",
        "将{department}费用{number}（{title}）中的{amount}退回原付款账户。理由：{reason}。"
        "以{officer}的名义提出。您代表该部门行事；如未经您亲自核实，请拒绝。",
    ),
)
_APPLICATION = _template(
    "programmes.application",
    "company programme amount document_sha256",
    Text(
        "Submit the application of {company} to {programme} for {amount}. SHA-256 of the "
        "application: {document_sha256}.",
        "代{company}向{programme}提交申請，金額{amount}。申請書的 SHA-256：{document_sha256}。",
        "代{company}向{programme}提交申请，金额{amount}。申请书的 SHA-256：{document_sha256}。",
    ),
)
_MANDATE = _template(
    "identity.mandate",
    "company holder role scopes limit signatures from until",
    Text(
        "Let {holder} act for {company} as {role}: {scopes}. Limit of one deed: {limit}. "
        "Signatures needed: {signatures}. From {from} until {until}.",
        "授權{holder}以{role}身分代表{company}：{scopes}。每次上限：{limit}。"
        "須{signatures}人簽署。由{from}至{until}。",
        "授权{holder}以{role}身份代表{company}：{scopes}。每次上限：{limit}。"
        "须{signatures}人签署。由{from}至{until}。",
    ),
)
_MANDATE_END = _template(
    "identity.mandate_end",
    "company holder role",
    Text(
        "End at once the authority of {holder} to act for {company} as {role}.",
        "即時終止{holder}以{role}身分代表{company}的授權。",
        "即时终止{holder}以{role}身份代表{company}的授权。",
    ),
)
_SERVICE_ROLE = _template(
    "identity.service_role",
    "company holder service name",
    Text(
        "Give {holder}, who acts for {company}, the role {name} at {service}.",
        "授予代表{company}的{holder}在{service}的角色{name}。",
        "授予代表{company}的{holder}在{service}的角色{name}。",
    ),
)
_SERVICE_ROLE_END = _template(
    "identity.service_role_end",
    "company holder service name",
    Text(
        "Take the role {name} at {service} away from {holder}, who acts for {company}.",
        "撤銷代表{company}的{holder}在{service}的角色{name}。",
        "撤销代表{company}的{holder}在{service}的角色{name}。",
    ),
)
_NEW_DEVICE = _template(
    "identity.new_device",
    "enrolled_at",
    Text(
        "A new device was added to your identity at {enrolled_at}. Approve only if you added it "
        "yourself; if you reject, it is taken out of use at once.",
        "你的身分於{enrolled_at}新增了一部裝置。如由你本人新增才批准；如拒絕，該裝置即時停用。",
        "您的身份于{enrolled_at}新增了一部设备。如由您本人新增才批准；如拒绝，该设备即时停用。",
    ),
)
_RECOVERY = _template(
    "identity.recovery",
    "started_at",
    Text(
        "Somebody asked at {started_at} to recover your identity onto a new device and to take all "
        "your devices out of use. Approve only if that was you; if you reject, it is called off.",
        "有人於{started_at}要求以新裝置恢復你的身分，並停用你所有裝置。如由你本人提出才批准；如拒絕，"
        "有關要求即告取消。",
        "有人于{started_at}要求以新设备恢复您的身份，并停用您所有设备。如由您本人提出才批准；如拒绝，"
        "有关要求即告取消。",
    ),
)
_CIBA = _template(
    "identity.ciba",
    "service origin receives",
    Text(
        "{service} ({origin}) asks you to sign in, without a page of yours. It receives: "
        "{receives}. Approve only if you started this yourself.",
        "{service}（{origin}）直接要求你登入，並非由你的頁面發出。它會收到：{receives}。"
        "如非由你本人發起，請拒絕。",
        "{service}（{origin}）直接要求您登录，并非由您的页面发出。它会收到：{receives}。"
        "如非由您本人发起，请拒绝。",
    ),
)
_CIBA_BOUND = _template(
    "identity.ciba_bound",
    "service origin receives binding_message*",
    Text(
        "{service} ({origin}) asks you to sign in and shows {binding_message}. It receives: "
        "{receives}. Approve only if you started this yourself and see the same message there.",
        "{service}（{origin}）要求你登入，並顯示{binding_message}。它會收到：{receives}。"
        "如非由你本人發起，或該處所示訊息不同，請拒絕。",
        "{service}（{origin}）要求您登录，并显示{binding_message}。它会收到：{receives}。"
        "如非由您本人发起，或该处所示信息不同，请拒绝。",
    ),
)
_CIBA_DETAILS = _template(
    "identity.ciba_details",
    "service origin receives details",
    Text(
        "{service} ({origin}) asks you to sign in, without a page of yours. It receives: "
        "{receives}. You also allow it: {details}. Approve only if you started this yourself.",
        "{service}（{origin}）直接要求你登入，並非由你的頁面發出。它會收到：{receives}。"
        "你亦准許它：{details}。如非由你本人發起，請拒絕。",
        "{service}（{origin}）直接要求您登录，并非由您的页面发出。它会收到：{receives}。"
        "您亦准许它：{details}。如非由您本人发起，请拒绝。",
    ),
)
_CIBA_DETAILS_BOUND = _template(
    "identity.ciba_details_bound",
    "service origin receives details binding_message*",
    Text(
        "{service} ({origin}) asks you to sign in and shows {binding_message}. It receives: "
        "{receives}. You also allow it: {details}. Approve only if you started this yourself and "
        "see the same message there.",
        "{service}（{origin}）要求你登入，並顯示{binding_message}。它會收到：{receives}。"
        "你亦准許它：{details}。如非由你本人發起，或該處所示訊息不同，請拒絕。",
        "{service}（{origin}）要求您登录，并显示{binding_message}。它会收到：{receives}。"
        "您亦准许它：{details}。如非由您本人发起，或该处所示信息不同，请拒绝。",
    ),
)

_FORM_FILLING = _template(
    "identity.form_filling",
    "service origin details",
    Text(
        "Without signing in, you allow {service} ({origin}): {details}. It is told nothing else "
        "about you. Approve only if you opened this form yourself.",
        "你毋須登入而准許{service}（{origin}）：{details}。它不會收到你的其他資料。"
        "如非由你本人開啟此表格，請拒絕。",
        "您无须登录而准许{service}（{origin}）：{details}。它不会收到您的其他资料。"
        "如非由您本人打开此表格，请拒绝。",
    ),
)

TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (
        _SIGN_IN, _SIGN_IN_DETAILS, _CONSENT, _CONSENT_AMENDMENT,
        _SIGN_DOCUMENT, _SEAL_DOCUMENT, _OFFICE_SEAL,
        _SIGN_BATCH, _SEAL_BATCH, _SIGN_VALUES, _SEAL_VALUES, _PAYMENT, _FEE_REFUND,
        _APPLICATION,
        _MANDATE, _MANDATE_END, _SERVICE_ROLE, _SERVICE_ROLE_END, _NEW_DEVICE, _RECOVERY,
        _FORM_FILLING, _CIBA, _CIBA_BOUND, _CIBA_DETAILS, _CIBA_DETAILS_BOUND,
    )
}  # fmt: skip

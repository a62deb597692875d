"""What a person reads in Chinese when something is refused on a page, by stable code.

The English sentences stand in the error tables. Here are those that a person or an officer meets in
a browser; what only a service's engineer can meet (OAuth errors, proofs, assertions, a registry's
calls: ENGINEERS, and every row with an OAuth code) stays English.
"""

from __future__ import annotations

CHINESE: dict[str, tuple[str, str]] = {
    # Signing in.
    "identity.request_not_pushed": (
        "服務須先提交登入要求。請返回該服務再試。", "服务须先提交登录请求。请返回该服务再试。",
    ),
    "identity.request_unknown": (
        "沒有此登入要求。請返回該服務。", "没有此登录请求。请返回该服务。",
    ),
    "identity.request_expired": (
        "此登入要求已逾時。請返回該服務。", "此登录请求已超时。请返回该服务。",
    ),
    "identity.request_used": (
        "此登入要求已完成。請返回該服務。", "此登录请求已完成。请返回该服务。",
    ),
    "identity.sign_in_unknown": (
        "本瀏覽器沒有此登入。請返回該服務。", "本浏览器没有此登录。请返回该服务。",
    ),
    "identity.sign_in_forged": (
        "此表格並非在本瀏覽器開啟。請重新開啟頁面。", "此表格并非在本浏览器打开。请重新打开页面。",
    ),
    "identity.sign_in_finished": (
        "此登入已結束。請返回該服務。", "此登录已结束。请返回该服务。",
    ),
    "identity.client_unknown": (
        "沒有此服務，或該服務已停用。", "没有此服务，或该服务已停用。",
    ),
    "identity.staff_role_missing": (
        "此事須具備你沒有的職員角色。", "此事须具备您没有的职员角色。",
    ),
    "identity.exchange_target": (
        "請選擇一間你現時可代表的公司。", "请选择一家您现时可代表的公司。",
    ),
    # Codes that are scanned.
    "identity.scan_foreign": (
        "此碼屬於另一網站。請只在你開始的地方登入。", "此码属于另一网站。请只在您开始的地方登录。",
    ),
    "identity.scan_unknown": (
        "沒有登入在等候此碼。請掃描頁面上的碼。", "没有登录在等候此码。请扫描页面上的码。",
    ),
    "identity.scan_rotated": (
        "此碼已過期。請掃描頁面現時顯示的碼。", "此码已过期。请扫描页面现时显示的码。",
    ),
    "identity.scan_used": (
        "此碼已被掃描。請在該服務重新開始。", "此码已被扫描。请在该服务重新开始。",
    ),
    "identity.scan_limited": (
        "你的手機掃描次數過多。請等候十分鐘。", "您的手机扫描次数过多。请等候十分钟。",
    ),
    "identity.scan_return": (
        "此頁並非由批准的應用程式開啟。請在該服務重新開始。",
        "此页并非由批准的应用程序打开。请在该服务重新开始。",
    ),
    # Logging out.
    "identity.logout_hint": (
        "登出要求不屬於本伺服器。請在該服務再次登出。", "退出请求不属于本服务器。请在该服务再次退出。",
    ),
    "identity.logout_client": (
        "登出要求沒有說明屬於哪個服務。", "退出请求没有说明属于哪个服务。",
    ),
    "identity.logout_redirect": (
        "登出後的返回地址並未由該服務登記。", "退出后的返回地址并未由该服务登记。",
    ),
    "identity.logout_state": ("登出要求的參數過長。", "退出请求的参数过长。"),
    "identity.logout_forged": (
        "此表格並非來自你在此的頁面。請重新登出。", "此表格并非来自您在此的页面。请重新退出。",
    ),
    # Approvals and devices.
    "identity.approval_unknown": ("沒有向你提出此確認。", "没有向您提出此确认。"),
    "identity.approval_decided": ("此事已有決定。", "此事已有决定。"),
    "identity.approval_expired": (
        "此確認已逾時。請在該服務重新開始。", "此确认已超时。请在该服务重新开始。",
    ),
    "identity.approval_answered": ("你已回覆此確認。", "您已回复此确认。"),
    "identity.approval_field_unsafe": (
        "文字空白、過長或含控制字元。", "文字空白、过长或含控制字符。",
    ),
    "identity.answer_signature": (
        "回覆並非由此裝置的密鑰簽署。", "回复并非由此设备的密钥签署。",
    ),
    "identity.answer_words": (
        "回覆對應的字句與所問不同。請重新載入。", "回复对应的字句与所问不同。请重新加载。",
    ),
    "identity.answer_time": (
        "回覆的時間與現時相差過大。請檢查裝置時鐘。", "回复的时间与现时相差过大。请检查设备时钟。",
    ),
    "identity.number_missing": (
        "請輸入服務網頁所顯示的號碼。", "请输入服务网页所显示的号码。",
    ),
    "identity.number_wrong": (
        "號碼與服務網頁所顯示的不同。請再看清楚。", "号码与服务网页所显示的不同。请再看清楚。",
    ),
    "identity.device_key_taken": (
        "此密鑰已經登記。請建立新密鑰。", "此密钥已经登记。请创建新密钥。",
    ),
    "identity.devices_max": (
        "你的裝置已達上限。請先停用其中一部。", "您的设备已达上限。请先停用其中一部。",
    ),
    "identity.device_own_notice": (
        "須由你另一部裝置回覆，不能由所涉裝置回覆。", "须由您另一部设备回复，不能由所涉设备回复。",
    ),
    "identity.quiet_sign_in": (
        "沒有等候你的登入顯示此代碼。請再看登入頁。", "没有等候您的登录显示此代码。请再看登录页。",
    ),
    "identity.enrolment_code": (
        "登記碼不正確、已使用或已逾時。請索取新碼。", "登记码不正确、已使用或已超时。请索取新码。",
    ),
    # Passkeys.
    "identity.passkey_malformed": (
        "無法讀取瀏覽器的回覆。請用另一瀏覽器再試。", "无法读取浏览器的回复。请用另一浏览器再试。",
    ),
    "identity.passkey_type": (
        "回覆與所問不符。請重新載入頁面。", "回复与所问不符。请重新加载页面。",
    ),
    "identity.passkey_challenge": (
        "此問題已回覆或已逾時。請再試。", "此问题已回复或已超时。请再试。",
    ),
    "identity.passkey_origin": (
        "通行密鑰用於另一網站。請檢查網址。", "通行密钥用于另一网站。请检查网址。",
    ),
    "identity.passkey_cross_origin": (
        "通行密鑰在另一網站的頁面內使用。請單獨開啟本頁。",
        "通行密钥在另一网站的页面内使用。请单独打开本页。",
    ),
    "identity.passkey_relying_party": (
        "此通行密鑰屬於另一網站。請選擇本網站的。", "此通行密钥属于另一网站。请选择本网站的。",
    ),
    "identity.passkey_user_presence": (
        "使用通行密鑰時持有人不在場。請再試並觸碰或解鎖。",
        "使用通行密钥时持有人不在场。请再试并触碰或解锁。",
    ),
    "identity.passkey_user_verification": (
        "通行密鑰須核實持有人：指紋、面容或密碼。", "通行密钥须核实持有人：指纹、面容或密码。",
    ),
    "identity.passkey_backup_flags": (
        "通行密鑰的標記互相矛盾。請用另一個。", "通行密钥的标记互相矛盾。请用另一个。",
    ),
    "identity.passkey_algorithm": (
        "此通行密鑰不能以ES256簽署。請用另一個。", "此通行密钥不能以ES256签署。请用另一个。",
    ),
    "identity.passkey_signature": (
        "通行密鑰的簽署無效。請再試或用另一個。", "通行密钥的签署无效。请再试或用另一个。",
    ),
    "identity.passkey_counter": (
        "此通行密鑰似已被複製。請停用並登記另一個。", "此通行密钥似已被复制。请停用并登记另一个。",
    ),
    "identity.passkey_credential": (
        "此通行密鑰並未在此使用，或不屬於你。請選擇另一個。",
        "此通行密钥并未在此使用，或不属于您。请选择另一个。",
    ),
    "identity.passkey_session": ("請先以通行密鑰開啟。", "请先以通行密钥打开。"),
    "identity.passkey_forged": ("此要求並非來自驗證器的頁面。", "此请求并非来自验证器的页面。"),
    # Recovery.
    "identity.recovery_unknown": ("沒有此恢復程序。請重新開始。", "没有此恢复程序。请重新开始。"),
    "identity.recovery_code": (
        "代碼不適用於此恢復程序。請再看清楚；嘗試次數有限。",
        "代码不适用于此恢复程序。请再看清楚；尝试次数有限。",
    ),
    "identity.recovery_incomplete": (
        "尚未能完成恢復：須等候，並以兩種不同方法證明身分。",
        "尚未能完成恢复：须等候，并以两种不同方法证明身份。",
    ),
    "identity.recovery_checker": (
        "須由提出者以外的另一名營運員核實。", "须由提出者以外的另一名运营员核实。",
    ),
    "identity.recovery_limited": (
        "由此地址開始的恢復次數過多。請一小時後再試。", "由此地址开始的恢复次数过多。请一小时后再试。",
    ),
    # Persons, companies, mandates.
    "identity.identity_number": (
        "身份證號碼格式不正確，例如A123456(3)。", "身份证号码格式不正确，例如A123456(3)。",
    ),
    "identity.phone_number": (
        "電話號碼格式不正確，例如+852 5123 4567。", "电话号码格式不正确，例如+852 5123 4567。",
    ),
    "identity.email_address": ("電郵地址格式不正確。", "电邮地址格式不正确。"),
    "identity.handle": (
        "代號為2至31個小寫英文字母、數字或連字號。", "代号为2至31个小写英文字母、数字或连字符。",
    ),
    "identity.business_number": ("商業登記號碼為八位數字。", "商业登记号码为八位数字。"),
    "identity.person_exists": ("另一人已持有此識別資料。", "另一人已持有此识别资料。"),
    "identity.company_unknown": ("沒有此公司。", "没有此公司。"),
    "identity.company_inactive": (
        "該公司已停業或被暫停，任何人均不可代其行事。", "该公司已停业或被暂停，任何人均不可代其行事。",
    ),
    "identity.mandate_amount": (
        "金額高於該人授權的上限。", "金额高于该人授权的上限。",
    ),
    "identity.firm_circle": (
        "貴公司已代該公司行事；公司之間不可循環代理。", "贵公司已代该公司行事；公司之间不可循环代理。",
    ),
    "identity.company_token": (
        "此事須代表公司辦理。請先選擇公司。", "此事须代表公司办理。请先选择公司。",
    ),
    "identity.deed_malformed": ("申請內容不符合要求。", "申请内容不符合要求。"),
    "identity.service_role_undeclared": ("該服務沒有此角色。", "该服务没有此角色。"),
    "identity.service_roles_full": ("該服務的角色數目已達上限。", "该服务的角色数目已达上限。"),
    "identity.service_role_held": ("此授權已有該角色。", "此授权已有该角色。"),
    "identity.service_role_unknown": ("公司並未委派此角色。", "公司并未委派此角色。"),
    # Operators.
    "identity.staff_role": ("沒有此職員角色，或該人並未擔任。", "没有此职员角色，或该人并未担任。"),
    "identity.operation_unknown": ("沒有此編號的事項。", "没有此编号的事项。"),
    "identity.operations_pending": (
        "你提出而待決的事項過多。請等候決定。", "您提出而待决的事项过多。请等候决定。",
    ),
    "identity.operators_too_few": (
        "必須保留兩名營運員，否則無法決定任何事項。", "必须保留两名运营员，否则无法决定任何事项。",
    ),
    "identity.client_draft": ("服務的登記內容不符合要求。", "服务的登记内容不符合要求。"),
    "identity.client_exists": ("已有相同編號的服務。", "已有相同编号的服务。"),
    "identity.service_draft": (
        "服務的資料不符合要求。請更正所列一欄。", "服务的资料不符合要求。请更正所列一栏。",
    ),
    # Forms.
    "identity.form_field_unknown": (
        "沒有此欄，或該欄沒有資料。", "没有此栏，或该栏没有资料。",
    ),
    "identity.form_field_value": (
        "資料不符合此欄的格式。請更正後再試。", "资料不符合此栏的格式。请更正后再试。",
    ),
    "identity.form_field_source": ("此欄不可由你申報。", "此栏不可由您申报。"),
    "identity.form_choice": (
        "請在所要求的欄目中選擇；必需的須保留。", "请在所要求的栏目中选择；必需的须保留。",
    ),
    "identity.form_none": ("此問題沒有可選的欄目。", "此问题没有可选的栏目。"),
    "identity.form_answered": ("此問題已回覆或已逾時。", "此问题已回复或已超时。"),
    "identity.form_expired": (
        "表格逾時未取。請重新徵求同意。", "表格逾时未取。请重新征求同意。",
    ),
    "identity.form_filling_unknown": ("沒有此填表要求。請重新開始。", "没有此填表请求。请重新开始。"),
    "identity.form_filling_denied": ("當事人不同意。", "当事人不同意。"),
    "identity.form_filling_used": (
        "已有手機開啟此表格。請在該服務重新開始。", "已有手机打开此表格。请在该服务重新开始。",
    ),
    "identity.form_filling_code": (
        "此碼不屬於本伺服器或已過期。請掃描頁面上的碼。",
        "此码不属于本服务器或已过期。请扫描页面上的码。",
    ),
    # Checking a document.
    "identity.verification_not_sent": ("沒有收到文件。請先選擇檔案。", "没有收到文件。请先选择文件。"),
    "identity.verification_not_a_document": (
        "檔案並非PDF或XML。請提交已簽署的文件本身。", "文件并非PDF或XML。请提交已签署的文件本身。",
    ),
    "identity.verification_encrypted": (
        "PDF已加密。請提交沒有密碼的版本。", "PDF已加密。请提交没有密码的版本。",
    ),
    "identity.verification_malformed": (
        "檔案已損壞，無法讀取結構。", "文件已损坏，无法读取结构。",
    ),
    "identity.verification_too_costly": (
        "查核此檔案需時或記憶體過多，因此未有查核。", "查核此文件需时或内存过多，因此未有查核。",
    ),
    "identity.verification_busy": ("正在查核的文件過多。請稍後再試。", "正在查核的文件过多。请稍后再试。"),
    "identity.verification_company": (
        "沒有公司持有該商業登記號碼。", "没有公司持有该商业登记号码。",
    ),
    # The portal as a relying party.
    "relying_party.metadata": (
        "無法使用登入伺服器的資料。請稍後再試。", "无法使用登录服务器的资料。请稍后再试。",
    ),
    "relying_party.push": ("登入伺服器拒絕了要求。", "登录服务器拒绝了请求。"),
    "relying_party.id_token": ("登入結果無效。請重新登入。", "登录结果无效。请重新登录。"),
    "relying_party.userinfo": (
        "登入結果缺少資料，或並非同一人。請重新登入。", "登录结果缺少资料，或并非同一人。请重新登录。",
    ),
    # What any page can meet.
    "kernel.not_found": ("沒有此頁。", "没有此页。"),
    "kernel.body_malformed": ("表格內容不符合要求。", "表格内容不符合要求。"),
    "kernel.body_too_large": ("提交的內容過大。", "提交的内容过大。"),
    "kernel.query_malformed": ("網址的參數不符合要求。", "网址的参数不符合要求。"),
    "kernel.database_unavailable": ("服務暫時未能使用。請稍後再試。", "服务暂时未能使用。请稍后再试。"),
    "kernel.party_unreachable": ("對方系統暫時沒有回應。請稍後再試。", "对方系统暂时没有响应。请稍后再试。"),
}
# Met by programs only: a service's own, a phone's, a registry's, or the call of another pillar.
ENGINEERS = frozenset({
    "identity.token_missing", "identity.approval_template", "identity.approval_fields",
    "identity.approval_reference", "identity.approval_language", "identity.approval_persons",
    "identity.approval_quorum", "identity.approval_lifetime", "identity.answer_malformed",
    "identity.device_signature", "identity.device_replayed", "identity.device_key",
    "identity.registry_role", "identity.status_malformed", "identity.status_time",
    "identity.status_reference", "identity.bootstrap_done", "identity.form_statement",
    "identity.form_statement_time", "identity.form_registry_role", "identity.form_subject_unknown",
    "identity.form_delivered", "identity.form_delivery_key", "identity.form_request",
    "identity.form_filling_pending", "identity.form_limited",
})  # fmt: skip


def sentence(code: str, title: str, language: str) -> str:
    """Return what a refusal says in a language; `title` is the English, also where no other is."""
    row = CHINESE.get(code)
    if row is None or language not in ("zh-Hant", "zh-Hans"):
        return title
    return row[0] if language == "zh-Hant" else row[1]

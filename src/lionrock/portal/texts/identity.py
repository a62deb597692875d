"""Texts of the pages about oneself, a company's people, and the operators' deeds."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

IDENTITY_TEXTS = {
    "menu_me": Text("You and your company", "你與公司", "您与公司"),
    "menu_access": Text("My access", "我的存取權", "我的访问权"),
    "menu_mandates": Text("People and mandates", "人員及授權", "人员及授权"),
    "menu_operations": Text("Operations", "營運", "运营"),
    # My access.
    "access_lead": Text(
        "What you let services do, the devices that speak for you, and a way to leave everywhere.",
        "你容許服務做的事、可代表你的裝置，以及一次過登出。",
        "您允许服务做的事、可代表您的设备，以及一次性全部退出。",
    ),
    "access_services": Text("Services that may act for you", "可代你行事的服務", "可代您行事的服务"),
    "access_services_hint": Text(
        "Those whose leave outlives one visit. A service without an entry forgets you within "
        "minutes.",
        "只列出獲准期長於一次使用的服務；未列出的服務於數分鐘內即失去權限。",
        "只列出获准期长于一次使用的服务；未列出的服务于数分钟内即失去权限。",
    ),
    "access_none": Text(
        "No service may act for you beyond one visit.", "沒有服務可在一次使用之後代你行事。",
        "没有服务可在一次使用之后代您行事。",
    ),
    "access_knows": Text("May know or do", "可知悉或可做", "可知悉或可做"),
    "access_since": Text("Since", "起始", "起始"),
    "access_company": Text("For the company", "代表公司", "代表公司"),
    "access_revoke": Text("Take it back from {name}", "向{name}撤回", "向{name}撤回"),
    "access_devices": Text("My devices and passkeys", "我的裝置及通行密鑰", "我的设备及通行密钥"),
    "device_key": Text("Phone", "手機", "手机"),
    "device_passkey": Text("Passkey", "通行密鑰", "通行密钥"),
    "device_enrolled": Text("Enrolled", "登記日期", "登记日期"),
    "device_in_use": Text("in use", "使用中", "使用中"),
    "device_waits": Text("waits until {instant}", "等候至{instant}", "等候至{instant}"),
    "device_remove": Text("Remove", "移除", "移除"),
    "device_remove_text": Text(
        "It stops at once and cannot come back; it would be enrolled anew.",
        "裝置即時停用且不能恢復；如需再用，須重新登記。",
        "设备即时停用且不能恢复；如需再用，须重新登记。",
    ),
    "device_remove_last": Text(
        "This is your only one. Without it you sign in again only after a recovery.",
        "這是你唯一的裝置。移除後須先完成帳戶恢復才能登入。",
        "这是您唯一的设备。移除后须先完成账户恢复才能登录。",
    ),
    "device_remove_now": Text("Remove this device for ever", "永久移除此裝置", "永久移除此设备"),
    "log_out_everywhere": Text("Log out everywhere", "登出所有地方", "退出所有地方"),
    "log_out_everywhere_text": Text(
        "Ends what you have open in every browser, this one too, and tells the services that take "
        "part. Others lose their access within 15 minutes.",
        "結束你在所有瀏覽器（包括本瀏覽器）的登入，並通知參與的服務；其他服務於15分鐘內失去權限。",
        "结束您在所有浏览器（包括本浏览器）的登录，并通知参与的服务；其他服务于15分钟内失去权限。",
    ),
    # People and mandates.
    "mandates_lead": Text(
        "Who acts for {company}, for what and how far. Changes take effect when enough officers "
        "approve them on their phones.",
        "誰可代表{company}、範圍及限額。變更須由足夠的高級人員在手機批准後才生效。",
        "谁可代表{company}、范围及限额。变更须由足够的高级人员在手机批准后才生效。",
    ),
    "mandate_new": Text("Ask for a new mandate", "申請新授權", "申请新授权"),
    "mandate_new_lead": Text(
        "Never wider than your own. Your phone, and where needed the other officers', ask before "
        "it takes effect.",
        "不可超出你本人的授權。生效前會在你的手機（及如有需要，其他高級人員的手機）徵求批准。",
        "不可超出您本人的授权。生效前会在您的手机（及如有需要，其他高级人员的手机）征求批准。",
    ),
    "mandate_holder": Text("Who", "對象", "对象"),
    "mandate_holder_hint": Text(
        "Phone, e-mail or handle; a firm: its business number.",
        "電話、電郵或代號；公司則為商業登記號碼。", "电话、电邮或代号；公司则为商业登记号码。",
    ),
    "mandate_kind": Text("Given to", "授予", "授予"),
    "mandate_may": Text("What for", "可辦事項", "可办事项"),
    "mandate_kind_person": Text("a person", "個人", "个人"),
    "mandate_kind_firm": Text("an agent firm", "代理公司", "代理公司"),
    "mandate_engage": Text("Engage an agent firm", "委聘代理公司", "委聘代理公司"),
    "mandate_may_engage": Text(
        "an agent firm only: let it engage a firm of its own for you",
        "只限代理公司：可為你轉聘另一間公司", "仅限代理公司：可为您转聘另一家公司",
    ),
    "mandate_limit_hint": Text(
        "HK$ for one deed; empty: no limit.", "每次行事的港元上限；留空即無上限。",
        "每次行事的港元上限；留空即无上限。",
    ),
    "mandate_signatures": Text(
        "How many act together (1: alone)", "須多少人共同行事（1即單獨）",
        "须多少人共同行事（1即单独）",
    ),
    "mandate_last_day": Text("Last day", "最後一日", "最后一日"),
    "mandate_last_day_hint": Text(
        "Empty: until revoked.", "留空即至撤銷為止。", "留空即至撤销为止。"
    ),
    "mandate_ask": Text("Ask the officers", "徵求批准", "征求批准"),
    "mandate_agent_firm": Text("agent firm", "代理公司", "代理公司"),
    "mandate_end": Text("End it", "終止", "终止"),
    "mandate_resign": Text("Lay mine down", "放棄我的授權", "放弃我的授权"),
    "mandate_deeds": Text("Change", "變更", "变更"),
    "scope_mandates.subagent": Text("agents of its own", "轉聘代理", "转聘代理"),
    "requests_title": Text("Changes asked for", "已申請的變更", "已申请的变更"),
    "requests_none": Text("No change was asked for yet.", "尚未申請變更。", "尚未申请变更。"),
    "deed_grant": Text("New mandate", "新授權", "新授权"),
    "deed_grant_firm": Text("New agent firm", "新代理公司", "新代理公司"),
    "deed_revoke": Text("End of a mandate", "終止授權", "终止授权"),
    "deed_assign_role": Text("Role at a service", "服務內的角色", "服务内的角色"),
    "deed_withdraw_role": Text(
        "End of a role at a service", "終止服務內的角色", "终止服务内的角色"
    ),
    "deed_state_pending": Text("On the phones", "等候手機批准", "等候手机批准"),
    "deed_state_effective": Text("In effect", "已生效", "已生效"),
    "deed_state_refused": Text("Took no effect", "未生效", "未生效"),
    "deed_agreed": Text(
        "{agreed} of {quorum} officers have approved.", "{quorum}人中已有{agreed}人批准。",
        "{quorum}人中已有{agreed}人批准。",
    ),
    "deed_words": Text("The words that were shown", "所顯示的字句", "所显示的字句"),
    "asked_on": Text("Asked on", "申請時間", "申请时间"),
    # Operations.
    "operations_lead": Text(
        "One operator asks, another one decides. Nobody decides what they asked for or what is "
        "about themselves.",
        "由一名營運員提出，另一名決定。任何人不得決定自己提出或涉及自己的事項。",
        "由一名运营员提出，另一名决定。任何人不得决定自己提出或涉及自己的事项。",
    ),
    "name_in_en": Text("Name in English", "英文名稱", "英文名称"),
    "name_in_hant": Text("Name in traditional Chinese", "繁體中文名稱", "繁体中文名称"),
    "name_in_hans": Text("Name in simplified Chinese", "簡體中文名稱", "简体中文名称"),
    "operations_waiting": Text("Waiting for you", "等候你決定", "等候您决定"),
    "operations_waiting_none": Text(
        "Nothing waits for a second person.", "沒有等候第二人決定的事項。",
        "没有等候第二人决定的事项。",
    ),
    "operations_mine": Text("Asked by you, waiting", "由你提出，等候中", "由您提出，等候中"),
    "operations_decided": Text("Decided lately", "近期決定", "近期决定"),
    "operations_ask": Text("Ask for an operation", "提出事項", "提出事项"),
    "operation_create_person": Text("New person", "新增人士", "新增人士"),
    "operation_create_company": Text("New company", "新增公司", "新增公司"),
    "operation_grant_mandate": Text("New mandate", "新授權", "新授权"),
    "operation_grant_firm_mandate": Text("New agent firm", "新代理公司", "新代理公司"),
    "operation_revoke_mandate": Text("End of a mandate", "終止授權", "终止授权"),
    "operation_register_client": Text("New service", "新服務", "新服务"),
    "operation_grant_staff_role": Text("New staff role", "授予職員角色", "授予职员角色"),
    "operation_revoke_staff_role": Text("End of a staff role", "終止職員角色", "终止职员角色"),
    "operation_set_person_status": Text("A person's status", "人士狀態", "人士状态"),
    "operation_set_company_status": Text("A company's status", "公司狀態", "公司状态"),
    "operation_revoke_certificate": Text(
        "Revocation of a signing certificate", "撤銷簽署證書", "吊销签署证书"
    ),
    "operation_issue_recovery_code": Text(
        "Code for a person without a device", "為沒有裝置的人士簽發代碼", "为没有设备的人士签发代码"
    ),
    "operation_state_pending": Text("Waiting", "等候中", "等候中"),
    "operation_state_approved": Text("Carried out", "已執行", "已执行"),
    "operation_state_rejected": Text("Rejected", "已否決", "已否决"),
    "operation_state_expired": Text("Ran out of time", "已逾時", "已超时"),
    "operation_until": Text("To be decided by {instant}", "須於{instant}前決定",
                            "须于{instant}前决定"),
    "operation_approve": Text("Approve", "批准", "批准"),
    "operation_reject": Text("Reject", "否決", "否决"),
    "operation_code": Text(
        "Enrolment code for the person's phone. It is shown this once:",
        "該人手機的登記碼，只顯示一次：", "该人手机的登记码，只显示一次：",
    ),
    "operation_recovery_code": Text(
        "Recovery code, to be handed to the person you have seen. It lasts seven days and is shown "
        "this once:",
        "帳戶恢復代碼，請親手交予你已核實身分的人士。代碼七日內有效，只顯示一次：",
        "账户恢复代码，请亲手交给您已核实身份的人士。代码七日内有效，只显示一次：",
    ),
    "recovery_code_issue": Text(
        "Help somebody who lost every device", "協助遺失所有裝置的人士", "协助遗失所有设备的人士"
    ),
    "recovery_code_hint": Text(
        "Only for a person who came and proved who they are. They are told by message; with a code "
        "sent to their phone or mailbox it lets them begin again.",
        "只限親身到場並證明身分的人士。系統會以訊息通知本人；連同發送至其電話或電郵的代碼，即可重新開始。",
        "仅限亲身到场并证明身份的人士。系统会以消息通知本人；连同发送至其电话或邮箱的代码，即可重新开始。",
    ),
    "operation_ask": Text("Ask the second operator", "提交另一營運員決定", "提交另一运营员决定"),
    "person_field": Text(
        "Person: phone, e-mail, handle or id", "人士：電話、電郵、代號或編號",
        "人士：电话、电邮、代号或编号",
    ),
    "person_field_hint": Text(
        "A suspended person is found by id only.", "已暫停的人士只能以編號查找。",
        "已暂停的人士只能以编号查找。",
    ),
    "person_suspend": Text("Suspend or reactivate a person", "暫停或恢復人士", "暂停或恢复人士"),
    "person_status_suspended": Text("suspend", "暫停", "暂停"),
    "person_status_active": Text("reactivate", "恢復", "恢复"),
    "staff_role_change": Text("Change a staff role", "更改職員角色", "更改职员角色"),
    "staff_role_grant": Text("give", "授予", "授予"),
    "staff_role_revoke": Text("take away", "撤回", "撤回"),
    "staff_role_assessor": Text("assessor", "評審員", "评审员"),
    "staff_role_committee": Text("committee", "委員", "委员"),
    "staff_role_operator": Text("operator", "營運員", "运营员"),
    "company_enter": Text("Enter a company", "登記公司", "登记公司"),
    "certificate_revoke": Text("Revoke a signing certificate", "撤銷簽署證書", "吊销签署证书"),
    "certificate_serial": Text("Serial number (hexadecimal)", "序號（十六進制）",
                               "序列号（十六进制）"),
    "certificate_reason": Text("Reason", "原因", "原因"),
    "reason_key_compromise": Text("the key is compromised", "私鑰外洩", "私钥泄露"),
    "reason_affiliation_changed": Text("name or office changed", "名稱或職務更改",
                                       "名称或职务更改"),
    "reason_superseded": Text("replaced", "已更換", "已更换"),
    "reason_cessation_of_operation": Text("no longer used", "不再使用", "不再使用"),
    "decided_by": Text("Decided by", "決定者", "决定者"),
    "choose": Text("What to do", "動作", "动作"),
}  # fmt: skip

"""Texts of the navigator; and under which heading each question of the FACTS table stands."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

FACT_GROUPS: dict[str, tuple[str, ...]] = {
    "facts_company": (
        "legal_form", "has_business_registration", "public_status", "incorporated_on",
        "company_age_years", "employees_full_time",
    ),
    "facts_kind": ("applicant_types", "sectors"),
    "facts_project": (
        "project_cost_hkd", "project_duration_months", "is_smart_production_line_in_hong_kong",
        "is_production_line_upgrade",
    ),
    "facts_support": (
        "nifs_projects_running", "nifs_funding_running_hkd", "nias_projects_supported",
        "nias_funding_received_hkd", "mfgplus_funding_received_hkd", "is_nias_company",
    ),
    "facts_training": (
        "training_fees_hkd", "is_advanced_technology_training",
        "trainee_is_permanent_resident_employee", "trainee_courses_this_year",
        "nittp_funding_received_this_year_hkd",
    ),
    "facts_talent": (
        "conducts_research_and_development", "talent_degree", "research_talents_engaged",
    ),
    "facts_startup": (
        "tsssu_component", "tsssu_years_funded", "funding_requested_hkd",
        "private_investment_hkd",
    ),
}  # fmt: skip

FUNDING_TEXTS = {
    "funding_lead": Text(
        "Say what you know; leave the rest open. All {count} schemes are judged by their dated "
        "rules, and each answer names its clause and source.",
        "填寫所知資料，其餘可留空。全部{count}項計劃按其註明日期的規則判斷，每個答案均列出條文及來源。",
        "填写所知资料，其余可留空。全部{count}项计划按其注明日期的规则判断，每个答案均列出条文及来源。",
    ),
    "facts_company": Text("The company", "公司", "公司"),
    "facts_kind": Text("What it is and does", "性質及行業", "性质及行业"),
    "facts_project": Text("The project", "項目", "项目"),
    "facts_support": Text("Support received so far", "已獲資助", "已获资助"),
    "facts_training": Text("Training of staff", "員工培訓", "员工培训"),
    "facts_talent": Text("Research talent", "研究人才", "研究人才"),
    "facts_startup": Text("Start-ups of universities", "大學初創企業", "大学初创企业"),
    "facts_other": Text("Other questions", "其他問題", "其他问题"),
    "answered": Text("{count} of {of} stated", "已填{count}／{of}", "已填{count}／{of}"),
    "not_stated": Text("Not stated", "未填寫", "未填写"),
    "unit_HKD": Text("HK$", "港元", "港元"),
    "unit_persons": Text("persons", "人", "人"),
    "unit_months": Text("months", "個月", "个月"),
    "unit_years": Text("years", "年", "年"),
    "unit_projects": Text("projects", "個項目", "个项目"),
    "unit_courses": Text("courses", "個課程", "个课程"),
    "stated_by": Text("Stated by {name}", "由{name}提供", "由{name}提供"),
    "fact_unreadable": Text(
        "This answer cannot be read: {question}", "未能讀取此答案：{question}",
        "未能读取此答案：{question}",
    ),
    "show_schemes": Text("Show the schemes", "顯示計劃", "显示计划"),
    "facts_forgotten": Text(
        "What you state here is answered and forgotten: nothing is stored.",
        "你在此填寫的資料只用於即時回覆，不會儲存。",
        "您在此填写的资料只用于即时回复，不会储存。",
    ),
    "facts_session": Text(
        "What you state is kept sealed until you sign out, for your application.",
        "你填寫的資料會加密保存至登出為止，以便申請。",
        "您填写的资料会加密保存至退出为止，以便申请。",
    ),
    "by_consent": Text("Let others state it", "由他人提供資料", "由他人提供资料"),
    "by_consent_text": Text(
        "The companies registry and your bank can state facts about {company}. You are asked on "
        "your phone, once for each; you can take a consent back at any time.",
        "公司註冊處及你的銀行可提供{company}的資料。手機會逐一徵求你的同意，並可隨時撤回。",
        "公司注册处及您的银行可提供{company}的资料。手机会逐一征求您的同意，并可随时撤回。",
    ),
    "your_bank": Text("Your bank", "你的銀行", "您的银行"),
    "ask_consents": Text("Ask for my consents", "徵求我的同意", "征求我的同意"),
    "collect": Text("Fetch the data", "取得資料", "取得资料"),
    "consents_stand": Text(
        "Consents in force: {active}; waiting on your phone: {pending}.",
        "生效的同意書：{active}份；等候手機確認：{pending}份。",
        "生效的同意书：{active}份；等候手机确认：{pending}份。",
    ),
    "results": Text("Schemes", "計劃", "计划"),
    "results_on": Text("As on {day}.", "截至{day}。", "截至{day}。"),
    "show_all": Text("All", "全部", "全部"),
    "show_yes": Text("Fits", "適合", "适合"),
    "show_cannot_tell": Text("Open", "未能確定", "未能确定"),
    "show_no": Text("Does not fit", "不適合", "不适合"),
    "answer_yes": Text("Fits", "適合", "适合"),
    "answer_no": Text("Does not fit", "不適合", "不适合"),
    "answer_cannot_tell": Text("Cannot tell", "未能確定", "未能确定"),
    "outcome_yes": Text("holds", "符合", "符合"),
    "outcome_no": Text("does not hold", "不符合", "不符合"),
    "outcome_cannot_tell": Text("open", "未定", "未定"),
    "up_to": Text("up to", "最多", "最多"),
    "a_month": Text("a month", "每月", "每月"),
    "would_change": Text("What would change it:", "如何改變：", "如何改变："),
    "open_points": Text(
        "{count} points are open.", "尚有{count}點未定。", "尚有{count}点未定。"
    ),
    "all_clauses": Text("All clauses", "所有條文", "所有条文"),
    "clauses": Text("Clauses", "條文", "条文"),
    "apply": Text("Apply", "申請", "申请"),
    "sign_in_to_apply": Text("Sign in to apply", "登入以申請", "登录以申请"),
    "nothing_here": Text("No scheme is in this list.", "此列表沒有計劃。", "此列表没有计划。"),
    "navigator_notice": Text(
        "This informs and decides nothing: the vetting committees decide. Not legal advice.",
        "此結果只供參考，最終由評審委員會決定，並非法律意見。",
        "此结果只供参考，最终由评审委员会决定，并非法律意见。",
    ),
    "amount_assumes": Text(
        "The amount is an upper bound. It takes these open points as favourable:",
        "金額為上限，並假設以下未定事項均屬有利：",
        "金额为上限，并假设以下未定事项均属有利：",
    ),
    "rules_digest": Text("Rule book (SHA-256)", "規則書（SHA-256）", "规则书（SHA-256）"),
}  # fmt: skip

"""What a person reads when something is refused, by stable code; English stands in errors.py.

The sentences of identity and of payment codes come from their pillars. A code without any row is
shown with a general sentence and the English one beside it.
"""

from __future__ import annotations

from lionrock.identity.api import CHINESE_REFUSALS as IDENTITY_REFUSALS
from lionrock.payments.api import CHINESE_REFUSALS as PAYMENT_REFUSALS
from lionrock.payments.api import OFFICER_CHINESE, ONBOARDING_CHINESE

_GENERAL = {
    "zh-Hant": "此要求未獲接納：{title}",
    "zh-Hans": "此要求未获接纳：{title}",
}
REFUSALS: dict[str, tuple[str, str]] = {
    "portal.form_forged": (
        "此表格並非來自你的頁面。請重新開啟頁面再試。",
        "此表格并非来自您的页面。请重新打开页面再试。",
    ),
    "portal.sign_in_lost": (
        "此登入並非由本瀏覽器開始，或已逾時。請重新登入。",
        "此登录并非由本浏览器开始，或已超时。请重新登录。",
    ),
    "portal.session_ended": (
        "你已登出或逾時。請重新登入。",
        "您已退出或超时。请重新登录。",
    ),
    "portal.company_needed": (
        "此事須代表公司辦理。請先選擇公司。",
        "此事须代表公司办理。请先选择公司。",
    ),
    "portal.page_unknown": (
        "沒有此頁。請由首頁開始。",
        "没有此页。请由首页开始。",
    ),
    "portal.field_malformed": (
        "有一欄資料不符合要求，詳情見下。",
        "有一栏资料不符合要求，详情见下。",
    ),
    "portal.evidence_not_ready": (
        "收據尚未全部載入日誌，通常不足一秒。請再試。",
        "收据尚未全部载入日志，通常不足一秒。请再试。",
    ),
    "relying_party.denied": (
        "登入已被拒絕或逾時。",
        "登录已被拒绝或超时。",
    ),
    "relying_party.state": (
        "此回覆並非對應本瀏覽器的登入。請重新登入。",
        "此回复并非对应本浏览器的登录。请重新登录。",
    ),
    "relying_party.issuer_mixed": (
        "回覆來自另一伺服器。請重新登入。",
        "回复来自另一服务器。请重新登录。",
    ),
    "relying_party.token": (
        "登入伺服器沒有發出權杖。",
        "登录服务器没有发出令牌。",
    ),
    "exchange.mandate_missing": (
        "你的授權不包括公司的資料。請向公司取得足夠授權。",
        "您的授权不包括公司的资料。请向公司取得足够授权。",
    ),
    "exchange.mandate_ended": (
        "代表公司的授權已終止。",
        "代表公司的授权已终止。",
    ),
    "exchange.consent_unknown": (
        "你沒有此編號的同意書。",
        "您没有此编号的同意书。",
    ),
    "exchange.approval_refused": (
        "未能在手機上提出此問題。",
        "未能在手机上提出此问题。",
    ),
    "exchange.transition_illegal": (
        "此同意書的狀態不容許這樣做。",
        "此同意书的状态不容许这样做。",
    ),
    "programmes.intake_bank_unknown": (
        "沒有此銀行提供帳戶資料。",
        "没有此银行提供账户资料。",
    ),
    "programmes.intake_nothing_active": (
        "沒有生效的同意書。請先提出並在手機上批准。",
        "没有生效的同意书。请先提出并在手机上批准。",
    ),
    "programmes.intake_provider_silent": (
        "資料提供者沒有回應。同意書仍有效，請稍後再試。",
        "资料提供者没有回应。同意书仍有效，请稍后再试。",
    ),
    "programmes.scheme_unknown": (
        "沒有此編號的計劃。",
        "没有此编号的计划。",
    ),
    "programmes.case_not_found": (
        "你沒有此編號的個案。",
        "您没有此编号的个案。",
    ),
    "programmes.case_document_not_found": (
        "此個案尚未有該文件。",
        "此个案尚未有该文件。",
    ),
    "programmes.case_programme_unknown": (
        "沒有此計劃。",
        "没有此计划。",
    ),
    "programmes.case_facts_malformed": (
        "有一項資料未能讀取。",
        "有一项资料未能读取。",
    ),
    "programmes.case_proposal_malformed": (
        "有一欄資料不符合要求，詳情見下。",
        "有一栏资料不符合要求，详情见下。",
    ),
    "programmes.case_not_for_company": (
        "此事須代表公司辦理。",
        "此事须代表公司办理。",
    ),
    "programmes.case_mandate_missing": (
        "你的授權不包括此事。請向公司取得足夠授權。",
        "您的授权不包括此事。请向公司取得足够授权。",
    ),
    "programmes.cases_too_many": (
        "公司的草稿過多。請先提交或撤回其一。",
        "公司的草稿过多。请先提交或撤回其一。",
    ),
    "programmes.signature_not_open": (
        "現時不需要此簽署，詳情見下。",
        "现时不需要此签署，详情见下。",
    ),
    "programmes.signature_pending": (
        "手機上已有待簽署的要求。請在手機上回覆或稍候。",
        "手机上已有待签署的要求。请在手机上回复或稍候。",
    ),
    "programmes.signature_other_party": (
        "此簽署須由另一人作出。",
        "此签署须由另一人作出。",
    ),
    "programmes.approval_not_taken": (
        "未能在手機上提出此問題，詳情見下。",
        "未能在手机上提出此问题，详情见下。",
    ),
    "programmes.step_not_open": (
        "個案現時的狀態不容許此步驟。",
        "个案现时的状态不容许此步骤。",
    ),
    "programmes.submitted_already": (
        "申請已提交。請跟進該個案。",
        "申请已提交。请跟进该个案。",
    ),
    "programmes.application_not_signed": (
        "申請尚未由各方簽妥，詳情見下。",
        "申请尚未由各方签妥，详情见下。",
    ),
    "programmes.decision_changed": (
        "規則現時的結果與已簽署的申請不同。請重新申請。",
        "规则现时的结果与已签署的申请不同。请重新申请。",
    ),
    "programmes.not_withdrawable": (
        "已作決定的個案不能撤回。",
        "已作决定的个案不能撤回。",
    ),
    "programmes.not_staff": (
        "此事由具備相應職責的職員辦理。",
        "此事由具备相应职责的职员办理。",
    ),
    "programmes.self_review": (
        "任何人不得評審或發款予自己或所屬公司的個案。",
        "任何人不得评审或发款予自己或所属公司的个案。",
    ),
    "programmes.conflict_declared": (
        "你已申報利益衝突，此個案由他人處理。",
        "您已申报利益冲突，此个案由他人处理。",
    ),
    "programmes.assessed_already": (
        "你已評審此個案；第二份評審由另一人作出。",
        "您已评审此个案；第二份评审由另一人作出。",
    ),
    "programmes.assessment_malformed": (
        "評審未完整，詳情見下。",
        "评审未完整，详情见下。",
    ),
    "programmes.not_in_assessment": (
        "此個案不在評審階段。",
        "此个案不在评审阶段。",
    ),
    "programmes.not_for_decision": (
        "此個案尚未交委員會：須先有兩份評審，且未有資助。",
        "此个案尚未交委员会：须先有两份评审，且未有资助。",
    ),
    "programmes.chair_assessed": (
        "評審此個案的人不得作決定，須由另一主席處理。",
        "评审此个案的人不得作决定，须由另一主席处理。",
    ),
    "programmes.decision_malformed": (
        "決定未完整，詳情見下。",
        "决定未完整，详情见下。",
    ),
    "programmes.award_above_request": (
        "資助額高於申請額。",
        "资助额高于申请额。",
    ),
    "programmes.award_above_rules": (
        "資助額高於計劃規則所容許。",
        "资助额高于计划规则所容许。",
    ),
    "programmes.awarded_already": (
        "此個案已有資助。",
        "此个案已有资助。",
    ),
    "programmes.budget_missing": (
        "此計劃在此沒有預算。",
        "此计划在此没有预算。",
    ),
    "programmes.budget_malformed": (
        "預算的金額或參照不符合要求。",
        "预算的金额或参照不符合要求。",
    ),
    "programmes.not_agreed": (
        "須先有雙方蓋章的協議，才可撥款。",
        "须先有双方盖章的协议，才可拨款。",
    ),
    "programmes.milestone_unknown": (
        "協議沒有此里程碑。",
        "协议没有此里程碑。",
    ),
    "programmes.milestone_claimed": (
        "此里程碑已申領，每個只付一次。",
        "此里程碑已申领，每个只付一次。",
    ),
    "programmes.payout_above_award": (
        "申領額高於資助餘額。",
        "申领额高于资助余额。",
    ),
    "programmes.payout_amount": (
        "里程碑須全數申領。",
        "里程碑须全数申领。",
    ),
    "programmes.payout_not_found": (
        "此個案沒有該筆撥款。",
        "此个案没有该笔拨款。",
    ),
    "programmes.payout_released_already": (
        "此筆撥款已發放。",
        "此笔拨款已发放。",
    ),
    "programmes.payout_not_taken": (
        "支付系統未接納此筆撥款，詳情見下。",
        "支付系统未接纳此笔拨款，详情见下。",
    ),
    "programmes.not_operator": (
        "只有營運員可注資。",
        "只有运营员可注资。",
    ),
    "programmes.evidence_not_ready": (
        "部分收據尚未載入日誌，請稍後再試。",
        "部分收据尚未载入日志，请稍后再试。",
    ),
    "programmes.cursor_unknown": (
        "沒有此頁的名單。",
        "没有此页的名单。",
    ),
    "identity.mandate_scope": (
        "你的授權不包括此事。請向公司取得足夠授權。",
        "您的授权不包括此事。请向公司取得足够授权。",
    ),
    "identity.mandate_draft": (
        "此授權不合要求，或超出你本人的授權，詳情見下。",
        "此授权不合要求，或超出您本人的授权，详情见下。",
    ),
    "identity.mandate_missing": (
        "你並無此公司的有效授權。",
        "您并无此公司的有效授权。",
    ),
    "identity.mandate_unknown": (
        "公司沒有此項有效授權。",
        "公司没有此项有效授权。",
    ),
    "identity.own_mandate": (
        "代理人代公司行事，但不能查看或更改其授權。",
        "代理人代公司行事，但不能查看或更改其授权。",
    ),
    "identity.officers_too_few": (
        "公司沒有足夠的高級人員可共同批准此事。",
        "公司没有足够的高级人员可共同批准此事。",
    ),
    "identity.deed_unknown": (
        "公司沒有此項申請。",
        "公司没有此项申请。",
    ),
    "identity.deeds_pending": (
        "公司有太多變更等候批准，請先處理。",
        "公司有太多变更等候批准，请先处理。",
    ),
    "identity.approvals_pending": (
        "有太多事項等候手機回覆，請先在手機處理。",
        "有太多事项等候手机回复，请先在手机处理。",
    ),
    "identity.grant_unknown": (
        "沒有此項許可，或已被撤回。",
        "没有此项许可，或已被撤回。",
    ),
    "identity.device_unknown": (
        "沒有此裝置，或已停用。",
        "没有此设备，或已停用。",
    ),
    "identity.device_waiting": (
        "新裝置仍在等候期內，不能作此事。請以較早登記的裝置登入。",
        "新设备仍在等候期内，不能作此事。请以较早登记的设备登录。",
    ),
    "identity.person_unknown": (
        "找不到此人。",
        "找不到此人。",
    ),
    "identity.company_exists": (
        "此商業登記號碼已登記。",
        "此商业登记号码已登记。",
    ),
    "identity.operator_only": (
        "只有營運員本人可作此事。",
        "只有运营员本人可作此事。",
    ),
    "identity.operation_same_person": (
        "不能決定自己提出的事項，須由另一名營運員決定。",
        "不能决定自己提出的事项，须由另一名运营员决定。",
    ),
    "identity.operation_own": (
        "不能提出或決定涉及自己的事項。",
        "不能提出或决定涉及自己的事项。",
    ),
    "identity.operation_decided": (
        "此事項已有決定。",
        "此事项已有决定。",
    ),
    "identity.operation_expired": (
        "此事項已逾時，請重新提出。",
        "此事项已超时，请重新提出。",
    ),
    "identity.operation_malformed": (
        "此事項的資料不合要求，詳情見下。",
        "此事项的资料不合要求，详情见下。",
    ),
    "identity.staff_roles_separate": (
        "營運員不能同時審批個案。",
        "运营员不能同时审批个案。",
    ),
    "identity.operator_needed": (
        "只有營運員可審核。請以營運員身分登入。", "只有运营员可审核。请以运营员身份登录。",
    ),
    "identity.service_unknown": (
        "清單上沒有此服務。請以名稱搜尋。", "清单上没有此服务。请以名称搜索。",
    ),
    "identity.services_query": (
        "未能讀取搜尋條件，詳情見下。", "未能读取搜索条件，详情见下。",
    ),
    "identity.onboarding_draft": (
        "申請尚未符合要求。請修正所指的一欄。", "申请尚未符合要求。请修正所指的一栏。",
    ),
    "identity.onboarding_unknown": (
        "貴公司沒有此項申請。", "贵公司没有此项申请。",
    ),
    "identity.onboarding_state": (
        "申請不在此步驟。請重新載入，查看下一步。", "申请不在此步骤。请重新加载，查看下一步。",
    ),
    "identity.onboarding_stale": (
        "你查看後申請已更改。請重新載入再作決定。", "您查看后申请已更改。请重新加载再作决定。",
    ),
    "identity.onboarding_own": (
        "不能審核自己所代表公司的申請，須由另一名營運員處理。",
        "不能审核自己所代表公司的申请，须由另一名运营员处理。",
    ),
    "identity.onboarding_reviewed": (
        "你已審核此步驟；尚須另一人審核。", "您已审核此步骤；尚须另一人审核。",
    ),
    "identity.onboarding_tests": (
        "測試尚未全部完成。請完成所列各項後再提出。", "测试尚未全部完成。请完成所列各项后再提出。",
    ),
    "identity.onboarding_limit": (
        "貴公司未完成的申請過多。請先完成或撤回其一。", "贵公司未完成的申请过多。请先完成或撤回其一。",
    ),
    "identity.onboarding_officer": (
        "只有公司的負責人或管理員可申請服務上線。", "只有公司的负责人或管理员可申请服务上线。",
    ),
}  # fmt: skip


def refusal_text(code: str, title: str, language: str) -> str:
    """Return the sentence for a refusal in a language; `title` is the English one."""
    if language == "en":
        return title
    row = (
        REFUSALS.get(code) or IDENTITY_REFUSALS.get(code) or PAYMENT_REFUSALS.get(code)
        or ONBOARDING_CHINESE.get(code) or OFFICER_CHINESE.get(code)
    )
    if row is None:
        return _GENERAL.get(language, "{title}").format(title=title)
    return row[0] if language == "zh-Hant" else row[1]

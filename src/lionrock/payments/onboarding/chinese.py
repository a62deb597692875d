"""What an operator reads in Chinese when onboarding refuses, by stable code.

The English sentences stand in errors.py. Left out is what only a candidate's programme meets.
"""

from __future__ import annotations

CHINESE: dict[str, tuple[str, str]] = {
    "payments.candidate_malformed": (
        "申請不合規格，請更正所指的欄位。", "申请不合规格，请更正所指的字段。",
    ),
    "payments.candidate_key_malformed": (
        "有密鑰並非以指紋命名的公開JWK。", "有密钥并非以指纹命名的公开JWK。",
    ),
    "payments.candidate_key_private": (
        "密鑰連同私鑰部分一併送出，應視作已外洩並另造新鑰。",
        "密钥连同私钥部分一并送出，应视作已外泄并另造新钥。",
    ),
    "payments.candidate_key_not_es256": (
        "參與機構須以ES256簽署，請提供P-256密鑰。", "参与机构须以ES256签署，请提供P-256密钥。",
    ),
    "payments.candidate_key_known": (
        "此密鑰現屬或曾屬其他機構，或已重複。", "此密钥现属或曾属其他机构，或已重复。",
    ),
    "payments.candidate_endpoint_refused": (
        "不能連接該端點地址。", "不能连接该端点地址。",
    ),
    "payments.candidate_organisation_taken": (
        "該機構已在名錄內，或已有申請在處理中。", "该机构已在名录内，或已有申请在处理中。",
    ),
    "payments.candidate_code_taken": (
        "該結算編號已屬其他參與機構或申請機構。", "该结算编号已属其他参与机构或申请机构。",
    ),
    "payments.candidates_too_many": (
        "待審核的申請過多，請稍後再來。", "待审核的申请过多，请稍后再来。",
    ),
    "payments.candidate_unknown": ("沒有此申請。", "没有此申请。"),
    "payments.candidate_state": (
        "申請並非處於此步驟，請重新載入。", "申请并非处于此步骤，请重新加载。",
    ),
    "payments.candidate_stale": (
        "你查看後申請已更改，請重新載入。", "您查看后申请已更改，请重新加载。",
    ),
    "payments.candidate_own": (
        "提出申請者不得審核，須由另一名營運員處理。", "提出申请者不得审核，须由另一名运营员处理。",
    ),
    "payments.candidate_reviewed": (
        "你已就此步驟表態，須由另一人處理。", "您已就此步骤表态，须由另一人处理。",
    ),
    "payments.candidate_reasons": ("請以一行文字說明理由。", "请以一行文字说明理由。"),
    "payments.candidate_limits": (
        "上限須為所申請貨幣的正數金額。", "上限须为所申请货币的正数金额。",
    ),
    "payments.candidate_endpoint_untested": (
        "新端點尚未通過測試。待該處有回應後，由參與者再次提出同一更改以重新測試，其後方可同意。",
        "新端点尚未通过测试。待该处有回应后，由参与者再次提出同一更改以重新测试，其后方可同意。",
    ),
    "payments.candidate_change_unknown": (
        "沒有待處理的此項更改。", "没有待处理的此项更改。",
    ),
    "payments.candidate_tests_missing": (
        "每項測試的最近一次須以現行密鑰及端點通過。", "每项测试的最近一次须以现行密钥及端点通过。",
    ),
    "payments.test_case_unknown": ("沒有此項測試。", "没有此项测试。"),
    "payments.test_under_way": ("此項測試正在進行。", "此项测试正在进行。"),
    "payments.test_run_unknown": ("沒有此次測試。", "没有此次测试。"),
    "payments.test_runs_exhausted": ("今日的測試次數已用完。", "今日的测试次数已用完。"),
}

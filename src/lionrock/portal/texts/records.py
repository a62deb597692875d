"""Texts of consents, evidence and the public register."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

RECORD_TEXTS = {
    "consents_lead": Text(
        "What {company} lets others read: what, to whom, why, until when. You can take each back.",
        "{company}同意他人讀取的資料：內容、對象、用途及期限。每項均可撤回。",
        "{company}同意他人读取的资料：内容、对象、用途及期限。每项均可撤回。",
    ),
    "consents_none": Text(
        "There is no consent yet. One is asked for when you let others state facts.",
        "尚無同意書。當你讓他人提供資料時，系統會徵求同意。",
        "尚无同意书。当您让他人提供资料时，系统会征求同意。",
    ),
    "consents_pending": Text(
        "Your phone asks you now. Read the words and answer there.",
        "手機正在徵求你的同意。請閱讀內容並在手機上回覆。",
        "手机正在征求您的同意。请阅读内容并在手机上回复。",
    ),
    "consent": Text("Consent", "同意書", "同意书"),
    "consent_pending": Text("On your phone", "等候手機確認", "等候手机确认"),
    "consent_active": Text("In force", "生效", "生效"),
    "consent_revoked": Text("Taken back", "已撤回", "已撤回"),
    "consent_expired": Text("Ended", "已屆滿", "已届满"),
    "consent_rejected": Text("Refused", "已拒絕", "已拒绝"),
    "provider": Text("From", "提供者", "提供者"),
    "consumer": Text("To", "使用者", "使用者"),
    "fields": Text("What", "內容", "内容"),
    "purpose": Text("What for", "用途", "用途"),
    "valid_until": Text("Until", "有效期至", "有效期至"),
    "frequency": Text("How often", "次數", "次数"),
    "frequency_total": Text("{count} times in all", "共{count}次", "共{count}次"),
    "frequency_hour": Text("{count} times an hour", "每小時{count}次", "每小时{count}次"),
    "frequency_day": Text("{count} times a day", "每日{count}次", "每日{count}次"),
    "frequency_month": Text("{count} times a month", "每月{count}次", "每月{count}次"),
    "retention": Text("Kept for", "保存期", "保存期"),
    "days": Text("{count} days", "{count}日", "{count}日"),
    "details": Text("Details and uses", "詳情及使用記錄", "详情及使用记录"),
    "words_shown": Text("The words you agreed to", "你所同意的字句", "您所同意的字句"),
    "uses": Text("Uses", "使用記錄", "使用记录"),
    "uses_none": Text("Nothing was read yet.", "尚未有人讀取。", "尚未有人读取。"),
    "use_intended": Text("under way", "進行中", "进行中"),
    "use_delivered": Text("delivered", "已交付", "已交付"),
    "use_refused": Text("refused", "被拒", "被拒"),
    "use_erased": Text("delivered, since erased", "已交付，其後刪除", "已交付，其后删除"),
    "revisions": Text("Signed revisions", "已簽署的版本", "已签署的版本"),
    "revision": Text("Revision", "版本", "版本"),
    "revoke": Text("Take it back", "撤回同意", "撤回同意"),
    "revoke_text": Text(
        "From then on nothing more is read. What was read lawfully before stays with its reader "
        "until its time of keeping is over.",
        "撤回後不會再有讀取。先前合法讀取的資料由使用者保存至保存期滿。",
        "撤回后不会再有读取。先前合法读取的资料由使用者保存至保存期满。",
    ),
    "revoked_acknowledged": Text(
        "Taken back, and acknowledged on {instant}: no provider answers under it any more.",
        "已撤回，並於{instant}確認：提供者不再按此交付資料。",
        "已撤回，并于{instant}确认：提供者不再按此交付资料。",
    ),
    "revoked_waiting": Text(
        "Taken back; the acknowledgement comes within a second.",
        "已撤回，一秒內確認。", "已撤回，一秒内确认。",
    ),
    "evidence_lead": Text(
        "Every step left a signed receipt in a public, append-only log. A stranger can check it "
        "with no server and no database.",
        "每一步都在公開、只可增補的日誌留下已簽署的收據。任何人無需伺服器或資料庫即可核實。",
        "每一步都在公开、只可增补的日志留下已签署的收据。任何人无需服务器或数据库即可核实。",
    ),
    "evidence_none": Text(
        "There is no application yet, so there are no receipts.", "尚無申請，因此沒有收據。",
        "尚无申请，因此没有收据。",
    ),
    "receipts": Text("Receipts", "收據", "收据"),
    "receipts_of": Text("Receipts: {title}", "收據：{title}", "收据：{title}"),
    "issuer": Text("By", "簽發者", "签发者"),
    "about": Text("About", "內容", "内容"),
    "proof": Text("Proof", "證明", "证明"),
    "proven": Text("in the log", "已載入日誌", "已载入日志"),
    "not_proven": Text("within a second", "一秒內載入", "一秒内载入"),
    "bundle": Text("Download the bundle (ZIP)", "下載憑證包（ZIP）", "下载凭证包（ZIP）"),
    "trust_file": Text("Download the trust file", "下載信任檔案", "下载信任文件"),
    "how_to_verify": Text("How to check it", "如何核實", "如何核实"),
    "verify_1": Text(
        "Download the bundle of your application, and once the trust file of this city.",
        "下載申請的憑證包，以及本城市的信任檔案（只需一次）。",
        "下载申请的凭证包，以及本城市的信任文件（只需一次）。",
    ),
    "verify_2": Text("Run this on any computer, offline:", "在任何電腦離線執行：", "在任何电脑离线执行："),
    "verify_3": Text(
        "One flipped bit anywhere in the bundle makes it fail, and names the part.",
        "憑證包內任何一位元被改動，核實即告失敗並指出該部分。",
        "凭证包内任何一位元被改动，核实即告失败并指出该部分。",
    ),
    "case_receipts": Text("Show the receipts", "查看收據", "查看收据"),
    "awards_lead": Text(
        "Every award of this city with its recipient, as of now.",
        "本城市的所有資助及獲資助者，以現時為準。", "本城市的所有资助及获资助者，以现时为准。",
    ),
    "awards_none": Text("There is no award yet.", "尚無資助。", "尚无资助。"),
    "awards_data": Text("The same as data:", "同一資料的數據格式：", "同一资料的数据格式："),
    "recipient": Text("Recipient", "獲資助者", "获资助者"),
    "paid": Text("Paid", "已付", "已付"),
    "awarded_on": Text("Awarded on", "批准日期", "批准日期"),
    "more": Text("More", "更多", "更多"),
}  # fmt: skip

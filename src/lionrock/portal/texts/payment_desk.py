"""Texts of the operator's pages of payments."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

PAYMENT_DESK_TEXTS = {
    "menu_payments": Text("Payments", "支付", "支付"),
    "payments_lead": Text(
        "What participants have at the switch now, what is low, and every payment by any of its "
        "names.",
        "參與機構現時在交換中心的頭寸、偏低提示，以及可按任何編號查找的付款。",
        "参与机构现时在交换中心的头寸、偏低提示，以及可按任何编号查找的付款。",
    ),
    "payments_search": Text("Find a payment", "查找付款", "查找付款"),
    "payments_search_hint": Text(
        "MsgId, EndToEndId, TxId, UETR, payment id, or the ledger's id of a hold or booking; a"
        " proxy shows who registered it.",
        "可輸入 MsgId、EndToEndId、TxId、UETR、付款編號、賬本的凍結或入賬編號；輸入轉賬代號可查登記機構。",
        "可输入 MsgId、EndToEndId、TxId、UETR、付款编号、账本的冻结或入账编号；输入转账代号可查登记机构。",
    ),
    "payments_find": Text("Find", "查找", "查找"),
    "payments_found": Text("Found", "查找結果", "查找结果"),
    "payments_found_none": Text("Nothing has this name.", "找不到相符的紀錄。", "找不到相符的记录。"),
    "payments_positions": Text("Positions", "頭寸", "头寸"),
    "payments_legend": Text(
        "green: available, amber: held for payments, red: available but low",
        "綠色：可用；琥珀色：已凍結；紅色：可用但偏低",
        "绿色：可用；琥珀色：已冻结；红色：可用但偏低",
    ),
    "payments_ledger_away": Text(
        "The ledger does not answer now; positions are not shown.",
        "賬本暫時沒有回應，未能顯示頭寸。", "账本暂时没有回应，未能显示头寸。",
    ),
    "officers_title": Text("Officers for refunds", "退款人員", "退款人员"),
    "officers_lead": Text(
        "Large refunds of fees are decided by two officers of the department on their phones. One "
        "operator enters an officer, another one agrees; either may end it at once.",
        "大額退費由部門兩名人員以手機決定。人員由一名營運員提出、另一名營運員同意；任何一名均可即時終止。",
        "大额退费由部门两名人员以手机决定。人员由一名运营员提出、另一名运营员同意；任何一名均可即时终止。",
    ),
    "officers_none": Text("There are no officers yet.", "暫無人員。", "暂无人员。"),
    "officers_state_asked": Text("Waits for another operator", "待另一營運員同意", "待另一运营员同意"),
    "officers_state_appointed": Text("Appointed", "已委任", "已委任"),
    "officers_department": Text("Department", "部門", "部门"),
    "officers_name": Text("Name in the department's calls", "部門系統所用名稱", "部门系统所用名称"),
    "officers_name_hint": Text(
        "1 to 64 plain characters; the department never learns who the person is otherwise.",
        "1至64個基本字符；部門不會另行得知此人身分。", "1至64个基本字符；部门不会另行得知此人身份。",
    ),
    "officers_agree": Text("Agree", "同意", "同意"),
    "officers_end": Text("End the appointment", "終止委任", "终止委任"),
    "officers_enter": Text("Enter an officer", "提出委任", "提出委任"),
    "payments_copies": Text(
        "Ledger: row {written} written, row {copied} copied for searching and reports; "
        "{events} events wait, the oldest for {ms} ms.",
        "賬本：已寫入第 {written} 行，已複製第 {copied} 行供查詢及報表之用；"
        "{events} 項待複製，最早一項已等候 {ms} 毫秒。",
        "账本：已写入第 {written} 行，已复制第 {copied} 行供查询及报表之用；"
        "{events} 项待复制，最早一项已等候 {ms} 毫秒。",
    ),
    "payments_copies_level": Text("Copies level", "副本已同步", "副本已同步"),
    "payments_copies_copying": Text("Copying", "複製中", "复制中"),
    "payments_copies_stalled": Text("Copying has stopped", "複製停頓", "复制停顿"),
    "payments_copies_holding": Text(
        "The ledger waits for its copies", "賬本正等候副本", "账本正等候副本"
    ),
    "payments_participant": Text("Participant", "參與機構", "参与机构"),
    "payments_code": Text("Clearing code", "結算編號", "结算编号"),
    "payments_balance": Text("Balance", "結餘", "余额"),
    "payments_reserved": Text("Held", "已凍結", "已冻结"),
    "payments_available": Text("Available", "可用", "可用"),
    "payments_low": Text("Low", "偏低", "偏低"),
    "payments_alert_over": Text("Over", "已解除", "已解除"),
    "payments_alerts": Text("Alerts", "提示", "提示"),
    "payments_alerts_none": Text("There are none.", "沒有提示。", "没有提示。"),
    "payments_days": Text("Days and reconciliation", "每日結算與對帳", "每日结算与对账"),
    "payments_days_none": Text(
        "No day has been cut yet; each is cut at its end.",
        "尚未有每日結算；每日終結時進行。", "尚未有每日结算；每日终结时进行。",
    ),
    "payments_cut_begun": Text("begun", "已開始", "已开始"),
    "payments_cut_cut": Text("statements are being made", "正在編製結單", "正在编制结单"),
    "payments_cut_stated": Text("stated", "已發出結單", "已发出结单"),
    "payments_cut_at": Text(
        "cut at row {sequence} of the journal", "結算於日誌第 {sequence} 行",
        "结算于日志第 {sequence} 行",
    ),
    "payments_agrees": Text("all agrees", "完全相符", "完全相符"),
    "payments_differences": Text("differences: {count}", "差異：{count} 項", "差异：{count} 项"),
    "payments_compared": Text(
        "Compared: statements {statements}, entries {entries}, payments {payments}",
        "已核對：結單 {statements} 份、記項 {entries} 項、付款 {payments} 筆",
        "已核对：结单 {statements} 份、记项 {entries} 项、付款 {payments} 笔",
    ),
    "payments_not_compared": Text("Not compared yet.", "尚未對帳。", "尚未对账。"),
    "payments_difference": Text("Difference", "差異", "差异"),
    "payments_subject": Text("About", "有關項目", "有关项目"),
    "payments_expected": Text("Expected", "應為", "应为"),
    "payments_there": Text("Found", "實為", "实为"),
    "payments_recent": Text("Latest payments", "最近的付款", "最近的付款"),
    "payments_id": Text("Id", "編號", "编号"),
    "payments_state": Text("State", "狀態", "状态"),
    "payments_amount": Text("Amount", "金額", "金额"),
    "payments_from": Text("From", "付款機構", "付款机构"),
    "payments_to": Text("To", "收款機構", "收款机构"),
    "payments_at": Text("Time", "時間", "时间"),
    "payments_state_accepted": Text("Taken", "已接收", "已接收"),
    "payments_state_held": Text("Money held", "款項已凍結", "款项已冻结"),
    "payments_state_sent": Text("Sent to the bank", "已送交銀行", "已送交银行"),
    "payments_state_answered": Text("Answered", "銀行已回覆", "银行已回复"),
    "payments_state_settled": Text("Settled", "已結算", "已结算"),
    "payments_state_rejected": Text("Rejected", "已拒絕", "已拒绝"),
    "payments_proxy_mobile": Text("Mobile number", "手機號碼", "手机号码"),
    "payments_proxy_email": Text("E-mail", "電郵地址", "电邮地址"),
    "payments_proxy_fps_id": Text("FPS-style ID", "轉數快式識別碼", "转数快式识别码"),
    "payments_one": Text("Payment", "付款", "付款"),
    "payments_life": Text("What happened", "經過", "经过"),
    "payments_hold": Text("Hold in the ledger", "賬本凍結編號", "账本冻结编号"),
    "payments_messages": Text("Messages", "訊息", "信息"),
    "payments_message": Text("Message", "訊息", "信息"),
    "payments_taken": Text("Taken by the receiver", "對方接收時間", "对方接收时间"),
    "payments_direction_in": Text("in", "收", "收"),
    "payments_direction_out": Text("out", "發", "发"),
    "payments_receipts": Text("Receipts", "收據", "收据"),
    "payments_receipt": Text("Kind", "類別", "类别"),
    "payments_open": Text("open", "已開立", "已开立"),
    "payments_not_open": Text("not open yet", "尚未開立", "尚未开立"),
    "payments_limit": Text("limit a payment", "每筆上限", "每笔上限"),
    "payments_daily_limit": Text("limit a day", "每日上限", "每日上限"),
    "payments_sent_today": Text("sent today", "今日已付", "今日已付"),
    "payments_statements": Text("Statements", "結單", "结单"),
    "payments_statements_none": Text(
        "None has been issued yet; they are cut at the end of each day.",
        "尚未發出結單；結單於每日終結時編製。", "尚未发出结单；结单于每日终结时编制。",
    ),
    "payments_opening": Text("Opening", "期初", "期初"),
    "payments_closing": Text("Closing", "期末", "期末"),
}  # fmt: skip

"""What an operator reads in Chinese when an appointment is refused, by stable code.

The English sentences stand in errors.py. Left out is what only a department's programme meets.
"""

from __future__ import annotations

CHINESE: dict[str, tuple[str, str]] = {
    "payments.intent_malformed": (
        "有欄位不合規格，請更正所指的欄位。", "有字段不合规格，请更正所指的字段。",
    ),
    "payments.officer_operator_only": ("只有本城營運員可委任。", "只有本城运营员可委任。"),
    "payments.officer_own": ("任何人不得參與本人的委任。", "任何人不得参与本人的委任。"),
    "payments.officer_same_operator": (
        "你提出的委任須由另一名營運員同意。", "您提出的委任须由另一名运营员同意。",
    ),
    "payments.officer_taken": (
        "該部門已有此名稱的人員，或此人已是該部門人員。",
        "该部门已有此名称的人员，或此人已是该部门人员。",
    ),
    "payments.officer_unknown": ("沒有此人員、人士或部門。", "没有此人员、人士或部门。"),
    "payments.officer_state": ("此委任已獲同意或已終止。", "此委任已获同意或已终止。"),
}

"""The sentences of clauses that every scheme shares, in three languages; wording is ours."""

from __future__ import annotations

from typing import Final

from lionrock.kernel.i18n import Text

OPENS: Final = Text(
    "The scheme is open from {point}.", "計劃由{point}起推行。", "计划由{point}起推行。"
)
CLOSES: Final = Text(
    "The scheme takes applications until {point}.",
    "計劃接受申請至{point}為止。",
    "计划接受申请至{point}为止。",
)
LAST_DAY: Final = Text(
    "The last day to apply is {point}.", "截止申請日期為{point}。", "截止申请日期为{point}。"
)
PLANNED: Final = Text(
    "Open to applications: on {day} the scheme was still planned ({status}).",
    "接受申請：計劃於{day}仍在籌備（{status}）。",
    "接受申请：计划于{day}仍在筹备（{status}）。",
)
NEVER_DIRECT: Final = Text(
    "Open to direct applications: start-ups are proposed by the scheme's partner funds.",
    "接受直接申請：初創企業由計劃的夥伴基金提名。",
    "接受直接申请：初创企业由计划的伙伴基金提名。",
)
AUDIENCE: Final = Text(
    "The applicant is {audience}.", "申請者是{audience}。", "申请者是{audience}。"
)
SECTORS: Final = Text(
    "The applicant works in one of these sectors: {sectors}.",
    "申請者從事以下行業之一：{sectors}。",
    "申请者从事以下行业之一：{sectors}。",
)
UNSTATED: Final = Text(
    "Whether this applicant qualifies, and for how much: the sources do not state {missing}.",
    "申請者是否符合資格及可獲多少資助：資料沒有說明{missing}。",
    "申请者是否符合资格及可获多少资助：资料没有说明{missing}。",
)
ALL_CONDITIONS: Final = Text(
    "the full conditions", "全部申請條件", "全部申请条件"
)
STATED: Final = Text("{label}: {value}.", "{label}：{value}。", "{label}：{value}。")


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
    "The scheme is open. (When the fact sheet of {day} was written it was planned: {status}.)",
    "計劃已推行。（資料頁於{day}修訂時，計劃仍在籌備：{status}。）",
    "计划已推行。（资料页于{day}修订时，计划仍在筹备：{status}。）",
)
NEVER_DIRECT: Final = Text(
    "Applicants apply themselves. (The scheme takes proposals from its partner funds only.)",
    "申請者可自行申請。（計劃只接受夥伴基金提出的建議。）",
    "申请者可自行申请。（计划只接受伙伴基金提出的建议。）",
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
    "The sources state all conditions and the amount. (They do not state: {missing}.)",
    "資料已說明所有條件和金額。（未有說明：{missing}。）",
    "资料已说明所有条件和金额。（未有说明：{missing}。）",
)
ALL_CONDITIONS: Final = Text(
    "the full conditions", "全部申請條件", "全部申请条件"
)
STATED: Final = Text("{label}: {value}.", "{label}：{value}。", "{label}：{value}。")


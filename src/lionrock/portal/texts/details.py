"""Texts of the page of one's own details, with the words for values that are one of a set."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

_PREFIX = {
    "Mr": Text("Mr", "先生", "先生"), "Ms": Text("Ms", "女士", "女士"),
    "Mrs": Text("Mrs", "太太", "太太"), "Miss": Text("Miss", "小姐", "小姐"),
    "Dr": Text("Dr", "博士／醫生", "博士／医生"), "Prof": Text("Prof", "教授", "教授"),
}  # fmt: skip
_GENDER = {"M": Text("male", "男", "男"), "F": Text("female", "女", "女"),
           "X": Text("not stated", "未註明", "未注明")}  # fmt: skip
_MARITAL = {
    "single": Text("single", "未婚", "未婚"), "married": Text("married", "已婚", "已婚"),
    "divorced": Text("divorced", "離婚", "离婚"), "widowed": Text("widowed", "喪偶", "丧偶"),
    "separated": Text("separated", "分居", "分居"),
}  # fmt: skip
_EDUCATION = {
    "primary": Text("primary school", "小學", "小学"),
    "secondary": Text("secondary school", "中學", "中学"),
    "diploma": Text("diploma", "文憑", "文凭"), "bachelor": Text("bachelor", "學士", "学士"),
    "master": Text("master", "碩士", "硕士"), "doctorate": Text("doctorate", "博士", "博士"),
}  # fmt: skip
_REGION = {
    "Hong Kong": Text("Hong Kong Island", "香港島", "香港岛"),
    "Kowloon": Text("Kowloon", "九龍", "九龙"),
    "New Territories": Text("New Territories", "新界", "新界"),
    "outside Hong Kong": Text("outside Hong Kong", "香港以外", "香港以外"),
}  # fmt: skip
_DOCUMENT = {
    "utility_statement": Text("utility bill", "公用事業帳單", "公用事业账单"),
    "bank_statement": Text("bank statement", "銀行月結單", "银行月结单"),
    "government_letter": Text("letter of a department", "政府部門信件", "政府部门信件"),
}
_PARTS = {
    "flat": Text("Flat or room", "室", "室"), "floor": Text("Floor", "樓層", "楼层"),
    "block": Text("Block", "座", "座"),
    "building": Text("Building", "大廈", "大厦"), "estate": Text("Estate", "屋苑", "屋苑"),
    "street": Text("Street and number", "街道及門牌", "街道及门牌"),
    "district": Text("District", "地區", "地区"), "region": Text("Region", "區域", "区域"),
}  # fmt: skip
_SOURCES = {
    "registry_of_persons": Text("registry of persons", "人事登記處", "人事登记处"),
    "address_proof": Text("proof of address", "住址證明", "住址证明"),
    "self": Text("your own word", "你本人申報", "您本人申报"),
}


def _named(prefix: str, texts: dict[str, Text]) -> dict[str, Text]:
    return {f"detail_{prefix}_{value}": text for value, text in texts.items()}


DETAIL_TEXTS = {
    "menu_details": Text("My details", "我的資料", "我的资料"),
    "details_lead": Text(
        "What forms are filled in with when you say yes on your phone. Nothing leaves without it. "
        "What a registry matched is changed at the registry; the rest is your own word.",
        "你在手機上同意後，表格會以此填寫；未經同意，資料不會發出。經登記機關核對的資料須向該機關更改，"
        "其餘由你申報。",
        "您在手机上同意后，表格会以此填写；未经同意，资料不会发出。经登记机关核对的资料须向该机关更改，"
        "其余由您申报。",
    ),
    "detail_value": Text("Value", "資料", "资料"),
    "detail_source": Text("Source", "來源", "来源"),
    "detail_matched": Text("Last matched", "最近核對時間", "最近核对时间"),
    "detail_stated": Text("Stated", "申報時間", "申报时间"),
    "detail_own_word": Text("Your own word", "你的申報", "您的申报"),
    "detail_own_behind": Text(
        "(kept; the matched value is given)", "（已保留；提供時以經核對的資料為準）",
        "（已保留；提供时以经核对的资料为准）",
    ),
    "detail_none": Text("Nothing is kept.", "沒有資料。", "没有资料。"),
    "detail_change": Text("Change or delete", "更改或刪除", "更改或删除"),
    "detail_state": Text("State it", "申報", "申报"),
    "detail_keep": Text("Keep", "儲存", "保存"),
    "detail_forget": Text("Delete my word", "刪除我的申報", "删除我的申报"),
    "detail_phone_hint": Text(
        "With the country code, such as +852 2345 6789.", "連同國家或地區號碼，例如 +852 2345 6789。",
        "连同国家或地区号码，例如 +852 2345 6789。",
    ),
    "detail_address_hint": Text(
        "A building or a street, and the region, are needed.", "須填寫大廈或街道，以及區域。",
        "须填写大厦或街道，以及区域。",
    ),
    **_named("source", _SOURCES), **_named("part", _PARTS), **_named("prefix", _PREFIX),
    **_named("gender", _GENDER), **_named("maritalStatus", _MARITAL),
    **_named("educationLevel", _EDUCATION), **_named("region", _REGION),
    **_named("type", _DOCUMENT),
}  # fmt: skip

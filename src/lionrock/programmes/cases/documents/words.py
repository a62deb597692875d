"""The fixed words of the documents, in three languages."""

from __future__ import annotations

from lionrock.kernel.i18n import Text

OFFICE_NAME = Text("Programme Office (simulated)", "計劃辦公室（模擬）", "计划办公室（模拟）")
SIMULATED = Text(
    "Simulated, for testing only: {city}. Not an act of any authority; binds nobody.",
    "模擬文件，只供測試：{city}。並非任何當局的行為，對任何人均無約束力。",
    "模拟文件，只供测试：{city}。并非任何当局的行为，对任何人均无约束力。",
)
PAGE = Text(
    "Page {number} of {count}", "第 {number} 頁，共 {count} 頁", "第 {number} 页，共 {count} 页"
)
SIGNATURES = Text("Signatures", "簽署", "签署")
SIGNED_1 = Text(
    "Each signature is an electronic one (PAdES) in this file; it covers everything above it,",
    "每項簽署均為本檔案內的電子簽署（PAdES），涵蓋其前的全部內容，",
    "每项签署均为本文件内的电子签署（PAdES），涵盖其前的全部内容，",
)
SIGNED_2 = Text(
    "and names the approval that was given on the signer's phone.",
    "並載明簽署人在電話上給予的批准。",
    "并载明签署人在电话上给予的批准。",
)

# The application.
APPLICATION = Text("Application for funding", "資助申請書", "资助申请书")
IN_BRIEF = Text("In brief", "概要", "概要")
CASE = Text("Case", "個案編號", "个案编号")
PROGRAMME = Text("Programme", "計劃", "计划")
APPLICANT = Text("Applicant", "申請人", "申请人")
BUSINESS_NUMBER = Text("Business registration number", "商業登記號碼", "商业登记号码")
REPRESENTED_BY = Text("Represented by", "代表", "代表")
PREPARED_ON = Text("Prepared on", "擬備日期", "拟备日期")
PROJECT_COST = Text("Cost of the project", "項目成本", "项目成本")
REQUESTED = Text("Amount requested", "申請金額", "申请金额")
PAY_TO = Text("To be paid to", "收款識別", "收款识别")
PROXY_KINDS = {
    "mobile": Text("telephone number {proxy}", "電話號碼 {proxy}", "电话号码 {proxy}"),
    "email": Text("e-mail address {proxy}", "電郵地址 {proxy}", "电邮地址 {proxy}"),
}
PROJECT = Text("The project", "項目", "项目")
MILESTONES = Text("Milestones", "里程碑", "里程碑")
NUMBER = Text("No.", "編號", "编号")
MILESTONE = Text("Milestone", "里程碑", "里程碑")
SHARE = Text("Share", "比例", "比例")
AMOUNT = Text("Amount", "金額", "金额")
FACTS = Text("Facts stated by the applicant", "申請人陳述的事實", "申请人陈述的事实")
FACT = Text("Fact", "事實", "事实")
STATED = Text("Stated", "陳述", "陈述")
RULES = Text("What the rules say", "規則的判斷", "规则的判断")
RULES_INTRO = Text(
    "As of {on}, on these facts, the rules as known answer: {answer}. {amount}The rules inform; "
    "the committee decides.",
    "根據上述事實，截至{on}，已知規則的答案為：{answer}。{amount}規則只供參考，由委員會決定。",
    "根据上述事实，截至{on}，已知规则的答案为：{answer}。{amount}规则只供参考，由委员会决定。",
)
RULES_AMOUNT = Text(
    "The amount that they give: {amount}. ",
    "規則得出的金額：{amount}。",
    "规则得出的金额：{amount}。",
)
RULES_AMOUNT_MONTHLY = Text(
    "The amount that they give: {amount} a month. ",
    "規則得出的金額：每月{amount}。",
    "规则得出的金额：每月{amount}。",
)
ANSWERS = {
    "yes": Text("yes", "符合", "符合"),
    "no": Text("no", "不符合", "不符合"),
    "cannot_tell": Text("cannot tell", "未能判斷", "未能判断"),
}
CLAUSE = Text("Clause", "條款", "条款")
OUTCOME = Text("Outcome", "結果", "结果")
SOURCE = Text("Source", "來源", "来源")
DECLARATIONS = Text("Declarations", "聲明", "声明")
DECLARATION_LINES = (
    Text(
        "The facts stated above are true and complete to the best of the applicant's knowledge.",
        "就申請人所知，上述事實真實而完整。",
        "就申请人所知，上述事实真实而完整。",
    ),
    Text(
        "No other public funding is received for the same expenditure, save as stated above.",
        "除上文所述外，同一開支並無接受其他公帑資助。",
        "除上文所述外，同一开支并无接受其他公帑资助。",
    ),
    Text(
        "The applicant agrees that an award is published in the public register of awards.",
        "申請人同意獲批資助的資料載入公眾登記冊。",
        "申请人同意获批资助的资料载入公众登记册。",
    ),
)
CAPACITY_PERSON = Text(
    "signs as the person who applies", "以申請辦理人身分簽署", "以申请办理人身份签署"
)
CAPACITY_COMPANY = Text("seal of the applicant", "申請公司印章", "申请公司印章")
CAPACITY_RECIPIENT = Text("seal of the recipient", "受資助公司印章", "受资助公司印章")
CAPACITY_OFFICE = Text("seal of the office", "辦公室印章", "办公室印章")

# The agreement.
AGREEMENT = Text("Funding agreement", "資助協議", "资助协议")
PARTIES = Text("Parties", "協議雙方", "协议双方")
OFFICE = Text("The office", "辦公室", "办公室")
RECIPIENT = Text("The recipient", "受資助者", "受资助者")
AWARD = Text("The award", "資助", "资助")
AWARD_AMOUNT = Text("Amount of the award", "資助金額", "资助金额")
AWARD_NUMBER = Text("Award", "資助編號", "资助编号")
AWARDED_ON = Text("Committed on", "承付日期", "承付日期")
APPLICATION_DIGEST = Text(
    "Application, SHA-256", "申請書的 SHA-256", "申请书的 SHA-256"
)
REASONS = Text("Reasons of the committee", "委員會的理由", "委员会的理由")
TERMS = Text("Terms", "條款", "条款")
TERM_LINES = (
    Text(
        "The office commits the amount of the award to the recipient's project. The amount has "
        "been set aside from the programme's budget on the day stated above.",
        "辦公室承諾將上述資助金額用於受資助者的項目。該金額已於上述日期自計劃預算撥出。",
        "办公室承诺将上述资助金额用于受资助者的项目。该金额已于上述日期自计划预算拨出。",
    ),
    Text(
        "The recipient carries out the project as described in its application and uses the award "
        "for nothing else.",
        "受資助者須按申請書所述推行項目，資助不得作其他用途。",
        "受资助者须按申请书所述推行项目，资助不得作其他用途。",
    ),
    Text(
        "Each milestone is paid once, whole, after the recipient has reported it and the office "
        "has released it, to the account registered under the identifier stated above.",
        "每個里程碑由受資助者報告、辦公室核准後，一次過全數撥付予上述識別所登記的帳戶。",
        "每个里程碑由受资助者报告、办公室核准后，一次过全数拨付予上述识别所登记的账户。",
    ),
    Text(
        "The recipient keeps books and vouchers of the project for seven years and shows them to "
        "the office on request.",
        "受資助者須保存項目的帳簿及憑證七年，並應要求出示予辦公室。",
        "受资助者须保存项目的账簿及凭证七年，并应要求出示予办公室。",
    ),
    Text(
        "What was paid on statements that were untrue is repaid.",
        "因不實陳述而獲付的款項須予退還。",
        "因不实陈述而获付的款项须予退还。",
    ),
    Text(
        "The award is published in the public register. Each step leaves a receipt in the evidence "
        "log, which either party may show to anybody.",
        "資助載入公眾登記冊。每個步驟均在證據紀錄中留有收據，任何一方均可向他人出示。",
        "资助载入公众登记册。每个步骤均在证据记录中留有收据，任何一方均可向他人出示。",
    ),
    Text(
        "The agreement is in force when both seals are on it.",
        "本協議於雙方印章齊備時生效。",
        "本协议于双方印章齐备时生效。",
    ),
)

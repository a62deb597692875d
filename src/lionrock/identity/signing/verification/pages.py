"""The texts of the verification page in three languages; the HTML is verify.html beside this."""

from __future__ import annotations

import functools
from datetime import datetime
from pathlib import Path

import jinja2

from lionrock.identity.signing.verification.domain import Verdict
from lionrock.kernel.i18n import Text

TEXTS = {
    "title": Text("Check a signed document", "核實已簽署文件", "核实已签署文件"),
    "lead": Text(
        "Choose a signed PDF or XML document. It is checked and not kept.",
        "選擇已簽署的 PDF 或 XML 文件。文件只作核實，不會保存。",
        "选择已签署的 PDF 或 XML 文件。文件只作核实，不会保存。",
    ),
    "document": Text("Document", "文件", "文件"),
    "company": Text(
        "Business registration number (if you ask whether a person could bind a company)",
        "商業登記號碼（如要查詢某人能否約束某公司）",
        "商业登记号码（如要查询某人能否约束某公司）",
    ),
    "check": Text("Check", "核實", "核实"),
    "valid": Text("Every signature is valid.", "所有簽署均有效。", "所有签署均有效。"),
    "invalid": Text("Not every signature is valid.", "並非所有簽署均有效。", "并非所有签署均有效。"),
    "unsigned": Text("The document is not signed.", "文件未經簽署。", "文件未经签署。"),
    "simulated": Text(
        "Simulated authority: these signatures are for testing only.",
        "模擬核證機關：這些簽署只供測試。", "模拟核证机关：这些签署只供测试。",
    ),
    "person": Text("Personal signature", "個人簽署", "个人签署"),
    "company-seal": Text("Company seal", "公司印章", "公司印章"),
    "office-seal": Text("Office seal", "機構印章", "机构印章"),
    "": Text("Unknown certificate", "不明證書", "不明证书"),
    "good": Text("Valid", "有效", "有效"),
    "bad": Text("Not valid", "無效", "无效"),
    "signed_at": Text("Time that the signer states", "簽署者所述時間", "签署者所述时间"),
    "timestamped_at": Text("Time-stamp", "時間戳記", "时间戳"),
    "level": Text("Level", "級別", "级别"),
    "certificate": Text("Certificate", "證書", "证书"),
    "approval": Text("Released by approval", "由此批核釋出", "由此批核释出"),
    "entitled": Text(
        "{signer} was entitled to bind {company} then.",
        "{signer}當時有權約束{company}。", "{signer}当时有权约束{company}。",
    ),
    "not_entitled": Text(
        "{signer} was not entitled to bind {company} then.",
        "{signer}當時無權約束{company}。", "{signer}当时无权约束{company}。",
    ),
    "limit": Text("Amount limit", "金額上限", "金额上限"),
    "no_limit": Text("none", "無", "无"),
    "role": Text("Role", "身分", "身份"),
    "changed": Text("The document was changed after signing.", "文件簽署後曾被更改。",
                    "文件签署后曾被更改。"),
    "revoked": Text("The certificate had been revoked.", "證書當時已被撤銷。",
                    "证书当时已被撤销。"),
    "revoked_untimed": Text(
        "The certificate was revoked, and nothing proves that it signed before.",
        "證書已被撤銷，且無從證明簽署在先。", "证书已被撤销，且无从证明签署在先。",
    ),
    "not_trusted": Text("The certificate is not of this city's authority.",
                        "證書並非由本市核證機關發出。", "证书并非由本市核证机关发出。"),
    "added_to": Text("Something was added after signing.", "簽署後曾加入內容。",
                     "签署后曾加入内容。"),
    "not_as_written": Text("It is not as this city's service writes it.",
                           "與本市服務所寫的形式不符。", "与本市服务所写的形式不符。"),
    "structure": Text("The signature covers something else than the document.",
                      "簽署所涵蓋的並非此文件。", "签署所涵盖的并非此文件。"),
}  # fmt: skip


def verify_page(language: str, verdict: Verdict | None = None, problem: str = "") -> str:
    """Return the page: the form, and above it what was found or why nothing was checked."""
    texts = {name: text.in_language(language) for name, text in TEXTS.items()}
    return _environment().get_template("verify.html").render(
        language=language, text=texts, verdict=verdict, problem=problem, at=_at
    )


def _at(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip

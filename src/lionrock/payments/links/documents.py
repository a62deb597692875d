"""The receipt of a paid fee as PDF: one page in English and Chinese, with the signed receipt on it.

It shows what the signed receipt (JWS) says and nothing else, and prints the JWS, so that whoever
has the page can check it against the platform's key without asking anybody. Text stays text: it can
be searched and copied. Not for: the page that links to it (portal). No PAdES seal is on it: each
signature in a PDF is released by a person's approval (identity.signing), and nobody is asked here.
Invariants: equal input gives equal bytes; every receipt says that it is simulated.
"""

from __future__ import annotations

import functools
import hashlib
import io
from datetime import datetime
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from lionrock.kernel import pdf_fonts
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text, show_instant, show_money
from lionrock.kernel.jose import read_unverified
from lionrock.kernel.money import Money

INK, BRAND = HexColor("#1B2A33"), HexColor("#0B5563")
LINE, MUTED = HexColor("#C5D3D6"), HexColor("#5B6B73")
MARGIN = 54
WIDTH = A4[0] - 2 * MARGIN
# The whole JWS, cut into lines that fit the page.
JWS_LINE = 92

TITLE = Text("Receipt", "收據", "收据")
SIMULATED = Text(
    "Simulated, for testing only: {city}. Not an act of any authority; binds nobody.",
    "模擬文件，只供測試：{city}。並非任何當局的行為，對任何人均無約束力。",
    "模拟文件，只供测试：{city}。并非任何当局的行为，对任何人均无约束力。",
)
DEPARTMENT = Text("Received by", "收款部門", "收款部门")
SERVICE = Text("For", "項目", "项目")
AMOUNT = Text("Amount", "金額", "金额")
PAID_AT = Text("Paid on (Hong Kong time)", "繳付時間（香港時間）", "缴付时间（香港时间）")
NUMBER = Text("Bill number", "帳單編號", "账单编号")
REFERENCE = Text("The department's reference", "部門檔號", "部门档号")
PAYER = Text("The payer's reference", "繳款人參考", "缴款人参考")
PAYMENT = Text("Payment", "付款參考", "付款参考")
UETR = Text("Transaction reference (UETR)", "交易參考（UETR）", "交易参考（UETR）")
DIGEST = Text(
    "SHA-256 of the signed receipt", "已簽署收據的數碼指紋（SHA-256）",
    "已签署收据的数字指纹（SHA-256）",
)
SIGNED = Text(
    "The signed receipt (JWS), signed by the city's platform; joined without line breaks it can be "
    "checked with the platform's published key.",
    "已簽署收據（JWS），由本城平台簽署；接合各行後，可用平台公布的密鑰核實。",
    "已签署收据（JWS），由本城平台签署；接合各行后，可用平台公布的密钥核实。",
)


def render_receipt(jws: str, language: str, city: str) -> bytes:
    """Return the PDF of a signed receipt of ours, in English and in the Chinese of a language."""
    read = read_unverified(jws)
    assert not isinstance(read, Refused), "the receipt is the platform's own"
    pen = _Pen("zh-Hans" if language == "zh-Hans" else "zh-Hant")
    said = read.claims
    title = pen.both(TITLE)
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer, pagesize=A4, invariant=1, title=f"{title} {said['number']}",
        author=said["department"]["names"]["en"], subject=said["number"], creator="Lion Rock",
        leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
    )
    document.build([
        pen.paragraph(title, "title"),
        pen.paragraph(pen.both(SIMULATED.format(city=city), "\n"), "small"), Spacer(1, 14),
        _facts(pen, said, jws), Spacer(1, 16),
        pen.paragraph(pen.both(SIGNED, "\n"), "small"), Spacer(1, 6),
        pen.paragraph(_lines(jws), "code"),
    ], canvasmaker=functools.partial(Canvas, pdfVersion=(1, 5)))  # fmt: skip
    return buffer.getvalue()


class _Pen:
    """Writes in two languages: English, and Chinese of one kind."""

    def __init__(self, chinese: str) -> None:
        self.chinese = chinese
        self._font = pdf_fonts.CHINESE_FONTS[chinese]
        pdf_fonts.register(self._font)
        self._styles = {
            "title": _style("title", 20, 26, BRAND), "label": _style("label", 8.5, 12.5, MUTED),
            "value": _style("value", 10, 14, INK), "small": _style("small", 8, 11, MUTED),
            "code": _style("code", 7, 9, INK),
        }

    def both(self, text: Text, between: str = " ") -> str:
        """Both languages in one text."""
        return f"{text.en}{between}{text.in_language(self.chinese)}"

    def paragraph(self, text: str, style: str) -> Any:
        """A paragraph; line breaks are kept, nothing in the text is markup."""
        is_bold = style == "title"
        lines = (pdf_fonts.marked(line, self._font, is_bold=is_bold) for line in text.split("\n"))
        return Paragraph("<br/>".join(lines), self._styles[style])


def _style(name: str, size: float, leading: float, color: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName="Helvetica", fontSize=size, leading=leading, textColor=color,
        splitLongWords=1,
    )


def _facts(pen: _Pen, said: dict[str, Any], jws: str) -> Any:
    names, titles = said["department"]["names"], said["titles"]
    amount = Money.parse(said["amount"], said["currency"])
    paid_at = datetime.fromisoformat(said["paid_at"])
    rows = [
        (DEPARTMENT, f"{names['en']}\n{names.get(pen.chinese) or names['en']}"),
        (SERVICE, f"{titles['en']}\n{titles[pen.chinese]}"),
        (AMOUNT, show_money(amount.amount_minor, amount.currency, "en")),
        (PAID_AT, f"{show_instant(paid_at, 'en')}\n{show_instant(paid_at, pen.chinese)}"),
        (NUMBER, said["number"]), (REFERENCE, said["reference"]),
        *([(PAYER, said["payer_reference"])] if said["payer_reference"] else []),
        (PAYMENT, said["payment_id"]), (UETR, said["uetr"]),
        (DIGEST, hashlib.sha256(jws.encode()).hexdigest()),
    ]
    table = Table(
        [[pen.paragraph(pen.both(name, "\n"), "label"), pen.paragraph(value, "value")]
         for name, value in rows],
        colWidths=[WIDTH * 0.34, WIDTH * 0.66], hAlign="LEFT",
    )  # fmt: skip
    table.setStyle(TableStyle([
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 4), ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]))  # fmt: skip
    return table


def _lines(jws: str) -> str:
    return "\n".join(jws[start : start + JWS_LINE] for start in range(0, len(jws), JWS_LINE))

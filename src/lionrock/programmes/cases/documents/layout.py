"""How a case's documents look: page frame, styles, tables, the page for signatures.

Latin letters are set in Helvetica, Chinese in the standard CID fonts of PDF (MSung-Light for
traditional, STSong-Light for simplified characters), which viewers supply; nothing is embedded.
Source: ISO 32000-1 s9.7.5 (predefined CMaps). Invariant: equal input gives equal bytes.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from lionrock.kernel import pdf_fonts
from lionrock.kernel.i18n import Text
from lionrock.programmes.cases.documents import words
from lionrock.programmes.cases.domain.values import DocumentKind, Party

INK = HexColor("#1B2A33")
BRAND = HexColor("#0B5563")
ACCENT = HexColor("#C8553D")
PALE = HexColor("#EEF4F5")
LINE = HexColor("#C5D3D6")
MUTED = HexColor("#5B6B73")

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 54
BAND_HEIGHT = 74
WIDTH = PAGE_WIDTH - 2 * MARGIN
# Where each party's signature shows on the last page: left, bottom, right, top in points.
_UPPER, _LOWER = (66, 560, 529, 626), (66, 430, 529, 496)
SIGNATURE_BOXES: Mapping[DocumentKind, Mapping[Party, tuple[int, int, int, int]]] = {
    "application": {"person": _UPPER, "company-seal": _LOWER},
    "agreement": {"company-seal": _UPPER, "office-seal": _LOWER},
}


class Signatory(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs on the last page, in which capacity."""

    party: Party
    capacity: Text
    name: str


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What frames a document: its kind, its title, its reference, and who signs it."""

    language: str
    kind: DocumentKind
    name: Text
    title: str
    reference: str
    city: str
    signatories: tuple[Signatory, ...]


class Pen:
    """Writes paragraphs and tables in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._chinese_font = pdf_fonts.CHINESE_FONTS[language]
        pdf_fonts.register(self._chinese_font)
        self._styles = {
            "body": self._style("body", 9.5, 14, INK),
            "small": self._style("small", 8, 11, MUTED),
            "heading": self._style("heading", 12, 16, BRAND, space_before=14, space_after=5),
            "cell": self._style("cell", 9, 12.5, INK),
            "term": self._style("term", 9.5, 14, INK, space_after=4),
            "label": self._style("label", 8.5, 12.5, MUTED),
            "head": self._style("head", 8.5, 12, BRAND),
        }

    def say(self, text: Text, **values: str) -> str:
        """Return a text in the document's language with values filled in."""
        return text.in_language(self.language).format(**values)

    def paragraph(self, text: str, style: str = "body", *, is_bold: bool = False) -> Any:
        """Return a paragraph; line breaks are kept, nothing in the text is markup."""
        marked = "<br/>".join(self._mark_up(line, is_bold=is_bold) for line in text.split("\n"))
        return Paragraph(marked, self._styles[style])

    def heading(self, text: Text) -> Any:
        """Return a section's heading."""
        return self.paragraph(self.say(text), "heading", is_bold=True)

    def pairs(self, rows: Sequence[tuple[str, str]]) -> Any:
        """Return a table of names and values."""
        cells = [[self.paragraph(name, "label"), self.paragraph(value, "cell")]
                 for name, value in rows]  # fmt: skip
        table = Table(cells, colWidths=[WIDTH * 0.32, WIDTH * 0.68], hAlign="LEFT")
        table.setStyle(TableStyle([*_PADDING, ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)]))
        return table

    def grid(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float]
    ) -> Any:
        """Return a table with a head row that repeats on each page; `shares` add up to 1."""
        assert abs(sum(shares) - 1) < 1e-9, "columns fill the width"
        cells = [[self.paragraph(head, "head", is_bold=True) for head in heads]]
        cells += [[self.paragraph(value, "cell") for value in row] for row in rows]
        table = Table(
            cells, colWidths=[WIDTH * share for share in shares], repeatRows=1, hAlign="LEFT"
        )
        table.setStyle(
            TableStyle([
                *_PADDING,
                ("BACKGROUND", (0, 0), (-1, 0), PALE),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, BRAND),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
            ])
        )  # fmt: skip
        return table

    def draw(
        self, canvas: Any, x: float, y: float, text: str, size: float, *, is_bold: bool
    ) -> None:
        """Draw one line at a place, each run of letters in its font."""
        for is_chinese, run in pdf_fonts.runs(text):
            font = self._chinese_font if is_chinese else pdf_fonts.latin(is_bold=is_bold)
            canvas.setFont(font, size)
            canvas.drawString(x, y, run)
            x += pdfmetrics.stringWidth(run, font, size)

    def fitted(self, text: str, size: float, width_max: float = WIDTH) -> str:
        """Return a line cut to a width, with an ellipsis where it was cut."""
        if self.width(text, size) <= width_max:
            return text
        while self.width(text + "...", size) > width_max:
            text = text[:-1]
        return text + "..."

    def width(self, text: str, size: float) -> float:
        """Return the width of a line in points."""
        total = 0.0
        for is_chinese, run in pdf_fonts.runs(text):
            font = self._chinese_font if is_chinese else pdf_fonts.latin(is_bold=False)
            total += pdfmetrics.stringWidth(run, font, size)
        return total

    def _mark_up(self, line: str, *, is_bold: bool) -> str:
        return pdf_fonts.marked(line, self._chinese_font, is_bold=is_bold)

    def _style(
        self, name: str, size: float, leading: float, color: Any, *, space_before: float = 0,
        space_after: float = 0,
    ) -> ParagraphStyle:
        is_chinese = self.language != "en"
        return ParagraphStyle(
            name, fontName=self._chinese_font if is_chinese else "Helvetica", fontSize=size,
            leading=leading, textColor=color, alignment=TA_LEFT, spaceBefore=space_before,
            spaceAfter=space_after, wordWrap="CJK" if is_chinese else None, splitLongWords=1,
        )  # fmt: skip


_PADDING = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 6),
    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
    ("TOPPADDING", (0, 0), (-1, -1), 4),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
]


def build(paper: Paper, tell: Callable[[Pen], list[Any]]) -> bytes:
    """Return the document as PDF. `tell` writes the story; it is told twice, to count the pages."""
    pen = Pen(paper.language)
    page_count = _typeset(paper, pen, tell, page_count=0)[1]
    content, again = _typeset(paper, pen, tell, page_count=page_count)
    assert page_count == again, "both passes set the same pages"
    return content


def _typeset(
    paper: Paper, pen: Pen, tell: Callable[[Pen], list[Any]], *, page_count: int
) -> tuple[bytes, int]:
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer, pagesize=A4, invariant=1, title=f"{pen.say(paper.name)}: {paper.title}",
        author=pen.say(words.OFFICE_NAME), subject=paper.reference, creator="Lion Rock",
        pageCompression=1,
    )  # fmt: skip

    def frame_page(canvas: Any, template: Any) -> None:
        _draw_frame(canvas, pen, paper, canvas.getPageNumber(), page_count)

    def signature_page(canvas: Any, template: Any) -> None:
        frame_page(canvas, template)
        _draw_signatures(canvas, pen, paper)

    first = Frame(MARGIN, 60, WIDTH, PAGE_HEIGHT - BAND_HEIGHT - 84, 0, 0, 0, 0, id="first")
    later = Frame(MARGIN, 60, WIDTH, PAGE_HEIGHT - 120, 0, 0, 0, 0, id="later")
    document.addPageTemplates([
        PageTemplate(id="first", frames=[first], onPage=frame_page, autoNextPageTemplate="later"),
        PageTemplate(id="later", frames=[later], onPage=frame_page),
        PageTemplate(id="signatures", frames=[later], onPage=signature_page),
    ])  # fmt: skip
    story = [*tell(pen), NextPageTemplate("signatures"), PageBreak(), Spacer(1, 1)]
    # The UTF-16 CMaps came with PDF 1.5.
    document.build(story, canvasmaker=functools.partial(Canvas, pdfVersion=(1, 5)))
    return buffer.getvalue(), int(document.page)


def _draw_frame(canvas: Any, pen: Pen, paper: Paper, number: int, count: int) -> None:
    canvas.saveState()
    if number == 1:
        canvas.setFillColor(BRAND)
        canvas.rect(0, PAGE_HEIGHT - BAND_HEIGHT, PAGE_WIDTH, BAND_HEIGHT, stroke=0, fill=1)
        canvas.setFillColor(ACCENT)
        canvas.rect(0, PAGE_HEIGHT - BAND_HEIGHT - 4, PAGE_WIDTH, 4, stroke=0, fill=1)
        canvas.setFillColor(HexColor("#FFFFFF"))
        pen.draw(canvas, MARGIN, PAGE_HEIGHT - 34, pen.say(paper.name), 19, is_bold=True)
        title = pen.fitted(paper.title, 10.5)
        pen.draw(canvas, MARGIN, PAGE_HEIGHT - 56, title, 10.5, is_bold=False)
    else:
        canvas.setFillColor(MUTED)
        title = pen.fitted(paper.title, 8.5)
        pen.draw(canvas, MARGIN, PAGE_HEIGHT - 40, title, 8.5, is_bold=False)
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN, PAGE_HEIGHT - 46, PAGE_WIDTH - MARGIN, PAGE_HEIGHT - 46)
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, 44, PAGE_WIDTH - MARGIN, 44)
    canvas.setFillColor(ACCENT)
    pen.draw(canvas, MARGIN, 32, pen.say(words.SIMULATED, city=paper.city), 7.5, is_bold=False)
    canvas.setFillColor(MUTED)
    pen.draw(canvas, MARGIN, 21, paper.reference, 7.5, is_bold=False)
    place = pen.say(words.PAGE, number=str(number), count=str(count))
    pen.draw(canvas, PAGE_WIDTH - MARGIN - pen.width(place, 7.5), 21, place, 7.5, is_bold=False)
    canvas.restoreState()


def _draw_signatures(canvas: Any, pen: Pen, paper: Paper) -> None:
    canvas.saveState()
    canvas.setFillColor(BRAND)
    pen.draw(canvas, MARGIN, 730, pen.say(words.SIGNATURES), 14, is_bold=True)
    canvas.setFillColor(MUTED)
    for offset, text in enumerate((words.SIGNED_1, words.SIGNED_2)):
        pen.draw(canvas, MARGIN, 708 - 14 * offset, pen.say(text), 9, is_bold=False)
    for signatory in paper.signatories:
        left, bottom, right, top = SIGNATURE_BOXES[paper.kind][signatory.party]
        canvas.setFillColor(INK)
        name = pen.fitted(signatory.name, 10, right - left)
        pen.draw(canvas, left, top + 24, name, 10, is_bold=True)
        canvas.setFillColor(MUTED)
        pen.draw(canvas, left, top + 9, pen.say(signatory.capacity), 8.5, is_bold=False)
        canvas.setStrokeColor(LINE)
        canvas.setFillColor(PALE)
        canvas.roundRect(left, bottom, right - left, top - bottom, 4, stroke=1, fill=1)
    canvas.restoreState()

"""The fonts of our PDF documents: Latin letters in Helvetica, Chinese in the standard CID fonts.

MSung-Light (traditional) and STSong-Light (simplified) come with viewers; nothing is embedded.
The text stays text: it can be searched and copied. Not for: how a document looks (each pillar's).
Source: ISO 32000-1 s9.7.5 (predefined CMaps).
"""

from __future__ import annotations

import re
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import CIDEncoding, UnicodeCIDFont

CHINESE_FONTS = {"en": "MSung-Light", "zh-Hant": "MSung-Light", "zh-Hans": "STSong-Light"}
_CMAPS = {"MSung-Light": "UniCNS-UTF16-H", "STSong-Light": "UniGB-UTF16-H"}
# Ideographs, their punctuation, full-width forms.
_CHINESE = re.compile(
    "([\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]+)"
)


def runs(text: str) -> list[tuple[bool, str]]:
    """Split a line into runs of Chinese (True) and other letters."""
    return [(_CHINESE.fullmatch(run) is not None, run) for run in _CHINESE.split(text) if run]


def latin(*, is_bold: bool) -> str:
    """Return the font of letters that are not Chinese."""
    return "Helvetica-Bold" if is_bold else "Helvetica"


def marked(line: str, chinese_font: str, *, is_bold: bool) -> str:
    """Return a line as reportlab's markup, each run in its font; nothing in it is markup itself."""
    parts = []
    for is_chinese, run in runs(line):
        escaped = run.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        font = chinese_font if is_chinese else latin(is_bold=is_bold)
        parts.append(f'<font name="{font}">{escaped}</font>')
    return "".join(parts)


def register(font_name: str) -> None:
    """Make a CID font known to reportlab; doing so again changes nothing."""
    if font_name in pdfmetrics.getRegisteredFontNames():
        return
    font: Any = UnicodeCIDFont(font_name)
    # reportlab names a CMap of another character collection for MSung-Light, and only those of the
    # basic plane; a document set with that shows nothing at all in strict viewers.
    font.encodingName = _CMAPS[font_name]
    font.encoding = CIDEncoding(font.encodingName)
    pdfmetrics.registerFont(font)

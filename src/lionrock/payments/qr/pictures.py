"""Payment codes as pictures: QR symbols with error correction M and the quiet zone of 4 modules.

Not for: making the text (domain). Source: ISO/IEC 18004 (quiet zone s6.3.8), by segno.
"""

from __future__ import annotations

import io
from typing import Literal

import segno

QUIET_ZONE_MODULES = 4
SCALE = 6
SCALE_MAX = 20
PictureKind = Literal["svg", "png"]
MEDIA_TYPES: dict[PictureKind, str] = {"svg": "image/svg+xml", "png": "image/png"}


def draw(text: str, kind: PictureKind = "svg", scale: int = SCALE) -> bytes:
    """Draw a text as a QR symbol, black on white, `scale` pixels a module.

    The text goes in as UTF-8; the limit of a payment code fits a symbol of version 20 or less.
    """
    assert 1 <= scale <= SCALE_MAX, scale
    picture = io.BytesIO()
    symbol = segno.make_qr(text, error="m", encoding=None if text.isascii() else "utf-8")
    colours = {"dark": "#000", "light": "#fff"}
    more = {"xmldecl": False} if kind == "svg" else {}
    symbol.save(
        picture, kind=kind, scale=scale, border=QUIET_ZONE_MODULES, **colours, **more
    )
    return picture.getvalue()

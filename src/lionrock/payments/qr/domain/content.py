"""What a payment code says, in our words; its layout is in layout.py.

Pure. Source of the tags: EMV QR Code Specification for Payment Systems (merchant-presented mode)
and HKMA's common QR code, as far as public [secondary]; see testdata/hkqr.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lionrock.kernel.money import Money
from lionrock.payments.qr.domain.items import Counting, Item

TipKind = Literal["prompt", "fixed", "percentage"]
FPS_IDENTIFIER = "hk.com.hkicl"


class FpsAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Tag 26: who is paid through the FPS-style switch; one of the three proxies is there.

    `fps_id` is kept as written, also where its length is none that is given out today. `timeout` is
    YYYYMMDDHHMMSS as written; that it means Hong Kong time is not confirmed by any public text.
    """

    identifier: str = FPS_IDENTIFIER
    clearing_code: str = ""
    fps_id: str = ""
    mobile: str = ""
    email: str = ""
    timeout: str = ""
    others: tuple[Item, ...] = ()

    @property
    def proxy_kind(self) -> Literal["fps_id", "mobile", "email"]:
        """Which kind of proxy it names."""
        if self.fps_id:
            return "fps_id"
        return "mobile" if self.mobile else "email"

    @property
    def proxy(self) -> str:
        """The proxy as written."""
        return self.fps_id or self.mobile or self.email


class Tip(msgspec.Struct, frozen=True):
    """Tags 55 to 57. `value` is an amount for a fixed fee, a percentage for the other, else ""."""

    kind: TipKind
    value: str = ""


class AdditionalData(msgspec.Struct, frozen=True, kw_only=True):
    """Tag 62: references that the payment carries; "***" asks the payer to fill one in."""

    bill: str = ""
    mobile: str = ""
    store: str = ""
    loyalty: str = ""
    reference: str = ""
    customer: str = ""
    terminal: str = ""
    purpose: str = ""
    data_request: str = ""
    others: tuple[Item, ...] = ()


class LanguageTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Tag 64: the payee's name and city in another language (ISO 639, two letters)."""

    language: str
    name: str
    city: str = ""
    others: tuple[Item, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a code says. `others` are items of other schemes and unknown ones, byte for byte."""

    is_dynamic: bool
    currency: Literal["HKD", "CNY"]
    fps: FpsAccount | None = None
    amount: Money | None = None
    name: str = "NA"
    city: str = "HK"
    category: str = "0000"
    postal_code: str = ""
    tip: Tip | None = None
    additional: AdditionalData | None = None
    language: LanguageTemplate | None = None
    others: tuple[Item, ...] = ()


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was read: what it says, how it is written, and what is odd about it.

    `items` are all items but the checksum in the order written, so that writing gives the very
    same text again.
    """

    content: Content
    items: tuple[Item, ...]
    counting: Counting
    warnings: tuple[str, ...] = ()

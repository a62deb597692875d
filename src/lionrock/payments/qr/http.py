"""Payment codes over HTTP: read, make, draw. Pure functions: nothing is stored, nobody is asked.

Anyone may ask; what is read or drawn must be a payment code, so that this is no drawing service.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply
from lionrock.kernel.money import Money
from lionrock.payments.qr.domain.codes import decode, encode, read_amount
from lionrock.payments.qr.domain.compose import compose
from lionrock.payments.qr.domain.content import (
    AdditionalData,
    Code,
    Content,
    FpsAccount,
    LanguageTemplate,
    Tip,
)
from lionrock.payments.qr.domain.items import Item
from lionrock.payments.qr.domain.refusals import QrRefusal
from lionrock.payments.qr.errors import QR_ERRORS
from lionrock.payments.qr.pictures import MEDIA_TYPES, SCALE, SCALE_MAX, PictureKind, draw
from lionrock.payments.service.payments import Payments

DECODE_PATH = "/payments/v1/qr/decode"
ENCODE_PATH = "/payments/v1/qr/encode"
IMAGE_PATH = "/payments/v1/qr/image"
BODY_BYTES_MAX = 8 * 1024


class PayloadBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a scanned code."""

    payload: str


class ContentBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a code says; the amount is a decimal string."""

    is_dynamic: bool
    currency: Literal["HKD", "CNY"] = "HKD"
    fps: FpsAccount | None = None
    amount: str = ""
    name: str = "NA"
    city: str = "HK"
    category: str = "0000"
    postal_code: str = ""
    tip: Tip | None = None
    additional: AdditionalData | None = None
    language: LanguageTemplate | None = None
    others: tuple[Item, ...] = ()


class CodeReply(msgspec.Struct, frozen=True, kw_only=True):
    """A code: its text, what it says, its items as written, and what is odd about it."""

    payload: str
    content: ContentBody
    counting: str
    items: list[Item]
    warnings: list[str]


class DecodeCall(Call[Payments, PayloadBody]):
    """A text to read."""


class EncodeCall(Call[Payments, ContentBody]):
    """A content to write."""


async def reply_decoded(call: DecodeCall) -> Refused | Response:
    """Read the code, or say which rule it breaks and at which tag."""
    code = decode(call.body.payload)
    return code if isinstance(code, Refused) else reply(code_reply(code))


async def reply_encoded(call: EncodeCall) -> Refused | Response:
    """Make the code, checked as if it had been read."""
    code = code_of(call.body)
    return code if isinstance(code, Refused) else reply(code_reply(code))


async def reply_picture(call: Call[Payments, None]) -> Refused | Response:
    """Draw a code that holds; the picture may be kept, for the same text is the same picture."""
    asked = picture_of(call.query)
    if isinstance(asked, Refused):
        return asked
    code = decode(call.query.get("payload", ""))
    if isinstance(code, Refused):
        return code
    kind, scale = asked
    return Response(
        draw(encode(code), kind, scale), media_type=MEDIA_TYPES[kind],
        headers={"cache-control": "public, max-age=3600"},
    )


def picture_of(query: Any) -> tuple[PictureKind, int] | Refused:
    """Read format and scale of a picture; PICTURE_MALFORMED."""
    kind, scale = query.get("format", "svg"), query.get("scale", str(SCALE))
    is_number = scale.isascii() and scale.isdigit() and len(scale) <= 2
    if kind not in MEDIA_TYPES or not is_number or not 1 <= int(scale) <= SCALE_MAX:
        return Refused(QrRefusal.PICTURE_MALFORMED)
    return cast("PictureKind", kind), int(scale)


def code_of(body: ContentBody) -> Code | Refused:
    """Make a code from what came in; refusals of domain.codes."""
    amount: Money | Refused | None = None
    if body.amount:
        amount = read_amount(body.amount, body.currency)
        if isinstance(amount, Refused):
            return amount
    fields = {name: getattr(body, name) for name in ContentBody.__struct_fields__}
    return compose(Content(**{**fields, "amount": amount}))


def code_reply(code: Code) -> CodeReply:
    """Show a code."""
    content = code.content
    fields = {name: getattr(content, name) for name in Content.__struct_fields__}
    amount = content.amount.wire() if content.amount else ""
    return CodeReply(
        payload=encode(code), content=ContentBody(**{**fields, "amount": amount}),
        counting=code.counting, items=list(code.items), warnings=list(code.warnings),
    )


ROUTES = (
    Route(
        method="POST", path=DECODE_PATH, name="decode_payment_code",
        summary="Read a payment code (HKQR) and say what it asks for, or which rule it breaks.",
        steps=(reply_decoded,), call=DecodeCall, body=PayloadBody, replies={200: CodeReply},
        errors=QR_ERRORS, mode="none", body_bytes_max=BODY_BYTES_MAX,
    ),
    Route(
        method="POST", path=ENCODE_PATH, name="encode_payment_code",
        summary="Make a payment code (HKQR) from what it shall say.",
        steps=(reply_encoded,), call=EncodeCall, body=ContentBody, replies={200: CodeReply},
        errors=QR_ERRORS, mode="none", body_bytes_max=BODY_BYTES_MAX,
    ),
    Route(
        method="GET", path=IMAGE_PATH, name="draw_payment_code",
        summary="Draw a payment code as svg or png, with its quiet zone.",
        steps=(reply_picture,), query=("lang", "payload", "format", "scale"),
        replies={200: None}, reply_media_type="image/svg+xml", errors=QR_ERRORS, mode="none",
        clause="ISO/IEC 18004",
    ),
)  # fmt: skip

"""A message that was refused unread: admi.002.001.01.

Source: ISO 20022 admi.002.001.01 in our narrower usage.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    Node,
    instant_of,
    instant_text,
    optional_text,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import Header

MESSAGE_REJECT = "admi.002.001.01"


class MessageReject(msgspec.Struct, frozen=True, kw_only=True):
    """admi.002: your message was refused unread; `reason` is a stable code of ours."""

    related_reference: str
    reason: str
    rejected_at: datetime
    description: str
    location: str = ""


def check_reject(_header: Header, _body: Fields) -> Refused | None:
    """It says nothing that the header says too."""
    return None


def read_reject(body: Fields) -> MessageReject:
    """Read a valid admi.002."""
    return MessageReject(
        related_reference=text_of(body, "RltdRef/Ref"),
        reason=text_of(body, "Rsn/RjctgPtyRsn"),
        rejected_at=instant_of(text_of(body, "Rsn/RjctnDtTm")),
        description=text_of(body, "Rsn/RsnDesc"),
        location=optional_text(body, "Rsn/ErrLctn"),
    )


def write_reject(_header: Header, reject: MessageReject) -> Node:
    """Write an admi.002."""
    location: list[Node] = [("ErrLctn", reject.location)] if reject.location else []
    return MESSAGE_REJECT, [
        ("RltdRef", [("Ref", reject.related_reference)]),
        ("Rsn", [
            ("RjctgPtyRsn", reject.reason),
            ("RjctnDtTm", instant_text(reject.rejected_at)),
            *location,
            ("RsnDesc", reject.description),
        ]),
    ]

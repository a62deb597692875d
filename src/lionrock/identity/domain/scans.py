"""What a QR code or an app link of the sign-in page says, and when it is good.

The content names this server, one sign-in, the present step of time, and a tag that only this
server can make for that browser's sign-in. It is good for its own step and the next one, once.
A code that is shown on another site can still be a live one of ours (relay): so the phone shows the
service and its address, and asks for the number that is on the page the code belongs to. An app
link asks for no number; there the app must bring back the very browser that began.
Source: RFC 8252 s7 (links to apps); Smart-ID style device links (ideas only); RFC 9700 s4.7.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.errors import Refusal, Refused

STEP_S = 8
CONTENT_LENGTH_MAX = 400
TAG_CHARACTERS = 32
APP_SCHEME = "lionrock://sign-in"
WEB_PATH = "/identity/scan"
_REST = re.compile(r"/(qr|link)/(sin_[A-Za-z0-9]{1,60}\.[0-7])/([0-9]{1,12})/([0-9a-f]{32})")

Channel = Literal["qr", "link"]


class ScanRefusal(Refusal):
    """Why a scanned code leads nowhere."""

    FOREIGN = "identity.scan_foreign"
    UNKNOWN = "identity.scan_unknown"
    ROTATED = "identity.scan_rotated"
    USED = "identity.scan_used"
    LIMITED = "identity.scan_limited"
    RETURN = "identity.scan_return"


class ScanContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a code says. `step` counts STEP_S of the wire clock."""

    channel: Channel
    sign_in_id: str
    step: int
    tag: str

    def web(self, issuer: str) -> str:
        """The content as an https address: the QR code, and the universal link."""
        return f"{issuer}{WEB_PATH}{self._rest()}"

    def app(self) -> str:
        """The content as a link of the app's own scheme."""
        return f"{APP_SCHEME}{self._rest()}"

    def purpose(self) -> str:
        """What the tag is made over, beside the browser."""
        return f"scan/{self.channel}/{self.sign_in_id}/{self.step}"

    def _rest(self) -> str:
        return f"/{self.channel}/{self.sign_in_id}/{self.step}/{self.tag}"


def read_content(text: str, issuer: str) -> ScanContent | Refused:
    """Read a scanned text; FOREIGN when it is no code of this server, whoever showed it."""
    text = text.strip()
    for start in (f"{issuer}{WEB_PATH}/", f"{APP_SCHEME}/"):
        if text.startswith(start) and len(text) <= CONTENT_LENGTH_MAX:
            match = _REST.fullmatch(text[len(start) - 1 :])
            break
    else:
        return Refused(ScanRefusal.FOREIGN, field="content")
    if match is None:
        return Refused(ScanRefusal.UNKNOWN, field="content")
    channel: Channel = "qr" if match[1] == "qr" else "link"
    return ScanContent(
        channel=channel, sign_in_id=match[2], step=int(match[3]), tag=match[4]
    )  # fmt: skip


def step_at(now: datetime) -> int:
    """Return the step of a wire instant."""
    return int(now.timestamp()) // STEP_S


def check_step(content: ScanContent, now: datetime) -> Refused | None:
    """Refuse a code that the page shows no longer: ROTATED."""
    if step_at(now) - content.step in (0, 1):
        return None
    return Refused(ScanRefusal.ROTATED, field="content")

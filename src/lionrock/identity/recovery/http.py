"""The calls of a recovery. The secret travels in bodies only: addresses end up in logs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from lionrock.identity.recovery.domain import FACTORS_NEEDED, Channel, Factor, RecoveryAttempt
from lionrock.identity.recovery.errors import RECOVERY_ROUTE_ERRORS
from lionrock.identity.service.identity import Identity
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call, Route, reply
from lionrock.kernel.i18n import Text

IDENTIFIER_LENGTH_MAX = 254
_ROOT = "/identity/v1/recoveries"
_NO_MESSAGES = Text(
    "This city sends no messages: the ways are a code that its officers hand over in person, and a "
    "yes on another device of yours.",
    "本市不發送訊息：可用方法為由職員親身交付的代碼，以及在你另一部裝置上確認。",
    "本市不发送消息：可用方法为由职员当面交付的代码，以及在您另一部设备上确认。",
)
_SOURCE = "NIST SP 800-63B-4 s4.2"


class BeginBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who lost every device: phone number, e-mail address or handle."""

    identifier: str


class SecretBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret that began with the recovery."""

    secret: str


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of a message, or one handed over in person."""

    secret: str
    code: str


class RecoveryShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a recovery stands; `secret` once, at the beginning.

    `channels`: how this city sends codes, whoever is named; none, and `note` says what remains.
    """

    ready_at: datetime
    expires_at: datetime
    factors_needed: int
    proven: list[Factor]
    channels: list[Channel]
    secret: str = ""
    note: str = ""


class CompletedReply(msgspec.Struct, frozen=True):
    """The code that enrols the new device, once."""

    enrolment_code: str


async def save_begun(call: Call[Identity, BeginBody]) -> Response | Refused:
    """Begin; the answer is the same whoever is named."""
    identifier = call.body.identifier[:IDENTIFIER_LENGTH_MAX]
    source = call.request.client.host if call.request.client is not None else ""
    begun = await call.room.recovery.begin(call.db, identifier, call.lang, source=source)
    if isinstance(begun, Refused):
        return begun
    return reply(_shown(call, begun.recovery, begun.secret), status=201)


async def reply_attempt(call: Call[Identity, SecretBody]) -> Response | Refused:
    """Answer with how it stands."""
    found = await call.room.recovery.attempt(call.db, call.body.secret)
    return found if isinstance(found, Refused) else reply(_shown(call, found))


async def save_code(call: Call[Identity, CodeBody]) -> Response | Refused:
    """Prove a way with a code; a wrong one costs a try."""
    proven = await call.room.recovery.prove_by_code(
        call.db, call.body.secret, call.body.code, call.lang
    )
    return proven if isinstance(proven, Refused) else reply(_shown(call, proven))


async def save_completed(call: Call[Identity, SecretBody]) -> Response | Refused:
    """Start again with nothing but a new enrolment code."""
    code = await call.room.recovery.complete(call.db, call.body.secret)
    return code if isinstance(code, Refused) else reply(CompletedReply(code), status=201)


def _shown(
    call: Call[Identity, Any], recovery: RecoveryAttempt, secret: str = ""
) -> RecoveryShown:
    channels = call.room.recovery.messages.channels()
    return RecoveryShown(
        ready_at=recovery.ready_at, expires_at=recovery.expires_at,
        factors_needed=FACTORS_NEEDED, proven=sorted(recovery.proven), secret=secret,
        channels=channels, note="" if channels else _NO_MESSAGES.in_language(call.lang),
    )  # fmt: skip


def _row(path: str, name: str, summary: str, step: Any, body: type, status: int) -> Route:
    shown = CompletedReply if path == "/completion" else RecoveryShown
    return Route(
        method="POST", path=f"{_ROOT}{path}", name=name, summary=summary, steps=(step,), body=body,
        replies={status: shown}, errors=RECOVERY_ROUTE_ERRORS, clause=_SOURCE, is_even=True,
    )  # fmt: skip


ROUTES = (
    _row("", "begin_recovery", "Begin to recover from lost devices", save_begun, BeginBody, 201),
    _row("/status", "recovery_status", "How a recovery stands", reply_attempt, SecretBody, 200),
    _row("/codes", "prove_recovery", "Prove a way with a code", save_code, CodeBody, 200),
    _row(
        "/completion", "complete_recovery", "Take the old devices out of use, get a new code",
        save_completed, SecretBody, 201,
    ),
)  # fmt: skip

"""Refresh tokens: one family per sign-in, rotated at each use, with a grace for lost answers.

A token is `handle.generation.mac`: the handle is 256 random bits, the mac derived from handle and
generation under a key of the key store. Only the handle's hash and the newest generation are kept.
So a replaced token is told from an invented one, a repeated request gets the same successor, and a
family stays one row however often it is rotated. A stolen table or key store alone yields no token.

The predecessor of the newest token stays usable until the newest is first used: an answer may get
lost on its way. Whoever shows an older one shows a token that was copied: the grant falls.
Source: RFC 6749 s6, RFC 9700 s4.14.2, RFC 9449 s5; docs/decisions/0015-refresh-rotation.md.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from lionrock.identity.domain.grant_refusals import GrantRefusal
from lionrock.kernel.errors import Refused

REFRESH_TOKEN_LENGTH_MAX = 120
_SHAPE = re.compile(r"([A-Za-z0-9_-]{43})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})")


class RefreshParts(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token as shown, taken apart; nothing is checked yet."""

    handle: str
    generation: int
    mac: str


class RefreshFamily(msgspec.Struct, frozen=True, kw_only=True):
    """What one sign-in's refresh tokens stand for; `jkt` is the key of the first token."""

    handle_hash: bytes
    grant_id: str
    client_id: str
    jkt: str
    generation: int
    started_at: datetime
    idle_expires_at: datetime
    expires_at: datetime


def read_refresh_token(text: str) -> RefreshParts | None:
    """Take a refresh token apart; None when it has not the shape of one."""
    if len(text) > REFRESH_TOKEN_LENGTH_MAX:
        return None
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    return RefreshParts(handle=match[1], generation=int(match[2]), mac=match[3])


def next_generation(family: RefreshFamily, shown: int, now: datetime) -> int | Refused:
    """Return the generation to give for an authentic token of generation `shown`.

    The newest gives its successor; its predecessor gives the newest again. REFRESH_REUSED (keep:
    the grant falls), REFRESH_EXPIRED.
    """
    assert shown >= 1, "its shape said so"
    if shown < family.generation - 1:
        return Refused(GrantRefusal.REFRESH_REUSED, keep=True)
    if now >= family.idle_expires_at or now >= family.expires_at:
        return Refused(GrantRefusal.REFRESH_EXPIRED)
    if shown > family.generation:
        return Refused(GrantRefusal.REFRESH_UNKNOWN)
    return family.generation if shown < family.generation else family.generation + 1

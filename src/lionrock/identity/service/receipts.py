"""What identity tells the evidence log: what was decided, by digests, never about whom."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import msgspec

from lionrock.identity.domain.words import canonical_json
from lionrock.kernel.db import Connection

PLATFORM_ORGANISATION = "lionrock-platform"


class ReceiptRecorder(Protocol):
    """The part of evidence.api that identity uses; app/ hands the real one in."""

    async def record(
        self,
        db: Connection,
        kind: str,
        issuer: str,
        references: dict[str, str],
        digests: dict[str, str],
        about: str = "",
    ) -> str:
        """Record a receipt in the caller's transaction; returns its id."""
        ...


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a struct's canonical JSON."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(value))).hexdigest()


def digest_of_text(text: str) -> str:
    """SHA-256 (hex) of a text, such as a JWS."""
    return hashlib.sha256(text.encode()).hexdigest()

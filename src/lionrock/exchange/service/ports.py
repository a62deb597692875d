"""What the exchange asks of evidence, as a port: record a receipt in the caller's transaction."""

from __future__ import annotations

from typing import Protocol

from lionrock.kernel.db import Connection


class ReceiptRecorder(Protocol):
    """The part of evidence.api that the exchange uses; app/ hands the real one in."""

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

"""What identity tells the evidence log: what was decided, by digests, never about whom."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from lionrock.identity.domain.approvals import Approval, GivenAnswer, State
from lionrock.identity.domain.words import canonical_json
from lionrock.kernel.db import Connection
from lionrock.kernel.notes import Row

PLATFORM_ORGANISATION = "lionrock-platform"
DECIDED_TOPIC = "identity.approval_decided"


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

    def rows(
        self,
        kind: str,
        issuer: str,
        references: dict[str, str],
        digests: dict[str, str],
        about: str = "",
    ) -> Sequence[Row]:
        """Return the rows of such a receipt, for kernel.late.claim."""
        ...


def decision_rows(
    evidence: ReceiptRecorder, approval: Approval, state: State, answers: Sequence[GivenAnswer]
) -> Sequence[Row]:
    """Return the rows of the receipt of an approval's decision; none while it is pending."""
    if state == "pending":
        return ()
    given = {f"answer_{n}": digest_of_text(a.proof.text) for n, a in enumerate(answers, start=1)}
    return evidence.rows(
        kind=DECIDED_TOPIC,
        issuer=PLATFORM_ORGANISATION,
        references={"approval_id": approval.id, "reference": approval.reference},
        digests={"words": approval.words_hash} | given,
        about=f"{approval.kind}: {state}",
    )


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a struct's canonical JSON."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(value))).hexdigest()


def digest_of_text(text: str) -> str:
    """SHA-256 (hex) of a text, such as a JWS."""
    return hashlib.sha256(text.encode()).hexdigest()

"""What a verification finds: of each signature, and of the right to bind a company.

Two questions, answered apart. *Validity* is cryptography: integrity, chain to the city's CA, time,
revocation. *Entitlement* is history: which approval released the signature, who gave it, and which
mandate they held at that business instant, read from the mandates' own rows. So a mandate revoked
later changes nothing, and one revoked before is missing.

Source: ETSI EN 319 102-1 s5 (validation), ETSI EN 319 142-1 s6 (levels).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.identity.domain.mandates import Mandate
from lionrock.kernel.errors import Refusal

DOCUMENT_BYTES_MAX = 5 * 1024 * 1024
Format = Literal["pdf", "xml"]


class VerificationRefusal(Refusal):
    """Why something sent for verification was not even checked."""

    NOT_SENT = "identity.verification_not_sent"
    NOT_A_DOCUMENT = "identity.verification_not_a_document"
    ENCRYPTED = "identity.verification_encrypted"
    MALFORMED = "identity.verification_malformed"
    TOO_COSTLY = "identity.verification_too_costly"
    BUSY = "identity.verification_busy"
    COMPANY = "identity.verification_company"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What checking one signature gave, before anything was asked of the database.

    `signed_hash` is the SHA-256 of the signed attributes; `approval_id` and `document_sha256` are
    what the signature states ("" when it states nothing); `problems` are stable words.
    """

    name: str
    signer: str
    organisation: str
    subject_id: str
    certificate_serial: str
    signed_at: datetime | None
    timestamped_at: datetime | None
    level: str
    is_intact: bool
    is_trusted: bool
    is_revoked: bool
    is_closed: bool
    signed_hash: str
    approval_id: str = ""
    document_sha256: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether nothing was found against it."""
        return not self.problems and self.is_intact and self.is_trusted and self.is_closed


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker process answers: findings, or why there are none."""

    refusal: str = ""
    format: Format = "pdf"
    findings: tuple[Finding, ...] = ()


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The row that says which approval released a signature, and when (business time)."""

    approval_id: str
    kind: str
    subject_id: str
    released_at: datetime | None


class Limit(msgspec.Struct, frozen=True):
    """An amount limit as it is shown."""

    amount: str
    currency: str


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the signer could bind the company then. `reason` is a stable word.

    entitled; no_release (no approval of ours released this signature); or the refusal of the
    mandate rule: identity.mandate_missing, _scope, _amount, joint_mandate.
    """

    company: dict[str, str]
    business_number: str
    is_entitled: bool
    reason: str
    as_of: datetime | None = None
    role: str = ""
    amount_max: Limit | None = None
    signatures_needed: int = 0
    approved_by: int = 0


class SignatureVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One signature as the answer shows it."""

    name: str
    kind: str
    signer: str
    organisation: str
    certificate_serial: str
    is_valid: bool
    is_intact: bool
    is_trusted: bool
    is_revoked: bool
    level: str
    signed_at: datetime | None
    timestamped_at: datetime | None
    problems: tuple[str, ...]
    approval_id: str
    revoked_at: datetime | None = None
    entitlement: Entitlement | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `is_valid`: there is a signature, and each of them is valid."""

    sha256: str
    format: Format
    is_valid: bool
    is_simulated: bool
    checked_at: datetime
    signatures: tuple[SignatureVerdict, ...]


def judge(held: Sequence[Mandate], approved_by: int) -> tuple[Mandate | None, str]:
    """Say which of the approvers' mandates bound the company, given how many approved together.

    `held` are mandates that each covered the deed at that instant. A joint mandate binds only when
    as many approved as it needs; otherwise the reason is "joint_mandate".
    """
    if not held:
        return None, "identity.mandate_missing"
    best = min(held, key=lambda m: (m.signatures_needed, m.granted_at, m.id))
    if best.signatures_needed > approved_by:
        return best, "joint_mandate"
    return best, "entitled"

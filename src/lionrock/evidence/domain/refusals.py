"""What the evidence pillar refuses: one closed enum; http.py has a row for each member."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class EvidenceRefusal(Refusal):
    """Why a receipt, a proof or an export was refused."""

    RECEIPT_TOO_LARGE = "evidence.receipt_too_large"
    RECEIPT_MALFORMED = "evidence.receipt_malformed"
    RECEIPT_SIGNATURE = "evidence.receipt_signature"
    RECEIPT_FIELD = "evidence.receipt_field"
    RECEIPT_ISSUER = "evidence.receipt_issuer"
    RECEIPT_KEY_UNKNOWN = "evidence.receipt_key_unknown"
    RECEIPT_FUTURE = "evidence.receipt_future"
    RECEIPT_CONFLICT = "evidence.receipt_conflict"
    RECEIPT_NOT_FOUND = "evidence.receipt_not_found"
    NOTHING_LOGGED = "evidence.nothing_logged"
    TILE_NOT_FOUND = "evidence.tile_not_found"
    NOT_INTEGRATED = "evidence.not_integrated"
    NO_RECEIPTS = "evidence.no_receipts"
    ARTEFACT_NOT_COVERED = "evidence.artefact_not_covered"
    ARTEFACT_FIELD = "evidence.artefact_field"
    BUNDLE_TOO_LARGE = "evidence.bundle_too_large"

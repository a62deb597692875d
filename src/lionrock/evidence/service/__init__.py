"""Use cases of evidence: recording and accepting receipts, growing the log, proving, exporting."""

from lionrock.evidence.service.evidence import Evidence
from lionrock.evidence.service.log import LogDamaged, LogIdentityChanged

__all__ = ["Evidence", "LogDamaged", "LogIdentityChanged"]

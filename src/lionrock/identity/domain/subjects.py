"""Pairwise subjects: each sector sees its own name for a holder, and no two can compare.

HMAC-SHA-256 under the city's own key: the same holder has the same name for a sector for ever,
without a table, and nobody without the key can compute or reverse it. Source: OIDC Core s8.1.
"""

from __future__ import annotations

import base64
import hmac
from typing import Literal


def pairwise_subject(
    key: bytes, *, sector: str, kind: Literal["person", "company"], holder_id: str
) -> str:
    """Return the subject of a person or company towards a sector, 43 characters of base64url."""
    assert len(key) >= 32, "the key of pairwise subjects has 256 bits"
    assert "\n" not in sector and "\n" not in holder_id, "fields cannot run into each other"
    message = f"{kind}\n{sector}\n{holder_id}".encode()
    digest = hmac.digest(key, message, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

"""A sign-in that the phone was not told of; see service/quiet.py for why."""

from __future__ import annotations

from datetime import datetime

import msgspec

from lionrock.identity.domain.approvals import ApprovalRequest
from lionrock.kernel.i18n import Text


class QuietSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that the phone was not told of."""

    sign_in_id: str
    service: Text
    started_at: datetime
    ask: ApprovalRequest

"""Refusals after which the transaction is kept: what was remembered against replay must stay."""

from __future__ import annotations

import msgspec

from lionrock.kernel.errors import Refused


def kept(refused: Refused) -> Refused:
    """Return the refusal with `keep` set: the jti seen before it is never good again."""
    return msgspec.structs.replace(refused, keep=True)

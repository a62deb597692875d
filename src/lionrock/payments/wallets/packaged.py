"""The published limits of wallets, with source and date."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from lionrock.payments.wallets.domain import Limits


@cache
def wallet_limits() -> Limits:
    """Return limits.json; a damaged file is a bug (msgspec.ValidationError)."""
    return msgspec.json.decode(Path(__file__).with_name("limits.json").read_bytes(), type=Limits)

"""The packaged hours of the simulated central institution, with their origin and date."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from lionrock.payments.settlement.domain import Hours


@cache
def central_hours() -> Hours:
    """Return hours.json; a damaged file is a bug (msgspec.ValidationError)."""
    return msgspec.json.decode(Path(__file__).with_name("hours.json").read_bytes(), type=Hours)

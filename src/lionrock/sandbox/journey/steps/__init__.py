"""The steps of the journey in order."""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.sandbox.journey.runner import Step
from lionrock.sandbox.journey.state import Journey
from lionrock.sandbox.journey.steps import access, closing, data, deciding, paying

__all__ = ["all_steps"]


def all_steps(journey: Journey) -> Sequence[Step]:
    """All steps, bound to one run."""
    return (
        *access.steps(journey),
        *data.steps(journey),
        *deciding.steps(journey),
        *paying.steps(journey),
        *closing.steps(journey),
    )

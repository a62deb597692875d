"""What the hooks themselves refuse; what the platform refuses keeps the platform's own code."""

from __future__ import annotations

from lionrock.identity.api import ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class HookRefusal(Refusal):
    """Every expected outcome of the hooks that is not success."""

    PERSONA_UNKNOWN = "sandbox.persona_unknown"
    APPROVAL_UNKNOWN = "sandbox.approval_unknown"
    APPROVAL_DECIDED = "sandbox.approval_decided"
    PHONE_REFUSED = "sandbox.phone_refused"


HOOK_ERRORS: ErrorTable = {
    HookRefusal.PERSONA_UNKNOWN: ErrorRow(
        404, "The sandbox has no such persona. The detail names those there are."
    ),
    HookRefusal.APPROVAL_UNKNOWN: ErrorRow(
        404, "This persona was not asked that. List what they were asked."
    ),
    HookRefusal.APPROVAL_DECIDED: ErrorRow(
        409, "It is not open any more: answered, decided or out of time."
    ),
    HookRefusal.PHONE_REFUSED: ErrorRow(
        502, "The simulated phone could not answer. The detail says why."
    ),
}
PHONE_ERRORS: ErrorTable = {**ERRORS, **HOOK_ERRORS}

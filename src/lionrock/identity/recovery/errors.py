"""How each refusal of a recovery looks on the wire; none tells whether a person exists."""

from __future__ import annotations

from lionrock.identity.errors import ERRORS
from lionrock.identity.recovery.domain import RecoveryRefusal
from lionrock.kernel.errors import ErrorRow, ErrorTable

_SOURCE = "NIST SP 800-63B-4 s4.2"

RECOVERY_ERRORS: ErrorTable = {
    RecoveryRefusal.UNKNOWN: ErrorRow(404, "There is no such recovery. Begin again.", _SOURCE),
    RecoveryRefusal.CODE: ErrorRow(
        403, "The code is not good for this recovery. Look at it again; tries are few.", _SOURCE
    ),
    RecoveryRefusal.INCOMPLETE: ErrorRow(
        409, "The recovery cannot be completed yet: wait, and prove two different ways.", _SOURCE
    ),
    RecoveryRefusal.LIMITED: ErrorRow(
        429, "Too many recoveries were begun from this address. Begin again in an hour.", _SOURCE
    ),
    RecoveryRefusal.CHECKER: ErrorRow(
        403, "Another operator than the one who made the request must check it.", _SOURCE
    ),
}
RECOVERY_ROUTE_ERRORS: ErrorTable = {**ERRORS, **RECOVERY_ERRORS}

"""What intake refuses, and how each refusal reads on the wire."""

from __future__ import annotations

from lionrock.exchange.api import EXCHANGE_ERRORS
from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class IntakeRefusal(Refusal):
    """Expected outcomes that are not success."""

    BANK_UNKNOWN = "programmes.intake_bank_unknown"
    NOTHING_ACTIVE = "programmes.intake_nothing_active"
    PROVIDER_SILENT = "programmes.intake_provider_silent"


INTAKE_ERRORS: ErrorTable = {
    **EXCHANGE_ERRORS,
    IntakeRefusal.BANK_UNKNOWN: ErrorRow(
        422, "No such bank offers account data. The offers are at /exchange/v1/products."
    ),
    IntakeRefusal.NOTHING_ACTIVE: ErrorRow(
        409, "No consent to the programme office is active. Ask for one, then approve it by phone."
    ),
    IntakeRefusal.PROVIDER_SILENT: ErrorRow(
        503, "A data provider does not answer. The consents stand; try again shortly."
    ),
}

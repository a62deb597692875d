"""What a simulated bank's direct-debit desk keeps and takes: files, bodies, magic amounts.

Not for: what it does with them (bank_debits.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec
from starlette.responses import JSONResponse, Response

from lionrock.kernel.money import Money
from lionrock.payments.api import MandateTerms, PartyAccount

MANDATES = "payments-mandates"
DEBIT = "pacs.003.001.08"
MAGIC: dict[int, tuple[str, str]] = {
    9_20: ("refuse", "as MaxAmt: the customer refuses the authorisation, pain.012 MS02"),
    9_21: ("wait", "as MaxAmt: the customer waits; answer at /operator/mandates/{id}/answers"),
    9_22: ("deceased", "as a collection: refused with MD07, the customer has died"),
    9_23: ("unknown", "as a collection: refused with MD01, the bank knows no authorisation"),
}
REASON_OF_COLLECTION = {"deceased": "MD07", "unknown": "MD01"}
REASON_OF_STATUS = {"closed": "AC04", "blocked": "AC06"}

MandateStatus = Literal["asked", "active", "suspended", "refused", "cancelled"]


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """An authorisation in the bank's files: one's own customer is the creditor or the debtor."""

    id: str
    role: Literal["creditor", "debtor"]
    status: MandateStatus
    request_id: str
    message_id: str
    definition: str
    terms: MandateTerms
    creditor: PartyAccount
    debtor: PartyAccount
    proposed: MandateTerms | None = None


class MandateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An authorisation to ask for; amounts are decimal strings."""

    account: str
    debtor_clearing_code: str
    debtor_account: str
    debtor_name: str
    request_id: str
    currency: str
    max_amount: str
    period_max_amount: str = ""
    period: Literal["DAIL", "WEEK", "MNTH", "QURT", "YEAR"] = "MNTH"
    collections_per_period: int = 1
    occurrence: Literal["RCUR", "OOFF"] = "RCUR"
    first_date: date | None = None
    final_date: date | None = None


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer says."""

    accepted: bool


class AmendmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """SUSPEND, RESUME, or AMEND with another limit."""

    reason: Literal["AMEND", "SUSPEND", "RESUME"]
    max_amount: str = ""
    final_date: date | None = None


class CollectionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection under an authorisation."""

    mandate_id: str
    amount: str
    currency: str
    end_to_end_id: str
    sequence: Literal["FRST", "RCUR", "FNAL", "OOFF"] = "FRST"
    remittance: str = ""


def terms_of(wanted: MandateBody, today: date) -> MandateTerms:
    """The terms that a body asks for; ValueError for an amount that is none."""
    period_max = wanted.period_max_amount
    return MandateTerms(
        occurrence=wanted.occurrence, period=wanted.period,
        collections_per_period=wanted.collections_per_period,
        first_date=wanted.first_date or today, final_date=wanted.final_date,
        max_amount=Money.parse(wanted.max_amount, wanted.currency),
        period_max_amount=Money.parse(period_max, wanted.currency) if period_max else None,
    )


def shown(mandate: Mandate) -> dict[str, Any]:
    """A mandate as the bank shows it."""
    return {
        "simulated": True, "id": mandate.id, "role": mandate.role, "status": mandate.status,
        "request_id": mandate.request_id, "creditor": mandate.creditor.name,
        "debtor": mandate.debtor.name, "currency": mandate.terms.max_amount.currency,
        "max_amount": mandate.terms.max_amount.wire(), "is_waiting": mandate.proposed is not None,
    }


def problem(code: str, status: int, detail: str = "") -> Response:
    """An answer of the simulated bank that says no."""
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

"""The sandbox's department that asks for fees: its account at a bank, its account for refunds.

Run at every start; again changes nothing. Not for: making the department (settle.py enrols it).
"""

from __future__ import annotations

import hashlib
from typing import Any

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import Payments

DEPARTMENT = "licensing-office"
BANK = "bank-harbour"
ACCOUNT = "901-777001"
PROXY = "fees@licensing-office.example"
REFUNDS = Money(50_000_00, "HKD")


def account_body() -> dict[str, Any]:
    """The department's account as its bank opens it."""
    return {
        "name": "Licensing Office", "opening": {"HKD": "0.00"}, "proxies": [["email", PROXY]],
    }


async def open_refunds(payments: Payments) -> Money | Refused:
    """Open the department's account for refunds and fund it once; refusals of Refunds."""
    refunds = payments.links.refunds
    opened = await refunds.open_account(DEPARTMENT, REFUNDS.currency)
    if isinstance(opened, Refused):
        return opened
    # The same name every time: the ledger knows the transfer, and it is made once.
    digest = hashlib.sha256(f"sandbox refunds of {DEPARTMENT}".encode()).hexdigest()
    return await refunds.fund(f"fnd_{digest[:32]}", DEPARTMENT, REFUNDS)

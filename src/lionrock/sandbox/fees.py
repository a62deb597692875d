"""The sandbox's department that asks for fees: its account at a bank, refunds, its officers.

Run at every start; again changes nothing. Not for: making the department (settle.py enrols it).
"""

from __future__ import annotations

import hashlib
from typing import Any

from lionrock.identity.api import Identity
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import Payments

DEPARTMENT = "licensing-office"
BANK = "bank-harbour"
ACCOUNT = "901-777001"
PROXY = "fees@licensing-office.example"
REFUNDS = Money(50_000_00, "HKD")
# Who decides its refunds, and which two operators appointed them; all by their handles.
OFFICERS = ("emily", "grace")
OPERATORS = ("iris", "jason")


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


async def appoint_officers(payments: Payments, identity: Identity, db: Connection) -> None:
    """Have two operators appoint the department's officers, each under their handle."""
    desk = payments.links.officers
    asking, agreeing = [await _id_of(identity, db, handle) for handle in OPERATORS]
    standing = await desk.standing(db, asking)
    assert not isinstance(standing, Refused), standing
    there = {each.name for each in standing if each.organisation_id == DEPARTMENT}
    for handle in OFFICERS:
        if handle in there:
            continue
        person_id = await _id_of(identity, db, handle)
        entered = await desk.enter(db, asking, DEPARTMENT, handle, person_id)
        assert not isinstance(entered, Refused), entered
        agreed = await desk.agree(db, agreeing, entered.id)
        assert not isinstance(agreed, Refused), agreed


async def _id_of(identity: Identity, db: Connection, handle: str) -> str:
    person = await identity.parties.find_person(db, handle)
    assert person is not None, "the cast is settled before"
    return person.id

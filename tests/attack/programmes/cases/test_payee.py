"""An applicant names somebody else's proxy: public money goes to the company that was awarded it.

A look-up shows whose account a proxy stands for (payments/README.md).
"""

from __future__ import annotations

from lionrock.kernel.errors import Refused
from lionrock.programmes.cases import CaseRefusal
from lionrock.programmes.cases.domain.values import Payout
from tests.unit.payments.city import LANTAU, TEA_ACCOUNT, TEA_EMAIL
from tests.unit.programmes.cases.office import Office


async def test_award_is_not_paid_into_another_partys_account(office: Office) -> None:
    city = office.payments_city
    before = await city.statement(LANTAU, TEA_ACCOUNT)
    proxy = {"payout_proxy_kind": "email", "payout_proxy": TEA_EMAIL}
    case = await office.agreed(proposal=proxy)
    payout = await office.claim(case.id, 1, 54_000_00)
    assert isinstance(payout, Payout)
    released = await office.release(case.id, payout.id)
    assert isinstance(released, Refused), released
    assert released.refusal is CaseRefusal.PAYOUT_NOT_TAKEN
    assert released.detail.startswith("payments.creditor_name_differs")
    assert "Tea" not in released.detail, "nobody learns a name by trying"
    await office.settle()
    assert await city.statement(LANTAU, TEA_ACCOUNT) == before

"""An officer beyond the mandate: asked when an approval is requested and again when answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from lionrock.identity.api import Mandate
from lionrock.identity.domain.mandates import MandateDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from tests.attack.identity.handset import answer, code_of
from tests.http.identity.city import City


async def _grant(city: City, persona: str, **changes: Any) -> str:
    given: dict[str, Any] = {
        "person_id": city.people[persona].id, "company_id": city.company.id,
        "role": "representative", "scopes": frozenset({"documents.seal"}),
        "valid_from": city.kernel.business_clock.now(),
    }  # fmt: skip
    draft = MandateDraft(**(given | changes))
    mandate = await city.kernel.database.run(
        lambda db: city.identity.grant_mandate(db, draft, "operator")
    )
    assert not isinstance(mandate, Refused), mandate
    return mandate.id


@pytest.mark.parametrize(
    ("mandate", "asked", "code"),
    [
        (None, {}, "identity.mandate_missing"),
        ({"scopes": frozenset({"payments"})}, {}, "identity.mandate_scope"),
        ({"amount_max": Money(100, "HKD")}, {"amount": Money(101, "HKD")},
         "identity.mandate_amount"),
        ({"amount_max": Money(100, "HKD")}, {"amount": Money(1, "CNY")},
         "identity.mandate_amount"),
        ({"signatures_needed": 2}, {}, "identity.approval_quorum"),
    ],
)  # fmt: skip
async def test_company_approval_beyond_the_mandate_is_refused(
    city: City, mandate: dict[str, Any] | None, asked: dict[str, Any], code: str
) -> None:
    if mandate is not None:
        await _grant(city, "ben", **mandate)
    refused = await city.ask(
        "ben", company_id=city.company.id, scope="documents.seal", **asked
    )
    assert isinstance(refused, Refused)
    assert refused.refusal.value == code


async def test_mandate_revoked_between_asking_and_answering_stops_the_answer(
    city: City,
) -> None:
    mandate_id = await _grant(city, "ben")
    approval = await city.asked("ben", company_id=city.company.id, scope="documents.seal")
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, mandate_id, city.company.id, "operator")
    )
    assert (await city.approval(approval.id)).state == "rejected", "nobody is left to say yes"
    assert code_of(await answer(city, approval, persona="ben")) == "identity.approval_decided"


async def test_joint_mandates_need_both_officers(city: City) -> None:
    await _grant(city, "ben", signatures_needed=2)
    await _grant(city, "carmen", signatures_needed=2)
    approval = await city.asked(
        "ben", "carmen", quorum=2, company_id=city.company.id, scope="documents.seal"
    )
    await answer(city, approval, persona="ben")
    assert (await city.approval(approval.id)).state == "pending"
    await answer(city, approval, persona="carmen")
    assert (await city.approval(approval.id)).state == "approved"


async def _find(city: City, at: datetime, db: Connection) -> Mandate | Refused:
    ben = city.people["ben"].id
    return await city.identity.mandate(db, ben, city.company.id, "documents.seal", at)


async def test_was_entitled_at_that_time_is_answered_from_history(city: City) -> None:
    start = city.kernel.business_clock.now()
    mandate_id = await _grant(city, "ben", valid_to=start + timedelta(days=30))
    city.business_clock.advance(days=10)
    run, identity = city.kernel.database.run, city.identity
    await run(lambda db: identity.revoke_mandate(db, mandate_id, city.company.id, "operator"))
    found = {}
    for day in (-1, 0, 9, 10, 31):
        at = start + timedelta(days=day)
        answer = await run(partial(_find, city, at))
        found[day] = not isinstance(answer, Refused)
    assert found == {-1: False, 0: True, 9: True, 10: False, 31: False}
    kinds = [await city.receipts(f"identity.mandate_{kind}") for kind in ("granted", "revoked")]
    assert [len(receipts) for receipts in kinds] == [2, 1]
    assert {e["topic"] for e in await city.events()} == {"identity.mandate_revoked"}

"""From a yes to what it gives: called where a decision becomes the basis of tokens."""

from __future__ import annotations

from datetime import datetime, timedelta

from lionrock.identity.domain.details import FORM_FILLING, Detail
from lionrock.identity.forms import store
from lionrock.identity.forms.domain import FETCH_LIFE_S
from lionrock.identity.store import approvals as approvals_store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection


async def grant_details(
    db: Connection,
    kernel: Kernel,
    asked: tuple[Detail, ...],
    *,
    grant_id: str,
    client_id: str,
    approval_id: str,
    now: datetime,
) -> tuple[Detail, ...]:
    """Return the details that an approval gives, perhaps narrowed by its person.

    A form among them is noted: its client may fetch it once, within FETCH_LIFE_S.
    """
    if not asked:
        return ()
    approval = await approvals_store.approval(db, approval_id)
    assert approval is not None, "what was approved is on record"
    for detail in approval.granted:
        if detail["type"] != FORM_FILLING:
            continue
        await store.insert_form_grant(
            db,
            store.FormGrant(
                id=kernel.ids.new("fgr"), grant_id=grant_id, client_id=client_id,
                person_id=approval.person_ids[0], approval_id=approval_id, detail=detail,
                granted_at=now, expires_at=now + timedelta(seconds=FETCH_LIFE_S),
            ),
        )  # fmt: skip
    return approval.granted

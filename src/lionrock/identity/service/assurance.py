"""How the person behind a grant was authenticated: kept once, told in tokens, asked by resources.

Kept beside the grant, so that whatever is issued on it (code, refresh, CIBA) says the same.
A resource that needs more answers as RFC 9470 s3 says, and the service signs its user in again with
`acr_values` and `max_age`. Source: OIDC Core s2 (acr, amr, auth_time), RFC 9470.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from lionrock.identity.domain.approvals import Approval
from lionrock.identity.domain.assurance import (
    ACR_DEVICE,
    ACR_VALUES,
    Authentication,
    is_fresh,
    meets_acr,
)
from lionrock.identity.domain.grants import Principal
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.errors import ERRORS
from lionrock.identity.store import approvals as approvals_store
from lionrock.identity.store import assurance as store
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import Call
from lionrock.kernel.http.replies import problem_reply
from lionrock.kernel.http.table import Step

# A code is redeemed within a minute, and what it brings lives a quarter of an hour; a grant on
# record keeps the word longer (Grants.keep).
PLAIN_KEPT = timedelta(hours=1)


async def approval_acr(db: Connection, approval_id: str) -> str | None:
    """Return the level that an approval reached: of several answers the lowest yes.

    None when no yes stands any more: what a phone allowed that was taken out of use since (lost,
    recovered from), or a person suspended since, brings nobody a code or a token.
    """
    return lowest_acr(await approvals_store.standing_acrs(db, approval_id))


def lowest_acr(standing: Iterable[str]) -> str | None:
    """Return the lowest of the levels of what stands; None when nothing does."""
    reached = [ACR_VALUES.index(acr) for acr in standing]
    return ACR_VALUES[min(reached)] if reached else None


async def stands(db: Connection, approval: Approval) -> bool:
    """Say whether as many a yes as an approval needs still stand (see `approval_acr`)."""
    return len(await approvals_store.standing_acrs(db, approval.id)) >= approval.quorum


async def record_authentication(
    db: Connection, grant_id: str, acr: str, at: datetime
) -> None:
    """Keep how a grant's person was authenticated: at a level, at a wire instant.

    A grant that a new sign-in merges or replaces is told anew, also when the level is lower: what
    tokens say of `acr` and `auth_time` is always of one and the same sign-in.
    """
    await store.insert_authentication(
        db, grant_id, Authentication(acr=acr, authenticated_at=at), at + PLAIN_KEPT
    )


async def grant_authentication(db: Connection, grant_id: str, at: datetime) -> Authentication:
    """Return how a grant's person was authenticated; not on record: the lowest level, at `at`."""
    return await store.authentication(db, grant_id) or plain_authentication(at)


def plain_authentication(at: datetime) -> Authentication:
    """Return what is said of a person whose authentication is not on record: the lowest level."""
    return Authentication(acr=ACR_DEVICE, authenticated_at=at)


def step_up(acr: str, max_age_s: int | None = None) -> Step:
    """Return a Step, to stand after `check_access_token`, that asks for a level and a freshness.

    Its refusal is 401 insufficient_user_authentication with what to ask for (RFC 9470 s3).
    """
    assert acr in ACR_VALUES, "ask for a level that exists"

    async def check_step_up(call: Any) -> Response | None:
        principal: Principal = call.principal
        now = call.kernel.wire_clock.now()

        async def read(db: Connection) -> Authentication | None:
            return await store.authentication(db, principal.grant_id)

        in_transaction = call.route.mode == "transaction"
        how = await (read(call.db) if in_transaction else call.kernel.database.run(read))
        is_enough = (
            how is not None
            and meets_acr(how.acr, (acr,))
            and is_fresh(how.authenticated_at, max_age_s, now)
        )
        return None if is_enough else _ask_for(call, acr, max_age_s)

    return check_step_up


def _ask_for(call: Call[Any, Any], acr: str, max_age_s: int | None) -> Response:
    refused = Refused(IdentityRefusal.STEP_UP)
    row = ERRORS[refused.refusal]
    response = problem_reply(row, refused, "check_step_up", call.request_id)
    age = "" if max_age_s is None else f', max_age="{max_age_s}"'
    response.headers["www-authenticate"] = f'DPoP error="{row.oauth}", acr_values="{acr}"{age}'
    return response

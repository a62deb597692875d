"""What of identity expires, and how each of its tables is kept from growing.

A short life and many of them: a ring (kernel.ring). A longer life, or others refer to the row:
deleted a bounded number a time (kernel.expiring). What is in neither list is kept for ever, because
it is the evidence of who was entitled to what: `lionrock bench expiry-1m` names each such table
with its reason, and fails on a table that nobody has decided about.
"""

from __future__ import annotations

from lionrock.identity.recovery import store as recovery_store
from lionrock.identity.service.grants import KEPT_AFTER
from lionrock.identity.store import (
    ciba,
    registration,
    request_objects,
    requests,
    sessions,
    tokens,
)
from lionrock.kernel import expiring, ring
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.expiring import Expiring

RINGS = (
    *requests.RINGS, *registration.RINGS, *request_objects.RINGS, *tokens.RINGS, *ciba.RINGS,
    *sessions.RINGS, *recovery_store.RINGS,
)  # fmt: skip
_GRANT_KEPT_S = int(KEPT_AFTER.total_seconds())
# Begun recoveries are counted for a day.
_RECOVERY_KEPT_S = 24 * 3600
# An authorization to sign can be collected for minutes; whoever asks later is told that it expired.
_AUTHORIZATION_KEPT_S = 24 * 3600


def expiring_tables(settings: Settings) -> tuple[Expiring, ...]:
    """Return the tables of this pillar whose expired rows are deleted."""
    return (
        # Its refresh families go with a grant.
        Expiring(table="identity.grants", kept_s=_GRANT_KEPT_S),
        Expiring(table="identity.authentications", ends="forget_at"),
        Expiring(table="identity.passkey_challenges"),
        Expiring(table="identity.passkey_sessions"),
        Expiring(table="identity.quiet_sign_ins"),
        Expiring(table="identity.form_grants", kept_s=_GRANT_KEPT_S),
        Expiring(table="identity.form_fillings", kept_s=_GRANT_KEPT_S),
        Expiring(table="identity.initial_access_tokens"),
        Expiring(table="identity.enrolment_codes", clock="business"),
        Expiring(table="identity.recoveries", kept_s=_RECOVERY_KEPT_S, clock="business"),
        Expiring(table="identity.recovery_codes", kept_s=_RECOVERY_KEPT_S, clock="business"),
        Expiring(table="identity.messages", kept_s=_RECOVERY_KEPT_S, clock="business"),
        Expiring(
            table="identity.signing_authorizations", ends="created_at", where="sad_hash IS NULL",
            kept_s=_AUTHORIZATION_KEPT_S,
        ),
        # Its persons and their answers go with it.
        Expiring(
            table="identity.approvals", ends="decided_at", where="is_passing",
            kept_s=settings.approvals_kept_s, clock="business",
        ),
    )  # fmt: skip


async def sweep(kernel: Kernel) -> None:
    """Empty the slots of what expired, and delete what expired elsewhere: one round."""
    wire_now, business_now = kernel.wire_clock.now(), kernel.business_clock.now()
    for each in RINGS:
        await ring.sweep(kernel.database, each, wire_now)
    for table in expiring_tables(kernel.settings):
        now = wire_now if table.clock == "wire" else business_now
        await expiring.sweep(kernel.database, table, now)

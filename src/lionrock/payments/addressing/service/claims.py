"""Claims on proxies: opening, the parties' actions, deadlines.

Not for: what may happen when (domain.claims). Invariant: the proxy moves in the transaction that
completes the claim, and only from its donor (or from nobody).
"""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.buckets import COST_NOT_FOUND
from lionrock.payments.addressing.domain.claims import (
    COMPLETION,
    RESOLUTION,
    Claim,
    ClaimAction,
    ClaimKind,
    decide_action,
    decide_lapse,
    decide_opening,
)
from lionrock.payments.addressing.domain.entries import (
    ProxyRegistration,
    ProxyTarget,
    check_registration,
)
from lionrock.payments.addressing.domain.kinds import normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.notices import Notices
from lionrock.payments.addressing.service.quota import Quota
from lionrock.payments.addressing.service.registry import Registry
from lionrock.payments.addressing.store import claims, entries
from lionrock.payments.sealing import Vault

CLAIM_PREFIX = "clm"
CLAIMS_QUEUE = "payments.proxy-claims"
NOT_YET_MS = 1_000


class Claims:
    """The claims of a switch."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, quota: Quota, notices: Notices,
        registry: Registry,
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._quota = quota
        self._notices = notices
        self._registry = registry

    async def open(
        self, db: Connection, claimer_id: str, kind: ClaimKind, registration: ProxyRegistration
    ) -> Claim | Refused:
        """Claim a proxy that another participant has, for the account of the registration.

        Refused: PROXY_MALFORMED, LOOKUPS_EXHAUSTED, CLAIM_PENDING and those of
        domain.claims.decide_opening; what tells about others' registrations is charged.
        """
        refused = check_registration(registration)
        if refused is not None:
            return refused
        address = normal_proxy(registration.kind, registration.value)
        if isinstance(address, Refused):
            return address
        bucket = await self._quota.open(db, claimer_id)
        if isinstance(bucket, Refused):
            return bucket
        key = self._keyring.lookup(address)
        await entries.lock_proxies(db, [key])
        holdings = (await entries.load_holdings(db, [key])).get(key, [])
        owner_key = self._keyring.owner_of(registration)
        donor_id = decide_opening(
            kind, address.kind,
            [held for held in holdings if held.currency in registration.currencies],
            claimer_id=claimer_id, owner_key=owner_key,
        )
        if isinstance(donor_id, Refused):
            await self._quota.charge(db, claimer_id, bucket, COST_NOT_FOUND)
            return Refused(donor_id.refusal, donor_id.detail, donor_id.field, keep=True)
        now = self._kernel.business_clock.now()
        claim = Claim(
            id=self._kernel.ids.new(CLAIM_PREFIX), kind=kind, state="open", lookup_key=key,
            proxy_kind=address.kind, currencies=tuple(sorted(set(registration.currencies))),
            donor_id=donor_id, claimer_id=claimer_id, owner_key=owner_key,
            target=ProxyTarget(
                registration.account_number, registration.account_name, address.value
            ),
            opened_at=now, resolve_by=now + RESOLUTION, complete_by=now + COMPLETION,
            decided_at=now,
        )
        if not await claims.insert_claim(db, self._vault, claim):
            await self._quota.charge(db, claimer_id, bucket, COST_NOT_FOUND)
            return Refused(AddressingRefusal.CLAIM_PENDING, keep=True)
        await self._schedule(db, claim)
        await self._notices.claim_changed(db, claim, donor_id)
        return claim

    async def act(
        self, db: Connection, organisation_id: str, claim_id: str, action: ClaimAction, *,
        is_possession_verified: bool = False, reason: str = "",
    ) -> Claim | Refused:
        """Let a party act on a claim; to others it is CLAIM_NOT_FOUND.

        Refused: those of domain.claims.decide_action; CLAIM_STATE_WRONG when a third participant
        has the proxy by now.
        """
        seen = await claims.load_claim(db, self._vault, claim_id)
        if seen is None or organisation_id not in (seen.donor_id, seen.claimer_id):
            return Refused(AddressingRefusal.CLAIM_NOT_FOUND)
        # The proxy before the claim, as registrations take them.
        await entries.lock_proxies(db, [seen.lookup_key])
        before = await claims.lock_claim(db, self._vault, claim_id)
        assert before is not None, "claims are never deleted"
        after = decide_action(
            before, action, by=organisation_id, now=self._kernel.business_clock.now(),
            is_possession_verified=is_possession_verified, reason=reason,
        )
        if isinstance(after, Refused):
            return after
        if after.state == "completed":
            refused = await self._move_proxy(db, after)
            if refused is not None:
                return refused
        await self._save(db, before, after)
        return after

    async def _move_proxy(self, db: Connection, claim: Claim) -> Refused | None:
        """Give the proxy to the claimer, from the donor or from nobody."""
        held = (await entries.load_holdings(db, [claim.lookup_key])).get(claim.lookup_key, [])
        concerned = {h.organisation_id for h in held if h.currency in claim.currencies}
        if not concerned <= {claim.donor_id}:
            return Refused(AddressingRefusal.CLAIM_STATE_WRONG, "Another participant has it now.")
        await self._registry.write_claimed(db, claim)
        return None

    async def _save(self, db: Connection, before: Claim, after: Claim) -> None:
        await claims.save_claim(db, before, after)
        await self._schedule(db, after)
        await self._notices.claim_changed(db, after, after.donor_id, after.claimer_id)

    async def _schedule(self, db: Connection, claim: Claim) -> None:
        if claim.due_at is not None:
            await jobs.schedule(
                db, queue=CLAIMS_QUEUE, key=claim.id, business_due_at=claim.due_at
            )

    async def lapse(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a claim: carry out what its deadline says, if it has passed."""

        async def use_case(db: Connection) -> bool:
            before = await claims.lock_claim(db, self._vault, job.key)
            assert before is not None, "claims are never deleted"
            after = decide_lapse(before, self._kernel.business_clock.now())
            if after is not None:
                await self._save(db, before, after)
            return after is not None or before.is_final

        done = await self._kernel.database.run(use_case)
        return jobs.Done() if done else jobs.Again(after_ms=NOT_YET_MS)

    async def get(self, db: Connection, organisation_id: str, claim_id: str) -> Claim | Refused:
        """Return a claim to its parties; CLAIM_NOT_FOUND to others."""
        claim = await claims.load_claim(db, self._vault, claim_id)
        if claim is None or organisation_id not in (claim.donor_id, claim.claimer_id):
            return Refused(AddressingRefusal.CLAIM_NOT_FOUND)
        return claim

    async def list(
        self, db: Connection, organisation_id: str, after: str
    ) -> Sequence[Claim]:
        """Return the claims that a participant is a party of, oldest first, at most 100."""
        return await claims.list_claims(db, self._vault, organisation_id, after)

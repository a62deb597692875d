"""Keys, end points and limits of registered candidates: asked, agreed by two, in force.

A key is rotated with overlap: the new one is added beside the old one, and the old one is retired
by a request that another key signs, so that what stays was seen to work. A change makes the tests
passed before stale. Another end point is tried first: the test lane asks it under the switch's
signature and hears from it under one of the participant's, while the one in force stays; nobody can
agree to one that did not pass. Limits are proposed by one operator and confirmed by another.
Not for: applications not yet agreed to, which are simply mended.
Invariants: the directory's keys change only by its own rule of two operators; no end point comes
into force that was not seen to work with the keys in force.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.onboarding.domain.application import (
    check_endpoint,
    check_key,
    read_limits,
)
from lionrock.payments.onboarding.domain.candidates import (
    REVIEWERS_NEEDED,
    Candidate,
    Change,
    ChangeKind,
    Word,
    agreed_to,
    check_change_word,
    check_reasons,
)
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.service.addresses import check_reachable
from lionrock.payments.onboarding.service.testing import Testing
from lionrock.payments.onboarding.store import candidates
from lionrock.payments.service.core import Core
from lionrock.payments.service.roster import ENDPOINT
from lionrock.payments.store import members

_R = OnboardingRefusal
CHANGE_VERSION = 1


class Changes:
    """Changes of what is in force."""

    def __init__(self, core: Core, testing: Testing) -> None:
        self._core = core
        self._testing = testing

    async def ask(
        self, db: Connection, held: Candidate, kind: ChangeKind, value: Any, signed_kid: str
    ) -> Change | Refused:
        """Ask for a change: a JWK to add, the kid of a key to retire, another end point.

        The same end point again is the same change, and is tried again. Refused: STATE, the key's
        refusals, KEY_LAST, KEY_SIGNS, MALFORMED, ENDPOINT_REFUSED, CHANGE_PENDING, RUN_UNDER_WAY,
        RUNS_EXHAUSTED.
        """
        if not held.is_registered:
            return Refused(_R.STATE, f"It is {held.state}.")
        content = await self._content(db, held, kind, value, signed_kid)
        if isinstance(content, Refused):
            return content
        before = await self._asked_before(db, held, kind, content)
        change = before or await self._insert(db, held, kind, content)
        if isinstance(change, Refused) or kind != "endpoint":
            return change
        tried = await self._testing.try_endpoint(db, held, change)
        return tried if isinstance(tried, Refused) else change

    async def propose_limits(
        self, db: Connection, candidate_id: str, operator: str, *, limits: dict[str, str],
        daily_limits: dict[str, str], reasons: str,
    ) -> Change | Refused:
        """Propose other limits for a registered participant, as the first of two.

        Both kinds are decimal strings by currency and replace what is in force. Refused: UNKNOWN,
        STATE, OWN, LIMITS, REASONS, CHANGE_PENDING.
        """
        held = await candidates.load_candidate(
            db, self._core.vault, candidate_id, is_locking=True
        )
        if held is None:
            return Refused(_R.UNKNOWN)
        if not held.is_registered:
            return Refused(_R.STATE, f"It is {held.state}.")
        if operator == held.asked_by:
            return Refused(_R.OWN)
        read = read_limits(limits, daily_limits, held.application.currencies)
        if isinstance(read, Refused):
            return read
        refused = check_reasons(reasons)
        if refused is not None:
            return refused
        change = await self._insert(db, held, "limits", read.wire())
        if not isinstance(change, Refused):
            await self._speak(db, held, change, operator, "agree", reasons)
        return change

    async def say(
        self, db: Connection, candidate_id: str, change_id: str, operator: str, *,
        decision: Literal["agree", "return"], reasons: str,
    ) -> Change | Refused:
        """Take an operator's word on a change; the second agreement puts it into force.

        Refused: UNKNOWN, CHANGE_UNKNOWN, OWN, REVIEWED, REASONS, ENDPOINT_UNTESTED, and what the
        directory refuses.
        """
        held = await candidates.load_candidate(
            db, self._core.vault, candidate_id, is_locking=True
        )
        if held is None:
            return Refused(_R.UNKNOWN)
        changes = {each.id: each for each in await candidates.list_changes(db, held.id)}
        change = changes.get(change_id)
        if change is None:
            return Refused(_R.CHANGE_UNKNOWN)
        refused = check_change_word(held, change, operator, reasons)
        if refused is None and change.kind == "endpoint" and decision == "agree":
            refused = check_reachable(self._core.kernel, change.content["endpoint"])
            refused = refused or await self._testing.check_endpoint(db, held, change)
        if refused is not None:
            return refused
        word = await self._speak(db, held, change, operator, decision, reasons)
        if decision == "return":
            return await self._end(db, held, change, "refused")
        agreed = agreed_to((*held.words, word), change.id, CHANGE_VERSION)
        if len(agreed) < REVIEWERS_NEEDED:
            return change
        refused = await self._put_in_force(db, held, change, agreed[0], agreed[1])
        return refused or await self._end(db, held, change, "done")

    async def of_candidate(self, db: Connection, candidate_id: str) -> list[Change]:
        """Return a candidate's changes, newest first."""
        return await candidates.list_changes(db, candidate_id)

    async def _asked_before(
        self, db: Connection, held: Candidate, kind: ChangeKind, content: dict[str, Any]
    ) -> Change | None:
        """The change of an end point that waits already and asks for the same."""
        if kind != "endpoint":
            return None
        return next((
            each for each in await candidates.list_changes(db, held.id)
            if (each.state, each.kind, each.content) == ("asked", kind, content)
        ), None)

    async def _insert(
        self, db: Connection, held: Candidate, kind: ChangeKind, content: dict[str, Any]
    ) -> Change | Refused:
        change = Change(
            id=self._core.kernel.ids.new("chg"), candidate_id=held.id, kind=kind, content=content,
            state="asked", asked_at=self._core.kernel.business_clock.now(),
        )
        if not await candidates.insert_change(db, change):
            return Refused(_R.CHANGE_PENDING)
        await self._record(db, held, change, "change_asked")
        return change

    async def _speak(
        self, db: Connection, held: Candidate, change: Change, operator: str,
        decision: Literal["agree", "return"], reasons: str,
    ) -> Word:
        word = Word(
            step=change.id, version=CHANGE_VERSION, person_id=operator, decision=decision,
            reasons=reasons, at=self._core.kernel.business_clock.now(),
        )
        await candidates.add_word(db, held.id, len(held.words) + 1, word)
        return word

    async def _content(
        self, db: Connection, held: Candidate, kind: ChangeKind, value: Any, signed_kid: str
    ) -> dict[str, Any] | Refused:
        if kind == "endpoint":
            refused = check_endpoint(value) or check_reachable(self._core.kernel, value)
            return refused or {"endpoint": value}
        if kind == "retire_key":
            return await self._retired(db, held, value, signed_kid)
        key = check_key(value)
        if isinstance(key, Refused):
            return key
        if await self._core.directory.is_key_known(db, key.kid):
            return Refused(_R.KEY_KNOWN, key.kid, "jwk")
        foreign = await candidates.claim_keys(db, [key.kid], held.organisation_id)
        return Refused(_R.KEY_KNOWN, key.kid, "jwk") if foreign else {"jwk": key.public_jwk}

    async def _retired(
        self, db: Connection, held: Candidate, kid: str, signed_kid: str
    ) -> dict[str, Any] | Refused:
        organisation = await self._core.directory.get(db, held.organisation_id)
        assert organisation is not None, "organisations are never deleted"
        kids = {jwk["kid"] for jwk in organisation.keys}
        if kid not in kids:
            return Refused(_R.MALFORMED, "Expected a key of yours.", "kid")
        if kids == {kid}:
            return Refused(_R.KEY_LAST, field="kid")
        return Refused(_R.KEY_SIGNS, field="kid") if kid == signed_kid else {"kid": kid}

    async def _put_in_force(
        self, db: Connection, held: Candidate, change: Change, maker: str, checker: str
    ) -> Refused | None:
        assert maker != checker, "two operators decide"
        directory = self._core.directory
        if change.kind == "limits":
            return await self._set_limits(db, held, change)
        if change.kind == "endpoint":
            organisation = await directory.get(db, held.organisation_id)
            assert organisation is not None, "organisations are never deleted"
            endpoints = {**organisation.endpoints, ENDPOINT: change.content["endpoint"]}
            done = await directory.register(
                db, msgspec.structs.replace(organisation, endpoints=endpoints)
            )
            return done if isinstance(done, Refused) else None
        asked = await directory.request_key_change(
            db, organisation_id=held.organisation_id, operator=maker,
            kind="add" if change.kind == "add_key" else "retire",
            jwk=change.content.get("jwk"), kid=change.content.get("kid", ""),
        )
        if isinstance(asked, Refused):
            return asked
        approved = await directory.approve_key_change(db, asked.id, operator=checker)
        return approved if isinstance(approved, Refused) else None

    async def _set_limits(
        self, db: Connection, held: Candidate, change: Change
    ) -> Refused | None:
        """Write the limits where the switch reads them, and with the candidate."""
        currencies = held.application.currencies
        read = read_limits(
            change.content["limits"], change.content["daily_limits"], currencies
        )
        if isinstance(read, Refused):
            return read
        for currency in currencies:
            await members.set_limits(
                db, held.organisation_id, currency,
                payment_minor_max=read.payment.get(currency),
                daily_minor_max=read.daily.get(currency),
            )
        now = self._core.kernel.business_clock.now()
        await candidates.save_candidate(
            db, self._core.vault, msgspec.structs.replace(held, limits=read, changed_at=now)
        )
        return None

    async def _end(
        self, db: Connection, held: Candidate, change: Change, state: Literal["done", "refused"]
    ) -> Change:
        await candidates.end_change(db, change.id, state)
        await self._record(db, held, change, f"change_{state}")
        return msgspec.structs.replace(change, state=state)

    async def _record(
        self, db: Connection, held: Candidate, change: Change, deed: str
    ) -> None:
        await self._core.receipts.record(
            db, f"payments.candidate_{deed}", PLATFORM_ORGANISATION,
            {"candidate": held.id, "change": change.id}, {}, about=change.kind,
        )

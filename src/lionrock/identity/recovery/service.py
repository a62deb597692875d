"""Recovery: begin in somebody's name, prove two ways, wait, and start again with a new device.

Whoever is named, the answer is the same: a secret and the time from which it may be completed. An
identifier that nobody holds begins a decoy, which no code ever fits. Messages and
notices are rationed, so that a flood of recoveries bothers nobody; whoever is then seen in person
is told anew, so that it locks nobody out. The person's devices are asked: a yes proves one way, a
no calls every open recovery off.
Completed, it takes all devices out of use, revokes every grant, and gives one enrolment code; the
new device waits like any other. Nothing of it is undone by a wait that is shorter than a person
needs to see the notice: that is what the cooling period is for.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.identity.domain.approvals import Approval, ApprovalRequest, State
from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.parties import Person, read_identifier
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.recovery import store
from lionrock.identity.recovery.domain import (
    CODE_TRIES_MAX,
    IN_PERSON_CODE_LIFE,
    MESSAGE_CODE_DIGITS,
    MESSAGE_CODE_LIFE,
    OPEN_FOR,
    SOURCE_WINDOW,
    IssuedCode,
    RecoveryAttempt,
    RecoveryRefusal,
    check_complete,
)
from lionrock.identity.recovery.messages import Messages
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.devices import Devices
from lionrock.identity.service.grants import Grants
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of_text,
)
from lionrock.identity.service.registration import source_network
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import devices as devices_store
from lionrock.identity.store import requests as requests_store
from lionrock.kernel import secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text, show_instant

NOTICE_KIND = "identity.recovery"
COMPLETED_RECEIPT = "identity.recovery_completed"
IN_PERSON_RECEIPT = "identity.recovery_code_issued"
_CODE = Text(
    "{code} is your code to recover your Lion Rock identity. If you did not ask for it, "
    "tell nobody.",
    "{code} 是你恢復 Lion Rock 身分的代碼。如非由你提出，切勿告知他人。",
    "{code} 是您恢复 Lion Rock 身份的代码。如非由您提出，切勿告知他人。",
)
# In all three: the language of the operator says nothing about the person's.
_ISSUED = Text(
    "Two officers of this city have issued a code with which your Lion Rock identity can be "
    "recovered. If you were not there in person, say no to any recovery on your phone, and tell "
    "the city at once.",
    "本市兩名職員已簽發可用以恢復你 Lion Rock 身分的代碼。"
    "如你並未親身到場，請在手機上拒絕任何恢復要求，並立即通知本市。",
    "本市两名职员已签发可用以恢复您 Lion Rock 身份的代码。"
    "如您并未亲自到场，请在手机上拒绝任何恢复请求，并立即通知本市。",
)


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever begins a recovery gets; the same whoever is named."""

    secret: str
    recovery: RecoveryAttempt


class Recovery:
    """Recovery's use cases, each in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        evidence: ReceiptRecorder,
        *,
        vault: Vault,
        parties: Parties,
        devices: Devices,
        approvals: Approvals,
        grants: Grants,
    ) -> None:
        self._kernel = kernel
        self._evidence = evidence
        self._vault = vault
        self._parties = parties
        self._devices = devices
        self._approvals = approvals
        self._grants = grants
        self.messages = Messages(kernel, vault, parties)
        approvals.listen(NOTICE_KIND, self._notice_decided)

    async def begin(
        self, db: Connection, identifier: str, language: str, *, source: str
    ) -> Begun | Refused:
        """Begin a recovery in the name of whoever holds an identifier, or a decoy.

        LIMITED: `source` (an address) began as many as it may, in whosever names. Beyond what one
        person may be told of in a day, a recovery begins all the same, and the person is not told.
        """
        problem = await self._check_source(db, source)
        if problem is not None:
            return problem
        person = await self._parties.find_person(db, identifier)
        subject_key = self._subject_key(person, identifier)
        await requests_store.lock_subject(db, subject_key)
        now, secret = self._kernel.business_clock.now(), secrets.token(32)
        ready_at = now + timedelta(seconds=self._kernel.settings.recovery_cooling_period_s)
        recovery = RecoveryAttempt(
            id=self._kernel.ids.new("rcv"), person_id=person.id if person else None,
            approval_id=None, started_at=now, ready_at=ready_at, expires_at=ready_at + OPEN_FOR,
            tries_left=CODE_TRIES_MAX, proven=frozenset(),
        )  # fmt: skip
        await store.insert_recovery(db, recovery, secret_hash(secret), subject_key)
        begun = await store.count_begun(db, subject_key, now - timedelta(days=1))
        is_quiet = is_reached(self._kernel.settings.limit_recoveries, begun - 1)
        if person is not None and not is_quiet:
            await self._tell(db, recovery, person, language)
        return Begun(secret=secret, recovery=recovery)

    async def _check_source(self, db: Connection, source: str) -> Refused | None:
        """Count for the source, whoever is named: LIMITED tells nothing of anybody."""
        now = self._kernel.wire_clock.now()
        source_key = self._vault.look_up_key("recovery/source", source_network(source))
        await requests_store.lock_subject(db, source_key)
        count = await store.count_attempt(db, source_key, now, now + SOURCE_WINDOW)
        if is_reached(self._kernel.settings.limit_recoveries_per_source, count):
            return Refused(RecoveryRefusal.LIMITED)
        return None

    async def attempt(self, db: Connection, secret: str) -> RecoveryAttempt | Refused:
        """Return the recovery of a secret, held; UNKNOWN, also when its time is over."""
        found = await store.lock_recovery(db, secret_hash(secret))
        if found is None or self._kernel.business_clock.now() >= found.expires_at:
            return Refused(RecoveryRefusal.UNKNOWN)
        return found

    async def prove_by_code(
        self, db: Connection, secret: str, code: str, language: str = "en"
    ) -> RecoveryAttempt | Refused:
        """Prove a way with a code: of a message, or handed over in person. UNKNOWN, CODE.

        Whoever was seen in person is told anew, ration or not: a flood locks nobody out.
        """
        recovery = await self.attempt(db, secret)
        if isinstance(recovery, Refused):
            return recovery
        if recovery.ended_at is not None or recovery.tries_left == 0:
            return Refused(RecoveryRefusal.CODE, field="code")
        bare = code.replace(" ", "")
        factor = await store.use_code(
            db, [secret_hash(f"{recovery.id}\n{bare}"), secret_hash(bare)], recovery,
            self._kernel.business_clock.now(),
        )  # fmt: skip
        if factor is None:
            await store.use_try(db, recovery.id)
            return Refused(RecoveryRefusal.CODE, field="code", keep=True)
        await store.prove(db, recovery.id, factor)
        person = await self._parties.person(db, recovery.person_id or "")
        if isinstance(person, Refused) or person.status != "active":
            # Nobody is told of what a suspended person cannot complete.
            return msgspec.structs.replace(recovery, proven=recovery.proven | {factor})
        if factor == "in_person":
            await self._tell(db, recovery, person, language)
        return msgspec.structs.replace(recovery, proven=recovery.proven | {factor})

    async def complete(self, db: Connection, secret: str) -> str | Refused:
        """Take all devices out of use, revoke every grant, and return one enrolment code.

        UNKNOWN, INCOMPLETE.
        """
        recovery = await self.attempt(db, secret)
        if isinstance(recovery, Refused):
            return recovery
        now = self._kernel.business_clock.now()
        problem = check_complete(recovery, now)
        if problem is not None:
            return problem
        assert recovery.person_id is not None, "a decoy is never complete"
        person = await self._parties.person(db, recovery.person_id)
        if isinstance(person, Refused) or person.status != "active":
            return Refused(RecoveryRefusal.INCOMPLETE)
        # From here the recovery must succeed.
        for approval_id in await store.end_recoveries(db, person.id, now):
            # A phone that says no holds the approval and waits for the recovery, held here.
            await self._approvals.withdraw_unless_held(db, approval_id)
        await store.set_completed(db, recovery.id)
        await self._end_everything(db, person.id)
        code = await self._devices.issue_enrolment_code(db, person.id)
        assert isinstance(code, str), "the person is on record"
        await self._evidence.record(
            db, kind=COMPLETED_RECEIPT, issuer=PLATFORM_ORGANISATION,
            references={"recovery_id": recovery.id},
            digests={"proven": digest_of_text(" ".join(sorted(recovery.proven)))},
        )  # fmt: skip
        return code

    async def issue_in_person_code(
        self, db: Connection, person_id: str, *, made_by: str, checked_by: str
    ) -> IssuedCode | Refused:
        """Return a code for a person whom an operator has seen, checked by another one.

        It ends the one before, and the person is told of it over every channel. `made_by` and
        `checked_by` are the operators' person ids. CHECKER, PERSON_UNKNOWN (also when suspended).
        """
        if made_by == checked_by or person_id in (made_by, checked_by):
            return Refused(RecoveryRefusal.CHECKER)
        person = await self._parties.person(db, person_id)
        if isinstance(person, Refused):
            return person
        if person.status != "active":
            return Refused(IdentityRefusal.PERSON_UNKNOWN, "The person is suspended.", "person_id")
        now = self._kernel.business_clock.now()
        issued = IssuedCode(code=secrets.token(16), expires_at=now + IN_PERSON_CODE_LIFE)
        await store.end_in_person_codes(db, person_id, now)
        await store.insert_code(
            db, secret_hash(issued.code), person_id, "in_person", None, issued.expires_at
        )
        notice = "\n".join((_ISSUED.en, _ISSUED.zh_hant, _ISSUED.zh_hans))
        for channel in self.messages.channels():
            await self.messages.leave(db, person_id, channel, notice, issued.expires_at)
        await self._evidence.record(
            db, kind=IN_PERSON_RECEIPT, issuer=PLATFORM_ORGANISATION, references={},
            digests={"code": digest_of_text(secret_hash(issued.code).hex())},
        )  # fmt: skip
        return issued

    async def _end_everything(self, db: Connection, person_id: str) -> None:
        now, wire_now = self._kernel.business_clock.now(), self._kernel.wire_clock.now()
        await devices_store.end_devices(db, person_id, now)
        await devices_store.end_enrolment_codes(db, person_id, now)
        # What can still become a grant first: of one being redeemed now, the grant is seen below.
        await store.use_codes(db, person_id, wire_now)
        for grant_id in await store.grants_of(db, person_id):
            await self._grants.revoke(db, grant_id, "recovery")
        await store.revoke_tokens(db, person_id, wire_now)

    async def _tell(
        self, db: Connection, recovery: RecoveryAttempt, person: Person, language: str
    ) -> None:
        """Send the codes, and ask the person's devices, about one open recovery at a time."""
        await self._send_codes(db, recovery, person, language)
        if not await store.has_open_notice(db, person.id, recovery.started_at):
            approval_id = await self._ask_devices(db, recovery, person, language)
            await store.set_notice(db, recovery.id, approval_id)

    async def _ask_devices(
        self, db: Connection, recovery: RecoveryAttempt, person: Person, language: str
    ) -> str:
        asked = ApprovalRequest(
            kind=NOTICE_KIND, person_ids=(person.id,), template="identity.recovery",
            fields={"started_at": show_instant(recovery.started_at, language)},
            language=language, requester_org=PLATFORM_ORGANISATION, reference=recovery.id,
            expires_in_s=int((recovery.expires_at - recovery.started_at).total_seconds()),
            is_passing=True,
        )  # fmt: skip
        approval = await self._approvals.request(db, asked)
        assert not isinstance(approval, Refused), "a notice to an active person is always asked"
        return approval.id

    async def _send_codes(
        self, db: Connection, recovery: RecoveryAttempt, person: Person, language: str
    ) -> None:
        """One code for each channel: either proves the same one way."""
        now = self._kernel.business_clock.now()
        expires_at = now + MESSAGE_CODE_LIFE
        for channel in self.messages.channels():
            code = secrets.digits(MESSAGE_CODE_DIGITS)
            await store.insert_code(
                db, secret_hash(f"{recovery.id}\n{code}"), person.id, "message", recovery.id,
                expires_at,
            )  # fmt: skip
            body = _CODE.in_language(language).format(code=code)
            await self.messages.leave(db, person.id, channel, body, expires_at)

    async def _notice_decided(self, db: Connection, approval: Approval, state: State) -> None:
        recovery = await store.recovery_of_approval(db, approval.id)
        if recovery is None or recovery.person_id is None or recovery.ended_at is not None:
            return
        if state == "approved":
            await store.prove(db, recovery.id, "device")
        elif state == "rejected":
            now = self._kernel.business_clock.now()
            await store.end_recoveries(db, recovery.person_id, now)

    def _subject_key(self, person: Person | None, identifier: str) -> bytes:
        if person is not None:
            return self._vault.look_up_key("recovery", person.id)
        found = read_identifier(identifier)
        kind, value = found if found is not None else ("text", identifier.strip().lower())
        return self._vault.look_up_key(f"recovery/{kind}", value)

"""Which sign-ins the phone is told of, and how a person fetches one that it was not told of.

Pushing is rationed: per person, for a client and for all clients, counted over unapproved sign-ins
that were pushed. A sign-in beyond the ration is kept quiet. Its page looks like any other, and
shows a code like any other; the person who types that code on an own device is asked then (pull
instead of push). The code is good on the devices of the person named, and nowhere else; so a flood
of requests can silence the phone, but it cannot keep its holder from signing in.
Source: NIST SP 800-63B-4 s3.1.3.2 (out-of-band secrets, rate of notifications).
"""

from __future__ import annotations

from datetime import timedelta

from lionrock.identity.domain.approvals import Approval, ApprovalRequest
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import SignIn
from lionrock.identity.domain.quiet import QuietSignIn
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.service.approvals import Approvals
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import beginnings
from lionrock.identity.store import quiet as store
from lionrock.identity.store.beginnings import Question, Ration
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

SIGN_IN_WINDOW = timedelta(minutes=10)
QUIET_LISTED_MAX = 10
CODE_DIGITS = 8


class QuietSignIns:
    """The ration of pushes. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, vault: Vault, approvals: Approvals) -> None:
        self._kernel = kernel
        self._vault = vault
        self._approvals = approvals

    def code(self, sign_in_id: str) -> str:
        """Return the code that a sign-in's page shows, decoys included: eight digits."""
        number = int(self._vault.form_token(sign_in_id, "quiet"), 16)
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    async def begin(
        self, db: Connection, sign_in: SignIn, client: Client, asked: ApprovalRequest | None, *,
        resumes: bool,
    ) -> str:  # fmt: skip
        """Begin a sign-in: ask its person now, within the ration, or keep the question.

        Without a question it is a decoy, which waits its turn as the others do: attempts at one
        subject pass one by one. With `resumes` nothing begins where this browser's sign-in of the
        request goes on. Returns the id of the one that goes on. It is all that a request changes.
        """
        question = None if asked is None else self._question(sign_in, client, asked)
        now = self._kernel.business_clock.now()
        return await beginnings.begin(
            db, sign_in, question, self._ration(sign_in), now, resumes=resumes
        )

    def _question(self, sign_in: SignIn, client: Client, asked: ApprovalRequest) -> Question:
        (person_id,) = asked.person_ids
        approval = self._approvals.draft(asked, number=sign_in.number)
        return Question(
            person_id=person_id, approval=None if isinstance(approval, Refused) else approval,
            quiet=QuietSignIn(
                sign_in_id=sign_in.id, service=client.names, started_at=sign_in.started_at,
                ask=asked,
            ),
        )  # fmt: skip

    def _ration(self, sign_in: SignIn) -> Ration:
        settings = self._kernel.settings
        return Ration(
            since=sign_in.started_at - SIGN_IN_WINDOW,
            own=settings.limit_sign_ins_per_client, every=settings.limit_sign_ins,
            # Below the limit of open approvals, so that a flood of sign-ins leaves room for deeds.
            pending=settings.limit_sign_ins_pending, approvals=settings.limit_approvals_pending,
        )  # fmt: skip

    async def listed(self, db: Connection, person_id: str) -> list[QuietSignIn]:
        """Return a person's quiet sign-ins that still wait, newest first, a few."""
        now = self._kernel.wire_clock.now()
        return await store.quiet_of(db, person_id, now, QUIET_LISTED_MAX)

    async def fetch(self, db: Connection, person_id: str, code: str) -> Approval | Refused:
        """Ask about the person's own quiet sign-in that shows this code.

        Refused: QUIET_SIGN_IN.
        """
        now = self._kernel.wire_clock.now()
        digits = code.replace(" ", "").replace("-", "")
        for sign_in_id in await store.quiet_ids(db, person_id, now):
            if secrets.equal(self.code(sign_in_id), digits):
                return await self._ask_now(db, person_id, sign_in_id)
        return Refused(IdentityRefusal.QUIET_SIGN_IN, field="code")

    async def _ask_now(
        self, db: Connection, person_id: str, sign_in_id: str
    ) -> Approval | Refused:
        ask = await store.take_quiet(db, sign_in_id, person_id)
        number = await store.waiting_number(db, sign_in_id)
        if ask is None or number is None:
            return Refused(IdentityRefusal.QUIET_SIGN_IN, field="code")
        approval = await self._approvals.request(db, ask, number=number, is_own_act=True)
        if isinstance(approval, Refused):
            return approval
        await store.attach_approval(db, sign_in_id, person_id, approval.id)
        return approval

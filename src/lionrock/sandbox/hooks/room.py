"""What the hooks do: look at phones as their holders would, and press the buttons.

`read_pages` is the sandbox's eye. A person reads the number to match on the requester's page; the
hooks read it here, in the sandbox's composition only. The phone still signs every answer with its
own key, and the platform checks it as it checks any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from lionrock.identity.api import Approval, Identity, IdentityRefusal, Message
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.network import Reply
from lionrock.sandbox.hooks.errors import HookRefusal
from lionrock.sandbox.personas import Cast, Persona

WATCH_EVERY_S = 0.02
WATCH_MS_MAX = 2_000
Wish = Literal["approve", "deny"]
Habit = Literal["ask", "approve", "deny"]
_STATUSES = {"approved": "approved", "rejected": "denied", "expired": "expired"}
_ANSWERS: dict[str, Wish] = {"approved": "approve", "rejected": "deny"}
_DECISIONS = {"approve": "approved", "deny": "rejected"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a persona. `answer` is the persona's own; others may be waited for still.

    `status`: pending, approved, denied or expired. `number` is what the requester's page shows.
    """

    id: str
    words: str
    number: str | None
    status: str
    kind: str
    answer: Wish | None
    requester: str
    reference: str
    quorum: int
    tries_left: int
    created_at: datetime
    expires_at: datetime


class PhoneShown(msgspec.Struct, frozen=True, kw_only=True):
    """One persona with a phone. `auto`: what the phone does by itself."""

    persona: str
    handle: str
    names: Text
    story: Text
    companies: tuple[str, ...]
    auto: str
    approvals: str
    page: str


class Waiting(msgspec.Struct, frozen=True):
    """A question that waits for a phone that answers by itself."""

    persona: str
    id: str
    number: str | None


class Hooks:
    """The sandbox hooks of one front. Nothing of it exists in serve."""

    def __init__(self, kernel: Kernel, identity: Identity, cast: Cast) -> None:
        assert kernel.settings.composition == "sandbox", "hooks are of the sandbox only"
        self.kernel = kernel
        self.identity = identity
        self._cast = cast
        self._phones_url = f"{kernel.settings.world_url.rstrip('/')}/phone"
        self._person_ids: dict[str, str] = {}

    async def phones(self) -> list[PhoneShown]:
        """Return everybody with a phone."""
        answer = await self._send("GET", f"{self._phones_url}/auto")
        habits: Mapping[str, str] = msgspec.json.decode(answer.body).get("auto", {})
        return [self._shown(each, habits.get(each.handle, "ask")) for each in self._cast.people]

    async def asked(self, persona: str) -> list[Asked] | Refused:
        """Return what a persona was asked lately: open questions first, then newest first."""
        person_id = await self.person_id(persona)
        if isinstance(person_id, Refused):
            return person_id
        recent = await self.kernel.database.run(
            lambda db: self.identity.approvals.recent_of(db, person_id)
        )
        now = self.kernel.business_clock.now()
        return [_asked(approval, own, now) for approval, own in recent]

    async def messages(self, persona: str) -> list[Message] | Refused:
        """Return what was sent to a persona, newest first: the mail and text of the sandbox."""
        person_id = await self.person_id(persona)
        if isinstance(person_id, Refused):
            return person_id
        return await self.kernel.database.run(
            lambda db: self.identity.recovery.messages.of_person(db, person_id)
        )

    async def decide(
        self, persona: str, approval_id: str, wish: Wish, number: str | None
    ) -> Asked | Refused:
        """Press a button on a phone; without a number the person reads it on the page.

        PERSONA_UNKNOWN, APPROVAL_UNKNOWN, APPROVAL_DECIDED; else the platform's refusal of the
        phone's answer, such as identity.number_wrong, which uses up a try.
        """
        found = await self._find(persona, approval_id)
        if isinstance(found, Refused):
            return found
        if found.status != "pending" or found.answer is not None:
            return Refused(HookRefusal.APPROVAL_DECIDED, f"It is {found.status}.")
        body: dict[str, str] = {"approval_id": approval_id, "decision": _DECISIONS[wish]}
        shown = number if number is not None else found.number
        if wish == "approve" and shown is not None:
            body["number"] = shown
        answer = await self._send("POST", f"{self._phones_url}/api/{persona}/answers", body)
        if answer.status != 200:
            return _refused(answer)
        return await self._find(persona, approval_id)

    async def set_habit(self, persona: str, habit: Habit) -> Refused | None:
        """Let a phone answer by itself from now on, or ask its holder again."""
        person_id = await self.person_id(persona)
        if isinstance(person_id, Refused):
            return person_id
        url = f"{self._phones_url}/api/{persona}/auto"
        answer = await self._send("PUT", url, {"decision": habit})
        return None if answer.status == 200 else _refused(answer)

    async def read_pages(self, personas: Sequence[str], wait_ms: int) -> list[Waiting]:
        """Return what waits for these personas with its number, waiting a while for the first."""
        handles: dict[str, str] = {}
        for persona in personas:
            person_id = await self.person_id(persona)
            if not isinstance(person_id, Refused):
                handles[person_id] = persona
        clock = asyncio.get_running_loop()
        until_s = clock.time() + min(wait_ms, WATCH_MS_MAX) / 1000
        while True:
            waiting = await self.kernel.database.run(
                lambda db: self.identity.approvals.unanswered(db, list(handles))
            )
            if waiting or clock.time() >= until_s:
                return [Waiting(handles[person], each, number) for person, each, number in waiting]
            await asyncio.sleep(WATCH_EVERY_S)

    async def person_id(self, persona: str) -> str | Refused:
        """Return the person that a persona is; PERSONA_UNKNOWN names those there are."""
        if persona not in self._person_ids:
            names = [each.handle for each in self._cast.people]
            person = None
            if persona in names:
                person = await self.kernel.database.run(
                    lambda db: self.identity.parties.find_person(db, persona)
                )
            if person is None:
                detail = f"The personas are: {', '.join(names)}."
                return Refused(HookRefusal.PERSONA_UNKNOWN, detail, "persona")
            self._person_ids[persona] = person.id
        return self._person_ids[persona]

    async def _find(self, persona: str, approval_id: str) -> Asked | Refused:
        person_id = await self.person_id(persona)
        if isinstance(person_id, Refused):
            return person_id
        identity = self.identity
        approval = await self.kernel.database.run(lambda db: identity.approval(db, approval_id))
        if isinstance(approval, Refused) or person_id not in approval.person_ids:
            return Refused(HookRefusal.APPROVAL_UNKNOWN)
        answers = await self.kernel.database.run(
            lambda db: identity.approval_answers(db, approval_id)
        )
        own = next((each.decision for each in answers if each.person_id == person_id), None)
        return _asked(approval, own, self.kernel.business_clock.now())

    def _shown(self, persona: Persona, habit: str) -> PhoneShown:
        base = f"{self.kernel.settings.public_url.rstrip('/')}/sandbox/phones/{persona.handle}"
        return PhoneShown(
            persona=persona.handle, handle=persona.handle, names=persona.name,
            story=persona.story, companies=tuple(each.company for each in persona.mandates),
            auto=habit, approvals=f"{base}/approvals",
            page=f"{self._phones_url}/{persona.handle}",
        )  # fmt: skip

    async def _send(self, method: str, url: str, body: Any = None) -> Reply:
        """Reach the simulated phones; kernel.party_unreachable when they do not answer."""
        content = msgspec.json.encode(body) if body is not None else b""
        headers = {"content-type": "application/json"} if body is not None else None
        return await self.kernel.network.send(method, url, headers, content)


def _asked(approval: Approval, own: str | None, now: datetime) -> Asked:
    state = approval.state_at(now)
    return Asked(
        id=approval.id, words=approval.words, number=approval.number,
        status=_STATUSES.get(state, "pending"), kind=approval.kind,
        answer=_ANSWERS[own] if own is not None else None, requester=approval.requester_org,
        reference=approval.reference, quorum=approval.quorum, tries_left=approval.tries_left,
        created_at=approval.created_at, expires_at=approval.expires_at,
    )  # fmt: skip


def _refused(answer: Reply) -> Refused:
    """The platform's own refusal of what the phone sent, or the phone's."""
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    code, detail = str(told.get("code", "")), str(told.get("detail", ""))
    known = next((each for each in IdentityRefusal if each.value == code), None)
    if known is not None:
        return Refused(known)
    return Refused(HookRefusal.PHONE_REFUSED, f"{code} {detail}".strip())

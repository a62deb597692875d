"""Signing in with the phone's camera, or with the app on the same device: no identifier typed.

The person is whoever's phone scans. The browser stays the one that began: the code's tag is made
for its cookie, a scan is taken once, and an app link ends the sign-in only in the browser that the
app itself brings back. Nothing about the person reaches the page before the answer.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.identity.domain.approvals import Approval
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.grants import PushedRequest, SignIn, secret_hash
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.scans import (
    TAG_CHARACTERS,
    Channel,
    ScanContent,
    ScanRefusal,
    check_step,
    read_content,
    step_at,
)
from lionrock.identity.service.approvals import NUMBER_DIGITS, Approvals
from lionrock.identity.service.authorization import Authorization
from lionrock.identity.service.mandates import Mandates
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.questions import SIGN_IN_LIFE_S, sign_in_question
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.identity.store import requests as requests_store
from lionrock.identity.store import scans as store
from lionrock.kernel import secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

WINDOW = timedelta(minutes=10)


class Scanned(msgspec.Struct, frozen=True):
    """What a scan led to; `return_to` is where an app on the same device sends its holder back."""

    approval: Approval
    return_to: str | None


class Scans:
    """Sign-ins by scan or app link, each function in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        parties: Parties,
        approvals: Approvals,
        mandates: Mandates,
        authorization: Authorization,
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._parties = parties
        self._approvals = approvals
        self._mandates = mandates
        self._authorization = authorization

    async def start(
        self, db: Connection, pushed: PushedRequest, client: Client, browser_secret: str
    ) -> SignIn:
        """Begin a sign-in of a browser that waits for a phone; the request is not used up."""
        now = self._kernel.wire_clock.now()
        expires_at = now + timedelta(seconds=SIGN_IN_LIFE_S)
        sign_in_id = requests_store.SIGN_INS.stamp(self._kernel.ids.new("sin"), expires_at)
        sign_in = SignIn(
            id=sign_in_id, request_hash=pushed.request_hash, client_id=client.id,
            browser_hash=secret_hash(browser_secret),
            subject_key=self._vault.look_up_key("sign_in/scan", sign_in_id), person_id=None,
            approval_id=None, number=secrets.digits(NUMBER_DIGITS), started_at=now,
            expires_at=expires_at, by_scan=True,
        )  # fmt: skip
        await requests_store.insert_sign_in(db, sign_in)
        await store.mark_by_scan(db, sign_in_id)
        return sign_in

    def content(self, sign_in: SignIn, channel: Channel) -> ScanContent:
        """Return what the page's code says at this moment."""
        step = step_at(self._kernel.wire_clock.now())
        bare = ScanContent(channel=channel, sign_in_id=sign_in.id, step=step, tag="")
        return msgspec.structs.replace(bare, tag=self._tag(bare, sign_in))

    async def scan(
        self, db: Connection, device: Device, text: str, language: str
    ) -> Scanned | Refused:
        """Ask the holder of the device that scanned; ScanRefusal.

        Refused in this order: another site's code, one that is none of ours, out of date, used.
        Bounded by its own limit: questions that others asked do not stand in a scan's way.
        """
        content = read_content(text, self._issuer)
        if isinstance(content, Refused):
            return content
        now = self._kernel.wire_clock.now()
        sign_in = await store.lock(db, content.sign_in_id)
        if sign_in is None or not secrets.equal(content.tag, self._tag(content, sign_in)):
            return Refused(ScanRefusal.UNKNOWN, field="content")
        problem = check_step(content, now)
        if problem is not None:
            return problem
        if sign_in.approval_id is not None or sign_in.finished_at is not None:
            return Refused(ScanRefusal.USED, field="content")
        if now >= sign_in.expires_at:
            return Refused(ScanRefusal.ROTATED, field="content")
        subject_key = self._vault.look_up_key("sign_in", device.person_id)
        await requests_store.lock_subject(db, subject_key)
        count = await store.count_joined(db, subject_key, now - WINDOW)
        if is_reached(self._kernel.settings.limit_scans, count):
            return Refused(ScanRefusal.LIMITED)
        approval = await self._ask(db, device, sign_in, content.channel, language)
        if isinstance(approval, Refused):
            return approval
        awaits_return = content.channel == "link"
        joined = msgspec.structs.replace(
            sign_in, person_id=device.person_id, approval_id=approval.id,
            subject_key=subject_key, awaits_return=awaits_return,
        )  # fmt: skip
        await store.join(db, joined)
        return Scanned(approval, self._return_to(sign_in) if awaits_return else None)

    async def bring_back(self, db: Connection, sign_in: SignIn, secret: str) -> Refused | None:
        """Note that the app opened this browser, which holds the sign-in's cookie; RETURN."""
        if not sign_in.by_scan or not secrets.equal(secret, self._return_secret(sign_in)):
            return Refused(ScanRefusal.RETURN)
        await store.mark_returned(db, sign_in.id)
        return None

    async def _ask(
        self, db: Connection, device: Device, sign_in: SignIn, channel: Channel, language: str
    ) -> Approval | Refused:
        pushed = await requests_store.pushed(db, sign_in.request_hash, sign_in.client_id)
        client = await client_store.client(db, sign_in.client_id)
        person = await self._parties.person(db, device.person_id)
        if pushed is None or pushed.used_at is not None or client is None:
            return Refused(ScanRefusal.UNKNOWN, field="content")
        assert not isinstance(person, Refused), "a device's holder is on record"
        if not await self._mandates.admits(db, client, person.id):
            return Refused(ScanRefusal.UNKNOWN, field="content")
        asked = sign_in_question(person.id, pushed.request, client, sign_in.id, language)
        if channel == "link":
            # Page and phone are one screen; the browser is told by the way back instead.
            asked = msgspec.structs.replace(asked, number_match=False)
        return await self._approvals.request(
            db, asked, number=sign_in.number if channel == "qr" else None, is_own_act=True
        )

    def _tag(self, content: ScanContent, sign_in: SignIn) -> str:
        browser = sign_in.browser_hash.hex()
        return self._vault.form_token(browser, content.purpose())[:TAG_CHARACTERS]

    def _return_secret(self, sign_in: SignIn) -> str:
        return self._vault.form_token(sign_in.browser_hash.hex(), f"return/{sign_in.id}")

    def _return_to(self, sign_in: SignIn) -> str:
        secret = self._return_secret(sign_in)
        return f"{self._issuer}/identity/sign-in/{sign_in.id}/return?secret={secret}"

"""Filling one form without log-in: the client learns the granted fields, once, and nothing else.

The page shows a number and a code that changes; the person is whoever's phone scans it, so nobody
types an identifier, nobody can be bombed, and nothing tells who exists. The client is given no
subject: two fillings of one person have nothing in common but what the person chose to give.
A filling is asked of one phone only, and ends with its time.
Source: RFC 9700 s4.7 (binding by number), RFC 9396 (fields), Smart-ID style device links (idea).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

import msgspec

from lionrock.identity.domain.approvals import Approval, ApprovalRequest
from lionrock.identity.domain.clients import Client
from lionrock.identity.domain.details import (
    FORM_FILLING,
    Detail,
    form_of,
    joined_details,
    names_identity_number,
    read_details,
)
from lionrock.identity.domain.grants import secret_hash
from lionrock.identity.domain.parties import Device
from lionrock.identity.domain.scans import step_at
from lionrock.identity.forms import store
from lionrock.identity.forms.domain import FETCH_LIFE_S, FormRefusal
from lionrock.identity.forms.service import Delivered, Forms
from lionrock.identity.service.approvals import NUMBER_DIGITS, Approvals
from lionrock.identity.service.assurance import stands
from lionrock.identity.service.receipts import (
    PLATFORM_ORGANISATION,
    ReceiptRecorder,
    digest_of_text,
)
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import clients as client_store
from lionrock.kernel import secrets
from lionrock.kernel.config import is_reached
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

LIFE_S = 600
WINDOW = timedelta(minutes=10)
KIND = "form_filling"
TEMPLATE = "identity.form_filling"
REQUESTED_KIND = "identity.form_requested"
PAGE_PATH = "/identity/forms/fillings"
SCAN_PATH = "/identity/forms/scan"
CONTENT_LENGTH_MAX = 400
_REST = re.compile(r"/(fil_[A-Za-z0-9]{1,60})/([0-9]{1,12})/([0-9a-f]{32})")
FillingState = Literal["open", "pending", "approved", "rejected", "expired"]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A filling and the secret of its page."""

    filling: store.Filling
    url: str


class FillingView(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows."""

    filling: store.Filling
    client: Client
    state: FillingState
    content: str


class Fillings:
    """Every function works in the caller's transaction."""

    def __init__(
        self,
        kernel: Kernel,
        issuer: str,
        vault: Vault,
        approvals: Approvals,
        forms: Forms,
        evidence: ReceiptRecorder,
    ) -> None:
        self._kernel = kernel
        self._issuer = issuer
        self._vault = vault
        self._approvals = approvals
        self._forms = forms
        self._evidence = evidence

    async def begin(self, db: Connection, client_id: str, detail: Detail) -> Begun | Refused:
        """Begin a filling of a client; REQUEST (unknown fields, idNo without leave), LIMITED."""
        client = await client_store.client(db, client_id)
        assert client is not None, "its token was just checked"
        text = msgspec.json.encode([{"type": FORM_FILLING, **detail}]).decode()
        read = read_details(text, client.policy.authorization_details_types)
        if isinstance(read, Refused):
            return Refused(FormRefusal.REQUEST, read.detail)
        if names_identity_number(read) and not client.policy.may_ask_identity_number:
            return Refused(FormRefusal.REQUEST, "This client may not ask for idNo.", "fields")
        now = self._kernel.wire_clock.now()
        begun = await store.count_fillings(db, client_id, now - WINDOW)
        if is_reached(self._kernel.settings.limit_form_fillings, begun):
            return Refused(FormRefusal.LIMITED)
        handle = secrets.token(32)
        filling = store.Filling(
            id=self._kernel.ids.new("fil"), handle_hash=secret_hash(handle), client_id=client_id,
            detail=read[0], number=secrets.digits(NUMBER_DIGITS), started_at=now,
            expires_at=now + timedelta(seconds=LIFE_S),
        )  # fmt: skip
        await store.insert_filling(db, filling)
        await self._evidence.record(
            db, kind=REQUESTED_KIND, issuer=PLATFORM_ORGANISATION,
            references={"filling_id": filling.id, "client_id": client.id},
            digests={"request": digest_of_text(text)},
        )  # fmt: skip
        return Begun(filling=filling, url=f"{self._issuer}{PAGE_PATH}/{handle}")

    async def view(self, db: Connection, handle: str) -> FillingView | Refused:
        """Return what a page shows; FILLING_UNKNOWN."""
        filling = await store.filling_by_handle(db, secret_hash(handle))
        client = await client_store.client(db, filling.client_id) if filling else None
        if filling is None or client is None:
            return Refused(FormRefusal.FILLING_UNKNOWN)
        step = step_at(self._kernel.wire_clock.now())
        content = f"{self._issuer}{SCAN_PATH}/{filling.id}/{step}/{self._tag(filling, step)}"
        return FillingView(
            filling=filling, client=client, state=await self._state(db, filling), content=content
        )

    async def open(
        self, db: Connection, device: Device, content: str, language: str
    ) -> Approval | Refused:
        """Ask the holder of the device that scanned a page's code.

        FILLING_CODE (not ours, or no longer shown), FILLING_USED, APPROVALS_PENDING.
        """
        start = f"{self._issuer}{SCAN_PATH}"
        is_short = len(content) <= CONTENT_LENGTH_MAX and content.startswith(start)
        match = _REST.fullmatch(content[len(start) :]) if is_short else None
        filling = await store.lock_filling(db, match[1]) if match else None
        if match is None or filling is None:
            return Refused(FormRefusal.FILLING_CODE, field="content")
        now, step = self._kernel.wire_clock.now(), int(match[2])
        is_ours = secrets.equal(match[3], self._tag(filling, step))
        if not is_ours or step_at(now) - step not in (0, 1) or now >= filling.expires_at:
            return Refused(FormRefusal.FILLING_CODE, field="content")
        if filling.approval_id is not None:
            return Refused(FormRefusal.FILLING_USED, field="content")
        client = await client_store.client(db, filling.client_id)
        if client is None:
            return Refused(FormRefusal.FILLING_CODE, field="content")
        details = (filling.detail,)
        left_s = int((filling.expires_at - now).total_seconds())
        asked = ApprovalRequest(
            kind=KIND, person_ids=(device.person_id,), template=TEMPLATE, language=language,
            fields={
                "service": client.names.in_language(language), "origin": client.sector,
                "details": joined_details(details, language),
            },
            requester_org=client.organisation_id or PLATFORM_ORGANISATION, reference=filling.id,
            number_match=True, expires_in_s=max(left_s, 10), details=details, is_passing=True,
        )  # fmt: skip
        approval = await self._approvals.request(db, asked, number=filling.number)
        if not isinstance(approval, Refused):
            await store.join_filling(db, filling.id, device.person_id, approval.id)
        return approval

    async def fetch(
        self, db: Connection, client_id: str, filling_id: str, key: str | None
    ) -> Delivered | Refused:
        """Deliver a filling to its client, once.

        FILLING_UNKNOWN (another client's too), FILLING_PENDING, FILLING_DENIED, EXPIRED, DELIVERED.
        """
        filling = await store.lock_filling(db, filling_id)
        if filling is None or filling.client_id != client_id:
            return Refused(FormRefusal.FILLING_UNKNOWN)
        state = await self._state(db, filling)
        if state in ("open", "pending"):
            return Refused(FormRefusal.FILLING_PENDING)
        if state != "approved":
            is_denied = state == "rejected"
            return Refused(FormRefusal.FILLING_DENIED if is_denied else FormRefusal.EXPIRED)
        return await self._forms.deliver(db, await self._granted(db, filling), key)

    async def _granted(self, db: Connection, filling: store.Filling) -> store.FormGrant:
        """Return the approved filling's grant, made at the first fetch; its row is held."""
        held = await store.lock_form_grants(db, filling.id)
        if held:
            return held[0]
        approval = await self._approvals.approval(db, filling.approval_id or "")
        assert not isinstance(approval, Refused) and filling.person_id is not None, "approved"
        form = form_of(approval.granted)
        assert form is not None, "a filling's approval is about its form"
        granted = store.FormGrant(
            id=self._kernel.ids.new("fgr"), grant_id=filling.id, client_id=filling.client_id,
            person_id=filling.person_id, approval_id=approval.id, detail=form,
            granted_at=self._kernel.wire_clock.now(),
            expires_at=filling.expires_at + timedelta(seconds=FETCH_LIFE_S),
        )  # fmt: skip
        await store.insert_form_grant(db, granted)
        return granted

    async def _state(self, db: Connection, filling: store.Filling) -> FillingState:
        is_over = self._kernel.wire_clock.now() >= filling.expires_at
        if filling.approval_id is None:
            return "expired" if is_over else "open"
        approval = await self._approvals.approval(db, filling.approval_id)
        assert not isinstance(approval, Refused), "a filling's approval is on record"
        state = approval.state_at(self._kernel.business_clock.now())
        if state == "approved" and not await stands(db, approval):
            return "rejected"
        return "expired" if state == "pending" and is_over else state

    def _tag(self, filling: store.Filling, step: int) -> str:
        return self._vault.form_token(filling.handle_hash.hex(), f"form/{filling.id}/{step}")[:32]

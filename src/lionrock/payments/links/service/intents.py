"""Fee intents: asked by departments, paid by link or by payment code, with a signed receipt.

A payment by link names its fee for certain. One by code comes as an ordinary transfer; it is
matched by the fee's number in its remittance, if department, currency and sum agree and nobody is
paying the link at that moment. Whatever else comes into a department's account is written down as
unmatched, so that the daily report lists it.
Use cases run in the caller's transaction. Invariants: a fee is paid by one settled payment; each
settled payment to a department's account is counted once.
Source: RFC 7515 (receipt).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation, organisation_key
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import HONG_KONG
from lionrock.kernel.jose import sign_jws
from lionrock.payments.domain.payments import Payment, settlement_date_of
from lionrock.payments.links.domain.intents import (
    Intent,
    IntentDraft,
    check_intent,
    code_of_intent,
    number_of,
    numbers_in,
)
from lionrock.payments.links.domain.links import DESCRIPTION_LENGTH_MAX, LIFE_S_MIN, Link, LinkDraft
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.service.links import Links
from lionrock.payments.links.store import intents as store
from lionrock.payments.links.store import links as link_store
from lionrock.payments.service.core import Core

DEPARTMENT_ROLE = "department"
INTENT_PREFIX = "int"
RECEIPT_TYPE = "fee-receipt+jwt"


class Intents:
    """The fees of a city's departments."""

    def __init__(self, core: Core, links: Links) -> None:
        self._core = core
        self._links = links

    async def create(
        self, db: Connection, department: Organisation, draft: IntentDraft
    ) -> Intent | Refused:
        """Ask for a fee; the same draft again is the same fee.

        Refused: NOT_A_DEPARTMENT, MALFORMED, REFERENCE_REUSED, and what making its link refuses.
        """
        assert draft.department_id == department.id, "a department asks for its own fees"
        if DEPARTMENT_ROLE not in department.roles:
            return Refused(IntentRefusal.NOT_A_DEPARTMENT)
        vault = self._core.vault
        there = await store.load_by_reference(db, vault, department.id, draft.reference)
        if there is not None:
            is_same = there.draft.digest() == draft.digest()
            return there if is_same else Refused(IntentRefusal.REFERENCE_REUSED, field="reference")
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        refused = check_intent(draft, settlement_date_of(now))
        if refused is not None:
            return refused
        intent_id = kernel.ids.new(INTENT_PREFIX)
        link = await self._links.create(db, department, _link_draft(draft, intent_id, now))
        if isinstance(link, Refused):
            return link
        intent = Intent(
            id=intent_id, state="open", draft=draft, number=number_of(intent_id), link_id=link.id,
            created_at=now,
        )
        if not await store.insert_intent(db, vault, intent):
            # Another request took the reference meanwhile; the link of this one goes with it.
            return Refused(IntentRefusal.REFERENCE_REUSED, field="reference")
        found = await self._links.destination(db, link.draft, draft.amount)
        assert not isinstance(found, Refused), "the link was made for it a moment ago"
        key = self._account_key(found.creditor.member, found.creditor.account)
        await store.put_account(db, key, department.id, found.participant.organisation_id)
        return intent

    def _account_key(self, member: str, account: str) -> bytes:
        return self._core.vault.lookup_key(f"collection\n{member}\n{account}".encode())

    async def own(
        self, db: Connection, department_id: str, intent_id: str
    ) -> Intent | Refused:
        """Return a department's own fee; NOT_FOUND for others."""
        intent = await store.load_own(db, self._core.vault, intent_id, department_id)
        return intent if intent is not None else Refused(IntentRefusal.NOT_FOUND)

    async def of_link(self, db: Connection, link_id: str) -> Intent | None:
        """Return the fee that a link is for."""
        return await store.load_by_link(db, self._core.vault, link_id)

    async def link_of(self, db: Connection, intent: Intent) -> Link:
        """Return the link of a fee."""
        link = await link_store.load_link(db, self._core.vault, intent.link_id)
        assert link is not None, "links are never deleted"
        return link

    async def code_of(self, db: Connection, intent: Intent) -> str | None:
        """The payment code of an open fee; None when there is none to pay."""
        link = await self.link_of(db, intent)
        if self._links.state_now(link) != "open":
            return None
        found = await self._links.destination(db, link.draft, intent.draft.amount)
        if isinstance(found, Refused) or found.proxy is None:
            return None
        return code_of_intent(intent, found.proxy.value)

    async def cancel(
        self, db: Connection, department_id: str, intent_id: str
    ) -> Intent | Refused:
        """Call a fee off, and its link; again changes nothing. Refused as Links.cancel."""
        intent = await self.own(db, department_id, intent_id)
        if isinstance(intent, Refused) or intent.state == "cancelled":
            return intent
        if intent.state != "open":
            return Refused(IntentRefusal.NOT_OPEN)
        link = await self._links.cancel(db, department_id, intent.link_id)
        if isinstance(link, Refused):
            return link
        moved = await store.move_to_cancelled(db, intent.id)
        assert moved, "its row was locked while open"
        return msgspec.structs.replace(intent, state="cancelled")

    async def collected(self, db: Connection, payment: Payment, link: Link | None) -> None:
        """A payment settled, perhaps into a department's account: match it to its fee, once."""
        creditor = payment.parties.creditor
        key = self._account_key(creditor.member, creditor.account)
        department_id = await store.department_of(db, key)
        if department_id is None:
            return
        intent = await self._intent_of(db, department_id, payment, link)
        is_new = await store.insert_collection(db, store.Collection(
            payment_id=payment.id, organisation_id=department_id,
            intent_id=intent.id if intent else None, amount=payment.amount,
            settled_on=settlement_date_of(payment.finished_at or payment.created_at),
        ))
        if intent is not None and is_new:
            await self._pay(db, intent, payment)

    async def _intent_of(
        self, db: Connection, department_id: str, payment: Payment, link: Link | None
    ) -> Intent | None:
        """The open fee that a payment is for; by its link, else by number, sum and currency."""
        if link is not None:
            found = await self.of_link(db, link.id)
            return found if found is not None and found.state == "open" else None
        for number in numbers_in(payment.parties.remittance):
            intent = await store.load_by_number(db, self._core.vault, department_id, number)
            if intent is None or intent.state != "open" or payment.amount != intent.draft.amount:
                continue
            if await self._links.paid_elsewhere(db, intent.link_id, payment):
                return intent
        return None

    async def _pay(self, db: Connection, intent: Intent, payment: Payment) -> None:
        assert payment.state == "settled", "only settled money pays a fee"
        assert payment.amount == intent.draft.amount, "a fee is paid whole"
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        receipt = await self._receipt(db, intent, payment, now)
        moved = await store.move_to_paid(db, intent.id, payment.id, now, receipt)
        assert moved, "its row was locked while open"
        await self._core.receipts.record(
            db, "payments.fee_paid", PLATFORM_ORGANISATION,
            {"intent_id": intent.id, "payment_id": payment.id, "link_id": intent.link_id},
            {"receipt": hashlib.sha256(receipt.encode()).hexdigest()},
        )

    async def _receipt(
        self, db: Connection, intent: Intent, payment: Payment, now: datetime
    ) -> str:
        kernel = self._core.kernel
        draft = intent.draft
        department = await self._core.directory.get(db, draft.department_id)
        assert department is not None, "organisations are never deleted"
        return sign_jws(organisation_key(kernel, PLATFORM_ORGANISATION), {
            "iss": PLATFORM_ORGANISATION, "jti": intent.id, "iat": kernel.wire_clock.now_s(),
            "department": {"id": department.id, "names": dict(department.names)},
            "service": draft.service, "titles": msgspec.to_builtins(draft.titles),
            "number": intent.number, "reference": draft.reference,
            "payer_reference": draft.payer_reference, "amount": draft.amount.wire(),
            "currency": draft.amount.currency, "paid_at": now.isoformat(),
            "payment_id": payment.id, "uetr": payment.uetr,
        }, typ=RECEIPT_TYPE)  # fmt: skip


def _link_draft(draft: IntentDraft, intent_id: str, now: datetime) -> LinkDraft:
    """The link of a fee: open until the end of the day on which it is due."""
    end = datetime.combine(draft.due_on + timedelta(days=1), time(0), tzinfo=HONG_KONG)
    description = f"{draft.titles.en} {draft.titles.zh_hant}"
    return LinkDraft(
        payee_id=draft.department_id, payee_reference=number_of(intent_id),
        proxy_kind=draft.proxy_kind, proxy=draft.proxy, currency=draft.amount.currency,
        amount=draft.amount, amount_minor_max=None,
        description=description[:DESCRIPTION_LENGTH_MAX],
        life_s=max(LIFE_S_MIN, int((end - now).total_seconds())),
        callback_url=draft.callback_url, return_url=draft.return_url,
    )

"""Payment links: made by payees, fetched by payers' banks, claimed by transfers, called back.

Use cases run in the caller's transaction; calling back is a job of its own (beats). The address of
a link holds 256 bits from the operating system; in the database it is a hash and a sealed copy.
Not for: moving money (switch) or pages (portal). Invariants: a link is claimed by one payment at a
time, before its money is held; a result is called back with one id however often it is sent.
Source: RFC 9421 (fetching, calling back), RFC 7515 (the payment request).
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION, Organisation, organisation_key
from lionrock.kernel import jobs, outbox, secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import sign_jws
from lionrock.kernel.money import Money
from lionrock.kernel.network import refused_because
from lionrock.payments.addressing.domain.names import mask_name
from lionrock.payments.domain import reasons
from lionrock.payments.domain.payments import Payment
from lionrock.payments.links.domain.addresses import ENDPOINT, is_under
from lionrock.payments.links.domain.links import (
    PAYEE_DIFFERS,
    REQUEST_LIFE,
    REQUESTS_MAX,
    Link,
    LinkDraft,
    LinkRequest,
    check_claim,
    check_draft,
    check_open,
    request_id_of,
    secret_key,
    state_at,
)
from lionrock.payments.links.domain.refusals import LinkRefusal
from lionrock.payments.links.store import links as store
from lionrock.payments.service.core import Core
from lionrock.payments.service.routing import Destination, Router

PAYEE_ROLE = "payee"
LINK_PREFIX, REQUEST_PREFIX = "lnk", "lrq"
REQUEST_TYPE = "payment-request+jwt"
PAGE_PATH = "/pay/"
CALLBACK_QUEUE = "payments.link_callbacks"
EXPIRY_QUEUE = "payments.link_expiry"
PAID_TOPIC = "payments.link_paid"
SECRET_LENGTH = 43


class Fetched(msgspec.Struct, frozen=True):
    """A payment request as handed to a bank: signed, and what it says."""

    jws: str
    request: LinkRequest
    link: Link


class Links:
    """The links of a city."""

    def __init__(self, core: Core, router: Router) -> None:
        self._core = core
        self._router = router

    def address(self, link: Link) -> str:
        """The link itself: what the payee shows, and whoever has it may pay."""
        return f"{self._origin}{PAGE_PATH}{link.secret}"

    @property
    def _origin(self) -> str:
        return self._core.kernel.settings.public_url.rstrip("/")

    async def create(self, db: Connection, payee: Organisation, draft: LinkDraft) -> Link | Refused:
        """Make a link; the same draft again is the same link.

        Refused: NOT_A_PAYEE, MALFORMED, CALLBACK_FOREIGN, RETURN_FOREIGN, ADDRESS_REFUSED,
        REFERENCE_REUSED, and what routing to the proxy refuses.
        """
        assert draft.payee_id == payee.id, "a payee makes its own links"
        if PAYEE_ROLE not in payee.roles:
            return Refused(LinkRefusal.NOT_A_PAYEE)
        refused = check_draft(draft) or self._check_addresses(payee, draft)
        if refused is not None:
            return refused
        vault = self._core.vault
        found = await self.destination(db, draft, draft.amount or Money(1, draft.currency))
        if isinstance(found, Refused):
            return found
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        link = Link(
            id=kernel.ids.new(LINK_PREFIX), state="open", draft=draft, secret=secrets.token(),
            created_at=now, expires_at=now + timedelta(seconds=draft.life_s),
        )
        if not await store.insert_link(db, vault, link, secret_key(link.secret)):
            return await self._repeated(db, draft)
        await self._core.receipts.record(
            db, "payments.link_created", PLATFORM_ORGANISATION, {"link_id": link.id},
            {"link": draft.digest().hex()},
        )
        await jobs.schedule(
            db, queue=EXPIRY_QUEUE, key=link.id, business_due_at=link.expires_at
        )
        return link

    async def _repeated(self, db: Connection, draft: LinkDraft) -> Link | Refused:
        there = await store.load_by_reference(
            db, self._core.vault, draft.payee_id, draft.payee_reference
        )
        assert there is not None, "its reference was taken"
        if there.draft.digest() != draft.digest():
            return Refused(LinkRefusal.REFERENCE_REUSED, field="payee_reference")
        return there

    def _check_addresses(self, payee: Organisation, draft: LinkDraft) -> Refused | None:
        """Both addresses lie under the registered one, whose literal IP may be called at all."""
        base = payee.endpoints.get(ENDPOINT, "")
        if draft.callback_url and not is_under(draft.callback_url, base):
            return Refused(LinkRefusal.CALLBACK_FOREIGN, field="callback_url")
        if draft.return_url and not is_under(draft.return_url, base):
            return Refused(LinkRefusal.RETURN_FOREIGN, field="return_url")
        host = urlsplit(base).hostname or ""
        if draft.callback_url and _is_literal(host):
            allow_private = self._core.kernel.settings.allow_private_targets
            reason = refused_because(host, allow_private=allow_private)
            if reason:
                return Refused(LinkRefusal.ADDRESS_REFUSED, f"{reason}.", field="callback_url")
        return None

    async def destination(
        self, db: Connection, draft: LinkDraft, amount: Money
    ) -> Destination | Refused:
        """Who is paid by a link now: the account registered under the payee's proxy."""
        return await self._router.to_proxy(db, draft.proxy_kind, draft.proxy, amount)

    async def own(self, db: Connection, payee_id: str, link_id: str) -> Link | Refused:
        """Return a payee's own link; NOT_FOUND for others."""
        link = await store.load_own(db, self._core.vault, link_id, payee_id)
        return link if link is not None else Refused(LinkRefusal.NOT_FOUND)

    async def cancel(self, db: Connection, payee_id: str, link_id: str) -> Link | Refused:
        """Call a link off; again changes nothing. Refused: NOT_FOUND, USED, BEING_PAID, EXPIRED."""
        link = await self.own(db, payee_id, link_id)
        if isinstance(link, Refused) or link.state == "cancelled":
            return link
        now = self._core.kernel.business_clock.now()
        refused = check_open(link, now)
        if refused is not None:
            return refused
        moved = await store.move(db, link.id, "open", "cancelled", finished_at=now)
        assert moved, "its row was locked while open"
        return msgspec.structs.replace(link, state="cancelled", finished_at=now)

    async def at_address(
        self, db: Connection, text: str, *, is_locking: bool = True
    ) -> Link | Refused:
        """Return the link of an address of ours, or of its last part alone; ADDRESS_UNKNOWN."""
        secret = text.removeprefix(f"{self._origin}{PAGE_PATH}")
        if len(secret) != SECRET_LENGTH or not secret.isascii():
            return Refused(LinkRefusal.ADDRESS_UNKNOWN, field="url")
        link = await store.load_by_secret(
            db, self._core.vault, secret_key(secret), is_locking=is_locking
        )
        return link if link is not None else Refused(LinkRefusal.ADDRESS_UNKNOWN, field="url")

    async def fetch(
        self, db: Connection, bank: Organisation, text: str
    ) -> Fetched | Refused:
        """Hand a payer's bank a signed payment request: for this bank, once, for ten minutes.

        Refused: ADDRESS_UNKNOWN, EXPIRED, USED, CANCELLED, BEING_PAID, REQUESTS_EXHAUSTED.
        """
        link = await self.at_address(db, text)
        if isinstance(link, Refused):
            return link
        kernel = self._core.kernel
        now = kernel.business_clock.now()
        refused = check_open(link, now)
        if refused is not None:
            return refused
        if await store.count_requests(db, link.id) >= REQUESTS_MAX:
            return Refused(LinkRefusal.REQUESTS_EXHAUSTED)
        found = await self.destination(
            db, link.draft, link.draft.amount or Money(1, link.draft.currency)
        )
        if isinstance(found, Refused):
            return found
        request = LinkRequest(
            id=kernel.ids.new(REQUEST_PREFIX), link_id=link.id, organisation_id=bank.id,
            created_at=now, expires_at=min(link.expires_at, now + REQUEST_LIFE),
        )
        await store.insert_request(db, request)
        return Fetched(await self._signed(db, link, request, found), request, link)

    async def _signed(
        self, db: Connection, link: Link, request: LinkRequest, found: Destination
    ) -> str:
        kernel = self._core.kernel
        payee = await self._core.directory.get(db, link.draft.payee_id)
        assert payee is not None, "organisations are never deleted"
        draft = link.draft
        now_s = kernel.wire_clock.now_s()
        life_s = int((request.expires_at - request.created_at).total_seconds())
        maximum = draft.amount_minor_max
        claims = {
            "iss": PLATFORM_ORGANISATION, "aud": request.organisation_id, "jti": request.id,
            "iat": now_s, "exp": now_s + max(1, life_s),
            "end_to_end_id": request.end_to_end_id, "link_id": link.id,
            "payee": {"organisation_id": payee.id, "names": dict(payee.names)},
            "payee_reference": draft.payee_reference, "description": draft.description,
            "creditor": {
                "proxy_kind": draft.proxy_kind, "proxy": found.proxy.value if found.proxy else "",
                "clearing_code": found.participant.clearing_code,
                "masked_name": mask_name(found.creditor.name),
            },
            "currency": draft.currency,
            "amount": draft.amount.wire() if draft.amount else None,
            "amount_max": Money(maximum, draft.currency).wire() if maximum else None,
            "expires_at": request.expires_at.isoformat(), "return_url": draft.return_url,
        }
        return sign_jws(organisation_key(kernel, PLATFORM_ORGANISATION), claims, typ=REQUEST_TYPE)

    async def claim(self, db: Connection, payment: Payment) -> str:
        """Let a transfer that bears a payment request's EndToEndId pay its link, or say why not.

        Returns "" when it may, and where there is no such request; else an ISO 20022 reason code.
        """
        request_id = request_id_of(payment.end_to_end_id)
        request = await store.load_request(db, request_id) if request_id else None
        if request is None:
            return ""
        link = await store.load_link(db, self._core.vault, request.link_id, is_locking=True)
        assert link is not None, "a request is of a link"
        now = self._core.kernel.business_clock.now()
        rejection = check_claim(link, request, payment.initiator_id, payment.amount, now)
        if rejection is None and not await self._pays_payee(db, link, payment):
            rejection = PAYEE_DIFFERS
        if rejection is not None:
            assert rejection.reason_code in reasons.REASON_TEXTS, "it has words"
            return rejection.reason_code
        # From here the claim must succeed: both rows are locked.
        used = await store.use_request(db, request.id, payment.id)
        moved = await store.move(db, link.id, "open", "paying", payment_id=payment.id)
        assert used, "it was not used a moment ago"
        assert moved, "it was open a moment ago"
        return ""

    async def _pays_payee(self, db: Connection, link: Link, payment: Payment) -> bool:
        found = await self.destination(db, link.draft, payment.amount)
        if isinstance(found, Refused):
            return False
        paid = payment.parties.creditor
        return (found.creditor.member, found.creditor.account) == (paid.member, paid.account)

    async def settled(self, db: Connection, payment: Payment) -> Link | None:
        """A payment settled: its link is paid. Returns the link the first time."""
        link = await store.load_by_payment(db, self._core.vault, payment.id)
        if link is None or link.state != "paying":
            return None
        now = self._core.kernel.business_clock.now()
        paid = payment.amount.amount_minor
        moved = await store.move(
            db, link.id, "paying", "paid", payment_id=payment.id, paid_minor=paid, finished_at=now
        )
        assert moved, "its row was locked while being paid"
        await self._core.receipts.record(
            db, "payments.link_paid", PLATFORM_ORGANISATION,
            {"link_id": link.id, "payment_id": payment.id}, {"link": link.draft.digest().hex()},
        )
        await outbox.emit(db, self._core.kernel.ids, PAID_TOPIC, {
            "link_id": link.id, "payment_id": payment.id, "payee_id": link.draft.payee_id,
        })
        await self._call_back(db, link)
        return msgspec.structs.replace(
            link, state="paid", paid_minor=paid, finished_at=now
        )

    async def paid_elsewhere(self, db: Connection, link_id: str, payment: Payment) -> bool:
        """What a link asks for was paid without it (by code): it is over, if nobody is paying it.

        False when it is not open, also by its time; then the payment stands on its own.
        """
        link = await store.load_link(db, self._core.vault, link_id, is_locking=True)
        assert link is not None, "links are never deleted"
        if self.state_now(link) != "open":
            return False
        await store.move(db, link.id, "open", "paying", payment_id=payment.id)
        return await self.settled(db, payment) is not None

    async def rejected(self, db: Connection, payment_id: str) -> None:
        """A payment was rejected: its link can be paid again, or is over meanwhile."""
        link = await store.load_by_payment(db, self._core.vault, payment_id)
        if link is None or link.state != "paying":
            return
        await store.move(db, link.id, "paying", "open")
        await self.expire(db, link.id)

    async def expire(self, db: Connection, link_id: str) -> None:
        """End an open link whose time is over, and tell its payee."""
        link = await store.load_link(db, self._core.vault, link_id, is_locking=True)
        assert link is not None, "links are never deleted"
        now = self._core.kernel.business_clock.now()
        if link.state != "open" or state_at(link, now) != "expired":
            return
        await store.move(db, link.id, "open", "expired", finished_at=now)
        await self._call_back(db, link)

    async def _call_back(self, db: Connection, link: Link) -> None:
        if not link.draft.callback_url:
            return
        await store.set_callback(db, link.id, "due", 0)
        await jobs.schedule(db, queue=CALLBACK_QUEUE, key=link.id)

    def state_now(self, link: Link) -> str:
        """The state to show at this business instant."""
        return state_at(link, self._core.kernel.business_clock.now())


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

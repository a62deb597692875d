"""What the pay page of a link shows: to whoever has the address, and to nobody else.

Not for: drawing pages (portal). The payee is shown by its name in the directory; the account's
holder only masked.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import quote

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.money import Money
from lionrock.payments.links.documents import render_receipt
from lionrock.payments.links.domain.intents import Intent
from lionrock.payments.links.domain.links import Link
from lionrock.payments.links.domain.refusals import IntentRefusal
from lionrock.payments.links.service.intents import Intents
from lionrock.payments.links.service.links import Links
from lionrock.payments.service.core import Core
from lionrock.payments.service.participants import ROLE

APP_ENDPOINT = "payment-app"


class BankApp(msgspec.Struct, frozen=True):
    """A participant's app, and the address that opens the link in it on the same device."""

    names: dict[str, str]
    url: str


class PayPage(msgspec.Struct, frozen=True, kw_only=True):
    """One link for its payer. `code` is a payment code, there for an open fee only."""

    payee_names: dict[str, str]
    description: str
    titles: Text | None
    state: str
    currency: str
    amount: Money | None
    amount_max: Money | None
    number: str
    address: str
    code: str
    return_url: str
    expires_at: datetime
    paid: Money | None
    paid_at: datetime | None
    payment_id: str
    receipt_digest: str
    apps: tuple[BankApp, ...]


class PayPages:
    """The pay pages of a city's links."""

    def __init__(self, core: Core, links: Links, intents: Intents) -> None:
        self._core = core
        self._links = links
        self._intents = intents

    async def page(self, db: Connection, secret: str) -> PayPage | Refused:
        """Return the page of a link's address; ADDRESS_UNKNOWN."""
        link = await self._links.at_address(db, secret, is_locking=False)
        if isinstance(link, Refused):
            return link
        intent = await self._intents.of_link(db, link.id)
        code = await self._intents.code_of(db, intent) if intent else None
        payee = await self._core.directory.get(db, link.draft.payee_id)
        assert payee is not None, "organisations are never deleted"
        page = self._shown(link, intent, payee.names, code or "")
        apps = await self._apps(db, page.address) if page.state == "open" else ()
        return msgspec.structs.replace(page, apps=apps)

    async def receipt(self, db: Connection, secret: str, language: str) -> bytes | Refused:
        """Return the receipt of a paid fee as PDF; ADDRESS_UNKNOWN, NOT_PAID."""
        link = await self._links.at_address(db, secret, is_locking=False)
        if isinstance(link, Refused):
            return link
        intent = await self._intents.of_link(db, link.id)
        if intent is None or not intent.receipt:
            return Refused(IntentRefusal.NOT_PAID)
        return render_receipt(intent.receipt, language, self._core.kernel.settings.city)

    async def _apps(self, db: Connection, address: str) -> tuple[BankApp, ...]:
        """The apps of active participants that registered one, each opening this link."""
        banks = await self._core.directory.list(db, ROLE)
        query = f"?url={quote(address, safe='')}"
        return tuple(
            BankApp(dict(bank.names), f"{bank.endpoints[APP_ENDPOINT]}{query}")
            for bank in banks if bank.is_active and APP_ENDPOINT in bank.endpoints
        )

    def _shown(
        self, link: Link, intent: Intent | None, names: dict[str, str], code: str
    ) -> PayPage:
        draft = link.draft
        maximum = draft.amount_minor_max
        receipt = intent.receipt if intent else ""
        return PayPage(
            payee_names=dict(names), description=draft.description,
            titles=intent.draft.titles if intent else None, state=self._links.state_now(link),
            currency=draft.currency, amount=draft.amount,
            amount_max=Money(maximum, draft.currency) if maximum else None,
            number=intent.number if intent else draft.payee_reference,
            address=self._links.address(link), code=code, return_url=draft.return_url,
            expires_at=link.expires_at, paid=link.paid, paid_at=link.finished_at,
            payment_id=link.payment_id or "",
            receipt_digest=hashlib.sha256(receipt.encode()).hexdigest() if receipt else "",
            apps=(),
        )

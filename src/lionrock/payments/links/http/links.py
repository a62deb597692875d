"""Payment links over HTTP, for payees and for payers' banks; all calls are signed."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.responses import Response

from lionrock.directory.api import SignedCall, sign_reply
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import reply
from lionrock.kernel.money import Money
from lionrock.payments.links.domain.links import Link, LinkDraft
from lionrock.payments.links.domain.refusals import LinkRefusal
from lionrock.payments.links.service.links import Links
from lionrock.payments.service.payments import Payments
from lionrock.payments.store.members import Participant

REQUEST_MEDIA_TYPE = "application/payment-request+jwt"
LIFE_S = 15 * 60


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to be paid. Amounts are decimal strings; without `amount` the payer chooses it."""

    payee_reference: str
    description: str
    proxy_kind: str
    proxy: str
    currency: Literal["HKD", "CNY"] = "HKD"
    amount: str = ""
    amount_max: str = ""
    life_s: int = LIFE_S
    callback_url: str = ""
    return_url: str = ""


class LinkReply(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its payee sees it. `url` is secret: whoever has it may pay."""

    id: str
    url: str
    state: str
    payee_reference: str
    description: str
    currency: str
    amount: str
    amount_max: str
    created_at: str
    expires_at: str
    paid_amount: str
    payment_id: str
    finished_at: str


class FetchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address that the payer's bank app was given."""

    url: str


class CreateCall(SignedCall[Payments, LinkBody]):
    """A payee's wish."""


class OwnCall(SignedCall[Payments, None]):
    """A payee's call about one link."""


class FetchCall(SignedCall[Payments, FetchBody]):
    """A payer's bank."""

    participant: Participant | None = None


async def save_link(call: CreateCall) -> Refused | Response:
    """Make the link, or find the one that was made from the same wish."""
    draft = draft_of(call.body, call.caller.id)
    if isinstance(draft, Refused):
        return draft
    links = call.room.links.links
    link = await links.create(call.db, call.caller, draft)
    if isinstance(link, Refused):
        return link
    return sign_reply(call, reply(show_link(links, link), 201))


async def save_request(call: FetchCall) -> Refused | Response:
    """Hand the bank a payment request, signed by the switch (RFC 7515)."""
    fetched = await call.room.links.links.fetch(call.db, call.caller, call.body.url)
    if isinstance(fetched, Refused):
        return fetched
    return sign_reply(
        call, Response(fetched.jws, status_code=201, media_type=REQUEST_MEDIA_TYPE)
    )


async def reply_link(call: OwnCall) -> Refused | Response:
    """Answer with the link; another payee's is not found."""
    links = call.room.links.links
    link = await links.own(call.db, call.caller.id, call.path_params["link_id"])
    if isinstance(link, Refused):
        return link
    return sign_reply(call, reply(show_link(links, link)))


async def save_cancellation(call: OwnCall) -> Refused | Response:
    """Call the link off, unless it is paid or being paid."""
    links = call.room.links.links
    link = await links.cancel(call.db, call.caller.id, call.path_params["link_id"])
    if isinstance(link, Refused):
        return link
    return sign_reply(call, reply(show_link(links, link)))


def draft_of(body: LinkBody, payee_id: str) -> LinkDraft | Refused:
    """Read a wish; MALFORMED names an amount that is none."""
    amounts: dict[str, Money | None] = {}
    for field in ("amount", "amount_max"):
        text = getattr(body, field)
        try:
            amounts[field] = Money.parse(text, body.currency) if text else None
        except ValueError as error:
            return Refused(LinkRefusal.MALFORMED, f"{error}.", field)
    maximum = amounts["amount_max"]
    return LinkDraft(
        payee_id=payee_id, payee_reference=body.payee_reference, proxy_kind=body.proxy_kind,
        proxy=body.proxy, currency=body.currency, amount=amounts["amount"],
        amount_minor_max=maximum.amount_minor if maximum is not None else None,
        description=body.description, life_s=body.life_s, callback_url=body.callback_url,
        return_url=body.return_url,
    )


def show_link(links: Links, link: Link) -> LinkReply:
    """Show a link to its payee."""
    draft = link.draft
    maximum = draft.amount_minor_max
    return LinkReply(
        id=link.id, url=links.address(link), state=links.state_now(link),
        payee_reference=draft.payee_reference, description=draft.description,
        currency=draft.currency, amount=draft.amount.wire() if draft.amount else "",
        amount_max=Money(maximum, draft.currency).wire() if maximum else "",
        created_at=link.created_at.isoformat(), expires_at=link.expires_at.isoformat(),
        paid_amount=link.paid.wire() if link.paid else "", payment_id=link.payment_id or "",
        finished_at=link.finished_at.isoformat() if link.finished_at else "",
    )

"""The pay page of a payment link, for whoever has its address: no sign-in, nothing to type.

The page shows whom, what for and how much, the code to scan with a bank's app, and afterwards the
receipt. It is never indexed or cached, and sends no referrer (kernel.http), for its address is the
secret.
"""

from __future__ import annotations

from starlette.responses import Response

from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import show_money
from lionrock.kernel.money import Money
from lionrock.payments.api import PayPage, draw_code
from lionrock.portal.errors import PortalRefusal
from lionrock.portal.http.calls import PortalCall, show


async def reply_pay_page(call: PortalCall) -> Response | Refused:
    """Show the link as it stands now."""
    page = await _page(call)
    if isinstance(page, Refused):
        return page

    def money(amount: Money) -> str:
        return show_money(amount.amount_minor, amount.currency, call.lang)

    titles = page.titles
    response = show(
        call, "pay.html", page=page, secret=call.path_params["secret"], pay_money=money,
        payee=page.payee_names.get(call.lang) or page.payee_names["en"],
        title=titles.in_language(call.lang) if titles else page.description,
    )
    response.headers["x-robots-tag"] = "noindex, nofollow"
    return response


async def reply_receipt(call: PortalCall) -> Response | Refused:
    """Hand the receipt of a paid fee out as PDF."""
    content = await call.room.payments.links.pages.receipt(
        call.db, call.path_params["secret"], call.lang
    )
    if isinstance(content, Refused):
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    response = Response(content, media_type="application/pdf")
    response.headers["content-disposition"] = 'inline; filename="receipt.pdf"'
    response.headers["x-robots-tag"] = "noindex, nofollow"
    return response


async def reply_link_picture(call: PortalCall) -> Response | Refused:
    """Draw the link's own address, while it can be paid."""
    page = await _page(call)
    return page if isinstance(page, Refused) else _picture(page, page.address)


async def reply_code_picture(call: PortalCall) -> Response | Refused:
    """Draw the payment code of a fee, while it can be paid."""
    page = await _page(call)
    return page if isinstance(page, Refused) else _picture(page, page.code)


def _picture(page: PayPage, text: str) -> Response | Refused:
    if not text or page.state != "open":
        return Refused(PortalRefusal.PAGE_UNKNOWN)
    return Response(draw_code(text), media_type="image/svg+xml")


async def _page(call: PortalCall) -> PayPage | Refused:
    return await call.room.payments.links.pages.page(call.db, call.path_params["secret"])

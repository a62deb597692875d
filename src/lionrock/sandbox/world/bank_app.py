"""A simulated bank's app in the browser: where a payment link leads on the payer's own device.

    GET  /app/pay?url=...    fetches the payment request and shows whom it pays, and how much
    POST /app/pay            pays it from the chosen account and shows the way back

There is no log-in: the app stands for a phone that its holder has unlocked. A request that was
shown is kept for the answer; the switch takes it once.
Not for: deciding whether a link may be paid (the switch).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import JobHandler
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.bank_links import LinkPayments
from lionrock.sandbox.world.pages import page, page_language, read_body

SHOWN = "link-requests"
TEXTS: Mapping[str, Text] = {
    "simulated": Text(
        "This bank is simulated. No money moves.", "這是模擬銀行，並無真實款項往來。",
        "这是模拟银行，并无真实款项往来。",
    ),
    "title": Text("Pay with the bank's app", "以銀行應用程式付款", "以银行应用程序付款"),
    "payee": Text("Payee", "收款方", "收款方"),
    "holder": Text("Account in the name of", "戶口持有人", "账户持有人"),
    "for": Text("For", "用途", "用途"),
    "amount": Text("Amount", "金額", "金额"),
    "account": Text("From account", "付款戶口", "付款账户"),
    "pay": Text("Pay", "付款", "付款"),
    "ordered": Text(
        "The payment is on its way.", "付款正在處理。", "付款正在处理。",
    ),
    "back": Text("Back to the payee", "返回收款方", "返回收款方"),
    "refused": Text("This cannot be paid.", "未能付款。", "未能付款。"),
}  # fmt: skip


class LinkApp:
    """The app's pages of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._links = LinkPayments(parts)

    def routes(self) -> Sequence[BaseRoute]:
        """Its pages."""
        return (
            Route("/app/pay", self._show, methods=["GET"]),
            Route("/app/pay", self._pay, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    async def _show(self, request: Request) -> Response:
        """Show what is to be paid."""
        url = request.query_params.get("url", "")
        claims = await self._links.fetch(url)
        if isinstance(claims, Response):
            return self._page(request, url, refused=_code_of(claims), status=claims.status_code)
        await self._parts.context.store.put(self._parts.bank_id, SHOWN, claims["jti"], claims)
        accounts = await self._parts.payments.books.accounts()
        return self._page(request, url, claims=claims, accounts=[
            each for each in accounts
            if each.status == "open" and claims["currency"] in each.balances
        ])

    async def _pay(self, request: Request) -> Response:
        """Pay what was shown."""
        form = dict(parse_qsl((await read_body(request)).decode("utf-8", "replace")))
        store, bank = self._parts.context.store, self._parts.bank_id
        claims = await store.get(bank, SHOWN, form.get("request", ""))
        if claims is None:
            return self._page(request, "", refused="request_not_shown", status=400)
        paid = await self._links.pay(form.get("account", ""), claims, form.get("amount", ""))
        if paid.status_code != 202:
            return self._page(request, "", refused=_code_of(paid), status=paid.status_code)
        return self._page(request, "", claims=claims, is_ordered=True)

    def _page(
        self, request: Request, url: str, *, status: int = 200, **values: Any
    ) -> Response:
        language = page_language(request)
        shown: dict[str, Any] = {
            "claims": None, "accounts": [], "refused": "", "is_ordered": False,
        } | values
        return page(
            "bank_app.html", self._parts.context, language, TEXTS, status=status,
            heading=TEXTS["title"].in_language(language),
            query=f"url={quote(url, safe='')}&" if url else "", **shown,
        )  # fmt: skip


def _code_of(answer: Response) -> str:
    said = json.loads(bytes(answer.body))
    return str(said.get("code") or said.get("error"))

"""A simulated bank: a participant of the switch with customers, statements and magic amounts.

    GET  /accounts[/{number}]      statements, as JSON or as a page
    GET  /magic                    the amounts that make it misbehave
    POST /operator/transfers       make a customer pay; PUT /operator/accounts/{number} open one

The exchange side of the same bank (bank_data.py) is handed in as `companion` and served beside.
Messages of the switch come in at the letterbox (bank_letterbox.py).
Not for: bookkeeping (bank_books.py) or what a message does (bank_payments.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.directory.api import PLATFORM_ORGANISATION, RemoteDirectory, Sender, send_signed
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Again, Done, Handler, Job
from lionrock.kernel.jose import Key
from lionrock.kernel.money import Money, format_minor
from lionrock.kernel.network import Reply, Unreachable
from lionrock.kernel.signatures import Checked, check_request, target_uri
from lionrock.payments.api import (
    Proxy,
)
from lionrock.sandbox.world.bank_addressing import MAGIC_PAYEES, AddressDesk
from lionrock.sandbox.world.bank_app import LinkApp
from lionrock.sandbox.world.bank_books import Account, Entry
from lionrock.sandbox.world.bank_counter import Counter
from lionrock.sandbox.world.bank_debits import Debits
from lionrock.sandbox.world.bank_desk import BankParts, Desk, MessageDesk
from lionrock.sandbox.world.bank_files import FileDesk
from lionrock.sandbox.world.bank_letterbox import Letterbox, later, problem
from lionrock.sandbox.world.bank_links import LinkPayments
from lionrock.sandbox.world.bank_magic import magic_words
from lionrock.sandbox.world.bank_onboarding import JoiningDesk
from lionrock.sandbox.world.bank_payments import BankPayments, Payee
from lionrock.sandbox.world.bank_recalls import RecallDesk
from lionrock.sandbox.world.bank_requests import RequestDesk
from lionrock.sandbox.world.bank_settlement import Treasury
from lionrock.sandbox.world.bank_simulation import Simulation
from lionrock.sandbox.world.frame import Party, WorldContext
from lionrock.sandbox.world.pages import page, page_language, read_within

OPERATOR_BODY_BYTES_MAX = 16 * 1024
# Further desks of every bank, each in a module of its own.
DESKS: tuple[Callable[[BankParts], Desk], ...] = (
    Letterbox, AddressDesk, Counter, LinkPayments, LinkApp, Debits, RecallDesk, RequestDesk,
    Treasury, FileDesk, Simulation, JoiningDesk,
)

TEXTS: Mapping[str, Text] = {
    "simulated": Text(
        "This bank is simulated. No money moves.",
        "這是模擬銀行，並無真實款項往來。",
        "这是模拟银行，并无真实款项往来。",
    ),
    "statement": Text("Account statement", "賬戶結單", "账户结单"),
    "balance": Text("Balance", "結餘", "余额"),
    "date": Text("Date", "日期", "日期"),
    "counterparty": Text("Counterparty", "對方", "对方"),
    "reference": Text("Reference", "附言", "附言"),
    "amount": Text("Amount", "金額", "金额"),
    "status": Text("Status", "狀態", "状态"),
}


class AccountBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to open; `opening` are decimal strings by currency."""

    name: str
    opening: dict[str, str]
    proxies: tuple[tuple[Literal["mobile", "email"], str], ...] = ()
    status: Literal["open", "closed", "blocked"] = "open"


class TransferBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's payment: to a proxy, or to an account at a bank by its clearing code."""

    account: str
    amount: str
    currency: str
    end_to_end_id: str
    remittance: str = ""
    proxy_kind: Literal["mobile", "email", "fps_id", ""] = ""
    proxy: str = ""
    creditor_clearing_code: str = ""
    creditor_account: str = ""
    creditor_name: str = ""
    # The payer was shown the switch's warning about this proxy and wants to pay all the same.
    is_warning_seen: bool = False
    service_class: Literal["C1", "C2"] = "C1"
    payee_verification: Literal["PERFORM", "SKIP", ""] = ""


class Warned(msgspec.Struct, frozen=True):
    """The payer must be shown this before paying."""

    warning: dict[str, Any]


class Bank:
    """One bank. `clearing_code` is its code at the switch."""

    def __init__(
        self, context: WorldContext, bank_id: str, clearing_code: str,
        companion: Party | None = None,
    ) -> None:
        self.id = bank_id
        self.clearing_code = clearing_code
        self._context = context
        self._companion = companion
        self._directory = RemoteDirectory(
            context.network, context.platform_url, context.wire_clock
        )
        self.payments = BankPayments(context, bank_id, clearing_code)
        self.books = self.payments.books
        parts = BankParts(
            context=context, bank_id=bank_id, clearing_code=clearing_code,
            payments=self.payments, post=self._call, call=self._call_as,
            check=self._check_signature,
        )  # fmt: skip
        self._desks = tuple(desk(parts) for desk in DESKS)
        for desk in self._desks:
            if isinstance(desk, MessageDesk):
                self.payments.extend(desk.takes(), desk.reports())
        self._magic = magic_words(
            desk.magic() for desk in self._desks if isinstance(desk, MessageDesk)
        )

    @property
    def key(self) -> Key:
        """Its signing key; the public half stands in the directory."""
        return self._context.key_store.get_or_create(self.id)

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        own = (
            Route("/accounts", self._show_accounts, methods=["GET"]),
            Route("/accounts/{number}", self._show_account, methods=["GET"]),
            Route("/magic", self._show_magic, methods=["GET"]),
            Route("/operator/transfers", self._pay, methods=["POST"]),
            Route("/operator/accounts/{number}", self._open_account, methods=["PUT"]),
        )
        desks = (route for desk in self._desks for route in desk.routes())
        return (*own, *desks, *(self._companion.routes() if self._companion else ()))

    def jobs(self) -> Mapping[str, Handler]:
        """Registering customers' proxies, and what the desks have to do."""
        own = {
            self.books.proxies_queue: self._register_proxies,
        }
        desks = {queue: job for desk in self._desks for queue, job in desk.jobs().items()}
        return {**own, **desks, **(self._companion.jobs() if self._companion else {})}

    async def _check_signature(self, request: Request, body: bytes) -> Checked | Refused:
        """Only the platform's key counts; after a failure the directory is read anew once."""
        checked = await self._check_once(request, body)
        if isinstance(checked, Refused):
            self._directory.forget()
            checked = await self._check_once(request, body)
        return checked

    async def _check_once(self, request: Request, body: bytes) -> Checked | Refused:
        switch = await self._directory.get(PLATFORM_ORGANISATION)
        scope = request.scope
        raw_path = scope.get("raw_path") or scope["path"].encode()
        url = target_uri(self._context.world_url, raw_path, scope["query_string"])
        return check_request(
            method="POST", url=url, headers=request.headers, body=body,
            key_of=lambda named: switch.key_of(named) if switch else None,
            now_s=self._context.wire_clock.now_s(), required=("content-type",),
        )

    async def _register_proxies(self, job: Job) -> Done | Again:
        """Register the proxies of one account at the switch."""
        account = await self._context.database.run(lambda db: self.books.account(db, job.key))
        assert account is not None, "its registration was scheduled with it"
        for kind, value in account.proxies:
            body = msgspec.json.encode({
                "kind": kind, "value": value, "account_number": account.number,
                "account_name": account.name, "currencies": sorted(account.balances),
            })
            reply = await self._call("/payments/v1/proxies", body, "application/json")
            if reply is None or reply.status != 201:
                return later(job)
        return Done()

    async def _call(self, path: str, body: bytes, media_type: str) -> Reply | None:
        """Make a signed POST to the platform; None when it does not answer."""
        return await self._call_as("POST", path, body, media_type)

    async def _call_as(
        self, method: str, path: str, body: bytes, media_type: str
    ) -> Reply | None:
        """Make a signed call to the platform; None when it does not answer."""
        try:
            exchange = await send_signed(
                self._context.network, self._context.wire_clock, Sender(self.id, self.key),
                method=method, url=self._context.platform_url.rstrip("/") + path, body=body,
                headers={"content-type": media_type} if body else {},
            )
        except Unreachable:
            return None
        return exchange.reply

    async def _open_account(self, request: Request) -> Response:
        """PUT an account: opened once, its name and proxies may change."""
        body = await read_within(request, OPERATOR_BODY_BYTES_MAX)
        try:
            wanted = msgspec.json.decode(body or b"", type=AccountBody)
            opening = {
                currency: Money.parse(amount, currency).amount_minor
                for currency, amount in wanted.opening.items()
            }
        except (msgspec.DecodeError, ValueError) as error:
            return problem("body_malformed", 400, str(error))
        account = await self.books.open_account(
            request.path_params["number"], wanted.name, opening=opening, proxies=wanted.proxies,
            status=wanted.status,
        )
        return JSONResponse(_account(account))

    async def _pay(self, request: Request) -> Response:
        """POST a payment of a customer."""
        body = await read_within(request, OPERATOR_BODY_BYTES_MAX)
        try:
            wanted = msgspec.json.decode(body or b"", type=TransferBody)
            amount = Money.parse(wanted.amount, wanted.currency)
        except (msgspec.DecodeError, ValueError) as error:
            return problem("body_malformed", 400, str(error))
        payee = await self._find_payee(wanted)
        if isinstance(payee, Warned):
            return JSONResponse({"simulated": True, "error": "payee_high_risk",
                                 "warning": payee.warning}, 409)  # fmt: skip
        if payee is None:
            return problem("payee_not_found", 404)

        async def use_case(db: Connection) -> Entry | None:
            account = await self.books.account(db, wanted.account)
            if account is None:
                return None
            return await self.payments.originate(
                db, account, payee, amount, end_to_end_id=wanted.end_to_end_id,
                remittance=wanted.remittance, service_class=wanted.service_class,
                payee_verification=wanted.payee_verification,
            )

        entry = await self._context.database.run(use_case)
        if entry is None:
            return problem("funds_insufficient", 409)
        return JSONResponse(_entry(entry), 202)

    async def _find_payee(self, wanted: TransferBody) -> Payee | Warned | None:
        if not wanted.proxy_kind:
            return Payee(
                clearing_code=wanted.creditor_clearing_code, name=wanted.creditor_name,
                account=wanted.creditor_account,
            )
        body = msgspec.json.encode({
            "kind": wanted.proxy_kind, "value": wanted.proxy, "payer": wanted.account,
        })
        reply = await self._call("/payments/v1/proxies/lookups", body, "application/json")
        if reply is None or reply.status != 200:
            return None
        found = msgspec.json.decode(reply.body)
        if found["warning"] is not None and not wanted.is_warning_seen:
            return Warned(found["warning"])
        return Payee(
            clearing_code=found["clearing_code"], name=found["masked_name"],
            proxy=Proxy(kind=wanted.proxy_kind, value=wanted.proxy),
        )

    async def _show_accounts(self, _request: Request) -> Response:
        accounts = await self.books.accounts()
        return JSONResponse({
            "simulated": True, "accounts": [_account(account) for account in accounts],
        })

    async def _show_account(self, request: Request) -> Response:
        """Show a statement: as a page to browsers, as JSON to everyone else."""
        found = await self.books.statement(request.path_params["number"])
        if found is None:
            return problem("account_not_found", 404)
        account, entries = found
        content = {**_account(account), "entries": [_entry(entry) for entry in entries]}
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(content)
        language = page_language(request)
        heading = f"{TEXTS['statement'].in_language(language)}: {account.name}"
        return page("bank.html", self._context, language, TEXTS, heading=heading, account=content)

    async def _show_magic(self, _request: Request) -> Response:
        return JSONResponse({
            "simulated": True, "currencies": ["HKD", "CNY"], "amounts": self._magic,
            "payee_names": MAGIC_PAYEES,
        })


def _account(account: Account) -> dict[str, Any]:
    return {
        "simulated": True, "number": account.number, "name": account.name,
        "status": account.status,
        "balances": {c: format_minor(minor, c) for c, minor in sorted(account.balances.items())},
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "uetr": entry.uetr, "transaction_id": entry.transaction_id, "direction": entry.direction,
        "end_to_end_id": entry.end_to_end_id, "status": entry.status, "reason": entry.reason,
        "amount": format_minor(entry.amount_minor, entry.currency), "currency": entry.currency,
        "counterparty": entry.counterparty, "remittance": entry.remittance,
        "booked_at": entry.booked_at.isoformat(),
    }

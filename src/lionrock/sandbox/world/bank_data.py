"""A simulated bank's account data for the exchange: accounts, balances, transactions (IADS-style).

What a company's account shows on a day is drawn from seed, bank, company and that day, so that the
statement is the same in every run, grows as the business clock is advanced, and never changes for a
day that is past. Not for: payments (bank.py).

Invariant: the ledger balance is the opening balance plus all transactions up to now.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.exchange.api import AccountData
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.money import format_minor
from lionrock.sandbox.world.data_provider import DataProvider, draw, plain
from lionrock.sandbox.world.frame import WorldContext

PRODUCTS = frozenset({("account-data", 1)})
OPENED_ON = datetime.date(2021, 6, 1)
FIRST_DAY = datetime.date(2025, 1, 1)
DAYS_SHOWN_MAX = 540
OPERATOR_BODY_BYTES_MAX = 512 * 1024
_RECORDS = "accounts"
_CREDITS = ("Invoice settled", "Instalment from customer", "Refund from supplier")
_DEBITS = ("Salaries", "Rent", "Parts and materials", "Utilities", "Cloud services", "Audit fee")


class BankData:
    """The exchange side of one simulated bank; the bank's party takes its routes and jobs in."""

    def __init__(
        self, context: WorldContext, bank_id: str, customers: frozenset[str], seed: int
    ) -> None:
        """`customers` are business registration numbers of companies with accounts here."""
        self._context = context
        self.id = bank_id
        self._customers = customers
        self._seed = seed
        self.provider = DataProvider(context, bank_id, PRODUCTS, self)

    async def record(
        self, product: str, identifier_kind: str, identifier: str
    ) -> Mapping[str, Any] | None:
        """Return a company's whole account data as of now; the operator's when there is one."""
        if (product, identifier_kind) != ("account-data", "business_registration_number"):
            return None
        put = await self._context.store.get(self.id, _RECORDS, identifier)
        if put is not None:
            return put.get("record") or self._drawn(identifier)
        return self._drawn(identifier) if identifier in self._customers else None

    def routes(self) -> Sequence[BaseRoute]:
        """The gateway, and the sandbox operator's address for the user's own firm."""
        operator = Route(
            "/operator/account-data/{number}", self._put_customer, methods=["PUT"]
        )
        return [*self.provider.routes(), operator]

    def jobs(self) -> Mapping[str, JobHandler]:
        """Posting of receipts."""
        return self.provider.jobs()

    async def put_customer(self, number: str, record: AccountData | None = None) -> None:
        """Make a company a customer, with the account data given or else drawn."""
        document = {"record": plain(record) if record is not None else None}
        await self._context.store.put(self.id, _RECORDS, number, document)

    async def _put_customer(self, request: Request) -> Response:
        """PUT a company's account data, or an empty body for drawn ones."""
        body = await request.body()
        if len(body) > OPERATOR_BODY_BYTES_MAX:
            return JSONResponse({"error": "the body is too large"}, status_code=400)
        try:
            record = msgspec.json.decode(body, type=AccountData) if body else None
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        number = request.path_params["number"]
        await self.put_customer(number, record)
        return JSONResponse({"simulated": True, "stored": number})

    def _drawn(self, number: str) -> dict[str, Any]:
        now = self._context.business_clock.now()
        reference = f"acc-{draw(self._seed, self.id, number, 'account', below=10**8):08d}"
        tail = draw(self._seed, self.id, number, "tail", below=1_000)
        transactions = list(self._transactions(number, reference, now.date()))
        balance_minor = 25_000_000 + draw(self._seed, self.id, number, "opening", below=90_000_000)
        balance_minor += sum(row.pop("signed_minor") for row in transactions)
        first_shown = now.date() - datetime.timedelta(days=DAYS_SHOWN_MAX)
        balance = format_minor(balance_minor, "HKD")
        return {
            "availability": [{
                "account_reference": reference, "account_type": "current", "currency": "HKD",
                "masked_number": f"*****{tail:03d}", "opened_on": OPENED_ON.isoformat(),
            }],
            "status": [{"account_reference": reference, "status": "active"}],
            "balances": [{
                "account_reference": reference, "currency": "HKD", "ledger_balance": balance,
                "available_balance": balance, "as_of": now.isoformat(),
            }],
            "transactions": [
                row for row in transactions if row["booked_on"] >= first_shown.isoformat()
            ],
        }  # fmt: skip

    def _transactions(
        self, number: str, reference: str, today: datetime.date
    ) -> Iterator[dict[str, Any]]:
        for offset in range((today - FIRST_DAY).days + 1):
            day = FIRST_DAY + datetime.timedelta(days=offset)
            if day.weekday() >= 5 or draw(self._seed, self.id, number, day, below=3):
                continue
            is_credit = draw(self._seed, self.id, number, day, "side", below=2) == 1
            texts = _CREDITS if is_credit else _DEBITS
            text = texts[draw(self._seed, self.id, number, day, "text", below=len(texts))]
            amount = 50_000 + draw(self._seed, self.id, number, day, "amount", below=4_000_000)
            # Credits are the larger half, so that a drawn company stays solvent.
            amount_minor = amount * 5 // 4 if is_credit else amount
            yield {
                "account_reference": reference, "transaction_reference": f"txn-{day.isoformat()}",
                "booked_on": day.isoformat(), "direction": "credit" if is_credit else "debit",
                "amount": format_minor(amount_minor, "HKD"), "currency": "HKD",
                "description": text,
                "signed_minor": amount_minor if is_credit else -amount_minor,
            }  # fmt: skip

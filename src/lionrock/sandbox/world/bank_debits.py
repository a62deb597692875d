"""A simulated bank's desk for direct debits: authorisations of its customers, and collections.

    POST /operator/mandates                    ask a customer of another bank for an authorisation
    POST /operator/mandates/{id}/answers       {"accepted": true}: what the own customer says
    POST /operator/mandates/{id}/amendments    {"reason": "SUSPEND"} and so on
    POST /operator/mandates/{id}/cancellations end it
    POST /operator/collections                 collect under an authorisation
    GET  /mandates                             all that the bank knows

A customer who is asked agrees at once, unless the authorisation's limit is a magic amount (MAGIC,
also at /<bank>/magic). Magic is understood here, never by the platform.
Not for: the books (bank_books.py). Source: ISO 20022 pain.009 to pain.012, pacs.003 in the switch's
usage. Invariant: a collection is booked once, by UETR, and answered again when it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    DirectDebit,
    Header,
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
    MandateTerms,
    PartyAccount,
    settlement_date_of,
    uetr_of,
)
from lionrock.sandbox.world.bank_books import Account, Entry
from lionrock.sandbox.world.bank_debit_files import (
    DEBIT,
    MAGIC,
    MANDATES,
    REASON_OF_COLLECTION,
    REASON_OF_STATUS,
    AmendmentBody,
    AnswerBody,
    CollectionBody,
    Mandate,
    MandateBody,
    MandateStatus,
    problem,
    shown,
    terms_of,
)
from lionrock.sandbox.world.bank_desk import BankParts, Take
from lionrock.sandbox.world.pages import read_body
from lionrock.sandbox.world.store import read, write


class Debits:
    """The direct-debit desk of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._desk = parts.payments
        self._books = parts.payments.books

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        mandates = "/operator/mandates"
        return (
            Route(mandates, self._ask, methods=["POST"]),
            Route(f"{mandates}/{{id}}/answers", self._answer, methods=["POST"]),
            Route(f"{mandates}/{{id}}/amendments", self._amend, methods=["POST"]),
            Route(f"{mandates}/{{id}}/cancellations", self._cancel, methods=["POST"]),
            Route("/operator/collections", self._collect, methods=["POST"]),
            Route("/mandates", self._show, methods=["GET"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    def takes(self) -> Mapping[type, Take]:
        """The messages of the switch that this desk understands."""
        return {
            MandateInitiation: self._take_initiation,
            MandateAmendment: self._take_amendment,
            MandateCancellation: self._take_cancellation,
            MandateAcceptance: self._take_acceptance,
            DirectDebit: self._take_debit,
        }

    def reports(self) -> Mapping[str, Take]:
        """None: outcomes of collections are followed as those of transfers are, by UETR."""
        return {}

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, in words."""
        return {minor: words for minor, (_, words) in MAGIC.items()}

    async def _take_initiation(
        self, db: Connection, header: Header, asked: MandateInitiation
    ) -> None:
        """pain.009: keep it, and let the customer answer."""
        if await self._load(db, asked.mandate_id) is not None:
            return
        mandate = Mandate(
            id=asked.mandate_id, role="debtor", status="asked", request_id=asked.request_id,
            message_id=header.message_id, definition="pain.009.001.05", terms=asked.terms,
            creditor=asked.creditor, debtor=asked.debtor, proposed=asked.terms,
        )
        await self._save(db, mandate)
        await self._let_customer_answer(db, mandate)

    async def _take_amendment(
        self, db: Connection, header: Header, amendment: MandateAmendment
    ) -> None:
        """pain.010: other terms are for the customer to answer; suspend and resume are facts."""
        mandate = await self._load(db, amendment.mandate_id)
        if mandate is None or not await self._books.is_first(db, header.message_id):
            return
        if amendment.terms is None:
            status: MandateStatus = "suspended" if amendment.reason == "SUSPEND" else "active"
            await self._save(db, msgspec.structs.replace(mandate, status=status))
            return
        asked = msgspec.structs.replace(
            mandate, proposed=amendment.terms, message_id=header.message_id,
            definition="pain.010.001.05",
        )
        await self._save(db, asked)
        await self._let_customer_answer(db, asked)

    async def _let_customer_answer(self, db: Connection, mandate: Mandate) -> None:
        assert mandate.proposed is not None, "there is something to answer"
        account = await self._books.account(db, mandate.debtor.account)
        if account is None or account.status != "open":
            code = "AC01" if account is None else REASON_OF_STATUS[account.status]
            await self._say(db, mandate, code)
            return
        magic, _ = MAGIC.get(mandate.proposed.max_amount.amount_minor, ("", ""))
        if magic != "wait":
            await self._say(db, mandate, "MS02" if magic == "refuse" else "")

    async def _say(self, db: Connection, mandate: Mandate, reason_code: str) -> None:
        """Send the customer's answer, and follow it."""
        assert mandate.proposed is not None, "there is something to answer"
        is_first = mandate.status == "asked"
        status: MandateStatus = mandate.status
        if is_first:
            status = "refused" if reason_code else "active"
        await self._save(db, msgspec.structs.replace(
            mandate, status=status, proposed=None,
            terms=mandate.terms if reason_code else mandate.proposed,
        ))
        await self._send(db, MandateAcceptance(
            original_message_id=mandate.message_id, original_definition=mandate.definition,
            mandate_id=mandate.id, is_accepted=not reason_code, reason_code=reason_code,
        ))

    async def _take_cancellation(
        self, db: Connection, _header: Header, cancellation: MandateCancellation
    ) -> None:
        mandate = await self._load(db, cancellation.mandate_id)
        if mandate is not None:
            await self._save(db, msgspec.structs.replace(mandate, status="cancelled"))

    async def _take_acceptance(
        self, db: Connection, _header: Header, answer: MandateAcceptance
    ) -> None:
        """pain.012: the creditor's side learns the MndtId by it."""
        document = await read(db, self._parts.bank_id, MANDATES, answer.original_message_id)
        asked = msgspec.convert(document, Mandate) if document is not None else None
        mandate = await self._load(db, answer.mandate_id) or asked
        if mandate is None:
            return
        if answer.original_definition == "pain.009.001.05":
            status: MandateStatus = "active" if answer.is_accepted else "refused"
            mandate = msgspec.structs.replace(mandate, id=answer.mandate_id, status=status)
        elif answer.is_accepted and mandate.proposed is not None:
            mandate = msgspec.structs.replace(mandate, terms=mandate.proposed)
        await self._save(db, msgspec.structs.replace(mandate, proposed=None))

    async def _take_debit(self, db: Connection, header: Header, debit: DirectDebit) -> None:
        """pacs.003: debit once and answer; a repeat is answered again, never debited again."""
        there = await self._books.entry(db, debit.uetr)
        if there is None:
            reason = await self._refusal(db, debit)
            there = Entry(
                uetr=debit.uetr, direction="out", status="refused" if reason else "pending",
                account=debit.debtor.account, amount_minor=debit.amount.amount_minor,
                currency=debit.amount.currency, counterparty=debit.creditor.name,
                transaction_id=debit.transaction_id, end_to_end_id=debit.end_to_end_id,
                message_id=header.message_id, remittance=debit.remittance,
                booked_at=self._parts.context.business_clock.now(), reason=reason,
            )
            await self._books.book(db, there)
        if there.direction == "out" and there.status in {"pending", "refused"}:
            report = self._desk.report(there, DEBIT)
            await self._desk.answer(db, f"a{debit.uetr[:8]}", there, report)

    async def _refusal(self, db: Connection, debit: DirectDebit) -> str:
        magic, _ = MAGIC.get(debit.amount.amount_minor, ("", ""))
        if magic in REASON_OF_COLLECTION:
            return REASON_OF_COLLECTION[magic]
        mandate = await self._load(db, debit.mandate_id)
        if mandate is None or mandate.status != "active":
            return "MD01"
        account = await self._books.account(db, debit.debtor.account)
        if account is None:
            return "AC01"
        if account.status != "open":
            return REASON_OF_STATUS[account.status]
        if debit.amount.currency not in account.balances:
            return "AM03"
        has_funds = await self._books.has_funds(db, account.number, debit.amount)
        return "" if has_funds else "AM04"

    async def _ask(self, request: Request) -> Response:
        """POST: ask for an authorisation in a customer's name."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=MandateBody)
            today = settlement_date_of(self._parts.context.business_clock.now())
            terms = terms_of(wanted, today)
        except (msgspec.DecodeError, ValueError) as error:
            return problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            account = await self._books.account(db, wanted.account)
            if account is None:
                return problem("account_not_found", 404)
            mandate = self._asking(account, wanted, terms)
            await self._save(db, mandate)
            await self._desk.send(db, mandate.message_id, MandateInitiation(
                request_id=wanted.request_id, terms=terms, creditor=mandate.creditor,
                debtor=mandate.debtor,
            ))
            return JSONResponse(shown(mandate), 202)

        return await self._parts.context.database.run(use_case)

    def _asking(self, account: Account, wanted: MandateBody, terms: MandateTerms) -> Mandate:
        message_id = self._new_id()
        return Mandate(
            # Until the switch has given the MndtId, it is filed under the message.
            id=message_id, role="creditor", status="asked", request_id=wanted.request_id,
            message_id=message_id, definition="pain.009.001.05", terms=terms,
            creditor=PartyAccount(
                name=account.name, account=account.number, member=self._parts.clearing_code
            ),
            debtor=PartyAccount(
                name=wanted.debtor_name, account=wanted.debtor_account,
                member=wanted.debtor_clearing_code,
            ),
        )

    async def _answer(self, request: Request) -> Response:
        """POST: what the own customer says to a request that waits."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=AnswerBody)
        except msgspec.DecodeError as error:
            return problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            mandate = await self._load(db, request.path_params["id"])
            if mandate is None or mandate.proposed is None or mandate.role != "debtor":
                return problem("nothing_to_answer", 404)
            await self._say(db, mandate, "" if wanted.accepted else "MS02")
            return JSONResponse({"simulated": True}, 202)

        return await self._parts.context.database.run(use_case)

    async def _amend(self, request: Request) -> Response:
        """POST: suspend, resume, or propose another limit."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=AmendmentBody)
        except msgspec.DecodeError as error:
            return problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            mandate = await self._load(db, request.path_params["id"])
            if mandate is None:
                return problem("mandate_not_found", 404)
            terms = None
            if wanted.reason == "AMEND":
                limit = Money.parse(wanted.max_amount, mandate.terms.max_amount.currency)
                terms = msgspec.structs.replace(
                    mandate.terms, max_amount=limit, period_max_amount=None,
                    final_date=wanted.final_date or mandate.terms.final_date,
                )
                mandate = msgspec.structs.replace(mandate, proposed=terms)
            else:
                status: MandateStatus = "suspended" if wanted.reason == "SUSPEND" else "active"
                mandate = msgspec.structs.replace(mandate, status=status)
            await self._save(db, mandate)
            await self._send(db, MandateAmendment(
                mandate_id=mandate.id, reason=wanted.reason, terms=terms
            ))
            return JSONResponse(shown(mandate), 202)

        return await self._parts.context.database.run(use_case)

    async def _cancel(self, request: Request) -> Response:
        """POST: end an authorisation."""

        async def use_case(db: Connection) -> Response:
            mandate = await self._load(db, request.path_params["id"])
            if mandate is None:
                return problem("mandate_not_found", 404)
            await self._save(db, msgspec.structs.replace(mandate, status="cancelled"))
            await self._send(db, MandateCancellation(mandate_id=mandate.id, reason_code="MD16"))
            return JSONResponse({"simulated": True}, 202)

        return await self._parts.context.database.run(use_case)

    async def _collect(self, request: Request) -> Response:
        """POST: collect under an authorisation; the books wait for the outcome."""
        try:
            wanted = msgspec.json.decode(await read_body(request), type=CollectionBody)
            amount = Money.parse(wanted.amount, wanted.currency)
        except (msgspec.DecodeError, ValueError) as error:
            return problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> Response:
            mandate = await self._load(db, wanted.mandate_id)
            if mandate is None or mandate.role != "creditor":
                return problem("mandate_not_found", 404)
            entry = await self._originate(db, mandate, wanted, amount)
            return JSONResponse({
                "simulated": True, "uetr": entry.uetr, "transaction_id": entry.transaction_id,
            }, 202)

        return await self._parts.context.database.run(use_case)

    async def _originate(
        self, db: Connection, mandate: Mandate, wanted: CollectionBody, amount: Money
    ) -> Entry:
        payment_id = self._parts.context.ids.new("wpy")
        transaction_id = payment_id.removeprefix("wpy_")
        now = self._parts.context.business_clock.now()
        today = settlement_date_of(now)
        entry = Entry(
            uetr=uetr_of(payment_id), direction="in", status="collecting",
            account=mandate.creditor.account, amount_minor=amount.amount_minor,
            currency=amount.currency, counterparty=mandate.debtor.name,
            transaction_id=transaction_id, end_to_end_id=wanted.end_to_end_id,
            message_id=transaction_id, remittance=wanted.remittance, booked_at=now,
        )
        await self._books.book(db, entry)
        await self._desk.send(db, transaction_id, DirectDebit(
            settlement_date=today, end_to_end_id=wanted.end_to_end_id,
            transaction_id=transaction_id, uetr=entry.uetr, amount=amount,
            sequence=wanted.sequence, collection_date=today, mandate_id=mandate.id,
            creditor=mandate.creditor, debtor=mandate.debtor, remittance=wanted.remittance,
        ))
        return entry

    async def _show(self, _request: Request) -> Response:
        found = await self._parts.context.store.list(self._parts.bank_id, MANDATES)
        mandates = [msgspec.convert(document, Mandate) for document in found.values()]
        return JSONResponse({
            "simulated": True, "mandates": [shown(mandate) for mandate in mandates],
        })

    async def _load(self, db: Connection, mandate_id: str) -> Mandate | None:
        document = await read(db, self._parts.bank_id, MANDATES, mandate_id)
        return msgspec.convert(document, Mandate) if document is not None else None

    async def _save(self, db: Connection, mandate: Mandate) -> None:
        document: dict[str, Any] = msgspec.to_builtins(mandate)
        await write(db, self._parts.bank_id, MANDATES, mandate.id, document)

    async def _send(self, db: Connection, document: Any) -> None:
        await self._desk.send(db, self._new_id(), document)

    def _new_id(self) -> str:
        return self._parts.context.ids.new("wmd").removeprefix("wmd_")

"""A simulated bank that joins the switch: it applies, is tested, tests, and asks to be live.

    POST /payments/v1/test/messages     the test lane's messages, signed (RFC 9421)
    GET  /operator/onboarding           how its application stands, as the switch says
    POST /operator/onboarding           apply; again is the same application
    POST /operator/onboarding/tests     {"cases": [...]}: run tests (none: all), and send its own
    POST /operator/onboarding/go-live   ask to be live; .../withdrawal: end the application

Its test books are books of their own, under another name in the world: what is tested is the same
desk that takes live messages (bank_payments.py), and no customer's account moves.
Not for: what the tests are (the switch says), review (the operators' pages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel import replay
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done, Job, JobHandler
from lionrock.kernel.money import Money
from lionrock.kernel.network import Reply, Unreachable
from lionrock.payments.api import (
    MEDIA_TYPE,
    MESSAGE_BYTES_MAX,
    TEST_ACCOUNT,
    TEST_CASES,
    TEST_MEMBER,
    TEST_NAME,
    TEST_PATH,
    StatusRequest,
    TestCase,
    envelope_schema,
    read_envelope,
)
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.bank_payments import TRANSFER, BankPayments, Payee
from lionrock.sandbox.world.pages import read_body, read_within

PATH = "/operator/onboarding"
SWITCH_PATH = "/payments/v1/onboarding"
JSON = "application/json"
KIND, KEY = "onboarding", "candidate"
OPEN_ACCOUNT, CLOSED_ACCOUNT = "TEST-OPEN", "TEST-CLOSED"
TEST_FUNDS_MINOR = 10_000_00
TEST_AMOUNT_MINOR = 111
ENQUIRY_AFTER_MS = 1_000
RETRY_MS = 500


class ApplyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bank asks with beyond what is its own."""

    names: dict[str, str] = {}
    currencies: tuple[str, ...] = ("HKD",)
    limits: dict[str, str] = {}


class TestsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tests to run; none: all."""

    cases: tuple[str, ...] = ()


class JoiningDesk:
    """The desk by which one bank joins."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._test = BankPayments(
            parts.context, f"{parts.bank_id}.test", parts.clearing_code, TEST_MEMBER
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Its end point in the test lane, and what its operator does."""
        return (
            Route(TEST_PATH, self._take, methods=["POST"]),
            Route(PATH, self._show, methods=["GET"]),
            Route(PATH, self._apply, methods=["POST"]),
            Route(f"{PATH}/tests", self._run_tests, methods=["POST"]),
            Route(f"{PATH}/go-live", self._ask_go_live, methods=["POST"]),
            Route(f"{PATH}/withdrawal", self._withdraw, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """Sending what is in the test books' outbox."""
        return {self._test.books.outbox_queue: self._send}

    async def _take(self, request: Request) -> Response:
        """Take a message of the test lane: signature, shape, addresses, then the test books."""
        body = await read_within(request, MESSAGE_BYTES_MAX)
        if body is None:
            return _problem("message_too_large", 413)
        try:
            checked = await self._parts.check(request, body)
        except Unreachable as error:
            return _problem("directory_unreachable", 503, error.reason.value)
        if isinstance(checked, Refused):
            return _problem(checked.refusal.value, 401)
        envelope = read_envelope(body, envelope_schema())
        if isinstance(envelope, Refused):
            return _problem(envelope.refusal.value, 400)
        addresses = (envelope.header.from_member, envelope.header.to_member)
        if addresses != (TEST_MEMBER, self._parts.clearing_code):
            return _problem("wrong_address", 400)

        async def use_case(db: Connection) -> int:
            realm = f"payments-test/{self._parts.bank_id}"
            if not await replay.remember(db, realm, checked.nonce, checked.remember_until):
                return 401
            await self._test.take(db, envelope)
            return 202

        return Response(status_code=await self._parts.context.database.run(use_case))

    async def _apply(self, request: Request) -> Response:
        """Apply to the switch with the bank's own key and address."""
        try:
            wanted = msgspec.json.decode(await read_body(request) or b"{}", type=ApplyBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))
        await self._open_test_accounts(wanted.currencies)
        context, bank_id = self._parts.context, self._parts.bank_id
        name = bank_id.replace("-", " ").title()
        reply = await self._parts.call("POST", SWITCH_PATH, msgspec.json.encode({
            "organisation_id": bank_id, "kind": "bank", "bic": "LRXXHKHH",
            "names": wanted.names or dict.fromkeys(
                ("en", "zh-Hant", "zh-Hans"), f"{name} (simulated)"
            ),
            "clearing_code": self._parts.clearing_code, "currencies": wanted.currencies,
            "endpoint": context.address(bank_id), "limits": wanted.limits, "simulated": True,
            "takes_bundles": True,
            "keys": [context.key_store.get_or_create(bank_id).public_jwk],
            "contact": {"name": "Test desk", "email": "desk@bank.example",
                        "phone": "+85221230000"},
            "test_accounts": {"open": OPEN_ACCOUNT, "closed": CLOSED_ACCOUNT},
        }), JSON)  # fmt: skip
        if reply is not None and reply.status == 201:
            candidate_id = msgspec.json.decode(reply.body)["id"]
            await context.store.put(bank_id, KIND, KEY, {"id": candidate_id})
        return _told(reply)

    async def _open_test_accounts(self, currencies: Sequence[str]) -> None:
        funds = dict.fromkeys(currencies, TEST_FUNDS_MINOR)
        books = self._test.books
        await books.open_account(OPEN_ACCOUNT, "Test account", opening=funds)
        await books.open_account(
            CLOSED_ACCOUNT, "Closed test account", opening=funds, status="closed"
        )

    async def _show(self, _request: Request) -> Response:
        return await self._ask("GET", "")

    async def _ask_go_live(self, _request: Request) -> Response:
        return await self._ask("POST", "/go-live")

    async def _withdraw(self, _request: Request) -> Response:
        return await self._ask("POST", "/withdrawal")

    async def _run_tests(self, request: Request) -> Response:
        """Have tests run, and send what those of the bank's own ask for."""
        try:
            wanted = msgspec.json.decode(await read_body(request) or b"{}", type=TestsBody)
        except msgspec.DecodeError as error:
            return _problem("body_malformed", 400, str(error))
        told = await self._ask("POST", "/runs", msgspec.json.encode(wanted))
        if told.status_code == 202:
            names = wanted.cases or tuple(TEST_CASES)
            own = [TEST_CASES[name] for name in names if TEST_CASES[name].by == "candidate"]
            await self._parts.context.database.run(lambda db: self._send_all_own(db, own))
        return told

    async def _send_all_own(self, db: Connection, own: Sequence[TestCase]) -> None:
        for case in own:
            await self._send_own(db, case)

    async def _send_own(self, db: Connection, case: TestCase) -> None:
        """Send the transfer of a test, and the enquiry where the test asks for one."""
        account = await self._test.books.account(db, OPEN_ACCOUNT)
        assert account is not None, "it was opened with the application"
        [currency, *_] = account.balances
        entry = await self._test.originate(
            db, account, Payee(clearing_code=TEST_MEMBER, name=TEST_NAME, account=TEST_ACCOUNT),
            Money(TEST_AMOUNT_MINOR, currency), end_to_end_id=case.end_to_end_id,
            remittance="Test lane: no money moves",
        )
        if entry is None or "enquiry" not in case.awaits:
            return
        due_at = self._parts.context.wire_clock.now() + timedelta(milliseconds=ENQUIRY_AFTER_MS)
        await self._test.send(db, f"e{entry.message_id}"[:35], StatusRequest(
            original_message_id=entry.message_id, original_definition=TRANSFER,
            transaction_id=entry.transaction_id, uetr=entry.uetr,
        ), due_at)  # fmt: skip

    async def _send(self, job: Job) -> Done | Again:
        """Send a message of the test lane until the switch takes it or says that it never will."""
        database, books = self._parts.context.database, self._test.books
        found = await database.run(lambda db: books.outbox(db, job.key))
        candidate = await self._parts.context.store.get(self._parts.bank_id, KIND, KEY)
        if found is None or candidate is None:
            return Done()
        path = f"{SWITCH_PATH}/{candidate['id']}/messages"
        reply = await self._parts.call("POST", path, found.content.encode(), MEDIA_TYPE)
        if reply is None or reply.status >= 500 or reply.status == 429:
            return Again(after_ms=RETRY_MS)
        await books.mark_outgoing(job.key, "taken" if reply.status < 300 else "refused")
        return Done()

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Response:
        candidate = await self._parts.context.store.get(self._parts.bank_id, KIND, KEY)
        if candidate is None:
            return _problem("not_applied", 404)
        return _told(await self._parts.call(
            method, f"{SWITCH_PATH}/{candidate['id']}{path}", body, JSON if body else ""
        ))


def _told(reply: Reply | None) -> Response:
    """What the switch said, as it said it."""
    if reply is None:
        return _problem("switch_unreachable", 503)
    said: Any = msgspec.json.decode(reply.body) if reply.body else None
    return JSONResponse({"simulated": True, "switch_said": said}, reply.status)


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

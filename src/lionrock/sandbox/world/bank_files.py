"""A simulated bank's batch desk: a customer's list of payments becomes a pain.001 and is sent.

    POST /operator/files    {"name": "SALARIES-1", "account": "...", "currency": "HKD",
                             "entries": [{"amount": "100.00", "end_to_end_id": "S-1",
                                          "clearing_code": "307", "account": "...", "name": "..."}]}
    GET  /files             the files sent, and what the switch last said of each

The desk shows how a bank uploads a file in signed parts and follows it; it does not book the
customer's account. Amounts of entries may be magic for the creditor's bank (bank_magic.py); a file
whose control sum is 9.51 is announced with a wrong SHA-256, so that it is refused.
Not for: the books (bank_books.py). Source: ISO 20022 pain.001.001.09, pain.002.001.10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job, JobHandler, schedule
from lionrock.kernel.money import Money
from lionrock.payments.api import settlement_date_of
from lionrock.sandbox.world.bank_desk import BankParts, Take
from lionrock.sandbox.world.pages import read_within
from lionrock.sandbox.world.store import read, write

FILES = "payments-files"
PATH = "/payments/v1/files"
PART_BYTES = 256 * 1024
BODY_BYTES_MAX = 4 * 1024 * 1024
FOLLOW_MS, RETRY_MS = 1_000, 2_000
SPOILT_MINOR = 9_51
MAGIC = {SPOILT_MINOR: "as a file's control sum: sent with a wrong SHA-256, refused as a whole"}


class EntryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One payment; the amount is a decimal string."""

    amount: str
    end_to_end_id: str
    clearing_code: str
    account: str
    name: str
    remittance: str = ""


class FileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's list of payments; `name` names the file for the switch, once."""

    name: str
    account: str
    currency: str
    entries: tuple[EntryBody, ...]


class FileDesk:
    """The batch desk of one bank."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        self._queue = f"{parts.bank_id}.payments-files"

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route("/operator/files", self._send, methods=["POST"]),
            Route("/files", self._show, methods=["GET"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """Uploading a file and following it."""
        return {self._queue: self._upload}

    def takes(self) -> Mapping[type, Take]:
        """None: files are answered by files."""
        return {}

    def reports(self) -> Mapping[str, Take]:
        """None."""
        return {}

    def magic(self) -> Mapping[int, str]:
        """Its magic amounts in minor units, in words."""
        return MAGIC

    async def _send(self, request: Request) -> Response:
        """POST a list; the file is made now and uploaded by a job."""
        try:
            body = await read_within(request, BODY_BYTES_MAX)
            wanted = msgspec.json.decode(body or b"", type=FileBody)
            amounts = [Money.parse(each.amount, wanted.currency) for each in wanted.entries]
        except (msgspec.DecodeError, ValueError) as error:
            return _problem("body_malformed", 400, str(error))

        async def use_case(db: Connection) -> bool:
            debtor = await self._parts.payments.books.account(db, wanted.account)
            if debtor is None or not amounts:
                return False
            content = self._compose(wanted, amounts, debtor.name)
            await write(db, self._parts.bank_id, FILES, wanted.name, {
                "name": wanted.name, "content": content, "state": "due", "shown": None,
                "is_spoilt": sum(each.amount_minor for each in amounts) == SPOILT_MINOR,
            })
            await schedule(db, queue=self._queue, key=wanted.name)
            return True

        if not await self._parts.context.database.run(use_case):
            return _problem("account_not_found", 404)
        return JSONResponse({"simulated": True, "name": wanted.name}, 202)

    def _compose(self, wanted: FileBody, amounts: list[Money], debtor_name: str) -> str:
        now = self._parts.context.business_clock.now()
        total = Money(sum(each.amount_minor for each in amounts), wanted.currency).wire()
        entries = "".join(
            f"<CdtTrfTxInf><PmtId><EndToEndId>{escape(each.end_to_end_id)}</EndToEndId></PmtId>"
            f'<Amt><InstdAmt Ccy="{wanted.currency}">{amount.wire()}</InstdAmt></Amt>'
            f"{_agent('CdtrAgt', each.clearing_code)}<Cdtr><Nm>{escape(each.name)}</Nm></Cdtr>"
            f"{_account('CdtrAcct', each.account)}{_remittance(each.remittance)}</CdtTrfTxInf>"
            for each, amount in zip(wanted.entries, amounts, strict=True)
        )
        created = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>'
            f"<GrpHdr><MsgId>{escape(wanted.name)}</MsgId><CreDtTm>{created}</CreDtTm>"
            f"<NbOfTxs>{len(amounts)}</NbOfTxs><CtrlSum>{total}</CtrlSum><InitgPty>"
            f"<Nm>{escape(debtor_name)}</Nm></InitgPty></GrpHdr><PmtInf>"
            f"<PmtInfId>{escape(wanted.name)}</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>"
            f"<Dt>{settlement_date_of(now).isoformat()}</Dt></ReqdExctnDt>"
            f"<Dbtr><Nm>{escape(debtor_name)}</Nm></Dbtr>{_account('DbtrAcct', wanted.account)}"
            f"{_agent('DbtrAgt', self._parts.clearing_code)}{entries}</PmtInf>"
            "</CstmrCdtTrfInitn></Document>"
        )

    async def _upload(self, job: Job) -> Done | Again:
        """Send the file from its beginning, or ask how it stands; the switch knows repeats."""
        database = self._parts.context.database
        note = await database.run(lambda db: read(db, self._parts.bank_id, FILES, job.key))
        assert note is not None, "its upload was scheduled with it"
        shown = note["shown"]
        if note["state"] == "due":
            shown = await self._send_all(note)
        elif shown is not None:
            shown = await self._ask("GET", f"{PATH}/{shown['id']}")
        if shown is None:
            return Again(after_ms=RETRY_MS)
        told = {**note, "shown": shown, "state": "sent" if "id" in shown else "refused"}
        await database.run(lambda db: write(db, self._parts.bank_id, FILES, job.key, told))
        is_over = told["state"] == "refused" or shown["state"] == "answered"
        return Done() if is_over else Again(after_ms=FOLLOW_MS)

    async def _send_all(self, note: dict[str, Any]) -> dict[str, Any] | None:
        """Open, send each part, complete; the last answer, None when one did not come."""
        content = note["content"].encode()
        parts = [content[at:at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]
        digest = "0" * 64 if note["is_spoilt"] else hashlib.sha256(content).hexdigest()
        opened = await self._ask("POST", PATH, msgspec.json.encode({
            "name": note["name"], "definition": "pain.001.001.09", "byte_count": len(content),
            "part_count": len(parts), "sha256": digest,
        }))
        if opened is None or "id" not in opened:
            return opened
        for number, part in enumerate(parts, start=1):
            sent = await self._parts.call(
                "PUT", f"{PATH}/{opened['id']}/parts/{number}", part, "application/xml"
            )
            if sent is None or sent.status != 204:
                return None
        return await self._ask("POST", f"{PATH}/{opened['id']}/completion")

    async def _ask(self, method: str, path: str, body: bytes = b"") -> dict[str, Any] | None:
        reply = await self._parts.call(method, path, body, "application/json")
        if reply is None or reply.status >= 500:
            return None
        answer: dict[str, Any] = msgspec.json.decode(reply.body)
        return answer

    async def _show(self, _request: Request) -> Response:
        found = await self._parts.context.store.list(self._parts.bank_id, FILES)
        return JSONResponse({"simulated": True, "files": [
            {name: value for name, value in each.items() if name != "content"}
            for each in found.values()
        ]})


def _agent(name: str, member: str) -> str:
    return (
        f"<{name}><FinInstnId><ClrSysMmbId><MmbId>{escape(member)}</MmbId></ClrSysMmbId>"
        f"</FinInstnId></{name}>"
    )


def _account(name: str, number: str) -> str:
    return f"<{name}><Id><Othr><Id>{escape(number)}</Id></Othr></Id></{name}>"


def _remittance(text: str) -> str:
    return f"<RmtInf><Ustrd>{escape(text)}</Ustrd></RmtInf>" if text else ""


def _problem(code: str, status: int, detail: str = "") -> Response:
    return JSONResponse({"simulated": True, "error": code, "detail": detail}, status)

"""What candidates send in the test lane: attached to the run that it belongs to, as evidence.

Not for: judging (domain.cases), signatures (http). Invariants: nothing but a run's evidence is
written; what no run under way expects is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Envelope,
    Header,
    MessageReject,
    StatusReport,
    StatusRequest,
    definition_of,
    read_envelope,
    reference_of,
)
from lionrock.payments.onboarding.domain.candidates import Candidate
from lionrock.payments.onboarding.domain.cases import (
    CASES,
    EXCHANGES_MAX,
    TEST_ACCOUNT,
    TEST_MEMBER,
    Exchange,
)
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.service.composing import transfer_of
from lionrock.payments.onboarding.service.testing import TEST_QUEUE
from lionrock.payments.onboarding.store import runs
from lionrock.payments.onboarding.store.runs import Run
from lionrock.payments.service.core import Core

_R = OnboardingRefusal
_CASE_OF_ID = {case.end_to_end_id: case for case in CASES.values() if case.by == "candidate"}


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A signed request of the candidate's: where it was sent, what signed it, its body."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class TestInbox:
    """Takes messages of the test lane, each in its request's transaction."""

    __test__ = False

    def __init__(self, core: Core) -> None:
        self._core = core

    async def take(
        self, db: Connection, candidate: Candidate, incoming: Incoming
    ) -> Refused | None:
        """Take a message; None when it was taken.

        Refused: what the switch's reader refuses, LANE_DIFFERS, MESSAGE_UNASKED,
        MESSAGES_EXHAUSTED, BUSY_ON_PURPOSE. A refusal is kept as evidence where a run waits.
        """
        envelope = read_envelope(incoming.body, self._core.schema)
        if isinstance(envelope, Refused):
            return await self._refuse(db, candidate, incoming, envelope)
        refused = check_lane(candidate, envelope.header)
        if refused is not None:
            return await self._refuse(db, candidate, incoming, refused)
        document = envelope.document
        if isinstance(document, CreditTransfer):
            return await self._take_transfer(db, candidate, incoming, envelope, document)
        run = await self._run_of(db, candidate, envelope)
        if run is None:
            return await self._refuse(db, candidate, incoming, Refused(_R.MESSAGE_UNASKED))
        exchanges = await runs.list_exchanges(db, self._core.vault, run.id)
        if isinstance(document, StatusReport):
            about, said = document.original_message_id, self._said(document, exchanges)
        elif isinstance(document, MessageReject):
            about, said = document.related_reference, f"admi.002 {document.reason}"
        else:
            about, said = "", ""
        label = "enquiry" if isinstance(document, StatusRequest) else "answer"
        return await self._keep(
            db, run, exchanges, _exchange(incoming, envelope, label, about=about, said=said)
        )

    async def _take_transfer(
        self, db: Connection, candidate: Candidate, incoming: Incoming, envelope: Envelope,
        transfer: CreditTransfer,
    ) -> Refused | None:
        case = _CASE_OF_ID.get(transfer.end_to_end_id)
        run = await runs.lock_under_way(db, candidate.id, case.name) if case else None
        to = (transfer.creditor.member, transfer.creditor.account)
        if case is None or run is None or to != (TEST_MEMBER, TEST_ACCOUNT):
            return await self._refuse(db, candidate, incoming, Refused(_R.MESSAGE_UNASKED))
        exchanges = await runs.list_exchanges(db, self._core.vault, run.id)
        before = [e for e in exchanges if e.label in ("busy", "transfer")]
        is_busy = case.awaits[0] == "busy" and not before
        if is_busy:
            busy = _exchange(incoming, envelope, "busy", status=503)
            refused = await self._keep(db, run, exchanges, busy, transfer.uetr)
            return refused or Refused(_R.BUSY_ON_PURPOSE, keep=True, retry_after_s=1)
        is_same = all(e.body == incoming.body for e in before)
        is_first = not any(e.label == "transfer" for e in before)
        label = "transfer" if is_same and is_first else "repeat" if is_same else "altered"
        return await self._keep(
            db, run, exchanges, _exchange(incoming, envelope, label), transfer.uetr
        )

    async def _run_of(
        self, db: Connection, candidate: Candidate, envelope: Envelope
    ) -> Run | None:
        document, run_id = envelope.document, None
        if isinstance(document, StatusReport):
            run_id = await runs.run_of_message(db, candidate.id, document.original_message_id)
        elif isinstance(document, MessageReject):
            run_id = await runs.run_of_message(db, candidate.id, document.related_reference)
        elif isinstance(document, StatusRequest):
            run_id = await runs.run_of_uetr(db, candidate.id, document.uetr)
        return await runs.load_run(db, run_id, is_locking=True) if run_id else None

    def _said(self, report: StatusReport, exchanges: list[Exchange]) -> str:
        """What a report says, and in what it does not repeat the message that it is about."""
        said = f"{report.status} {report.reason_code}".strip()
        sent = next(
            (e for e in exchanges
             if e.message_id == report.original_message_id and e.direction == "out"), None
        )
        if sent is None or sent.label in ("invalid", "outcome"):
            return said
        transfer = transfer_of(self._core, sent)
        pairs = {
            "OrgnlTxId": (report.transaction_id, transfer.transaction_id),
            "OrgnlUETR": (report.uetr, transfer.uetr),
            "OrgnlEndToEndId": (report.end_to_end_id, transfer.end_to_end_id),
            "IntrBkSttlmAmt": (report.amount, transfer.amount),
        }
        wrong = [name for name, (theirs, ours) in pairs.items() if theirs != ours]
        return f"{said} with another {', '.join(wrong)}" if wrong else said

    async def _keep(
        self, db: Connection, run: Run, exchanges: list[Exchange], exchange: Exchange,
        uetr: str = "",
    ) -> Refused | None:
        if len(exchanges) >= EXCHANGES_MAX:
            return Refused(_R.MESSAGES_EXHAUSTED, f"At most {EXCHANGES_MAX} in a run.")
        now = self._core.kernel.wire_clock.now()
        placed = msgspec.structs.replace(
            exchange, position=len(exchanges) + 1, at=now, answered_at=now
        )
        await runs.add_exchange(db, self._core.vault, run, placed, uetr)
        await jobs.schedule(db, queue=TEST_QUEUE, key=run.id)
        return None

    async def _refuse(
        self, db: Connection, candidate: Candidate, incoming: Incoming, refused: Refused
    ) -> Refused:
        """Refuse a message; a test that waits for one keeps it with the reason."""
        kept = msgspec.structs.replace(refused, keep=True)
        for case in _CASE_OF_ID.values():
            run = await runs.lock_under_way(db, candidate.id, case.name)
            if run is None:
                continue
            said = f"refused: {' '.join(filter(None, (refused.refusal.value, refused.detail)))}"
            exchanges = await runs.list_exchanges(db, self._core.vault, run.id)
            exchange = Exchange(
                position=0, direction="in", label="refused", definition="",
                message_id=reference_of(incoming.body), said=said, status=400,
                at=run.started_at, url=incoming.url, headers=dict(incoming.headers),
                body=incoming.body,
            )
            await self._keep(db, run, exchanges, exchange)
            return kept
        return kept


def check_lane(candidate: Candidate, header: Header) -> Refused | None:
    """The header is from the candidate to the test lane, not to the live switch."""
    if header.from_member != candidate.application.clearing_code:
        return Refused(_R.LANE_DIFFERS, f"You are {candidate.application.clearing_code}.",
                       "/AppHdr/Fr")  # fmt: skip
    if header.to_member != TEST_MEMBER:
        return Refused(_R.LANE_DIFFERS, f"This is {TEST_MEMBER}.", "/AppHdr/To")
    return None


def _exchange(
    incoming: Incoming, envelope: Envelope, label: str, *, about: str = "", said: str = "",
    status: int = 202,
) -> Exchange:
    return Exchange(
        position=0, direction="in", label=label, definition=definition_of(envelope.document),
        message_id=envelope.header.message_id, at=envelope.header.created_at, about=about,
        said=said, status=status, url=incoming.url, headers=dict(incoming.headers),
        body=incoming.body,
    )

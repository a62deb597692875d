"""Use cases of the office: budgets get money, and the parties to a case get its proof.

The bundle of a case holds every receipt about the case, its payments and the consents that its
company gave to the office, with the documents that those receipts state digests of.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from lionrock.directory.api import PROGRAMME_OFFICE
from lionrock.evidence.api import Artefact, Evidence, EvidenceRefusal
from lionrock.exchange.api import Exchange, Owner
from lionrock.identity.api import Signing
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import Payments
from lionrock.programmes.cases import Actor, Cases, CaseView
from lionrock.programmes.cases.domain.values import Funding
from lionrock.programmes.office.errors import OfficeRefusal

OPERATOR = "operator"
EXPORT_TRIES_MAX = 20
EXPORT_PAUSE_S = 0.1
MESSAGE_MEDIA_TYPE = "application/xml"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.]+")


class Office:
    """The office of one place."""

    def __init__(
        self, kernel: Kernel, *, cases: Cases, exchange: Exchange, payments: Payments,
        evidence: Evidence, signing: Signing,
    ) -> None:
        self.kernel = kernel
        self._cases = cases
        self._exchange = exchange
        self._payments = payments
        self._evidence = evidence
        self._signing = signing

    async def fund_budget(
        self, actor: Actor, programme_id: str, amount: Money, reference: str
    ) -> Funding | Refused:
        """Put money into a budget on an operator's word; the same reference funds once.

        In beats: outside of any transaction. Refused: NOT_OPERATOR, BUDGET_MALFORMED.
        """
        if OPERATOR not in actor.staff_roles:
            return Refused(OfficeRefusal.NOT_OPERATOR)
        return await self._cases.awards.fund_budget(programme_id, amount, reference)

    async def case_evidence(self, actor: Actor, case_id: str) -> bytes | Refused:
        """Return the evidence bundle of a case of the actor's company.

        In beats: outside of any transaction. Refused: CASE_NOT_FOUND, NOT_FOR_COMPANY,
        EVIDENCE_NOT_READY and what the export refuses.
        """
        run = self.kernel.database.run
        view = await run(lambda db: self._cases.own_case(db, actor, case_id))
        if isinstance(view, Refused):
            return view
        for _ in range(EXPORT_TRIES_MAX):
            await self._evidence.catch_up()
            bundle = await run(lambda db: self._export(db, view))
            if not isinstance(bundle, Refused):
                return bundle
            if bundle.refusal is not EvidenceRefusal.NOT_INTEGRATED:
                return bundle
            # A receipt came in between; it is in the log with the next round.
            await asyncio.sleep(EXPORT_PAUSE_S)
        return Refused(OfficeRefusal.EVIDENCE_NOT_READY)

    async def trust_anchors(self, db: Connection) -> bytes:
        """Return the city's trust file, with the authorities of its documents."""
        authorities = await self._signing.ca_certificates(db)
        return await self._evidence.trust_anchors(db, ca_certificates=authorities)

    async def _export(self, db: Connection, view: CaseView) -> bytes | Refused:
        owner = Owner(kind="company", id=view.case.company_id)
        consents = [
            each.id for each in await self._exchange.owners_consents(db, owner)
            if each.consumer == PROGRAMME_OFFICE
        ]  # fmt: skip
        payment_ids = [each.payment_id for each in view.payouts if each.payment_id]
        # What was said about a payment is in the receipt of its end.
        ended = [
            each for each in payment_ids
            if (payment := await self._payments.payment(db, each)) and payment.is_final
        ]
        references: dict[str, str | Sequence[str]] = {"case_id": view.case.id}
        if consents:
            references["consent_id"] = consents
        if payment_ids:
            references["payment_id"] = payment_ids
        artefacts = [
            Artefact(_name(payment_id, number, definition), MESSAGE_MEDIA_TYPE, content)
            for payment_id in ended
            for number, (definition, content) in enumerate(
                await self._payments.messages(db, payment_id), start=1)
        ]  # fmt: skip
        return await self._evidence.export_bundle(db, references, artefacts)


def _name(payment_id: str, number: int, definition: str) -> str:
    """A file name for a payment's message, such as pay-0190-1-pacs.008.001.08.xml."""
    kind = _NOT_IN_NAMES.sub("-", definition.lower())
    return f"{payment_id.replace('_', '-')}-{number}-{kind}.xml"

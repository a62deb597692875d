"""The payments of a city: the object that the composition builds and other pillars are handed.

It puts the parts together and holds no logic of its own but the questions about one payment.
"""

from __future__ import annotations

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import Ledger
from lionrock.payments.addressing.domain.entries import ProxyRegistration, Registered
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.debits.parts import Parts as DebitParts
from lionrock.payments.debits.service import DirectDebits
from lionrock.payments.domain.orders import CreditTransferOrder
from lionrock.payments.domain.payments import Payment
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.files.domain.values import CREDIT_FILE, DEBIT_FILE
from lionrock.payments.files.service.carrying import Carrier, compose_debit, compose_transfer
from lionrock.payments.files.service.files import Files
from lionrock.payments.links.service.desk import LinkDesk
from lionrock.payments.onboarding.service.desk import OnboardingDesk
from lionrock.payments.recalls.service import Recalls
from lionrock.payments.requests.service import Requests
from lionrock.payments.schemas import envelope_schema
from lionrock.payments.sealing import Vault
from lionrock.payments.service.core import Core, Receipts
from lionrock.payments.service.daily import DailyLimits
from lionrock.payments.service.driving import DrivenHere
from lionrock.payments.service.enquiries import Enquiries
from lionrock.payments.service.inbox import Inbox
from lionrock.payments.service.intake import Intake
from lionrock.payments.service.messages import PaymentMessages
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.oversight import Oversight
from lionrock.payments.service.participants import Enrolment, Participants
from lionrock.payments.service.parts import RoomParts
from lionrock.payments.service.plain import PlainMessages
from lionrock.payments.service.post import Post
from lionrock.payments.service.routing import Router
from lionrock.payments.service.switch import Switch
from lionrock.payments.service.together import DrivenTogether
from lionrock.payments.settlement.domain import BusinessDays, is_weekday
from lionrock.payments.settlement.service.reconciliation import Register
from lionrock.payments.settlement.service.settlement import Settlement
from lionrock.payments.store import members, messages, payments
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message
from lionrock.payments.wallets import store as wallet_store
from lionrock.payments.wallets.service.wallets import Wallets


class Payments:
    """The switch and its register."""

    def __init__(
        self, kernel: Kernel, *, directory: Directory, receipts: Receipts, ledger: Ledger,
        is_business_day: BusinessDays = is_weekday,
    ) -> None:
        core = Core(
            kernel=kernel, vault=Vault(kernel.key_store), schema=envelope_schema(),
            directory=directory, ledger=ledger, receipts=receipts,
        )
        self._core = core
        self.addressing = Addressing(kernel, core.vault, directory, receipts)
        quota, router = self.addressing.quota, Router(core, self.addressing)
        self.post = Post(core)
        self.switch = Switch(core, self.post, quota)
        self.together = DrivenTogether(core, self.post, self.switch)
        self.here = DrivenHere(core, self.post, self.together)
        self.daily = DailyLimits(core)
        self.switch.listen(self.daily.on_closed, self.daily.concerned)
        self.orders = Orders(core, router, self.switch, self.daily)
        self.inbox = Inbox(core)
        self.inbox.extend(
            PaymentMessages(core, self.orders, self.post, self.switch).handlings()
        )
        self.inbox.extend(Enquiries(core, self.post).handlings())
        plain = PlainMessages(
            core, self.inbox, self.orders, self.post, self.switch, self.here
        )
        self.intake = Intake(core, self.inbox, plain, self.here)
        self.participants = Participants(core)
        self.onboarding = OnboardingDesk(core, self.participants, self.daily)
        self.settlement = Settlement(core, self.post, is_business_day=is_business_day)
        self.inbox.extend(self.settlement.handlings())
        self.oversight = Oversight(core, self.settlement, self.addressing)
        self.debits = DirectDebits(DebitParts(
            core=core, post=self.post, router=router, orders=self.orders, switch=self.switch
        ))
        self.inbox.extend(self.debits.handlings())
        rooms = RoomParts(
            core=core, post=self.post, router=router, orders=self.orders, switch=self.switch
        )
        self.recalls = Recalls(rooms)
        self.inbox.extend(self.recalls.handlings())
        self.requests = Requests(rooms)
        self.inbox.extend(self.requests.handlings())
        self.recalls.extend(self.requests.withdrawals())
        self.files = Files(core, {
            CREDIT_FILE: Carrier(compose_transfer, self.orders.take_transfer),
            DEBIT_FILE: Carrier(compose_debit, self.debits.collecting.take),
        })
        self.wallets = Wallets(core)
        self.settlement.reconciler.extend(
            Register(wallet_store.known_legs, wallet_store.unbooked_legs)
        )
        self.links = LinkDesk(core, router, self.orders)
        self.switch.listen(self.links.on_closed, self.links.concerned)

    async def initiate_credit_transfer(
        self, db: Connection, order: CreditTransferOrder
    ) -> Payment | Refused:
        """Take an order to pay in the caller's transaction; the worker drives it.

        The same order (initiator_org, end_to_end_id) again is the same payment. Refused:
        ORDER_MALFORMED, ORDER_REUSED, AMOUNT_OUT_OF_RANGE, PROXY_MALFORMED, PROXY_NOT_FOUND,
        CREDITOR_AGENT_OFFLINE, CURRENCY_NOT_TAKEN.
        """
        return await self.orders.initiate(db, order)

    async def payment(self, db: Connection, payment_id: str) -> Payment | None:
        """Return a payment, None when there is none of that id."""
        return await payments.load_payment(db, self._core.vault, payment_id)

    async def messages(self, db: Connection, payment_id: str) -> list[tuple[str, bytes]]:
        """Return a payment's messages as (definition, verbatim HTTP body), oldest first.

        The SHA-256 of each body is in a receipt, under the definition's name (README).
        `split_envelope` gives header and document for checks against the official schemas.
        """
        found = await messages.list_contents(db, self._core.vault, payment_id)
        return [(message.definition, content) for message, content in found]

    async def subject_messages(self, db: Connection, subject_id: str) -> list[tuple[str, bytes]]:
        """Return the messages about a mandate, request or recall, as `messages` does."""
        found = await messages.list_about(db, self._core.vault, subject_id)
        return [(message.definition, content) for message, content in found]

    async def message_rows(self, db: Connection, payment_id: str) -> list[Message]:
        """Return direction, counterpart and times of a payment's messages, oldest first."""
        found = await messages.list_contents(db, self._core.vault, payment_id)
        return [message for message, _ in found]

    async def visible_payment(
        self, db: Connection, payment_id: str, organisation_id: str
    ) -> Payment | Refused:
        """Return a payment to its initiator, its participants or the operator; to others not."""
        payment = await self.payment(db, payment_id)
        if payment is not None:
            concerned = {
                payment.initiator_id, payment.debtor_organisation_id,
                payment.creditor_organisation_id, PLATFORM_ORGANISATION,
            }
            if organisation_id in concerned:
                return payment
        return Refused(PaymentRefusal.PAYMENT_NOT_FOUND)

    async def participant(self, db: Connection, organisation_id: str) -> Participant | None:
        """Return a participant, None when the organisation is none."""
        return await members.load_participant(db, organisation_id)

    async def list_participants(self, db: Connection) -> list[Participant]:
        """Return all participants by clearing code."""
        return await members.list_participants(db)

    async def enrol_participant(self, enrolment: Enrolment) -> Participant | Refused:
        """Enrol an organisation of role "participant"; runs its own transactions (three beats)."""
        return await self.participants.enrol(enrolment)

    async def fund_participant(
        self, funding_id: str, organisation_id: str, amount: Money
    ) -> Money | Refused:
        """Credit a participant's account at the switch; runs its own transactions."""
        return await self.participants.fund(funding_id, organisation_id, amount)

    async def register_proxy(
        self, db: Connection, organisation_id: str, registration: ProxyRegistration
    ) -> Registered | Refused:
        """Register a proxy for a participant's customer, as over HTTP."""
        return await self.addressing.registry.register(db, organisation_id, registration)

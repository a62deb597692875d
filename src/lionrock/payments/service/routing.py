"""Where a payment goes: the creditor's participant, its account in the ledger, the parties.

Not for: holding or moving money. Outcomes: PROXY_MALFORMED, PROXY_NOT_FOUND, CREDITOR_AGENT_WRONG,
CREDITOR_AGENT_OFFLINE, CURRENCY_NOT_TAKEN, AMOUNT_OUT_OF_RANGE.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.addressing.domain.kinds import wire_value
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.domain.iso20022 import CreditTransfer, PartyAccount, Proxy
from lionrock.payments.domain.orders import CreditTransferOrder, check_amount
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.service.post import ENDPOINT
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Who receives a payment, and how its proxy is written in messages."""

    participant: Participant
    creditor: PartyAccount
    proxy: Proxy | None
    credit_account_id: int


class Router:
    """Finds destinations."""

    def __init__(self, core: Core, addressing: Addressing) -> None:
        self._core = core
        self._addressing = addressing

    async def to_proxy(
        self, db: Connection, kind: str, value: str, amount: Money
    ) -> Destination | Refused:
        """Route to whoever is registered under a proxy now."""
        found = await self._addressing.entry(db, kind, value, amount.currency)
        if isinstance(found, Refused):
            return found
        address, entry = found
        if amount.currency != entry.currency:
            return Refused(PaymentRefusal.CURRENCY_NOT_TAKEN, amount.currency, field="currency")
        participant = await members.load_participant(db, entry.organisation_id)
        assert participant is not None, "participants are never deleted"
        creditor = PartyAccount(
            name=entry.target.account_name, account=entry.target.account_number,
            member=participant.clearing_code,
        )
        # Messages carry mobile numbers and e-mails; for the others the account says it all, and an
        # identity card number is nobody's business on the way.
        shown = None
        if address.kind in ("mobile", "email"):
            shown = Proxy(kind=address.kind, value=wire_value(address))
        return await self._destination(db, participant, creditor, shown, amount)

    async def of_order(
        self, db: Connection, order: CreditTransferOrder
    ) -> Destination | Refused:
        """Route an order: to the account it names, else to whoever is registered under its proxy.

        Refused for an account, besides the limits: CREDITOR_AGENT_WRONG for an unknown bank.
        """
        if order.creditor is None:
            return await self.to_proxy(
                db, order.creditor_proxy_kind, order.creditor_proxy, order.amount
            )
        participant = await members.load_by_clearing_code(db, order.creditor.member)
        if participant is None:
            return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
        return await self._destination(db, participant, order.creditor, None, order.amount)

    async def of_transfer(
        self, db: Connection, sender: Participant, transfer: CreditTransfer
    ) -> Destination | Refused:
        """Route a participant's transfer, by its proxy or by bank and account number.

        With a proxy the bank named must still be the registered one: a number that was ported since
        the payer looked may be another person's.
        """
        refused = check_limit(sender, transfer.amount)
        if refused is not None:
            return refused
        if transfer.proxy is not None:
            found = await self.to_proxy(
                db, transfer.proxy.kind, transfer.proxy.value, transfer.amount
            )
        else:
            participant = await members.load_by_clearing_code(db, transfer.creditor.member)
            if participant is None:
                return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
            found = await self._destination(
                db, participant, transfer.creditor, None, transfer.amount
            )
        if isinstance(found, Refused):
            return found
        code = found.participant.clearing_code
        # A bank's payment to itself never leaves the bank; the ledger could not book it either.
        if code != transfer.creditor.member or code == sender.clearing_code:
            return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
        return found

    async def _destination(
        self, db: Connection, participant: Participant, creditor: PartyAccount,
        proxy: Proxy | None, amount: Money,
    ) -> Destination | Refused:
        refused = check_limit(participant, amount)
        if refused is not None:
            return refused
        if not await self.is_online(db, participant):
            return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
        account = participant.account(amount.currency)
        assert account is not None, "check_limit asked for it"
        return Destination(
            participant=participant, creditor=creditor, proxy=proxy,
            credit_account_id=account.ledger_account_id,
        )

    async def is_online(self, db: Connection, participant: Participant) -> bool:
        """Say whether a participant is active in the directory and can be sent messages."""
        organisation = await self._core.directory.get(db, participant.organisation_id)
        return (
            organisation is not None and organisation.is_active
            and ENDPOINT in organisation.endpoints
        )


def check_limit(participant: Participant, amount: Money) -> Refused | None:
    """The participant has an open account in the currency, and the amount is within its limit."""
    account = participant.account(amount.currency)
    if account is None:
        return Refused(PaymentRefusal.CURRENCY_NOT_TAKEN, amount.currency, field="currency")
    if account.payment_minor_max is not None and amount.amount_minor > account.payment_minor_max:
        return Refused(PaymentRefusal.AMOUNT_OUT_OF_RANGE, field="amount")
    return check_amount(amount)

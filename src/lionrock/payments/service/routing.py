"""Where a payment goes: the creditor's participant, its account in the ledger, the parties.

Not for: holding or moving money. Outcomes: PROXY_MALFORMED, PROXY_NOT_FOUND, CREDITOR_AGENT_WRONG,
CREDITOR_AGENT_OFFLINE, CURRENCY_NOT_TAKEN, AMOUNT_OUT_OF_RANGE.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import msgspec

from lionrock.directory.api import Organisation
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.addressing.domain.entries import ProxyEntry
from lionrock.payments.addressing.domain.kinds import Address, wire_value
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.domain.iso20022 import CreditTransfer, PartyAccount, Proxy
from lionrock.payments.domain.orders import CreditTransferOrder, check_amount
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.domain.verification import is_payee
from lionrock.payments.service.core import Core
from lionrock.payments.service.courier import ENDPOINT
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
        participant = await members.load_participant(db, entry.organisation_id)
        assert participant is not None, "participants are never deleted"
        refused = check_entry(entry, participant, amount)
        if refused is not None:
            return refused
        if not await self.is_online(db, participant):
            return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
        return _registered(address, entry, participant)

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
        refused = check_limit(participant, order.amount)
        if refused is not None:
            return refused
        if not await self.is_online(db, participant):
            return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
        return Destination(
            participant=participant, creditor=order.creditor, proxy=None,
            credit_account_id=_account_in(participant, order.amount.currency),
        )

    async def of_transfer(
        self, db: Connection, sender: Participant, transfer: CreditTransfer
    ) -> Destination | Refused:
        """Route a participant's transfer, by its proxy or by bank and account number."""
        [found] = await self.of_transfers(db, [(sender, transfer)])
        return found

    async def of_transfers(
        self, db: Connection, asked: Sequence[tuple[Participant, CreditTransfer]]
    ) -> list[Destination | Refused]:
        """The same for several transfers, in their order and in three round trips.

        With a proxy the bank named must still be the registered one: a number that was ported since
        the payer looked may be another person's.
        """
        proxies = [
            (transfer.proxy.kind, transfer.proxy.value, transfer.amount.currency)
            for _, transfer in asked if transfer.proxy is not None
        ]
        entries = iter(await self._addressing.entries(db, proxies) if proxies else [])
        registered = [
            next(entries) if transfer.proxy is not None else None for _, transfer in asked
        ]
        holders = [each[1].organisation_id for each in registered if isinstance(each, tuple)]
        codes = [transfer.creditor.member for _, transfer in asked if transfer.proxy is None]
        there = await members.load_participants(db, sorted(set(holders)), sorted(set(codes)))
        organisations = await self._core.directory.get_many(
            db, [each.organisation_id for each in there]
        )
        online = {each.organisation_id for each in there
                  if _is_online(organisations.get(each.organisation_id))}
        by_id = {each.organisation_id: each for each in there}
        by_code = {each.clearing_code: each for each in there}
        found: list[Destination | Refused] = []
        for (sender, transfer), entry in zip(asked, registered, strict=True):
            refused = check_limit(sender, transfer.amount)
            if refused is not None:
                found.append(refused)
            elif isinstance(entry, Refused):
                found.append(entry)
            elif entry is None:
                participant = by_code.get(transfer.creditor.member)
                found.append(_of_account(sender, transfer, participant, online))
            else:
                participant = by_id[entry[1].organisation_id]
                found.append(_of_proxy(sender, transfer, entry, participant, online))
        return found

    async def is_online(self, db: Connection, participant: Participant) -> bool:
        """Say whether a participant is active in the directory and can be sent messages."""
        return _is_online(await self._core.directory.get(db, participant.organisation_id))


def _is_online(organisation: Organisation | None) -> bool:
    return (
        organisation is not None and organisation.is_active and ENDPOINT in organisation.endpoints
    )


def _of_account(
    sender: Participant, transfer: CreditTransfer, participant: Participant | None,
    online: Set[str],
) -> Destination | Refused:
    """Where a transfer goes that names an account of a bank."""
    if participant is None:
        return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
    refused = check_limit(participant, transfer.amount)
    if refused is not None:
        return refused
    if participant.organisation_id not in online:
        return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
    return _checked(sender, transfer, Destination(
        participant=participant, creditor=transfer.creditor, proxy=None,
        credit_account_id=_account_in(participant, transfer.amount.currency),
    ))


def _of_proxy(
    sender: Participant, transfer: CreditTransfer, found: tuple[Address, ProxyEntry],
    participant: Participant, online: Set[str],
) -> Destination | Refused:
    """Where a transfer goes that names a proxy."""
    address, entry = found
    refused = check_entry(entry, participant, transfer.amount)
    if refused is not None:
        return refused
    if participant.organisation_id not in online:
        return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
    if not is_payee(transfer, entry.target.account_name):
        return Refused(PaymentRefusal.CREDITOR_NAME_DIFFERS, field="Cdtr/Nm")
    return _checked(sender, transfer, _registered(address, entry, participant))


def _checked(
    sender: Participant, transfer: CreditTransfer, found: Destination
) -> Destination | Refused:
    code = found.participant.clearing_code
    # A bank's payment to itself never leaves the bank; the ledger could not book it either.
    if code != transfer.creditor.member or code == sender.clearing_code:
        return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
    return found


def check_entry(
    entry: ProxyEntry, participant: Participant, amount: Money
) -> Refused | None:
    """The registration is in the payment's currency, and its bank may be paid this much in it."""
    if amount.currency != entry.currency:
        return Refused(PaymentRefusal.CURRENCY_NOT_TAKEN, amount.currency, field="currency")
    return check_limit(participant, amount)


def _registered(address: Address, entry: ProxyEntry, participant: Participant) -> Destination:
    """Who is paid under a proxy."""
    creditor = PartyAccount(
        name=entry.target.account_name, account=entry.target.account_number,
        member=participant.clearing_code,
    )
    # Messages carry mobile numbers and e-mails; for the others the account says it all, and an
    # identity card number is nobody's business on the way.
    shown = None
    if address.kind in ("mobile", "email"):
        shown = Proxy(kind=address.kind, value=wire_value(address))
    return Destination(
        participant=participant, creditor=creditor, proxy=shown,
        credit_account_id=_account_in(participant, entry.currency),
    )


def _account_in(participant: Participant, currency: str) -> int:
    account = participant.account(currency)
    assert account is not None, "check_limit asked for it"
    return account.ledger_account_id


def check_limit(participant: Participant, amount: Money) -> Refused | None:
    """The participant has an open account in the currency, and the amount is within its limit."""
    account = participant.account(amount.currency)
    if account is None:
        return Refused(PaymentRefusal.CURRENCY_NOT_TAKEN, amount.currency, field="currency")
    if account.payment_minor_max is not None and amount.amount_minor > account.payment_minor_max:
        return Refused(PaymentRefusal.AMOUNT_OUT_OF_RANGE, field="amount")
    return check_amount(amount)

"""Where a payment goes: the creditor's participant, its account in the ledger, the parties.

Not for: holding or moving money. Outcomes: PROXY_MALFORMED, PROXY_NOT_FOUND, CREDITOR_AGENT_WRONG,
CREDITOR_AGENT_OFFLINE, CURRENCY_NOT_TAKEN, AMOUNT_OUT_OF_RANGE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

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
from lionrock.payments.service.roster import Roster, is_online, load_roster
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant

# A registration under a proxy, why there is none to pay to, or None without a proxy.
Registered: TypeAlias = tuple[Address, ProxyEntry] | Refused | None


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
        registered = await self.find_registered(db, [transfer])
        roster = await load_roster(
            db, self._core.directory, {sender.organisation_id} | holders_of(registered),
            codes_of([transfer]),
        )
        [found] = self.routes([(sender, transfer)], registered, roster)
        return found

    async def find_registered(
        self, db: Connection, transfers: Sequence[CreditTransfer]
    ) -> list[Registered]:
        """Read what is registered under the proxies of transfers; None where one names none."""
        proxies = [
            (transfer.proxy.kind, transfer.proxy.value, transfer.amount.currency)
            for transfer in transfers if transfer.proxy is not None
        ]
        entries = iter(await self._addressing.entries(db, proxies) if proxies else [])
        return [next(entries) if each.proxy is not None else None for each in transfers]

    def routes(
        self, asked: Sequence[tuple[Participant, CreditTransfer]],
        registered: Sequence[Registered], roster: Roster,
    ) -> list[Destination | Refused]:
        """Where transfers go, by what was read; `roster` has senders, holders and codes.

        With a proxy the bank named must still be the registered one: a number that was ported since
        the payer looked may be another person's.
        """
        found: list[Destination | Refused] = []
        for (named, transfer), entry in zip(asked, registered, strict=True):
            # Limits are those of now.
            sender = roster.participants[named.organisation_id]
            refused = check_limit(sender, transfer.amount)
            if refused is not None:
                found.append(refused)
            elif isinstance(entry, Refused):
                found.append(entry)
            elif entry is None:
                found.append(_of_account(sender, transfer, roster))
            else:
                found.append(_of_proxy(sender, transfer, entry, roster))
        return found

    async def is_online(self, db: Connection, participant: Participant) -> bool:
        """Say whether a participant is active in the directory and can be sent messages."""
        return is_online(await self._core.directory.get(db, participant.organisation_id))


def holders_of(registered: Sequence[Registered]) -> set[str]:
    """The participants whose registrations these are."""
    return {each[1].organisation_id for each in registered if isinstance(each, tuple)}


def codes_of(transfers: Sequence[CreditTransfer]) -> set[str]:
    """The clearing codes that transfers without a proxy name."""
    return {each.creditor.member for each in transfers if each.proxy is None}


def _of_account(
    sender: Participant, transfer: CreditTransfer, roster: Roster
) -> Destination | Refused:
    """Where a transfer goes that names an account of a bank."""
    participant = roster.of_code(transfer.creditor.member)
    if participant is None:
        return Refused(PaymentRefusal.CREDITOR_AGENT_WRONG, field="CdtrAgt")
    refused = check_limit(participant, transfer.amount)
    if refused is not None:
        return refused
    if not roster.is_online(participant.organisation_id):
        return Refused(PaymentRefusal.CREDITOR_AGENT_OFFLINE)
    return _checked(sender, transfer, Destination(
        participant=participant, creditor=transfer.creditor, proxy=None,
        credit_account_id=_account_in(participant, transfer.amount.currency),
    ))


def _of_proxy(
    sender: Participant, transfer: CreditTransfer, found: tuple[Address, ProxyEntry],
    roster: Roster,
) -> Destination | Refused:
    """Where a transfer goes that names a proxy."""
    address, entry = found
    participant = roster.participants[entry.organisation_id]
    refused = check_entry(entry, participant, transfer.amount)
    if refused is not None:
        return refused
    if not roster.is_online(participant.organisation_id):
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
    # An identity card number is nobody's business on the way; the account says it all.
    shown = None
    if address.kind != "hkid":
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

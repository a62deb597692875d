"""Use cases of wallets: open, quote, top up, pay; each movement is one linked chain in the ledger.

A top-up is payment against payment: HKD from the payer's bank to the wallet's institution, RMB from
that institution to the wallet, and the wallet's room for more, in one chain; the ledger carries out
all legs or none. The limit on the balance is kept by the ledger too, by the room account, so that
two top-ups at once cannot pass it together.
Not for: the payer's account (its bank debits it first). Source: TigerBeetle reference (linked
events); published e-CNY limits. Invariants: legs' ids are saved before the ledger hears of them;
a quote makes one top-up; a wallet pays merchants only.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.addressing.domain.kinds import Address, lookup_text, normal_proxy
from lionrock.payments.domain.orders import is_account_number, is_identifier, is_shown_text
from lionrock.payments.domain.payments import order_digest_of
from lionrock.payments.service.core import Core
from lionrock.payments.store import members
from lionrock.payments.store.members import Participant
from lionrock.payments.wallets import store
from lionrock.payments.wallets.domain import (
    QUOTE_LIFE_S,
    Movement,
    MovementKind,
    Quote,
    Wallet,
    WalletParty,
    price_of,
    read_rate,
)
from lionrock.payments.wallets.errors import WalletRefusal
from lionrock.payments.wallets.packaged import wallet_limits
from lionrock.payments.wallets.service.moving import MOVE_QUEUE, OPEN_QUEUE, Moving

NAME_LENGTH_MAX = 140
HONG_KONG_CODE = "+852"


class MerchantPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet's payment: to a merchant's account at a participant."""

    wallet_id: str
    amount: Money
    payee_kind: str
    payee_member: str
    payee_name: str
    payee_account: str
    end_to_end_id: str


class Wallets:
    """Opens wallets, quotes, and takes movements; `moving` has the jobs."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.moving = Moving(core)

    async def open_wallet(
        self, db: Connection, operator: Participant, mobile: str
    ) -> Wallet | Refused:
        """Open a wallet for a number, in the caller's transaction; the job opens its accounts.

        The same number again is the same wallet. Refused: MOBILE_MALFORMED, MOBILE_TAKEN,
        OPERATOR_WITHOUT_RMB.
        """
        number = _normal_mobile(mobile)
        if isinstance(number, Refused):
            return number
        if operator.account("CNY") is None or operator.account("HKD") is None:
            return Refused(WalletRefusal.OPERATOR_WITHOUT_RMB)
        kernel, key = self._core.kernel, self._core.vault.lookup_key(lookup_text(number))
        wallet = Wallet(
            id=kernel.ids.new("wlt"), operator_id=operator.organisation_id, mobile=number.value,
            ledger_account_id=kernel.ids.new_u128(), room_account_id=kernel.ids.new_u128(),
            room_transfer_id=kernel.ids.new_u128(),
            balance_minor_max=wallet_limits().balance_minor_max, is_open=False,
            opened_at=kernel.business_clock.now(),
        )
        if await store.insert_wallet(db, self._core.vault, wallet, key):
            await jobs.schedule(db, queue=OPEN_QUEUE, key=wallet.id)
            return wallet
        there = await store.find_wallet(db, self._core.vault, key)
        assert there is not None, "its number was taken"
        is_own = there.operator_id == operator.organisation_id
        return there if is_own else Refused(WalletRefusal.MOBILE_TAKEN)

    async def post_rate(
        self, db: Connection, operator: Participant, hkd_per_cny: str
    ) -> int | Refused:
        """Post an institution's rate, in place of the one before. RATE_MALFORMED."""
        rate_micros = read_rate(hkd_per_cny)
        if rate_micros is None:
            return Refused(WalletRefusal.RATE_MALFORMED, field="hkd_per_cny")
        now = self._core.kernel.business_clock.now()
        await store.put_rate(db, operator.organisation_id, rate_micros, now)
        return rate_micros

    async def quote(
        self, payer: Participant, mobile: str, amount: Money
    ) -> Quote | Refused:
        """Quote what an RMB top-up costs; two transactions around a look at the balance.

        Refused: MOBILE_MALFORMED, WALLET_NOT_FOUND, WALLET_OPENING, AMOUNT_MALFORMED,
        BALANCE_ABOVE_LIMIT, RATE_UNKNOWN. Raises Unavailable.
        """
        number = _normal_mobile(mobile)
        if isinstance(number, Refused):
            return number
        if amount.currency != "CNY" or amount.amount_minor <= 0:
            return Refused(WalletRefusal.AMOUNT_MALFORMED, field="amount")
        key = self._core.vault.lookup_key(lookup_text(number))
        database = self._core.kernel.database
        wallet = await database.read(lambda db: store.find_wallet(db, self._core.vault, key))
        if wallet is None:
            return Refused(WalletRefusal.WALLET_NOT_FOUND, field="mobile")
        if not wallet.is_open:
            return Refused(WalletRefusal.WALLET_OPENING)
        [account] = await self._core.ledger.lookup_accounts([wallet.room_account_id])
        if amount.amount_minor > account.debits_available:
            room = Money(account.debits_available, "CNY").wire()
            return Refused(WalletRefusal.BALANCE_ABOVE_LIMIT, f"Room for {room}.", "amount")
        return await database.run(lambda db: self._save_quote(db, payer, wallet, amount))

    async def _save_quote(
        self, db: Connection, payer: Participant, wallet: Wallet, amount: Money
    ) -> Quote | Refused:
        rate_micros = await store.load_rate(db, wallet.operator_id)
        if rate_micros is None:
            return Refused(WalletRefusal.RATE_UNKNOWN)
        now = self._core.kernel.business_clock.now()
        quote = Quote(
            id=self._core.kernel.ids.new("wqt"), wallet_id=wallet.id,
            organisation_id=payer.organisation_id, amount=amount,
            pay=price_of(amount, rate_micros), rate_micros=rate_micros, made_at=now,
            expires_at=now + timedelta(seconds=QUOTE_LIFE_S),
        )
        await store.insert_quote(db, quote)
        return quote

    async def top_up(
        self, db: Connection, payer: Participant, quote_id: str, end_to_end_id: str,
        party: WalletParty,
    ) -> Movement | Refused:
        """Take a quote, in the caller's transaction; the job moves both currencies.

        The same name and quote again is the same top-up. Refused: NAME_MALFORMED, NAME_REUSED,
        PAYEE_MALFORMED, PAYER_WITHOUT_HKD, QUOTE_NOT_FOUND, QUOTE_EXPIRED, QUOTE_USED.
        """
        refused = _check_name_and_party(end_to_end_id, party)
        if refused is not None:
            return refused
        if payer.account("HKD") is None:
            return Refused(WalletRefusal.PAYER_WITHOUT_HKD)
        digest = order_digest_of("top-up/1", quote_id, end_to_end_id, party.name, party.account)
        before = await self._named(db, payer, end_to_end_id, digest)
        if before is not None:
            return before
        quote = await store.load_quote(db, quote_id, payer.organisation_id)
        if quote is None:
            return Refused(WalletRefusal.QUOTE_NOT_FOUND, field="quote_id")
        if self._core.kernel.business_clock.now() >= quote.expires_at:
            return Refused(WalletRefusal.QUOTE_EXPIRED)
        wallet = await store.load_wallet(db, self._core.vault, quote.wallet_id)
        assert wallet is not None, "wallets are never deleted"
        movement = self._new(
            "top_up", wallet, payer, quote.amount, end_to_end_id, party, digest,
            counterpart_id=wallet.operator_id,
        )
        movement = msgspec.structs.replace(movement, quote_id=quote.id, pay=quote.pay)
        return await self._take(db, movement, WalletRefusal.QUOTE_USED)

    async def pay(
        self, db: Connection, operator: Participant, payment: MerchantPayment
    ) -> Movement | Refused:
        """Pay a merchant from a wallet, in the caller's transaction; the job moves it.

        Refused: NAME_MALFORMED, NAME_REUSED, AMOUNT_MALFORMED, PERSON_NOT_PAYABLE,
        PAYMENT_ABOVE_LIMIT, WALLET_NOT_FOUND, WALLET_OPENING, PAYEE_MALFORMED.
        """
        party = WalletParty(name=payment.payee_name, account=payment.payee_account)
        refused = _check_name_and_party(payment.end_to_end_id, party) or _check_payment(payment)
        if refused is not None:
            return refused
        wallet = await self.own(db, operator, payment.wallet_id)
        if isinstance(wallet, Refused):
            return wallet
        if not wallet.is_open:
            return Refused(WalletRefusal.WALLET_OPENING)
        digest = order_digest_of("wallet-payment/1", msgspec.json.encode(payment).decode())
        before = await self._named(db, operator, payment.end_to_end_id, digest)
        if before is not None:
            return before
        bank = await members.load_by_clearing_code(db, payment.payee_member)
        if bank is None or bank.account("CNY") is None:
            return Refused(WalletRefusal.PAYEE_MALFORMED, field="payee_clearing_code")
        movement = self._new(
            "payment", wallet, operator, payment.amount, payment.end_to_end_id, party, digest,
            counterpart_id=bank.organisation_id,
        )
        return await self._take(db, movement, WalletRefusal.NAME_REUSED)

    async def own(
        self, db: Connection, operator: Participant, wallet_id: str
    ) -> Wallet | Refused:
        """Return a wallet of the caller's own. WALLET_NOT_FOUND."""
        wallet = await store.load_wallet(db, self._core.vault, wallet_id)
        if wallet is None or wallet.operator_id != operator.organisation_id:
            return Refused(WalletRefusal.WALLET_NOT_FOUND)
        return wallet

    async def balance(self, wallet: Wallet) -> tuple[Money, Money]:
        """Return a wallet's balance and its room, as the ledger says now. Raises Unavailable."""
        if not wallet.is_open:
            return Money(0, "CNY"), Money(wallet.balance_minor_max, "CNY")
        found = await self._core.ledger.lookup_accounts(
            [wallet.ledger_account_id, wallet.room_account_id]
        )
        held, room = (each.debits_available for each in found)
        assert held + room == wallet.balance_minor_max, "balance and room are the limit"
        return Money(held, "CNY"), Money(room, "CNY")

    async def movement(
        self, db: Connection, asker: Participant, movement_id: str
    ) -> Movement | Refused:
        """Return a movement to who asked for it and who is paid by it. MOVEMENT_NOT_FOUND."""
        found = await store.load_movement(db, self._core.vault, movement_id)
        if found is None or asker.organisation_id not in {
            found.organisation_id, found.counterpart_id
        }:
            return Refused(WalletRefusal.MOVEMENT_NOT_FOUND)
        return found

    async def _named(
        self, db: Connection, asker: Participant, end_to_end_id: str, digest: bytes
    ) -> Movement | Refused | None:
        before = await store.find_movement(
            db, self._core.vault, asker.organisation_id, end_to_end_id
        )
        if before is not None and before.digest != digest:
            return Refused(WalletRefusal.NAME_REUSED, field="end_to_end_id")
        return before

    def _new(
        self, kind: MovementKind, wallet: Wallet, asker: Participant, amount: Money,
        end_to_end_id: str, party: WalletParty, digest: bytes, *, counterpart_id: str,
    ) -> Movement:
        kernel = self._core.kernel
        return Movement(
            id=kernel.ids.new("wmv"), kind=kind, wallet_id=wallet.id,
            organisation_id=asker.organisation_id, quote_id=None, amount=amount,
            pay=Money(0, "HKD"), pay_leg_id=kernel.ids.new_u128(),
            wallet_leg_id=kernel.ids.new_u128(), room_leg_id=kernel.ids.new_u128(),
            end_to_end_id=end_to_end_id, party=party, digest=digest,
            counterpart_id=counterpart_id, created_at=kernel.business_clock.now(),
        )

    async def _take(
        self, db: Connection, movement: Movement, taken: WalletRefusal
    ) -> Movement | Refused:
        if not await store.insert_movement(db, self._core.vault, movement):
            return Refused(taken)
        await jobs.schedule(db, queue=MOVE_QUEUE, key=movement.id)
        return movement


def _check_name_and_party(end_to_end_id: str, party: WalletParty) -> Refused | None:
    if not is_identifier(end_to_end_id):
        return Refused(WalletRefusal.NAME_MALFORMED, field="end_to_end_id")
    if not is_shown_text(party.name, NAME_LENGTH_MAX) or not is_account_number(party.account):
        return Refused(WalletRefusal.PAYEE_MALFORMED, "A name and an account number are expected.")
    return None


def _check_payment(payment: MerchantPayment) -> Refused | None:
    """The published limits: merchants only, and so much at a time."""
    if payment.amount.currency != "CNY" or payment.amount.amount_minor <= 0:
        return Refused(WalletRefusal.AMOUNT_MALFORMED, field="amount")
    if payment.payee_kind != "merchant":
        return Refused(WalletRefusal.PERSON_NOT_PAYABLE, field="payee_kind")
    limit_minor = wallet_limits().payment_minor_max
    if payment.amount.amount_minor > limit_minor:
        limit = Money(limit_minor, "CNY").wire()
        return Refused(WalletRefusal.PAYMENT_ABOVE_LIMIT, f"At most {limit}.", "amount")
    return None


def _normal_mobile(mobile: str) -> Address | Refused:
    number = normal_proxy("mobile", mobile)
    if isinstance(number, Refused) or not number.value.startswith(HONG_KONG_CODE):
        return Refused(WalletRefusal.MOBILE_MALFORMED, field="mobile")
    return number

"""Verification of payees: is this account, or this proxy, in the name that the payer was given?

The switch compares itself where it knows the name (a proxy, or an account that has one); otherwise
it asks the creditor's bank, which knows its customer. An answer never holds the full name: a close
match shows it masked. A wrong guess costs as much as a look-up that finds nothing.

Three beats: what is known and the charge in one transaction; the bank is asked outside of any; what
comes of it gives the charge back where it was a match.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Directory,
    Sender,
    organisation_key,
    send_signed,
)
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import CURRENCY_DECIMALS
from lionrock.kernel.network import Unreachable
from lionrock.payments.addressing.domain.answers import HOME_CURRENCY, is_payer
from lionrock.payments.addressing.domain.buckets import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.addressing.domain.kinds import normal_proxy
from lionrock.payments.addressing.domain.names import (
    NAME_LENGTH_MAX,
    Match,
    compare_names,
    is_masked,
    mask_name,
)
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.store import buckets, entries
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.domain.orders import is_account_number, is_clearing_code, is_shown_text
from lionrock.payments.sealing import Vault
from lionrock.payments.store import members

VERIFICATIONS_PATH = "/payments/v1/payee-verifications"
ENDPOINT = "payments"
BANK_TIMEOUT_MS = 2_000
BANK_ANSWER_BYTES_MAX = 4 * 1024
_log = structlog.get_logger("lionrock.payments")


class Payee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the payer means: a name, and either a proxy or an account at a bank."""

    name: str
    currency: str = HOME_CURRENCY
    proxy_kind: Literal["mobile", "email", "fps_id", "hkid", ""] = ""
    proxy: str = ""
    clearing_code: str = ""
    account_number: str = ""
    payer: str = ""


class Verified(msgspec.Struct, frozen=True):
    """What came of it; `masked_name` only with a close match."""

    result: Match
    masked_name: str = ""


class BankQuestion(msgspec.Struct, frozen=True):
    """What the creditor's bank is asked."""

    name: str
    account_number: str
    currency: str


class _Known(msgspec.Struct, frozen=True):
    """What the first beat finds: the registered name, or the bank to ask, or neither."""

    name: str = ""
    bank_id: str = ""


class Payees:
    """Verifies payees."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, directory: Directory
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._directory = directory

    async def verify(self, organisation_id: str, payee: Payee) -> Verified | Refused:
        """Compare; runs its own transactions.

        Refused: PAYEE_MALFORMED, PROXY_MALFORMED, PAYER_MALFORMED, IDENTITY_NOT_LOOKED_UP,
        LOOKUPS_EXHAUSTED.
        """
        refused = check_payee(payee)
        if refused is not None:
            return refused
        database = self._kernel.database
        known = await database.run(lambda db: self._charge_and_find(db, organisation_id, payee))
        if isinstance(known, Refused):
            return known
        verified = Verified("cannot_tell")
        if known.name:
            verified = judged(payee.name, known.name)
        elif known.bank_id:
            verified = await self._ask_bank(known.bank_id, payee)
        if verified.result == "match":
            await database.run(lambda db: self._give_back(db, organisation_id, payee))
        return verified

    async def _charge_and_find(
        self, db: Connection, organisation_id: str, payee: Payee
    ) -> _Known | Refused:
        payer_key = self._keyring.payer(organisation_id, payee.payer)
        question = Question(organisation_id, payer_key, COST_NOT_FOUND)
        [may_ask] = await buckets.charge(db, [question], self._kernel.wire_clock.now())
        if not may_ask:
            return Refused(AddressingRefusal.LOOKUPS_EXHAUSTED)
        if payee.proxy_kind:
            address = normal_proxy(payee.proxy_kind, payee.proxy)
            assert not isinstance(address, Refused), "check_payee read it"
            found = await entries.load_entries(db, self._vault, self._keyring.lookup(address))
            names = [e.target.account_name for e in found if e.currency == payee.currency]
            return _Known(name=names[0]) if names else _Known()
        participant = await members.load_by_clearing_code(db, payee.clearing_code)
        if participant is None or participant.account(payee.currency) is None:
            return _Known()
        return _Known(bank_id=participant.organisation_id)

    async def _ask_bank(self, bank_id: str, payee: Payee) -> Verified:
        """Ask the creditor's bank; whatever is not an answer means that nobody can tell."""
        bank = await self._kernel.database.read(lambda db: self._directory.get(db, bank_id))
        if bank is None or not bank.is_active or ENDPOINT not in bank.endpoints:
            return Verified("cannot_tell")
        question = BankQuestion(payee.name, payee.account_number, payee.currency)
        key = organisation_key(self._kernel, PLATFORM_ORGANISATION)
        try:
            exchange = await send_signed(
                self._kernel.network, self._kernel.wire_clock, Sender(PLATFORM_ORGANISATION, key),
                method="POST", url=bank.endpoints[ENDPOINT].rstrip("/") + VERIFICATIONS_PATH,
                body=msgspec.json.encode(question), headers={"content-type": "application/json"},
                timeout_ms=BANK_TIMEOUT_MS,
            )
            answer = msgspec.json.decode(exchange.reply.body, type=Verified)
        except (Unreachable, msgspec.DecodeError) as error:
            _log.info("payee_not_verified", bank=bank_id, reason=type(error).__name__)
            return Verified("cannot_tell")
        if exchange.reply.status != 200:
            return Verified("cannot_tell")
        # The bank's own mask is not relied on: a name that it shows in full is masked here.
        shown = answer.masked_name[:NAME_LENGTH_MAX]
        shown = shown if is_masked(shown) else mask_name(shown)
        return Verified(answer.result, shown if answer.result == "close_match" else "")

    async def _give_back(self, db: Connection, organisation_id: str, payee: Payee) -> None:
        payer_key = self._keyring.payer(organisation_id, payee.payer)
        question = Question(organisation_id, payer_key, COST_FOUND - COST_NOT_FOUND)
        await buckets.charge(db, [question], self._kernel.wire_clock.now())


def judged(given: str, registered: str) -> Verified:
    """Compare two names; a close match shows the registered one masked."""
    result = compare_names(given, registered)
    return Verified(result, mask_name(registered) if result == "close_match" else "")


def check_payee(payee: Payee) -> Refused | None:
    """A name, a currency, and exactly one of proxy and account."""
    if not is_shown_text(payee.name, NAME_LENGTH_MAX):
        return _malformed("name", "1 to 140 printable characters")
    if payee.currency not in CURRENCY_DECIMALS:
        return _malformed("currency", "HKD or CNY")
    if not is_payer(payee.payer):
        return Refused(AddressingRefusal.PAYER_MALFORMED, field="payer")
    if bool(payee.proxy_kind) == bool(payee.account_number):
        return _malformed("account_number", "either a proxy or an account at a bank")
    if payee.proxy_kind == "hkid":
        return Refused(AddressingRefusal.IDENTITY_NOT_LOOKED_UP, field="proxy_kind")
    if payee.proxy_kind:
        address = normal_proxy(payee.proxy_kind, payee.proxy)
        return address if isinstance(address, Refused) else None
    if not is_account_number(payee.account_number) or not is_clearing_code(payee.clearing_code):
        return _malformed("account_number", "an account number and the bank's clearing code")
    return None


def _malformed(field: str, expected: str) -> Refused:
    return Refused(AddressingRefusal.PAYEE_MALFORMED, f"Expected {expected}.", field=field)

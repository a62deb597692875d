"""Registering, replacing and withdrawing proxies, one or a thousand at a time.

The participant answers for having verified that the proxy is its customer's. A refusal that tells
something about others' registrations costs as much as a look-up that finds nothing.
Not for: claims (claims.py), asking (lookups.py). Invariant: of two registrations of one proxy at
once, the second decides over what the first has written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from lionrock.directory.api import PLATFORM_ORGANISATION
from lionrock.kernel import outbox, secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain import sets
from lionrock.payments.addressing.domain.buckets import COST_NOT_FOUND
from lionrock.payments.addressing.domain.claims import Claim, given_up
from lionrock.payments.addressing.domain.entries import (
    BATCH_MAX,
    Holding,
    ProxyEntry,
    ProxyRegistration,
    ProxyTarget,
    Registered,
    check_registration,
    decide_registration,
    registered_address,
)
from lionrock.payments.addressing.domain.kinds import Address, mask_value, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.notices import Notices, Receipts
from lionrock.payments.addressing.service.quota import Quota
from lionrock.payments.addressing.store import claims, entries
from lionrock.payments.domain.orders import is_account_number
from lionrock.payments.sealing import Vault

REPLACED_TOPIC = "payments.proxy_replaced"
FPS_ID_TRIES_MAX = 32
# Rows of one COPY: a statement ends well within its time.
LOADED_TOGETHER = 20_000
# What these say about others' proxies is worth a look-up.
_TELLING = frozenset({
    AddressingRefusal.PROXY_NOT_FOUND, AddressingRefusal.PROXY_CLAIMED,
    AddressingRefusal.PROXY_HELD, AddressingRefusal.PROXY_OF_ANOTHER_OWNER,
})  # fmt: skip


class _Wanted(msgspec.Struct, frozen=True):
    """A registration whose form is in order."""

    registration: ProxyRegistration
    address: Address
    lookup_key: bytes
    owner_key: bytes | None


class Registry:
    """The register of proxies."""

    def __init__(
        self, kernel: Kernel, vault: Vault, keyring: Keyring, quota: Quota, notices: Notices,
        receipts: Receipts,
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self._keyring = keyring
        self._quota = quota
        self._notices = notices
        self._receipts = receipts

    async def register(
        self, db: Connection, organisation_id: str, registration: ProxyRegistration
    ) -> Registered | Refused:
        """Register a proxy for a customer's account; a new registration replaces the old one.

        Refused: PROXY_MALFORMED, LOOKUPS_EXHAUSTED, PROXY_IDS_EXHAUSTED and those of
        domain.entries.decide_registration. Emits "payments.proxy_replaced" when another
        participant loses it.
        """
        answers = await self.register_all(db, organisation_id, [registration])
        if isinstance(answers, Refused):
            return answers
        [answer] = answers
        # What was charged stays charged.
        return msgspec.structs.replace(answer, keep=True) if isinstance(answer, Refused) else answer

    async def register_all(
        self, db: Connection, organisation_id: str, registrations: Sequence[ProxyRegistration]
    ) -> list[Registered | Refused] | Refused:
        """Register many; each is answered for itself, in their order.

        Refused as a whole: BATCH_MALFORMED (none, or more than 1,000), BATCH_REPEATS (a proxy
        stands there twice), LOOKUPS_EXHAUSTED.
        """
        if not 0 < len(registrations) <= BATCH_MAX:
            expected = f"Expected 1 to {BATCH_MAX} registrations."
            return Refused(AddressingRefusal.BATCH_MALFORMED, expected)
        wanted = [await self._read(db, organisation_id, each) for each in registrations]
        good = [each for each in wanted if isinstance(each, _Wanted)]
        keys = sorted({each.lookup_key for each in good})
        if len(keys) != len(good):
            return Refused(AddressingRefusal.BATCH_REPEATS)
        bucket = await self._quota.open(db, organisation_id)
        if isinstance(bucket, Refused):
            return bucket
        await entries.lock_proxies(db, keys)
        holdings = await entries.load_holdings(db, keys)
        pending = await claims.lock_pending(db, self._vault, keys)
        answers: list[Registered | Refused] = []
        done: list[tuple[_Wanted, list[Holding]]] = []
        for each in wanted:
            if isinstance(each, Refused):
                answers.append(each)
                continue
            held = holdings.get(each.lookup_key, [])
            concerned = [h for h in held if h.currency in each.registration.currencies]
            refused = decide_registration(
                each.registration, held if each.address.kind == "fps_id" else concerned,
                organisation_id=organisation_id, owner_key=each.owner_key,
                is_claimed=each.lookup_key in pending,
            )
            if refused is not None:
                answers.append(refused)
                continue
            done.append((each, concerned))
            is_given = not each.registration.value
            answers.append(Registered(
                mask_value(each.address), bool(concerned) and not is_given,
                each.address.value if is_given else "",
            ))  # fmt: skip
        # From here the registrations must succeed.
        told = sum(isinstance(a, Refused) and a.refusal in _TELLING for a in answers)
        if told:
            await self._quota.charge(db, organisation_id, bucket, told * COST_NOT_FOUND)
        await self._write(db, organisation_id, done)
        return answers

    async def _read(
        self, db: Connection, organisation_id: str, registration: ProxyRegistration
    ) -> _Wanted | Refused:
        refused = check_registration(registration)
        if refused is not None:
            return refused
        address = registered_address(registration)
        if address is None:
            address = await self._new_fps_id(db, organisation_id, registration)
        if isinstance(address, Refused):
            return address
        return _Wanted(
            registration, address, self._keyring.lookup(address),
            self._keyring.owner_of(registration),
        )

    async def _new_fps_id(
        self, db: Connection, organisation_id: str, registration: ProxyRegistration
    ) -> Address | Refused:
        """Give an FPS id that was never given, drawn by chance: neighbours say nothing."""
        now = self._kernel.business_clock.now()
        for _ in range(FPS_ID_TRIES_MAX):
            value = secrets.digits(registration.fps_id_digits)
            address = Address(kind="fps_id", value=value)
            key = self._keyring.lookup(address)
            if await entries.insert_fps_id(db, key, organisation_id, now):
                # As a registration it stands for nothing yet, and is this participant's alone.
                return address
        return Refused(AddressingRefusal.PROXY_IDS_EXHAUSTED)

    async def _write(
        self, db: Connection, organisation_id: str, done: Sequence[tuple[_Wanted, list[Holding]]]
    ) -> None:
        if not done:
            return
        written = [
            entry for wanted, _ in done
            for entry in self.entries_of(organisation_id, wanted.registration, wanted.address)
        ]
        await entries.put_entries(db, self._vault, written)
        await self._receipts.record(
            db, "payments.proxy_registered", PLATFORM_ORGANISATION,
            {"participant": organisation_id},
            {"entries": sets.digest_of(entry.fingerprint for entry in written).root.hex()},
        )
        losses = sorted(
            ((held.organisation_id, wanted) for wanted, concerned in done for held in concerned
             if held.organisation_id != organisation_id), key=lambda loss: loss[0],
        )
        told = set()
        for loser, wanted in losses:
            if (loser, wanted.lookup_key) in told:
                continue
            told.add((loser, wanted.lookup_key))
            await self._notices.replaced(
                db, loser, wanted.address, wanted.registration.currencies
            )
            await outbox.emit(db, self._kernel.ids, REPLACED_TOPIC, {
                "masked_proxy": mask_value(wanted.address), "from": loser, "to": organisation_id,
            })

    async def write_claimed(self, db: Connection, claim: Claim) -> None:
        """Let a claimed proxy stand for the claimer's account; its lock is held."""
        assert claim.state == "completed", "the claim decides"
        registration = ProxyRegistration(
            kind=claim.proxy_kind, value=claim.target.proxy,
            account_number=claim.target.account_number, account_name=claim.target.account_name,
            currencies=claim.currencies,
        )
        address = Address(kind=claim.proxy_kind, value=claim.target.proxy)
        await entries.put_entries(db, self._vault, [
            msgspec.structs.replace(entry, owner_key=claim.owner_key)
            for entry in self.entries_of(claim.claimer_id, registration, address)
        ])

    async def load(
        self, db: Connection, registrations: Iterable[tuple[str, ProxyRegistration]]
    ) -> None:
        """Fill a register that has none of these proxies yet, from (organisation, registration).

        For provisioning by the composition, never reachable over HTTP: nobody is told, there is no
        receipt, and a proxy that is there already stops it.
        """
        left = iter(registrations)
        while rows := [
            entries.entry_row(self._vault, entry)
            for organisation_id, registration in islice(left, LOADED_TOGETHER)
            for entry in self._provisioned(organisation_id, registration)
        ]:
            await entries.copy_entries(db, rows)

    def _provisioned(
        self, organisation_id: str, registration: ProxyRegistration
    ) -> list[ProxyEntry]:
        address = registered_address(registration)
        assert isinstance(address, Address), "provisioning is checked by its author"
        return self.entries_of(organisation_id, registration, address)

    def entries_of(
        self, organisation_id: str, registration: ProxyRegistration, address: Address
    ) -> list[ProxyEntry]:
        """The entries, one for each currency, that a registration stands for."""
        register_key = self._keyring.register(organisation_id)
        target = ProxyTarget(
            registration.account_number, registration.account_name, address.value
        )
        return [
            ProxyEntry(
                lookup_key=self._keyring.lookup(address), currency=currency, kind=address.kind,
                organisation_id=organisation_id, target=target,
                account_key=self._keyring.account(organisation_id, registration.account_number),
                owner_key=self._keyring.owner_of(registration),
                fingerprint=sets.fingerprint(
                    register_key, address, currency=currency,
                    account_number=target.account_number, account_name=target.account_name,
                ),
                registered_at=self._kernel.business_clock.now(),
            )
            for currency in sorted(set(registration.currencies))
        ]

    async def remove(
        self, db: Connection, organisation_id: str, kind: str, value: str,
        currencies: Sequence[str] = (),
    ) -> Address | Refused:
        """Withdraw a registration of this participant's (in all currencies when none is named).

        Another's is PROXY_NOT_FOUND. A claim on it is confirmed: its donor has given it up.
        """
        address = normal_proxy(kind, value)
        if isinstance(address, Refused):
            return address
        key = self._keyring.lookup(address)
        await entries.lock_proxies(db, [key])
        removed = await entries.delete_entries(
            db, self._vault, key, organisation_id, list(currencies)
        )
        if not removed:
            return Refused(AddressingRefusal.PROXY_NOT_FOUND)
        await self._after_removal(db, organisation_id, removed)
        return address

    async def close_account(
        self, db: Connection, organisation_id: str, account_number: str
    ) -> list[ProxyEntry] | Refused:
        """Withdraw all proxies of an account that is closed; none is no failure.

        PROXY_MALFORMED when it is no account number.
        """
        if not is_account_number(account_number):
            return Refused(
                AddressingRefusal.PROXY_MALFORMED, "Expected 1 to 34 of A-Z a-z 0-9 -.",
                "account_number",
            )
        account_key = self._keyring.account(organisation_id, account_number)
        keys = await entries.keys_of_account(db, organisation_id, account_key)
        await entries.lock_proxies(db, keys)
        removed = await entries.delete_of_account(
            db, self._vault, organisation_id, account_key
        )
        if removed:
            await self._after_removal(db, organisation_id, removed)
        return removed

    async def _after_removal(
        self, db: Connection, organisation_id: str, removed: Sequence[ProxyEntry]
    ) -> None:
        await self._receipts.record(
            db, "payments.proxy_removed", PLATFORM_ORGANISATION, {"participant": organisation_id},
            {"entries": sets.digest_of(entry.fingerprint for entry in removed).root.hex()},
        )
        keys = sorted({entry.lookup_key for entry in removed})
        pending = await claims.lock_pending(db, self._vault, keys)
        now = self._kernel.business_clock.now()
        for claim in pending.values():
            if claim.donor_id == organisation_id and claim.state != "confirmed":
                confirmed = given_up(claim, now)
                await claims.save_claim(db, claim, confirmed)
                await self._notices.claim_changed(db, confirmed, claim.claimer_id)

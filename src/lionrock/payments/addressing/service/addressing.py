"""The addressing of a switch put together: the object that payments hands to its endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from lionrock.directory.api import PLATFORM_ORGANISATION, Directory
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.buckets import COST_NOT_FOUND, PERSON
from lionrock.payments.addressing.domain.entries import ProxyEntry
from lionrock.payments.addressing.domain.kinds import Address, normal_proxy
from lionrock.payments.addressing.domain.refusals import AddressingRefusal
from lionrock.payments.addressing.domain.sets import BUCKETS, FINGERPRINT_BYTES, RegisterDigest
from lionrock.payments.addressing.service.callers import Callers
from lionrock.payments.addressing.service.claims import CLAIMS_QUEUE, Claims
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.service.lookups import Lookups
from lionrock.payments.addressing.service.notices import Notices, Receipts
from lionrock.payments.addressing.service.payees import Payees
from lionrock.payments.addressing.service.questions import Questions
from lionrock.payments.addressing.service.quota import Quota
from lionrock.payments.addressing.service.registry import Registry
from lionrock.payments.addressing.store import buckets, entries, notices
from lionrock.payments.sealing import Vault

WARNINGS_MAX = 1_000
SOURCE_LENGTH_MAX = 64
FINGERPRINTS_LISTED_MAX = 5_000
ENTRIES_ASKED_MAX = 100
SWEEP_QUEUE = "payments.asking-buckets"
SWEEP_EVERY_MS = 60_000
# After this long every payer's bucket is full again, also one that was overdrawn.
FULL_AFTER = timedelta(milliseconds=PERSON.refill_ms * (PERSON.tokens_max + COST_NOT_FOUND))


class Addressing:
    """Proxies and what belongs to them."""

    def __init__(
        self, kernel: Kernel, vault: Vault, directory: Directory, receipts: Receipts
    ) -> None:
        self._kernel = kernel
        self._vault = vault
        self.keyring = Keyring(vault)
        self.quota = Quota(kernel.wire_clock, self.keyring)
        self.notices = Notices(kernel, vault, receipts)
        self.registry = Registry(
            kernel, vault, self.keyring, self.quota, self.notices, receipts
        )
        self.claims = Claims(
            kernel, vault, self.keyring, self.quota, self.notices, self.registry
        )
        self.callers = Callers(kernel, directory)
        self.lookups = Lookups(kernel, vault, self.keyring, receipts)
        self.payees = Payees(kernel, vault, self.keyring, directory)
        self.questions = Questions(kernel, vault, self.keyring)

    async def entry(
        self, db: Connection, kind: str, value: str, currency: str
    ) -> tuple[Address, ProxyEntry] | Refused:
        """Return the registration to pay to in a currency.

        Refused: PROXY_MALFORMED; PROXY_NOT_FOUND when nobody is registered; CURRENCY_NOT_TAKEN is
        the caller's when somebody is, in another currency: then the entry returned has that one.
        """
        [found] = await self.entries(db, [(kind, value, currency)])
        return found

    async def entries(
        self, db: Connection, asked: Sequence[tuple[str, str, str]]
    ) -> list[tuple[Address, ProxyEntry] | Refused]:
        """The same for several (kind, value, currency), in their order and in one round trip."""
        addresses = [normal_proxy(kind, value) for kind, value, _ in asked]
        keys = {a: self.keyring.lookup(a) for a in addresses if isinstance(a, Address)}
        there = await entries.load_many_entries(db, self._vault, sorted(set(keys.values())))
        return [
            address if isinstance(address, Refused)
            else _chosen(address, there.get(keys[address], []), currency)
            for address, (_, _, currency) in zip(addresses, asked, strict=True)
        ]

    async def list_high_risk(
        self, db: Connection, organisation_id: str, source: str, proxies: Sequence[tuple[str, str]],
        *, is_listed: bool,
    ) -> int | Refused:
        """Put proxies (kind, value) on a source's list of high-risk ones, or take them off it.

        For the operator, who has the list from the source. Returns how many changed. Refused:
        NOT_AN_OPERATOR, WARNING_MALFORMED, PROXY_MALFORMED (then nothing is changed).
        """
        if organisation_id != PLATFORM_ORGANISATION:
            return Refused(AddressingRefusal.NOT_AN_OPERATOR)
        if not 0 < len(proxies) <= WARNINGS_MAX:
            return _warning("proxies", f"1 to {WARNINGS_MAX} proxies")
        if not 0 < len(source.strip()) <= SOURCE_LENGTH_MAX or not source.isprintable():
            return _warning("source", f"1 to {SOURCE_LENGTH_MAX} printable characters")
        addresses = [normal_proxy(kind, value) for kind, value in proxies]
        for address in addresses:
            if isinstance(address, Refused):
                return address
        keys = [self.keyring.lookup(a) for a in addresses if isinstance(a, Address)]
        if not is_listed:
            return await notices.delete_warnings(db, keys, source)
        now = self._kernel.business_clock.now()
        return await notices.put_warnings(db, keys, source, now)

    async def digest(self, db: Connection, organisation_id: str) -> RegisterDigest:
        """Digest a participant's own register, to be compared with its books."""
        return await entries.digest_register(db, organisation_id)

    async def fingerprints(
        self, db: Connection, organisation_id: str, bucket: str, after: str
    ) -> list[bytes] | Refused:
        """Return a bucket's fingerprints in order, at most 5,000 after one of them (hex).

        COMPARISON_MALFORMED.
        """
        cursor = _octets(after) if after else b""
        if cursor is None or not bucket.isascii() or not bucket.isdigit() or len(bucket) > 3:
            return Refused(AddressingRefusal.COMPARISON_MALFORMED, "Expected 0 to 255.", "bucket")
        if int(bucket) >= BUCKETS:
            return Refused(AddressingRefusal.COMPARISON_MALFORMED, "Expected 0 to 255.", "bucket")
        return await entries.list_fingerprints(
            db, organisation_id, int(bucket), cursor, FINGERPRINTS_LISTED_MAX
        )

    async def by_fingerprints(
        self, db: Connection, organisation_id: str, fingerprints: Sequence[str]
    ) -> list[ProxyEntry] | Refused:
        """Return a participant's own entries in full, by fingerprint; COMPARISON_MALFORMED."""
        wanted = [_octets(each) for each in fingerprints]
        if not 0 < len(wanted) <= ENTRIES_ASKED_MAX or None in wanted:
            expected = f"Expected 1 to {ENTRIES_ASKED_MAX} fingerprints of 64 hexadecimal digits."
            return Refused(AddressingRefusal.COMPARISON_MALFORMED, expected, "fingerprints")
        return await entries.load_by_fingerprints(
            db, self._vault, organisation_id, [each for each in wanted if each is not None]
        )

    async def sweep(self, _job: jobs.Job) -> jobs.Again:
        """Job: forget the buckets of payers who have not asked for long."""
        before = self._kernel.wire_clock.now() - FULL_AFTER
        await self._kernel.database.run(lambda db: buckets.delete_full(db, before))
        return jobs.Again(after_ms=SWEEP_EVERY_MS)

    def handlers(self) -> dict[str, jobs.JobHandler]:
        """The jobs of addressing by queue."""
        return {CLAIMS_QUEUE: self.claims.lapse, SWEEP_QUEUE: self.sweep}


async def start(db: Connection) -> None:
    """Make the recurring job due; again changes nothing."""
    await jobs.schedule(db, queue=SWEEP_QUEUE, key="sweep")


def _octets(text: str) -> bytes | None:
    if len(text) != 2 * FINGERPRINT_BYTES or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _warning(field: str, expected: str) -> Refused:
    return Refused(AddressingRefusal.WARNING_MALFORMED, f"Expected {expected}.", field=field)


def _chosen(
    address: Address, found: Sequence[ProxyEntry], currency: str
) -> tuple[Address, ProxyEntry] | Refused:
    """The entry of the currency asked for, else the first of its proxy."""
    if not found:
        return Refused(AddressingRefusal.PROXY_NOT_FOUND)
    return address, next((e for e in found if e.currency == currency), found[0])

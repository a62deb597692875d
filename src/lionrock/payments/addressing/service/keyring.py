"""The keyed hashes of addressing: what entries, owners, accounts and payers are found by.

All under one secret of the key store, kept apart by what stands before the first line break. Not
for: the secret itself (payments.sealing).
"""

from __future__ import annotations

from lionrock.payments.addressing.domain.entries import ProxyRegistration
from lionrock.payments.addressing.domain.kinds import Address, lookup_text, normal_proxy
from lionrock.payments.sealing import Vault

_PAYER_KEY_BYTES = 16


class Keyring:
    """Makes the keys."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def lookup(self, proxy: Address) -> bytes:
        """The key of a proxy."""
        return self._vault.lookup_key(lookup_text(proxy))

    def account(self, organisation_id: str, account_number: str) -> bytes:
        """The key of a participant's account."""
        return self._vault.lookup_key(f"account\n{organisation_id}\n{account_number}".encode())

    def payer(self, organisation_id: str, payer: str) -> bytes:
        """The key of a payer's bucket; whoever names no payer has one for all of them."""
        text = f"payer\n{organisation_id}\n{payer}".encode()
        return self._vault.lookup_key(text)[:_PAYER_KEY_BYTES]

    def owner(self, document: str) -> bytes | None:
        """The key of an owner's document; None when none was given."""
        if not document:
            return None
        plain = "".join(c for c in document.upper() if c.isalnum() or c == ":")
        return self._vault.lookup_key(f"owner\n{plain}".encode())

    def owner_of(self, registration: ProxyRegistration) -> bytes | None:
        """The key of a registration's owner; an identity card number is its own document."""
        if registration.kind == "hkid":
            found = normal_proxy("hkid", registration.value)
            return self.owner(f"HKID:{found.value}") if isinstance(found, Address) else None
        return self.owner(registration.owner)

    def register(self, organisation_id: str) -> bytes:
        """The key of the fingerprints that a participant and the switch compare."""
        return self._vault.lookup_key(f"register\n{organisation_id}".encode())

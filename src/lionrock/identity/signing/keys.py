"""The port of signing keys: where the private keys of the CA, the authority and the signers live.

The key store is one implementation (files, encrypted at rest); `pkcs11.Pkcs11Keys` is the other: a
`Key` whose private half stays inside a hardware module and only signs. Callers sign with
`key.private.sign(...)` and never export, so that both fit.
"""

from __future__ import annotations

from typing import Literal, Protocol

from lionrock.kernel.config import Settings
from lionrock.kernel.jose_keys import Key
from lionrock.kernel.keys import KeyStore

# P-256, which everything here signs with; RSA only where another system's wire asks for it. 3,072
# bits are as strong as P-256 (NIST SP 800-57 part 1, table 2); fewer are not made.
SigningKeyKind = Literal["ES256", "RSA-3072"]


class SigningKeys(Protocol):
    """Named key pairs that are made on first use and never replaced."""

    def get_or_create(self, name: str, kind: SigningKeyKind = "ES256") -> Key:
        """Return the pair of a name, such as "identity/signing/person/prs_...".

        Making an RSA pair takes a while: callers on an event loop use a thread.
        """
        ...


def signing_keys(settings: Settings, key_store: KeyStore) -> SigningKeys:
    """Return the token that the settings name, or the key store when they name none."""
    if not settings.pkcs11_module:
        return key_store
    # Only a city with a token needs the package behind it.
    from lionrock.identity.signing.pkcs11 import Pkcs11Keys

    return Pkcs11Keys(settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin)

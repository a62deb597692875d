"""The authorization server's signing keys: one at a time signs, three are published.

The clock alone says which key signs: each has its window of `signing_key_life_s`, and is made when
it is first needed. The next key is published a whole window before it signs, and the last one stays
published a whole window after, so that whoever fetched our keys at any time can check whatever we
sign: nobody is refused because a key changed, and fronts need not agree on anything but the time.
Source: OIDC Core s10.1.1 (rotation), RFC 7517 s5.
"""

from __future__ import annotations

from typing import Any

from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, verify_jws

# Windows after which an id_token is no hint any more: with the default life, about a year.
WINDOWS_REMEMBERED = 12


class SigningKeys:
    """Keys by window of time, in the key store that all processes share. Nothing here awaits."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._life_s = kernel.settings.signing_key_life_s

    def current(self) -> Key:
        """The key that signs now (ES256)."""
        return self._key(self._window())

    def published(self) -> list[Key]:
        """The keys at jwks_uri: the one that signs, the next, and the last one if there was."""
        window = self._window()
        before = self._kernel.key_store.get(self._name(window - 1))
        return [self._key(window), self._key(window + 1), *([before] if before else [])]

    def read_own(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """Return the claims of a JWT that this server signed, whatever its `exp`; else None."""
        window = self._window()
        names = [self._name(window - back) for back in range(WINDOWS_REMEMBERED)]
        keys = [key for key in map(self._kernel.key_store.get, names) if key is not None]
        if not keys:
            return None
        verified = verify_jws(token, keys, typ=typ)
        return None if isinstance(verified, Refused) else dict(verified.claims)

    def _window(self) -> int:
        return self._kernel.wire_clock.now_s() // self._life_s

    def _key(self, window: int) -> Key:
        return self._kernel.key_store.get_or_create(self._name(window))

    def _name(self, window: int) -> str:
        # The life is in the name: another setting begins another series, never an old key anew.
        return f"platform/as-signing/{self._life_s}/{window}"

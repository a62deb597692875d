"""Nonces for DPoP proofs (RFC 9449 s8, s9): given out and recognised without memory.

A nonce is an HMAC over a window of time. Its key is in the key store, which all fronts share, and
another one is made each week. With `off` nonces are neither given nor looked at, `optional` gives
them and takes none but its own, `required` refuses a proof without one. A client's policy may
require them whatever the setting says.
"""

from __future__ import annotations

from typing import Literal

from lionrock.identity.domain.dpop import NONCE_WINDOW_S, Proof, nonce_of
from lionrock.identity.domain.policy import PolicyRefusal
from lionrock.kernel import secrets
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused

NonceMode = Literal["off", "optional", "required"]
KEY_LIFE_S = 7 * 24 * 3600
HEADER = "dpop-nonce"


class Nonces:
    """What this server says about nonces. Nothing here awaits."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @property
    def mode(self) -> NonceMode:
        """The server's setting."""
        return self._kernel.settings.dpop_nonce

    def current(self) -> str:
        """Return the nonce to use from now on."""
        return self._nonce(self._window())

    def check(self, proof: Proof, *, is_required: bool) -> Refused | None:
        """Check a proof's nonce; DPOP_NONCE_REQUIRED when it is missing, old or not ours."""
        is_required = is_required or self.mode == "required"
        if proof.nonce is None or (self.mode == "off" and not is_required):
            return Refused(PolicyRefusal.DPOP_NONCE_REQUIRED) if is_required else None
        window = self._window()
        # A front whose clock is a little ahead may have given out the next one.
        known = [self._nonce(window + step) for step in (0, -1, 1)]
        if not any(secrets.equal(proof.nonce, each) for each in known):
            return Refused(PolicyRefusal.DPOP_NONCE_REQUIRED, "The nonce is old or not ours.")
        return None

    def next_for(self, nonce: str | None, *, is_required: bool) -> str | None:
        """Return the nonce to tell a caller: None when it has the current one or needs none."""
        if self.mode == "off" and not is_required:
            return None
        current = self.current()
        return None if nonce == current else current

    def _window(self) -> int:
        return self._kernel.wire_clock.now_s() // NONCE_WINDOW_S

    def _nonce(self, window: int) -> str:
        generation = window * NONCE_WINDOW_S // KEY_LIFE_S
        key = self._kernel.key_store.secret(f"platform/dpop-nonce-{generation}")
        return nonce_of(key, window)

"""Levels of assurance: how a person was authenticated (`acr`, `amr`), and whether it is enough.

In rising order; a level meets every request for a lower one:

1. `urn:lionrock:acr:device`: a key of the person answered. Also all that a device in its waiting
   period can reach.
2. `urn:lionrock:acr:device-number`: the person's trusted device answered, and the number from the
   requester's page was typed on it.
3. `urn:lionrock:acr:passkey-uv`: a trusted passkey answered, and its authenticator verified the
   person (finger, face, PIN).

A client that names levels must be given one of them or a higher one: here `acr_values` is a
condition, not a wish, as RFC 9470 s5 wants it for step-up.
Source: OIDC Core s2 and s3.1.2.1; RFC 8176 (amr); RFC 9470; OpenID Connect Core Error Code
unmet_authentication_requirements 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.kernel.errors import Refused

ACR_DEVICE = "urn:lionrock:acr:device"
ACR_DEVICE_NUMBER = "urn:lionrock:acr:device-number"
ACR_PASSKEY = "urn:lionrock:acr:passkey-uv"
# In rising order.
ACR_VALUES = (ACR_DEVICE, ACR_DEVICE_NUMBER, ACR_PASSKEY)
AMR_VALUES = {
    ACR_DEVICE: ("pop",),
    ACR_DEVICE_NUMBER: ("pop", "mca"),
    ACR_PASSKEY: ("pop", "user", "mfa"),
}
ACR_VALUES_LENGTH_MAX = 500
MAX_AGE_S_MAX = 10 * 365 * 24 * 3600


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """How and when the person behind a grant was authenticated (wire clock)."""

    acr: str
    authenticated_at: datetime

    @property
    def amr(self) -> tuple[str, ...]:
        """The methods, in the words of RFC 8176."""
        return AMR_VALUES[self.acr]


def achieved_acr(*, is_passkey: bool, is_trusted: bool, is_number_matched: bool) -> str:
    """Return the level that one answer reaches."""
    if not is_trusted:
        return ACR_DEVICE
    if is_passkey:
        return ACR_PASSKEY
    return ACR_DEVICE_NUMBER if is_number_matched else ACR_DEVICE


def meets_acr(acr: str, wanted: Sequence[str]) -> bool:
    """Say whether a level meets one of those wanted; nothing wanted is met by any."""
    ranks = [ACR_VALUES.index(value) for value in wanted if value in ACR_VALUES]
    if not wanted:
        return True
    return bool(ranks) and ACR_VALUES.index(acr) >= min(ranks)


def read_acr_values(text: str | None) -> tuple[str, ...] | Refused:
    """Read `acr_values`: the levels that we know; ACR_UNMET when none of those named is ours."""
    if text is None:
        return ()
    named = text.split(" ") if len(text) <= ACR_VALUES_LENGTH_MAX else []
    known = tuple(value for value in ACR_VALUES if value in named)
    if not known:
        return Refused(IdentityRefusal.ACR_UNMET, "No level named is known.", "acr_values")
    return known


def read_max_age(text: str | None) -> int | Refused | None:
    """Read `max_age` in whole seconds; MAX_AGE when it is none."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > MAX_AGE_S_MAX:
        return Refused(IdentityRefusal.MAX_AGE, field="max_age")
    return int(text)


def is_fresh(authenticated_at: datetime, max_age_s: int | None, now: datetime) -> bool:
    """Say whether an authentication is no older than max_age (OIDC Core s3.1.2.1)."""
    return max_age_s is None or (now - authenticated_at).total_seconds() <= max_age_s

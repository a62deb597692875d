"""Which end points of candidates may be called at all.

The guarded client (kernel.network) has the last word at each call, when names are resolved; here
what can be told beforehand is refused with a sentence. Source: OWASP SSRF prevention; RFC 6890.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.network import refused_because
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal


def check_reachable(kernel: Kernel, endpoint: str) -> Refused | None:
    """Refuse http outside the sandbox, addresses of this city itself, and forbidden addresses."""
    refusal, is_sandbox = OnboardingRefusal.ENDPOINT_REFUSED, kernel.settings.allow_private_targets
    parts, own = urlsplit(endpoint), urlsplit(kernel.settings.public_url)
    if parts.scheme != "https" and not is_sandbox:
        return Refused(refusal, "Only https.", "endpoint")
    if parts.netloc.lower() == own.netloc.lower():
        return Refused(refusal, "That is the switch itself.", "endpoint")
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    why = refused_because(host, allow_private=is_sandbox)
    return Refused(refusal, f"It is {why}.", "endpoint") if why else None
